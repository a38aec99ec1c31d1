"""What a fresh gateway has to show: a key ring, an application, and commands to try."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from local import private_file
from local.errors import StartError
from local.invoke import call, import_handler

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from local.sam import Function, Route

ROTATE_KEYS: Final = "functions.keys.rotate_keys.handler"
RESET_API_TOKEN: Final = "functions.applications.reset_api_token.handler"  # noqa: S105 (a module)
API_TOKEN: Final = "DEMO_API_TOKEN"  # noqa: S105 (the variable's name)
# Where the links of mails lead: to a front end under development, on an origin that CORS lets in.
FRONT_END: Final = "http://localhost:8080/#{purpose}={{code}}"
LASTING_SESSIONS: Final[Mapping[str, object]] = {"login_session_lifetime_ms": 30 * 86_400_000}
"""Log-ins can be refreshed for 30 days, since the examples show it."""

IMPORT: Final[tuple[dict[str, object], ...]] = (
    {"email": "bob@example.com", "password": "correct horse battery staple", "firstName": "Bob"},
    {
        "email": "eve@example.com",
        # Of "correct horse battery staple".
        "passwordHash": "$2b$10$ud2tnVWDPwxIoiFSCzd2ieDT9yndvXigIXJUkMk956zsL6Hm/lXxG",
        "userTags": {"plan": "free"},
        "creationDate": "2024-02-29T12:00:00Z",
    },
)
"""Users to import: one with a password, one with the hash that another system kept."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The running gateway, and its application.

    Attributes:
        url: the gateway's.
        application_id: the application's.
        api_token: its API token.
        aws_endpoint_url: DynamoDB's URL.
        table_name: the table.
        kms_key_id: the KMS key.
        lambda_endpoint_url: the URL of Lambda, S3 and KMS; DynamoDB's too, unless that is another engine.
        transfer_bucket: the S3 bucket of imports and exports.
    """

    url: str
    application_id: str
    api_token: str
    aws_endpoint_url: str
    table_name: str
    kms_key_id: str
    lambda_endpoint_url: str
    transfer_bucket: str


def make_key_ring(functions: Mapping[str, Function], url: str) -> None:
    """Make the key ring as an operator would: by invoking rotate_keys."""
    for function in functions.values():
        if function.module == ROTATE_KEYS:
            call(import_handler(function), function, {"issuer": url})
            return
    raise StartError(
        f"template.yaml has no function {ROTATE_KEYS.replace('.', '/')}.py to make the key ring."
    )


def make_application(api_token: str | None, kept: str | None = None) -> tuple[str, str]:
    """Register the demo application, and return its id and its API token.

    Args:
        api_token: the token that it is to have; one that is registered already is used again.
        kept: the token that it had, when nothing else is asked for; used again where it is still good.
    """
    from signet import wiring
    from signet.domain.applications import ApiToken
    from signet.store.applications import find_stored_application
    from signet.store.table import PartsRefused
    from signet.usecases.applications import register

    given = None
    now = wiring.now_ms()
    if api_token:
        given = ApiToken.find(api_token)
        if given is None:
            raise StartError(
                f"{API_TOKEN} is not an API token: "
                "sgt_, 24 lower-case hex digits, _ and 43 base64url characters."
            )
        # Not through the cache, which would remember that it is not there.
        known = find_stored_application(wiring.table(), given.application_id)
        if known is not None:
            if not known.accepts(given, now):
                raise StartError(f"{API_TOKEN} is not a token of the application {known.id}, which exists.")
            return known.id, given.secret
    elif (before := ApiToken.find(kept or "")) is not None:
        known = find_stored_application(wiring.table(), before.application_id)
        if known is not None and known.accepts(before, now):
            return known.id, before.secret
    try:
        application, token = register(wiring.table(), "Demo", now, api_token=given)
    except PartsRefused as error:
        raise StartError(
            f"The application of {API_TOKEN} was deleted, and its id is never given again:"
            " choose another token."
        ) from error
    change(application.id, {**self_service(), **LASTING_SESSIONS})
    return application.id, token.secret


def find_new_token(function: Function, answer: object, application_id: str) -> str | None:
    """The API token that an application was given by this answer, whatever its dialect; None by any other."""
    if function.module != RESET_API_TOKEN:
        return None
    match = re.search(rf"sgt_{application_id}_[A-Za-z0-9_-]{{43}}(?![A-Za-z0-9_-])", json.dumps(answer))
    return match and match[0]


def self_service() -> dict[str, object]:
    """The settings by which users may do alone whatever they can, since the examples show it."""
    from signet.domain.applications import LINKS

    offered: dict[str, object] = {"verify_email": "optional"}
    offered |= dict.fromkeys(("sign_up", "password_reset", "log_in_link", "profile"), True)
    offered |= {f"link_{name}": FRONT_END.format(purpose=purpose.value) for name, purpose in LINKS.items()}
    return {f"self_service_{name}": value for name, value in offered.items()}


def change(application_id: str, settings: Mapping[str, object]) -> None:
    """Change settings of an application, by the names that `signet.usecases.applications.update` has."""
    from signet import wiring
    from signet.usecases.applications import update

    update(wiring.table(), application_id, settings, wiring.now_ms())


def make_import(application_id: str) -> None:
    """Leave a file in the transfer bucket that can be imported, so that import_users has something to do."""
    from signet import wiring

    body = "".join(json.dumps(line) + "\n" for line in IMPORT).encode()
    wiring.transfer_bucket().write(f"import/{application_id}/example.jsonl", body)


def write(demo: Demo, path: Path) -> None:
    """Leave the credentials for scripts."""
    private_file.write_json(
        path,
        {
            "url": demo.url,
            "applicationId": demo.application_id,
            "apiToken": demo.api_token,
            "awsEndpointUrl": demo.aws_endpoint_url,
            "tableName": demo.table_name,
            "kmsKeyId": demo.kms_key_id,
            "lambdaEndpointUrl": demo.lambda_endpoint_url,
            "transferBucket": demo.transfer_bucket,
        },
    )


def banner(demo: Demo, routes: Iterable[Route], console: str, data: str = "") -> str:
    """What to print when the gateway is ready.

    Args:
        demo: the application.
        routes: what is served.
        console: the link to the operator's console.
        data: where they are, and since when.
    """
    commands = "\n\n".join(f"# {title}\n{command}" for title, command in examples(demo, routes))
    return f"""
