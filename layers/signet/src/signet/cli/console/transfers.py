"""Imports, as their reports in the transfer bucket tell of them (docs/import.md)."""

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from signet.cli.target import Target, named_errors

STALLED_SECONDS = 120
"""An import or export that has said nothing for so long has died: its invocations and their repetitions."""

SHOWN = 20
"""Imports that the list shows, the newest first."""

REPORT = re.compile(r"reports/[0-9a-f]{24}/([0-9a-zA-Z-]{1,64})/report\.json")
FILE = re.compile(r"import/[0-9a-f]{24}/[^\x00-\x1f\x7f]+\.jsonl(\.gz)?")


@dataclass(frozen=True, slots=True)
class Import:
    """How far an import has come.

    Attributes:
        id: Its name.
        report: What `import_users` wrote: `key`, `status`, and mostly `counts`, `size`, `offset`, …
        silent: How many seconds it has said nothing.
    """

    id: str
    report: dict[str, Any]
    silent: float = 0.0

    @property
    def is_running(self) -> bool:
        """Whether it goes on, or would once it is invoked again."""
        return self.report.get("status") == "running"

    @property
    def state(self) -> str:
        """Its status, or that it does not go on by itself any more."""
        if self.is_running and self.silent > STALLED_SECONDS:
            return "stalled"
        status: str = self.report["status"]
        return status

    @property
    def share(self) -> float | None:
        """Which part of the file is done, from 0 to 1; None where nobody can tell, as of a compressed one."""
        if self.report.get("status") == "complete":
            return 1.0
        size: int = self.report.get("size", 0)
        done: int = self.report.get("offset", 0)
        return None if not size or self.report.get("gzip") else min(1.0, done / size)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        began: int = self.report.get("startedAt", 0)
        now: int = self.report.get("updatedAt", began)
        return (now - began) / 1000

    @property
    def per_second(self) -> float | None:
        """Lines a second; None before there is anything to tell."""
        lines = self.report.get("lines", 0)
        return lines / self.seconds if lines and self.seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long it will take yet, if it goes on like this."""
        if not self.is_running or not self.share or self.seconds <= 0:
            return None
        return self.seconds * (1 - self.share) / self.share


def silent_seconds(target: Target, report: Mapping[str, Any], now: float) -> float:
    """How long an import or export has said nothing; without end, if what did it is gone.

    Args:
        target: The deployment.
        report: What it has said.
        now: The time, in Unix seconds.
    """
    updated: float = report.get("updatedAt", 0) / 1000
    if target.state is not None:
        # Invocations end with `make run`, which writes this file when it begins.
        with suppress(FileNotFoundError):
            if updated < (target.state / "demo.json").stat().st_mtime:
                return math.inf
    return max(0.0, now - updated)


def list_imports(target: Target, application_id: str, now: float) -> list[Import]:
    """The newest imports of an application; `now` is the time, in Unix seconds."""
    reports = [
        (entry["LastModified"], entry["Key"])
        for entry in _objects(target, f"reports/{application_id}/")
        if REPORT.fullmatch(entry["Key"])
    ]
    newest = [_read(target, key) for _, key in sorted(reports, reverse=True)[: 2 * SHOWN]]
    # Exports leave their reports there too.
    found = [
        Import(report["importId"], report, silent_seconds(target, report, now))
        for report in newest
        if "importId" in report
    ]
    return found[:SHOWN]


def get_import(target: Target, application_id: str, import_id: str, now: float) -> Import | None:
    """An import, or None where there is no report of it (yet); `now` is the time, in Unix seconds."""
    key = f"reports/{application_id}/{import_id}/report.json"
    if not any(entry["Key"] == key for entry in _objects(target, key)):
        return None
    report = _read(target, key)
    silent = silent_seconds(target, report, now)
    return Import(import_id, report, silent) if "importId" in report else None


def list_files(target: Target, application_id: str) -> list[str]:
    """The keys of the files that can be imported."""
    keys = (entry["Key"] for entry in _objects(target, f"import/{application_id}/"))
    return sorted(key for key in keys if FILE.fullmatch(key))


def start(target: Target, application_id: str, key: str) -> str:
    """Begin to import a file, and return the import's id: that of the invocation."""
    return target.begin("import_users", {"applicationId": application_id, "key": key})


def _objects(target: Target, prefix: str) -> list[dict[str, Any]]:
    pages = target.client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=target.resources.bucket, Prefix=prefix)
    with named_errors():
        return [entry for page in found for entry in page.get("Contents", [])]


def _read(target: Target, key: str) -> dict[str, Any]:
    with named_errors():
        answer = target.client("s3").get_object(Bucket=target.resources.bucket, Key=key)
        report: dict[str, Any] = json.loads(answer["Body"].read())
    return report
