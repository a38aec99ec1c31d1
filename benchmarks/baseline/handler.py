"""The tutorial function: sign-in with JWTs on Lambda, as people write it from the guides, and written well.

Three routes in one function, which is what Powertools' documentation shows: sign in with a password, verify
a token against the user's item, mint a token for an e-mail address. Nothing here is Signet's.
"""

import os
import time
from typing import Annotated, Any

import boto3
import jwt
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from aws_lambda_powertools.event_handler.openapi.params import Header
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, EmailStr

ISSUER = "https://tutorial.example"
LIFETIME = 3600

logger = Logger()
tracer = Tracer()
app = APIGatewayHttpResolver(enable_validation=True)
users = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
password_hasher = PasswordHasher()


class Credentials(BaseModel):
    """The body of a sign-in."""

    email: EmailStr
    password: str


class Address(BaseModel):
    """The body of a mint."""

    email: EmailStr


class Token(BaseModel):
    """The answer of a sign-in and of a mint."""

    token: str


class User(BaseModel):
    """The answer of a verification."""

    email: EmailStr
    name: str


@app.post("/sign-in")
@tracer.capture_method(capture_response=False)
def sign_in(credentials: Credentials) -> Token:
    """E-mail address and password for a token."""
    user = find_user(credentials.email)
    try:
        password_hasher.verify(user["password_hash"], credentials.password)
    except VerifyMismatchError as error:
        raise UnauthorizedError("Wrong e-mail address or password") from error
    return Token(token=make_token(credentials.email))


@app.get("/verify")
@tracer.capture_method(capture_response=False)
def verify(authorization: Annotated[str, Header()]) -> User:
    """A token for the user that it belongs to."""
    key = jwt.PyJWK.from_json(os.environ["PUBLIC_KEY"])
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), key, algorithms=["ES256"], issuer=ISSUER)
    except jwt.InvalidTokenError as error:
        raise UnauthorizedError("Invalid token") from error
    user = find_user(claims["sub"])
    return User(email=user["email"], name=user["name"])


@app.post("/mint")
@tracer.capture_method(capture_response=False)
def mint(address: Address) -> Token:
    """A token for an e-mail address that somebody else has checked."""
    return Token(token=make_token(address.email))


def find_user(email: str) -> dict[str, Any]:
    """The user's item."""
    user: dict[str, Any] | None = users.get_item(Key={"email": email}, ConsistentRead=True).get("Item")
    if user is None:
        raise UnauthorizedError("Wrong e-mail address or password")
    return user


def make_token(email: str) -> str:
    """A signed token; the key is the PEM of an environment variable."""
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": email, "iat": now, "exp": now + LIFETIME}
    return jwt.encode(claims, os.environ["PRIVATE_KEY"], algorithm="ES256")


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler(capture_response=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Hand the event to the route's function."""
    logger.info("Request", extra={"route": event["routeKey"]})
    return app.resolve(event, context)
