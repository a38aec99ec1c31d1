"""`make list-applications TABLE=…`: has every application of a table in the list of them (docs/deploy.md).

Those that were made by release 0.1.0 are not in it. It changes nothing of one that is.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import botocore.session
from botocore.exceptions import ClientError

from signet.store.applications import list_keys
from signet.store.attributes import to_attributes


def list_applications(dynamodb: Any, table: str) -> int:
    """Write where in the list each application stands that is in none, and return how many these are."""
    count = 0
    for page in dynamodb.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        FilterExpression=(
            "sk = :application AND attribute_exists(created_at) AND attribute_not_exists(list_pk)"
        ),
        ExpressionAttributeValues={":application": {"S": "APP"}},
        ProjectionExpression="pk, sk, created_at",
    ):
        for item in page["Items"]:
            places = list_keys(item["pk"]["S"].removeprefix("APP#"), int(item["created_at"]["N"]))
            # One that was deleted since it was read is no more to be listed.
            with suppress(dynamodb.exceptions.ConditionalCheckFailedException):
                dynamodb.update_item(
                    TableName=table,
                    Key={name: item[name] for name in ("pk", "sk")},
                    UpdateExpression="SET list_pk = :list_pk, list_sk = :list_sk",
                    ConditionExpression="attribute_exists(created_at)",
                    ExpressionAttributeValues=to_attributes(
                        {f":{name}": value for name, value in places.items()}
                    ),
                )
                count += 1
    return count


def main(arguments: Sequence[str]) -> int:
    """Return the exit status."""
    if len(arguments) != 1 or not arguments[0]:
        print("usage: make list-applications TABLE=…", file=sys.stderr)
        return 2
    dynamodb = botocore.session.get_session().create_client("dynamodb")
    try:
        count = list_applications(dynamodb, arguments[0])
    except ClientError as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 1
    print(f"{count} applications have come into the list.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
