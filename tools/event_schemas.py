"""`make event-schemas`: writes docs/events/, a JSON Schema for the `detail` of each event that is sent.

They are made of what `signet.domain.events` says an event may be, so that neither can change alone.
"""

import json
import sys
from pathlib import Path
from typing import Any

from signet.domain.events import SHAPES, SOURCE, VERSION, Kind, SubjectType

FOLDER = Path(__file__).parents[1] / "docs" / "events"
PATTERNS = {
    SubjectType.USER: r"^([0-9a-f]{24}|ext:.{1,128})$",
    SubjectType.IDENTITY: r"^(\+[1-9][0-9]{1,14}|[^@]+@[^@]+)$",
    SubjectType.APPLICATION: r"^[0-9a-f]{24}$",
    SubjectType.GROUP: r"^[0-9a-f]{24}$",
    SubjectType.SIGNING_KEY: r"^[A-Za-z0-9_-]{43}$",
}
"""What a subject is called by."""

DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"


def schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of the `detail` of an event."""
    shape = SHAPES[kind]
    is_shared = shape.subjects == {SubjectType.SIGNING_KEY}
    because: list[str | None] = [reason.value for reason in sorted(shape.because)]
    members: dict[str, Any] = {
        "version": {"const": VERSION},
        "id": {"type": "string", "pattern": f"^.+-{kind}$"},
        "sequence": {"type": "null"} if is_shared else {"type": "integer", "minimum": 0},
        "applicationId": (
            {"type": "null"}
            if is_shared
            else {"type": "string", "pattern": PATTERNS[SubjectType.APPLICATION]}
        ),
        "subject": {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": subject.value},
                        "id": {"type": "string", "pattern": PATTERNS[subject]},
                    },
                    "required": ["type", "id"],
                    "additionalProperties": False,
                }
                for subject in sorted(shape.subjects)
            ]
        },
        "time": {"type": "string", "pattern": DATE},
        "changed": {
            "type": "array",
            "items": {"enum": sorted(shape.changed)} if shape.changed else False,
            "uniqueItems": True,
        },
        "because": {"enum": because + [None] * shape.may_be_silent},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{SOURCE} {kind}: detail",
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def text(kind: Kind) -> str:
    """A schema's file."""
    return json.dumps(schema(kind), indent=2) + "\n"


def main() -> int:
    """Write the files, and return the exit status."""
    for kind in Kind:
        (FOLDER / f"{kind}.json").write_text(text(kind))
    return 0


if __name__ == "__main__":
    sys.exit(main())
