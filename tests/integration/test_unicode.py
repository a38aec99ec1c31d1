"""Texts that look alike, turn their direction or combine: each is one thing everywhere, or refused."""

import unicodedata
from typing import Any

import pytest

from tests.deployment import PASSWORD, Deployment

TEXTS = {
    "two letters that look alike": ("p\u0430ypal", "paypal"),
    "another alphabet's capital": ("\u0391lpha", "Alpha"),
    "full-width letters": ("\uff41\uff4e\uff4e", "ann"),
    "a ligature": ("\ufb01n", "fin"),
    "a zero-width joiner": ("an\u200dn", "ann"),
    "a soft hyphen": ("an\u00adn", "ann"),
    "the other direction": ("ann\u202egnp", "anngnp"),
    "isolates": ("\u2066ann\u2069", "ann"),
    "an accent apart": ("Re\u0301ne\u0301", "R\u00e9n\u00e9"),
    "accents in another order": ("a\u0323\u0307", "a\u0307\u0323"),
    "an emoji of several": ("\U0001f469\u200d\U0001f4bb", "\U0001f469\U0001f4bb"),
    "beyond the first plane": ("\U00010400", "\U00010428"),
    "sharp s": ("stra\u00dfe", "strasse"),
    "a dotless i": ("\u0131", "i"),
}
"""Pairs that a person, or a careless comparison, may take for the same."""

PAIRS = pytest.mark.parametrize(("one", "other"), TEXTS.values(), ids=TEXTS)


def post(signet: Deployment, path: str, fields: dict[str, Any], method: str = "POST") -> Any:
    """Send to a route of the application, as its backend."""
    where = f"/applications/{signet.application_id}/experience/{path}"
    return signet.http(method, where, fields if method != "GET" else None, headers=signet.bearer())


def is_same_address(one: str, other: str) -> bool:
    """What RFC 6531 has us do, and no more: NFC, and no difference between capitals."""
    return unicodedata.normalize("NFC", one).lower() == unicodedata.normalize("NFC", other).lower()


@PAIRS
def test_an_address_is_its_owner_s_alone(moto_signet: Deployment, one: str, other: str) -> None:
    """The second is the same address only in NFC and lower case; all that looks alike is somebody else's."""
    signet = moto_signet
    first, second = (
        post(signet, "users", {"email": f"{name}@example.com", "password": PASSWORD}) for name in (one, other)
    )
    assert first.status in (201, 400)
    if first.status == 400:
        assert "email" in first.json["message"]
    elif is_same_address(one, other):
        assert second.status == 409
    else:
        assert second.status == 201
        assert first.json["id"] != second.json["id"]
        tried = {"authMode": "emailPassword", "email": f"{one}@example.com", "password": PASSWORD}
        assert post(signet, "authenticate", tried).json["user"]["id"] == first.json["id"]


@PAIRS
def test_a_password_is_the_same_however_it_is_typed_and_no_other(
    moto_signet: Deployment, one: str, other: str
) -> None:
    """Two are the same where NFKC says so, as NIST SP 800-63B-4 asks, and nowhere else."""
    signet, rest = moto_signet, " and eight more"
    made = post(signet, "users", {"email": "ann@example.com", "password": one + rest})
    assert made.status == 201
    tried = {"authMode": "emailPassword", "email": "ann@example.com", "password": other + rest}
    same = unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other)
    assert post(signet, "authenticate", tried).json["authenticated"] is same


@PAIRS
def test_names_and_tags_come_back_as_they_came(moto_signet: Deployment, one: str, other: str) -> None:
    """Not a character is added, lost or put together: of users and of groups."""
    signet = moto_signet
    user: dict[str, object] = {"email": "ann@example.com", "password": PASSWORD}
    user |= {"firstName": one, "lastName": other, "userTags": {"a": one, "b": other}}
    made = post(signet, "users", user)
    group = post(signet, "groups", {"name": one, "description": other, "groupTags": {"a": one}})
    if made.status == 201:
        shown = post(signet, f"users/{made.json['id']}", {}, "GET").json
        assert (shown["firstName"], shown["lastName"]) == (one, other)
        assert shown["userTags"] == {"a": one, "b": other}
    else:
        assert (made.status, made.json["type"]) == (400, "Validation")
    if group.status == 201:
        shown = post(signet, f"groups/{group.json['id']}", {}, "GET").json
        assert (shown["name"], shown["description"], shown["groupTags"]) == (one, other, {"a": one})
    else:
        assert (group.status, group.json["type"]) == (400, "Validation")


@PAIRS
def test_an_external_id_is_one_user_s_or_none(moto_signet: Deployment, one: str, other: str) -> None:
    """It is the application's own, so no spelling is made another: two that look alike are two users."""
    signet = moto_signet
    tokens = {}
    for name in (one, other):
        data = {"apiKey": signet.application_id, "authToken": signet.api_token, "userId": name}
        answer = signet.http("POST", "/v1/auth/token/get", {"data": data})
        if answer.status != 200:
            assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
            continue
        tokens[name] = answer.json["result"]["data"]["token"]
    for name, token in tokens.items():
        for claimed in (one, other):
            said: dict[str, object] = {
                "apiKey": signet.application_id,
                "authToken": token,
                "user": {"userId": claimed},
            }
            answer = signet.http("POST", "/v1/identify", {"data": said})
            if claimed == name:
                assert answer.json["result"]["data"]["user"]["userId"] == name
            else:
                assert answer.status in (400, 403)
