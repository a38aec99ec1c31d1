"""Why something was refused stands in the log under its request id, and nowhere else."""

import io
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from typer.testing import CliRunner

from signet import errors
from signet.cli.app import app
from signet.cli.command import Exit
from signet.cli.target import Resources, Target
from signet.errors import InvalidRequest, Reason, SignetError
from tests.command_line import target_of
from tests.deployment import PASSWORD, URL, Deployment
from tests.security.test_forged_tokens import Scene, encode

ANN = "ann@example.com"
TYPES = ["identity+jwt", "user+jwt", "session+jwt"]
OTHER = "f" * 24


@pytest.fixture
def scene(moto_signet: Deployment) -> Scene:
    """A deployment with a user, and a session token of an hour."""
    here = {"applicationId": moto_signet.application_id}
    user_id = moto_signet.invoke("create_user", here | {"email": ANN, "password": PASSWORD})["id"]
    token = moto_signet.invoke("issue_session_token", here | {"experienceUserId": user_id, "ttl": 3_600_000})[
        "token"
    ]
    return Scene(moto_signet, user_id, token)


def logged(act: Callable[[], object]) -> list[dict[str, Any]]:
    """The lines that calls leave."""
    log = io.StringIO()
    with redirect_stdout(log):
        act()
    return [json.loads(line) for line in log.getvalue().splitlines()]


def do(scene: Scene, operation: str, **fields: object) -> Any:
    return scene.signet.invoke(operation, {"applicationId": scene.signet.application_id, **fields})


def of(**changes: object) -> Callable[[Scene], str]:
    """The token with other claims, and a good signature."""
    return lambda scene: scene.sign(scene.header, {**scene.claims, **changes})


def without(name: str) -> Callable[[Scene], str]:
    return lambda scene: scene.sign(
        scene.header, {key: value for key, value in scene.claims.items() if key != name}
    )


def headed(**header: object) -> Callable[[Scene], str]:
    """The token with another header, and a good signature."""
    return lambda scene: scene.sign(
        {key: value for key, value in {**scene.header, **header}.items() if value is not None}, scene.claims
    )


def after(operation: str, seconds: float = 0, **fields: object) -> Callable[[Scene], str]:
    """The token once something has happened."""

    def make(scene: Scene) -> str:
        named = {name: scene.user_id if value == "<user>" else value for name, value in fields.items()}
        named = {name: scene.token if value == "<token>" else value for name, value in named.items()}
        do(scene, operation, **named)
        scene.signet.clock.advance(seconds)
        return scene.token

    return make


def ended_identity(scene: Scene) -> str:
    identity = {"identityType": "EMAIL", "identity": ANN}
    token: str = do(scene, "issue_identity_token", **identity)["token"]
    do(scene, "invalidate_identity_tokens", **identity)
    return token


def cut_off(scene: Scene) -> str:
    """The cutoff lies behind the token by a second, its generation as it was."""
    (item,) = [one for one in scene.signet.items() if one["sk"] == {"S": "USER"}]
    scene.signet.put_item({**item, "token_cutoff": {"N": str((scene.claims["iat"] + 1) * 1000)}})
    return scene.token


def waited(seconds: float) -> Callable[[Scene], str]:
    def make(scene: Scene) -> str:
        scene.signet.clock.advance(seconds)
        return scene.token

    return make


NOW = 1_800_000_000
"""When every test begins, in Unix seconds."""

