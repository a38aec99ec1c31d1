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
    # No resource may be given up, whatever comes of it. It becomes what the template says with `make deploy`.
    resources = {name: {**declared["Resources"][name], "DeletionPolicy": "Retain"} for name in IDENTIFIERS}
    own = {name: declared[name] for name in ("AWSTemplateFormatVersion", "Parameters", "Conditions")}
    settings = tomllib.loads(config.read_text())[stage]
    stack = settings["global"]["parameters"]["stack_name"]
    overrides = settings["deploy"]["parameters"].get("parameter_overrides", [])
    cloudformation = botocore.session.get_session().create_client(
        "cloudformation", region_name=settings["global"]["parameters"].get("region")
    )
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
