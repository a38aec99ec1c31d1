"""`signet users import` and `export`: files of users, with progress; what was interrupted goes on."""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from signet.cli.command import INTERRUPTED, AppOption, Exit, Failure, Session, command
from signet.cli.console import transfers
from signet.cli.target import Target, TargetError, named_errors

POLL_SECONDS = 1.0
MAX_REPEATED = 2
"""How often in a row what has stalled is invoked again, and goes on where it was: Lambda
has tried again by itself meanwhile, twice each time."""

S3_EVENT_SECONDS = 20.0
"""How long S3's own event may take to begin an import."""

BLOCK = 1 << 20
SHOWN = 20
SHOWN_AS_JSON = 1000
"""How many of the lines that are worth a word are told."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "import")(import_users)
    command(app, "export")(export_users)


def import_users(
    session: Session,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="JSON lines (.jsonl, or .jsonl.gz).")
    ],
    app: AppOption = None,
) -> None:
    """Import users from a file; interrupted and begun again, it goes on."""
    suffix = ".jsonl.gz" if file.name.endswith(".gz") else ".jsonl"
    if not file.name.endswith(suffix):
        raise Failure(f"{file.name} must end in .jsonl or .jsonl.gz.", exit_code=Exit.USAGE)
    target, application_id = session.target, session.application(app)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()[:24]
    # By what is in it: the same file is the same import, whatever it is called.
    folder = f"import/{application_id}/{digest}/"
    begun = _find_import(target, application_id, folder)
    if begun is None:
        name = "".join(one if one.isprintable() else "_" for one in file.name)
        _upload(session, file, f"{folder}{name}")
        begun = _begin_import(target, application_id, f"{folder}{name}")
    import_id, key = begun
    again = f"The import {import_id} goes on without you; the same command watches it again."
    with _left_alone(again):
        report = _watch(
            session,
            "import",
            lambda: _import_progress(target, application_id, import_id),
            lambda: target.begin(
                "import_users", {"applicationId": application_id, "key": key, "importId": import_id}
            ),
        )
    _show_report(session, application_id, report)


def export_users(
    session: Session,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write; it holds password hashes.")],
    app: AppOption = None,
) -> None:
    """Export all users into a file; interrupted and begun again, it goes on."""
    if not file.parent.is_dir():
        raise Failure(f"{file.parent} is no folder.", exit_code=Exit.USAGE)
    target, application_id = session.target, session.application(app)
    if file.exists():
        raise Failure(f"{file} is there already.")
    noted = file.with_name(f"{file.name}.export")
    before = _noted(noted, application_id)
    export_id = before or _note(noted, application_id)
    named = {"applicationId": application_id, "exportId": export_id}
    place = f"reports/{application_id}/{export_id}/report.json"
    try:
        if _read_report(target, place) is None:
            target.begin("export_users", named)
    except TargetError:
        if before is None:
            noted.unlink()
        raise
    total = _count_users(target, application_id)

    def progress() -> tuple[dict[str, Any] | None, float | None]:
        report = _read_report(target, place)
        return report, None if report is None or not total else min(1.0, report["users"] / total)

    with _left_alone(f"The export {export_id} goes on without you; the same command watches it again."):
        report = _watch(session, "export", progress, lambda: target.begin("export_users", named))
    with _left_alone(f"The export {export_id} is complete; the same command fetches what is missing of it."):
        _download(session, report["key"], file)
    noted.unlink()
    answer = {"exportId": export_id, "users": report["users"], "file": str(file)}
    session.done(f"{report['users']} users are in {file}.", answer)


def _count_users(target: Target, application_id: str) -> int:
    """How many users there are; 0 where nobody can say, since it only serves to show progress."""
    try:
        total: int = target.invoke("list_users", {"applicationId": application_id, "perPage": 1})[
            "totalCount"
        ]
    except TargetError:
        return 0
    return total


@contextmanager
def _left_alone(told: str) -> Iterator[None]:
    """Say to whom Ctrl-C stops the watching of what becomes of the work."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failure(told, INTERRUPTED, Exit.INTERRUPTED) from None


