"""Who may do what: the table of every function's IAM permissions, and the calls that need them."""

import functools

import pytest

from local import sam
from local.template import Resolver
from tests import iam
from tests.deployment import URL, load_template
from tests.transformed import deployed

TEMPLATE = load_template()
RESOURCES = TEMPLATE["Resources"]

KEY_RING = "the table's key ring"
KEY_LIVES = "the lives of the table's keys"
TABLE = "what applications have in the table"
THEMSELVES = "applications themselves, without what they have"
USERS = "their users"
IDENTITIES = "their identities"
GROUPS = "their groups"
ATTEMPTS = "the attempts that are counted"
SIGN_UPS = "the sign-ups that wait"
MAIL_STOPS = "the addresses that get no mails"
APPLICATIONS = "the applications in the table's index"
KEYS_ALONE = "the keys of the table's items"
INDEX = "what applications have in the table's index"
IMPORTS = "the bucket's imports"
EXPORTS = "the bucket's exports"
REPORTS = "the bucket's reports"
ITSELF = "itself"
KMS = "the KMS key"
FAILED_EVENTS = "the queue of failed events"
ITS_QUEUE = "the example's queue"
UNSENT_EVENTS = "the queue of events that were not sent"
BUS = "the bus"
MAILS = "the queue of mails"
MAIL_FILES = "the owner's templates of mails"
SENDER = "the identity that mails come from"
MAIL_EVENTS = "what SES tells events of mails by"
STREAM = "the table's stream"

ASKS_FOR_MAILS = {
    ("dynamodb:BatchGetItem", THEMSELVES),
    ("dynamodb:BatchGetItem", ATTEMPTS),
    ("dynamodb:UpdateItem", ATTEMPTS),
    ("sqs:SendMessage", MAILS),
}
"""What a function needs that asks for a mail, and counts how often."""

HAS_KEYS = {("dynamodb:Query", KEY_RING), ("dynamodb:UpdateItem", KEY_LIVES), ("kms:Decrypt", KMS)}
"""What a function needs that signs tokens, but for whom they are of."""

SIGNS = {("dynamodb:BatchGetItem", TABLE), *HAS_KEYS}
"""What one needs that looks at passwords besides."""

SIGNS_FOR_USERS = {("dynamodb:BatchGetItem", THEMSELVES), ("dynamodb:BatchGetItem", USERS), *HAS_KEYS}
"""What one needs that does not."""

CHANGES_USERS = {
    (f"dynamodb:{action}", TABLE)
    for action in ("GetItem", "BatchGetItem", "ConditionCheckItem", "PutItem", "UpdateItem", "DeleteItem")
}
"""What a function needs that changes a user: also to end what another one has left of a change."""

