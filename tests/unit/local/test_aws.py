"""The embedded AWS: who may call it, and what it is pointed at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from local import aws, private_file, sam
from local.__main__ import listen
from local.errors import StartError
from local.sam import Table
from signet import wiring
from signet.aws import boto, client
from tests.http_server import reply, running_server
from tests.unit.local.support import resolver

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@pytest.mark.parametrize(
    ("environ", "allowed"),
    [
        ({"HTTP_HOST": "127.0.0.1:4000"}, True),
        ({"HTTP_HOST": "localhost:4000"}, True),
        ({"HTTP_HOST": "host.docker.internal:4000"}, True),
        ({"HTTP_HOST": "evil.example:4000"}, False),
        ({}, False),
        ({"HTTP_HOST": "127.0.0.1:4000", "HTTP_ORIGIN": "https://evil.example"}, False),
        ({"HTTP_HOST": "127.0.0.1:4000", "HTTP_SEC_FETCH_SITE": "cross-site"}, False),
    ],
)
def test_no_web_page_reaches_the_embedded_aws(environ: dict[str, str], allowed: bool) -> None:
    """Only a client that is no browser, and names this machine, gets an answer."""

    def application(inner: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [inner["wsgi.input"].read()]

    statuses: list[str] = []

    def start_response(status: str, *_: Any) -> Any:
        statuses.append(status)

    request = {**environ, "REQUEST_METHOD": "GET", "CONTENT_LENGTH": "2", "wsgi.input": io.BytesIO(b"abc")}
    body = b"".join(aws.OneAtATime(application)(request, start_response))
    assert (statuses, body) == ((["200 OK"], b"ab") if allowed else (["403 Forbidden"], b""))


def test_nothing_reaches_a_real_account() -> None:
    """The caller's own credentials and profile are replaced, and every service is pointed at loopback."""
    environ = {
        "AWS_ACCESS_KEY_ID": "real",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_PROFILE": "production",
        "AWS_REGION": "eu-west-1",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "NO_PROXY": "example.com",
    }
    assert aws.prepare_environment("http://127.0.0.1:4", environ) == "http://127.0.0.1:4"
    assert environ == {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:4",
        "AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:4",
        "AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:4",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:4",
        "NO_PROXY": "example.com,127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def test_another_engine_keeps_the_callers_credentials() -> None:
    """An engine that checks signatures gets the caller's own; only what is missing is made up."""
    environ = {
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000",
        "AWS_ACCESS_KEY_ID": "mine",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    assert aws.prepare_environment("http://127.0.0.1:4", environ) == "http://127.0.0.1:8000"
    assert environ["AWS_ENDPOINT_URL_DYNAMODB"] == "http://127.0.0.1:8000"
    assert environ["AWS_ENDPOINT_URL_KMS"] == "http://127.0.0.1:4"
    assert (environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"]) == ("mine", "local")
    assert (environ["AWS_REGION"], environ["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")


def test_a_kept_kms_key_is_the_same_after_a_restart(tmp_path: Path) -> None:
    """A key ring in a table that outlives the process stays readable."""
    from moto.kms.models import kms_backends

    keys = kms_backends["123456789012"]["us-east-1"].keys
    kept = tmp_path / "state" / "kms.json"
    key_id = aws.create_key("us-east-1", kept)
    material = keys.pop(key_id).key_material
    assert aws.create_key("us-east-1", kept) == key_id
    assert keys.pop(key_id).key_material == material
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_private_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    """Only its owner can read it, nothing else is left behind, and a failure leaves the old one."""
    path = tmp_path / "state" / "demo.json"
    private_file.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        private_file.write_json(path, {"a": object()})
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_the_table_is_created_once_and_never_taken_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is there is used again if it has the template's keys and indexes, refused otherwise."""
    monkeypatch.setenv("MOTO_DISABLE_GLOBAL_CORS", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    table = sam.read_table(resolver(), "things")
    other = Table({**table.create, "GlobalSecondaryIndexes": []})
    url = aws.start()
    aws.ensure_table(table, url)
    aws.ensure_table(table, url)
    with pytest.raises(StartError, match=r"The table things at .* has other keys or indexes"):
        aws.ensure_table(other, url)


def test_an_engine_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has its address."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with listen(0) as socket:
        url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    with pytest.raises(StartError, match=f"DynamoDB at {url} cannot be used"):
        aws.ensure_table(Table({"TableName": "things", "KeySchema": []}), url)


@pytest.mark.parametrize("wrong", ["localhost:8000", "foo", "http://"])
def test_an_engine_s_address_that_is_none_is_named(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence, as one that does not answer."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with pytest.raises(StartError, match=f"DynamoDB at {wrong} cannot be used"):
        aws.ensure_table(Table({"TableName": "things", "KeySchema": []}), wrong)


def test_functions_are_patient_with_the_embedded_dynamodb(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes longer than DynamoDB ever does is waited for, and asked once."""
    monkeypatch.setattr(client, "READ_TIMEOUT", 0.1)
    monkeypatch.setattr(boto, "READ_TIMEOUTS", {})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with running_server() as server:
        server.replies.append(reply({"Items": []}, after=0.4))
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
        aws.be_patient()
        assert wiring.make_client("dynamodb").call("Query", {"TableName": "things"}) == {"Items": []}
    assert len(server.requests) == 1
