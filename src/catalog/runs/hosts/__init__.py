"""Runs whose subject is a host: making it one of ours, and bringing the distribution's updates to it."""
