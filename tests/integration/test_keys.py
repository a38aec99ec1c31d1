"""The first signing keys, the JWKS and the discovery document."""

import contextlib
import json
import threading
import urllib.request
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from signet import wiring
from signet.aws.client import NoAnswer, Refused
from signet.edge import custom_resource
from signet.errors import InvalidRequest, SigningUnavailable
from tests.deployment import ROOT, URL, Cloud, Deployment

MINT = {"identityType": "EMAIL", "identity": "test@example.com"}


def active_item(signet: Deployment) -> dict[str, Any]:
    """The item of the key that signs."""
    items = {item["sk"]["S"]: item for item in signet.items() if item["pk"]["S"] == "KEYS"}
    return items[f"KEY#{items['RING']['active_kid']['S']}"]


def test_the_jwks_holds_public_keys_alone(signet: Deployment) -> None:
    """The JWKS has what RFC 7517 asks for, its kid is the RFC 7638 thumbprint, and it may be cached."""
    answer = signet.http("GET", "/.well-known/jwks.json")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    for key in answer.json["keys"]:
        assert key.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert (key["alg"], key["use"]) == ("ES256", "sig")
        assert ECKey.import_key(key).thumbprint() == key["kid"]
    assert len(answer.json["keys"]) == 2
    assert signet.invoke("publish_jwks", {}) == answer.json


def test_the_discovery_document(signet: Deployment) -> None:
    """Discovery names the issuer, the keys' address, the algorithms in use and the bounds of revocation."""
    answer = signet.http("GET", "/.well-known/openid-configuration")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.json == {
        "issuer": URL,
        "jwks_uri": f"{URL}/.well-known/jwks.json",
        "introspection_endpoint": f"{URL}/oauth2/introspect",
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint": f"{URL}/oauth2/revoke",
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "revocation_bound_seconds": {"user": 0, "application": 5, "key": 360},
    }
    assert signet.invoke("publish_configuration", {}) == answer.json


def test_the_key_ring_is_founded_once(cloud: Cloud) -> None:
    """Any number of runs leave the ring that the first has founded: one active key, one announced."""
    with cloud.deploy(key_ring=False) as signet:
        first = signet.invoke("rotate_keys", {"issuer": URL})
        assert first["issuer"] == URL
        assert sorted((key["algorithm"], key["state"]) for key in first["keys"]) == [
            ("ES256", "active"),
            ("ES256", "announced"),
        ]
        assert signet.invoke("rotate_keys", {}) == first
        assert signet.invoke("rotate_keys", {"issuer": URL}) == first
        moved = signet.invoke("rotate_keys", {"issuer": "https://id.example.com"})
        assert moved == first | {"issuer": "https://id.example.com"}


def test_deployments_that_race_found_one_key_ring(engine_cloud: Cloud) -> None:
    """Of many runs at once each sees the same two keys, and no other key is left behind."""
    with engine_cloud.deploy(key_ring=False) as signet:
        runs = 8
        barrier = threading.Barrier(runs)
        results: list[Any] = []

        def run() -> None:
            barrier.wait()
            results.append(signet.invoke("rotate_keys", {"issuer": URL}))

        wiring.table(), wiring.vault()  # so that the threads share what a container shares
        threads = [threading.Thread(target=run) for _ in range(runs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == runs
        assert len({json.dumps(result) for result in results}) == 1
        keys = sorted(f"KEY#{key['kid']}" for key in results[0]["keys"])
        assert [(item["pk"]["S"], item["sk"]["S"]) for item in signet.items()] == [
            *(("KEYLIFE", key) for key in keys),
            *(("KEYS", key) for key in keys),
            ("KEYS", "RING"),
        ]


def test_without_a_key_ring_nothing_is_signed_or_published(moto_cloud: Cloud) -> None:
    """Before the first key every answer is a 503 with a hint to retry, in the route's dialect."""
    with moto_cloud.deploy(key_ring=False) as signet:
        signet.application_id, signet.api_token = signet.new_application()
        refused = signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic())
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        assert "rotate_keys" in refused.json["errors"][0]["detail"]
        for path in ("jwks.json", "openid-configuration"):
            unpublished = signet.http("GET", f"/.well-known/{path}")
            assert (unpublished.status, unpublished.json["error"]) == (503, "temporarily_unavailable")
            assert unpublished.headers["cache-control"] == "no-store"
        with pytest.raises(InvalidRequest, match="issuer: is required while there is no key ring"):
            signet.invoke("rotate_keys", {})
        # And as soon as there is a ring, it is seen: nothing has cached its absence.
        signet.invoke("rotate_keys", {"issuer": URL})
        assert signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic()).status == 200


