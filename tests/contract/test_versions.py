"""Functions that have versions get a new one whenever anything changes that reaches them."""

import re
from typing import Any

import pytest

from tests.deployment import load_template
from tests.transformed import deployed

VERSIONED = {
    "AuthenticateFunction",
    "AuthorizeRequestFunction",
    "IdentifyFunction",
    "IntrospectTokenFunction",
    "IssueIdentityTokenFunction",
    "IssueSessionTokenFunction",
    "IssueUserTokenFunction",
    "LogInFunction",
}


def versions(resources: dict[str, Any]) -> dict[str, str]:
    """The versions' logical ids, by function."""
    return {
        resource["Properties"]["FunctionName"]["Ref"]: name
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Version"
    }


@pytest.mark.parametrize("change", [{"layer": "2"}, {"code": "2"}])
def test_new_code_makes_new_versions(change: dict[str, str]) -> None:
    """A new layer or new code reaches every function that is called by an alias."""
    before, after = versions(deployed()), versions(deployed(**change))
    assert before.keys() == after.keys() == VERSIONED
    assert not set(before.values()) & set(after.values())


def test_a_parameter_makes_new_versions() -> None:
    """Each parameter in a function's configuration stands in its version's description, and no other."""
    resources = deployed()
    parameters = load_template()["Parameters"]
    for function, version in versions(resources).items():
        # How many invocations are kept concerns the function, whatever its version.
        properties = {**resources[function]["Properties"], "ReservedConcurrentExecutions": None}
        # The log group's name is made of none; the role and the code are resources.
        used = {name for name in parameters if f"'Ref': '{name}'" in str(properties)}
        described = resources[version]["Properties"]["Description"]["Fn::Sub"]
        assert set(re.findall(r"\$\{(\w+)\}", described)) == used | {"SnapStart"}
        assert properties["SnapStart"] == {"ApplyOn": {"Ref": "SnapStart"}}


def test_whoever_calls_them_calls_the_alias() -> None:
    """API Gateway reaches these functions by the alias, as does the authorizer's permission."""
    text = str(deployed()["HttpApi"]["Properties"]["Body"])
    for function in VERSIONED:
        assert f"{function}Aliaslive" in text
        assert f"${{{function}.Arn}}" not in text


def test_a_new_version_takes_over_at_once_unless_it_is_asked_to_do_so_gradually() -> None:
    """By default nothing of CodeDeploy is there; then each alias waits for it, and an alarm takes it back."""
    assert not [name for name, it in deployed().items() if it["Type"].startswith("AWS::CodeDeploy::")]
    gradual = deployed(Deployment="Canary10Percent5Minutes")
    groups = {
        name.removesuffix("DeploymentGroup"): it["Properties"]
        for name, it in gradual.items()
        if it["Type"] == "AWS::CodeDeploy::DeploymentGroup"
    }
    assert groups.keys() == VERSIONED
    for function, group in groups.items():
        alias = gradual[f"{function}Aliaslive"]
        assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]
        assert "Canary10Percent5Minutes" in str(group["DeploymentConfigName"])
        assert "NewVersionFails" in str(group["AlarmConfiguration"])
        assert "DeploymentRole" in str(group["ServiceRoleArn"])
        assert group["AutoRollbackConfiguration"]["Enabled"] is True


def test_every_way_of_deploying_gradually_is_one_of_codedeploy_s() -> None:
    """And has its line in the mapping that SAM reads in place of a condition."""
    ways = load_template()["Parameters"]["Deployment"]["AllowedValues"]
    assert load_template()["Mappings"]["Deployments"] == {
        way: {"Gradual": "false" if way == "AllAtOnce" else "true"} for way in ways
    }
    for way in set(ways) - {"AllAtOnce"}:
        assert way in str(deployed(Deployment=way)["LogInFunctionDeploymentGroup"]["Properties"])
