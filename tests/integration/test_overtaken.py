"""Changes that others overtake again and again."""

from importlib import import_module
from typing import Any

import pytest

from signet.errors import Unavailable
from signet.store.users import StaleError
from tests.deployment import PASSWORD, Deployment

ORGANIZATION = [{"type": "organization", "id": "org1", "accessRole": "editor"}]
EXTERNAL = {"userId": "u1"}

OVERTAKEN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a user's name": ("users.alter_user", "update_user", {"firstName": "Bea"}),
    "a user's deletion": ("users.erase_user", "delete_user", {}),
    "permissions that come": (
        "permissions.widen_permissions",
        "add_permissions",
        {"user": EXTERNAL, "permissions": {"resources": ORGANIZATION}},
    ),
    "permissions that go": (
        "permissions.narrow_permissions",
        "remove_permissions",
        EXTERNAL | {"permissions": {"resources": [{"type": "organization", "id": "org1"}]}},
    ),
    "who comes without a token": ("identification.write_identified", "identify", {"user": EXTERNAL}),
    "who comes with a token": (
        "identification.write_identified",
        "identify",
        {"user": EXTERNAL, "authToken": "<token>"},
    ),
}
"""By what is changed: the write that is always too late, the operation, and its fields."""


@pytest.mark.parametrize("change", OVERTAKEN)
def test_who_is_always_too_late_is_told_to_try_again(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """However often another request comes first, it ends in a refusal, and nothing is written."""
    write, operation, fields = OVERTAKEN[change]
    here = {"applicationId": moto_signet.application_id}
    named = {"email": "ann@example.com", "password": PASSWORD}
    user_id = moto_signet.invoke("create_user", here | named)["id"]
    if operation.endswith("_user"):
        fields = fields | {"experienceUserId": user_id}
    if "authToken" in fields:
        fields = fields | {"authToken": moto_signet.invoke("issue_user_token", here | EXTERNAL)["token"]}
    if change == "who comes without a token":
        moto_signet.invoke("update_settings", here | {"requireJwtToken": False})
        moto_signet.restart()
    before = moto_signet.items()
    attempts = []

    def too_late(*given: Any, **_: Any) -> None:
        attempts.append(given)
        raise StaleError

    module, _, name = write.partition(".")
    monkeypatch.setattr(import_module(f"signet.usecases.{module}"), name, too_late)
    monkeypatch.setattr("time.sleep", moto_signet.clock.advance)
    with pytest.raises(Unavailable, match="Other requests are changing this user"):
        moto_signet.invoke(operation, here | fields)
    assert len(attempts) > 1
    assert moto_signet.items() == before
