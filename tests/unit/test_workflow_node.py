"""The workflow node: what it makes of a payload, and what it puts into it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.domain.users import User
from signet.edge.fields.model import MAX_AGE_LIMIT_MS
from signet.edge.nodes.authenticate_user import AuthenticateUserRequest, run
from signet.errors import FaultKind, InvalidRequest
from signet.usecases.authentication import Attempt, Authentication, AuthMode

ANN = User(id="5f0c7a1e9b2d4c6e8f0a1b2c", email="ann@example.com", created_at_ms=0, updated_at_ms=0)
VIEW = {"id": ANN.id, "email": ANN.email}
TOKEN = "header.claims.signature"

PAYLOAD: dict[str, Any] = {
    "time": 1800000000123,
    "data": {
        "body": {"email": "ann@example.com", "password": "correct horse", "name": 'Ann", "role": "admin'},
        "cookies": {"authorization": "given.session.token"},
        "ttl": 60_000,
    },
}
TEMPLATES = {
    "emailTemplate": "{{data.body.email}}",
    "passwordTemplate": "{{data.body.password}}",
    "tokenTemplate": "{{data.cookies.authorization}}",
}
TOKEN_MODES = [AuthMode.TOKEN, AuthMode.TOKEN_EMAIL, AuthMode.TOKEN_EMAIL_PASSWORD]


class Gate:
    """Stands for the authentication: remembers what it was asked, and lets in or not."""

    def __init__(self, *, opens: bool = True) -> None:
        self.opens = opens
        self.attempts: list[Attempt] = []

    def __call__(self, attempt: Attempt) -> Authentication | None:
        """As `authenticate` does."""
        self.attempts.append(attempt)
        if not self.opens:
            return None
        return Authentication(ANN, TOKEN if attempt.return_token else None)


def node(mode: str = "emailPassword", **fields: Any) -> dict[str, Any]:
    return {"authMode": mode, **TEMPLATES, **fields}


def pass_through(gate: Gate, node: dict[str, Any], payload: dict[str, Any] = PAYLOAD) -> dict[str, Any]:
    before = json.dumps(payload)
    result = run(
        AuthenticateUserRequest.parse({"node": node, "payload": payload}), gate, lambda *_: dict(VIEW)
    )
    assert json.dumps(payload) == before
    return result


def attempt_of(node: dict[str, Any], payload: dict[str, Any] = PAYLOAD) -> Attempt:
    gate = Gate()
    pass_through(gate, node, payload)
    (attempt,) = gate.attempts
    return attempt


def refusal_of(node: dict[str, Any], payload: dict[str, Any] = PAYLOAD) -> InvalidRequest:
    """The refusal; it must have come before anybody was authenticated."""
    gate = Gate()
    with pytest.raises(InvalidRequest) as caught:
        pass_through(gate, node, payload)
    assert not gate.attempts
    return caught.value


# The two branches


def test_the_true_branch_has_user_and_token_in_the_payload() -> None:
    """Each at its path; all else in the payload stays."""
    fields = {"userResultPath": "data.responseUser", "tokenResultPath": "data.responseToken"}
    data = PAYLOAD["data"] | {"responseUser": VIEW, "responseToken": TOKEN}
    assert pass_through(Gate(), node(**fields)) == {
        "authenticated": True,
        "payload": PAYLOAD | {"data": data},
    }


def test_the_false_branch_has_the_payload_as_it_came() -> None:
    """What stands at a result's path stays there."""
    payload = PAYLOAD | {"user": "who was it", "token": 1}
    fields = {"userResultPath": "user", "tokenResultPath": "token"}
    result = pass_through(Gate(opens=False), node(**fields), payload)
    assert result == {"authenticated": False, "payload": payload}


def test_without_result_paths_nothing_is_put_in() -> None:
    """Then the answer is all in the branch."""
    assert pass_through(Gate(), node()) == {"authenticated": True, "payload": PAYLOAD}


def test_the_user_is_shown_only_where_it_is_put() -> None:
    """Its view costs a look at its groups."""
    request = AuthenticateUserRequest.parse({"node": node(), "payload": PAYLOAD})
    run(request, Gate(), lambda *_: pytest.fail("nobody asked for the user"))


