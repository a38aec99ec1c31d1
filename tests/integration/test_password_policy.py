"""Wherever a password is set, it has to be one that may be."""

from collections.abc import Callable
from typing import Any

import pytest

from local import template
from signet.errors import InvalidRequest
from tests.deployment import PASSWORD, Deployment
from tools import openapi

ANN, NEW = "ann@example.com", "fay@example.com"
REFUSED = {"too short": "short 7", "one of the most common": "Password1", "too long": "x" * 2049}


def by_a_code(signet: Deployment, here: dict[str, Any]) -> dict[str, Any]:
    """A code that sets a password."""
    named = {"experienceUserId": ANN, "purpose": "resetPassword"}
    return {"code": signet.invoke("create_code", here | named)["code"]}


def by_a_token(signet: Deployment, here: dict[str, Any]) -> dict[str, Any]:
    """Ann's session token and her password."""
    token = signet.invoke("issue_session_token", here | {"experienceUserId": ANN})["token"]
    return {"token": token, "currentPassword": PASSWORD}


WAYS: dict[str, Callable[[Deployment, dict[str, Any]], dict[str, Any]]] = {
    "create_user": lambda _signet, _here: {"email": NEW},
    "sign_up": lambda _signet, _here: {"email": NEW},
    "update_user": lambda _signet, _here: {"experienceUserId": ANN},
    "update_me": by_a_token,
    "redeem_code": by_a_code,
}


@pytest.mark.parametrize("operation", WAYS)
def test_the_policy_holds_wherever_a_password_is_set(moto_signet: Deployment, operation: str) -> None:
    """The refusal says why, and nothing has changed."""
    here = {"applicationId": moto_signet.application_id}
    moto_signet.invoke("create_user", here | {"email": ANN, "password": PASSWORD})
    fields = here | WAYS[operation](moto_signet, here)
    before = moto_signet.kept()
    for why, password in REFUSED.items():
        with pytest.raises(InvalidRequest, match=f"password: is {why}"):
            moto_signet.invoke(operation, fields | {"password": password})
    assert moto_signet.kept() == before
    moto_signet.invoke(operation, fields | {"password": "another horse battery"})


def test_every_operation_that_sets_a_password_is_tried() -> None:
    """Those whose contract bounds its length, and codes, whose password may be one that there is."""
    schemas = template.parse(openapi.FILE.read_text())["components"]["schemas"]
    bounded = {
        name
        for name, schema in schemas.items()
        if "minLength" in schema.get("properties", {}).get("password", {})
    }
    assert bounded | {"RedeemCode"} == {_schema(operation) for operation in WAYS}


def _schema(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_"))
