"""An S3 bucket: reads in pieces, conditional writes, uploads in parts, and failures as our own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from signet.aws.client import AwsError, Client, Refused
from signet.errors import FileNotFound, Unavailable

ABSENT = frozenset({"NoSuchKey", "404", "AccessDenied", "403"})
"""What S3 says of an object that is not there: to those who may not list the bucket, that they may not
read it. No function of ours may list."""

CHANGED = frozenset({"PreconditionFailed", "412", "InvalidPart", "InvalidRange", "416"})
"""What it says where the object is not the one that was expected."""


class ObjectChanged(Exception):
    """The object is not, or not any more, the one that the request was for."""


class UploadGone(Exception):
    """There is no such upload: it was completed, or given up."""


@dataclass(frozen=True, slots=True)
class Head:
    """What an object is at a moment: its size in bytes, and the tag that changes with its content."""

    size: int
    etag: str


class Bucket:
    """One bucket. Threads may share it."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = name

    def head(self, key: str) -> Head:
        """What the object is.

        Raises:
            FileNotFound: It is not there.
            Unavailable: S3 did not answer; so for every method here.
        """
        answer = self._call("HeadObject", key)
        return Head(answer["ContentLength"], answer["ETag"])

    def read(self, key: str, start: int = 0, length: int | None = None, *, etag: str | None = None) -> bytes:
        """Bytes of the object.

        Args:
            key: Which one.
            start: Where to begin.
            length: How many; all the others where it is None.
            etag: What it has to be still.

        Raises:
            FileNotFound: It is not there.
            ObjectChanged: It is not what it was.
        """
        return self._get(key, start, length, etag)[0]

    def read_tagged(self, key: str) -> tuple[bytes, str]:
        """The whole object, and its tag."""
        return self._get(key, 0, None, None)

    def write(self, key: str, body: bytes, *, etag: str | None = None, absent: bool = False) -> str:
        """Write an object, and return its tag.

        Args:
            key: Which one.
            body: Its content.
            etag: What it has to be still.
            absent: Whether there may be none.

        Raises:
            ObjectChanged: It is something else. It may be what was written: S3's answer may have got lost.
        """
        condition = {"IfNoneMatch": "*"} if absent else {} if etag is None else {"IfMatch": etag}
        answer = self._call("PutObject", key, Body=body, ContentType="application/json", **condition)
        tag: str = answer["ETag"]
        return tag

    def start_upload(self, key: str) -> str:
        """Begin an upload in parts, and return its id."""
        answer = self._call("CreateMultipartUpload", key, ContentType="application/jsonl")
        upload_id: str = answer["UploadId"]
        return upload_id

    def upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> str:
        """Upload one part, and return its tag. All but the last have 5 MiB or more.

        Raises:
            UploadGone: There is no such upload.
        """
        answer = self._call("UploadPart", key, UploadId=upload_id, PartNumber=number, Body=body)
        tag: str = answer["ETag"]
        return tag

    def complete_upload(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        """Make an object of the parts.

        Raises:
            ObjectChanged: A part is another one by now.
            UploadGone: There is no such upload: it was completed already, or given up.
        """
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        self._call(
            "CompleteMultipartUpload",
            key,
            UploadId=upload_id,
            MultipartUpload={"Parts": parts},
        )

    def _get(self, key: str, start: int, length: int | None, etag: str | None) -> tuple[bytes, str]:
        request: dict[str, Any] = {} if etag is None else {"IfMatch": etag}
        if start or length is not None:
            request["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        answer = self._call("GetObject", key, **request)
        return answer["Body"], answer["ETag"]

    def _call(self, operation: str, key: str, **request: object) -> dict[str, Any]:
        try:
            return self._client.call(operation, {"Bucket": self.name, "Key": key, **request})
        except AwsError as error:
            if error.is_transient or not isinstance(error, Refused):
                message = "S3 did not answer in time; try again."
                raise Unavailable(message) from error
            if error.code in CHANGED:
                raise ObjectChanged(key) from error
            if error.code == "NoSuchUpload":
                raise UploadGone(key) from error
            if error.code in ABSENT and operation in ("GetObject", "HeadObject"):
                message = f"There is no file {key} that this function may read in the transfer bucket."
                raise FileNotFound(message) from error
            raise
