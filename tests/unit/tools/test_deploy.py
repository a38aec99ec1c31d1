"""What `make deploy` reads of samconfig.toml, and in how many steps it deploys."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any
from unittest import mock

import botocore.session
import pytest

from tests.deployment import Cloud
from tools import deploy
from tools.deploy import Stage, StageError, read_stage

SAID = """
version = 0.1
[listed.global.parameters]
stack_name = "signet-listed"
region = "eu-west-1"
[listed.deploy.parameters]
parameter_overrides = ["Stage=dev", "AllowedOrigins=https://a.example,https://b.example"]
[guided.deploy.parameters]
stack_name = "signet-guided"
parameter_overrides = "Stage=\\"dev\\" EventSources=\\"com.a, com.b\\" Issuer=https://id.example.com"
[bare.global.parameters]
stack_name = "signet-bare"
[nameless.deploy.parameters]
parameter_overrides = ["Stage=dev"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file of stages, in every form that sam takes and writes."""
    path = tmp_path / "samconfig.toml"
    path.write_text(SAID)
    return path


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        (
            "listed",
            Stage(
                "signet-listed",
                "eu-west-1",
                ("Stage=dev", "AllowedOrigins=https://a.example,https://b.example"),
            ),
        ),
        (
            "guided",
            Stage(
                "signet-guided",
                None,
                ("Stage=dev", "EventSources=com.a, com.b", "Issuer=https://id.example.com"),
            ),
        ),
        ("bare", Stage("signet-bare", None, ())),
    ],
)
def test_a_stage_is_read_as_sam_reads_it(config: Path, name: str, stage: Stage) -> None:
    """Its parameters as a list or as one text, its stack for all commands or for deploy."""
    assert read_stage(name, config) == stage


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("prdo", "has no stage 'prdo'; it has: listed, guided, bare, nameless."),
        ("", "has no stage ''; it has: listed, guided, bare, nameless."),
        ("version", "has no stage 'version'; it has: listed, guided, bare, nameless."),
        ("nameless", r"says no stack_name in \[nameless.global.parameters\]."),
    ],
)
def test_a_stage_that_is_none_is_said(config: Path, name: str, message: str) -> None:
    """With those that there are."""
    with pytest.raises(StageError, match=f"^samconfig.toml {message}$"):
        read_stage(name, config)


@pytest.mark.parametrize(
    ("agrees", "protections"), [(True, ["false", "true"]), (False, ["false"])], ids=["yes", "no"]
)
def test_a_new_stack_is_protected_once_it_stands(
    moto_cloud: Cloud, config: Path, *, agrees: bool, protections: list[str]
) -> None:
    """Whoever says no to it is not asked a second time for the same."""
    ran: list[str] = []

    def sam(command: Sequence[str | Path], _: IO[bytes] | None) -> int:
        ran.extend(str(word).partition("=")[2] for word in command if "TableProtection=" in str(word))
        # What sam does: it ends with 0 either way.
        wanted: dict[str, Any] = {
            "StackName": f"signet-{'listed' if agrees else 'bare'}",
            "TemplateBody": TINY,
        }
        if agrees and len(ran) == 1:
            region = "eu-west-1"
            botocore.session.get_session().create_client("cloudformation", region_name=region).create_stack(
                **wanted
            )
        return 0

    with moto_cloud.deploy(), mock.patch.object(deploy, "_run", sam):
        assert deploy.deploy("listed" if agrees else "bare", Path("t"), [], config=config) == 0
    assert ran == protections


TINY = '{"Resources": {"Nothing": {"Type": "AWS::S3::Bucket"}}}'
