"""The bytes of a file to import: as they are, or out of gzip; refused at once where they are no lines."""

import itertools
import re
import zlib
from collections.abc import Iterator
from typing import Any

from signet.aws.bucket import Bucket
from signet.domain.strict_json import BYTE_ORDER_MARK
from signet.errors import InvalidRequest

BLOCK_BYTES = 2**20
"""How much of the file is read at once, and how much of it comes out of gzip at once."""

SLICE_BYTES = 2**13
"""How much of it goes into gzip at once. A member may have 20 bytes."""

MAX_GROWTH = 100
"""How many times its size may come out of gzip, which can make a thousand: users come to some ten."""

FREE_BYTES = 2**24
"""What may come out of any file, however small."""

GZIP = b"\x1f\x8b"


def read_blocks(bucket: Bucket, report: dict[str, Any]) -> Iterator[bytes]:
    """The file's bytes from where the import stands.

    Where they come out of gzip, those before them come out again, and are dropped: gzip cannot begin later.

    Args:
        bucket: Where the file is.
        report: The import's, with the file's `key`, `size` and `etag`, and the `offset` from which on; it
            gets `gzip` where the file is compressed.

    Raises:
        InvalidRequest: It is no file of JSON lines at all.
        FileNotFound: It is not there.
        ObjectChanged: It is not what it was.
    """
    offset = report["offset"]
    blocks = _read(bucket, report, 0 if report.get("gzip") else offset)
    if offset == 0:
        first = next(blocks, b"")
        if first.startswith(GZIP):
            report["gzip"] = True
        blocks = itertools.chain([first], blocks)
    if report.get("gzip"):
        blocks = _without(offset, _unzip(blocks))
    blocks = filter(None, blocks)
    if offset == 0:
        for first in itertools.islice(blocks, 1):
            _check_beginning(first)
            yield first
    yield from blocks


def _read(bucket: Bucket, report: dict[str, Any], offset: int) -> Iterator[bytes]:
    while offset < report["size"]:
        block = bucket.read(report["key"], offset, BLOCK_BYTES, etag=report["etag"])
        yield block
        offset += len(block)


def _unzip(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """What was compressed, in blocks of a size that does not depend on what it is; several members as one."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
    allowed = FREE_BYTES
    try:
        for block in blocks:
            allowed += MAX_GROWTH * len(block)
            for rest in _slices(block):
                while rest:
                    if stream.eof:
                        stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
                    piece = stream.decompress(rest, BLOCK_BYTES)
                    allowed -= len(piece)
                    if allowed < 0:
                        what = f"becomes more than {MAX_GROWTH} times its size; upload it uncompressed"
                        raise _refusal(what)
                    yield piece
                    rest = stream.unconsumed_tail or stream.unused_data
    except zlib.error as error:
        raise _refusal("is damaged: what begins like gzip goes on like something else") from error
    if not stream.eof:
        raise _refusal("is damaged: its gzip stops in the middle; upload all of it")


def _slices(block: bytes) -> Iterator[bytes]:
    """A block in pieces: with each member that ends in one, what is left of the piece is copied."""
    for start in range(0, len(block), SLICE_BYTES):
        yield block[start : start + SLICE_BYTES]


def _without(number: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks without so many of their first bytes."""
    for block in blocks:
        yield block[number:]
        number = max(0, number - len(block))


def _check_beginning(block: bytes) -> None:
    """Refuse at once what no line of would be right.

    Raises:
        InvalidRequest: It is.
    """
    if block.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in block[:4]:
        raise _refusal("is in UTF-16; `iconv -f UTF-16 -t UTF-8 users.json` writes it in UTF-8")
    first, _, others = block.removeprefix(BYTE_ORDER_MARK).lstrip().partition(b"\n")
    if first.startswith(b"["):
        raise _refusal("is a JSON array; `jq -c '.[]' users.json` writes its users as lines")
    if first.rstrip() == b"{" and re.match(rb'[ \t]+"', others):
        raise _refusal("has users that go over several lines; `jq -c . users.json` writes each as one")


def _refusal(what: str) -> InvalidRequest:
    return InvalidRequest.of("key", f"names a file that {what}.")