def test_a_result_may_replace_the_password() -> None:
    """A path may lead to what the workflow shall forget."""
    result = pass_through(Gate(), node(userResultPath="data.body"))
    assert result["payload"]["data"]["body"] == VIEW


# What is asked of the authentication


@pytest.mark.parametrize("mode", AuthMode)
@pytest.mark.parametrize("invalidate", [True, False, None])
def test_the_templates_of_the_mode_s_own_credentials_are_used(
    mode: AuthMode, invalidate: bool | None
) -> None:
    """The others are not looked at, whatever they hold."""
    used = {"email": mode.uses_email, "password": mode.uses_password, "token": mode.uses_token}
    values = {"email": "ann@example.com", "password": "correct horse", "token": "given.session.token"}
    templates = {f"{n}Template": TEMPLATES[f"{n}Template"] if used[n] else "{{#if x}}" for n in used}
    attempt = attempt_of({"authMode": mode.value, "invalidateExistingTokens": invalidate, **templates})
    assert attempt == Attempt(
        mode=mode,
        email=values["email"] if mode.uses_email else None,
        password=values["password"] if mode.uses_password else None,
        token=values["token"] if mode.uses_token else None,
        invalidate_existing_tokens=invalidate is True,
    )


@pytest.mark.parametrize("mode", AuthMode)
@pytest.mark.parametrize("absent", [None, "", "  ", ...])
def test_a_template_that_the_mode_needs_is_required(mode: AuthMode, absent: Any) -> None:
    """Left out, null and blank are the same, and all that is missing is named at once."""
    used = {"email": mode.uses_email, "password": mode.uses_password, "token": mode.uses_token}
    given = {} if absent is ... else {f"{name}Template": absent for name in used}
    refusal = refusal_of({"authMode": mode.value, **given})
    assert [fault.dotted for fault in refusal.faults] == [f"node.{n}Template" for n in used if used[n]]
    assert {fault.kind for fault in refusal.faults} == {FaultKind.MISSING}


def test_a_credential_that_the_payload_lacks_is_empty() -> None:
    """Which is no credential: the false branch, not a refusal."""
    attempt = attempt_of(node("tokenEmailPassword"), {})
    assert (attempt.email, attempt.password, attempt.token) == ("", "", "")


@pytest.mark.parametrize("name", ["email", "password"])
def test_a_credential_in_the_payload_that_is_a_template_stays_text(name: str) -> None:
    """Who logs in cannot reach the rest of the payload."""
    body = {"email": "a", "password": "b"} | {name: "{{secrets.key}}"}
    payload = {"data": {"body": body}, "secrets": {"key": "hunter2"}}
    assert getattr(attempt_of(node(), payload), name) == "{{secrets.key}}"


@pytest.mark.parametrize("name", ["emailTemplate", "passwordTemplate", "tokenTemplate"])
def test_a_helper_in_a_template_that_is_used_is_refused(name: str) -> None:
    """By the template's name and the helper's."""
    refusal = refusal_of(node("tokenEmailPassword", **{name: "{{lower data.body.email}}"}))
    assert refusal.faults[0].dotted == f"node.{name}"
    assert "{{lower data.body.email}}, which is a helper" in refusal.message


# The new token


@pytest.mark.parametrize("mode", AuthMode)
@pytest.mark.parametrize("invalidate", [True, False])
@pytest.mark.parametrize("path", ["token", None, ""])
def test_ttl_and_extra_data_count_only_for_a_token_that_is_made(
    mode: AuthMode, invalidate: bool, path: str | None
) -> None:
    """Elsewhere they are ignored, as in the product, however faulty."""
    fields = {"invalidateExistingTokens": invalidate, "tokenResultPath": path}
    sound = {"ttlTemplate": "{{data.ttl}}", "extraDataJsonTemplate": '{"ttl": {{data.ttl}}}'}
    faulty = {"ttlTemplate": "{{#if x}}", "extraDataJsonTemplate": "{{{"}
    is_made = bool(path) and (invalidate or mode is AuthMode.EMAIL_PASSWORD)
    attempt = attempt_of(node(mode.value, **fields, **sound))
    assert attempt.return_token == bool(path)
    if is_made:
        assert (attempt.ttl_ms, attempt.extra_data) == (60_000, {"ttl": 60_000})
        assert isinstance(attempt.ttl_ms, int)
        refusal_of(node(mode.value, **fields, **faulty))
    else:
        assert (attempt.ttl_ms, attempt.extra_data) == (None, None)
        assert attempt_of(node(mode.value, **fields, **faulty)) == attempt


