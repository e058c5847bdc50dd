"""Durable executions of actions: engine, steps, the Ansible adapter, events."""
