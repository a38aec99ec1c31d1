"""`make adopt STAGE=… TABLE=… KEY=… BUCKET=…`: begins a stage's stack with what another one has left.

Table, key and bucket become the stack's own by CloudFormation's import, which changes nothing in them;
`make deploy` then adds the rest (docs/restore.md).
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import botocore.session

from local import template
from tools import deploy

IDENTIFIERS = {"Table": "TableName", "SigningKey": "KeyId", "TransferBucket": "BucketName"}
"""What is adopted, by what it is known by."""

CHANGE = "adopt"


def adopt(stage: str, names: dict[str, str], *, config: Path = deploy.CONFIG) -> None:
    """Begin a stage's stack with the resources of these names, by logical id.

    Raises:
        botocore.exceptions.ClientError: The stack is there, or one of the resources is not, or is a stack's.
        botocore.exceptions.WaiterError: They could not be taken in.
    """
    declared = template.load(deploy.ROOT / "template.yaml")
    own = {name: declared[name] for name in ("AWSTemplateFormatVersion", "Parameters", "Conditions")}
    settings = tomllib.loads(config.read_text())[stage]
    stack = settings["global"]["parameters"]["stack_name"]
    overrides = settings["deploy"]["parameters"].get("parameter_overrides", [])
    session, region = botocore.session.get_session(), settings["global"]["parameters"].get("region")
    table = session.create_client("dynamodb", region_name=region).describe_table(TableName=names["Table"])
    resources = to_import(declared["Resources"], has_stream="StreamSpecification" in table["Table"])
    cloudformation = session.create_client("cloudformation", region_name=region)
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=CHANGE,
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
    cloudformation.get_waiter("change_set_create_complete").wait(StackName=stack, ChangeSetName=CHANGE)
    cloudformation.execute_change_set(StackName=stack, ChangeSetName=CHANGE)
    cloudformation.get_waiter("stack_import_complete").wait(StackName=stack)


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
    adopt(given.stage, dict(zip(IDENTIFIERS, (given.table, given.key, given.bucket), strict=True)))
    print(f"They are in the stack now. Next: make deploy STAGE={given.stage}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
