"""Verifiers that others have written, with the caches that they come with, on a clock that is stepped.

`make verifiers` installs those of Node in `.tools/verifiers`; `SIGNET_NODE` says whether they must be there:

    not set     use them where they are installed
    required    a `MissingVerifiersError` where they are not
    none        leave them out
"""

import functools
import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol, Self
from unittest import mock

import httpx
import joserfc.errors
import jwt
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from tests.deployment import ROOT, Clock, Deployment
from tests.http_server import serving

ALGORITHMS = ["ES256", "RS256"]
JWKS = "/.well-known/jwks.json"
STALE_SECONDS = 7200 + 300
"""How long the slow verifier keeps a JWKS: VERIFIER_CACHE_SECONDS beyond its max-age."""

OK, EXPIRED, NO_KEY = "ok", "expired", "no key"

PACKAGES = ROOT / ".tools" / "verifiers"
_PROGRAM = Path(__file__).with_suffix(".mjs")
_MEANINGS = {
    "ERR_JWT_EXPIRED": EXPIRED,
    "ERR_JWKS_NO_MATCHING_KEY": NO_KEY,
    "JwtExpiredError": EXPIRED,
    "KidNotFoundInJwksError": NO_KEY,
    "WaitPeriodNotYetEndedJwkError": NO_KEY,
}


class MissingVerifiersError(RuntimeError):
    """The verifiers of Node have to be there, and are not."""


def find_node() -> str | None:
    """Return the program of Node where its verifiers are installed and wanted.

    Raises:
        MissingVerifiersError: `SIGNET_NODE` demands them.
    """
    asked = os.environ.get("SIGNET_NODE") or None
    if asked not in (None, "required", "none"):
        raise MissingVerifiersError(f"SIGNET_NODE={asked}: it is required, none, or not set")
    if asked == "none":
        return None
    node = shutil.which("node")
    if node and (PACKAGES / "ready").exists():
        return node
    if asked:
        raise MissingVerifiersError("the verifiers of Node are not installed: run `make verifiers`")
    return None


@dataclass(frozen=True)
class Presented:
    """A token, and the audience that its verifier is."""

    text: str
    audience: str


class Verifier(Protocol):
    """Whoever verifies tokens with the keys of a JWKS."""

    def verify(self, tokens: Sequence[Presented]) -> Mapping[str, list[str]]:
        """What became of each token, by the verifier's name: OK, EXPIRED, NO_KEY or another code."""


class PyJwt:
    """PyJWT with its JWKS client, as it comes."""

    def __init__(self, jwks_uri: str, issuer: str) -> None:
        self._client = jwt.PyJWKClient(jwks_uri, ssl_context=_tls())
        self._issuer = issuer

    def verify(self, tokens: Sequence[Presented]) -> Mapping[str, list[str]]:
        """Verify them one after the other."""
        return {"PyJWT": [self._verify(token) for token in tokens]}

    def _verify(self, token: Presented) -> str:
        try:
            key = self._client.get_signing_key_from_jwt(token.text)
            jwt.decode(
                token.text, key, algorithms=ALGORITHMS, audience=token.audience, issuer=self._issuer, leeway=0
            )
        except jwt.ExpiredSignatureError:
            return EXPIRED
        except jwt.PyJWKClientError as error:
            return NO_KEY if "Unable to find" in str(error) else repr(error)
        except jwt.PyJWTError as error:
            return repr(error)
        return OK


