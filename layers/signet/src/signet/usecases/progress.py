"""How far a long piece of work has come: a JSON document in S3 that its invocations hand on.

An invocation may be run twice, by Lambda or by an operator, even at the same time. So each write demands
that the document is still what its writer wrote or read: one of the two goes on, the other one stops.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from signet.aws.bucket import Bucket, ObjectChanged
from signet.errors import FileNotFound

MARGIN_SECONDS = 60
"""When less of an invocation is left, another one goes on: a step and the document fit in."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ends.

    Attributes:
        result: What it answers.
        unfinished: Whether another one has to go on.
    """

    result: dict[str, Any]
    unfinished: bool = False


class Overtaken(Exception):
    """Another invocation does this work; what it did last is for nobody to repeat."""


class Progress:
    """The document.

    Attributes:
        state: Its members, to be changed and saved.
    """

    def __init__(self, bucket: Bucket, key: str, state: dict[str, Any], etag: str) -> None:
        self.state = state
        self.key = key
        self._bucket = bucket
        self._etag = etag
        # Tells our own write, whose answer got lost, from the same one by another invocation.
        self._writer = secrets.token_hex(8)

    @classmethod
    def open(cls, bucket: Bucket, key: str, begin: Callable[[], dict[str, Any]]) -> Self:
        """The document that is there, or a new one.

        Args:
            bucket: Where it is kept.
            key: Under which name.
            begin: Makes the first state, where there is none.
        """
        try:
            return cls._read(bucket, key)
        except FileNotFound:
            state = begin()
        try:
            return cls(bucket, key, state, bucket.write(key, _encode(state), absent=True))
        except ObjectChanged:
            return cls._read(bucket, key)

    def save(self) -> None:
        """Write the state.

        Raises:
            Overtaken: Another invocation has written since.
        """
        body = _encode(self.state | {"writer": self._writer})
        try:
            self._etag = self._bucket.write(self.key, body, etag=self._etag)
        except ObjectChanged:
            written, self._etag = self._bucket.read_tagged(self.key)
            if written != body:
                raise Overtaken from None

    @classmethod
    def _read(cls, bucket: Bucket, key: str) -> Self:
        body, etag = bucket.read_tagged(key)
        return cls(bucket, key, json.loads(body), etag)


def _encode(state: dict[str, Any]) -> bytes:
    return json.dumps(state, ensure_ascii=False, indent=1).encode()