Signet is running at {demo.url} (Ctrl-C stops it). To read and try the API: {demo.url}/docs

  application id   {demo.application_id}
  API token        {demo.api_token}
  DynamoDB         {demo.aws_endpoint_url}, table {demo.table_name}
  Lambda, S3       {demo.lambda_endpoint_url}, bucket {demo.transfer_bucket}
  data             {data}
  console          {console}
  command line     .venv/bin/signet (docs/cli.md)

Try it:

{commands}
"""


def examples(demo: Demo, routes: Iterable[Route]) -> list[tuple[str, str]]:
    """Three commands to paste, of routes that exist: one per dialect, where the dialects are there."""
    experience = f"/applications/{demo.application_id}/experience/users"
    mint = {"identityType": "EMAIL", "identity": "test@example.com"}
    token = {"apiKey": demo.application_id, "authToken": demo.api_token, "userId": "user-1"}
    user = {"email": "ann@example.com", "password": "correct horse battery staple", "firstName": "Ann"}
    bearer = f"authorization: Bearer {demo.api_token}"
    candidates = [
        (
            "Gladly: an identity token for an e-mail address",
            "POST /api/v1/user-identity-jwt",
            ["-u", f"you@example.com:{demo.api_token}", *_json(mint), f"{demo.url}/api/v1/user-identity-jwt"],
        ),
        (
            "Velt: a user token",
            "POST /v1/auth/token/get",
            [*_json({"data": token}), f"{demo.url}/v1/auth/token/get"],
        ),
        (
            "Losant: a user",
            "POST /applications/{}/experience/users",
            ["-H", bearer, *_json(user), f"{demo.url}{experience}"],
        ),
        (
            "The public keys that verify the tokens",
            "GET /.well-known/jwks.json",
            [f"{demo.url}/.well-known/jwks.json"],
        ),
        (
            "The application's settings",
            "GET /applications/{}",
            [f"{demo.url}/applications/{demo.application_id}"],
        ),
    ]
    served = {f"{route.method} {re.sub(r'{[^}]+}', '{}', route.path)}" for route in routes}
    # No answer ends its line.
    curl = ["curl", "-sw", r"\n"]
    return [(title, shlex.join([*curl, *args])) for title, key, args in candidates if key in served][:3]


def _json(body: Mapping[str, object]) -> list[str]:
    return ["-H", "content-type: application/json", "-d", json.dumps(body)]
