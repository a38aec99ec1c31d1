"""What the layer is built of."""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointResolutionError
from botocore.loaders import Loader
from botocore.session import Session

from layers.signet.prune_botocore import SERVICES, prune
from signet.aws.client import AMAZON_ROOTS
from tests.deployment import ROOT
from tests.unit.aws.support import CREDENTIALS

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("GetItem", {"TableName": "t", "Key": {"pk": {"S": "a"}, "sk": {"B": b"\x00"}}}),
    "events": (
        "PutEvents",
        {"Entries": [{"EventBusName": "b", "Source": "s", "DetailType": "T", "Detail": "{}", "Time": 1.5}]},
    ),
    "kms": ("Decrypt", {"KeyId": "k", "CiphertextBlob": b"\x00", "EncryptionContext": {"kid": "k"}}),
    "lambda": ("Invoke", {"FunctionName": "f", "InvocationType": "Event", "Payload": b"{}"}),
    "sesv2": (
        "SendEmail",
        {
            "FromEmailAddress": "a@example.com",
            "Destination": {"ToAddresses": ["b@example.com"]},
            "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
        },
    ),
    "sqs": ("SendMessage", {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/q", "MessageBody": "{}"}),
    "s3": ("GetObject", {"Bucket": "b", "Key": "a/ b", "Range": "bytes=0-1", "IfMatch": "e"}),
}
REGIONS = ("eu-west-1", "us-east-1", "us-gov-west-1", "cn-north-1", "ap-southeast-99")


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is left of botocore's data."""
    data = tmp_path_factory.mktemp("pruned") / "data"
    shutil.copytree(Path(botocore.__path__[0], "data"), data)
    prune(data)
    return data


def make_session(data: Path | None = None) -> Session:
    """A session of botocore's that reads these data as its own, or really its own."""
    session = botocore.session.Session()
    session.set_credentials(*CREDENTIALS.values())
    if data is not None:
        loader = type("PrunedLoader", (Loader,), {"BUILTIN_DATA_PATH": str(data)})()
        session.register_component("data_loader", loader)
    return session


class Seen(Exception):
    """Ends a call where its request would be signed."""


def sent(session: Session, service: str, region: str, config: Config) -> Iterator[object]:
    """What a client would send for its call, or why there is no endpoint for it, and what else it can do."""
    client = session.create_client(service, region, config=config)
    operation, members = CALLS[service]

    def see(request: Any, signing_name: str, region_name: str, **_: object) -> None:
        sent = (request.method, request.url, request.body or request.data, sorted(request.headers))
        raise Seen(*sent, signing_name, region_name)

    client.meta.events.register("before-sign", see)
    method = next(name for name, of in client.meta.method_to_api_mapping.items() if of == operation)
    try:
        getattr(client, method)(**members)
    except (EndpointResolutionError, Seen) as end:
        yield end.args
    yield client.meta.service_model.operation_names
    yield client.meta.endpoint_url


def test_the_few_authorities_are_among_all() -> None:
    """One that is trusted no more goes with the next update of botocore."""
    few = re.findall(r"-----BEGIN.*?END CERTIFICATE-----", Path(AMAZON_ROOTS).read_text(), re.DOTALL)
    everyone = Path(botocore.__path__[0], "cacert.pem").read_text()
    assert len(few) == 5
    assert all(one in everyone for one in few)


@pytest.mark.parametrize("service", SERVICES)
def test_pruned_data_make_the_same_requests(pruned: Path, service: str) -> None:
    """In every partition, a region that is new too, and with FIPS and dual-stack endpoints."""
    ours, theirs = make_session(pruned), make_session()
    for region in REGIONS:
        for fips, dual in ((False, False), (True, False), (False, True)):
            config = Config(use_fips_endpoint=fips, use_dualstack_endpoint=dual)
            assert list(sent(ours, service, region, config)) == list(sent(theirs, service, region, config))


def test_pruned_data_hold_every_service_that_is_asked_and_no_other(pruned: Path) -> None:
    """A client of another one could not be made on Lambda."""
    asked = {
        call.args[0].value
        for path in (ROOT / "layers" / "signet" / "src").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", getattr(call.func, "attr", "")) == "make_client"
        and isinstance(call.args[0], ast.Constant)
    }
    assert asked == set(SERVICES)
    assert set(make_session(pruned).get_available_services()) == asked
    assert sum(path.stat().st_size for path in pruned.rglob("*") if path.is_file()) < 2_000_000
