"""`make adopt STAGE=… TABLE=… KEY=… BUCKET=…`: begins a stage's stack with what another one has left.

Table, key and bucket become the stack's own by CloudFormation's import, which changes nothing in them;
`make deploy` then adds the rest (docs/restore.md).
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import botocore.session
from botocore.exceptions import ClientError, WaiterError

from local import template
from signet.store.keys import PARTITION, PREFIX, RING
from tools import deploy

IDENTIFIERS = {"Table": "TableName", "SigningKey": "KeyId", "TransferBucket": "BucketName"}
"""What is adopted, by what it is known by."""

NOT_THERE = (*deploy.NOT_YET, "IMPORT_ROLLBACK_COMPLETE")
"""Of a stack that can begin."""


class AdoptError(Exception):
    """Why nothing was taken in."""


def adopt(stage: str, names: dict[str, str], *, config: Path = deploy.CONFIG) -> None:
    """Begin a stage's stack with the resources of these names, by logical id.

    Raises:
        deploy.StageError: There is no such stage.
        AdoptError: The stack is there, or they could not be taken in.
        botocore.exceptions.ClientError: AWS refuses to look.
    """
    declared = template.load(deploy.ROOT / "template.yaml")
    own = {name: declared[name] for name in ("AWSTemplateFormatVersion", "Parameters", "Conditions")}
    stack, region, overrides = deploy.read_stage(stage, config)
    session = botocore.session.get_session()
    cloudformation, dynamodb, kms = (
        session.create_client(name, region_name=region) for name in ("cloudformation", "dynamodb", "kms")
    )
    if (status := deploy.find_status(cloudformation, stack)) not in NOT_THERE:
        raise AdoptError(
            f"The stack {stack} is there, {status}: only a new one begins with what another has left."
            f" make destroy STAGE={stage} keeps what it has."
        )
    table = dynamodb.describe_table(TableName=names["Table"])["Table"]
    check_key(dynamodb, kms, names["Table"], names["SigningKey"])
    resources = to_import(
        declared["Resources"], has_stream=table.get("StreamSpecification", {}).get("StreamEnabled", False)
    )
    change = f"adopt-{time.time_ns()}"  # One that fails stays there, and keeps its name.
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=change,
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps(own | {"Resources": resources}),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in (pair.split("=", 1) for pair in overrides)
        ],
        ResourcesToImport=[
            {
                "ResourceType": resources[name]["Type"],
                "LogicalResourceId": name,
                "ResourceIdentifier": {identifier: names[name]},
            }
            for name, identifier in IDENTIFIERS.items()
        ],
    )
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(StackName=stack, ChangeSetName=change)
    except WaiterError as error:
        described = cloudformation.describe_change_set(StackName=stack, ChangeSetName=change)
        raise AdoptError(described.get("StatusReason", str(error))) from error
    cloudformation.execute_change_set(StackName=stack, ChangeSetName=change)
    try:
        cloudformation.get_waiter("stack_import_complete").wait(StackName=stack)
    except WaiterError as error:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        failed = (event for event in events if event["ResourceStatus"].endswith("_FAILED"))
        reasons = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in failed]
        raise AdoptError("; ".join(reasons) or str(error)) from error


def check_key(dynamodb: Any, kms: Any, table: str, key: str) -> None:
    """Look whether a KMS key is the one that the table's signing keys are encrypted with.

    CloudFormation would take in any, and nobody could log in. Where there is no active signing key, as in a
    table that they were taken out of, the deployment makes new ones.

    Raises:
        AdoptError: It is another one, or cannot be used.
    """

    def find(sort_key: str) -> dict[str, Any]:
        place = {"pk": {"S": PARTITION}, "sk": {"S": sort_key}}
        return dict(dynamodb.get_item(TableName=table, Key=place, ConsistentRead=True).get("Item", {}))

    kid = find(RING.sk).get("active_kid", {}).get("S", "")
    encrypted = find(f"{PREFIX}{kid}").get("encrypted_private_key")
    if encrypted is None:
        return
    try:
        kms.decrypt(KeyId=key, CiphertextBlob=encrypted["B"], EncryptionContext={"kid": kid})
    except ClientError as error:
        message = f"{key} does not decrypt the signing keys of {table}, or you may not try it: {error}"
        raise AdoptError(message) from error


def to_import(resources: dict[str, Any], *, has_stream: bool) -> dict[str, Any]:
    """What is imported, as it is: it becomes what the template says with `make deploy`.

    A table's stream is part of it only where it has one already. CloudFormation changes nothing in what it
    imports, and later what differs from then: it would never turn on a stream that it believed to be there,
    and would fail to turn on one that it did not know of.
    """
    # No resource may be given up, whatever comes of it.
    found = {name: {**resources[name], "DeletionPolicy": "Retain"} for name in IDENTIFIERS}
    if not has_stream:
        table = found["Table"]["Properties"]
        kept = {name: value for name, value in table.items() if name != "StreamSpecification"}
        found["Table"]["Properties"] = kept
    return found


def main(arguments: Sequence[str]) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="make adopt", description=__doc__)
    for name in ("stage", "table", "key", "bucket"):
        parser.add_argument(name, help="of samconfig.toml" if name == "stage" else "its name or id")
    given = parser.parse_args(arguments)
    names = dict(zip(IDENTIFIERS, (given.table, given.key, given.bucket), strict=True))
    if "" in names.values():
        parser.error("wants STAGE=… TABLE=… KEY=… BUCKET=…")
    try:
        adopt(given.stage, names)
    except (AdoptError, deploy.StageError, ClientError) as error:
        print(f"Nothing was taken in. {error}", file=sys.stderr)
        return 1
    print(f"They are in the stack now. Next: make deploy STAGE={given.stage}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
