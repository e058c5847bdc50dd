"""The adapter of ansible-runner: playbooks run as a user of their own, from files in memory, fenced on the host."""
