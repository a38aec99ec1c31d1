"""The fields of requests and answers, as pydantic models. One module per resource."""
