"""The environment that `sam local` gives a function, by SAM's own resolver."""

import pytest

from local import sam
from tests.contract.test_parameters import resolver
from tests.deployment import ROOT
from tools.sam_env import environments, in_containers

PYTHON = ROOT / ".tools" / "sam" / "bin" / "python"
DEMO = {
    "url": "http://127.0.0.1:3000",
    "tableName": "signet",
    "kmsKeyId": "key",
    "awsEndpointUrl": "http://127.0.0.1:4001",
    "lambdaEndpointUrl": "http://127.0.0.1:4000",
}


@pytest.mark.skipif(not PYTHON.exists(), reason="sam is not installed: make build")
@pytest.mark.parametrize(("system", "host"), [("Linux", "127.0.0.1"), ("Darwin", "host.docker.internal")])
def test_a_container_gets_what_make_run_has(system: str, host: str) -> None:
    """Every variable that a function has in `make run`, and the way to its AWS."""
    given = environments(DEMO, system)
    found = in_containers(given, ROOT / "template.yaml")
    assert found.keys() == given.keys()
    for function, variables in given.items():
        declared = sam.read_functions(resolver(**sam.PARAMETERS))[function].environment.keys()
        wanted = {name: variables[name] for name in declared}
        wanted |= {
            "AWS_ENDPOINT_URL": f"http://{host}:4000",
            "AWS_ENDPOINT_URL_DYNAMODB": f"http://{host}:4001",
        }
        assert found[function].items() >= wanted.items()


def test_in_aws_no_endpoint_is_named() -> None:
    """The variables are declared for `sam local` alone."""
    for name, function in sam.read_functions(resolver()).items():
        assert not any(variable.startswith("AWS_ENDPOINT_URL") for variable in function.environment), name
