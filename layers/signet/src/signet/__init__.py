"""What Signet's functions share."""
