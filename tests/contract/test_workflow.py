"""The workflow that signs a user in: its definition, and what the template makes of it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from signet import errors
from tests.deployment import ROOT, load_template

TEMPLATE = load_template()
RESOURCES = TEMPLATE["Resources"]
WORKFLOW = RESOURCES["SignInWorkflow"]["Properties"]
TEXT = (ROOT / WORKFLOW["DefinitionUri"]).read_text()
DEFINITION: dict[str, Any] = json.loads(TEXT)
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
TASK = STATES["Authenticate"]


def targets(state: dict[str, Any]) -> Iterator[str]:
    """The states that may follow."""
    for follows in (state, *state.get("Choices", []), *state.get("Catch", [])):
        yield from (follows[word] for word in ("Next", "Default") if word in follows)


def lint(definition: object) -> list[str]:
    """What CloudFormation's linter says; it looks at definitions inside of a template."""
    # Importing it takes seconds.
    from cfnlint.api import lint_all  # type: ignore[import-untyped]

    filled_in = json.loads(json.dumps(definition).replace("${Partition}", "aws"))
    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/sign-in",
        "StateMachineType": "EXPRESS",
        "Definition": filled_in,
        "DefinitionSubstitutions": {"AuthenticateFunctionArn": "sign-in"},
    }
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    matches = lint_all(json.dumps({"Resources": {"SignIn": resource}}))
    return [str(match) for match in matches if not match.rule.id.startswith("I")]


def test_cloudformation_takes_the_definition() -> None:
    """It fits the schema of its language, which the linter does know."""
    assert lint(DEFINITION) == []
    assert lint(DEFINITION | {"StartAt": "Nowhere"}) != []
    assert lint(DEFINITION | {"States": STATES | {"Authenticate": TASK | {"Retry": [{}]}}}) != []


def test_every_state_is_reached_and_leads_on_or_ends() -> None:
    """No target is missing, no state is left over, and none is a dead end."""
    reached, ahead = set(), [DEFINITION["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += targets(STATES[name])
    assert reached == set(STATES)
    for name, state in STATES.items():
        ends = state.get("End", False) or state["Type"] in ("Succeed", "Fail")
        assert ends != bool(list(targets(state))), name


def test_a_choice_always_has_a_way_on() -> None:
    """Whatever is not clearly true takes the false branch."""
    choice = STATES["IsAuthenticated"]
    (rule,) = choice["Choices"]
    assert rule == {"Variable": "$.authenticated", "BooleanEquals": True, "Next": "SignedIn"}
    assert choice["Default"] == "NotSignedIn"


def test_the_definition_names_no_account_and_no_partition() -> None:
    """What it leaves open, the template fills in; neither more nor less."""
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == set(WORKFLOW["DefinitionSubstitutions"])
    # The alias: snapshots are of versions, and a canary goes by them.
    assert WORKFLOW["DefinitionSubstitutions"]["AuthenticateFunctionArn"] == {
        "Ref": "AuthenticateFunction.Alias"
    }
    assert "arn:aws" not in TEXT


def test_what_is_caught_and_tried_again_are_refusals_that_there_are() -> None:
    """Step Functions compares names; a misspelt one would never match."""
    (retry,), (catch,) = TASK["Retry"], TASK["Catch"]
    ours = [name for name in retry["ErrorEquals"] if not name.startswith("Lambda.")]
    unavailable = {errors.Unavailable.code, *(error.code for error in errors.Unavailable.__subclasses__())}
    assert set(ours) == unavailable
    assert [getattr(errors, name).code for name in catch["ErrorEquals"]] == catch["ErrorEquals"]
    assert not TASK["Parameters"]["Payload"]["node"].get("invalidateExistingTokens"), "unsafe to try again"


@pytest.mark.parametrize("name", sorted(set(STATES) - {"Authenticate"}))
def test_no_state_but_the_first_can_see_the_password(name: str) -> None:
    """The input ends at the task: its result is selected, and so is what an error leaves."""
    assert "Assign" not in TASK
    assert "ResultPath" not in TASK
    assert set(TASK["ResultSelector"]) == {"authenticated.$", "user.$", "token.$"}
    assert [catch["ResultPath"] for catch in TASK["Catch"]] == ["$"]
    assert "$$" not in json.dumps(STATES[name]), "the context object has the execution's input"


def test_it_keeps_and_logs_no_data_of_its_executions() -> None:
    """An Express workflow has no history; its log gets errors, without input and output."""
    assert WORKFLOW["Type"] == "EXPRESS"
    assert WORKFLOW["Logging"]["IncludeExecutionData"] is False
    assert WORKFLOW["Logging"]["Level"] == "ERROR"
    (destination,) = WORKFLOW["Logging"]["Destinations"]
    (log_group,) = destination.values()
    assert log_group["LogGroupArn"] == {"Fn::GetAtt": ["SignInWorkflowLog", "Arn"]}
    log = RESOURCES["SignInWorkflowLog"]["Properties"]
    assert log["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert "Tracing" not in WORKFLOW


def test_it_is_deployed_only_where_it_is_wanted() -> None:
    """Whoever does not use Step Functions gets none of it."""
    assert TEMPLATE["Parameters"]["DeployWorkflow"]["Default"] == "false"
    condition = TEMPLATE["Conditions"]["DeploysWorkflow"]
    assert condition == {"Fn::Equals": [{"Ref": "DeployWorkflow"}, "true"]}
    parts = [*RESOURCES.items(), *TEMPLATE["Outputs"].items()]
    mine = [part for name, part in parts if name.startswith("SignInWorkflow")]
    assert len(mine) == 3
    assert {part.get("Condition") for part in mine} == {"DeploysWorkflow"}


def test_it_may_invoke_that_one_function() -> None:
    """And set up its own logging, whose actions know no resources."""
    (policy,) = WORKFLOW["Policies"]
    invoke, logging = policy["Statement"]
    assert invoke == {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": {"Ref": "AuthenticateFunction.Alias"},
    }
    assert all(
        re.fullmatch(r"logs:(\w+LogDeliver(y|ies)|\w+Polic(y|ies)|DescribeLogGroups)", a)
        for a in logging["Action"]
    )
    assert "Role" not in WORKFLOW
