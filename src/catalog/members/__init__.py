"""Institutions of the co-op, their people and roles."""
