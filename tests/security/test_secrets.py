"""Secrets are nowhere in the clear: not in the table, not in a log, not in an error."""

import base64
import json
import random
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.metrics.provider import cold_start

from signet import wiring
from signet.domain import signing
from signet.domain.applications import ApiToken, StoredApiToken, StoredApplication
from signet.domain.codes import new_code
from signet.domain.tokens import Session
from signet.usecases import keys as key_use_cases
from tests import hostile
from tests.deployment import ROOT, URL, Cloud, Deployment
from tests.effort import is_heavy

EMAIL = {"identityType": "EMAIL", "identity": "test@example.com"}


def forms(secret: bytes) -> list[str]:
    """How bytes may show up in a text."""
    return [
        secret.hex(),
        base64.b64encode(secret).decode().rstrip("="),
        base64.urlsafe_b64encode(secret).decode().rstrip("="),
        repr(secret)[2:-1],
    ]


def private_parts(private_jwk: bytes) -> list[str]:
    """The private number of a key, and the whole key."""
    text = json.loads(private_jwk)["d"]
    number = base64.urlsafe_b64decode(text + "==")
    return [*forms(private_jwk), *forms(number), str(int.from_bytes(number))]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_the_private_key_is_nowhere_in_the_clear(
    moto_cloud: Cloud, algorithm: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A key's private half stands in no item, in no line of log and in no repr."""
    made: list[signing.NewKey] = []

    def generate(wanted: Any) -> signing.NewKey:
        made.append(signing.generate(wanted))
        return made[-1]

    monkeypatch.setattr(key_use_cases, "generate", generate)
    with moto_cloud.deploy(key_ring=False) as signet:
        monkeypatch.setenv("SIGNING_ALGORITHM", algorithm)
        signet.restart()
        signet.invoke("rotate_keys", {"issuer": URL})
        signet.application_id, signet.api_token = signet.new_application()
        signet.http("POST", "/api/v1/user-identity-jwt", EMAIL, headers=signet.basic())
        table = repr(signet.items())
        shown = repr(wiring.key_ring().get()) + repr(made)
    assert len(made) == 2
    output = "".join(capfd.readouterr())
    for key in made:
        for secret in private_parts(key.private_jwk):
            for place in (table, output, shown):
                assert secret not in place
        assert key.kid in table


def test_an_api_token_is_in_no_log_and_no_answer(
    moto_signet: Deployment, capfd: pytest.CaptureFixture[str]
) -> None:
    """However credentials and fields are mixed up, the token stays out of log lines and answers."""
    signet = moto_signet
    token, secret = signet.api_token, signet.api_token[29:]
    answers = []
    for headers in (
        signet.basic(token, token),
        signet.basic(f"{token}@example.com", token),
        signet.basic("you@example.com", token + "x"),
        signet.basic(),
        signet.bearer(),
        {"authorization": token},
    ):
        for body in (EMAIL, {"identityType": "EMAIL", "identity": token}, {token: token}, [token]):
            answers.append(signet.http("POST", "/api/v1/user-identity-jwt", body, headers=headers))
    output = "".join(capfd.readouterr())
    assert secret not in output
    for answer in answers:
        assert secret not in answer.body.decode()


def forms_of_a_token(token: str) -> list[str]:
    """How somebody may put it where it does not belong: whole, encoded, cut short, or a part of it."""
    return [token, token.replace("_", "%5F").replace("-", "%2D"), token[:45], token[30:54]]


@pytest.mark.hypothesis  # Not so, but `make check-all` tries more here too.
@pytest.mark.parametrize(
    ("turn", "route"), list(enumerate(sorted(hostile.ROUTES)))[:: 1 if is_heavy() else 3]
)
def test_no_token_in_any_place_comes_into_a_log_or_a_refusal(
    moto_signet: Deployment,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    turn: int,
    route: str,
) -> None:
    """An API token, whole or in part, in the place of any header, parameter, name or value; also at DEBUG."""
    signet = moto_signet
    monkeypatch.setattr(random, "random", lambda: 0.0)  # Every call is of the sample.
    demo, before = signet.demo(), signet.items()
    token = ApiToken.generate(signet.application_id).secret
    while not re.search(r"[0-9]", token[33:50]):
        token = ApiToken.generate(signet.application_id).secret
    whole, *others = forms_of_a_token(token)
    tried = [whole, *others] if is_heavy() else [whole, others[turn % len(others)]]
    capfd.readouterr()
    for asked in hostile.places(route, demo, tried):
        answer = asked.send(signet)
        if answer.status < 300 and (route.startswith("DELETE") or route.endswith("/reset")):
            signet.restore(before)
        assert answer.status < 300 or token[33:43] not in answer.body.decode(), asked
        assert token[33:43] not in "".join(capfd.readouterr()), asked


def test_a_secret_is_in_no_repr() -> None:
    """An object that is logged by mistake does not give its secret away."""
    token = ApiToken.generate("0" * 24)
    stored = StoredApiToken.of(token, 0)
    application = StoredApplication(
        id="0" * 24, name="x", api_tokens=(stored,), created_at_ms=0, updated_at_ms=0
    )
    secret = token.secret[29:]
    assert secret not in repr(token) + repr(stored) + repr(application)
    assert not any(form in repr(application) + repr(stored) for form in forms(stored.digest))


@pytest.mark.parametrize(
    ("user_name", "actor"),
    [
        ("Ann.Lee@example.com", "Ann.Lee@example.com"),
        ("a" * 242 + "@example.com", "a" * 242 + "@example.com"),
        ("a" * 300 + "@example.com", "a" * 254 + "…"),
        ("ann\nlee@example.com", "ann\\nlee@example.com"),
        ("ann+sgt_0123@example.com", "(not shown: it may be a secret)"),
    ],
)
def test_an_actor_is_logged_as_far_as_it_is_an_address(
    moto_signet: Deployment, capfd: pytest.CaptureFixture[str], user_name: str, actor: str
) -> None:
    """Whole where it can be one, on one line, and never with what may be a secret."""
    answer = moto_signet.http(
        "POST", "/api/v1/user-identity-jwt", EMAIL, headers=moto_signet.basic(user_name)
    )
    assert answer.status == 200
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["actor"] == actor


def test_a_log_line_says_who_called_and_how_it_ended(
    moto_signet: Deployment, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call leaves one line: metric, request id, application, actor and status, in EMF."""
    signet = moto_signet
    monkeypatch.setattr(cold_start, "is_cold_start", False)
    capfd.readouterr()
    answer = signet.http("POST", "/api/v1/user-identity-jwt", EMAIL, headers=signet.basic())
    refused = signet.http("POST", "/api/v1/user-identity-jwt", {}, headers=signet.basic())
    first, second = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    assert first["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "Signet",
            "Dimensions": [["function_name"], ["stack_name"]],
            "Metrics": [{"Name": "Success", "Unit": "Count"}],
        }
    ]
    # Lambda's own id of the invocation, another one each time.
    assert re.fullmatch("[0-9a-f-]{36}", first["function_request_id"])
    assert {name: first[name] for name in first if name not in ("_aws", "function_request_id")} == {
        "service": "issue_identity_token",
        "function_name": signet.function("issue_identity_token").physical_name,
        "stack_name": "signet-local",
        "correlation_id": answer.headers["x-request-id"],
        "application_id": signet.application_id,
        "actor": "you@example.com",
        "status": 200,
        "Success": [1.0],
    }
    assert (second["Refusal"], second["status"], second["code"]) == ([1.0], 400, "InvalidRequest")
    assert second["correlation_id"] == refused.headers["x-request-id"]


def test_a_scanner_finds_api_tokens_by_the_documented_rule() -> None:
    """The rule of docs/security.md finds every token in a text, whole, and nothing longer or shorter."""
    text = (ROOT / "docs" / "security.md").read_text()
    (rule,) = tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])["rules"]
    pattern = re.compile(rule["regex"])
    for number in range(50):
        token = ApiToken.generate(f"{number:024x}").secret
        for place in (token, f'"{token}"', f"TOKEN={token}\n", f"https://u:{token}@example.com"):
            found = pattern.search(place)
            assert found is not None
            assert found[rule["secretGroup"]] == token
            assert any(keyword in place for keyword in rule["keywords"])
        assert not any(pattern.search(place) for place in (f"x{token}", token[:-1], f"{token}x", token[:33]))


def test_the_digest_alone_is_stored(moto_signet: Deployment) -> None:
    """The table has the API token's SHA-256 and four characters of it."""
    (item,) = [item for item in moto_signet.items() if item["sk"]["S"] == "APP"]
    (stored,) = item["api_tokens"]["L"]
    token = ApiToken(moto_signet.application_id, moto_signet.api_token)
    assert stored["M"]["digest"]["B"] == token.digest
    assert re.fullmatch(r"sgt_[0-9a-f]{24}_[\w-]{4}", stored["M"]["prefix"]["S"])


MADE: dict[str, tuple[int, Callable[[], bytes]]] = {
    "an API token": (256, lambda: base64.urlsafe_b64decode(ApiToken.generate("0" * 24).secret[29:] + "=")),
    "a code": (256, lambda: base64.urlsafe_b64decode(new_code() + "=")),
    "a session's id": (128, lambda: base64.urlsafe_b64decode(Session.begin(0).id + "==")),
    "an application's digest key": (
        256,
        lambda: StoredApplication(id="0" * 24, name="x", created_at_ms=0, updated_at_ms=0).digest_key,
    ),
}


@pytest.mark.parametrize("kind", MADE)
def test_each_bit_of_a_secret_is_chance_and_no_seed_tells_it(kind: str) -> None:
    """Every bit is sometimes set and sometimes not, and what is drawn is the operating system's."""
    bits, make = MADE[kind]
    ones = zeros = 0
    for _ in range(200):
        made = int.from_bytes(make())
        ones, zeros = ones | made, zeros | ~made
    assert ones == 2**bits - 1
    assert zeros & ones == ones
    random.seed(1)
    first = make()
    random.seed(1)
    assert make() != first
