"""What things are and which rules they keep. Pure: no clock, no network, no table."""
