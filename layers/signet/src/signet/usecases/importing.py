"""Import users from a file of JSON lines in S3: make those that are absent, and change nothing else.

The work goes chunk by chunk. After each, the report in S3 says how far it came; whoever goes on, a
further invocation or a repeated one, begins there. A chunk that was done in part is done again: each
credential tells which line of which import made it, so its line counts as what it was the first time.
"""

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from signet import deadline
from signet.aws.bucket import Bucket, ObjectChanged
from signet.domain.identities import normal_email
from signet.domain.strict_json import BYTE_ORDER_MARK
from signet.domain.users import User, new_user_id
from signet.errors import (
    ApplicationNotFound,
    FileNotFound,
    InvalidRequest,
    RequestTooLarge,
    SignetError,
    Unavailable,
    UserExists,
)
from signet.store.applications import check_application
from signet.store.groups import find_groups
from signet.store.memberships import add_user
from signet.store.tenant import Tenant
from signet.store.transfer import is_made_by
from signet.store.users import GroupsGoneError, StaleError
from signet.usecases.import_files import read_blocks
from signet.usecases.progress import MARGIN_SECONDS, Outcome, Overtaken, Progress
from signet.usecases.users import check_cutoff

if TYPE_CHECKING:
    # It loads argon2 and bcrypt.
    from signet.domain.passwords.hasher import PasswordHasher

KEY = re.compile(r"import/([0-9a-f]{24})/[^\x00-\x1f\x7f]{1,400}\.jsonl(?:\.gz)?")

MAX_KEY_BYTES = 1024
"""S3's limit."""

MAX_LINE_BYTES = 256 * 1024
"""Twice what the longest user takes that a request can make, with escapes."""
CHUNK_LINES = 500
"""How many lines are imported between two saves of the report: 10 s of hashing where all have passwords."""

THREADS = 8
"""How many users are written at the same time; DynamoDB is waited for far longer than it is talked to."""

PROBLEMS_SHOWN = 1000
"""How many lines the report itself names; what is more goes into files of their own beside it."""

MAX_MESSAGE = 500

PAUSE = 0.1
"""Seconds, doubled at each attempt, within which a user is tried again that the store was too busy for."""

AHEAD_MS = 60_000
"""How far in the future a date of what has happened may lie: for clocks that differ."""

DATES = {
    "created_at_ms": "creationDate",
    "updated_at_ms": "lastUpdated",
    "password_updated_at_ms": "passwordLastUpdated",
    "last_login_ms": "lastLogin",
}
"""What a line calls the fields of `User` that say when something happened."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user as a line asks for it.

    Attributes:
        fields: Fields of `User` by name; an `email`, where it shall have a credential.
        password: Its password, checked against the policy; else there is
        password_hash: the hash of one, in the form that is stored, or `NO_PASSWORD`; None without an address.
        user_id: The id that it is to have; None for a new one.
        dates: Fields of `User` by name that say when something happened, in Unix milliseconds.
    """

    fields: dict[str, Any]
    password: str | None = field(repr=False)
    password_hash: str | None = field(repr=False)
    user_id: str | None
    dates: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file.

    Attributes:
        number: Counted from 1.
        end: The offset of the byte behind it and its line feed.
        text: Without its end; None where it is longer than is taken.
    """

    number: int
    end: int
    text: bytes | None


@dataclass(frozen=True, slots=True)
class _Importer:
    """What `run` was given."""

    tenant: Tenant
    bucket: Bucket
    hasher: "PasswordHasher"
    read_line: Callable[[bytes], NewUser]


def application_of(key: str) -> str | None:
    """The id of the application that a file's key names, or None."""
    match = KEY.fullmatch(key)
    return match[1] if match and len(key.encode()) <= MAX_KEY_BYTES else None


def report_key(key: str, import_id: str) -> str:
    """Where the report of an import stands."""
    return f"reports/{application_of(key) or 'unknown'}/{import_id}/report.json"


def split_lines(blocks: Iterable[bytes], offset: int = 0, number: int = 0) -> Iterator[Line]:
    """The lines of a file that comes in blocks, whose size bounds the memory whatever a line's is.

    Args:
        blocks: The file's bytes, from the beginning of a line.
        offset: Where they stand in the file.
        number: How many lines stand before them.
    """
    begun, size = b"", 0  # A line whose end has not come, as far as it can be taken, and its whole size.
    for block in blocks:
        *ended, rest = block.split(b"\n")
        for piece in ended:
            size += len(piece)
            number, offset = number + 1, offset + size + 1
            yield Line(number, offset, _text(begun, piece, size))
            begun, size = b"", 0
        size += len(rest)
        begun = b"" if _is_too_long(size) else begun + rest
    if size:
        yield Line(number + 1, offset + size, _text(begun, b"", size))


