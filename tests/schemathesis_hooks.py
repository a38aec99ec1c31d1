"""What Schemathesis has to know of Signet to try what `make run` runs; it loads this in its own environment.

A schema cannot say what there is: which user a group may take in, which token is good. So ids become those
that there are, and what a call would destroy for all others is made for it alone. Nothing is done about
fields that a schema could describe: what it calls good has to be accepted.
"""

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import strategies as st

DEMO: dict[str, str] = json.loads(Path(os.environ["SIGNET_DEMO"]).read_text())
PASSWORD = "correct horse battery staple"
MAX_PROFILE_BYTES = 4096
SESSION_TOKEN = "session-token-of-its-own"
USER, GROUP = DEMO["user"], DEMO["group"]

PHONE_NUMBERS = ["+14155552671", "+442071838750", "+4930123456", "+81312345678", "+5511912345678"]
QUERIES = [
    "",
    "{}",
    '{"$or": []}',
    '{"id": {"$in": []}}',
    '{"creationDate": {"$gt": 0}}',
    '{"$nor": [{"lastUpdated": null}]}',
]
PRINTABLE = st.characters(codec="utf-8", categories=["L", "M", "N", "P", "S"])
PAST = st.datetimes(datetime(1970, 1, 2), datetime(2026, 11, 1))  # noqa: DTZ001
FORMATS: dict[str, st.SearchStrategy[str]] = {
    "email": st.from_regex(r"[a-z0-9]{1,8}@[a-z]{1,8}\.(com|org|test)", fullmatch=True),
    "password": st.text(PRINTABLE, min_size=8, max_size=40).map(lambda text: f"{text}, and so on"),
    "web-address": st.from_regex(r"https?://[a-z]{1,8}\.example/[a-z0-9/?&=]{0,12}", fullmatch=True),
    "date-time": PAST.map(lambda moment: f"{moment.isoformat()}Z"),
    "printable": st.text(PRINTABLE, min_size=1, max_size=128),
    "e164": st.sampled_from(PHONE_NUMBERS),
    "query": st.sampled_from(QUERIES),
    "next-token": st.just(""),
}
for name, strategy in FORMATS.items():
    schemathesis.openapi.format(name, strategy)


def post(path: str, body: dict[str, Any], token: str | None = None) -> Any:
    """Ask the gateway for what a call needs."""
    headers = {"authorization": f"Bearer {token or DEMO['apiToken']}"}
    answer = requests.post(f"{DEMO['url']}{path}", json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer.json()


def experience(application_id: str = DEMO["applicationId"]) -> str:
    """Where the application's users and groups are."""
    return f"/applications/{application_id}/experience"


def another_application() -> dict[str, str]:
    """What stands for the demo's application and its API token."""
    made = post("/applications", {"name": "Another"})
    # The token first: it has the application's id in it.
    return {DEMO["apiToken"]: made["apiToken"], DEMO["applicationId"]: made["applicationId"]}


def new_user() -> dict[str, str]:
    """A user, its address and password."""
    credentials = {"email": f"{os.urandom(8).hex()}@example.com", "password": PASSWORD}
    return {**credentials, "id": post(f"{experience()}/users", credentials)["id"]}


def another_user() -> dict[str, str]:
    """What stands for the user of all."""
    return {USER: new_user()["id"]}


def another_group() -> dict[str, str]:
    """What stands for the group of all."""
    return {GROUP: post(f"{experience()}/groups", {"name": "Another"})["id"]}


def another_session() -> dict[str, str]:
    """What stands for a session token: one of a user who may be deleted with it."""
    user = new_user()
    credentials = {name: user[name] for name in ("email", "password")}
    return {SESSION_TOKEN: post(f"{experience()}/login", credentials)["token"]}


OWN: dict[str, Callable[[], dict[str, str]]] = {
    "reset_api_token": another_application,
    "invalidate_application_tokens": another_application,
    "update_application": another_application,
    "delete_application": another_application,
    "delete_user": another_user,
    "delete_group": another_group,
}
"""What a call ends or changes for all others, by its operation."""

CREDENTIALS: dict[str, Any] = {
    "apiKey": DEMO["applicationId"],
    "authToken": DEMO["apiToken"],
    "currentPassword": PASSWORD,
}
THERE_IS: dict[str, Any] = {
    "experienceGroupIds": [GROUP],
    "experienceUserIds": [USER],
    "parentId": None,
}
FROM_THE_PATH = ("id", "applicationId", "experienceUserId", "experienceGroupId")


@schemathesis.hook  # type: ignore[untyped-decorator] # it is in an environment of its own
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Put what there is in the place of what was made up."""
    name = case.operation.definition.raw["operationId"]
    if isinstance(case.body, dict):
        inner = case.body.get("data", case.body)
        if isinstance(inner, dict):
            _fit(inner, case)
            if name == "identify":
                _vouch(inner)
            if name == "redeem_code" and isinstance(inner.get("code"), str):
                inner["code"] = post(f"{experience()}/users/{new_user()['id']}/codes", {"purpose": "logIn"})[
                    "code"
                ]
    if case.query:
        _select(case.query)
    swapped = OWN.get(name, dict)()
    if SESSION_TOKEN in json.dumps(dict(case.headers or {})):
        swapped |= another_session()
    if swapped:
        for part in (case.headers, case.path_parameters, case.body):
            _swap(part, swapped)


def _fit(body: dict[str, Any], case: Any) -> None:
    for name, value in {**CREDENTIALS, **THERE_IS}.items():
        if isinstance(body.get(name), str) or (isinstance(body.get(name), list) and body[name]):
            body[name] = value
    if case.operation.method == "patch" and case.meta.generation.mode.is_positive:
        for name in FROM_THE_PATH:
            body.pop(name, None)
        if body.get("email", "") is None:
            # That is what a user has who has no address.
            del body["email"]
    if "authorization" in {name.lower() for name in case.headers or {}}:
        # Whoever sends both is refused (RFC 6749 section 2.3).
        body.pop("client_id", None)
        body.pop("client_secret", None)


def _vouch(body: dict[str, Any]) -> None:
    """Let a user that is named bring a token."""
    user = body.get("user")
    if isinstance(user, dict) and len(json.dumps(user)) > MAX_PROFILE_BYTES:
        # That all of it together has a limit, no schema can say.
        for name in set(user) - {"userId", "organizationId", "email", "name", "photoUrl"}:
            del user[name]
    if isinstance(user, dict) and isinstance(user.get("userId"), str) and user["userId"].isprintable():
        asked = {
            "apiKey": DEMO["applicationId"],
            "authToken": DEMO["apiToken"],
            "userId": user["userId"] or "u1",
        }
        if len(asked["userId"]) <= 128:
            answer = post("/v1/auth/token/get", {"data": asked})
            body["authToken"] = answer["result"]["data"]["token"]


def _select(query: dict[str, Any]) -> None:
    """What a list's parameters ask of one another."""
    if query.get("filter") and not query.get("filterField"):
        query.pop("filter")
    if query.get("query") and query["query"] not in QUERIES:
        query["query"] = "{}"
    if "nextToken" in query:
        for name in ("sortField", "sortDirection", "page"):
            query.pop(name, None)


def _swap(part: Any, swapped: dict[str, str]) -> None:
    for key in list(part) if hasattr(part, "keys") else range(len(part)) if isinstance(part, list) else []:
        if isinstance(part[key], str):
            for old, new in swapped.items():
                part[key] = part[key].replace(old, new)
        else:
            _swap(part[key], swapped)
