"""A function that only makes a botocore DynamoDB client: the least that a function with a table pays."""

from typing import Any

import botocore.session

CLIENT = botocore.session.get_session().create_client("dynamodb")


def lambda_handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer nothing."""
    return {"statusCode": 204}
