"""What every write that ends tokens has to keep, whichever test makes it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

CLAUSE = re.compile(r"\b(SET|ADD|REMOVE|DELETE)\s+(.*?)(?=\s+(?:SET|ADD|REMOVE|DELETE)\s|\s*$)", re.DOTALL)

COUNTED = ({"S": "USER"}, {"S": "IDENTITY"}, {"S": "GENERATION"})
"""The sort keys of what has a generation."""


def find_faults(operation: str, request: Mapping[str, Any]) -> Iterator[str]:
    """The faults of a write: a raise says why, and clears all marks; nothing that has ended has a TTL.

    Args:
        operation: Of DynamoDB.
        request: As DynamoDB takes it.
    """
    parts = [part.get("Update", {}) for part in request.get("TransactItems", [])]
    for update in [request] if operation == "UpdateItem" else parts:
        if update.get("Key", {}).get("sk") not in COUNTED:
            continue
        written = dict.fromkeys(("SET", "ADD", "REMOVE", "DELETE"), frozenset[str]())
        for clause, text in CLAUSE.findall(update["UpdateExpression"]):
            names = (re.split(r"[\s=]", part.strip())[0] for part in text.split(", "))
            given = update.get("ExpressionAttributeNames", {})
            written[clause] = frozenset(given.get(name, name) for name in names)
        if "generation" in written["ADD"] and "ended_because" not in written["SET"]:
            yield f"raises a generation, and does not say why: {update}"
        if update["Key"]["sk"] != {"S": "USER"}:
            continue
        removed = written["REMOVE"]
        if "generation" in written["ADD"] and not {"expires_at", "ended"} <= removed:
            yield f"raises a generation, and removes {sorted(removed)} alone: {update}"
        if "ended" in written["ADD"] | written["SET"] and "expires_at" not in removed:
            yield f"marks a token, and leaves the item its end: {update}"
