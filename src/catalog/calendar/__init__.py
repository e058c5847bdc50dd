"""When things may change: maintenance windows, and times in which nothing may."""