@pytest.mark.parametrize(
    "issuer", ["", "id.example.com", "https://", "https://id.example.com/", "https://id.example.com?a=b", 5]
)
def test_an_issuer_is_a_base_url(moto_signet: Deployment, issuer: object) -> None:
    """What is no base URL is refused."""
    with pytest.raises(InvalidRequest, match="issuer"):
        moto_signet.invoke("rotate_keys", {"issuer": issuer})


def test_rs256_can_be_chosen(moto_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """With RS256 the first keys are RSA keys of 2048 bits, and discovery says so."""
    with moto_cloud.deploy(key_ring=False) as signet:
        monkeypatch.setenv("SIGNING_ALGORITHM", "RS256")
        signet.restart()
        signet.invoke("rotate_keys", {"issuer": URL})
        for jwk in signet.http("GET", "/.well-known/jwks.json").json["keys"]:
            assert jwk.keys() == {"kty", "n", "e", "kid", "alg", "use"}
            key = RSAKey.import_key(jwk)
            assert key.thumbprint() == jwk["kid"]
            assert key.raw_value.key_size == 2048
        discovery = signet.http("GET", "/.well-known/openid-configuration").json
        assert discovery["id_token_signing_alg_values_supported"] == ["RS256"]


def test_the_highest_exp_is_noted_before_the_token_is_out(signet: Deployment) -> None:
    """A key's `max_exp` covers every token of it, at the cost of one write in 30 days."""

    def max_exp() -> int:
        lives = {item["sk"]["S"]: item for item in signet.items() if item["pk"]["S"] == "KEYLIFE"}
        return int(lives[active_item(signet)["sk"]["S"]]["max_exp"]["N"])

    def mint() -> list[str]:
        with signet.counted() as trips:
            signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic())
        return trips

    step = 30 * 86400
    assert "dynamodb:UpdateItem" in mint()
    bound = max_exp()
    assert bound % step == 0
    assert signet.clock.now + 3600 <= bound < signet.clock.now + 3600 + step
    assert "dynamodb:UpdateItem" not in mint()
    signet.restart()
    assert mint().count("dynamodb:UpdateItem") == 1  # So a new container learns the bound.
    assert "dynamodb:UpdateItem" not in mint()
    assert max_exp() == bound
    signet.clock.advance(bound - signet.clock.now - 3600)
    assert "dynamodb:UpdateItem" not in mint()
    signet.clock.advance(1)
    assert "dynamodb:UpdateItem" in mint()
    assert max_exp() == bound + step