PERMISSIONS: dict[str, set[tuple[str, str]]] = {
    "CreateApplicationFunction": {("dynamodb:GetItem", THEMSELVES), ("dynamodb:PutItem", THEMSELVES)},
    "GetApplicationFunction": {("dynamodb:GetItem", THEMSELVES)},
    "UpdateApplicationFunction": {("dynamodb:UpdateItem", THEMSELVES)},
    "ListApplicationsFunction": {("dynamodb:Query", APPLICATIONS), ("dynamodb:BatchGetItem", THEMSELVES)},
    "DeleteApplicationFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
        ("dynamodb:Scan", KEYS_ALONE),
        ("lambda:InvokeFunction", ITSELF),
    },
    "GetSettingsFunction": {("dynamodb:GetItem", THEMSELVES), ("dynamodb:BatchGetItem", THEMSELVES)},
    "UpdateSettingsFunction": {("dynamodb:BatchGetItem", THEMSELVES), ("dynamodb:UpdateItem", THEMSELVES)},
    "ListApiTokensFunction": {("dynamodb:GetItem", THEMSELVES), ("dynamodb:BatchGetItem", THEMSELVES)},
    "ResetApiTokenFunction": {
        ("dynamodb:GetItem", THEMSELVES),
        ("dynamodb:BatchGetItem", THEMSELVES),
        ("dynamodb:UpdateItem", THEMSELVES),
    },
    "CreateUserFunction": {
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
    },
    "ListUsersFunction": {
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", TABLE),
        ("dynamodb:Query", INDEX),
    },
    "GetUserFunction": {("dynamodb:GetItem", TABLE), ("dynamodb:BatchGetItem", TABLE)},
    "UpdateUserFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
    },
    "DeleteUserFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:PutItem", TABLE),
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
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
    },
    "DeleteGroupFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
        ("lambda:InvokeFunction", ITSELF),
    },
    "AuthenticateFunction": {
        *SIGNS,
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
    },
    "LogInFunction": {*SIGNS, ("dynamodb:ConditionCheckItem", TABLE), ("dynamodb:UpdateItem", TABLE)},
    "IssueSessionTokenFunction": {*SIGNS, ("dynamodb:GetItem", TABLE), ("dynamodb:UpdateItem", TABLE)},
    "CreateCodeFunction": CHANGES_USERS,
    "RequestPasswordResetFunction": ASKS_FOR_MAILS,
    "RequestVerificationFunction": ASKS_FOR_MAILS,
    "RequestLogInLinkFunction": ASKS_FOR_MAILS,
    "SignUpFunction": {
        *ASKS_FOR_MAILS,
        *((f"dynamodb:{action}", SIGN_UPS) for action in ("GetItem", "PutItem", "DeleteItem")),
    },
    "SendMailFunction": {
        *CHANGES_USERS,
        ("ses:SendEmail", SENDER),
        ("ses:SendEmail", MAIL_EVENTS),
        ("s3:GetObject", MAIL_FILES),
        *((f"sqs:{action}", MAILS) for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")),
    },
    "StopMailsFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        *((f"dynamodb:{action}", TABLE) for action in ("GetItem", "BatchGetItem")),
        *((f"dynamodb:{action}", MAIL_STOPS) for action in ("PutItem", "DeleteItem")),
    },
    "RedeemCodeFunction": SIGNS | CHANGES_USERS,
    "UpdateMeFunction": SIGNS | CHANGES_USERS | {("sqs:SendMessage", MAILS)},
    "DeleteMeFunction": CHANGES_USERS - {("dynamodb:ConditionCheckItem", TABLE)}
    | {("dynamodb:Query", KEY_RING)},
    "RefreshSessionFunction": SIGNS_FOR_USERS,
    "LogOutFunction": {
        ("dynamodb:BatchGetItem", THEMSELVES),
        ("dynamodb:BatchGetItem", USERS),
        ("dynamodb:GetItem", USERS),
        ("dynamodb:UpdateItem", USERS),
        ("dynamodb:Query", KEY_RING),
    },
    "InvalidateUserTokensFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        *(
            (f"sqs:{action}", ITS_QUEUE)
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        ),
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
    },
    "InvalidateApplicationTokensFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:BatchGetItem", THEMSELVES),
        ("dynamodb:UpdateItem", THEMSELVES),
    },
    "IntrospectTokenFunction": {
        ("dynamodb:BatchGetItem", THEMSELVES),
        ("dynamodb:GetItem", USERS),
        ("dynamodb:GetItem", IDENTITIES),
        ("dynamodb:Query", KEY_RING),
    },
    "RevokeTokenFunction": {
        ("dynamodb:BatchGetItem", THEMSELVES),
        ("dynamodb:GetItem", USERS),
        ("dynamodb:GetItem", IDENTITIES),
        ("dynamodb:UpdateItem", USERS),
        ("dynamodb:Query", KEY_RING),
    },
    "AuthorizeRequestFunction": {
        ("dynamodb:BatchGetItem", THEMSELVES),
        ("dynamodb:BatchGetItem", GROUPS),
        ("dynamodb:GetItem", USERS),
        ("dynamodb:Query", KEY_RING),
    },
    "ShowMeFunction": set(),
    "ImportUsersFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
        ("s3:GetObject", IMPORTS),
        ("s3:GetObject", REPORTS),
        ("s3:PutObject", REPORTS),
        ("lambda:InvokeFunction", ITSELF),
    },
    "ExportUsersFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
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
        *HAS_KEYS,
        ("dynamodb:BatchGetItem", THEMSELVES),
        ("dynamodb:BatchGetItem", IDENTITIES),
    },
    "IssueUserTokenFunction": SIGNS_FOR_USERS,
    "AddPermissionsFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:Query", KEY_RING),
        ("dynamodb:ConditionCheckItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
        ("dynamodb:Query", KEY_RING),
    },
    "GetPermissionsFunction": {("dynamodb:BatchGetItem", THEMSELVES), ("dynamodb:BatchGetItem", USERS)},
    "RemovePermissionsFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
    },
    "InvalidateIdentityTokensFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:BatchGetItem", THEMSELVES),
        ("dynamodb:BatchGetItem", IDENTITIES),
        ("dynamodb:UpdateItem", IDENTITIES),
    },
    "PublishJwksFunction": {("dynamodb:Query", KEY_RING)},
    "PublishConfigurationFunction": {("dynamodb:Query", KEY_RING)},
    "PublishEventsFunction": {
        *(
            (f"dynamodb:{action}", STREAM)
            for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        ),
        ("events:PutEvents", BUS),
        ("sqs:SendMessage", UNSENT_EVENTS),
    },
    "RotateKeysFunction": {
        ("sqs:SendMessage", FAILED_EVENTS),
        ("dynamodb:Query", KEY_RING),
        ("dynamodb:ConditionCheckItem", KEY_RING),
        ("dynamodb:PutItem", KEY_RING),
        ("dynamodb:UpdateItem", KEY_RING),
        ("dynamodb:DeleteItem", KEY_RING),
        ("dynamodb:Query", KEY_LIVES),
        ("dynamodb:PutItem", KEY_LIVES),
        ("dynamodb:UpdateItem", KEY_LIVES),
        ("dynamodb:DeleteItem", KEY_LIVES),
        ("kms:Encrypt", KMS),
        ("kms:Decrypt", KMS),
    },
}


