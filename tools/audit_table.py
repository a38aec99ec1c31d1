"""Walks a whole table and reports what does not fit together: `make audit-table`.

What Signet writes together it writes in one transaction, so nothing should ever be found. It asks the
table of `make run`, or the one that TABLE_NAME names, with the AWS credentials of the environment.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from signet import wiring
from signet.aws.client import Client
from signet.store.attributes import Item, from_attributes
from signet.store.groups import MEMBER
from tools.events import NoDemoError, read_demo


def audit(items: Iterable[Item]) -> list[str]:
    """Say what does not fit together, one line for each fault; of a person it names nothing but ids.

    Args:
        items: Every item of a table, in Python's own types.
    """
    kinds: dict[str, dict[str, Item]] = defaultdict(dict)
    everything = list(items)
    deleted = {item["pk"]: item for item in everything if item["sk"] == "APP" and "deleted_at" in item}
    # What a deleted application has left is being removed, and nobody reads it.
    items = [item for item in everything if _application(item) not in deleted]
    for item in items:
        kind = item["sk"].partition("#")[0]
        in_group = kind in ("MEMBER", "CHILD")
        kinds[kind][f"{item['pk']}/{item['sk']}" if in_group else item["pk"]] = item
    users = {pk: user for pk, user in kinds["USER"].items() if "created_at" in user}
    return [
        *_applications(kinds["APP"], kinds["GENERATION"]),
        *_left_behind(deleted, everything),
        *find_lost_ends(items),
        *_credentials(users, kinds["CREDENTIAL"]),
        *_members(users, kinds["GROUP"], kinds["MEMBER"]),
        *_details(kinds["GROUP"], kinds["DETAILS"]),
        *_parents(kinds["GROUP"], kinds["CHILD"]),
        *_permissions(kinds["USER"], kinds["PERMISSIONS"]),
    ]


def find_lost_ends(items: Iterable[Item]) -> Iterator[str]:
    """What DynamoDB removes must hold nothing whose loss would make an ended token good again."""
    for item in items:
        application, _, user_id = item["pk"].partition("#USER#")
        if item["sk"] != "USER" or "expires_at" not in item:
            continue
        if item.get("generation", 0) or item.keys() & {"ended", "token_cutoff", "deleted_at"}:
            yield f"{application}: user {user_id} expires, with what has ended its tokens"
        if item["expires_at"] != item.get("unverified_until"):
            yield f"{application}: user {user_id} expires at another time than its end"


def _applications(applications: dict[str, Item], generations: dict[str, Item]) -> Iterator[str]:
    for pk in sorted(applications.keys() - generations.keys()):
        yield f"{pk}: the application has no generation"


def _application(item: Item) -> str:
    """The partition key of the application that an item belongs to."""
    return "#".join(item["pk"].split("#")[:2])


def _left_behind(deleted: dict[str, Item], items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        application = _application(item)
        if "swept" in deleted.get(application, {}) and (item["pk"], item["sk"]) != (application, "APP"):
            kind = item["sk"].partition("#")[0]
            yield f"{application}: the application was deleted and swept, and has a {kind}"


def _credentials(users: dict[str, Item], credentials: dict[str, Item]) -> Iterator[str]:
    for pk, credential in credentials.items():
        application, _, address = pk.partition("#EMAIL#")
        user = users.get(f"{application}#USER#{credential['user_id']}")
        if user is None:
            yield f"{application}: a credential belongs to {credential['user_id']}, who is no user"
        elif user.get("normal_email") != address:
            yield f"{application}: user {user['user_id']} has a credential under another address"
        elif user["password_version"] != credential["password_version"]:
            yield f"{application}: user {user['user_id']} and its credential differ in password_version"
    for pk, user in users.items():
        application = pk.partition("#USER#")[0]
        if "normal_email" in user and f"{application}#EMAIL#{user['normal_email']}" not in credentials:
            yield f"{application}: user {user['user_id']} has no credential"


def _members(users: dict[str, Item], groups: dict[str, Item], members: dict[str, Item]) -> Iterator[str]:
    for member in members.values():
        application, _, group_id = member["pk"].partition("#GROUP#")
        user_id = member["sk"].removeprefix(MEMBER)
        user = users.get(f"{application}#USER#{user_id}")
        if member["pk"] not in groups:
            yield f"{application}: {user_id} is a member of {group_id}, which is no group"
        if "pending" in member:
            # Of who is no user yet, or no more, it says nothing.
            if user is not None and group_id not in user.get("outstanding", ()):
                yield f"{application}: {group_id} has the pending member {user_id}, who does not know"
        elif user is None:
            yield f"{application}: {group_id} has the member {user_id}, who is no user"
        elif group_id not in user["group_ids"] or group_id in user.get("outstanding", ()):
            yield f"{application}: {group_id} has the member {user_id}, who does not know"
    for pk, user in users.items():
        application = pk.partition("#USER#")[0]
        for group_id in user["group_ids"]:
            group_pk = f"{application}#GROUP#{group_id}"
            if group_id in user.get("outstanding", ()) and "deleting" in groups.get(
                group_pk, {"deleting": 1}
            ):
                # It was deleted before the user could join; the next write of the user sees that.
                continue
            if f"{group_pk}/{MEMBER}{user['user_id']}" not in members:
                yield f"{application}: user {user['user_id']} is no member of its group {group_id}"


def _details(groups: dict[str, Item], details: dict[str, Item]) -> Iterator[str]:
    for pk in groups.keys() | details.keys():
        application, _, group_id = pk.partition("#GROUP#")
        if pk not in groups:
            yield f"{application}: there are details of {group_id}, which is no group"
        elif groups[pk].get("details_revision") != details.get(pk, {}).get("revision"):
            yield f"{application}: group {group_id} and its details differ in their revision"


def _parents(groups: dict[str, Item], children: dict[str, Item]) -> Iterator[str]:
    for child in children.values():
        application, _, parent_id = child["pk"].partition("#GROUP#")
        child_id = child["sk"].removeprefix("CHILD#")
        if groups.get(f"{application}#GROUP#{child_id}", {}).get("parent_id") != parent_id:
            yield f"{application}: {parent_id} has the child {child_id}, which does not know"
    for pk, group in groups.items():
        application, _, group_id = pk.partition("#GROUP#")
        if "parent_id" in group:
            parent_pk = f"{application}#GROUP#{group['parent_id']}"
            if f"{parent_pk}/CHILD#{group_id}" not in children:
                yield f"{application}: group {group_id} is no child of its parent {group['parent_id']}"
        seen = {group_id}
        parent_id = group.get("parent_id")
        while parent_id is not None:
            if parent_id in seen:
                yield f"{application}: group {group_id} is among its own ancestors"
                break
            seen.add(parent_id)
            parent = groups.get(f"{application}#GROUP#{parent_id}")
            if parent is None:
                yield f"{application}: group {group_id} is under {parent_id}, which is no group"
                break
            parent_id = parent.get("parent_id")


def _permissions(users: dict[str, Item], permissions: dict[str, Item]) -> Iterator[str]:
    for pk, item in permissions.items():
        application, _, user_id = pk.partition("#USER#")
        if item["epoch"] != users.get(pk, {}).get("permissions_epoch", 0):
            yield f"{application}: user {user_id} has permissions from before a removal"


def scan(client: Client, table_name: str) -> Iterator[Item]:
    """Every item of a table, read consistently."""
    start: dict[str, Any] = {}
    while True:
        page = client.call("Scan", {"TableName": table_name, "ConsistentRead": True, **start})
        yield from map(from_attributes, page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def main() -> int:
    """Audit a table, and return the exit status: 0 where everything fits together."""
    table_name = os.environ.get("TABLE_NAME")
    if table_name is None:
        try:
            demo = read_demo()
        except NoDemoError as error:
            print(f"{error}, or name a table with TABLE_NAME=…", file=sys.stderr)
            return 2
        table_name = demo["tableName"]
        os.environ |= {
            "AWS_ENDPOINT_URL": demo["awsEndpointUrl"],
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
    items = list(scan(wiring.make_client("dynamodb"), table_name))
    faults = audit(items)
    for fault in faults:
        print(fault)
    print(f"{table_name}: {len(items)} items, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
