"""Passwords: which may be set, and their hashes, our own and imported ones."""
