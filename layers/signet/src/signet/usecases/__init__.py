"""What Signet does: one function or class per use, with no HTTP and no pydantic. One module per subject."""
