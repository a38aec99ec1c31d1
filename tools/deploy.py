"""`make deploy STAGE=…`: deploys what was built, as samconfig.toml says of the stage.

A first deployment is made without the table's protection, so that one that fails takes the empty table with
it; once the stack stands, the table is protected. What a first deployment that failed has left of the stack
is removed before the next: CloudFormation takes no update of it.
"""

import argparse
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import botocore.session
from botocore.exceptions import ClientError

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "samconfig.toml"
SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
FAILED_AT_FIRST = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
"""Of a stack that has never been there."""
NOT_YET = (None, "REVIEW_IN_PROGRESS")
"""Of a stack that is not there."""


class StageError(Exception):
    """samconfig.toml says too little of a stage."""


class Stage(NamedTuple):
    """What samconfig.toml says of a stage.

    Attributes:
        stack: The name of its stack.
        region: Where that is; None for where the credentials lead.
        overrides: Its parameters, each as `Name=value`.
    """

    stack: str
    region: str | None
    overrides: tuple[str, ...]


def read_stage(name: str, config: Path = CONFIG) -> Stage:
    """What is said of a stage, wherever sam lets it be said: for all commands, or for `deploy`.

    Raises:
        StageError: There is no such stage, or it names no stack.
    """
    stages = {stage: said for stage, said in tomllib.loads(config.read_text()).items() if stage != "version"}
    if name not in stages:
        message = f"{config.name} has no stage {name!r}; it has: {', '.join(stages)}."
        raise StageError(message)
    said: dict[str, Any] = {}
    for command in ("global", "deploy"):
        said |= stages[name].get(command, {}).get("parameters", {})
    if "stack_name" not in said:
        message = f"{config.name} says no stack_name in [{name}.global.parameters]."
        raise StageError(message)
    overrides = said.get("parameter_overrides", ())
    # sam writes one text itself, and takes a list too.
    pairs = shlex.split(overrides) if isinstance(overrides, str) else overrides
    return Stage(said["stack_name"], said.get("region"), tuple(pairs))


def deploy(
    stage: str,
    template: Path,
    further: Sequence[str],
    *,
    config: Path = CONFIG,
    log: IO[bytes] | None = None,
) -> int:
    """Deploy a stage, and return sam's exit status; what it says goes to the log, where there is one."""
    try:
        stack, region, overrides = read_stage(stage, config)
    except StageError as error:
        print(error, file=sys.stderr)
        return 2
    cloudformation = botocore.session.get_session().create_client("cloudformation", region_name=region)
    status = find_status(cloudformation, stack)
    if status in FAILED_AT_FIRST:
        print(f"Removing what the first deployment left of {stack} when it failed", file=sys.stderr)
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)
        status = None
    common: list[str | Path] = [
        SAM,
        "deploy",
        "--config-file",
        config,
        "--config-env",
        stage,
        "--template-file",
        template,
        *further,
    ]
    if status in NOT_YET:
        failed = _run([*common, *_overrides(overrides, "false")], log)
        # Nor is there a stack to protect where somebody has said no to it.
        if failed or find_status(cloudformation, stack) in NOT_YET:
            return failed
    return _run([*common, *_overrides(overrides, "true")], log)


def _overrides(stages_own: Sequence[str], protection: str) -> list[str]:
    """The parameters, and whether the table is protected: sam keeps the value before of what is not said."""
    return ["--parameter-overrides", f"TableProtection={protection}", *stages_own]


def find_status(cloudformation: Any, stack: str) -> str | None:
    """How the stack stands; None where there is none."""
    try:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return str(found["StackStatus"])


def _run(command: Sequence[str | Path], log: IO[bytes] | None) -> int:
    done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False)  # noqa: S603 - our own sam
    return done.returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("stage")
    parser.add_argument("--template", type=Path, default=ROOT / ".aws-sam" / "build" / "template.yaml")
    known, rest = parser.parse_known_args()
    sys.exit(deploy(known.stage, known.template, rest))
