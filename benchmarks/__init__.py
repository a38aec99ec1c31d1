"""Measures what Signet costs: `make bench`. How to read the results: docs/performance.md."""
