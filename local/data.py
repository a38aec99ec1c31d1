"""The folder of `make run`: the items and files that outlive it, in SQLite, for one process at a time.

What was committed is in the file, or in its log beside it, whatever ends the process; only a machine that
loses its power may lose the last of it (`synchronous=NORMAL`), and is left with a whole file.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, Self, TextIO

from local.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE: Final = "data.sqlite"
KMS: Final = "kms.json"
"""The key of the embedded KMS (`aws.create_key`)."""
LOCK: Final = "lock"
MADE_ANEW: Final = (f"{FILE}-wal", f"{FILE}-shm", FILE, KMS, "demo.json", "events.jsonl")
"""What `FRESH=1` removes, in this order: SQLite would take a log that is left for the new file's."""
MAILS: Final = "mails"
"""The folder of mails, which go likewise: they have codes of users who are gone."""
FORMAT: Final = 1
"""Of the tables below; another number, and another `make run` has to read them."""
_APPLICATION_ID: Final = 0x5369676E
"""What tells the file from any other of SQLite's: "Sign"."""
_TABLES: Final = """
    CREATE TABLE note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE item (key TEXT PRIMARY KEY, attributes TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE file (
        bucket TEXT, name TEXT, etag TEXT NOT NULL, content_type TEXT NOT NULL, content BLOB NOT NULL,
        PRIMARY KEY (bucket, name)
    );
"""
ANEW: Final = "begin anew with FRESH=1, which removes what is there, or elsewhere with DATA=<another folder>"


@dataclass(frozen=True, slots=True)
class File:
    """An object of S3."""

    bucket: str
    name: str
    etag: str
    content_type: str
    content: bytes


class Data:
    """What is kept in a folder. Threads may share it.

    Args:
        folder: which one; made where it is missing.
        fresh: whether to forget what was kept there.

    Raises:
        StartError: another process uses the folder, or what is there cannot be read.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self.path = folder / FILE
        self._lock = threading.Lock()
        with ExitStack() as failing:
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._held = failing.enter_context(hold(folder))
                for name in MADE_ANEW if fresh else ():
                    (folder / name).unlink(missing_ok=True)
                for mail in (folder / MAILS).glob("*.eml*") if fresh else ():
                    mail.unlink(missing_ok=True)
                # SQLite gives the files beside it the mode of this one.
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
                self.path.chmod(0o600)
            except OSError as error:
                raise StartError(
                    f"{folder} cannot hold the data ({error.strerror}); choose another folder with DATA=..."
                ) from error
            try:
                connection = sqlite3.connect(self.path, check_same_thread=False)
                self._connection = failing.enter_context(closing(connection))
                self._prepare()
            except sqlite3.DatabaseError as error:
                raise StartError(
                    f"{self.path} is damaged ({error}). Put a copy in its place, or {ANEW}."
                ) from error
            self._end = failing.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder; the end of the process does so too."""
        with self._lock:
            self._end.close()

    def _prepare(self) -> None:
        connection = self._connection
        (kind,) = connection.execute("PRAGMA application_id").fetchone()
        (form,) = connection.execute("PRAGMA user_version").fetchone()
        if (kind, form) == (0, 0) and not connection.execute("SELECT name FROM sqlite_schema").fetchall():
            connection.executescript(
                f"PRAGMA journal_mode = WAL; BEGIN; {_TABLES} PRAGMA application_id = {_APPLICATION_ID};"
                f" PRAGMA user_version = {FORMAT}; COMMIT"
            )
        elif kind != _APPLICATION_ID:
            raise StartError(f"{self.path} is no data of `make run`. Move it away, or {ANEW}.")
        elif form != FORMAT:
            raise StartError(
                f"{self.path} was written by another version of Signet (format {form}; this one reads"
                f" {FORMAT}). Go on with that version, or {ANEW}."
            )
        connection.execute("PRAGMA synchronous = NORMAL")
        (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(state)

    def say_where(self, url: str) -> None:
        """Leave for who comes second where the gateway is that uses the folder."""
        self._held.seek(0)
        self._held.truncate()
        self._held.write(json.dumps({"pid": os.getpid(), "url": url}))
        self._held.flush()

    def damaged(self, why: str) -> StartError:
        """What to say where things that are kept do not belong together."""
        return StartError(
            f"The data in {self.folder} are damaged: {why}. Put a copy in its place, or {ANEW}."
        )

    def find(self, name: str) -> str | None:
        """A note, or None."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            row = cursor.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Keep a note."""
        with self._lock, self._connection as connection:
            connection.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, value))

    def items(self) -> list[tuple[str, str]]:
        """The items: their keys and attributes, each as JSON."""
        with self._lock:
            return self._connection.execute("SELECT key, attributes FROM item").fetchall()

    def write_items(self, items: Iterable[tuple[str, str | None]], *, all_of_them: bool = False) -> None:
        """Keep items as they are now, all or none; None for those that are gone.

        Args:
            items: keys and attributes.
            all_of_them: whether every other item is gone.
        """
        with self._lock, self._connection as connection:
            if all_of_them:
                connection.execute("DELETE FROM item")
            for key, attributes in items:
                if attributes is None:
                    connection.execute("DELETE FROM item WHERE key = ?", (key,))
                else:
                    connection.execute("INSERT OR REPLACE INTO item VALUES (?, ?)", (key, attributes))

    def files(self) -> Iterator[File]:
        """The files."""
        with self._lock:
            rows = self._connection.execute("SELECT bucket, name, etag, content_type, content FROM file")
            for row in rows:
                yield File(*row)

    def write_files(self, files: Iterable[File], gone: Iterable[tuple[str, str]]) -> None:
        """Keep files as they are now, and forget those of these buckets and names; all or none."""
        with self._lock, self._connection as connection:
            connection.executemany("DELETE FROM file WHERE bucket = ? AND name = ?", gone)
            connection.executemany(
                "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)",
                [(f.bucket, f.name, f.etag, f.content_type, f.content) for f in files],
            )


def hold(folder: Path) -> TextIO:
    """The lock file, locked until it is closed, or the process ends.

    Raises:
        StartError: another process uses the folder.
        OSError: it is no folder that can be written to.
    """
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    held = os.fdopen(descriptor, "r+", encoding="utf-8")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with held:
            _refuse(folder, held.read())
    return held


def _refuse(folder: Path, left: str) -> NoReturn:
    try:
        other = json.loads(left)
        where = f" at {other['url']} (process {other['pid']})"
    except (ValueError, TypeError, KeyError):
        where = ""
    raise StartError(
        f"`make run` is running already{where} with the data in {folder}: use that one, stop it, or begin"
        " another one beside it with `make run DATA=<another folder> PORT=<another port>`."
    )