OWN = f"APP#{'?' * 24}"

TARGETS = {
    ("${Table.Arn}", "APP#*"): TABLE,
    ("${Table.Arn}", OWN): THEMSELVES,
    ("${Table.Arn}", f"{OWN}#USER#*"): USERS,
    ("${Table.Arn}", f"{OWN}#IDENTITY#*"): IDENTITIES,
    ("${Table.Arn}", f"{OWN}#GROUP#*"): GROUPS,
    ("${Table.Arn}", f"{OWN}#ATTEMPT#*"): ATTEMPTS,
    ("${Table.Arn}", f"{OWN}#SIGNUP#*"): SIGN_UPS,
    ("${Table.Arn}", f"{OWN}#MAILSTOP#*"): MAIL_STOPS,
    ("${Table.Arn}", "KEYS"): KEY_RING,
    ("${Table.Arn}", "KEYLIFE"): KEY_LIVES,
    ("${Table.Arn}/index/by_application", "APP#*"): INDEX,
    ("${Table.Arn}/index/by_application", "APPS"): APPLICATIONS,
    ("${Table.Arn}", "pk"): KEYS_ALONE,
    ("${Table.Arn}", "sk"): KEYS_ALONE,
    ("${SigningKey.Arn}", None): KMS,
    ("${TransferBucket.Arn}/import/*", None): IMPORTS,
    ("${TransferBucket.Arn}/export/*", None): EXPORTS,
    ("${TransferBucket.Arn}/reports/*", None): REPORTS,
    ("${FailedEvents.Arn}", None): FAILED_EVENTS,
    ("${InvalidateUserTokensQueue.Arn}", None): ITS_QUEUE,
    ("${UnsentEvents.Arn}", None): UNSENT_EVENTS,
    ("${EventBus.Arn}", None): BUS,
    ("${Mails.Arn}", None): MAILS,
    ("${MailBucket.Arn}/*", None): MAIL_FILES,
    ("arn:aws:ses:us-east-1:123456789012:identity/no-reply@signet.example", None): SENDER,
    ("arn:aws:ses:us-east-1:123456789012:identity/signet.example", None): SENDER,
    ("arn:aws:ses:us-east-1:123456789012:configuration-set/${MailConfiguration}", None): MAIL_EVENTS,
    ("${Table.StreamArn}", None): STREAM,
}
"""By resource and by the partition keys that a condition allows, or of a Scan the attributes."""