def _find_import(target: Target, application_id: str, folder: str) -> tuple[str, str] | None:
    """The import of a file in this folder of the bucket, and the file's key."""
    for one in transfers.list_imports(target, application_id, time.time()):
        key: str = one.report.get("key", "")
        if key.startswith(folder):
            return one.id, key
    return None


def _begin_import(target: Target, application_id: str, key: str) -> tuple[str, str]:
    """Begin the import, or find the one that S3's own event has begun.

    S3 invokes the function in AWS; where it has not within some seconds, as under `make run`, this does.
    """
    end = time.monotonic() + (0 if target.is_local else S3_EVENT_SECONDS)
    while time.monotonic() < end:
        if (found := _find_import(target, application_id, key)) is not None:
            return found
        time.sleep(POLL_SECONDS)
    import_id = str(uuid.uuid4())
    target.begin("import_users", {"applicationId": application_id, "key": key, "importId": import_id})
    return import_id, key


def _import_progress(
    target: Target, application_id: str, import_id: str
) -> tuple[dict[str, Any] | None, float | None]:
    found = transfers.get_import(target, application_id, import_id, time.time())
    return (None, None) if found is None else (found.report, found.share)


def _watch(
    session: Session,
    what: str,
    look: Callable[[], tuple[dict[str, Any] | None, float | None]],
    go_on: Callable[[], object],
) -> dict[str, Any]:
    """Show how far it has come until it has ended, and give its report."""
    report, share = look()
    # Whoever comes back to it need not wait as long again.
    silent = 0.0 if report is None else transfers.silent_seconds(session.target, report, time.time())
    changed_at, last, repeated = time.monotonic() - silent, report, 0
    with _progress(session, f"{what.capitalize()}ing") as show:
        while True:
            if report is not None and report.get("status") not in ("running", "completing"):
                show(1.0, report)
                return report
            if report != last:
                changed_at, last, repeated = time.monotonic(), report, 0
            elif time.monotonic() - changed_at > transfers.STALLED_SECONDS:
                if repeated == MAX_REPEATED:
                    message = (
                        f"It says nothing any more; why: signet explain {session.target.last_request_id}"
                    )
                    raise Failure(message, exit_code=Exit.UNREACHABLE)
                go_on()
                if not session.as_json:
                    session.say(f"The {what} had stopped; it goes on.")
                changed_at, repeated = time.monotonic(), repeated + 1
            show(share, report or {})
            time.sleep(POLL_SECONDS if not session.target.is_local else 0.1)
            report, share = look()


