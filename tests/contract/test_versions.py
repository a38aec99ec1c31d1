"""Functions that have versions get a new one whenever anything changes that reaches them."""

import functools
import re
from typing import Any
from unittest import mock

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from tests.deployment import ROOT

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


class NoPolicies:
    """Managed policies that SAM would look up."""

    def load(self) -> dict[str, str]:
        """None."""
        return {}


@functools.cache
def deployed(layer: str = "1", code: str = "1") -> dict[str, Any]:
    """The resources that SAM makes of the template, with the artefacts that `sam package` would name."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = f"s3://bucket/{name}-{code}"
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = f"s3://bucket/layer-{layer}"
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            properties["DefinitionUri"] = "s3://bucket/workflow"
    with mock.patch.dict("os.environ", {"AWS_DEFAULT_REGION": "us-east-1"}):
        resources: dict[str, Any] = transform(template, {}, NoPolicies())["Resources"]
    return resources


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
    parameters = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
    for function, version in versions(resources).items():
        properties = resources[function]["Properties"]
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
