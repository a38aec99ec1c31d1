"""The commands of the README and of every page of docs/, run as they stand there.

Each page's go through one shell, in their order, with what `make run` runs. A variable that a page leaves to
its reader is in `given`. A program that a test must not let work, or has not, is in `STAND_INS`: it notes how
it was called, and what can be told of that is checked afterwards.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import aws_commands, documentation
from tests.deployment import PASSWORD, ROOT
from tests.documentation import Block
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


def commands(*program: str) -> list[tuple[Block, list[str]]]:
    """The commands of all pages that begin with these words, word by word."""
    found = []
    for block in documentation.of("sh"):
        for line in block.code.replace("\\\n", " ").splitlines():
            if line.startswith(" ".join(program)):
                found.append((block, shlex.split(line, comments=True)))
    return found


def test_the_readme_s_commands_do_what_it_says(demo: tuple[Path, Mapping[str, str]]) -> None:
    """In its order, in one shell, each with the answer that the text around it promises."""
    folder, _ = demo
    setting, *rest = [
        block.code for block in documentation.of("sh", "README.md") if block.heading == "Try it"
    ]
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


def is_like(shown: Any, answered: Any) -> bool:
    """Whether an answer is one that is shown: `…` and numbers may be others, and it may have more members."""
    if isinstance(shown, dict):
        return isinstance(answered, dict) and all(
            name in answered and is_like(value, answered[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        return len(shown) == len(answered) and all(map(is_like, shown, answered))
    if isinstance(shown, str):
        return re.fullmatch(".*".join(map(re.escape, shown.split("…"))), answered) is not None
    return type(shown) is type(answered) and (shown == answered or type(shown) is int)


def test_the_quick_start_s_answers_are_as_shown(demo: tuple[Path, Mapping[str, str]], tmp_path: Path) -> None:
    """Each command that shows an answer, in one shell with all that come before."""
    page = "docs/quick-start.md"
    place(demo[0], tmp_path, page)
    (tmp_path / ".curlrc").unlink()
    shown = [block for block in documentation.BLOCKS if block.page == page]
    script, answers = "", list[Block]()
    for block, following in pairwise([*shown, shown[0]]):
        if block.language == "sh":
            output = f"answer{len(answers)}"
            script += f"{{ {block.code}}} >{tmp_path}/{output}\n"
            if following.language == "json":
                answers.append(following)
    run_script(script, tmp_path, {**os.environ, "signet": "…", "no_proxy": "127.0.0.1"})
    for number, block in enumerate(answers):
        answer = json.loads((tmp_path / f"answer{number}").read_text())
        (expected,) = documentation.values(block.code)
        assert is_like(expected, answer), f"{block} shows {expected}, and Signet answered {answer}"
    assert len(answers) == 9


@pytest.mark.heavy
@pytest.mark.parametrize(("block", "command"), commands("make", "invoke"), ids=str)
def test_an_event_that_a_page_shows_is_answered(
    demo: tuple[Path, Mapping[str, str]], block: Block, command: list[str]
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
    assert block


@pytest.mark.heavy
@pytest.mark.parametrize(("block", "command"), commands(".tools/sam/bin/sam", "local"), ids=str)
def test_sam_takes_the_page_s_commands_as_far_as_the_container(
    demo: tuple[Path, Mapping[str, str]], block: Block, command: list[str]
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
    assert done.returncode == 1, f"{block}: {done.stderr}"


@pytest.mark.heavy
@pytest.mark.parametrize(("block", "command"), commands("sam"), ids=str)
def test_sam_has_the_options(block: Block, command: list[str]) -> None:
    """Of a command that would deploy."""
    _, subcommand, *words = command
    told = subprocess.run(  # noqa: S603 - our own sam
        [SAM, subcommand, "--help"],
        env={**os.environ, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    for option in filter(lambda word: word.startswith("--"), words):
        assert f"{option} " in told.stdout, f"{block}: sam {subcommand} has no {option}"


STAND_INS = (
    *("aws", "firebase", "git", "make", "psql", "sam", "ssh-keygen", "uvx", "wp"),
    *("openapi-python-client", "openapi-typescript"),  # tests/integration/test_generated_clients.py runs them
)
ELSEWHERE = (".tools/sam/bin/sam", "bin/kc.sh")
"""Stand-ins by the path at which a page calls them."""
MAKEFILE = (ROOT / "Makefile").read_text()
STACK = {
    **{
        name: f"{name}-of-the-stack"
        for name in (
            "TableName",
            "TransferBucketName",
            "MailBucketName",
            "keyId",
            "unsentEventsUrl",
            "signet",
            "email",
        )
    },
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_SESSION_TOKEN": "local",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "oldMailBucketName": "MailBucketName-of-the-old-stack",
    "DATABASE_URL": "postgres://example",
    "SUPABASE_DB_URL": "postgres://example",
    "SignInWorkflowArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:SignIn",
    "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
}
"""What a reader knows of a stack of theirs; the functions' names are those of the template."""


