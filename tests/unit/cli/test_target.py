"""The way from the command line to a Signet."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from local import private_file
from signet.cli import target
from signet.cli.target import Target, TargetError
from tests.command_line import target_of
from tests.deployment import ROOT, Deployment, load_template
from tests.programs import running_demo

DEMO = {
    "url": "http://127.0.0.1:1",
    "awsEndpointUrl": "http://127.0.0.1:1",
    "lambdaEndpointUrl": "http://127.0.0.1:1",
    "tableName": "t",
    "transferBucket": "b",
    "kmsKeyId": "k",
}


def failing(act: Any, *arguments: object) -> TargetError:
    with pytest.raises(TargetError) as caught:
        act(*arguments)
    return caught.value


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which nothing runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGNET_STATE", raising=False)
    return tmp_path


def test_who_has_no_make_run_hears_how_to_get_one(elsewhere: Path) -> None:
    """Without its file, and with the file of one that has ended, also where a proxy is set."""
    assert failing(Target.local).code == target.UNREACHABLE
    private_file.write_json(elsewhere / ".signet" / "demo.json", DEMO)
    error = failing(Target.local().invoke, "list_users", {})
    assert (error.code, error.message) == (target.UNREACHABLE, target.NOT_RUNNING)


def test_make_run_is_found_from_a_folder_below(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As git finds its own."""
    private_file.write_json(elsewhere / ".signet" / "demo.json", DEMO)
    (elsewhere / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(elsewhere / "a" / "b")
    assert Target.local().state == elsewhere / ".signet"


def test_make_run_is_asked_by_what_a_program_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer, a refusal with its code, message and request id, and an operation that there is not."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")  # whose account this must never reach
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with running_demo(tmp_path) as demo:
        found = Target.local(tmp_path)
        here = {"applicationId": demo["applicationId"]}
        assert found.invoke("get_application", here)["name"] == "Demo"
        error = failing(found.invoke, "get_user", {**here, "experienceUserId": "0" * 24})
        assert (error.code, error.message) == ("UserNotFound", "This application has no such user.")
        assert error.request_id
        assert failing(found.invoke, "no_such", here).code == target.NOT_DEPLOYED


STACK = {
    "StackName": "signet",
    "CreationTime": 0,
    "StackStatus": "CREATE_COMPLETE",
    "Outputs": [
        {"OutputKey": "ApiUrl", "OutputValue": "https://origin.id.example.com"},
        {"OutputKey": "JwksUrl", "OutputValue": "https://id.example.com/.well-known/jwks.json"},
        {"OutputKey": "RotateKeysFunctionName", "OutputValue": "r"},
    ],
}


def resources(*kinds: tuple[str, str]) -> dict[str, Any]:
    common = {"LastUpdatedTimestamp": 0, "ResourceStatus": "CREATE_COMPLETE"}
    return {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": f"signet-{name}",
                "ResourceType": kind,
                **common,
            }
            for name, kind in kinds
        ]
    }


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """CloudFormation, as it is told to answer."""
    client = boto3.client("cloudformation", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    monkeypatch.setattr(target, "_client", lambda _session, service: {"cloudformation": client}[service])
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return Stubber(client)


def test_a_stack_says_what_its_parts_are_called(cloudformation: Stubber) -> None:
    """Every function of the template by its operation, the logs, and the alarms of the nested stack too."""
    of_template = [(name, resource["Type"]) for name, resource in load_template()["Resources"].items()]
    renamed = {"AWS::Serverless::Function": "AWS::Lambda::Function"}
    parts = [(name, renamed.get(kind, kind)) for name, kind in of_template]
    cloudformation.add_response("describe_stacks", {"Stacks": [STACK]})
    cloudformation.add_response("list_stack_resources", {**resources(*parts[:80]), "NextToken": "2"})
    cloudformation.add_response("list_stack_resources", resources(*parts[80:]))
    cloudformation.add_response("list_stack_resources", resources(("Faults", "AWS::CloudWatch::Alarm")))
    with cloudformation:
        found = Target.stack("signet")
        assert (found.name, found.url, found.is_local) == ("signet", "https://id.example.com", False)
        assert found.resources.functions.keys() == {path.name for path in ROOT.glob("functions/*/*[!_]")}
        assert found.resources.functions["create_user"] == "signet-CreateUserFunction"
        assert found.resources.table == "signet-Table"
        assert set(found.resources.alarms) == {"signet-NewVersionFails", "signet-Faults"}
        assert "signet-LogInLog" in found.resources.log_groups
        cloudformation.assert_no_pending_responses()


def test_who_names_no_stack_of_signet_s_hears_so(cloudformation: Stubber) -> None:
    """One that is not there, one that is something else, and credentials that may not look."""
    cloudformation.add_client_error("describe_stacks", "ValidationError", "Stack other does not exist", 400)
    cloudformation.add_response("describe_stacks", {"Stacks": [{**STACK, "Outputs": []}]})
    cloudformation.add_client_error("describe_stacks", "ExpiredToken", "The token has expired", 403)
    with cloudformation:
        assert failing(Target.stack, "other").code == target.NOT_DEPLOYED
        assert failing(Target.stack, "other").code == target.NOT_DEPLOYED
        assert failing(Target.stack, "other").code == target.NO_ACCESS


def test_an_operation_that_a_stack_does_not_have_is_named(moto_signet: Deployment) -> None:
    """It was deployed before there was one; nothing else is asked in its place."""
    assert "no_such" in failing(target_of(moto_signet).invoke, "no_such", {}).message


def test_the_layer_does_without_the_command_line(tmp_path: Path) -> None:
    """Neither it nor what it alone needs is built into the layer."""
    layer = ROOT / "layers" / "signet"
    copying = (layer / "Makefile").read_text().partition("cp -R src/signet")[2]
    recipe = "all:\n\tcp -R src/signet" + copying.partition("\tfind")[0]
    (tmp_path / "Makefile").write_text(recipe)
    artifacts = tmp_path / "built"
    (artifacts / "python").mkdir(parents=True)
    make = shutil.which("make") or "make"
    subprocess.run(  # noqa: S603 - our own recipe
        [make, "-s", "-f", tmp_path / "Makefile", f"ARTIFACTS_DIR={artifacts}"], cwd=layer, check=True
    )
    assert (artifacts / "python" / "signet" / "edge").is_dir()
    assert not (artifacts / "python" / "signet" / "cli").exists()
    locked = (layer / "requirements.txt").read_text().lower()
    assert not any(f"{name}==" in locked for name in ("typer", "rich", "boto3"))
    done = subprocess.run(
        [sys.executable, "-c", "import signet.edge.operation"],
        env={**os.environ, "PYTHONPATH": str(artifacts / "python")},
        check=False,
    )
    assert done.returncode == 0
