"""The development kit behind `./dev`: everything that the product needs, for real, on one Linux machine."""
