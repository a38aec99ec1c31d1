"""Keys that rotate, and keys that are revoked: through the real handlers."""

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest

from local import template
from signet import wiring
from signet.aws.client import Refused
from signet.domain.keys import DAY
from signet.edge import record
from signet.errors import InvalidRequest, SigningUnavailable
from signet.store.table import Part, Table
from tests.deployment import PASSWORD, ROOT, URL, Cloud, Deployment, load_template

MINT = {"identityType": "EMAIL", "identity": "test@example.com"}
ANNOUNCEMENT = 60 + 300 + 7200 + 120
"""Seconds: what an instance, a proxy and a slow verifier may keep, and a margin."""


def rotate(signet: Deployment, **fields: object) -> dict[str, str]:
    """Run rotate_keys, and return its keys' states by kid."""
    return {key["kid"]: key["state"] for key in signet.invoke("rotate_keys", fields)["keys"]}


def in_state(signet: Deployment, state: str) -> list[str]:
    """The kids of the keys in a state."""
    return [kid for kid, found in rotate(signet).items() if found == state]


def mint(signet: Deployment) -> str:
    """An identity token."""
    answer = signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic())
    assert answer.status == 200
    token: str = answer.json["token"]
    return token


def endless_token(signet: Deployment) -> str:
    """A session token without `exp`."""
    here = {"applicationId": signet.application_id}
    user = signet.invoke("create_user", here | {"email": "ann@example.com", "password": PASSWORD})
    token: str = signet.invoke("issue_session_token", here | {"experienceUserId": user["id"]})["token"]
    return token


def kid_of(token: str) -> str:
    """The key that signed it."""
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid


def published(signet: Deployment) -> dict[str, str]:
    """The algorithms of the published keys, by kid."""
    answer = signet.http("GET", "/.well-known/jwks.json")
    return {key["kid"]: key["alg"] for key in answer.json["keys"]}


def is_active(signet: Deployment, token: str) -> bool:
    """Whether an authorizer of the deployment would take the token."""
    answer = signet.http(
        "POST",
        "/oauth2/introspect",
        raw=f"token={token}".encode(),
        headers={"content-type": "application/x-www-form-urlencoded"} | signet.basic(signet.application_id),
    )
    active: bool = answer.json["active"]
    return active


def key_items(signet: Deployment, partition: str = "KEYS") -> dict[str, Any]:
    """The items of the ring by sort key; those of `KEYLIFE` by theirs."""
    return {item["sk"]["S"]: item for item in signet.items() if item["pk"]["S"] == partition}


def test_a_key_is_announced_signs_retires_and_goes(signet: Deployment) -> None:
    """The announced key takes over after the period; the old one goes when its last token is over."""
    first, second = kid_of(mint(signet)), in_state(signet, "announced")[0]
    signet.clock.advance(90 * DAY)
    assert rotate(signet)[first] == "active"
    assert kid_of(mint(signet)) == first
    signet.clock.advance(1)
    states = rotate(signet)
    assert (states.pop(first), states.pop(second), [*states.values()]) == ("retired", "active", ["announced"])
    signet.clock.advance(60)
    assert kid_of(mint(signet)) == second
    assert {first, second, *states} == published(signet).keys()
    assert "encrypted_private_key" not in key_items(signet)[f"KEY#{first}"]
    over = int(key_items(signet, "KEYLIFE")[f"KEY#{first}"]["max_exp"]["N"]) + 120
    signet.clock.advance(over - signet.clock.now)
    assert first in rotate(signet)
    signet.clock.advance(1)
    assert first not in rotate(signet)
    assert f"KEY#{first}" not in key_items(signet, "KEYLIFE")


def test_who_only_looks_changes_nothing(signet: Deployment) -> None:
    """The keys are shown with their dates, though one is due to rotate."""
    first = signet.invoke("rotate_keys", {})["keys"]
    signet.clock.advance(91 * DAY)
    before = signet.items()
    looked = signet.invoke("rotate_keys", {"readOnly": True})
    assert looked["keys"] == first
    assert signet.items() == before
    active = next(key for key in looked["keys"] if key["state"] == "active")
    assert active["createdAt"] == active["signsFrom"] == "2027-01-15T08:00:00.000Z"
    assert active["dueAt"] == "2027-04-15T08:00:00.000Z"
    after = {key["kid"]: key for key in signet.invoke("rotate_keys", {})["keys"]}
    assert after[active["kid"]]["endedAt"] == "2027-04-16T08:00:00.000Z"