@pytest.mark.parametrize("problem", ["disabled", "throttled", "silent", "damaged", "no private half"])
def test_a_key_that_cannot_sign_is_a_503_and_is_published_all_the_same(
    moto_signet: Deployment, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signing answers 503 in the dialect with a hint to retry; what verifies goes on."""
    signet = moto_signet
    client = wiring.make_client("kms")

    def call(_operation: str, _request: object) -> Any:
        if problem == "damaged":
            return {"Plaintext": "bm90IGEga2V5"}
        if problem == "silent":
            raise NoAnswer("kms Decrypt: TimeoutError")
        code = {"disabled": "DisabledException", "throttled": "ThrottlingException"}[problem]
        raise Refused(400, code, "no")

    if problem != "no private half":
        monkeypatch.setattr(client, "call", call)
    else:
        signet.put_item(active_item(signet) | {"encrypted_private_key": {"NULL": True}})
    refused = signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic())
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert refused.json["errors"][0]["code"] == "invalid"
    with pytest.raises(SigningUnavailable):
        signet.invoke("issue_identity_token", {"applicationId": signet.application_id, **MINT})
    assert signet.http("GET", "/.well-known/jwks.json").status == 200


CREATE = json.loads((ROOT / "events" / "rotate_keys.custom_resource.json").read_text())


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What goes to CloudFormation."""
    answers: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(custom_resource, "_send", lambda url, answer: answers.append((url, answer)))
    return answers


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_cloudformation_founds_the_key_ring(
    moto_cloud: Cloud, sent: list[tuple[str, dict[str, Any]]], request_type: str
) -> None:
    """Create and Update make sure of the ring and set the issuer, without ever rotating."""
    with moto_cloud.deploy(key_ring=False) as signet:
        for _ in range(2):
            signet.invoke("rotate_keys", CREATE | {"RequestType": request_type})
        assert len(signet.http("GET", "/.well-known/jwks.json").json["keys"]) == 2
        discovery = signet.http("GET", "/.well-known/openid-configuration").json
        assert discovery["issuer"] == CREATE["ResourceProperties"]["Issuer"]
    url, answer = sent[0]
    assert url == CREATE["ResponseURL"]
    assert answer == {
        "Status": "SUCCESS",
        "Reason": "Done.",
        "PhysicalResourceId": "KeyRing",
        "StackId": CREATE["StackId"],
        "RequestId": CREATE["RequestId"],
        "LogicalResourceId": "KeyRing",
    }


def test_deleting_the_stack_touches_no_key(
    moto_signet: Deployment, sent: list[tuple[str, dict[str, Any]]]
) -> None:
    """Delete answers at once and changes nothing: the keys outlive the stack with the table."""
    before = moto_signet.items()
    event = CREATE | {"RequestType": "Delete", "PhysicalResourceId": "KeyRing"}
    moto_signet.invoke("rotate_keys", event)
    assert sent[0][1]["Status"] == "SUCCESS"
    assert moto_signet.items() == before


@pytest.mark.parametrize(
    ("properties", "reason"),
    [({}, "InvalidRequest: issuer: is required"), ({"Isuer": URL}, "InvalidRequest: isuer: is unknown")],
)
def test_a_failure_is_answered_too(
    moto_cloud: Cloud,
    sent: list[tuple[str, dict[str, Any]]],
    properties: dict[str, str],
    reason: str,
) -> None:
    """A refusal fails the deployment with its reason, instead of letting the stack hang."""
    with moto_cloud.deploy(key_ring=False) as signet:
        signet.invoke("rotate_keys", CREATE | {"ResourceProperties": properties})
    ((_, answer),) = sent
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(reason)


def test_a_bug_is_answered_too(
    moto_signet: Deployment, sent: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug fails the deployment as well, and says which."""
    monkeypatch.delenv("TABLE_NAME")
    moto_signet.restart()
    moto_signet.invoke("rotate_keys", CREATE)
    assert sent[0][1]["Status"] == "FAILED"
    assert sent[0][1]["Reason"] == (
        "A bug: RuntimeError: The environment variable TABLE_NAME is not set; template.yaml sets it."
    )


def test_a_failure_is_told_to_its_first_cause(
    moto_cloud: Cloud, sent: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack that is taken back takes the log along, so the answer says, in 4 KiB, what AWS has said."""
    with moto_cloud.deploy(key_ring=False) as signet:

        def refuse(_name: str, _request: object) -> object:
            raise Refused(
                400,
                "AccessDeniedException",
                "not authorized to perform: dynamodb:Query " + "\U0001f600" * 900,
            )

        with monkeypatch.context() as patch:
            patch.setattr(wiring.table().client, "call", refuse)
            signet.invoke("rotate_keys", CREATE)
    ((_, answer),) = sent
    assert "AccessDeniedException" in answer["Reason"]
    assert "not authorized to perform: dynamodb:Query" in answer["Reason"]
    assert len(json.dumps(answer)) < 4096


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://cloudformation-custom-resource-response.example/1", True),
        ("http://169.254.169.254/latest", False),
        ("http://localhost:4566/answers/1", True),
        ("http://localhost:4567/answers/1", False),
        ("http://localhost:4566@example.com/answers/1", False),
        ("ftp://localhost:4566/answers/1", False),
    ],
)
def test_the_answer_goes_out_by_https_or_to_the_emulator_that_is_configured(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, url: str, is_taken: bool
) -> None:
    """A forged event cannot make the function send anything anywhere else; an emulator is answered."""
    opened: list[str] = []

    def urlopen(request: urllib.request.Request, **_limits: float) -> contextlib.nullcontext[None]:
        opened.append(request.full_url)
        return contextlib.nullcontext()

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    for endpoint in ("", "http://localhost:4566"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        if is_taken and (endpoint or url.startswith("https:")):
            moto_signet.invoke("rotate_keys", CREATE | {"ResponseURL": url})
        else:
            with pytest.raises(InvalidRequest):
                moto_signet.invoke("rotate_keys", CREATE | {"ResponseURL": url})
    assert set(opened) == ({url} if is_taken else set())
