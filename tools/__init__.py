"""Small programs for development, called by the Makefile."""
