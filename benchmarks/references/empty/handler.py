"""A function that does nothing: what Lambda's runtime client costs by itself."""

from typing import Any


def lambda_handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer nothing."""
    return {"statusCode": 204}
