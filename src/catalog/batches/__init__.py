"""One action on many instances, in waves."""