def test_there_is_nothing_to_look_at_before_the_first_key(moto_cloud: Cloud) -> None:
    """Looking founds no ring."""
    with moto_cloud.deploy() as signet:
        for item in signet.items():
            if item["pk"]["S"] == "KEYS":
                key = {"pk": item["pk"], "sk": item["sk"]}
                wiring.table().client.call("DeleteItem", {"TableName": signet.table_name, "Key": key})
        with pytest.raises(InvalidRequest, match="readOnly: has nothing to show"):
            signet.invoke("rotate_keys", {"readOnly": True})


def test_a_key_of_a_token_without_end_stays_for_ever(moto_signet: Deployment) -> None:
    """A token that does not expire verifies in a hundred years, when its key is long retired."""
    signet = moto_signet
    token = endless_token(signet)
    for _ in range(3):
        signet.clock.advance(33 * 365 * DAY)
        assert rotate(signet)[kid_of(token)] in ("active", "retired")
    assert rotate(signet)[kid_of(token)] == "retired"
    assert is_active(signet, token)


def test_the_algorithm_changes_on_a_running_deployment(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next key has the new algorithm and signs as soon as it is known; old tokens stay good."""
    signet = moto_signet
    old = mint(signet)
    monkeypatch.setenv("SIGNING_ALGORITHM", "RS256")
    signet.restart()
    rotate(signet)
    assert sorted(published(signet).values()) == ["ES256", "ES256", "RS256"]
    discovery = signet.http("GET", "/.well-known/openid-configuration").json
    assert discovery["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    signet.clock.advance(ANNOUNCEMENT)
    rotate(signet)
    assert jwt.get_unverified_header(mint(signet))["alg"] == "ES256"
    signet.clock.advance(1)
    rotate(signet)
    signet.clock.advance(60)
    assert jwt.get_unverified_header(mint(signet))["alg"] == "RS256"
    assert kid_of(old) in published(signet)


def test_a_revoked_key_is_followed_at_once_by_the_announced_one(signet: Deployment) -> None:
    """In an emergency the announced key signs from now on, and the revoked one verifies nothing."""
    token = mint(signet)
    (successor,) = in_state(signet, "announced")
    signet.clock.advance(ANNOUNCEMENT)
    states = rotate(signet, emergency=True, kid=kid_of(token))
    assert (states[kid_of(token)], states[successor]) == ("revoked", "active")
    assert sorted(states.values()) == ["active", "announced", "revoked"]
    assert "encrypted_private_key" not in key_items(signet)[f"KEY#{kid_of(token)}"]
    signet.clock.advance(60)
    assert kid_of(mint(signet)) == successor
    assert kid_of(token) not in published(signet)
    # Once more changes nothing.
    before = signet.items()
    assert rotate(signet, emergency=True, kid=kid_of(token)) == states
    assert signet.items() == before


def test_a_key_from_memory_signs_no_longer_token_once_it_is_revoked(signet: Deployment) -> None:
    """Within the ring's time in memory, the write of `max_exp` tells a container."""
    kid = kid_of(mint(signet))
    rotate(signet, emergency=True, kid=kid)
    assert kid_of(mint(signet)) == kid  # It verifies nowhere.
    user = signet.invoke(
        "create_user",
        {"applicationId": signet.application_id, "email": "ann@example.com", "password": PASSWORD},
    )
    path = f"/applications/{signet.application_id}/experience/users/{user['id']}/token"
    refused = signet.http("POST", path, {}, headers=signet.bearer())
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert "revoked a moment ago" in refused.json["message"]


def test_sessions_of_a_revoked_key_end_within_the_bound(moto_signet: Deployment) -> None:
    """Signet itself takes no token of a revoked key for longer than an instance keeps the ring."""
    signet = moto_signet
    token = endless_token(signet)
    rotate(signet, emergency=True, kid=kid_of(token))
    assert is_active(signet, token)
    signet.clock.advance(60)
    assert not is_active(signet, token)


def test_a_successor_that_is_too_young_waits(moto_signet: Deployment) -> None:
    """Nobody signs before every verifier can know the key; the 503 says from when on."""
    signet = moto_signet
    active, born = kid_of(mint(signet)), signet.clock.now
    (successor,) = in_state(signet, "announced")
    result = signet.invoke("rotate_keys", {"emergency": True, "kid": active})
    (shown,) = [key for key in result["keys"] if key["kid"] == successor]
    assert shown["state"] == "active"
    signet.clock.advance(60)
    refused = signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic())
    remaining = born + ANNOUNCEMENT - signet.clock.now
    assert (refused.status, refused.headers["retry-after"]) == (503, str(remaining))
    assert f"signs from {shown['signsFrom']} on" in refused.json["errors"][0]["detail"]
    assert successor in published(signet)
    signet.clock.advance(born + ANNOUNCEMENT - 1 - signet.clock.now)
    assert signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic()).status == 503
    signet.clock.advance(1)
    assert kid_of(mint(signet)) == successor


