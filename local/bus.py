"""EventBridge, as far as a bus takes events: each is printed as a line, and kept in a file.

Source: "PutEvents" of the EventBridge API reference.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from local.sam import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

TARGET: Final = "AWSEvents.PutEvents"


class EventBus:
    """Takes events (WSGI).

    Args:
        kept: The file, one event a line as a rule's target would get it; what it held is gone.
    """

    def __init__(self, kept: Path) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        kept.unlink(missing_ok=True)

    def answers(self, environ: WSGIEnvironment) -> bool:
        """Whether a request is for this API."""
        return bool(environ.get("HTTP_X_AMZ_TARGET") == TARGET)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        asked = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        ids = [self._take(entry) for entry in asked["Entries"]]
        answer = {"FailedEntryCount": 0, "Entries": [{"EventId": event_id} for event_id in ids]}
        body = json.dumps(answer).encode()
        headers = [("content-type", "application/x-amz-json-1.1"), ("content-length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    def _take(self, entry: dict[str, Any]) -> str:
        moment = datetime.fromtimestamp(entry["Time"], UTC)
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": ACCOUNT,
            "time": moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "region": REGION,
            "resources": [],
            "detail": json.loads(entry["Detail"]),
        }
        line = json.dumps(event)
        with self._lock:
            print(line, file=sys.stderr, flush=True)
            self._kept.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self._kept, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                file.write(line + "\n")
        return str(event["id"])
