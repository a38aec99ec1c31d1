"""IAM, as far as the template's policies go: whether they allow what a function asks of AWS.

An emulator asks nobody, and none knows `dynamodb:LeadingKeys`. What the policies shall not hold (wildcards in
actions, denials, other conditions) is refused here, so that it cannot be taken for something else.
"""

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from local.sam import ACCOUNT, REGION
from local.template import Resolver

KEYED_ACTIONS = frozenset(
    f"dynamodb:{name}"
    for name in (
        "GetItem",
        "BatchGetItem",
        "Query",
        "ConditionCheckItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
    )
)
"""Actions whose requests always say which partition keys they are about. `ForAllValues` is true of none at
all, so no other action may depend on such a condition."""

SCAN = frozenset({"dynamodb:Scan"})
"""What knows no partition keys; in their place it may be told which attributes to read."""

_MEMBERS = {"Effect", "Action", "Resource", "Condition"}
_PARTS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
S3_ACTIONS = {
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "PutObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}
"""The action of each operation that functions use, by the operation's name."""


class Request(NamedTuple):
    """What IAM is asked about a call: several of these where it does several things.

    Attributes:
        action: Such as `dynamodb:GetItem`.
        resource: Its ARN.
        leading_keys: `dynamodb:LeadingKeys`: the partition keys that it is about, an index's own where it
            asks an index; of a Scan `dynamodb:Attributes`; none where the service is not DynamoDB.
    """

    action: str
    resource: str
    leading_keys: frozenset[str] = frozenset()


class Grant(NamedTuple):
    """One thing that a policy allows: an action on a resource, and on which of its partition keys.

    Attributes:
        action: The action.
        resource: The ARN, perhaps with wildcards.
        key: The partition key, perhaps with wildcards; of a Scan the attribute; None where there is no
            condition.
    """

    action: str
    resource: str
    key: str | None


class Statement(NamedTuple):
    """A statement of a policy.

    Attributes:
        actions: What it allows.
        resources: On what.
        keys: The patterns, one of which each leading key of a request has to match; of a Scan the attributes;
            None for no condition.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    keys: tuple[str, ...] | None

    @classmethod
    def of(cls, statement: Mapping[str, Any]) -> "Statement":
        """Read a statement whose intrinsic functions are resolved.

        Raises:
            ValueError: It holds something that no function of ours should need.
        """
        actions, resources = _listed(statement["Action"]), _listed(statement["Resource"])
        condition = statement.get("Condition")
        keys = None
        if condition is not None:
            keys = _attributes(condition) if SCAN.issuperset(actions) else _leading_keys(condition)
        is_plain = statement.keys() <= _MEMBERS and statement["Effect"] == "Allow"
        is_exact = "*" not in "".join(actions) and "*" not in resources
        is_understood = condition is None or (
            keys is not None and (KEYED_ACTIONS.issuperset(actions) or SCAN.issuperset(actions))
        )
        if not (is_plain and is_exact and is_understood):
            message = f"A statement like no other of ours: {statement}"
            raise ValueError(message)
        return cls(actions, resources, keys)

    def grants(self) -> set[Grant]:
        """Everything that it allows, one by one."""
        keys: Iterable[str | None] = (None,) if self.keys is None else self.keys
        return {
            Grant(action, resource, key)
            for action in self.actions
            for resource in self.resources
            for key in keys
        }

    def used(self, request: Request) -> set[Grant]:
        """What a request needs of it; nothing where it does not allow the request."""
        resources = [resource for resource in self.resources if _is_like(request.resource, resource)]
        if request.action not in self.actions or not resources:
            return set()
        if self.keys is None:
            return {Grant(request.action, resource, None) for resource in resources}
        found = {key: {like for like in self.keys if _is_like(key, like)} for key in request.leading_keys}
        if not all(found.values()):
            return set()
        return {
            Grant(request.action, resource, like)
            for resource in resources
            for like in set().union(*found.values())
        }


type Policies = Mapping[str, tuple[Statement, ...]]
"""What each function may do, by the function's logical id."""

_FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")


def read_policies(resources: Mapping[str, Any], resolver: Resolver) -> Policies:
    """The statements of every function's role: of a template's resources, or of what SAM makes of them."""
    functions = [name for name, resource in resources.items() if resource["Type"] in _FUNCTIONS]
    found: dict[str, list[Statement]] = {f"{name}Role": [] for name in functions}
    for name, resource in resources.items():
        properties, roles = resource.get("Properties", {}), [name]
        match resource["Type"]:
            case "AWS::Serverless::Function":
                roles, documents = (
                    [f"{name}Role"],
                    [*properties.get("Policies", []), *_of_destination(properties)],
                )
            case "AWS::IAM::Role":
                documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
            case "AWS::IAM::Policy":
                # Apart, since it names the function.
                roles = [role["Ref"] for role in properties["Roles"]]
                documents = [properties["PolicyDocument"]]
            case _:
                continue
        for role in found.keys() & roles:
            for document in documents:
                found[role] += map(Statement.of, resolver.resolve(document["Statement"], name))
    return {name: tuple(found[f"{name}Role"]) for name in functions}


def _of_destination(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What SAM lets a function do that hands what failed to a queue."""
    match properties:
        case {
            "EventInvokeConfig": {"DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": queue}}}
        }:
            return [{"Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue}]}]
    return []


def granted(statements: Iterable[Statement]) -> set[Grant]:
    """Everything that a function may do."""
    return set().union(*(statement.grants() for statement in statements))


def used(statements: Iterable[Statement], request: Request) -> set[Grant]:
    """What a request needs of a function's statements; nothing where it is denied."""
    return set().union(*(statement.used(request) for statement in statements))


def requests(service: str, operation: str, parameters: Mapping[str, Any]) -> list[Request]:
    """What IAM is asked about a call; of a call that no function should make, the service's own action.

    Args:
        service: As botocore names it.
        operation: Such as `TransactWriteItems`.
        parameters: The call's.
    """
    action, resource = f"{service}:{operation}", ""
    if service == "dynamodb":
        return _of_table(operation, parameters)
    if service == "s3":
        action = f"s3:{S3_ACTIONS.get(operation, operation)}"
        resource = f"arn:aws:s3:::{parameters['Bucket']}/{parameters.get('Key', '')}"
    elif service == "kms":
        resource = parameters["KeyId"]
    elif service == "sqs":
        resource = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{parameters['QueueUrl'].rpartition('/')[2]}"
    elif service == "sesv2":
        sender, arn = parameters["FromEmailAddress"], f"arn:aws:ses:{REGION}:{ACCOUNT}:"
        # Either may be the identity that SES has verified, and it asks about that.
        identities = (f"identity/{sender}", f"identity/{sender.partition('@')[2]}")
        named = (*identities, f"configuration-set/{parameters['ConfigurationSetName']}")
        return [Request(f"ses:{operation}", arn + name) for name in named]
    elif service == "events" and operation == "PutEvents":
        buses = {entry["EventBusName"] for entry in parameters["Entries"]}
        return [Request(action, f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}") for bus in buses]
    elif service == "lambda":
        action = "lambda:InvokeFunction" if operation == "Invoke" else action
        resource = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{parameters['FunctionName']}"
    return [Request(action, resource)]


def _of_table(operation: str, parameters: Mapping[str, Any]) -> list[Request]:
    if operation == "TransactWriteItems":
        # All parts of a kind at once: DynamoDB may ask about them together or one by one.
        together: dict[tuple[str, str], set[str]] = defaultdict(set)
        for item in parameters["TransactItems"]:
            ((kind, part),) = item.items()
            together[_PARTS[kind], part["TableName"]].add(_partition(part))
        return [
            Request(f"dynamodb:{action}", _table(table), frozenset(keys))
            for (action, table), keys in together.items()
        ]
    if operation == "BatchGetItem":
        return [
            Request(
                f"dynamodb:{operation}", _table(table), frozenset(key["pk"]["S"] for key in asked["Keys"])
            )
            for table, asked in parameters["RequestItems"].items()
        ]
    table = _table(parameters.get("TableName", ""))
    if operation == "Query":
        partition = re.match(r"\w+ = (:\w+)", parameters["KeyConditionExpression"])
        assert partition is not None, parameters
        key = parameters["ExpressionAttributeValues"][partition[1]]["S"]
        index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
        return [Request(f"dynamodb:{operation}", table + index, frozenset([key]))]
    if operation == "Scan" and parameters.get("Select") == "SPECIFIC_ATTRIBUTES":
        named = f"{parameters['ProjectionExpression']} {parameters.get('FilterExpression', '')}"
        words = set(re.findall(r"(?<![:\w])\w+\b(?!\()", named))
        return [Request(f"dynamodb:{operation}", table, frozenset(words))]
    keys = [_partition(parameters)] if parameters.keys() & {"Key", "Item"} else []
    return [Request(f"dynamodb:{operation}", table, frozenset(keys))]


def _leading_keys(condition: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The patterns of the leading keys that a condition takes; None where it is another one."""
    found = [
        (operator, key, _listed(values))
        for operator, keys in condition.items()
        for key, values in keys.items()
    ]
    match found:
        case [("ForAllValues:StringLike", "dynamodb:LeadingKeys", patterns)]:
            return patterns
        case [("ForAllValues:StringEquals", "dynamodb:LeadingKeys", names)] if not _has_wildcards(names):
            return names
    return None


def _attributes(condition: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The attributes that a condition lets a Scan read; None where it is another one, or lets it read more.

    Source: "Using IAM policy conditions for fine-grained access control" of the DynamoDB guide: without
    `dynamodb:Select` a request that names no attributes would read all of them.
    """
    match condition:
        case {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": names},
            "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        } if len(condition) == 2 and not _has_wildcards(_listed(names)):
            return _listed(names)
    return None


def _has_wildcards(names: Iterable[str]) -> bool:
    return bool({*"*?"} & {*"".join(names)})


def _partition(parameters: Mapping[str, Any]) -> str:
    key: str = (parameters["Key"] if "Key" in parameters else parameters["Item"])["pk"]["S"]
    return key


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _is_like(text: str, pattern: str) -> bool:
    """As `StringLike` and an ARN with wildcards: `*` is any text, `?` any one character, case counts."""
    return _like(pattern).fullmatch(text) is not None


@functools.cache
def _like(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(one) or re.escape(one) for one in pattern), re.DOTALL)
