"""Schemathesis tries what `make run` runs, on a real DynamoDB engine, by the description that it serves.

Every operation is asked for what its schemas call good and for what they call bad. No answer may be a 5xx, or
another than is described, be it by its status, its media type or a member; what is good has to be accepted,
what is bad to be refused, and whoever shows no credentials has to hear so.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import engine
from tests.deployment import PASSWORD, ROOT
from tests.engine import running_engine
from tests.programs import running_demo

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.openapi,
    pytest.mark.engine,
    pytest.mark.engine_only("a program"),
]

PROGRAM = ROOT / ".tools" / "openapi" / "bin" / "st"
HOOKS = ROOT / "tests" / "schemathesis_hooks.py"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}

OPEN = {
    "selfService": {
        "signUp": True,
        "passwordReset": True,
        "logInLink": True,
        "profile": True,
        "verifyEmail": "optional",
    },
    "login": {"ttl": 3_600_000, "sessionLifetime": 86_400_000},
    # What one call has guessed wrong must not keep the others from logging in; an account has its limit.
    "guessing": {"source": {"atOnce": 0}},
}
"""What an application has to be set to so that every operation of it can succeed."""
CONFIGURATION = """
seed = 1
continue-on-failure = true
hooks = "{hooks}"
base-url = "{url}"

[cache]
enabled = false

# All that is secret here is the demo's.
[output.sanitization]
enabled = false

[warnings]
fail-on = true

[parameters]
"path.applicationId" = "{applicationId}"
"path.experienceUserId" = "{user}"
"path.experienceGroupId" = "{group}"

[auth.openapi]
apiToken = {{ bearer = "{apiToken}" }}
emailAndApiToken = {{ username = "you@example.com", password = "{apiToken}" }}
applicationIdAndApiToken = {{ username = "{applicationId}", password = "{apiToken}" }}
veltApiKey = {{ api_key = "{applicationId}" }}
veltAuthToken = {{ api_key = "{apiToken}" }}
sessionToken = {{ bearer = "session-token-of-its-own" }}

[generation]
max-examples = 10

[phases.stateful]
enabled = false

[phases.coverage]
unexpected-methods = []

# API Gateway answers 404, which a test of its own looks at.
[checks.unsupported_method]
enabled = false

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "413", "429"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "409", "413", "429"]

# An identity token, which some other call has given, does not end alone (api.md section 6).
[[operations]]
include-operation-id = "revoke_token"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "413", "429"]

# Velt's second version answers 400 to who shows no credentials (api.md section 4).
[[operations]]
include-path-regex = "^/v2/"
checks.ignored_auth.enabled = false
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What `make run` says of itself, with a user and a group besides."""
    with (
        running_engine() as url,
        running_demo(
            tmp_path_factory.mktemp("state"),
            AWS_ENDPOINT_URL_DYNAMODB=url,
            AWS_ACCESS_KEY_ID=engine.ACCESS_KEY_ID,
            AWS_SECRET_ACCESS_KEY=engine.SECRET_ACCESS_KEY,
        ) as shown,
    ):
        experience = f"{shown['url']}/applications/{shown['applicationId']}/experience"
        headers = {"authorization": f"Bearer {shown['apiToken']}"}
        user = httpx.post(
            f"{experience}/users", json={"email": "ann@example.com", "password": PASSWORD}, headers=headers
        )
        httpx.patch(f"{shown['url']}/applications/{shown['applicationId']}", json=OPEN).raise_for_status()
        group = httpx.post(f"{experience}/groups", json={"name": "Editors"}, headers=headers)
        yield {**shown, "user": user.json()["id"], "group": group.json()["id"]}


@pytest.fixture(scope="module")
def description(demo: Mapping[str, str]) -> dict[str, Any]:
    """What the gateway says of itself; its answers may have the members that it names, and no others."""
    described: dict[str, Any] = httpx.get(f"{demo['url']}/openapi.json").json()
    for operations in described["paths"].values():
        for operation in operations.values():
            close(operation["responses"], described)
    close(described["components"]["responses"], described)
    return described


def close(part: Any, described: dict[str, Any]) -> None:
    """Let no object of a schema have further members, nor those of the schemas that it refers to."""
    if isinstance(part, list):
        for member in part:
            close(member, described)
    if not isinstance(part, dict):
        return
    if part.get("type") == "object" and "properties" in part:
        if "additionalProperties" in part:
            return
        part["additionalProperties"] = False
    if str(part.get("$ref", "")).startswith("#/components/schemas/"):
        close(described["components"]["schemas"][part["$ref"].rpartition("/")[2]], described)
    for member in part.values():
        close(member, described)


def test_every_answer_is_as_it_is_described(
    demo: Mapping[str, str], description: dict[str, Any], tmp_path: Path
) -> None:
    """Schemathesis finds nothing in its examples, at the edges of the schemas, and by chance."""
    shown = {**demo, "hooks": str(HOOKS)}
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION.format(**shown))
    (tmp_path / "openapi.json").write_text(json.dumps(description))
    (tmp_path / "demo.json").write_text(json.dumps(demo))
    done = subprocess.run(  # noqa: S603
        [PROGRAM, "--config-file", "schemathesis.toml", "--no-color", "run", "openapi.json"],
        cwd=tmp_path,
        env={**os.environ, "SIGNET_DEMO": str(tmp_path / "demo.json")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    assert f"Tested: {sum(map(len, description['paths'].values()))}" in done.stdout


def test_a_method_that_a_path_does_not_have_is_not_found(
    demo: Mapping[str, str], description: dict[str, Any]
) -> None:
    """As API Gateway has it, whose answer to a preflight is another one."""
    with httpx.Client(base_url=demo["url"]) as client:
        for path, operations in description["paths"].items():
            for method in sorted(METHODS - {name.upper() for name in operations}):
                answer = client.request(method, path.replace("{", "").replace("}", ""))
                assert answer.status_code == 404, (method, path)
                assert method == "HEAD" or answer.json() == {"message": "Not Found"}