def run(
    tenant: Tenant,
    bucket: Bucket,
    hasher: "PasswordHasher",
    read_line: Callable[[bytes], NewUser],
    key: str,
    import_id: str,
) -> Outcome:
    """Import a file, or go on with an import, as far as the time reaches.

    Args:
        tenant: Whose users.
        bucket: Where the file is, and the report.
        hasher: Hashes the passwords.
        read_line: Makes a user to be of a line, or raises `InvalidRequest`.
        key: The file's key, `import/<applicationId>/….jsonl`.
        import_id: Names the import; one that has begun goes on where it was.

    Raises:
        InvalidRequest: The key is not the application's, the import is another file's, the file has changed
            since the import began, or it is no file of JSON lines.
        ApplicationNotFound: The application was deleted meanwhile.
        FileNotFound: There is no such file.
        Unavailable: DynamoDB or S3 did not answer; the import can go on.
    """
    importer = _Importer(tenant, bucket, hasher, read_line)
    if application_of(key) != tenant.application_id:
        message = f"must be of the form import/{tenant.application_id}/….jsonl."
        raise InvalidRequest.of("key", message)
    progress = Progress.open(bucket, report_key(key, import_id), lambda: _begin(importer, key, import_id))
    report = progress.state
    if report["key"] != key:
        raise InvalidRequest.of("importId", "is the id of an import of another file.")
    try:
        if report["status"] == "running":
            _go_on(importer, progress)
    except Overtaken:
        return Outcome(_result(progress))
    except (FileNotFound, ObjectChanged):
        message = "has changed since the import began, or is gone; import it as a file of its own."
        raise _give_up(progress, InvalidRequest.of("key", message)) from None
    except (InvalidRequest, ApplicationNotFound) as error:
        raise _give_up(progress, error) from None
    except Unavailable as error:
        message = f"{error.message} Invoked with the importId {import_id}, the import goes on."
        raise Unavailable(message) from error
    return Outcome(_result(progress), unfinished=report["status"] == "running")


def _give_up[Error: SignetError](progress: Progress, error: Error) -> Error:
    progress.state.update(status="refused", code=error.code, message=error.message)
    progress.save()
    return error


def refuse(bucket: Bucket, key: str, import_id: str, error: SignetError) -> dict[str, Any]:
    """Leave a report of an import that nobody else will hear was refused, unless there is one."""
    place = report_key(key, import_id)
    report = {"importId": import_id, "key": key, "status": "refused"}
    report |= {"code": error.code, "message": error.message[:MAX_MESSAGE]}
    with suppress(ObjectChanged):
        bucket.write(place, json.dumps(report, ensure_ascii=False, indent=1).encode(), absent=True)
    return report | {"report": place}


def _begin(importer: _Importer, key: str, import_id: str) -> dict[str, Any]:
    head = importer.bucket.head(key)
    now_ms = importer.tenant.now_ms
    return {
        "importId": import_id,
        "applicationId": importer.tenant.application_id,
        "key": key,
        "etag": head.etag,
        "size": head.size,
        "status": "running",
        "startedAt": now_ms,
        "updatedAt": now_ms,
        "offset": 0,
        "lines": 0,
        "counts": {"read": 0, "created": 0, "exists": 0, "refused": 0},
        "problemFiles": 0,
        "problems": [],
    }


def _go_on(importer: _Importer, progress: Progress) -> None:
    report = progress.state
    blocks = read_blocks(importer.bucket, report)
    lines = split_lines(blocks, report["offset"], report["lines"])
    with ThreadPoolExecutor(THREADS, "import") as pool:
        run_chunk = _Chunks(importer, report["importId"], pool).run
        for chunk in itertools.batched(lines, CHUNK_LINES, strict=False):
            # What is deleted is swept: nothing may come behind it.
            check_application(importer.tenant)
            _note(report, run_chunk(chunk))
            report |= {
                "offset": chunk[-1].end,
                "lines": chunk[-1].number,
                "updatedAt": importer.tenant.now_ms,
            }
            _put_away(importer.bucket, progress)
            if not report.get("gzip") and report["offset"] >= report["size"]:
                break
            progress.save()
            if deadline.left() < MARGIN_SECONDS:
                return
    report["status"] = "complete"
    progress.save()


@dataclass(frozen=True, slots=True)
class _Handled:
    """What became of a line: `problem` says why, where it is worth a word."""

    line: Line
    outcome: str
    problem: tuple[str, str] | None = None


