"""The environment that `sam local` gives a function, by SAM's own resolver."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local import sam
from tests.contract.test_parameters import resolver
from tests.deployment import ROOT
from tools.sam_env import environments

PYTHON = ROOT / ".tools" / "sam" / "bin" / "python"
DEMO = {
    "url": "http://127.0.0.1:3000",
    "tableName": "signet",
    "kmsKeyId": "key",
    "awsEndpointUrl": "http://127.0.0.1:4001",
    "lambdaEndpointUrl": "http://127.0.0.1:4000",
}
ASK = """
import json, sys
from unittest import mock
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

stacks, _ = SamLocalStackProvider.get_stacks(sys.argv[1])
provider = SamFunctionProvider(stacks, ignore_code_extraction_warnings=True)
runner = LocalLambdaRunner(mock.Mock(), provider, ".", ".", env_vars_values=json.load(open(sys.argv[2])))
print(json.dumps({f.name: runner._make_env_vars(f).resolve() for f in provider.get_all()}))
"""


@pytest.mark.skipif(not PYTHON.exists(), reason="sam is not installed: make build")
@pytest.mark.parametrize(("system", "host"), [("Linux", "127.0.0.1"), ("Darwin", "host.docker.internal")])
def test_a_container_gets_what_make_run_has(tmp_path: Path, system: str, host: str) -> None:
    """Every variable that a function has in `make run`, and the way to its AWS."""
    given = environments(DEMO, system)
    (tmp_path / "env.json").write_text(json.dumps(given))
    done = subprocess.run(  # noqa: S603 - our own sam
        [PYTHON, "-c", ASK, ROOT / "template.yaml", tmp_path / "env.json"],
        env={"AWS_DEFAULT_REGION": sam.REGION, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
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
