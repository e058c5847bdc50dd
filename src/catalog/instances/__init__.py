"""What runs where, for whom; desired and applied."""