TOKENS: dict[str, tuple[Callable[[Scene], str], dict[str, Any]]] = {
    "an API token": (
        lambda scene: scene.signet.api_token,
        {"check": "form", "expected": "a token", "found": "an API token"},
    ),
    "no JWS": (lambda _: "secret text", {"check": "form", "expected": "a compact JWS of 8 KiB at most"}),
    "a header that is no object": (lambda _: f"{encode(b'[]')}.e30.AAAA", {"check": "header"}),
    "a header that we do not write": (
        headed(crit=["b64"]),
        {"check": "header", "expected": "alg, kid and typ alone"},
    ),
    "another typ": (headed(typ="secret"), {"check": "typ", "expected": TYPES, "found": "another one"}),
    "no typ": (headed(typ=None), {"check": "typ", "expected": TYPES, "found": "none"}),
    "no kid": (headed(kid=None), {"check": "kid", "found": "none"}),
    "another kid": (headed(kid="k" * 43), {"check": "kid", "expected": "<kids>", "found": "k" * 43}),
    "a kid of another form": (
        headed(kid="secret"),
        {"check": "kid", "expected": "<kids>", "found": "no kid of Signet's form"},
    ),
    "a forged signature": (
        lambda scene: scene.token[:-8] + "AAAAAAAA",
        {"check": "signature", "expected": "ES256 of key <kid>"},
    ),
    "a payload that is no object": (lambda scene: scene.sign(scene.header, ["secret"]), {"check": "payload"}),
    "another iss": (of(iss="secret"), {"check": "iss", "expected": URL, "found": "another one"}),
    "no iss": (without("iss"), {"check": "iss", "expected": URL, "found": "none"}),
    "another application's aud": (
        of(aud=f"{OTHER}/session"),
        {"check": "aud", "expected": "<app>/session", "found": f"{OTHER}/session"},
    ),
    "another aud": (of(aud="secret"), {"check": "aud", "expected": "<app>/session", "found": "another one"}),
    "no sub": (without("sub"), {"check": "sub", "found": "none"}),
    "a sub that is no id": (of(sub="secret"), {"check": "sub", "found": "no user id"}),
    "another jti": (of(jti="secret"), {"check": "jti", "found": "another one"}),
    "an iat that is text": (of(iat="secret"), {"check": "iat", "found": "another one"}),
    "a gen that is text": (of(gen="secret"), {"check": "gen", "found": "another one"}),
    "no agen": (without("agen"), {"check": "agen", "found": "none"}),
    "an exp that is text": (of(exp="secret"), {"check": "exp", "found": "another one"}),
    "an iat ahead": (
        of(iat=NOW + 121),
        {"check": "iat", "expected": f"{NOW + 120} at most", "found": NOW + 121},
    ),
    "an end that is over": (
        waited(3601),
        {"check": "exp", "expected": f"later than {NOW + 3601}", "found": NOW + 3601},
    ),
    "a cap that is over": (
        after("update_application", 70, maxTokenLifetime=60),
        {"check": "maxTokenLifetime", "expected": f"later than {NOW + 70}", "found": NOW + 60},
    ),
    "all of the application's ended": (
        after("invalidate_application_tokens", 5),
        {"check": "agen", "expected": 1, "found": 0},
    ),
    "all of the user's ended": (
        after("invalidate_user_tokens", experienceUserId="<user>"),
        {"check": "gen", "expected": 1, "found": 0},
    ),
    "ended alone": (
        after("log_out", token="<token>"),
        {"check": "jti", "expected": "a token that lives", "found": "one that was ended alone"},
    ),
    "before the cutoff": (
        cut_off,
        {"check": "tokenCutoff", "expected": f"iat {NOW + 1} at least", "found": NOW},
    ),
    "a user who is gone": (
        after("delete_user", experienceUserId="<user>"),
        {"check": "user", "found": "deleted, or past its end"},
    ),
    "an identity whose tokens ended": (ended_identity, {"check": "gen", "expected": 1, "found": 0}),
}
"""What may be wrong with a token, and why it is then refused."""


def filled(scene: Scene, reason: dict[str, Any]) -> dict[str, Any]:
    kids = [key["kid"] for key in scene.signet.invoke("publish_jwks", {})["keys"]]
    text = json.dumps(reason).replace('"<kids>"', json.dumps(kids))
    text = text.replace("<app>", scene.signet.application_id).replace("<kid>", scene.header["kid"])
    filled_in: dict[str, Any] = json.loads(text)
    return filled_in


@pytest.mark.parametrize("name", TOKENS)
def test_of_a_token_the_log_says_which_check_failed(scene: Scene, name: str) -> None:
    """What was expected and what was found, and nothing else of the token: `secret` stands in none."""
    make, expected = TOKENS[name]
    text = make(scene)
    answers = list[Any]()
    (line,) = logged(lambda: answers.append(do(scene, "introspect_token", token=text)))
    assert answers == [{"active": False}]
    assert line["reason"] == filled(scene, expected)
    assert "secret" not in json.dumps(line)


@pytest.mark.parametrize("name", TOKENS)
def test_a_caller_learns_no_more_than_without(scene: Scene, name: str) -> None:
    """Byte for byte, from introspection, authentication, a guarded route, the log-out and the revocation."""
    text = TOKENS[name][0](scene)
    home = f"/applications/{scene.signet.application_id}/experience"

    def answers() -> Iterator[object]:
        yield scene.answers(text)
        for path, body in (
            (f"{home}/logout", {}),
            (f"{home}/authenticate", {"authMode": "token", "token": text}),
        ):
            headers = scene.signet.bearer(text if path.endswith("logout") else None)
            answer = scene.signet.http("POST", path, body, headers=headers)
            yield answer.status, answer.body, answer.headers.keys()

    kept = scene.signet.items()
    told = list(answers())
    scene.signet.restore(kept)

    def silent(error: SignetError, *_: object, **__: object) -> SignetError:
        return error

    with mock.patch.object(SignetError, "because", silent), mock.patch.object(errors, "note"):
        assert list(answers()) == told


