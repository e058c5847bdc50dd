"""What is done by itself when its time comes: schedules, removals with their grace, end dates."""