def test_all_keys_can_be_revoked(moto_signet: Deployment) -> None:
    """With both keys revoked, a new one is published and signs once it may."""
    signet = moto_signet
    active = kid_of(mint(signet))
    (announced,) = in_state(signet, "announced")
    rotate(signet, emergency=True, kid=announced)
    states = rotate(signet, emergency=True, kid=active)
    assert sorted(states.values()) == ["active", "announced", "revoked", "revoked"]
    signet.clock.advance(ANNOUNCEMENT)
    assert states[kid_of(mint(signet))] == "active"


def test_a_retired_key_can_be_revoked_too(moto_signet: Deployment) -> None:
    """Its tokens end, and the active key goes on signing."""
    signet = moto_signet
    first = kid_of(mint(signet))
    signet.clock.advance(90 * DAY + 1)
    rotate(signet)
    signet.clock.advance(60)
    second = kid_of(mint(signet))
    states = rotate(signet, emergency=True, kid=first)
    assert (states[first], states[second]) == ("revoked", "active")
    signet.clock.advance(60)
    assert first not in published(signet)
    assert kid_of(mint(signet)) == second


REFUSALS: list[tuple[dict[str, object], str]] = [
    ({"emergency": True}, "kid: is required in an emergency"),
    ({"kid": "x"}, "kid: names a key to revoke, for good; add"),
    ({"emergency": True, "kid": "x"}, "kid: is none of the signing keys: "),
    ({"emergency": "yes", "kid": "x"}, "emergency: must be true or false"),
    (
        {"readOnly": True, "emergency": True, "kid": "x"},
        "readOnly: changes nothing; leave issuer and emergency",
    ),
    ({"readOnly": True, "issuer": "https://id.example.com"}, "readOnly: changes nothing; leave issuer"),
    ({"emergancy": True}, "emergancy: is unknown; did you mean emergency?"),
]


@pytest.mark.parametrize(("fields", "message"), REFUSALS)
def test_what_is_no_emergency_changes_nothing(
    moto_signet: Deployment, fields: dict[str, object], message: str
) -> None:
    """A call that does not clearly name a key of the ring is refused."""
    before = moto_signet.items()
    with pytest.raises(InvalidRequest, match=message):
        moto_signet.invoke("rotate_keys", fields)
    assert moto_signet.items() == before


