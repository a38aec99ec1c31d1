"""What a new container loads before it can answer."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.deployment import PASSWORD, ROOT, Deployment

CONTAINER = """
import importlib, json, sys, types
given = json.load(sys.stdin)
from signet import wiring
wiring.now_ms = lambda: given["now_ms"]
context = types.SimpleNamespace(
    aws_request_id="r", function_name="f", get_remaining_time_in_millis=lambda: 5000
)
sys.stdout, out = sys.stderr, sys.stdout
answers = [
    importlib.import_module(module).lambda_handler(event, context) for module, event in given["calls"]
]
loaded = sorted(name for name in sys.modules if name.partition(".")[0] in given["unwanted"])
json.dump({"answers": answers, "loaded": loaded}, out)
"""


def run(signet: Deployment, *calls: tuple[str, Any], unwanted: str) -> Any:
    """What a process of its own answers, and what of the unwanted packages it has loaded then."""
    modules = [[signet.function(operation).module, event] for operation, event in calls]
    given = {"now_ms": signet.clock.milliseconds, "calls": modules, "unwanted": unwanted.split()}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", CONTAINER],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_with_lean_a_function_without_s3_or_lambda_never_loads_botocore(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading it would take longer than everything else together."""
    monkeypatch.setenv("AWS_CLIENT", "lean")
    signet = moto_signet
    here = {"applicationId": signet.application_id}
    user = signet.invoke("create_user", here | {"email": "ann@example.com", "password": PASSWORD})
    token = signet.invoke("issue_session_token", here | {"experienceUserId": user["id"]})["token"]
    path = f"/applications/{signet.application_id}/experience/me"
    asked = signet.authorizer_event("GET", path, headers=signet.bearer(token))
    mint = {"identityType": "EMAIL", "identity": "test@example.com"}
    minted = signet.event("POST", "/api/v1/user-identity-jwt", mint, headers=signet.basic())
    keys = signet.event("GET", "/.well-known/jwks.json")
    found = run(
        signet,
        ("authorize_request", asked),
        ("issue_identity_token", minted),
        ("publish_jwks", keys),
        unwanted="botocore boto3 urllib3",
    )
    authorized, issued, published = found["answers"]
    assert authorized["isAuthorized"] is True
    assert (issued["statusCode"], published["statusCode"]) == (200, 200)
    # Powertools looks whether there is a botocore, which loads nothing but its name.
    assert set(found["loaded"]) <= {"botocore"}
