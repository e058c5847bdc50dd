"""What members ask for, and who decided it."""