def test_an_authorizer_s_refusal_says_which_kind_it_takes(scene: Scene) -> None:
    """A good token of another kind, and none at all."""
    token = do(scene, "issue_user_token", userId="u1")["token"]
    path = f"/applications/{scene.signet.application_id}/experience/me"
    places = "in the header, the query or, on purpose, the cookie"
    for headers, reason in (
        (scene.signet.bearer(token), {"check": "typ", "expected": ["session+jwt"], "found": "user+jwt"}),
        ({}, {"check": "token", "expected": places, "found": "none"}),
    ):
        line, *_ = logged(partial(scene.signet.http, "GET", path, headers=headers))
        assert line["reason"] == reason


LOG_INS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"email": "nobody@example.com"},
        {"check": "email", "found": "nobody's, or another than the token's user has"},
    ),
    ({"email": "no address"}, {"check": "email", "found": "no e-mail address"}),
    ({"password": "another one"}, {"check": "password", "found": "another one"}),
    ({"email": "bob@example.com"}, {"check": "password", "found": "the user has none"}),
]


@pytest.mark.parametrize(("changes", "reason"), LOG_INS)
def test_of_a_log_in_the_log_says_what_was_wrong(
    scene: Scene, changes: dict[str, Any], reason: dict[str, Any]
) -> None:
    """The caller hears one and the same sentence, as the same bytes."""
    scene.signet.put_file(
        f"import/{scene.signet.application_id}/b.jsonl",
        json.dumps({"email": "bob@example.com", "passwordHash": None}).encode(),
    )
    do(scene, "import_users", key=f"import/{scene.signet.application_id}/b.jsonl")
    path = f"/applications/{scene.signet.application_id}/experience/login"
    answers = list[Any]()
    body = {"email": ANN, "password": PASSWORD, **changes}
    (line,) = logged(lambda: answers.append(scene.signet.http("POST", path, body)))
    assert line["reason"] == reason
    assert answers[0].status == 401
    refused = b'{"type":"Unauthorized","message":"E-mail address and password do not belong together."}'
    assert answers[0].body == refused


def test_of_an_api_token_the_log_says_what_was_wrong(scene: Scene) -> None:
    """No token, one of another application, of none, and one that was reset; never the token."""
    app_id, other = scene.signet.application_id, scene.signet.new_application()
    path = f"/applications/{app_id}/experience/users"
    nobodys = f"sgt_{OTHER}_{'A' * 43}"
    for token, reason in (
        ("text", {"check": "API token", "expected": "sgt_, an application's id and 43 characters"}),
        (other[1], {"check": "application", "expected": other[0], "found": app_id}),
        (scene.signet.api_token[:-1] + "!", {"check": "API token"}),
        (
            scene.signet.api_token[:-3] + "AAA",
            {"check": "API token", "found": "unknown, reset, or past its grace"},
        ),
    ):
        (line,) = logged(partial(scene.signet.http, "GET", path, headers=scene.signet.bearer(token)))
        assert line["reason"].items() >= reason.items()
        assert token not in json.dumps(line)
    elsewhere = path.replace(app_id, OTHER)
    (line,) = logged(lambda: scene.signet.http("GET", elsewhere, headers=scene.signet.bearer(nobodys)))
    assert line["reason"] == {"check": "application", "found": f"there is no {OTHER}"}


def test_every_refusal_has_a_reason() -> None:
    """Where nobody has said one, its kind does; of a request which fields are wrong, not what they held."""
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SignetError)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        error = kind.of("", "No.") if issubclass(kind, InvalidRequest) else kind("No.")
        assert error.reason.check, kind
        assert json.loads(json.dumps(error.reason.to_json())) == error.reason.to_json()
    fault = errors.FieldFault
    wrong = InvalidRequest(
        fault(("email",), errors.FaultKind.INVALID, "secret"),
        fault(("userTags", "secret"), errors.FaultKind.TOO_LONG, "secret"),
        fault(("secret",), errors.FaultKind.UNKNOWN, "secret"),
    )
    assert wrong.reason == Reason("request", found=["email: invalid", "unknown", "userTags: too_long"])


def test_what_one_call_notes_another_does_not_tell(scene: Scene) -> None:
    """A container runs one call after the other."""
    texts = itertools.cycle(["nonsense", scene.token])
    for has_reason in (True, False, True, False):
        (line,) = logged(lambda: do(scene, "introspect_token", token=next(texts)))
        assert ("reason" in line) == has_reason


# --- explain ---