@pytest.mark.parametrize("blank", [{}, {"extraDataJsonTemplate": None}, {"extraDataJsonTemplate": " "}])
def test_no_extra_data_is_none_and_not_an_empty_object(blank: dict[str, Any]) -> None:
    """None carries the given token's over; `{}` does away with it."""
    assert attempt_of(node(tokenResultPath="token", **blank)).extra_data is None
    assert attempt_of(node(tokenResultPath="token", extraDataJsonTemplate="{}")).extra_data == {}


@pytest.mark.parametrize("absent", [{}, {"ttlTemplate": None}, {"ttlTemplate": ""}, {"ttlTemplate": "  "}])
def test_without_a_ttl_template_the_token_has_no_end(absent: dict[str, Any]) -> None:
    """Left out, null, or as blank as an exported node has it where nobody wrote anything."""
    assert attempt_of(node(tokenResultPath="token", **absent)).ttl_ms is None


@pytest.mark.parametrize(
    ("template", "ttl_ms"),
    [
        ("60000", 60_000),
        ("{{data.ttl}}", 60_000),
        (" {{data.ttl}} ", 60_000),
        ("0.5", 1),
        ("1", 1),
        (str(MAX_AGE_LIMIT_MS), MAX_AGE_LIMIT_MS),
    ],
)
def test_a_max_age_is_a_whole_number_of_milliseconds(template: str, ttl_ms: int) -> None:
    """Rounded up, up to 100 years."""
    assert attempt_of(node(tokenResultPath="token", ttlTemplate=template)).ttl_ms == ttl_ms


@pytest.mark.parametrize(
    "template",
    [
        "{{data.nothing}}",
        "{{data.body.email}}",
        "{{data}}",
        "0",
        "-60000",
        "-0",
        "0.0",
        "1e-999",
        "1e999",
        "9" * 5000,
        str(MAX_AGE_LIMIT_MS + 1),
        "true",
        "NaN",
        "Infinity",
        "1 day",
    ],
)
def test_a_max_age_that_is_no_positive_number_never_makes_an_eternal_token(template: str) -> None:
    """It was given, so it is refused: also where the payload lacks what it refers to."""
    refusal = refusal_of(node(tokenResultPath="token", ttlTemplate=template))
    assert refusal.faults[0].dotted == "node.ttlTemplate"


def test_a_name_cannot_inject_a_member_into_the_extra_data() -> None:
    """The payload's name is `Ann", "role": "admin`."""
    template = '{"name": "{{data.body.name}}", "role": "guest"}'
    attempt = attempt_of(node(tokenResultPath="token", extraDataJsonTemplate=template))
    assert attempt.extra_data == {"name": 'Ann", "role": "admin', "role": "guest"}


@pytest.mark.parametrize(
    "template", ["[]", "1", "null", "{{data.nothing}}", "{", '{"a": 1, "a": 2}', '{"a": NaN}', "{{#if x}}"]
)
def test_extra_data_that_is_no_json_object_is_refused(template: str) -> None:
    """Strict JSON, and an object."""
    refusal = refusal_of(node(tokenResultPath="token", extraDataJsonTemplate=template))
    assert refusal.faults[0].dotted == "node.extraDataJsonTemplate"


def test_extra_data_has_a_bound_in_bytes() -> None:
    """4,096 of them, in UTF-8 and without spaces; the refusal says how many there were."""
    field = {"tokenResultPath": "token", "extraDataJsonTemplate": '{ "a": "{{a}}" }'}
    assert attempt_of(node(**field), PAYLOAD | {"a": "ü" * 2044}).extra_data == {"a": "ü" * 2044}
    refusal = refusal_of(node(**field), PAYLOAD | {"a": "ü" * 2045})
    assert refusal.faults[0].dotted == "node.extraDataJsonTemplate"
    assert "4098 bytes" in refusal.message


