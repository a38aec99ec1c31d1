"""Every code block of the README, of CONTRIBUTING.md and of docs/ is in a language, and is what it says.

`sh` is run (tests/integration/test_commands.py), and so are the recipes in `js` and `python`
(test_recipes.py, test_authorizer.py); the rest is held to its form here.
"""

import ast
import json
import re
import textwrap
import tomllib
from collections.abc import Callable

import pytest
import yaml
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import Error  # type: ignore[import-untyped]

from signet.domain import templates
from tests import documentation
from tests.deployment import ROOT
from tests.documentation import BLOCKS, Block

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  ApplicationId: {Type: String}
  SignetUrl: {Type: String}
"""
API = """
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      InlineCode: "def handler(event, context): return {}"
"""
ROUTE = "Events: {Http: {Type: HttpApi, Properties: {ApiId: !Ref YourHttpApi, Method: GET, Path: /orders}}}"
OTHER_API = "YourHttpApi: {Type: AWS::Serverless::HttpApi}"


class _Loader(yaml.SafeLoader):
    """Takes CloudFormation's tags as what they stand at."""


_Loader.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


def is_json(block: Block) -> None:
    """Values, or requests and answers."""
    assert documentation.values(block.code)


def is_yaml(block: Block) -> None:
    """A part of a template, with which cfn-lint finds nothing wrong in a small one around it."""
    (first, *_) = yaml.load(block.code, _Loader)  # noqa: S506 - it is a safe one
    indented = [textwrap.indent(block.code, " " * depth) for depth in range(0, 10, 2)]
    if first == "Events":
        code = API + indented[3] + "  HttpApi: {Type: AWS::Serverless::HttpApi}\n"
    elif first.startswith("/"):
        api = "  Guarded:\n    Type: AWS::Serverless::HttpApi\n    Properties:\n      DefinitionBody:\n"
        code = API + api + "        openapi: 3.0.1\n        paths:\n" + textwrap.indent(block.code, " " * 10)
    elif first == "Parameters":
        own, resources = block.code.split("Resources:\n")
        code = own.removeprefix("Parameters:\n") + API + f"      {ROUTE}\n  {OTHER_API}\n" + resources
    else:
        code = API + f"      {ROUTE}\n" + indented[1]
    found = lint(TEMPLATE + code, config=ManualArgs(regions=["us-east-1"]))
    assert [(it.rule.id, it.message) for it in found if it.rule.id != "W2001"] == []


def is_python(block: Block) -> None:
    """A module."""
    ast.parse(block.code)


def is_toml(block: Block) -> None:
    """A file."""
    tomllib.loads(block.code)


def is_highlighted(block: Block) -> None:
    """Nothing of it is foreign to the language: there is neither compiler nor run-time in `make test`."""
    tokens = get_lexer_by_name(block.language).get_tokens(block.code)
    assert [text for kind, text in tokens if kind in Error] == []


def is_shell(block: Block) -> None:
    """A reader can paste it: what is theirs stands there as a variable, not as a gap to fill in."""
    left = re.findall(r"<[\w' ]+>(?!\w*')|(?<!\")…", re.sub(r"#.*", "", block.code))
    assert not left, f"{left[0]} cannot be pasted into a shell: write a variable"
    shown = re.findall(r"^curl -s .*$", block.code.replace("\\\n", " "), re.M)
    assert not shown, f"{block}: no answer ends its line, so that the prompt stands behind it: curl -sw '\\n'"


def is_text(block: Block) -> None:
    """No code: a picture, a formula, what a program prints; or a small language with a check of its own."""
    if block.page == "docs/logs.md":
        assert block.code.startswith("filter "), "tests/unit/test_record.py knows searches alone here"
    elif "{{" in block.code:
        assert templates.render_object(block.code, {"data": {"body": {"name": "Ann"}, "visits": 3}}, "x") == {
            "name": "Ann",
            "visits": 3,
        }
    elif block.page == "docs/development.md":
        for line in block.code.splitlines():
            named, *_ = re.split(" {2,}", line.strip())
            for name in named.split():
                path = "layers/signet/src/signet/" * line.startswith("  ") + re.sub(r"<\w+>", "*", name)
                assert list(ROOT.glob(path)), f"{path} is not there"
    else:
        assert block.page in TEXTS, f"say in TEXTS what the block at {block} is, or in which language it is"


TEXTS = {
    "docs/accounts.md": "pictures",
    "docs/cli.md": "what a command prints",
    "docs/mails.md": "a picture, names of files, a command on AWS, what make run says",
    "docs/deploy.md": "a formula",
    "docs/edge.md": "a picture",
    "docs/keys.md": "a picture",
    "docs/local.md": "a line of the log",
}
"""Pages with a block that is none of code, and what it is."""

CHECKS: dict[str, Callable[[Block], None]] = {
    "go": is_highlighted,
    "java": is_highlighted,
    "js": is_highlighted,
    "json": is_json,
    "python": is_python,
    "sh": is_shell,
    "text": is_text,
    "toml": is_toml,
    "yaml": is_yaml,
}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_what_it_says(block: Block) -> None:
    """A fence names its language, and somebody has said here how a block in it is checked."""
    assert block.language != documentation.UNFENCED, (
        f"{block} is indented: fence it with ``` and its language"
    )
    assert block.language, f"{block}: name the language behind ```, such as {sorted(CHECKS)}"
    assert block.language in CHECKS, f"{block}: say in CHECKS how a block in {block.language} is checked"
    CHECKS[block.language](block)


def test_a_block_of_json_may_leave_things_out() -> None:
    """And be a request with its answers, but not be wrong."""
    assert documentation.values('{"a": {…}, "b": […], …}  remark\n200 {"c": "…"}\n') == [
        {"a": {}, "b": []},
        {"c": "…"},
    ]
    assert documentation.values('"a": {"b": 1}') == [{"a": {"b": 1}}]
    for wrong in ('{"a": 1, "b"}', '{"a": 1} {"b"', '200 {"a": tru}'):
        with pytest.raises(json.JSONDecodeError):
            documentation.values(wrong)
