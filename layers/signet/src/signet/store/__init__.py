"""The only package that knows the table: its keys, its items and its writes (docs/data-model.md)."""
