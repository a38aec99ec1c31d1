"""The ids that Signet makes, of applications, users and groups: 24 hex digits."""

import re

HEX_ID = re.compile(r"[0-9a-f]{24}")


def find_id(text: object) -> str | None:
    """The id that a text is, in lower case, or None where it has not the form of one.

    Whatever comes in goes through here before it becomes a key: a key of any length is a fault of the store.
    """
    if not isinstance(text, str) or len(text) != 24:
        return None
    lower = text.lower()
    return lower if HEX_ID.fullmatch(lower) else None


def is_same_id(first: object, second: object) -> bool:
    """Whether two ids are the same; the hex digits of Signet's own are so in either case."""
    return first == second or (find_id(first) is not None and find_id(first) == find_id(second))
