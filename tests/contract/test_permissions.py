"""Who may do what: the table of every function's IAM permissions."""

from typing import Any

import pytest

from tests.deployment import load_template

RESOURCES = load_template()["Resources"]

KEY_RING = "the table's key ring"
KEY_LIVES = "the lives of the table's keys"
KEYS_AND_LIVES = "both"
TABLE = "the table"
INDEX = "the table's index"
IMPORTS = "the bucket's imports"
EXPORTS = "the bucket's exports"
REPORTS = "the bucket's reports"
ITSELF = "itself"
KMS = "the KMS key"

SIGNS = {("dynamodb:GetItem", TABLE), ("dynamodb:Query", KEY_RING), ("kms:Decrypt", KMS)}
"""What a function needs that signs tokens, besides noting how long the key is needed."""

PERMISSIONS: dict[str, set[tuple[str, str]]] = {
    "CreateApplicationFunction": {("dynamodb:GetItem", TABLE), ("dynamodb:PutItem", TABLE)},
    "GetApplicationFunction": {("dynamodb:GetItem", TABLE)},
    "UpdateApplicationFunction": {("dynamodb:UpdateItem", TABLE)},
    "UpdateSettingsFunction": {("dynamodb:BatchGetItem", TABLE), ("dynamodb:UpdateItem", TABLE)},
    "ListApiTokensFunction": {("dynamodb:GetItem", TABLE), ("dynamodb:BatchGetItem", TABLE)},
    "ResetApiTokenFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
    },
    "CreateUserFunction": {
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
    },
    "ListUsersFunction": {
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", TABLE),
        ("dynamodb:Query", INDEX),
    },
    "GetUserFunction": {("dynamodb:GetItem", TABLE), ("dynamodb:BatchGetItem", TABLE)},
    "UpdateUserFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
    },
    "DeleteUserFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
    },
    "CreateGroupFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
    },
    "ListGroupsFunction": {("dynamodb:BatchGetItem", TABLE), ("dynamodb:Query", INDEX)},
    "GetGroupFunction": {("dynamodb:BatchGetItem", TABLE), ("dynamodb:Query", TABLE)},
    "UpdateGroupFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
    },
    "DeleteGroupFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
        ("lambda:InvokeFunction", ITSELF),
    },
    "AuthenticateFunction": {*SIGNS, ("dynamodb:BatchGetItem", TABLE), ("dynamodb:UpdateItem", TABLE)},
    "LogInFunction": {*SIGNS, ("dynamodb:BatchGetItem", TABLE), ("dynamodb:UpdateItem", TABLE)},
    "LogOutFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:Query", KEY_RING),
    },
    "IssueSessionTokenFunction": {*SIGNS, ("dynamodb:BatchGetItem", TABLE), ("dynamodb:UpdateItem", TABLE)},
    "InvalidateUserTokensFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
    },
    "InvalidateApplicationTokensFunction": {("dynamodb:BatchGetItem", TABLE), ("dynamodb:UpdateItem", TABLE)},
    "IntrospectTokenFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", KEY_RING),
    },
    "RevokeTokenFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:Query", KEY_RING),
    },
    "AuthorizeRequestFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", KEY_RING),
    },
    "ShowMeFunction": set(),
    "ImportUsersFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("s3:GetObject", IMPORTS),
        ("s3:GetObject", REPORTS),
        ("s3:PutObject", REPORTS),
        ("lambda:InvokeFunction", ITSELF),
    },
    "ExportUsersFunction": {
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", INDEX),
        ("s3:PutObject", EXPORTS),
        ("s3:GetObject", REPORTS),
        ("s3:PutObject", REPORTS),
        ("lambda:InvokeFunction", ITSELF),
    },
    "IdentifyFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:Query", KEY_RING),
    },
    "IssueIdentityTokenFunction": {
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", KEY_RING),
        ("dynamodb:UpdateItem", KEY_LIVES),
        ("kms:Decrypt", KMS),
    },
    "IssueUserTokenFunction": {
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", KEY_RING),
        ("dynamodb:UpdateItem", KEY_LIVES),
        ("kms:Decrypt", KMS),
    },
    "AddPermissionsFunction": {
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
        ("dynamodb:Query", KEY_RING),
    },
    "GetPermissionsFunction": {("dynamodb:BatchGetItem", TABLE)},
    "RemovePermissionsFunction": {
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
    },
    "InvalidateIdentityTokensFunction": {("dynamodb:BatchGetItem", TABLE), ("dynamodb:UpdateItem", TABLE)},
    "PublishJwksFunction": {("dynamodb:Query", KEY_RING)},
    "PublishConfigurationFunction": {("dynamodb:Query", KEY_RING)},
    "RotateKeysFunction": {
        ("dynamodb:Query", KEYS_AND_LIVES),
        ("dynamodb:ConditionCheckItem", KEYS_AND_LIVES),
        ("dynamodb:PutItem", KEYS_AND_LIVES),
        ("dynamodb:UpdateItem", KEYS_AND_LIVES),
        ("dynamodb:DeleteItem", KEYS_AND_LIVES),
        ("kms:Encrypt", KMS),
        ("kms:Decrypt", KMS),
    },
}


