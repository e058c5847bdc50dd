"""Measures the product against the plainest thing that does the same, side by side in one run, as ratios."""
