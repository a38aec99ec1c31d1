"""Every write that the embedded AWS answers is kept before its answer goes out (`local.data`).

After a request, and before the next one, what moto holds is read where the request wrote: so whatever moto
makes of an expression, or takes back of a transaction, what is kept is what a reader would get.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import sys
from typing import TYPE_CHECKING, Any, Final

from local.data import File
from local.sam import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import WSGIEnvironment

    from local.data import Data

_WHOLE: Final = frozenset({"BatchExecuteStatement", "DeleteTable", "ExecuteStatement", "ExecuteTransaction"})
"""Requests that do not say by key what they write."""


class WriteThrough:
    """Keeps the items of one table and the files of some buckets; nothing until it has loaded them.

    Args:
        data: where.
    """

    def __init__(self, data: Data) -> None:
        self._data = data
        self._table: str | None = None
        self._files: dict[str, dict[str, Any]] = {}

    def load_items(self, table: str, key_names: tuple[str, str]) -> None:
        """Put the items that were kept into a table of these keys; from now on keep what is written there.

        Raises:
            StartError: they are another table's.
        """
        from moto.dynamodb.models.dynamo_type import DynamoType, Item

        shape = json.dumps([table, *key_names])
        if (kept := self._data.find("table") or shape) != shape:
            raise self._data.damaged(f"they are of the table and keys {kept}, and template.yaml has {shape}")
        self._data.note("table", shape)
        self._table, self._key_names = table, key_names
        items = self._moto_table().items
        for key, attributes in self._data.items():
            hash_key, sort_key = map(DynamoType, json.loads(key))
            item = Item(hash_key, sort_key, {})
            # One by one, moto would measure all of them again for each.
            dict.update(
                item.attrs, {name: DynamoType(value) for name, value in json.loads(attributes).items()}
            )
            items[hash_key][sort_key] = item

    def load_files(self, buckets: Iterable[str]) -> None:
        """Put the files that were kept into these buckets; from now on keep what is written there."""
        self._files = {bucket: {} for bucket in buckets}
        for file in self._data.files():
            if file.bucket in self._files:
                key = self._backend("s3").put_object(file.bucket, file.name, file.content, etag=file.etag)
                key.set_metadata({"Content-Type": file.content_type})
                self._files[file.bucket][file.name] = key

    def after(self, environ: WSGIEnvironment, body: bytes) -> None:
        """Keep what a request has written, which moto has done and nobody was answered yet."""
        try:
            target = environ.get("HTTP_X_AMZ_TARGET", "")
            if target.startswith("DynamoDB_"):
                if self._table is not None:
                    self._keep_items(target.partition(".")[2], body)
            elif not target and environ["REQUEST_METHOD"] in ("DELETE", "POST", "PUT"):
                bucket = environ["PATH_INFO"].removeprefix("/").partition("/")[0]
                if bucket in self._files:
                    self._keep_files(bucket)
        except sqlite3.Error as error:
            # What moto has, and what is kept, have parted: what it would say from now on might be lost.
            print(
                f"{self._data.path} cannot be written ({error}), so `make run` ends: the request under way"
                " was not answered, everything before it is kept.",
                file=sys.stderr,
                flush=True,
            )
            os._exit(1)

    def _keep_items(self, operation: str, body: bytes) -> None:
        from moto.dynamodb.models.dynamo_type import DynamoType

        try:
            written = self._written(operation, json.loads(body))
            keys = [tuple(DynamoType(item[name]) for name in self._key_names) for item in written]
        except (AttributeError, KeyError, TypeError, ValueError, IndexError):
            # Moto refuses such a request, or knows better.
            keys = None
        partitions = self._moto_table().items if self._table in self._backend("dynamodb").tables else {}
        if keys is None or operation in _WHOLE:
            items = [item for partition in partitions.values() for item in partition.values()]
            everything = [(_as_json([item.hash_key, item.range_key]), _as_json(item.attrs)) for item in items]
            self._data.write_items(everything, all_of_them=True)
        elif keys:
            found = [(key, partitions.get(key[0], {}).get(key[1])) for key in keys]
            self._data.write_items((_as_json(key), item and _as_json(item.attrs)) for key, item in found)

    def _written(self, operation: str, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The items, or their keys, that a request writes, where it is a good one."""
        parts: list[dict[str, Any]] = []
        match operation:
            case "PutItem" | "UpdateItem" | "DeleteItem":
                parts = [request]
            case "TransactWriteItems":
                parts = [part for action in request["TransactItems"] for part in action.values()]
            case "BatchWriteItem":
                parts = [
                    {"TableName": table, **part}
                    for table, actions in request["RequestItems"].items()
                    for action in actions
                    for part in action.values()
                ]
        for part in parts:
            if part["TableName"] == self._table:
                yield part["Item"] if "Item" in part else part["Key"]

    def _keep_files(self, bucket: str) -> None:
        holder = self._backend("s3").buckets.get(bucket)
        there = {} if holder is None else dict(holder.keys.items())
        before = self._files[bucket]
        changed = [
            File(bucket, name, key.etag.strip('"'), str(key.metadata.get("Content-Type")), key.value)
            for name, key in there.items()
            if before.get(name) is not key
        ]
        gone = [(bucket, name) for name in before.keys() - there.keys()]
        if changed or gone:
            self._data.write_files(changed, gone)
        self._files[bucket] = there

    def _moto_table(self) -> Any:
        # Anew each time: a transaction that fails puts another one in its place.
        return self._backend("dynamodb").tables[self._table]

    @staticmethod
    def _backend(service: str) -> Any:
        from moto.dynamodb.models import dynamodb_backends
        from moto.s3.models import s3_backends

        return dynamodb_backends[ACCOUNT][REGION] if service == "dynamodb" else s3_backends[ACCOUNT]["aws"]


def _as_json(value: object) -> str:
    return json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: Any) -> Any:
    # The rest is moto's DynamoType: {"S": …}, whose members are such again.
    return base64.b64encode(value).decode() if isinstance(value, bytes) else {value.type: value.value}
