"""`make deploy STAGE=…`: deploys what was built, as samconfig.toml says of the stage.

A first deployment is made without the table's protection, so that one that fails takes the empty table with
it; once the stack stands, the table is protected. What a first deployment that failed has left of the stack
is removed before the next: CloudFormation takes no update of it.
"""

import argparse
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import botocore.session
from botocore.exceptions import ClientError

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "samconfig.toml"
SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
FAILED_AT_FIRST = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
"""Of a stack that has never been there."""


def deploy(
    stage: str,
    template: Path,
    further: Sequence[str],
    *,
    config: Path = CONFIG,
    log: IO[bytes] | None = None,
) -> int:
    """Deploy a stage, and return sam's exit status; what it says goes to the log, where there is one."""
    stages = tomllib.loads(config.read_text())
    if stage not in stages or stage == "version":
        names = ", ".join(name for name in stages if name != "version")
        print(f"{config.name} has no stage {stage!r}; it has: {names}.", file=sys.stderr)
        return 2
    shared = stages[stage]["global"]["parameters"]
    overrides = [*stages[stage]["deploy"]["parameters"].get("parameter_overrides", [])]
    cloudformation = botocore.session.get_session().create_client(
        "cloudformation", region_name=shared.get("region")
    )
    status = _status(cloudformation, shared["stack_name"])
    if status in FAILED_AT_FIRST:
        print(
            f"Removing what the first deployment left of {shared['stack_name']} when it failed",
            file=sys.stderr,
        )
        cloudformation.delete_stack(StackName=shared["stack_name"])
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=shared["stack_name"])
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
    is_new = status in (None, "REVIEW_IN_PROGRESS")
    if is_new and (failed := _run([*common, *_overrides(overrides, "false")], log)) != 0:
        return failed
    return _run([*common, *_overrides(overrides, "true")], log)


def _overrides(stages_own: Sequence[str], protection: str) -> list[str]:
    """The parameters, and whether the table is protected: sam keeps the value before of what is not said."""
    return ["--parameter-overrides", f"TableProtection={protection}", *stages_own]


def _status(cloudformation: Any, stack: str) -> str | None:
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
