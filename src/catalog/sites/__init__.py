"""Data centres, hosts, capacity and placement."""
