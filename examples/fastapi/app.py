"""Routes for Signet's users alone: one that verifies a token by itself, one that asks Signet as well."""

import base64
import json
import os
import urllib.parse
import urllib.request
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

SIGNET = os.environ["SIGNET_URL"]
APPLICATION_ID = os.environ["SIGNET_APPLICATION_ID"]
API_TOKEN = os.environ["SIGNET_API_TOKEN"]

app = FastAPI()
# It fetches the public keys when it meets a key that it does not know, and anew every five minutes.
keys = jwt.PyJWKClient(f"{SIGNET}/.well-known/jwks.json", lifespan=300)
bearer = HTTPBearer(auto_error=False)


def refusal() -> HTTPException:
    """What whoever has no good token gets, without a reason."""
    return HTTPException(401, "a good session token is needed", {"WWW-Authenticate": "Bearer"})


# Neither is `async`: FastAPI runs it in a thread, where it may wait for an answer.
def offline(sent: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> dict[str, Any]:
    """The claims of a token that Signet signed for this application and that has not expired."""
    if sent is None:
        raise refusal()
    try:
        key = keys.get_signing_key_from_jwt(sent.credentials)
        verified = jwt.decode_complete(
            sent.credentials,
            key,
            algorithms=["ES256", "RS256"],
            issuer=SIGNET,
            audience=f"{APPLICATION_ID}/session",
            options={"require": ["exp", "sub"], "strict_aud": True},
        )
    except jwt.PyJWKClientConnectionError as error:
        raise HTTPException(503, "the public keys cannot be had; try again") from error
    except jwt.PyJWTError as error:
        raise refusal() from error
    if verified["header"].get("typ") != "session+jwt":
        raise refusal()
    claims: dict[str, Any] = verified["payload"]
    return claims


def online(
    claims: Annotated[dict[str, Any], Depends(offline)],
    sent: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
) -> dict[str, Any]:
    """The same of a token that has not been ended either: by a log-out, another password, an operator."""
    credentials = base64.b64encode(f"{APPLICATION_ID}:{API_TOKEN}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - the URL is our own setting
        f"{SIGNET}/oauth2/introspect",
        urllib.parse.urlencode({"token": sent.credentials}).encode(),
        {"authorization": f"Basic {credentials}"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - as above; no answer is a 500
        if not json.load(answer)["active"]:
            raise refusal()
    return claims


@app.get("/orders")
def orders(claims: Annotated[dict[str, Any], Depends(offline)]) -> dict[str, Any]:
    """What may be shown for as long as the token lives."""
    return {"orders": [], "user": claims["sub"]}


@app.get("/payments")
def payments(claims: Annotated[dict[str, Any], Depends(online)]) -> dict[str, Any]:
    """What must not be shown once the user has logged out."""
    return {"payments": [], "user": claims["sub"]}
