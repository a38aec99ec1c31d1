"""What a function's first call needs is there before it: Lambda gives the init phase a whole processor."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import sam, template

ROOT = Path(__file__).parents[2]
LOADED = template.load(ROOT / "template.yaml")
FUNCTIONS = sam.read_functions(
    template.Resolver(LOADED, sam.physical_values(LOADED, "https://id.example.com", "table", "key"))
)

DEAR = {name: name for name in ("argon2", "cryptography", "email_validator", "jwt", "pydantic")}
DEAR["botocore"] = "botocore.client"  # Powertools imports its __init__ alone.
"""Packages whose import takes some milliseconds, and of each the module that does."""

ONLY_SOME_CALLS = {
    "rotate_keys": {"botocore", "cryptography", "jwt"},
    "import_users": {"email_validator"},
    "show_me": {"botocore"},
}
"""By function, what it loads at a first call that nobody waits for, or never."""

CODE = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
importlib.import_module("handler")
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_init_phase_loads_what_the_first_call_needs(name: str) -> None:
    """Of what a function may load, all that is dear and not for some calls alone."""
    properties = LOADED["Resources"][name]["Properties"]
    folder = ROOT / properties["CodeUri"]
    environment = {**FUNCTIONS[name].environment, "AWS_REGION": "eu-central-1"}
    environment |= {"AWS_LAMBDA_FUNCTION_NAME": name, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", CODE, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    allowed = set((folder / "allowed_imports.txt").read_text().split())
    later = ONLY_SOME_CALLS.get(folder.name, set())
    loaded = set(json.loads(done.stdout))
    assert {name for name in allowed & DEAR.keys() if DEAR[name] not in loaded} == later