@pytest.fixture(scope="module")
def given(demo: tuple[Path, Mapping[str, str]]) -> Mapping[str, str]:
    """The variables that pages take for granted: what `make run` says, a stack's outputs, a token."""
    _, said = demo
    with httpx.Client(base_url=said["url"], trust_env=False) as client:
        home = f"/applications/{said['applicationId']}/experience"
        reader = {"email": "reader@example.com", "password": PASSWORD}
        bearer = {"authorization": f"Bearer {said['apiToken']}"}
        client.post(f"{home}/users", json=reader, headers=bearer).raise_for_status()
        token = client.post(f"{home}/login", json=reader).raise_for_status().json()["token"]
        keys = client.get("/.well-known/jwks.json").json()["keys"]
    functions = re.findall(r"(?m)^  (\w+Function):$", (ROOT / "template.yaml").read_text())
    return {
        **os.environ,
        **STACK,
        **{name: name for name in functions},
        **said,
        "ApiUrl": said["url"],
        "RotateKeysFunctionName": "RotateKeysFunction",
        "kid": keys[-1]["kid"],
        "token": token,
        "no_proxy": "127.0.0.1",
    }


def place(demo: Path, folder: Path, page: str) -> None:
    """Make of a folder what a reader has before them: the repository, and the programs."""
    for entry in ROOT.iterdir():
        if entry.name not in {".aws-sam", ".git", ".signet", ".tools", ".venv", "dist", "site"}:
            (folder / entry.name).symlink_to(entry)
    (folder / ".signet").symlink_to(demo / ".signet")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / ".aws-sam" / "host").mkdir(parents=True)
    (folder / ".aws-sam" / "host" / "LogInFunction").symlink_to(ROOT / "functions" / "users" / "log_in")
    (folder / "signet").symlink_to(folder)
    for program in (*(f"programs/{name}" for name in STAND_INS), *ELSEWHERE):
        (folder / program).parent.mkdir(parents=True, exist_ok=True)
        (folder / program).symlink_to(ROOT / "tests" / "stand_in.sh")
    (folder / ".curlrc").write_text("fail-with-body\n")
    export = next((ROOT / "tests" / "migrate").glob(f"{Path(page).stem}.*"), None)
    (folder / "reply").write_text(export.read_text() if export else "")
    for name in ("users.json", "users.csv", "realm.json"):
        (folder / name).write_text((folder / "reply").read_text())
    (folder / "manage.py").write_text("print(open('reply').read())\n")
    (folder / "SHA256SUMS").write_text(f"{sha256(b'').hexdigest()}  SHA256SUMS.sig\n")
    (folder / "SHA256SUMS.sig").write_text("")


def run_script(script: str, folder: Path, given: Mapping[str, str]) -> None:
    """Run commands where a reader would, with the stand-ins."""
    variables = {
        **given,
        "CALLS": str(folder / "calls"),
        "HOME": str(folder),
        "PATH": f"{folder}/programs:{Path(sys.executable).parent}:{given['PATH']}",
        "REPLY": str(folder / "reply"),
    }
    done = subprocess.run(  # noqa: S603 - our own page
        ["/bin/sh", "-eux", "-c", script],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{done.stdout[-3000:]}"


def run(page: str, folder: Path, given: Mapping[str, str]) -> list[list[str]]:
    """Run a page's commands, and give how the stand-ins were called."""
    blocks = documentation.of("sh", page)
    run_script("".join(f": {block}\n{block.code}cd {folder}\n" for block in blocks), folder, given)
    calls: list[list[str]] = [[]]
    for word in (folder / "calls").read_text().split("\0") if (folder / "calls").exists() else ():
        if word:
            calls[-1].append(word)
        else:
            calls.append([])
    return [call for call in calls if call]


def check_make(words: list[str]) -> None:
    """The Makefile has these targets, and something reads these variables."""
    reads = MAKEFILE + "".join(path.read_text() for path in (ROOT / "local").glob("*.py"))
    for word in words:
        name, is_set, _ = word.partition("=")
        if is_set:
            assert re.search(rf'\$[({{]{name}[)}}]|"{name}"', reads), f"nothing reads {name}"
        else:
            assert re.search(rf"(?m)^{name}:", MAKEFILE), f"there is no make {name}"


def check_invocation(words: list[str], endpoint: str) -> None:
    """The function takes the event, and does not fail."""
    options = dict(pairwise(words))
    name, payload = options["--function-name"], options["--payload"]
    if "emergency" not in json.loads(payload):  # that revokes a key, which others use
        path = f"{endpoint}/2015-03-31/functions/{name}/invocations"
        answer = httpx.post(path, content=payload, trust_env=False)
        assert "x-amz-function-error" not in answer.headers, f"{words}: {answer.text}"


# Those that start servers have tests of their own: the two here, and the others in test_examples.py.
BY_THEMSELVES = re.compile(r"README\.md|docs/quick-start\.md|examples/(?!workflow/).*")
PAGES = {block.page for block in documentation.of("sh") if not BY_THEMSELVES.fullmatch(block.page)}
SLOW = {"docs/cli.md", "docs/decisions/libraries.md"}
"""Pages whose commands take seconds: a program of Python for each, and a measurement."""


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.heavy] * (page in SLOW)) for page in sorted(PAGES)]
)
def test_a_page_s_commands_work(
    demo: tuple[Path, Mapping[str, str]], given: Mapping[str, str], page: str, tmp_path: Path
) -> None:
    """All of them, in their order, in one shell."""
    place(demo[0], tmp_path, page)
    for program, *words in run(page, tmp_path, given):
        if program == "make":
            check_make(words)
        elif program == "aws":
            aws_commands.check(words)
            if words[:2] == ["lambda", "invoke"]:
                check_invocation(words, given["lambdaEndpointUrl"])
