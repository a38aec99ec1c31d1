"""Moto in place of AWS, for the tests: its server on loopback, and ways to it that are shorter.

To sign, send, read and answer takes longer than what moto does, and most tests do little else. So botocore's
clients find it without a socket, and its DynamoDB, which most calls are for, without HTTP. The client of our
own, an engine, and what runs in a process of its own have no such way in: they go over the wire.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

from botocore.awsrequest import AWSResponse
from botocore.model import OperationModel
from botocore.parsers import JSONParser as AnswerParser
from moto import mock_aws
from moto.backend_index import backend_url_patterns
from moto.core.models import botocore_stubber
from moto.core.parse import JSONParser as RequestParser
from moto.core.parse import RequestDict
from moto.core.responses import ActionResult
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import dynamo_to_dict
from moto.dynamodb.responses import DynamoHandler
from moto.s3.models import s3_backends
from werkzeug.datastructures import MultiDict

from local import aws as embedded
from local import sam
from signet import wiring
from signet.aws import boto
from signet.aws import client as aws
from signet.settings import aws_client

MOTO = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": sam.REGION,
    "AWS_REGION": sam.REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}

ENDPOINTS = {
    "dynamodb": "AWS_ENDPOINT_URL_DYNAMODB",
    "events": "AWS_ENDPOINT_URL_EVENTBRIDGE",
    "kms": "AWS_ENDPOINT_URL_KMS",
}
"""The variables that say where a service is which moto's server, or an engine, stands in for."""

OF_ITEMS = (
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactWriteItems",
    "UpdateItem",
)
"""The operations whose answers moto has in DynamoDB's own form."""

PATIENCE = 60.0
"""Seconds to wait for an answer: a busy machine may be late, and moto knows no repetition of a request."""

_one_at_a_time = threading.RLock()
"""Moto checks a condition and writes in two steps."""


@contextmanager
def running_moto() -> Iterator[dict[str, str]]:
    """Moto in place of AWS; gives the variables that lead to it.

    DynamoDB, EventBridge and KMS are its server on loopback, which takes one request at a time; botocore's
    clients of other services find it without a socket.
    """
    passthrough: Any = {
        "core": {"mock_credentials": False, "passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}
    }
    with mock_aws(config=passthrough):
        yield MOTO | dict.fromkeys(ENDPOINTS.values(), embedded.start())


def is_here(service: str) -> bool:
    """Whether it is moto's in this process: not an engine, nor that of a benchmark."""
    at = {name: os.environ.get(variable) for name, variable in ENDPOINTS.items()}
    return botocore_stubber.enabled and at.get(service) == at["kms"]


def make_client(name: str) -> aws.Client:
    """A client of a service, as functions have it, with a short way to what is moto's."""
    if name not in ENDPOINTS or not is_here(name) or aws_client() == "lean":
        return wiring.make_client(name)
    with mock.patch.dict(os.environ):
        del os.environ[ENDPOINTS[name]]
        client = wiring.make_client(name)
    assert isinstance(client.transport, boto.BotoTransport)
    hooks = client.transport._client.meta.events
    hooks.register("before-send", _ask)
    if name == "dynamodb":
        for operation in OF_ITEMS:
            hooks.register(f"before-call.dynamodb.{operation}", _ask_for_items)
    return client


def find_table(name: str) -> Table | None:
    """The table as moto has it, if that has it."""
    if not is_here("dynamodb"):
        return None
    return dynamodb_backends[sam.ACCOUNT][sam.REGION].tables.get(name)


def read_items(table: Table) -> list[dict[str, Any]]:
    """Every item of a table, in DynamoDB's form and in the keys' order."""
    with _one_at_a_time:
        items: list[dict[str, Any]] = [dynamo_to_dict(item.attrs) for item in table.all_items()]
    return items


def remove_files(bucket: str) -> None:
    """Let a bucket of moto's in this process hold nothing; a benchmark's is gone with its process."""
    if botocore_stubber.enabled:
        s3 = s3_backends[sam.ACCOUNT]["aws"]
        for key in list(s3.get_bucket(bucket).keys):
            s3.delete_object(bucket, key)


# It looks for a request's service from A to Z.
backend_url_patterns.sort(key=lambda pattern: pattern[0] not in ENDPOINTS)


def _ask(**given: Any) -> Any:
    with _one_at_a_time:
        return botocore_stubber(**given)


class _Handler(DynamoHandler):
    """What moto answers a request with, which is no HTTP here; what goes well is not made into JSON."""

    def __init__(self, operation: OperationModel, body: bytes) -> None:
        super().__init__()
        self.headers = {
            "x-amz-target": f"DynamoDB_20120810.{operation.name}",
            "Content-Type": "application/x-amz-json-1.0",
        }
        self.querystring, self.response_headers = dict[str, Any](), dict[str, str]()
        self.region, self.current_account = sam.REGION, sam.ACCOUNT
        self.access_key = MOTO["AWS_ACCESS_KEY_ID"]
        request: RequestDict = {
            "method": "POST",
            "url_path": "/",
            "url_params": {},
            "headers": self.headers,
            "values": MultiDict(),
            "body": body,
        }
        self.params = RequestParser(operation).parse(request)
        self.answer: Any = None

    def serialized(self, action_result: ActionResult) -> Any:
        """Keep an answer as it is, and have a refusal serialized."""
        if isinstance(action_result.result, Exception):
            return super().serialized(action_result)
        self.answer = action_result.result
        return 200, {}, ""


def _ask_for_items(model: OperationModel, params: Mapping[str, Any], **_: object) -> tuple[AWSResponse, Any]:
    """What botocore would make of the response (`before-call`)."""
    with _one_at_a_time:
        handler = _Handler(model, params["body"])
        status, headers, body = handler.call_action()
    if status == 200:
        # Moto answers with more than DynamoDB has.
        members = model.output_shape.members.keys()
        parsed = {name: handler.answer[name] for name in members & handler.answer.keys()}
        parsed["ResponseMetadata"] = {}
    else:
        said, parser = {"status_code": status, "headers": headers, "body": body.encode()}, AnswerParser()
        parsed = parser.parse(said, model.output_shape)
        if error := model.service_model.shape_for_error_code(parsed["Error"]["Code"]):
            parsed |= parser.parse(said, error)
    return AWSResponse("", status, headers, None), parsed
