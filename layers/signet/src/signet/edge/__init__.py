"""All that HTTP, Lambda and events are: what comes in becomes a request, what goes out an answer."""
