"""The use cases, over the store. One module per subject, so that a function imports only its own."""
