"""Runs of which an operator's own `ansible-playbook` does the playbook: begun, followed and ended through the API."""
