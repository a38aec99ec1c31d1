"""Whatever fails on the way to AWS: a user is answered, or has the tokens that it had and can try again.

Every call that an operation makes is found by itself, and fails in every way, in a cold container: so much is
asked for that each call comes which the operation can make.
"""

import json
import os
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest

from signet.errors import Unavailable
from tests.deployment import PASSWORD, Deployment
from tests.faults import Fault, failing, faults_of, restore

EMAIL = "ann@example.com"
USES = {
    "emailPassword": {"email", "password"},
    "token": {"token"},
    "tokenEmail": {"token", "email"},
    "tokenEmailPassword": {"token", "email", "password"},
}


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        operation: Of which function.
        fields: Its fields; `<token>` and `<userId>` stand for the user's.
        invalidates: Whether it ends the user's tokens.
        settings: The application's `login` settings.
    """

    operation: str
    fields: dict[str, Any]
    invalidates: bool
    settings: dict[str, Any] = field(default_factory=dict)


def authenticate(mode: str, *, invalidates: bool, returns: bool) -> Request:
    given = {"email": EMAIL, "password": PASSWORD, "token": "<token>"}
    fields = {
        "authMode": mode,
        "invalidateExistingTokens": invalidates,
        "returnToken": returns,
        **{name: given[name] for name in USES[mode]},
    }
    return Request("authenticate", fields, invalidates)


def node(mode: str, *, invalidates: bool) -> Request:
    fields = {
        "authMode": mode,
        "emailTemplate": EMAIL,
        "passwordTemplate": PASSWORD,
        "tokenTemplate": "{{token}}",
        "invalidateExistingTokens": invalidates,
        "tokenResultPath": "result.token",
        "userResultPath": "result.user",
    }
    return Request("authenticate", {"node": fields, "payload": {"token": "<token>"}}, invalidates)


def log_in(*, invalidates: bool) -> Request:
    settings = {"invalidateExistingTokens": invalidates}
    return Request("log_in", {"email": EMAIL, "password": PASSWORD}, invalidates, settings)


def session(named: str, *, invalidates: bool, logs_in: bool) -> Request:
    fields = {
        "experienceUserId": named,
        "invalidateExistingTokens": invalidates,
        "treatAsLogin": logs_in,
    }
    return Request("issue_session_token", fields, invalidates)


REQUESTS = {
    **{f"authenticate by {mode}": authenticate(mode, invalidates=True, returns=True) for mode in USES},
    "the node": node("tokenEmailPassword", invalidates=True),
    "log in": log_in(invalidates=True),
    "session token": session(EMAIL, invalidates=True, logs_in=True),
}
"""Those that end tokens and are answered with a new one."""

ALIKE = ("authenticate by token", "authenticate by tokenEmail", "the node")
"""What is asked for in each of these ways is a part of what another one asks for."""


class Scene:
    """A user with a weak hash, two groups and two tokens, in an application with settings."""

    def __init__(self, signet: Deployment, request: Request) -> None:
        self.signet = signet
        if request.settings:
            self.call("update_application", login=request.settings)
        groups = [self.call("create_group", name=name)["id"] for name in ("Staff", "Crew")]
        user = self.call("create_user", email=EMAIL, password=PASSWORD, experienceGroupIds=groups)
        self.groups, self.user_id = user["experienceGroups"], user["id"]
        self.tokens = [
            self.call("issue_session_token", experienceUserId=user["id"], ttl=86_400_000)["token"]
            for _ in range(2)
        ]
        self._items = signet.items()
        self._stronger = {"ARGON2_MEMORY_KIB": str(2 * int(os.environ["ARGON2_MEMORY_KIB"]))}

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function in the application."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def ask(self, request: Request) -> Any:
        """Ask for it, with what is the user's."""
        with mock.patch.dict(os.environ, self._stronger):
            return self.call(request.operation, **self._filled(request.fields))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(inner) for name, inner in value.items()}
        return {"<token>": self.tokens[0], "<userId>": self.user_id}.get(value, value)

    def begin_again(self) -> None:
        """Put everything back as it was, with a container that knows nothing."""
        restore(self.signet, self._items)

    def is_valid(self, token: str) -> bool:
        """Whether introspection calls the token active."""
        active: bool = self.call("introspect_token", token=token)["active"]
        return active


def check_answer(scene: Scene, request: Request, answer: Any) -> None:
    """The answer gives all that was asked for; what it must have ended has ended, and nothing else."""
    given = answer
    if "payload" in answer:
        given = {"authenticated": answer["authenticated"], **answer["payload"]["result"]}
    assert given.get("authenticated", True) is True
    if given.get("token") is not None:
        assert scene.is_valid(given["token"])
    asked = request.fields.get("returnToken", True)
    assert ("token" in given) is asked
    assert [scene.is_valid(token) for token in scene.tokens] == [not request.invalidates] * 2
    if "user" in given:
        user = given["user"]
        assert user["id"] == scene.user_id
        if "partial" in user:
            assert (user["partial"], "experienceGroups" in user) == (["experienceGroups"], False)
        else:
            assert user["experienceGroups"] == scene.groups


def check_fault(scene: Scene, request: Request, fault: Fault) -> None:
    """The request is answered in spite of the fault; or nothing has ended, and a repetition is answered."""
    scene.begin_again()
    with failing(fault):
        try:
            answer = scene.ask(request)
        except Unavailable:
            answer = None
    if answer is None:
        assert [scene.is_valid(token) for token in scene.tokens] == [True] * 2, fault
        answer = scene.ask(request)
        assert "partial" not in repr(answer)
    check_answer(scene, request, answer)


def check_all_faults(scene: Scene, request: Request) -> list[Fault]:
    """Every fault of the request, each in a container that knows nothing; gives them."""
    scene.begin_again()
    answers: list[Any] = []
    faults = faults_of(lambda: answers.append(scene.ask(request)))
    check_answer(scene, request, *answers)
    assert "partial" not in repr(answers)
    for fault in faults:
        check_fault(scene, request, fault)
    return faults


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.heavy if name in ALIKE else ()) for name in REQUESTS]
)
def test_who_hears_of_a_failure_has_lost_nothing(moto_signet: Deployment, name: str) -> None:
    """Where tokens end and a new one is the answer, nothing that can fail comes after their end."""
    faults = check_all_faults(Scene(moto_signet, REQUESTS[name]), REQUESTS[name])
    assert {fault.operation for fault in faults} >= {"BatchGetItem", "Query", "Decrypt", "UpdateItem"}


def test_what_the_answer_does_without_is_logged(
    moto_signet: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hash that was not upgraded, groups that were not read: a warning for the operator, with its cause."""
    request = REQUESTS["log in"]
    scene = Scene(moto_signet, request)
    scene.begin_again()
    faults = faults_of(lambda: scene.ask(request))
    for fault in [fault for fault in faults if fault.how == "request lost"][-2:]:
        scene.begin_again()
        capsys.readouterr()
        with failing(fault):
            answer = scene.ask(request)
        assert ("partial" in answer["user"]) is (fault.operation == "BatchGetItem")
        warning, success = map(json.loads, capsys.readouterr().out.splitlines())
        assert (warning["level"], warning["exception_name"]) == ("WARNING", "Unavailable")
        assert "NoAnswer" in warning["exception"]
        assert success["Success"] == [1.0]
