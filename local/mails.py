"""Mails without anybody to carry them: the queue that they wait in, and what takes them in SES's place.

Each is shown in the terminal, with the link in it, and kept as a file that any program for mails opens.

Source: "SendMessage" of the SQS API reference, "SendEmail" of the SES API v2 reference.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import re
import sys
import threading
import uuid
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING, Any, Final

from local import sam

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from local.invoke import Invoker

FUNCTION: Final = "SendMailFunction"
QUEUE: Final = "Mails"
TARGET: Final = "AmazonSQS.SendMessage"
PATH: Final = "/v2/email/outbound-emails"
KEPT: Final = 200
"""Files; older ones go."""
_PAUSES: Final = (0.5, 2.0, None)
"""Seconds between two attempts at a message; then it is given up."""


class Mails:
    """Takes messages of the queue, and mails (WSGI).

    Args:
        folder: Where mails are kept, for nobody but their owner: they have codes in them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def answers(self, environ: WSGIEnvironment) -> bool:
        """Whether a request is for these APIs."""
        return environ.get("HTTP_X_AMZ_TARGET") == TARGET or environ.get("PATH_INFO") == PATH

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        asked = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        if environ.get("PATH_INFO") == PATH:
            answer = {"MessageId": self._keep(asked)}
        else:
            answer = self._take(asked["QueueUrl"], asked["MessageBody"], asked.get("DelaySeconds", 0))
        body = json.dumps(answer).encode()
        headers = [("content-type", "application/x-amz-json-1.0"), ("content-length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    def serve(self, function: sam.Function, invoker: Invoker) -> None:
        """Hand to a function whatever comes into the queue, in a thread."""

        def run() -> None:
            while True:
                self._work_on(self._waiting.get(), function, invoker)

        threading.Thread(target=run, name="mails", daemon=True).start()

    def _take(self, url: str, body: str, delay: float) -> dict[str, str]:
        record = as_record(body)
        if url.endswith(f"/{sam.physical_name(QUEUE)}"):
            if delay:
                later = threading.Timer(delay, self._waiting.put, [record])
                later.daemon = True
                later.start()
            else:
                self._waiting.put(record)
        return {"MessageId": record["messageId"], "MD5OfMessageBody": record["md5OfBody"]}

    def _work_on(self, record: dict[str, Any], function: sam.Function, invoker: Invoker) -> None:
        for pause in _PAUSES:
            event = {"Records": [record]}
            succeeded, answer = invoker.submit(function, event, str(uuid.uuid4())).result()
            if succeeded and not answer["batchItemFailures"]:
                return
            if pause is None:
                print(f"{function.name} was given up on: {record['messageId']}", file=sys.stderr)
            else:
                threading.Event().wait(pause)

    def _keep(self, asked: dict[str, Any]) -> str:
        message = as_message(asked)
        tags = {tag["Name"]: tag["Value"] for tag in asked.get("EmailTags", [])}
        kind = re.sub(r"[^A-Za-z]", "", tags.get("kind", "")) or "mail"
        with self._lock:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z-{kind}.eml"
            # Under another name at first: whoever looks for a mail finds all of it.
            unwritten = path.with_name(f"{path.name}.part")
            descriptor = os.open(unwritten, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(message.as_bytes(policy=SMTP))
            unwritten.rename(path)
            for old in sorted(self._folder.glob("*.eml"))[:-KEPT]:
                old.unlink(missing_ok=True)
        link = re.search(r"^https?://\S+$", asked["Content"]["Simple"]["Body"]["Text"]["Data"], re.MULTILINE)
        words = ["MAIL", str(message["To"]), str(message["Subject"]), link[0] if link else "", str(path)]
        print("  ".join(filter(None, words)), file=sys.stderr, flush=True)
        return str(uuid.uuid4())


def as_record(body: str) -> dict[str, Any]:
    """A message of the queue as Lambda hands it over."""
    sent = str(int(datetime.now(UTC).timestamp() * 1000))
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "local",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": sent},
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{sam.REGION}:{sam.ACCOUNT}:{sam.physical_name(QUEUE)}",
        "awsRegion": sam.REGION,
    }


def as_message(asked: dict[str, Any]) -> EmailMessage:
    """The mail that SES makes of a request."""
    simple = asked["Content"]["Simple"]
    message = EmailMessage()
    message["From"] = asked["FromEmailAddress"]
    message["To"] = ", ".join(asked["Destination"]["ToAddresses"])
    message["Subject"] = simple["Subject"]["Data"]
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain="signet.example")
    for header in simple.get("Headers", []):
        message[header["Name"]] = header["Value"]
    message.set_content(simple["Body"]["Text"]["Data"])
    message.add_alternative(simple["Body"]["Html"]["Data"], subtype="html")
    return message