def policies(function: str) -> list[dict[str, Any]]:
    """The policies of a function: its own, and those that stand apart since they name the function."""
    apart = [
        resource["Properties"]["PolicyDocument"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::IAM::Policy"
        and resource["Properties"]["Roles"] == [{"Ref": f"{function}Role"}]
    ]
    return [*RESOURCES[function]["Properties"].get("Policies", []), *apart]


def granted(function: str) -> set[tuple[str, str]]:
    found = set()
    for policy in policies(function):
        for statement in policy["Statement"]:
            assert statement.keys() <= {"Effect", "Action", "Resource", "Condition"}
            assert statement["Effect"] == "Allow"
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                assert "*" not in action
                found.add((action, _target(statement, function)))
    return found


def _target(statement: dict[str, Any], function: str) -> str:
    condition: Any = statement.get("Condition")
    match statement["Resource"]:
        case {"Fn::GetAtt": ["Table", "Arn"]} if condition is None:
            return TABLE
        case {"Fn::GetAtt": ["Table", "Arn"]}:
            partitions = condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]
            assert condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": partitions}}
            return {
                ("KEYS",): KEY_RING,
                ("KEYLIFE",): KEY_LIVES,
                ("KEYS", "KEYLIFE"): KEYS_AND_LIVES,
            }[tuple(partitions)]
        case {"Fn::Sub": "${Table.Arn}/index/by_application"}:
            assert condition is None
            return INDEX
        case {"Fn::GetAtt": ["SigningKey", "Arn"]}:
            assert condition is None
            return KMS
        case {"Fn::Sub": "${TransferBucket.Arn}/import/*"}:
            return IMPORTS
        case {"Fn::Sub": "${TransferBucket.Arn}/export/*"}:
            return EXPORTS
        case {"Fn::Sub": "${TransferBucket.Arn}/reports/*"}:
            return REPORTS
        case {"Fn::GetAtt": [name, "Arn"]} if name == function:
            return ITSELF
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
    assert granted(function) == PERMISSIONS[function]
    assert "Role" not in properties


def test_only_who_signs_may_decrypt_and_only_who_makes_keys_may_encrypt() -> None:
    """A verifier has no KMS permission at all; who makes keys also sees whether they sign."""
    decrypts = {name for name, allowed in PERMISSIONS.items() if ("kms:Decrypt", KMS) in allowed}
    encrypts = {name for name, allowed in PERMISSIONS.items() if ("kms:Encrypt", KMS) in allowed}
    assert decrypts == {
        "IssueIdentityTokenFunction",
        "IssueUserTokenFunction",
        "IssueSessionTokenFunction",
        "AuthenticateFunction",
        "LogInFunction",
        "RotateKeysFunction",
    }
    assert encrypts == {"RotateKeysFunction"}


def test_every_function_that_goes_on_by_itself_may_do_so_without_end() -> None:
    """Lambda stops a chain of 16 invocations where the function does not say that it is meant."""
    goes_on = {name for name, allowed in PERMISSIONS.items() if ("lambda:InvokeFunction", ITSELF) in allowed}
    allowed = {name for name, it in RESOURCES.items() if it["Properties"].get("RecursiveLoop") == "Allow"}
    assert goes_on == allowed


def test_no_function_but_the_export_may_write_where_exports_are() -> None:
    """Nor may any function read there, or list what the bucket holds."""
    writers = {name for name, allowed in PERMISSIONS.items() if ("s3:PutObject", EXPORTS) in allowed}
    assert writers == {"ExportUsersFunction"}
    s3 = {action for allowed in PERMISSIONS.values() for action, _ in allowed if action.startswith("s3:")}
    assert s3 == {"s3:GetObject", "s3:PutObject"}
