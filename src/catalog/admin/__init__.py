"""The operators' commands at the server's shell."""
