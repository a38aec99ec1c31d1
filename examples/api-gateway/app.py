"""GET /applications/{applicationId}/orders, for the user whom Signet's authorizer has let in."""

from typing import Any


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The user's orders. The application is the path's: the authorizer has seen that the token is of it."""
    user = event["requestContext"]["authorizer"]["lambda"]["experience"]["user"]
    return {"orders": [], "user": user["id"], "application": event["pathParameters"]["applicationId"]}