def test_the_age_of_the_active_key_is_measured(
    moto_signet: Deployment, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each run reports for how long the active key has signed beyond its time: what the alarm watches."""
    signet = moto_signet
    (announced,) = in_state(signet, "announced")
    capfd.readouterr()

    def overdue() -> list[float]:
        signet.invoke("rotate_keys", {})
        line = json.loads(capfd.readouterr().out.splitlines()[-1])
        metric: list[float] = line["ActiveKeyOverdue"]
        return metric

    assert overdue() == [0]
    # Another algorithm is announced and not old enough yet, so the active key stays beyond its time.
    signet.clock.advance(90 * DAY - 10)
    rotate(signet, emergency=True, kid=announced)
    signet.clock.advance(3 * 3600 - 7_200)
    capfd.readouterr()
    assert overdue() == [3 * 3600 - 7_200 - 10]


def test_the_alarms_watch_what_is_measured() -> None:
    """An alarm on a metric that nobody emits would never ring."""
    resources = load_template()["Resources"]
    alarms = template.load(ROOT / "deploy" / "monitoring.yaml")["Resources"]
    variables = load_template()["Globals"]["Function"]["Environment"]["Variables"]
    namespace = variables["POWERTOOLS_METRICS_NAMESPACE"]
    alarm = alarms["ActiveKeyTooOld"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (namespace, "ActiveKeyOverdue")
    assert [dimension["Name"] for dimension in alarm["Dimensions"]] == [record.DIMENSION]
    # No data are heard of by leaving OK, so that a first deployment, which has none yet, raises no alarm.
    assert alarm["TreatMissingData"] == "missing"
    assert alarm["InsufficientDataActions"] == alarm["AlarmActions"]
    failed = alarms["RotationFailed"]["Properties"]
    assert (failed["Namespace"], failed["MetricName"]) == ("AWS/Lambda", "Errors")
    schedule = resources["RotateKeysFunction"]["Properties"]["Events"]["Daily"]["Properties"]
    assert (schedule["ScheduleExpression"], schedule["Input"]) == ("cron(17 3 * * ? *)", "{}")


# Damage


def damage(signet: Deployment, state: str, changes: dict[str, Any]) -> str:
    """Spoil the item of the key in a state, and return its kid."""
    (kid,) = in_state(signet, state)
    item = {**key_items(signet)[f"KEY#{kid}"], **changes}
    kept = {name: value for name, value in item.items() if value is not None}
    signet.put_item(kept)
    signet.clock.advance(60)
    return kid


OTHER_KEY = {"M": {"kty": {"S": "EC"}, "crv": {"S": "P-256"}, "x": {"S": "AA"}, "y": {"S": "AA"}}}
DAMAGES: dict[str, dict[str, Any]] = {
    "no public key": {"public_jwk": None},
    "another public key": {"public_jwk": OTHER_KEY},
    "a public key of another type": {"public_jwk": {"S": "key"}},
    "another algorithm": {"algorithm": {"S": "RS256"}},
    "an algorithm that is none": {"algorithm": {"S": "none"}},
    "no time of its creation": {"created_at": None},
}


@pytest.mark.parametrize("changes", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_active_key_is_refused_clearly(moto_signet: Deployment, changes: dict[str, Any]) -> None:
    """Signing answers 503 and rotate_keys fails until it is restored or revoked; the others go on."""
    signet = moto_signet
    kid = damage(signet, "active", changes)
    refused = signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic())
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert (
        "damaged, missing or revoked; the operator has to restore or revoke it"
        in refused.json["errors"][0]["detail"]
    )
    assert len(published(signet)) == 1
    signet.clock.advance(91 * DAY)
    with pytest.raises(SigningUnavailable, match="damaged"):
        signet.invoke("rotate_keys", {})
    result = signet.invoke("rotate_keys", {"emergency": True, "kid": kid})
    assert result["damaged"] == [kid]
    assert sorted(key["state"] for key in result["keys"]) == ["active", "announced"]
    signet.clock.advance(60)
    mint(signet)


@pytest.mark.parametrize("changes", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_announced_key_is_replaced(moto_signet: Deployment, changes: dict[str, Any]) -> None:
    """It has signed nothing yet, so another one is announced in its place."""
    signet = moto_signet
    kid = damage(signet, "announced", changes)
    result = signet.invoke("rotate_keys", {})
    assert result["damaged"] == [kid]
    assert sorted(key["state"] for key in result["keys"]) == ["active", "announced"]
    assert "encrypted_private_key" not in key_items(signet)[f"KEY#{kid}"]
    mint(signet)


def test_an_announced_key_that_cannot_sign_does_not_take_over(moto_signet: Deployment) -> None:
    """Its private half is tried before anybody depends on it; revoked, it is replaced."""
    signet = moto_signet
    (active,) = in_state(signet, "active")
    other = key_items(signet)[f"KEY#{active}"]["encrypted_private_key"]
    announced = damage(signet, "announced", {"encrypted_private_key": other})
    signet.clock.advance(90 * DAY)
    with pytest.raises(SigningUnavailable, match=f"{announced} cannot be decrypted, so the active one stays"):
        signet.invoke("rotate_keys", {})
    assert kid_of(mint(signet)) == active
    states = rotate(signet, emergency=True, kid=announced)
    assert (states[announced], states[active]) == ("revoked", "active")


LOST_LIVES: dict[str, dict[str, Any] | None] = {
    "no item": None,
    "no max_exp": {},
}


@pytest.mark.parametrize("left", LOST_LIVES.values(), ids=LOST_LIVES)
def test_a_key_whose_life_is_lost_is_kept_for_ever(signet: Deployment, left: dict[str, Any] | None) -> None:
    """Until when its tokens live is unknown; new containers sign with it once rotate_keys has run."""
    token = mint(signet)
    kid = kid_of(token)
    life = key_items(signet, "KEYLIFE")[f"KEY#{kid}"]
    signet.delete_item(life)
    if left is not None:
        signet.put_item({name: life[name] for name in ("pk", "sk")} | left)
    assert kid_of(mint(signet)) == kid
    signet.restart()
    refused = signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic())
    assert refused.status == 503
    assert "rotate_keys" in refused.json["errors"][0]["detail"]
    assert is_active(signet, token)
    rotate(signet)
    assert kid_of(mint(signet)) == kid
    for _ in range(3):
        signet.clock.advance(33 * 365 * DAY)
        rotate(signet)
    assert rotate(signet)[kid] == "retired"
    rotate(signet, emergency=True, kid=kid)
    signet.clock.advance(181)
    assert kid not in rotate(signet)


@pytest.mark.parametrize("attribute", ["issuer", "activated_at"])
def test_a_damaged_ring_is_refused_clearly(moto_signet: Deployment, attribute: str) -> None:
    """Whatever needs the ring answers 503 and names the damage."""
    signet = moto_signet
    ring = {name: value for name, value in key_items(signet)["RING"].items() if name != attribute}
    signet.put_item(ring)
    signet.restart()
    answer = signet.http("GET", "/.well-known/jwks.json")
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
    with pytest.raises(SigningUnavailable, match="key ring is damaged"):
        signet.invoke("rotate_keys", {})


# Restored from a backup


def restore(signet: Deployment, items: dict[str, Any], *names: str) -> None:
    """Put items back as they were."""
    for name in names:
        signet.put_item(items[name])
    signet.clock.advance(60)


def test_a_restored_ring_can_name_a_revoked_key(moto_signet: Deployment) -> None:
    """Nobody signs with it; revoking it once more lets the announced key follow."""
    signet = moto_signet
    (active,) = in_state(signet, "active")
    before = key_items(signet)
    rotate(signet, emergency=True, kid=active)
    restore(signet, before, "RING")
    assert signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic()).status == 503
    with pytest.raises(SigningUnavailable, match=f"{active} is damaged, missing or revoked"):
        rotate(signet)
    states = rotate(signet, emergency=True, kid=active)
    assert states[active] == "revoked"
    check_ring(signet)
    signet.clock.advance(ANNOUNCEMENT)
    mint(signet)


def test_an_active_key_without_an_item_can_be_revoked(moto_signet: Deployment) -> None:
    """What the message proposes is possible: the announced key follows."""
    signet = moto_signet
    (active,) = in_state(signet, "active")
    signet.delete_item(key_items(signet)[f"KEY#{active}"])
    signet.clock.advance(ANNOUNCEMENT)
    with pytest.raises(SigningUnavailable, match=f"{active} is damaged, missing"):
        rotate(signet, issuer="https://id.example.com")
    assert sorted(rotate(signet, emergency=True, kid=active).values()) == ["active", "announced"]
    signet.clock.advance(60)
    mint(signet)


@pytest.mark.parametrize("emergency", [True, False])
def test_a_restored_key_loses_its_private_half_again(moto_signet: Deployment, emergency: bool) -> None:
    """An item that is again as it was before its key's end is retired, and goes like any other."""
    signet = moto_signet
    kid = kid_of(mint(signet))
    before, lives = key_items(signet), key_items(signet, "KEYLIFE")
    signet.clock.advance(90 * DAY + 1)
    rotate(signet, **({"emergency": True, "kid": kid} if emergency else {}))
    restore(signet, before, f"KEY#{kid}")
    restore(signet, lives, f"KEY#{kid}")
    assert rotate(signet)[kid] == "retired"
    check_ring(signet)
    signet.clock.advance(40 * DAY)
    assert kid not in rotate(signet)


def test_a_revoked_key_goes_though_it_made_tokens_without_end(moto_signet: Deployment) -> None:
    """None of its tokens is good, so nobody needs it."""
    signet = moto_signet
    token = endless_token(signet)
    rotate(signet, emergency=True, kid=kid_of(token))
    signet.clock.advance(181)
    assert kid_of(token) not in rotate(signet)


# Crashes


class Crash(Exception):
    """The function was killed."""


def founding(_: Deployment) -> dict[str, object]:
    """The first run of all."""
    return {"issuer": URL}


def handing_over(signet: Deployment) -> dict[str, object]:
    """The daily run in which the announced key takes over, and one from before is over."""
    rotate(signet, issuer=URL)
    for _ in range(2):
        signet.clock.advance(90 * DAY + 1)
        rotate(signet)
    signet.clock.advance(90 * DAY + 1)
    return {}


def revoking_the_active_key(signet: Deployment) -> dict[str, object]:
    """An emergency, with a successor that may sign."""
    rotate(signet, issuer=URL)
    signet.clock.advance(ANNOUNCEMENT)
    return {"emergency": True, "kid": in_state(signet, "active")[0]}


def revoking_the_announced_key(signet: Deployment) -> dict[str, object]:
    """An emergency that leaves no key but the active one."""
    rotate(signet, issuer=URL)
    return {"emergency": True, "kid": in_state(signet, "announced")[0]}


def revoking_the_last_key(signet: Deployment) -> dict[str, object]:
    """An emergency that leaves no key at all: the announced one was revoked, and no other made."""
    rotate(signet, issuer=URL)
    (active,) = in_state(signet, "active")
    item = key_items(signet)["RING"]
    signet.delete_item(key_items(signet)[f"KEY#{item['next_kid']['S']}"])
    del item["next_kid"]
    signet.put_item(item)
    return {"emergency": True, "kid": active}


SCENES = [
    founding,
    handing_over,
    revoking_the_active_key,
    revoking_the_announced_key,
    revoking_the_last_key,
]


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], list[str]]]:
    """Kills the function at a moment: before its first write, after it, before the second, and so on."""

    def kill(moment: int) -> list[str]:
        moments: list[str] = []
        write = Table.write

        def pass_moment(name: str) -> None:
            moments.append(name)
            if len(moments) == moment:
                raise Crash

        def watched(table: Table, *parts: Part) -> None:
            pass_moment("before")
            write(table, *parts)
            pass_moment("after")

        monkeypatch.setattr(Table, "write", watched)
        return moments

    yield kill
    monkeypatch.undo()