SIGNERS = {
    "AuthenticateFunction",
    "IssueIdentityTokenFunction",
    "IssueSessionTokenFunction",
    "IssueUserTokenFunction",
    "LogInFunction",
    "RedeemCodeFunction",
    "RefreshSessionFunction",
    "UpdateMeFunction",
}
VERIFIERS = {
    "AuthorizeRequestFunction",
    "DeleteMeFunction",
    "IdentifyFunction",
    "IntrospectTokenFunction",
    "LogOutFunction",
    "RevokeTokenFunction",
}
PUBLISHERS = {"PublishConfigurationFunction", "PublishJwksFunction"}

VALUES = sam.physical_values(TEMPLATE, URL, "table", "key")


@functools.cache
def policies() -> iam.Policies:
    """What each function may do, in what SAM makes of the template."""
    return iam.read_policies(
        deployed(),
        Resolver({"Resources": deployed(), "Parameters": TEMPLATE["Parameters"]}, VALUES, sam.PARAMETERS),
    )


def granted(function: str) -> set[tuple[str, str]]:
    """What a function may do, in the words of the table."""
    resolver = Resolver(TEMPLATE, VALUES, sam.PARAMETERS)
    targets = {
        (resolver.resolve({"Fn::Sub": resource}, resource), key): target
        for (resource, key), target in {**TARGETS, (f"${{{function}.Arn}}", None): ITSELF}.items()
    }
    return {(grant.action, targets[grant.resource, grant.key]) for grant in iam.granted(policies()[function])}


def who_may(actions: str, *keys: str) -> set[str]:
    """The functions that may do any of these with items under all of these partition keys at once."""
    table = VALUES["Table.Arn"]
    asked = [iam.Request(f"dynamodb:{action}", table, frozenset(keys)) for action in actions.split()]
    return {name for name in policies() if any(iam.used(policies()[name], request) for request in asked)}


WRITES = "PutItem UpdateItem DeleteItem BatchWriteItem"
READS = "GetItem BatchGetItem Query ConditionCheckItem Scan"


def test_the_table_is_complete() -> None:
    """Every function stands in the table."""
    assert policies().keys() == PERMISSIONS.keys()


