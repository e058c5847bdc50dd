"""What each step of a run does."""