class Slow:
    """The least that a verifier can do, as an API Gateway does: it fetches the JWKS when its copy is old.

    It asks for it no sooner, not even for the sake of a key that it does not know.
    """

    def __init__(self, jwks_uri: str, issuer: str, clock: Clock) -> None:
        self._jwks_uri = jwks_uri
        self._issuer = issuer
        self._clock = clock
        self._fetched_at = float("-inf")
        self._keys = KeySet([])

    @property
    def kids(self) -> set[str | None]:
        """The keys that it knows."""
        return {key.kid for key in self._keys.keys}

    def verify(self, tokens: Sequence[Presented]) -> Mapping[str, list[str]]:
        """Verify them one after the other."""
        if self._clock.monotonic() - self._fetched_at > STALE_SECONDS:
            answer = httpx.get(self._jwks_uri, trust_env=False, verify=_tls()).raise_for_status()
            self._keys = KeySet.import_key_set(answer.json())
            self._fetched_at = self._clock.monotonic()
        return {"slow": [self._verify(token) for token in tokens]}

    def _verify(self, token: Presented) -> str:
        claims = joserfc_jwt.JWTClaimsRegistry(
            now=self._clock.now,
            leeway=0,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": token.audience},
        )
        try:
            claims.validate(joserfc_jwt.decode(token.text, self._keys, ALGORITHMS).claims)
        except joserfc.errors.ExpiredTokenError:
            return EXPIRED
        except joserfc.errors.InvalidKeyIdError:
            return NO_KEY
        except joserfc.errors.JoseError as error:
            return repr(error)
        return OK


class Node:
    """jose and aws-jwt-verify as they come, and aws-jwt-verify that is told to fetch; in one process."""

    def __init__(self, process: subprocess.Popen[str], clock: Clock) -> None:
        self._process = process
        self._clock = clock

    def verify(self, tokens: Sequence[Presented]) -> Mapping[str, list[str]]:
        """Verify them with one verifier after the other."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {
            "now": self._clock.now_ms(),
            "tokens": [{"text": token.text, "audience": token.audience} for token in tokens],
        }
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"node ended with status {self._process.wait()}"
        return {name: [_MEANINGS.get(one, one) for one in codes] for name, codes in json.loads(line).items()}


@dataclass(frozen=True)
class Verifiers:
    """All of them, which follow one deployment."""

    slow: Slow
    others: Sequence[Verifier]

    def verify(self, tokens: Sequence[Presented]) -> dict[str, list[str]]:
        """What became of each token, by the verifier's name."""
        outcome: dict[str, list[str]] = {}
        for verifier in (self.slow, *self.others):
            outcome |= verifier.verify(tokens)
        return outcome


@contextmanager
def following(deployment: Deployment) -> Iterator[Verifiers]:
    """Serve the deployment on loopback, and let the verifiers follow it on its clock."""
    with ExitStack() as stack:
        jwks_uri = stack.enter_context(_served(deployment)) + JWKS
        issuer = deployment.http("GET", "/.well-known/openid-configuration").json["issuer"]
        stack.enter_context(_on(deployment.clock))
        # Only Python's own client asks the environment for a proxy.
        stack.enter_context(mock.patch.dict(os.environ, {"no_proxy": "127.0.0.1"}))
        node = stack.enter_context(_running_node(jwks_uri, issuer))
        yield Verifiers(
            Slow(jwks_uri, issuer, deployment.clock), [PyJwt(jwks_uri, issuer), Node(node, deployment.clock)]
        )


@functools.cache
def _tls() -> ssl.SSLContext:
    """Nobody uses it here, but made anew for each request it would take most of the time."""
    return ssl.create_default_context()


@contextmanager
def _served(deployment: Deployment) -> Iterator[str]:
    """Serve its GET routes, one request at a time as moto wants it, and give the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = deployment.http("GET", self.path)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server, serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@contextmanager
def _on(clock: Clock) -> Iterator[None]:
    """Put PyJWT on the clock."""

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(clock.monotonic(), tz)

    time = SimpleNamespace(monotonic=clock.monotonic)
    with (
        mock.patch("jwt.jwks_client.time", time),
        mock.patch("jwt.jwk_set_cache.time", time),
        mock.patch("jwt.api_jwk.time", time),
        mock.patch("jwt.api_jwt.datetime", Stepped),
    ):
        yield


@contextmanager
def _running_node(jwks_uri: str, issuer: str) -> Iterator[subprocess.Popen[str]]:
    program = find_node()
    if program is None:
        raise MissingVerifiersError("the verifiers of Node are not installed: run `make verifiers`")
    with subprocess.Popen(  # noqa: S603 - our own program, no shell
        [program, str(_PROGRAM), str(PACKAGES / "node_modules"), jwks_uri, issuer],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