@pytest.mark.parametrize("function", sorted(PERMISSIONS))
def test_a_function_may_do_what_the_table_says_and_nothing_else(function: str) -> None:
    """Exact actions on exact resources, for each function; besides them what SAM gives for log and traces."""
    assert granted(function) == PERMISSIONS[function]
    assert deployed()[function]["Properties"]["Role"] == {"Fn::GetAtt": [f"{function}Role", "Arn"]}
    managed = deployed()[f"{function}Role"]["Properties"]["ManagedPolicyArns"]
    names = {"service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
    assert {arn.partition(":iam::aws:policy/")[2] for arn in managed} == names


def test_no_other_role_touches_the_table() -> None:
    """What is no function's role invokes functions and writes logs."""
    roles = {name: role for name, role in deployed().items() if role["Type"] == "AWS::IAM::Role"}
    others = roles.keys() - {f"{function}Role" for function in PERMISSIONS}
    assert others == {"DeploymentRole", "RotateKeysFunctionDailyRole", "SignInWorkflowRole"}
    assert not [name for name in others if "dynamodb:" in str(roles[name]) or "kms:" in str(roles[name])]


def test_every_test_checks_what_is_deployed() -> None:
    """The policies that the tests' deployments hold calls against are those that SAM makes."""
    checked = iam.read_policies(RESOURCES, Resolver(TEMPLATE, VALUES, sam.PARAMETERS))
    assert checked.keys() == policies().keys()
    for function, statements in checked.items():
        assert iam.granted(statements) == iam.granted(policies()[function])


def test_who_may_write_where() -> None:
    """Only `rotate_keys` makes keys, only who signs notes how long they are needed, and nobody does both."""
    assert who_may(WRITES, "KEYS") == {"RotateKeysFunction"}
    assert who_may(WRITES, "KEYLIFE") == {*SIGNERS, "RotateKeysFunction"}
    of_applications = {
        name
        for name, allowed in PERMISSIONS.items()
        if {("dynamodb:" + write, TABLE) for write in WRITES.split()} & allowed
    }
    assert who_may(WRITES, "APP#1", "APP#2#USER#3") == of_applications
    assert not who_may(WRITES, "KEYS") & of_applications


def test_whoever_anybody_may_call_for_a_mail_reaches_no_user() -> None:
    """Neither a hash nor who somebody is, nor a generation; so what stops mails writes nothing else."""
    asking = {"RequestPasswordResetFunction", "RequestVerificationFunction", "RequestLogInLinkFunction"}
    application = f"APP#{'a' * 24}"
    for partition in ("USER", "EMAIL", "IDENTITY", "CODE", "GROUP", "MAILSTOP"):
        assert not who_may(f"{WRITES} {READS}", f"{application}#{partition}#1") & {*asking, "SignUpFunction"}
        assert ("StopMailsFunction" in who_may(WRITES, f"{application}#{partition}#1")) == (
            partition == "MAILSTOP"
        )
    assert not who_may(WRITES, application) & {*asking, "SignUpFunction", "StopMailsFunction"}
    assert not who_may(f"{WRITES} {READS}", f"{application}#SIGNUP#1") & asking


def test_whoever_looks_at_no_password_reaches_none() -> None:
    """What verifies, ends and refreshes tokens or serves applications themselves has no use for a hash."""
    hashes = who_may(f"{WRITES} {READS}", f"APP#{'a' * 24}#EMAIL#ann@example.com")
    applications = {f"{name}ApplicationFunction" for name in ("Create", "Get", "Update")}
    settings = {"GetSettingsFunction", "UpdateSettingsFunction", "ListApplicationsFunction"}
    api_tokens = {"ListApiTokensFunction", "ResetApiTokenFunction", "GetPermissionsFunction"}
    without = VERIFIERS - {"DeleteMeFunction", "IdentifyFunction"} | {"RefreshSessionFunction"}
    without |= {"IssueUserTokenFunction", "IssueIdentityTokenFunction"}
    assert not hashes & {*applications, *settings, *api_tokens, *without}


def test_who_may_read_the_keys() -> None:
    """Who signs, verifies or publishes; nobody else, and how long they live interests `rotate_keys` alone."""
    # To know how long a token with the permissions is.
    others = {"AddPermissionsFunction", "RotateKeysFunction"}
    assert who_may(READS, "KEYS") == {*SIGNERS, *VERIFIERS, *PUBLISHERS, *others}
    assert who_may(READS, "KEYLIFE") == {"RotateKeysFunction"}


@pytest.mark.parametrize(
    "keys", [["KEYS", "APP#1"], ["KEYLIFE", "APP#1"], ["OTHER"], ["KEYS#"], ["app#1"], [""], []]
)
def test_nobody_may_go_anywhere_else(keys: list[str]) -> None:
    """Neither to two spaces in one request, nor where nothing is kept."""
    assert who_may("Scan BatchWriteItem TransactWriteItems PartiQLSelect", *keys) == set()
    if keys:
        assert who_may(f"{READS} {WRITES}", *keys) == set()


def test_only_who_signs_may_decrypt_and_only_who_makes_keys_may_encrypt() -> None:
    """A verifier has no KMS permission at all; who makes keys also sees whether they sign."""
    decrypts = {name for name, allowed in PERMISSIONS.items() if ("kms:Decrypt", KMS) in allowed}
    encrypts = {name for name, allowed in PERMISSIONS.items() if ("kms:Encrypt", KMS) in allowed}
    assert decrypts == {*SIGNERS, "RotateKeysFunction"}
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