class _Chunks:
    """Imports lines, several at once."""

    def __init__(self, importer: _Importer, import_id: str, pool: ThreadPoolExecutor) -> None:
        self._importer = importer
        self._import_id = import_id
        self._pool = pool
        self._groups: set[str] = set()
        # Transactions that meet at a group get in each other's way: one at a time is faster.
        self._with_groups = threading.Lock()

    def run(self, lines: Iterable[Line]) -> list[_Handled]:
        """Import lines; of those for one address or id, the first one first."""
        handled: list[_Handled] = []
        at_once: list[tuple[Line, User, NewUser]] = []
        afterwards: list[tuple[Line, User, NewUser]] = []
        taken: set[str] = set()
        for line in lines:
            if line.text is not None and not line.text.strip():
                continue
            try:
                new, user = self._read(line)
            except SignetError as error:
                handled.append(_refused(line, error))
                continue
            names = {user.id} if user.normal_email is None else {user.id, user.normal_email}
            (afterwards if names & taken else at_once).append((line, user, new))
            taken |= names
        self._look_up_groups(user for _, user, _ in at_once + afterwards)
        handled += self._pool.map(deadline.carried(self._make), at_once)
        handled += map(self._make, afterwards)
        return sorted(handled, key=lambda done: done.line.number)

    def _read(self, line: Line) -> tuple[NewUser, User]:
        if line.text is None:
            message = f"The line has more than {MAX_LINE_BYTES} bytes."
            raise RequestTooLarge(message)
        new = self._importer.read_line(
            line.text.removeprefix(BYTE_ORDER_MARK) if line.number == 1 else line.text
        )
        tenant = self._importer.tenant
        check_cutoff(tenant, new.fields.get("token_cutoff_ms"))
        for name, milliseconds in new.dates.items():
            if milliseconds > tenant.now_ms + AHEAD_MS:
                raise InvalidRequest.of(DATES[name], "must lie in the past.")
        dates: dict[str, Any] = {"created_at_ms": tenant.now_ms, "updated_at_ms": tenant.now_ms}
        if new.password is not None or new.password_hash:
            dates["password_updated_at_ms"] = tenant.now_ms
        email = new.fields.get("email")
        user = User(
            id=new.user_id or new_user_id(),
            normal_email=None if email is None else normal_email(email, "email"),
            password_version=0 if email is None else 1,
            **(dates | new.dates),
            **new.fields,
        )
        return new, user

    def _look_up_groups(self, users: Iterable[User]) -> None:
        wanted = {group_id for user in users for group_id in user.group_ids} - self._groups
        if wanted:
            tenant = self._importer.tenant
            self._groups |= find_groups(tenant, wanted).keys()

    def _make(self, task: tuple[Line, User, NewUser]) -> _Handled:
        line, wanted, new = task
        password_hash = new.password_hash
        if new.password is not None:
            password_hash = self._importer.hasher.hash(new.password)
        try:
            user = self._add(wanted, password_hash, f"{self._import_id}:{line.number}")
        except UserExists as error:
            return _Handled(line, "exists", (error.code, error.message))
        except StaleError:
            message = "There is a user of this application with this id, or there was one."
            return _Handled(line, "exists", (UserExists.code, message))
        absent = sorted(set(wanted.group_ids) - set(user.group_ids))
        if not absent:
            return _Handled(line, "created")
        message = f"The user was made without groups that do not exist: {', '.join(absent)}."
        return _Handled(line, "created", ("GroupNotFound", message))

    def _add(self, wanted: User, password_hash: str | None, origin: str) -> User:
        """Add the user, in those of its groups that there are.

        Raises:
            UserExists: Another user has the address, whom no earlier run of this line made.
            StaleError: There is or was such a user with this id.
        """
        tenant = self._importer.tenant
        busy = ""
        for _ in deadline.attempts(PAUSE):
            user = replace(wanted, group_ids=tuple(sorted(self._groups & set(wanted.group_ids))))
            try:
                with self._with_groups if user.group_ids else nullcontext():
                    return add_user(
                        tenant,
                        user,
                        password_hash,
                        origin,
                    )
            except GroupsGoneError as error:
                self._groups -= error.group_ids
                busy = "The user's groups are changing at the moment."
            except (UserExists, StaleError):
                if not is_made_by(tenant, wanted, origin):
                    raise
                return user
            except Unavailable as error:
                busy = error.message
        raise Unavailable(busy)


def _note(report: dict[str, Any], handled: Iterable[_Handled]) -> None:
    counts = report["counts"]
    for done in handled:
        counts["read"] += 1
        counts[done.outcome] += 1
        if done.problem is not None:
            code, message = done.problem
            problem = {"line": done.line.number, "outcome": done.outcome, "code": code}
            report["problems"].append(problem | {"message": message[:MAX_MESSAGE]})


def _put_away(bucket: Bucket, progress: Progress) -> None:
    """Keep the report small: its problems go into a further file each time that they are a thousand."""
    report = progress.state
    while len(report["problems"]) > PROBLEMS_SHOWN:
        number = report["problemFiles"] + 1
        lines = [json.dumps(problem, ensure_ascii=False) for problem in report["problems"][:PROBLEMS_SHOWN]]
        body = "\n".join(lines) + "\n"
        bucket.write(progress.key.replace("report.json", f"problems-{number}.jsonl"), body.encode())
        report |= {"problemFiles": number, "problems": report["problems"][PROBLEMS_SHOWN:]}


def _result(progress: Progress) -> dict[str, Any]:
    report = progress.state
    return {
        "importId": report["importId"],
        "status": report["status"],
        "counts": report["counts"],
        "report": progress.key,
    }


def _refused(line: Line, error: SignetError) -> _Handled:
    return _Handled(line, "refused", (error.code, error.message))


def _text(begun: bytes, piece: bytes, size: int) -> bytes | None:
    if _is_too_long(size):
        return None
    text = (begun + piece).removesuffix(b"\r")
    return None if len(text) > MAX_LINE_BYTES else text


def _is_too_long(size: int) -> bool:
    """Whether a line of this size cannot be one that is taken, a carriage return at its end included."""
    return size > MAX_LINE_BYTES + 1
