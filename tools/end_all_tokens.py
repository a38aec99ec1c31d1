"""`make end-all-tokens TABLE=…`: ends every token of every application of a table (docs/restore.md).

A restored table does not know which tokens were ended after the point that it was restored to. So each
application's generation becomes the time in Unix milliseconds, which none can have reached by being raised.
"""

import sys
import time
from collections.abc import Sequence
from typing import Any

import botocore.session
from botocore.exceptions import ClientError

from signet.domain.reasons import Because


def end_all_tokens(dynamodb: Any, table: str, now_ms: int) -> int:
    """End the tokens of all applications, and return how many applications there are."""
    count = 0
    for page in dynamodb.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        FilterExpression="sk = :generation",
        ExpressionAttributeValues={":generation": {"S": "GENERATION"}},
        ProjectionExpression="pk, sk",
    ):
        # One that goes further already has been here before, by a clock that went ahead of this one.
        count += sum(
            _set(dynamodb, table, key, ":new", "generation < :new", now_ms)
            or _set(dynamodb, table, key, "generation + :new", "attribute_exists(generation)", 1)
            for key in page["Items"]
        )
    return count


def _set(dynamodb: Any, table: str, key: dict[str, Any], generation: str, condition: str, new: int) -> bool:
    """Set an application's generation; False where the condition does not hold."""
    try:
        dynamodb.update_item(
            TableName=table,
            Key=key,
            UpdateExpression=f"SET generation = {generation}, ended_because = :because",
            ConditionExpression=condition,
            ExpressionAttributeValues={
                ":new": {"N": str(new)},
                ":because": {"S": Because.TABLE_RESTORED},
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def main(arguments: Sequence[str]) -> int:
    """Return the exit status."""
    if len(arguments) != 1 or not arguments[0]:
        print("usage: make end-all-tokens TABLE=…", file=sys.stderr)
        return 2
    dynamodb = botocore.session.get_session().create_client("dynamodb")
    try:
        count = end_all_tokens(dynamodb, arguments[0], time.time_ns() // 1_000_000)
    except ClientError as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 1
    print(f"All tokens of {count} applications have ended.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