@contextmanager
def _progress(session: Session, what: str) -> Iterator[Callable[[float | None, dict[str, Any]], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began = time.monotonic()
    with Progress(*columns, console=session.err, transient=True, disable=not session.shows_progress) as bar:
        task = bar.add_task(what, total=1.0, rate="")

        def show(share: float | None, report: dict[str, Any]) -> None:
            count = report.get("users", report.get("lines", 0))
            rate = count / max(time.monotonic() - began, 0.1)
            bar.update(task, completed=share or 0.0, rate=f"{count} users, {rate:.0f}/s")

        yield show


def _upload(session: Session, file: Path, key: str) -> None:
    size = file.stat().st_size
    with _transferred(session, "Uploading", size) as sent, named_errors():
        session.target.client("s3").upload_file(
            str(file), session.target.resources.bucket, key, Callback=sent
        )


def _download(session: Session, key: str, file: Path) -> None:
    """Into a file beside it first, of which another run takes what is there."""
    part = file.with_name(f"{file.name}.part")
    s3, bucket = session.target.client("s3"), session.target.resources.bucket
    with named_errors():
        size = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
        there = part.stat().st_size if part.exists() else 0
        descriptor = os.open(part, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as content, _transferred(session, "Downloading", size) as received:
            received(there)
            if there < size:
                body = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={there}-")["Body"]
                for block in body.iter_chunks(BLOCK):
                    content.write(block)
                    received(len(block))
    part.replace(file)


@contextmanager
def _transferred(session: Session, what: str, size: int) -> Iterator[Callable[[int], None]]:
    from rich.progress import DownloadColumn, TransferSpeedColumn

    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=session.err, transient=True, disable=not session.shows_progress) as bar:
        task = bar.add_task(what, total=size)
        yield lambda count: bar.advance(task, count)


def _read_report(target: Target, place: str) -> dict[str, Any] | None:
    from botocore.exceptions import ClientError

    with named_errors():
        try:
            body = target.client("s3").get_object(Bucket=target.resources.bucket, Key=place)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        report: dict[str, Any] = json.loads(body.read())
    return report


def _noted(path: Path, application_id: str) -> str | None:
    """The id of the export that was interrupted, if it was this application's."""
    try:
        noted = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    if noted.get("applicationId") != application_id:
        message = f"{path} is of an export of another application; remove it, or choose another file."
        raise Failure(message)
    export_id: str = noted["exportId"]
    return export_id


def _note(path: Path, application_id: str) -> str:
    export_id = str(uuid.uuid4())
    path.write_text(json.dumps({"applicationId": application_id, "exportId": export_id}))
    return export_id


def _show_report(session: Session, application_id: str, report: dict[str, Any]) -> None:
    if report["status"] == "refused":
        message = report.get("message", "The file was refused.")
        raise Failure(message, report.get("code", ""))
    counts, folder = report["counts"], f"reports/{application_id}/{report['importId']}/"
    first: list[dict[str, Any]] = []
    reasons: dict[tuple[str, str], dict[str, Any]] = {}
    for problem in _problems(session.target, folder, report):
        if len(first) < SHOWN_AS_JSON:
            first.append(problem)
        outcome, code, message = problem["outcome"], problem["code"], problem["message"]
        told = {
            "lines": 0,
            "firstLine": problem["line"],
            "outcome": outcome,
            "code": code,
            "message": message,
        }
        reasons.setdefault((outcome, message), told)["lines"] += 1
    by_reason = sorted(reasons.values(), key=lambda reason: -reason["lines"])
    place = f"s3://{session.target.resources.bucket}/{folder}"

    def show() -> None:
        session.fields({"import": report["importId"], "status": report["status"], **counts, "report": place})
        refused = [problem for problem in first if problem["outcome"] == "refused"]
        for problem in (refused or first)[:SHOWN]:
            session.line(f"line {problem['line']}: {problem['outcome']}: {problem['message']}")
        if sum(reason["lines"] for reason in by_reason) > len((refused or first)[:SHOWN]):
            columns = ("LINES", "THE FIRST", "OUTCOME", "WHY")
            rows = [(one["lines"], one["firstLine"], one["outcome"], one["message"]) for one in by_reason]
            session.table(columns, rows[:SHOWN])
            session.line(f"All of them: {_fetching(session.target, folder, report)}")

    answer = {**report, "problems": first, "reasons": by_reason[:SHOWN_AS_JSON], "report": place}
    session.show(answer, show)
    if counts["refused"]:
        raise typer.Exit(Exit.REFUSED)


def _problems(target: Target, folder: str, report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All that the report names, in the order of the lines: it holds the last ones, files the others."""
    for number in range(1, report.get("problemFiles", 0) + 1):
        with named_errors():
            body = target.client("s3").get_object(
                Bucket=target.resources.bucket, Key=f"{folder}problems-{number}.jsonl"
            )["Body"]
            lines = body.read().splitlines()
        yield from map(json.loads, lines)
    yield from report.get("problems", [])


def _fetching(target: Target, folder: str, report: dict[str, Any]) -> str:
    """The command that fetches a report and what belongs to it."""
    bucket = target.resources.bucket
    if not target.is_local:
        return f"aws s3 cp --recursive s3://{bucket}/{folder} ."
    url = f"{target.client('s3').meta.endpoint_url}/{bucket}/{folder}"
    files = report.get("problemFiles", 0)
    before = f"'{url}problems-[1-{files}].jsonl' " if files else ""
    return f"curl --aws-sigv4 aws:amz:us-east-1:s3 --user local:local {before}'{url}report.json'"
