"""Callback plugins that every playbook runs with; Ansible finds them by this folder."""
