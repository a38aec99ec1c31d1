"""The context object that Lambda hands a handler besides the event."""

import os


class Context:
    """What Lambda hands a handler besides the event."""

    aws_request_id = "8a6f3b0e-6d5c-4f0e-9d3a-2f6f4f1c7f10"
    function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    function_version = "$LATEST"
    memory_limit_in_mb = "512"
    invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
    identity = None
    client_context = None

    def get_remaining_time_in_millis(self) -> int:
        """The time that is left."""
        return 10_000
