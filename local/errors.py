"""What may stop the local gateway from starting, for a person to read."""


class StartError(Exception):
    """The gateway cannot start; the message says why, and what would help."""