class Logs:
    """CloudWatch Logs Insights, of which the line comes at the second query."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self._lines = lines
        self.queries = list[dict[str, Any]]()

    def start_query(self, **query: Any) -> dict[str, str]:
        """Begin a query."""
        self.queries.append(query)
        return {"queryId": str(len(self.queries))}

    def get_query_results(self, *, queryId: str) -> dict[str, Any]:  # noqa: N803
        """What it has found."""
        found = self._lines if int(queryId) > 1 else []
        rows = [[{"field": "@message", "value": json.dumps(line)}] for line in found]
        return {"status": "Complete", "results": rows}


def test_explain_says_why_from_the_log_of_make_run(scene: Scene, tmp_path: Path) -> None:
    """By the request id that the caller has: for people, and for programs."""
    answers = list[Any]()
    path = f"/applications/{scene.signet.application_id}/experience/login"
    wrong = {"email": ANN, "password": "another one"}
    lines = logged(lambda: answers.append(scene.signet.http("POST", path, wrong)))
    request_id = answers[0].headers["x-request-id"]
    said = {"level": "DEBUG", "message": "What it says.", "correlation_id": request_id}
    lines = [{"service": "other", "correlation_id": "another"}, *lines, said]
    (tmp_path / "log.jsonl").write_text("no JSON\n" + "".join(json.dumps(line) + "\n" for line in lines))
    target = Target("make run", URL, lambda: Resources({}, "", "", ""), lambda _service: None, tmp_path)
    told = CliRunner().invoke(app, ["explain", request_id], obj=target)
    assert told.exit_code == Exit.DONE, told.output
    for words in ("log_in", "LoginRefused", "401", "password", "another one", "DEBUG: What it says."):
        assert words in told.stdout
    for_programs = CliRunner().invoke(app, ["explain", request_id, "--json"], obj=target)
    assert json.loads(for_programs.stdout)[0]["reason"] == {"check": "password", "found": "another one"}
    for unknown, ends in (("0" * 36, Exit.REFUSED), ('x" or 1=1', Exit.USAGE)):
        assert CliRunner().invoke(app, ["explain", unknown], obj=target).exit_code == ends


@pytest.mark.parametrize(
    "request_id", ["-wJaXmPLvHcESHA=", "--aXmPLvHcESHA==", "-haXmPLvHcESHA==", "-_aXmPLvHcESHA=="]
)
def test_an_id_may_begin_like_an_option(tmp_path: Path, request_id: str) -> None:
    """One of 64 ids has a dash in front; it needs no `--` before it."""
    (tmp_path / "log.jsonl").write_text(
        json.dumps({"service": "log_in", "correlation_id": request_id}) + "\n"
    )
    target = Target("make run", URL, lambda: Resources({}, "", "", ""), lambda _service: None, tmp_path)
    told = CliRunner().invoke(app, ["explain", request_id, "--json"], obj=target)
    assert (told.exit_code, json.loads(told.stdout)[0]["service"]) == (Exit.DONE, "log_in"), told.output
    told = CliRunner().invoke(app, ["explain", "--jsno", request_id], obj=target)
    assert told.exit_code == Exit.USAGE


def test_explain_asks_cloudwatch_until_the_line_is_there(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In all log groups of the stack, for the id alone."""
    (line,) = logged(lambda: do(scene, "introspect_token", token="nonsense"))
    logs = Logs([line])
    target = target_of(scene.signet, {"logs": logs})
    resources = Resources({}, "", "", "", log_groups=("a", "b"))
    monkeypatch.setattr(target, "find_resources", lambda: resources)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    told = CliRunner().invoke(app, ["explain", line["correlation_id"]], obj=target)
    assert told.exit_code == Exit.DONE, told.output
    assert "form" in told.stdout
    assert "direct" not in told.stdout, "a status that nobody was given"
    assert [query["logGroupNames"] for query in logs.queries] == [["a", "b"]] * 2
    assert f'correlation_id = "{line["correlation_id"]}"' in logs.queries[0]["queryString"]


def test_verify_says_why_a_token_has_ended(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the log, since introspection tells nobody."""
    do(scene, "log_out", token=scene.token)
    log = (tmp_path / "log.jsonl").open("w")
    target = target_of(scene.signet, log=log)
    monkeypatch.setattr("signet.cli.tokens.time.time", lambda: scene.signet.clock.now)

    def read(_target: Target, request_id: str, _since: int) -> list[dict[str, Any]]:
        log.flush()
        found = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
        return [line for line in found if line.get("correlation_id") == request_id]

    monkeypatch.setattr("signet.cli.logs.lines_of", read)
    told = CliRunner().invoke(app, ["tokens", "verify"], input=scene.token, obj=target)
    assert told.exit_code == Exit.REFUSED, told.output
    assert (
        "The log says: check jti; expected a token that lives; found one that was ended alone." in told.stdout
    )
    log.close()
