"""The command line, `signet`: a caller as any other, on a person's machine (docs/cli.md)."""
