"""Tell a bus what the writes of the table's stream have changed."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from signet.aws.bus import MOST, Entry
from signet.domain.events import SOURCE
from signet.errors import Unavailable
from signet.store.changes import Change, events_in


class Bus(Protocol):
    """Sends events (`signet.aws.bus.EventBus`)."""

    def send(self, entries: list[Entry]) -> list[int]:
        """Send up to ten, and give the places of those that were not taken."""


class Queue(Protocol):
    """Takes messages (`signet.aws.queue.Queue`)."""

    def send(self, message: Mapping[str, object]) -> None:
        """Put one into the queue."""


def give_up(queue: Queue, stream_arn: str, position: str) -> None:
    """Leave the place of a record that is not understood, as Lambda does of what it gives up.

    Lambda would try it for an hour, and all that stand behind it would come again each time. It does not say
    of which shard of the stream a record is; whoever reads it again finds it.

    Raises:
        Unavailable: The queue did not take it.
    """
    place = {"streamArn": stream_arn, "startSequenceNumber": position, "endSequenceNumber": position}
    queue.send({"condition": "NotUnderstood", "DDBStreamBatchInfo": {**place, "batchSize": 1}})


@dataclass(slots=True)
class Outbox:
    """The events of a batch of the stream, in its order."""

    _entries: list[tuple[str, Entry]] = field(default_factory=list)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._entries)

    def add(
        self,
        position: str,
        record_id: str,
        time_ms: int,
        keys: Mapping[str, Any],
        images: tuple[Mapping[str, Any], Mapping[str, Any]],
        *,
        by_ttl: bool,
    ) -> None:
        """Add what a record of the stream tells of.

        Args:
            position: Where it stands in the stream.
            record_id: What names it, whenever it is read.
            time_ms: When the write was, in Unix milliseconds.
            keys: The item's.
            images: The item before and after, empty where there was none.
            by_ttl: Whether DynamoDB has removed it, since its time was over.

        Raises:
            KeyError, TypeError, ValueError: It tells of an item that Signet does not write.
        """
        change = Change(keys["pk"], keys["sk"], *images, by_ttl=by_ttl)
        for event in events_in(change):
            entry = Entry(SOURCE, event.kind.value, time_ms, event.detail(record_id, time_ms))
            self._entries.append((position, entry))

    def send(self, bus: Bus) -> tuple[set[str], Unavailable | None]:
        """Send all of them.

        Returns:
            The positions of records of which something was not sent, and why, where the bus did not answer.
        """
        unsent: set[str] = set()
        batches = itertools.batched(self._entries, MOST, strict=False)
        for batch in batches:
            try:
                refused = bus.send([entry for _, entry in batch])
            except Unavailable as error:
                # Nor would it take the others now.
                rest: Iterable[tuple[str, Entry]] = itertools.chain(batch, *batches)
                return unsent | {position for position, _ in rest}, error
            unsent |= {batch[place][0] for place in refused}
        return unsent, None
