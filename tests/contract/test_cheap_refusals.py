"""Whoever has shown no credential costs little and gets little back, whatever the body holds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from signet.domain import strict_json
from signet.edge import operation
from tests import hostile
from tests.deployment import Deployment, Response

MAX_ANSWER = 4096

MAX_CALLS = 90_000
"""Of functions, for 32 KiB: eight for each of the smallest objects that fit."""

IN_BODY = {
    "POST /v1/auth/token/get",
    "POST /v1/identify",
    "POST /v2/workspace/apikeyconfig/get",
    "POST /v2/workspace/apikeyconfig/update",
    "POST /v2/workspace/authtoken/reset",
    "POST /v2/workspace/authtokens/get",
}
"""Routes whose credentials may stand in the body, which has to be parsed for them."""

PUBLIC = {
    "POST /applications/{applicationId}/experience/codes/redeem",
    "POST /applications/{applicationId}/experience/log-in-link",
    "POST /applications/{applicationId}/experience/login",
    "POST /applications/{applicationId}/experience/password-reset",
    "POST /applications/{applicationId}/experience/sign-up",
    "POST /applications/{applicationId}/experience/verification",
}
"""Routes with a body that anybody may send."""

OF_USERS = {
    "DELETE /applications/{applicationId}/experience/me",
    "PATCH /applications/{applicationId}/experience/me",
    "POST /applications/{applicationId}/experience/logout",
    "POST /applications/{applicationId}/experience/refresh",
}
"""Routes of users, whose token is one of the operation's fields."""

WITH_A_BODY = sorted(
    route for route in hostile.ROUTES if route.startswith(("POST", "PATCH")) or route in OF_USERS
)


def send(signet: Deployment, route: str, raw: bytes, headers: dict[str, str] | None = None) -> Response:
    (asked, *_) = hostile.seeds(route, {**DEMO, "applicationId": signet.application_id})
    asked.headers = {"content-type": "application/json", **(headers or {})}
    asked.raw = raw.replace(b"$key", signet.application_id.encode())
    return asked.send(signet)


DEMO = dict.fromkeys(
    ("apiToken", "userId", "groupId", "userEmail", "sessionToken", "loginToken", "userToken", "code"),
    "f" * 24,
)
DEMO["announcedKid"] = "k"


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many functions are called meanwhile, Python's and others'."""
    calls = [0]

    def count(_frame: object, event: str, _argument: object) -> None:
        calls[0] += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("name", sorted(hostile.BODIES))
def test_a_refusal_is_cheap_and_short(moto_signet: Deployment, name: str) -> None:
    """On every route, whatever is wrong with what somebody sends who has shown nothing."""
    signet = moto_signet
    signet.invoke("update_application", {"applicationId": signet.application_id, "requireJwtToken": False})
    signet.restart()
    for route in WITH_A_BODY:
        send(signet, route, b"{}")  # What is imported and read once is not what a request costs.
        with counted() as calls:
            answer = send(signet, route, hostile.BODIES[name])
        assert 400 <= answer.status < 500 or "claims" in name, (route, answer.body)
        assert len(answer.body) <= MAX_ANSWER, route
        assert calls[0] <= MAX_CALLS, (route, calls)


@pytest.mark.parametrize("route", WITH_A_BODY)
@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer x"}, {"authorization": "Basic YTpi"}], ids=str
)
def test_no_stranger_s_body_is_parsed(
    moto_signet: Deployment, route: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the size, then the credentials, then the JSON: as far as they do not stand in it."""
    parsed: list[bytes] = []
    real = strict_json.parse_object

    def parse(body: bytes) -> strict_json.Members:
        parsed.append(body)
        return real(body)

    monkeypatch.setattr(strict_json, "parse_object", parse)
    headers = {**headers, "x-velt-api-key": "x", "x-velt-auth-token": "x"}
    body = b'{"no": "credentials"}'
    if route in hostile.SIGNED:
        event = moto_signet.event("POST", "/applications", raw=body, headers=headers)
        answer = moto_signet.handler("create_application")(event, moto_signet.context("create_application"))
        assert answer["statusCode"] == 401
    else:
        assert send(moto_signet, route, body, headers).status >= 400
    may_be_a_user = route in OF_USERS and "Bearer" in headers.get("authorization", "")
    assert parsed == ([body] if route in IN_BODY | PUBLIC or may_be_a_user else [])
    assert send(moto_signet, route, b" " * (operation.LARGE_BODY_BYTES + 1), headers).status == 413
