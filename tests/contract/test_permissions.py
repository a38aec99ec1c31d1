"""Who may do what: the table of every function's IAM permissions."""

from typing import Any

import pytest

from tests.deployment import load_template

RESOURCES = load_template()["Resources"]

KEY_RING = "the table's key ring"
TABLE = "the table"
KMS = "the KMS key"

PERMISSIONS: dict[str, set[tuple[str, str]]] = {
    "CreateApplicationFunction": {("dynamodb:PutItem", TABLE)},
    "GetApplicationFunction": {("dynamodb:GetItem", TABLE)},
    "UpdateApplicationFunction": {("dynamodb:UpdateItem", TABLE)},
    "IssueIdentityTokenFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:Query", KEY_RING),
        ("dynamodb:UpdateItem", KEY_RING),
        ("kms:Decrypt", KMS),
    },
    "InvalidateIdentityTokensFunction": {("dynamodb:GetItem", TABLE), ("dynamodb:UpdateItem", TABLE)},
    "PublishJwksFunction": {("dynamodb:Query", KEY_RING)},
    "PublishConfigurationFunction": {("dynamodb:Query", KEY_RING)},
    "RotateKeysFunction": {
        ("dynamodb:Query", KEY_RING),
        ("dynamodb:PutItem", KEY_RING),
        ("dynamodb:UpdateItem", KEY_RING),
        ("kms:Encrypt", KMS),
    },
}


def granted(properties: dict[str, Any]) -> set[tuple[str, str]]:
    found = set()
    for policy in properties["Policies"]:
        for statement in policy["Statement"]:
            assert statement.keys() <= {"Effect", "Action", "Resource", "Condition"}
            assert statement["Effect"] == "Allow"
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                assert "*" not in action
                found.add((action, _target(statement)))
    return found


def _target(statement: dict[str, Any]) -> str:
    condition = statement.get("Condition")
    match statement["Resource"]:
        case {"Fn::GetAtt": ["Table", "Arn"]} if condition is None:
            return TABLE
        case {"Fn::GetAtt": ["Table", "Arn"]}:
            assert condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["KEYS"]}}
            return KEY_RING
        case {"Fn::GetAtt": ["SigningKey", "Arn"]}:
            assert condition is None
            return KMS
        case other:
            raise AssertionError(f"A resource that no function should need: {other}")


def test_the_table_is_complete() -> None:
    """Every function stands in the table."""
    functions = {name for name, it in RESOURCES.items() if it["Type"] == "AWS::Serverless::Function"}
    assert functions == set(PERMISSIONS)


@pytest.mark.parametrize("function", sorted(PERMISSIONS))
def test_a_function_may_do_what_the_table_says_and_nothing_else(function: str) -> None:
    """Exact actions on exact resources, inline, for each function."""
    properties = RESOURCES[function]["Properties"]
    assert granted(properties) == PERMISSIONS[function]
    assert "Role" not in properties


def test_only_who_signs_may_decrypt_and_only_who_makes_keys_may_encrypt() -> None:
    """A verifier has no KMS permission at all."""
    decrypts = {name for name, allowed in PERMISSIONS.items() if ("kms:Decrypt", KMS) in allowed}
    encrypts = {name for name, allowed in PERMISSIONS.items() if ("kms:Encrypt", KMS) in allowed}
    assert decrypts == {"IssueIdentityTokenFunction"}
    assert encrypts == {"RotateKeysFunction"}