def test_the_faults_of_a_new_token_are_named_at_once() -> None:
    """Both fields, in one refusal."""
    extra = json.dumps({"a": "x" * 5000})
    refusal = refusal_of(node(tokenResultPath="t", ttlTemplate="0", extraDataJsonTemplate=extra))
    assert [f.dotted for f in refusal.faults] == ["node.ttlTemplate", "node.extraDataJsonTemplate"]


# Result paths


@pytest.mark.parametrize(
    ("user_path", "token_path"),
    [
        ("data.session", "data.session"),
        ("data.session", "data.session.token"),
        ("data.session.user", "data.session"),
        ("data", "data.a.b.c"),
        ("data.items.[0]", "data.items.0"),
        ("data.[session]", " data.session "),
    ],
)
def test_results_do_not_overwrite_each_other(user_path: str, token_path: str) -> None:
    """The same path, or one inside the other, however they are written."""
    refusal = refusal_of(node(userResultPath=user_path, tokenResultPath=token_path))
    assert refusal.faults[0].dotted == "node.tokenResultPath"


def test_results_may_lie_side_by_side() -> None:
    """In an object that is made for both."""
    fields = {"userResultPath": "session.user", "tokenResultPath": "session.token"}
    result = pass_through(Gate(), node(**fields))
    assert result["payload"] == PAYLOAD | {"session": {"user": VIEW, "token": TOKEN}}


@pytest.mark.parametrize("name", ["userResultPath", "tokenResultPath"])
@pytest.mark.parametrize(
    "path", ["a..b", "{{data.x}}", "data.body.email.user", "time.x", "a" * 256, "a." * 40 + "a"]
)
def test_a_path_that_leads_nowhere_is_refused_before_anybody_is_authenticated(name: str, path: str) -> None:
    """Otherwise the old tokens would have ended, and the new one would be lost."""
    fields: dict[str, Any] = {name: path, "invalidateExistingTokens": True}
    refusal = refusal_of(node(**fields))
    assert refusal.faults[0].dotted == f"node.{name}"


# The request


@pytest.mark.parametrize(
    ("request_", "field", "kind"),
    [
        ({"payload": {}}, "node", FaultKind.MISSING),
        ({"node": node()}, "payload", FaultKind.MISSING),
        ({"node": node(), "payload": None}, "payload", FaultKind.MISSING),
        ({"node": node(), "payload": []}, "payload", FaultKind.INVALID),
        ({"node": [], "payload": {}}, "node", FaultKind.INVALID),
        ({"node": {}, "payload": {}}, "node.authMode", FaultKind.MISSING),
        ({"node": node("password"), "payload": {}}, "node.authMode", FaultKind.INVALID),
        ({"node": {"authMode": None}, "payload": {}}, "node.authMode", FaultKind.MISSING),
        ({"node": node(ttl=1), "payload": {}}, "node.ttl", FaultKind.UNKNOWN),
        ({"node": node(returnToken=True), "payload": {}}, "node.returnToken", FaultKind.UNKNOWN),
        ({"node": node(ttlTemplate=60000), "payload": {}}, "node.ttlTemplate", FaultKind.INVALID),
        ({"node": node(emailTemplate=["a"]), "payload": {}}, "node.emailTemplate", FaultKind.INVALID),
        (
            {"node": node(invalidateExistingTokens="true"), "payload": {}},
            "node.invalidateExistingTokens",
            FaultKind.INVALID,
        ),
        ({"node": node(), "payload": {}, "email": "a"}, "email", FaultKind.UNKNOWN),
    ],
)
def test_a_faulty_request_is_refused_by_field(request_: dict[str, Any], field: str, kind: FaultKind) -> None:
    """Exactly the product's fields, of exactly their types."""
    with pytest.raises(InvalidRequest) as caught:
        AuthenticateUserRequest.parse(request_)
    (fault,) = caught.value.faults
    assert (fault.dotted, fault.kind) == (field, kind)


