"""What stands before the API: every route asks for its secret, and CloudFront's function is as we say."""

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local import template
from signet import wiring
from tests.contract.test_bundle import AUTHORIZED, FURTHER_ROUTES, ROUTES, SIGNED, logical_id
from tests.contract.test_parameters import RESERVED
from tests.deployment import ROOT, Deployment, load_template
from tests.transformed import deployed
from tests.verifiers import find_node
from tools.events import load_event

SECRETS = ("first-secret-of-forty-characters-in-all-0", "second-secret-of-forty-characters-in-all")
DIGESTS = ",".join(hashlib.sha256(secret.encode()).hexdigest() for secret in SECRETS)
EDGE = template.load(ROOT / "deploy" / "edge.yaml")["Resources"]
EVENTS = [
    path
    for name in sorted(set(ROUTES) - SIGNED)
    for path in sorted((ROOT / "events").glob(f"{name}.http*.json"))
]
WRONG = [None, "", "x", SECRETS[0][:-1], SECRETS[0].upper(), DIGESTS, DIGESTS[:64], "\udc80", "é"]


@pytest.fixture
def behind_a_front(moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment that something stands before."""
    moto_signet.demo()
    monkeypatch.setenv("ORIGIN_SECRET_DIGESTS", DIGESTS)
    wiring.reset()
    return moto_signet


def send(
    signet: Deployment, path: Path, demo: dict[str, str] | None = None, **headers: str | None
) -> dict[str, Any]:
    """Send a route's own event, filled with what is given, with these headers besides."""
    event: dict[str, Any] = load_event(path, demo or signet.demo())
    event["headers"] |= {
        name.replace("_", "-"): value for name, value in headers.items() if value is not None
    }
    operation = path.name.split(".")[0]
    answer: dict[str, Any] = signet.handler(operation)(event, signet.context(operation))
    return answer


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_every_route_asks_for_the_secret(behind_a_front: Deployment, path: Path) -> None:
    """Without it each refuses in its dialect and writes nothing; with either secret it answers as ever."""
    signet = behind_a_front
    demo = signet.demo()
    before = signet.items()
    answer = send(signet, path, demo)
    assert answer["statusCode"] == 403
    assert "This API answers to what stands before it alone; call that." in answer["body"]
    assert signet.items() == before
    assert send(signet, path, demo, x_origin_secret=SECRETS[0])["statusCode"] in (200, 201, 202)


@pytest.mark.parametrize("secret", WRONG, ids=repr)
def test_what_is_not_the_secret_is_refused(behind_a_front: Deployment, secret: str | None) -> None:
    """Nor is its digest one, which the stack's parameters show."""
    answer = send(behind_a_front, ROOT / "events" / "publish_jwks.http.json", x_origin_secret=secret)
    assert answer["statusCode"] == 403


def test_two_secrets_are_good_while_one_takes_over(behind_a_front: Deployment) -> None:
    """So that it can be changed without an outage."""
    for secret in SECRETS:
        answer = send(behind_a_front, ROOT / "events" / "publish_jwks.http.json", x_origin_secret=secret)
        assert answer["statusCode"] == 200


def test_guesses_are_counted_by_who_called_the_front(behind_a_front: Deployment) -> None:
    """Not by the front's own address, which is everybody's."""
    signet = behind_a_front
    path = ROOT / "events" / "log_in.http.json"
    demo, wrong = signet.demo(), {"email": "nobody@example.com", "password": "some wrong password"}

    def log_in(address: str, number: int) -> int:
        event = load_event(path, demo)
        event["headers"] |= {"x-origin-secret": SECRETS[0], "x-viewer-address": address}
        event["body"] = json.dumps(wrong | {"email": f"nobody{number}@example.com"})
        answer: dict[str, Any] = signet.handler("log_in")(event, signet.context("log_in"))
        return int(answer["statusCode"])

    statuses = [log_in("203.0.113.7", number) for number in range(51)]
    assert statuses == [401] * 50 + [429]
    assert log_in("203.0.113.8", 52) == 401


def test_whoever_has_signed_needs_no_secret(behind_a_front: Deployment) -> None:
    """The operator calls the API itself; a direct invocation comes by no front either."""
    signet = behind_a_front
    # What deletes comes last.
    for path in sorted(
        (path for name in SIGNED for path in (ROOT / "events").glob(f"{name}.http*.json")),
        key=lambda path: ("delete" in path.name, path.name),
    ):
        assert send(signet, path)["statusCode"] in (200, 201, 202), path
    assert signet.invoke("publish_jwks", {})["keys"]


def test_the_api_s_own_address_is_off_behind_a_front() -> None:
    """It would lead round it; and a front needs a domain that is not API Gateway's."""
    declared = load_template()
    assert declared["Resources"]["HttpApi"]["Properties"]["DisableExecuteApiEndpoint"] == {
        "Fn::If": ["HasFront", True, False]
    }
    body = deployed()["HttpApi"]["Properties"]["Body"]
    assert "disableExecuteApiEndpoint" in json.dumps(body)
    assert needed("AFrontNeedsADomain") == ["DomainName", "Issuer"]


def needed(rule: str) -> list[str]:
    """The parameters that a rule wants to be given."""
    wanted = [it["Assert"] for it in load_template()["Rules"][rule]["Assertions"]]
    names: list[str] = [it["Fn::Not"][0]["Fn::Equals"][0]["Ref"] for it in wanted]
    assert wanted == [{"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]} for name in names]
    return names


def test_a_domain_needs_a_certificate() -> None:
    """It is said before anything is made."""
    assert needed("ADomainNeedsACertificate") == ["CertificateArn"]


def test_the_distribution_brings_the_secret_and_keeps_nothing() -> None:
    """The header is the one that is asked for, the function sees every request, and no answer is cached."""
    from signet.edge import front

    distribution = EDGE["Distribution"]["Properties"]["DistributionConfig"]
    (origin,) = distribution["Origins"]
    assert origin["OriginCustomHeaders"] == [
        {"HeaderName": front.SECRET_HEADER, "HeaderValue": {"Ref": "OriginSecret"}}
    ]
    behaviour = distribution["DefaultCacheBehavior"]
    assert "CacheBehaviors" not in distribution
    assert behaviour["FunctionAssociations"][0]["EventType"] == "viewer-request"
    assert front.ADDRESS_HEADER in EDGE["Gate"]["Properties"]["FunctionCode"]
    assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"


BY_A_BACK_END = {"create_user", "update_user"}
"""Hash for whoever has the application's API token, from one address perhaps."""


def test_the_firewall_counts_whatever_costs_a_hash_or_a_mail() -> None:
    """By every route of it, however its path is written; and nothing else, such as who reads who they are."""
    (rule,) = [
        rule for rule in EDGE["Firewall"]["Properties"]["Rules"] if rule["Name"] == "sign-ins-of-one-address"
    ]
    scope = rule["Statement"]["RateBasedStatement"]["ScopeDownStatement"]["AndStatement"]["Statements"]
    path, method = (
        scope[0]["RegexMatchStatement"],
        scope[1]["NotStatement"]["Statement"]["ByteMatchStatement"],
    )
    kinds = [it["Type"] for it in path["TextTransformations"]]
    assert kinds == ["URL_DECODE", "NORMALIZE_PATH", "LOWERCASE"]
    assert (method["FieldToMatch"], method["PositionalConstraint"]) == ({"Method": {}}, "EXACTLY")
    roles = load_template()["Resources"]["AsksForMails"]["Properties"]["Roles"]
    asks_for_mails = {f"{role['Ref']}" for role in roles}
    costly = (RESERVED.keys() - BY_A_BACK_END) | {
        operation for operation in ROUTES if f"{logical_id(operation)}Role" in asks_for_mails
    }
    for operation, first in ROUTES.items():
        for route in (first, *FURTHER_ROUTES.get(operation, ())):
            verb, _, where = route.partition(" ")
            is_counted = re.search(path["RegexString"], where) and verb != method["SearchString"]
            assert bool(is_counted) == (operation in costly), route
    assert re.search(path["RegexString"], "/applications/a/experience/login/")


PROGRAM = """
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(cases.map(event => handler(event))));
"""


@pytest.mark.node
def test_the_gate_leaves_the_operator_s_routes_out_and_says_who_calls() -> None:
    """Every other route goes through, with the viewer's address in place of one that the viewer gave."""
    paths = {
        operation: [route.split()[1] for route in (first, *FURTHER_ROUTES.get(operation, ()))]
        for operation, first in ROUTES.items()
    }
    kept = [path for operation, them in paths.items() if operation not in SIGNED for path in them]
    left = [path for operation in SIGNED for path in paths[operation]]
    left += ["/applications/", "//applications", "/Applications/a", "/%61pplications", "/applications/a%2e/"]
    kept += ["/v1/auth/token/get%", "/applications/a/experience/users/a%40b.example"]
    events = [
        {
            "request": {"uri": path, "method": "POST", "headers": {"x-viewer-address": {"value": "1.1.1.1"}}},
            "viewer": {"ip": "203.0.113.7"},
        }
        for path in (*kept, *left)
    ]
    ran = subprocess.run(  # noqa: S603 - our own function, no shell
        [find_node() or "node", "-e", EDGE["Gate"]["Properties"]["FunctionCode"] + PROGRAM],
        input=json.dumps(events),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers = json.loads(ran.stdout)
    for path, answer in zip(kept, answers, strict=False):
        assert answer["uri"] == path
        assert answer["headers"] == {"x-viewer-address": {"value": "203.0.113.7"}}
    for answer in answers[len(kept) :]:
        assert (answer["statusCode"], json.loads(answer["body"])) == (404, {"message": "Not Found"})
    assert paths.keys() >= AUTHORIZED
