"""`make end-all-tokens TABLE=…`: ends every token of every application of a table (docs/restore.md).

A restored table does not know which tokens were ended after the point that it was restored to. So each
application's generation becomes the time in Unix milliseconds, which none can have reached by being raised.
"""

import sys
import time
from collections.abc import Sequence
from typing import Any

import botocore.session

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
        for key in page["Items"]:
            dynamodb.update_item(
                TableName=table,
                Key=key,
                UpdateExpression="SET generation = :now, ended_because = :because",
                ConditionExpression="generation < :now",
                ExpressionAttributeValues={
                    ":now": {"N": str(now_ms)},
                    ":because": {"S": Because.TABLE_RESTORED},
                },
            )
            count += 1
    return count


def main(arguments: Sequence[str]) -> int:
    """Return the exit status."""
    if len(arguments) != 1 or not arguments[0]:
        print("usage: make end-all-tokens TABLE=…", file=sys.stderr)
        return 2
    dynamodb = botocore.session.get_session().create_client("dynamodb")
    count = end_all_tokens(dynamodb, arguments[0], time.time_ns() // 1_000_000)
    print(f"All tokens of {count} applications have ended.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