EXPORTED: dict[str, Any] = {
    "id": "authenticate",
    "type": "ExperienceUserAuthNode",
    "config": {
        **TEMPLATES,
        "tokenResultPath": "working.token",
        "ttlTemplate": "",
        "extraDataJsonTemplate": "",
    },
    "meta": {
        "category": "experience",
        "name": "experience-user-auth",
        "label": "Authenticate",
        "authMode": "emailPassword",
        "x": 200,
        "y": 200,
    },
    "outputIds": [["failure"], ["success"]],
}
"""A node as Losant exports it."""


@pytest.mark.parametrize("mode", AuthMode)
def test_an_exported_node_is_taken_as_it_is(mode: AuthMode) -> None:
    """Its mode stands beside its configuration, and what nobody wrote is blank."""
    exported = {**EXPORTED, "meta": {**EXPORTED["meta"], "authMode": mode.value}}
    assert attempt_of(exported) == attempt_of(node(mode.value, tokenResultPath="working.token"))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"type": "ExperienceUserTokenNode"}, "node", "send it to the function issue_session_token"),
        ({"type": "MutateNode"}, "node", "ExperienceUserAuthNode is taken here"),
        ({"type": 5}, "node", "ExperienceUserAuthNode is taken here"),
        ({"meta": {}}, "node.authMode", "is required"),
        ({"meta": None}, "node.authMode", "is required"),
        ({"config": {"code": "1"}}, "node.code", "unknown"),
        ({"config": []}, "node", "has a config that is no JSON object"),
        ({"config": None}, "node", "has a config that is no JSON object"),
    ],
)
def test_an_exported_node_that_is_another_s_is_refused(
    changes: dict[str, Any], field: str, words: str
) -> None:
    """By what is wrong with it, and where it belongs."""
    refusal = refusal_of({**EXPORTED, **changes})
    assert field in [fault.dotted for fault in refusal.faults]
    assert words in refusal.message


def test_a_node_may_hold_null_for_whatever_it_does_not_set() -> None:
    """As an exported workflow does."""
    names = ["tokenTemplate", "invalidateExistingTokens", "userResultPath", "tokenResultPath", "ttlTemplate"]
    fields: dict[str, Any] = dict.fromkeys([*names, "extraDataJsonTemplate"])
    assert attempt_of(node(**fields)) == attempt_of(node())


def test_no_secret_shows_in_what_is_printed_of_an_attempt() -> None:
    """A trace may print it."""
    shown = repr(attempt_of(node("tokenEmailPassword")))
    assert "correct horse" not in shown
    assert "given.session.token" not in shown


# Properties

LEAF = st.none() | st.booleans() | st.integers() | st.text()
VALUE = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(st.text(), LEAF, max_size=3)


@given(VALUE, VALUE, VALUE, VALUE)
def test_no_payload_does_more_than_fill_in_the_node(email: Any, password: Any, name: Any, ttl: Any) -> None:
    """Whatever comes: an attempt with the node's own structure, or a refusal of the max age or of size."""
    payload = {"email": email, "password": password, "name": name, "ttl": ttl, "session": {}}
    fields = {
        "authMode": "emailPassword",
        "emailTemplate": "{{email}}",
        "passwordTemplate": "{{password}}",
        "ttlTemplate": "{{ttl}}",
        "extraDataJsonTemplate": '{"name": "{{name}}", "role": "guest", "value": {{name}}}',
        "userResultPath": "session.user",
        "tokenResultPath": "session.token",
    }
    gate = Gate()
    try:
        result = pass_through(gate, fields, payload)
    except InvalidRequest as refused:
        assert not gate.attempts
        assert refused.faults[0].dotted == "node.ttlTemplate"  # noqa: PT017 - both ways are right
        return
    (attempt,) = gate.attempts
    assert attempt.ttl_ms is not None
    assert attempt.ttl_ms > 0
    assert attempt.extra_data is not None
    assert (attempt.extra_data["role"], attempt.extra_data["value"]) == ("guest", name)
    assert attempt.extra_data.keys() == {"name", "role", "value"}
    if isinstance(password, str):
        assert attempt.password == password
    assert result["payload"] == payload | {"session": {"user": VIEW, "token": TOKEN}}
