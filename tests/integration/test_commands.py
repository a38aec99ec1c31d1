"""The commands that the README and the pages of the three ways in show, run as they stand there."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.deployment import ROOT
from tests.programs import running_demo

NEXT = "echo; echo ---"
"""Stands between two commands, so that their answers can be told apart."""

SAM = ROOT / ".tools" / "sam" / "bin" / "sam"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """The folder above what `make run` keeps, and what it says of itself."""
    folder = tmp_path_factory.mktemp("newcomer")
    with running_demo(folder / ".signet") as said:
        yield folder, said


def blocks(page: str, heading: str) -> list[str]:
    """The indented blocks under a heading of a page."""
    (section,) = re.findall(rf"(?ms)^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", (ROOT / page).read_text())
    found = re.findall(r"(?m)(?:^    .+\n?)+", section)
    return [re.sub(r"(?m)^    ", "", block) for block in found]


def commands(page: str) -> list[list[str]]:
    """The commands of a page that begin with `make invoke` or sam, word by word."""
    text = (ROOT / page).read_text().replace("\\\n", " ")
    lines = re.findall(r"(?m)^    ((?:make invoke|\.tools/sam/bin/sam) .*)$", text)
    return [shlex.split(line, comments=True) for line in lines]


def test_the_readme_s_commands_do_what_it_says(demo: tuple[Path, Mapping[str, str]]) -> None:
    """In its order, in one shell, each with the answer that the text around it promises."""
    folder, _ = demo
    setting, *rest = blocks("README.md", "Try it")
    # Each command of a block by itself: those that go on end in a backslash, or within a quoted text.
    script = [setting]
    for block in rest:
        for command in re.split(r"\n(?=curl|token=|user_token=)", block.strip()):
            script += [command, NEXT]
    done = subprocess.run(  # noqa: S603 - our own README
        ["/bin/sh", "-eu", "-c", "\n".join(script)],
        cwd=folder,
        env={**os.environ, "no_proxy": "127.0.0.1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers = [text.strip() for text in done.stdout.split("---\n")][:-1]
    said: list[Any] = [json.loads(text) for text in answers if text]
    mail, phone, jwks, identified, refused, made, before, ended, after = said
    assert mail["token"].count(".") == phone["token"].count(".") == 2
    assert len(jwks["keys"]) == 2
    assert identified["result"]["data"]["verified"] is True
    assert refused["error"]["status"] == "PERMISSION_DENIED"
    assert made["email"] == before["user"]["email"] == "ann@example.com"
    assert ended == {"success": True}
    assert after == {"message": "Forbidden"}


INVOKED = [
    (page, command)
    for page in ("docs/events-in.md", "docs/events-out.md", "docs/workflow.md")
    for command in commands(page)
]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("page", "command"), INVOKED, ids=lambda value: value[-1] if isinstance(value, list) else value
)
def test_an_event_that_a_page_shows_is_answered(
    demo: tuple[Path, Mapping[str, str]], page: str, command: list[str]
) -> None:
    """By the built function, as `make invoke` runs it."""
    folder, _ = demo
    named = dict(word.split("=", 1) for word in command[2:])
    done = subprocess.run(  # noqa: S603 - our own tool
        [sys.executable, "-m", "tools.invoke", named["FUNCTION"], named["EVENT"]],
        cwd=ROOT,
        env={**os.environ, "SIGNET_STATE": str(folder / ".signet")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer is None or not answer.get("batchItemFailures")
    assert page


@pytest.mark.heavy
@pytest.mark.parametrize("command", commands("docs/local.md"), ids=lambda command: command[2])
def test_sam_takes_the_page_s_commands_as_far_as_the_container(
    demo: tuple[Path, Mapping[str, str]], command: list[str]
) -> None:
    """With what `make sam-env` writes: nothing but Docker is missing here."""
    folder, _ = demo
    variables = {**os.environ, "SIGNET_STATE": str(folder / ".signet"), "SAM_CLI_TELEMETRY": "0"}
    subprocess.run([sys.executable, "-m", "tools.sam_env"], cwd=ROOT, env=variables, check=True)
    here = [word.replace(".signet/", f"{folder}/.signet/") for word in command[1:]]
    done = subprocess.run(  # noqa: S603 - our own sam
        [SAM, *here],
        cwd=ROOT,
        env={**variables, "AWS_DEFAULT_REGION": "us-east-1", "DOCKER_HOST": "unix:///nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "container runtime" in done.stderr or "Docker" in done.stderr, done.stderr
    assert done.returncode == 1, done.stderr
