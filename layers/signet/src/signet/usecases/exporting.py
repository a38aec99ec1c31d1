"""Export an application's users into a file of JSON lines in S3, with their password hashes.

The file is uploaded in parts. After each, the report in S3 says how far the export came; whoever goes on,
a further invocation or a repeated one, begins there and uploads the part that comes next.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from signet import deadline
from signet.aws.bucket import Bucket, ObjectChanged, UploadGone
from signet.domain.listing import Entry
from signet.domain.users import User
from signet.errors import InvalidRequest, Unavailable
from signet.store.listing import user_entries
from signet.store.tenant import Tenant
from signet.store.transfer import find_with_hashes
from signet.usecases.progress import MARGIN_SECONDS, Outcome, Overtaken, Progress

PAGE = 1000
PART_BYTES = 8 * 2**20
"""S3 wants 5 MiB at least and takes 10,000 parts: 80 GB in all."""

WITH_ADDRESS = "E#"
"""What the entries of users with ids of ours begin with, who have a credential; they come first."""


@dataclass(frozen=True, slots=True)
class _Exporter:
    """What `run` was given."""

    tenant: Tenant
    bucket: Bucket
    write_line: Callable[[User, str | None], bytes]


def run(
    tenant: Tenant, bucket: Bucket, write_line: Callable[[User, str | None], bytes], export_id: str
) -> Outcome:
    """Export the users, or go on with an export, as far as the time reaches.

    A user who is made or deleted meanwhile may be in the file or not, one whose address changes may be in
    it twice or not at all.

    Args:
        tenant: Whose users.
        bucket: Where the file goes, and the report.
        write_line: Makes a line of a user and its hash, None where it has no credential.
        export_id: Names the export; one that has begun goes on where it was.

    Raises:
        InvalidRequest: S3 has given the upload up, or the id is another work's.
        Unavailable: DynamoDB or S3 did not answer; the export can go on.
    """
    exporter = _Exporter(tenant, bucket, write_line)
    place = f"reports/{tenant.application_id}/{export_id}/report.json"
    progress = Progress.open(bucket, place, lambda: _begin(exporter, export_id))
    if "exportId" not in progress.state:
        raise InvalidRequest.of("exportId", "is the id of an import.")
    try:
        if progress.state["status"] != "complete":
            _go_on(exporter, progress)
    except Overtaken:
        return Outcome(_result(progress))
    except (UploadGone, ObjectChanged):
        message = "is the id of an export that began too long ago, or got in its own way; begin another one."
        raise InvalidRequest.of("exportId", message) from None
    except Unavailable as error:
        message = f"{error.message} Invoked with the exportId {export_id}, the export goes on."
        raise Unavailable(message) from error
    return Outcome(_result(progress), unfinished=progress.state["status"] == "running")


def _begin(exporter: _Exporter, export_id: str) -> dict[str, Any]:
    now_ms = exporter.tenant.now_ms
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    application_id = exporter.tenant.application_id
    return {
        "exportId": export_id,
        "applicationId": application_id,
        "key": f"export/{application_id}/{stamp}Z.jsonl",
        "status": "running",
        "startedAt": now_ms,
        "updatedAt": now_ms,
        "users": 0,
        "after": None,
        "uploadId": None,
        "parts": [],
    }


def _go_on(exporter: _Exporter, progress: Progress) -> None:
    report, bucket = progress.state, exporter.bucket
    if report["status"] == "running":
        part, users = bytearray(), report["users"]
        for last, lines in _pages(exporter, Entry(*report["after"]) if report["after"] else None):
            part += b"".join(lines)
            users += len(lines)
            if len(part) < PART_BYTES:
                continue
            _upload(bucket, progress, bytes(part))
            part.clear()
            report |= {"users": users, "after": [last.sort_key, last.record_id]}
            report["updatedAt"] = exporter.tenant.now_ms
            progress.save()
            if deadline.left() < MARGIN_SECONDS:
                return
        if report["uploadId"] is None:
            bucket.write(report["key"], bytes(part))
        elif part:
            _upload(bucket, progress, bytes(part))
        # Said before it is done: an upload that is gone after this was completed, and by nobody else.
        report |= {"users": users, "after": None, "status": "completing"}
        progress.save()
    if report["uploadId"] is not None:
        with suppress(UploadGone):
            bucket.complete_upload(report["key"], report["uploadId"], report["parts"])
    report |= {"status": "complete", "updatedAt": exporter.tenant.now_ms}
    progress.save()


def _upload(bucket: Bucket, progress: Progress, body: bytes) -> None:
    report = progress.state
    if report["uploadId"] is None:
        report["uploadId"] = bucket.start_upload(report["key"])
    number = len(report["parts"]) + 1
    report["parts"].append(bucket.upload_part(report["key"], report["uploadId"], number, body))


def _pages(exporter: _Exporter, after: Entry | None) -> Iterator[tuple[Entry, list[bytes]]]:
    """The lines of a page of the index at a time, and the page's last entry."""
    tenant = exporter.tenant
    more = True
    while more:
        entries, more = user_entries(tenant, PAGE, after=after)
        if not entries:
            return
        after = entries[-1]
        found = _read(tenant, entries)
        yield after, [exporter.write_line(user, password_hash) for user, password_hash in found]


def _read(tenant: Tenant, entries: list[Entry]) -> list[tuple[User, str | None]]:
    """The users of the entries with their hashes, as they are in the table and not in the index."""
    users: dict[str, tuple[User, str | None]] = {}
    wanted = {entry.record_id: _address(entry) for entry in entries}
    for _ in deadline.attempts():
        read, wanted = find_with_hashes(tenant, wanted)
        users |= read
        if not wanted:
            return [users[entry.record_id] for entry in entries if entry.record_id in users]
    message = "Other requests are changing these users at the moment."
    raise Unavailable(message)


def _address(entry: Entry) -> str | None:
    """What the entry says of the user's address: of one with an external id, only its item does."""
    return entry.sort_key.removeprefix(WITH_ADDRESS) if entry.sort_key.startswith(WITH_ADDRESS) else None


def _result(progress: Progress) -> dict[str, Any]:
    report = progress.state
    return {
        "exportId": report["exportId"],
        "status": "complete" if report["status"] == "complete" else "running",
        "key": report["key"],
        "users": report["users"],
    }
