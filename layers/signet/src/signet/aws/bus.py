"""An EventBridge bus: events in tens, and those of them again that it did not take."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from signet import deadline
from signet.aws.client import AwsError, Client
from signet.errors import Unavailable

MOST = 10
"""How many entries PutEvents takes. They may have 256 KB, and ten of Signet's have a tenth of it."""


class Entry(NamedTuple):
    """An event as a bus takes it.

    Attributes:
        source: Who sends it.
        kind: Its `detail-type`.
        time_ms: When it happened, in Unix milliseconds.
        detail: What happened.
    """

    source: str
    kind: str
    time_ms: int
    detail: Mapping[str, Any]


class EventBus:
    """One bus. Threads may share it."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = name

    def send(self, entries: Sequence[Entry]) -> list[int]:
        """Send up to ten events; those that are not taken again, until there is no time for more.

        Returns:
            The places of those that the bus did not take.

        Raises:
            Unavailable: EventBridge did not answer; some may have been taken.
        """
        requests = [
            {
                "EventBusName": self.name,
                "Source": entry.source,
                "DetailType": entry.kind,
                "Time": datetime.fromtimestamp(entry.time_ms / 1000, UTC),
                "Detail": json.dumps(entry.detail),
            }
            for entry in entries
        ]
        left = list(range(len(entries)))
        for _ in deadline.attempts():
            try:
                answer = self._client.call("PutEvents", {"Entries": [requests[place] for place in left]})
            except AwsError as error:
                message = "EventBridge did not answer in time; the events come again."
                raise Unavailable(message) from error
            said = zip(left, answer["Entries"], strict=True)
            left = [place for place, result in said if result.get("ErrorCode")]
            if not left:
                break
        return left
