"""Hears when tokens of a user have been ended; by itself, of the events of `make run` on standard input."""

import json
import sys
from typing import Any


def lambda_handler(event: dict[str, Any], _context: object = None) -> str:
    """Say whose connections are to be closed. An event may come twice: its id tells."""
    detail = event["detail"]
    said = f"{event['id']}: close what the user {detail['subject']['id']} has open ({detail['because']})"
    print(said)
    return said


if __name__ == "__main__":
    for line in sys.stdin:
        arrived = json.loads(line)
        # What the rule's pattern says.
        if arrived["detail-type"] == "TokensEnded" and arrived["detail"]["subject"]["type"] == "user":
            lambda_handler(arrived)
