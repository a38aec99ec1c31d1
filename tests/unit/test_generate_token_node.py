"""The node that generates a token: what it asks for, and what it puts into the payload."""

from typing import Any

import pytest

from signet.edge.nodes.generate_token import GenerateTokenRequest, run
from signet.errors import InvalidRequest, UserNotFound
from signet.usecases.sessions import Wanted

EXPORTED: dict[str, Any] = {
    "id": "gen-token",
    "type": "ExperienceUserTokenNode",
    "config": {
        "emailOrIdTemplate": "{{experience.user.id}}",
        "invalidateExistingTokens": False,
        "treatAsLogin": False,
        "ttlTemplate": "",
        "extraDataJsonTemplate": "",
        "resultPath": "working.token",
    },
    "meta": {"category": "experience", "name": "experience-user-token", "label": "Generate Token"},
    "outputIds": [["next"]],
}
PAYLOAD: dict[str, Any] = {"experience": {"user": {"id": "u1"}}, "working": {"a": 1}, "ttl": 60_000}


class Issuer:
    """Stands for what issues tokens: remembers what it was asked."""

    def __init__(self, *, knows: bool = True) -> None:
        self.knows = knows
        self.asked: list[Wanted] = []

    def __call__(self, wanted: Wanted) -> str:
        """As `issue_without_password` does."""
        self.asked.append(wanted)
        if not self.knows:
            raise UserNotFound("This application has no such user.")
        return "a token"


def generate(issuer: Issuer, **config: Any) -> Any:
    """Run the node with another configuration."""
    node = {**EXPORTED, "config": {**EXPORTED["config"], **config}}
    return run(GenerateTokenRequest.parse({"node": node, "payload": PAYLOAD}), issuer)


def test_an_exported_node_is_taken_as_it_is() -> None:
    """What nobody wrote is blank: no end, no extra data."""
    issuer = Issuer()
    assert generate(issuer) == {"payload": {**PAYLOAD, "working": {"a": 1, "token": "a token"}}}
    assert issuer.asked == [Wanted(named="u1")]


def test_the_configuration_alone_is_taken_too() -> None:
    """As for every node."""
    request = {"node": EXPORTED["config"], "payload": PAYLOAD}
    assert run(GenerateTokenRequest.parse(request), Issuer())["payload"]["working"]["token"] == "a token"


def test_everything_that_is_asked_for_is_asked_for() -> None:
    """Templates are resolved in the payload."""
    issuer = Issuer()
    generate(
        issuer,
        emailOrIdTemplate=" {{experience.user.id}}@example.com ",
        invalidateExistingTokens=True,
        treatAsLogin=True,
        ttlTemplate="{{ttl}}",
        extraDataJsonTemplate='{"user": {{experience.user.id}}}',
    )
    assert issuer.asked == [
        Wanted(
            named="u1@example.com",
            ttl_ms=60_000,
            extra_data={"user": "u1"},
            invalidate_existing_tokens=True,
            treat_as_login=True,
        )
    ]


@pytest.mark.parametrize("template", ["{{experience.user.id}}", "{{nothing}}", "nobody@example.com"])
def test_an_unknown_user_gives_null(template: str) -> None:
    """The workflow goes on, and sees it."""
    answer = generate(Issuer(knows=False), emailOrIdTemplate=template)
    assert answer == {"payload": {**PAYLOAD, "working": {"a": 1, "token": None}}}


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"emailOrIdTemplate": ""}, "node.emailOrIdTemplate"),
        ({"emailOrIdTemplate": None}, "node.emailOrIdTemplate"),
        ({"emailOrIdTemplate": "{{#if a}}"}, "node.emailOrIdTemplate"),
        ({"resultPath": ""}, "node.resultPath"),
        ({"resultPath": "a..b"}, "node.resultPath"),
        ({"resultPath": "ttl.token"}, "node.resultPath"),
        ({"ttlTemplate": "{{nothing}}"}, "node.ttlTemplate"),
        ({"ttlTemplate": "0"}, "node.ttlTemplate"),
        ({"extraDataJsonTemplate": "[]"}, "node.extraDataJsonTemplate"),
        ({"treatAsLogin": "true"}, "node.treatAsLogin"),
        ({"tokenResultPath": "a"}, "node.tokenResultPath"),
    ],
)
def test_what_is_wrong_with_a_node_is_said_before_a_token_is_made(config: dict[str, Any], field: str) -> None:
    """No token is made, or ends others, behind a refusal."""
    issuer = Issuer()
    with pytest.raises(InvalidRequest) as caught:
        generate(issuer, **config)
    assert [fault.dotted for fault in caught.value.faults] == [field]
    assert issuer.asked == []
