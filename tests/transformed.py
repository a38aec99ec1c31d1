"""What SAM makes of the template: the resources that CloudFormation deploys."""

import functools
from typing import Any
from unittest import mock

from tests.deployment import ROOT


class NoPolicies:
    """Managed policies that SAM would look up."""

    def load(self) -> dict[str, str]:
        """None."""
        return {}


@functools.cache
def deployed(layer: str = "1", code: str = "1", **parameters: str) -> dict[str, Any]:
    """The resources that SAM makes of the template, with the artefacts that `sam package` would name."""
    # Importing it takes a second.
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

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
        resources: dict[str, Any] = transform(template, parameters, NoPolicies())["Resources"]
    return resources
