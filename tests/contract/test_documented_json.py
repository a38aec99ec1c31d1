"""Every block of JSON in docs/ is what the product takes or gives.

What a block is stands in `FORMS`: schemas of openapi.yaml, one for each value, or a check of its own.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator

from signet.domain.queries import parse_query
from signet.edge.fields.transfer import read_line
from signet.usecases.listing import FIELDS
from tests import documentation
from tests.deployment import ROOT
from tests.documentation import Block

SPECIFICATION = yaml.load((ROOT / "openapi.yaml").read_text(), yaml.CSafeLoader)
OPERATIONS = {
    operation["operationId"]: operation
    for methods in SPECIFICATION["paths"].values()
    for operation in methods.values()
}
BCRYPT = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"
"""In place of a hash that is shown in part."""

type Check = Callable[[Any], None]


def schema(name: str) -> dict[str, Any]:
    """A schema: of a component, of what `operation:takes`, or of what `operation:200` answers."""
    operation, _, part = name.partition(":")
    if not part:
        return {"$ref": f"#/components/schemas/{name}"}
    declared = OPERATIONS[operation]
    found = declared["requestBody"] if part == "takes" else declared["responses"][part]
    return dict(found["content"]["application/json"]["schema"])


def is_shown_in_part(value: object) -> bool:
    """Whether something in it is left out, or stands for what is a reader's own."""
    return isinstance(value, str) and ("…" in value or value.startswith("<"))


def faults(error: Any) -> Iterator[Any]:
    """What is wrong, down to the branches of a choice."""
    if error.context:
        for inner in error.context:
            yield from faults(inner)
    else:
        yield error


def follows(name: str) -> Check:
    """A check that a value is what a schema says, but for what is shown in part."""

    def check(value: Any) -> None:
        validator = Draft202012Validator({**schema(name), "components": SPECIFICATION["components"]})
        for error in validator.iter_errors(value):
            causes = list(faults(error))
            if not any(is_shown_in_part(it.instance) or it.validator == "required" for it in causes):
                raise AssertionError(f"{name}: {error.message}")

    return check


def is_query(value: Any) -> None:
    """A query of users."""
    parse_query(json.dumps(value), FIELDS)


def is_line(value: Any) -> None:
    """A line of an import."""
    read_line(json.dumps(value).replace("$2b$12$\\u2026", BCRYPT).encode())


def is_statement(value: Any) -> None:
    """A statement of a key's policy."""
    policy = {"Version": "2012-10-17", "Statement": [value]}
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}}
    resources = json.dumps(
        {"Resources": {"Key": {**key, "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}}}
    )
    assert lint(resources, config=ManualArgs(regions=["us-east-1"])) == []


def is_like_event(name: str) -> Check:
    """A check that a value has the members that an event of events/ has, and no others."""

    def check(value: Any) -> None:
        example = json.loads((ROOT / "events" / name).read_text())
        if "Records" in example:
            example = json.loads(example["Records"][0]["body"])
        assert value.keys() <= example.keys()
        if "detail" in value:
            assert value["detail-type"] == example["detail-type"]
            assert value["detail"].keys() <= example["detail"].keys()

    return check


def is_detail(kind: str) -> Check:
    """A check that a value is what the bus is told."""

    def check(value: Any) -> None:
        Draft202012Validator(json.loads((ROOT / "docs" / "events" / f"{kind}.json").read_text())).validate(
            value
        )

    return check


def elsewhere(_: Any) -> None:
    """Another test knows what it is."""


MINTED = [follows("IdentityFields"), follows("IdentityToken")]
TOKENS_ENDED = "invalidate_user_tokens"
FORMS: dict[str, list[list[Check]]] = {
    "docs/accounts.md": [[follows("UpdateApplication")], [follows("UpdateApplication")]],
    "docs/api.md": [
        MINTED * 2,
        [is_query],
        [follows("Authenticate"), follows("Authenticated"), follows("Authenticated")],
        [follows("issue_user_token:takes"), follows("issue_user_token:200"), follows("VeltError")],
        [follows("UserTokenWithPermissions")],
        [follows("ApiTokens")],
        [follows("ResetTokens")],
        [follows("identify:takes"), follows("identify:200")],
        [elsewhere],  # tests/integration/test_keys.py: rotate_keys has no route
    ],
    "docs/authorizer.md": [[follows("Experience")]],
    "docs/deploy.md": [[is_statement, is_statement]],
    "docs/events-in.md": [
        [is_like_event(f"{TOKENS_ENDED}.eventbridge.json")],
        [is_like_event(f"{TOKENS_ENDED}.sqs.json")],
    ],
    "docs/events-out.md": [[is_detail("TokensEnded")]],
    "docs/guessing.md": [[follows("Authenticate")], [follows("UpdateApplication")]],
    "docs/import.md": [[is_line] * 3, [elsewhere]],  # tests/integration/test_import_export.py: a report
    "docs/logs.md": [[elsewhere], [elsewhere]],  # tests/unit/test_record.py
    "docs/mails.md": [[follows("UpdateApplication")]],
    "docs/quick-start.md": [[elsewhere]] * 9,  # tests/integration/test_commands.py
    "docs/workflow.md": [[elsewhere] * 3, [elsewhere] * 2],  # tests/integration/test_sign_in_workflow.py
}


def described() -> Iterator[tuple[Block, list[Check]]]:
    """Each block with its checks; none where nobody has said what it is."""
    for page in sorted({block.page for block in documentation.of("json")}):
        blocks, forms = documentation.of("json", page), FORMS.get(page, [])
        yield from zip(blocks, forms + [[]] * (len(blocks) - len(forms)), strict=True)


@pytest.mark.parametrize(
    ("block", "checks"), list(described()), ids=lambda value: str(value) if isinstance(value, Block) else ""
)
def test_a_block_is_what_the_product_takes_or_gives(block: Block, checks: list[Check]) -> None:
    """Value by value."""
    found = documentation.values(block.code)
    assert len(found) == len(checks), (
        f"say in FORMS what the {len(found)} values of {block} are, block by block"
    )
    for value, check in zip(found, checks, strict=True):
        check(value)


def test_a_wrong_member_is_seen() -> None:
    """Also beside what is shown in part."""
    follows("Authenticate")({"authMode": "token", "token": "…"})
    for wrong in ({"authMode": "tokens", "token": "…"}, {"authMode": "token", "token": "…", "tokn": 1}):
        with pytest.raises(AssertionError):
            follows("Authenticate")(wrong)
