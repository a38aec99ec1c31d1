"""The recipes of docs/verify.md, each as it stands there, against what `make run` runs behind TLS."""

import json
import os
import ssl
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests import documentation
from tests.deployment import PASSWORD, ROOT
from tests.http_server import Reply, Request, make_certificate, reply, running_server
from tests.programs import running_demo
from tests.verifiers import PACKAGES, find_node

RECIPES = {
    block.heading: (block.language, block.code)
    for block in documentation.BLOCKS
    if block.page == "docs/verify.md" and block.language != "sh"
}
RUN = {title: recipe for title, recipe in RECIPES.items() if recipe[0] in {"js", "python"}}
WITHOUT_AN_END = {
    "jose (Node)": (', requiredClaims: ["sub", "exp"]', ""),
    "aws-jwt-verify (Node)": (" || !payload.exp", ""),
    "express-oauth2-jwt-bearer (Node)": ('typ: "session+jwt"', 'typ: "session+jwt", exp: false'),
    "PyJWT (Python)": (', "exp"', ""),
}
"""What makes each take tokens without an end."""

PYTHON = """
import json, sys
from recipe import verify

def verdict(token):
    try:
        return verify(token)["sub"]
    except Exception as error:
        print(repr(error), file=sys.stderr)

print(json.dumps([verdict(token) for token in json.load(sys.stdin)]))
"""
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  SignetUrl: {Type: String}
  ApplicationId: {Type: String}
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      InlineCode: "def handler(event, context): return {}"
      Events: {Http: {Type: HttpApi, Properties: {ApiId: !Ref YourHttpApi, Method: GET, Path: /orders}}}
"""


@dataclass(frozen=True)
class Served:
    """What `make run` runs, as verifiers reach it: by its issuer, over TLS."""

    url: str
    demo: Mapping[str, str]
    certificate: Path

    def post(self, path: str, body: object, method: str = "POST", **more: str) -> dict[str, str]:
        """What Signet answers to the application."""
        headers = {"authorization": f"Bearer {self.demo['apiToken']}", **more}
        asked = httpx.request(method, self.demo["url"] + path, json=body, headers=headers, trust_env=False)
        answer: dict[str, str] = asked.raise_for_status().json()
        return answer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    certificate = make_certificate(tmp_path_factory.mktemp("certificate"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with (
        running_demo(tmp_path_factory.mktemp("state")) as demo,
        running_server(context) as server,
        httpx.Client(base_url=demo["url"], trust_env=False) as client,
    ):

        def forwarded(request: Request) -> Reply:
            answer = client.get(request.line.split()[1])
            return reply(answer.content, answer.status_code, {"content-type": "application/json"})

        server.answer = forwarded
        invocation = f"{demo['lambdaEndpointUrl']}/2015-03-31/functions/RotateKeysFunction/invocations"
        httpx.post(invocation, json={"issuer": server.url}, trust_env=False).raise_for_status()
        yield Served(server.url, demo, certificate)


def verdicts(
    language: str, code: str, tokens: Sequence[str], served: Served, folder: Path
) -> list[str | None]:
    """What a recipe makes of each token: whose it is, or None."""
    certificate = str(served.certificate)
    environment = {
        **os.environ,
        "SIGNET_URL": served.url,
        "SIGNET_APPLICATION_ID": served.demo["applicationId"],
        "NODE_EXTRA_CA_CERTS": certificate,
        "SSL_CERT_FILE": certificate,
        "no_proxy": "localhost,127.0.0.1",
    }
    if language == "js":
        (folder / "recipe.mjs").write_text(code)
        if not (folder / "node_modules").exists():
            (folder / "node_modules").symlink_to(PACKAGES / "node_modules")
        command = [find_node() or "node", str(ROOT / "tests/recipe.mjs"), str(folder / "recipe.mjs")]
    else:
        (folder / "recipe.py").write_text(code)
        command = [sys.executable, "-c", PYTHON]
    ran = subprocess.run(  # noqa: S603 - our own recipe, no shell
        command,
        cwd=folder,
        env=environment,
        input=json.dumps(tokens),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: list[str | None] = json.loads(ran.stdout)
    return found


@pytest.mark.heavy
@pytest.mark.node
@pytest.mark.parametrize("title", RUN)
def test_a_recipe_takes_session_tokens_of_its_application(title: str, served: Served, tmp_path: Path) -> None:
    """And neither one without an end, nor another kind, nor another application's, nor a forged one."""
    users = f"/applications/{served.demo['applicationId']}/experience/users"
    email = f"{title.split()[0].lower()}@example.com"
    user = served.post(users, {"email": email, "password": PASSWORD})
    good = served.post(f"{users}/{user['id']}/token", {"ttl": 3_600_000})["token"]
    endless = served.post(f"{users}/{user['id']}/token", {})["token"]
    credentials = {"apiKey": served.demo["applicationId"], "authToken": served.demo["apiToken"]}
    of_another_kind = httpx.post(
        f"{served.demo['url']}/v1/auth/token/get",
        json={"data": {**credentials, "userId": user["id"]}},
        trust_env=False,
    ).json()["result"]["data"]["token"]
    other = served.post("/applications", {"name": "Another"})
    theirs = f"/applications/{other['applicationId']}/experience/users"
    bearer = f"Bearer {other['apiToken']}"
    stranger = served.post(theirs, {"email": email, "password": PASSWORD}, authorization=bearer)
    of_another_application = served.post(
        f"{theirs}/{stranger['id']}/token", {"ttl": 3_600_000}, authorization=bearer
    )["token"]
    head, payload, signature = good.split(".")
    forged = f"{head}.{payload}.{signature[:-8]}AAAAAAAA"
    tokens = [good, endless, of_another_kind, of_another_application, forged]
    language, code = RUN[title]
    assert verdicts(language, code, tokens, served, tmp_path) == [user["id"], None, None, None, None]
    demand, none = WITHOUT_AN_END[title]
    assert demand in code
    lenient = verdicts(language, code.replace(demand, none), tokens, served, tmp_path)
    assert lenient == [user["id"], user["id"], None, None, None], (
        "it is this that refuses a token without an end"
    )


def test_there_is_a_recipe_for_each_verifier() -> None:
    """Those that are not run are in languages that the tests have not."""
    assert [title.split(" (")[0] for title in RECIPES] == [
        "jose",
        "aws-jwt-verify",
        "express-oauth2-jwt-bearer",
        "PyJWT",
        "Spring Security",
        "go-oidc",
        "API Gateway's own JWT authorizer",
    ]


def test_api_gateway_s_authorizer_is_one_that_sam_makes() -> None:
    """The recipe and a function behind it are a template that cfn-lint has nothing to say about."""
    from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

    (recipe,) = (code for language, code in RECIPES.values() if language == "yaml")
    assert lint(TEMPLATE + textwrap.indent(recipe, "  "), config=ManualArgs(regions=["us-east-1"])) == []
