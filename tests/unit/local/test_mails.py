"""Mails on a developer's machine: shown in the terminal, and kept for nobody else."""

import email
import email.policy
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from local import aws, mails, sam
from local.mails import Mails

TEXT = "Set it here:\n\nhttp://localhost:8080/#resetPassword=abc\n\nSchöne Grüße\n"
MAIL: dict[str, Any] = {
    "FromEmailAddress": sam.MAIL_FROM,
    "Destination": {"ToAddresses": ["fay@example.com"]},
    "Content": {
        "Simple": {
            "Subject": {"Data": "Neues Paßwort"},
            "Body": {"Text": {"Data": TEXT}, "Html": {"Data": "<p>Grüße</p>"}},
            "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
        }
    },
    "EmailTags": [{"Name": "kind", "Value": "../resetPassword"}],
}


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An embedded AWS that keeps mails."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    return aws.start(Mails(tmp_path / "mails"))


def test_a_mail_is_shown_in_a_line_and_kept_for_its_owner_alone(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line has the link, the file is a mail, and the oldest files go."""
    monkeypatch.setattr(mails, "KEPT", 2)
    client = botocore.session.get_session().create_client("sesv2", sam.REGION, endpoint_url=url)
    assert all(client.send_email(**MAIL)["MessageId"] for _ in range(3))
    folder = tmp_path / "mails"
    assert folder.stat().st_mode & 0o777 == 0o700
    kept = sorted(folder.iterdir())
    assert len(kept) == 2
    assert all(re.fullmatch(r"[\dT.]+Z-resetPassword\.eml", path.name) for path in kept)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept)
    message = email.message_from_bytes(kept[-1].read_bytes(), policy=email.policy.default)
    assert (message["To"], message["From"]) == ("fay@example.com", sam.MAIL_FROM)
    assert (message["Subject"], message["Auto-Submitted"]) == ("Neues Paßwort", "auto-generated")
    text, page = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert page is not None
    contents = [part.get_content().replace("\r\n", "\n") for part in (text, page)]
    assert contents == [TEXT, "<p>Grüße</p>\n"]
    shown = capsys.readouterr().err.splitlines()
    link = "http://localhost:8080/#resetPassword=abc"
    assert shown[-1] == f"MAIL  fay@example.com  Neues Paßwort  {link}  {kept[-1]}"


def test_whoever_looks_for_a_mail_finds_all_of_it(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no file of that name before it is written to its end: half of a mail has half of a code."""
    written, found = EmailMessage.as_bytes, list[Path]()

    def as_bytes(message: EmailMessage, **options: Any) -> bytes:
        found.extend((tmp_path / "mails").glob("*.eml"))
        return written(message, **options)

    monkeypatch.setattr(EmailMessage, "as_bytes", as_bytes)
    client = botocore.session.get_session().create_client("sesv2", sam.REGION, endpoint_url=url)
    client.send_email(**MAIL)
    assert found == []
    assert len(list((tmp_path / "mails").iterdir())) == 1


def test_the_queue_takes_what_sqs_takes(url: str) -> None:
    """The client checks the digest of what it sent."""
    client = botocore.session.get_session().create_client("sqs", sam.REGION, endpoint_url=url)
    queue = f"https://sqs.{sam.REGION}.amazonaws.com/{sam.ACCOUNT}/{sam.physical_name(mails.QUEUE)}"
    assert client.send_message(QueueUrl=queue, MessageBody="{}")["MessageId"]