@pytest.mark.parametrize("scene", SCENES)
def test_a_run_may_stop_anywhere(
    moto_cloud: Cloud,
    killed_at: Callable[[int], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    scene: Callable[[Deployment], dict[str, object]],
) -> None:
    """Killed before or after any write, a run leaves a whole ring, and the next ends where it would have."""

    def shape(signet: Deployment) -> list[tuple[bool, ...]]:
        return sorted(
            tuple(name in item for name in ("encrypted_private_key", "retired_at", "revoked_at"))
            for item in key_items(signet).values()
        )

    with moto_cloud.deploy(key_ring=False) as signet:
        event = scene(signet)
        moments = killed_at(0)
        signet.invoke("rotate_keys", event)
        expected = shape(signet)
        monkeypatch.undo()
    assert len(moments) >= 4
    for moment in range(1, len(moments) + 1):
        with moto_cloud.deploy(key_ring=False) as signet:
            event = scene(signet)
            killed_at(moment)
            with pytest.raises(Crash):
                signet.invoke("rotate_keys", event)
            monkeypatch.undo()
            check_ring(signet)
            signet.invoke("rotate_keys", event)
            check_ring(signet)
            assert shape(signet) == expected


def check_ring(signet: Deployment) -> None:
    """At most one key is active, it can sign, and no ended key has a private half."""
    items = key_items(signet)
    if not items:
        return
    ring = items.pop("RING")
    named = {f"KEY#{ring[name]['S']}" for name in ("active_kid", "next_kid") if name in ring}
    assert named == {name for name, item in items.items() if "encrypted_private_key" in item}
    assert named <= items.keys()
    assert all(
        ("retired_at" in item or "revoked_at" in item) == (name not in named) for name, item in items.items()
    )


@pytest.mark.parametrize("state", ["active", "announced"])
def test_an_emergency_overtakes_a_rotation(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """A key that was revoked after the ring was read neither signs nor is only retired."""
    signet = moto_signet
    signet.clock.advance(90 * DAY)
    (kid,) = in_state(signet, state)
    signet.clock.advance(1)
    write, writes = Table.write, itertools.count()

    def overtaken(table: Table, *parts: Part) -> None:
        if next(writes) == 0:
            signet.invoke("rotate_keys", {"emergency": True, "kid": kid})
        write(table, *parts)

    with monkeypatch.context() as patch:
        patch.setattr(Table, "write", overtaken)
        states = rotate(signet)
    check_ring(signet)
    assert states[kid] == "revoked"
    assert sorted(states.values())[:2] == ["active", "announced"]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("moment", range(1, 5))
def test_a_run_may_overtake_another(
    moto_cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    scene: Callable[[Deployment], dict[str, object]],
    moment: int,
) -> None:
    """A whole second run before any write of the first leaves one ring, as one run would."""
    with moto_cloud.deploy(key_ring=False) as signet:
        event = scene(signet)
        write, writes = Table.write, itertools.count(1)

        def overtaken(table: Table, *parts: Part) -> None:
            if next(writes) == moment:
                signet.invoke("rotate_keys", event)
            write(table, *parts)

        with monkeypatch.context() as patch:
            patch.setattr(Table, "write", overtaken)
            signet.invoke("rotate_keys", event)
        check_ring(signet)
        states = [*rotate(signet).values()]
        assert states.count("active") == states.count("announced") == 1


# Without KMS


def test_without_kms_a_key_is_revoked_all_the_same(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoking needs no KMS; with no key left signing is refused, and goes on when a new one may sign."""
    signet = moto_signet
    active = kid_of(mint(signet))
    (announced,) = in_state(signet, "announced")

    def refuse(_operation: str, _request: object) -> Any:
        raise Refused(400, "DisabledException", "the key is disabled")

    with monkeypatch.context() as outage:
        outage.setattr(wiring.make_client("kms"), "call", refuse)
        before = signet.items()
        assert sorted(rotate(signet).values()) == ["active", "announced"]
        assert signet.items() == before
        for kid in (announced, active):
            with pytest.raises(SigningUnavailable, match="cannot be encrypted at the moment"):
                signet.invoke("rotate_keys", {"emergency": True, "kid": kid})
        assert "active_kid" not in key_items(signet)["RING"]
        signet.clock.advance(60)
        assert published(signet) == {}
        refused = signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic())
        assert refused.status == 503
        assert "No signing key is active" in refused.json["errors"][0]["detail"]
    states = rotate(signet)
    assert sorted(states.values()) == ["active", "announced", "revoked", "revoked"]
    signet.clock.advance(ANNOUNCEMENT - 1)
    assert signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic()).status == 503
    signet.clock.advance(1)
    assert states[kid_of(mint(signet))] == "active"
