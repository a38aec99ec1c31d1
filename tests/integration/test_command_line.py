"""`signet`, the command line: what each command does, says to people and to programs, and how it ends."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from signet.cli import doctor, target, transfer
from signet.cli.app import app
from signet.cli.command import Exit
from signet.cli.console import transfers
from signet.cli.target import Resources, TargetError
from signet.domain.keys import DAY
from tests.command_line import target_of
from tests.deployment import PASSWORD, Deployment
from tests.programs import running_demo

ANN = "ann@example.com"


class Line:
    """A command line on a deployment."""

    def __init__(self, signet: Deployment) -> None:
        self.signet = signet
        self.target = target_of(signet, is_eager=True)

    def run(self, *words: str, stdin: str = "", ends: int = Exit.DONE) -> Any:
        """Run a command, and give its result."""
        result = CliRunner().invoke(app, words, input=stdin, obj=self.target)
        assert result.exit_code == ends, (words, result.output, result.exception)
        assert "Traceback" not in result.output
        return result

    def json(self, *words: str, stdin: str = "", ends: int = Exit.DONE) -> Any:
        """Run it as a program does."""
        return json.loads(self.run(*words, "--json", stdin=stdin, ends=ends).stdout)

    def refused(self, *words: str, stdin: str = "", ends: int = Exit.REFUSED) -> dict[str, Any]:
        """What a program hears of a refusal."""
        error: dict[str, Any] = json.loads(self.run(*words, "--json", stdin=stdin, ends=ends).stderr)["error"]
        return error


@pytest.fixture
def line(moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setattr("signet.cli.transfer.time.sleep", lambda _seconds: None)
    monkeypatch.setattr(transfer, "S3_EVENT_SECONDS", 0)
    return Line(moto_signet)


def test_an_application_from_beginning_to_end(line: Line) -> None:
    """Made, listed, shown, changed by names with dots, and deleted."""
    line.signet.clock.advance(1)
    made = line.json("apps", "create", "Shop")
    app_id = made["applicationId"]
    assert made["apiToken"].startswith(f"sgt_{app_id}_")
    assert [one["name"] for one in line.json("apps", "list")] == ["Demo", "Shop"]
    changed = line.json(
        "apps", "set", app_id, "name=My Shop", "login.ttl=86400000", "guessing.account.atOnce=20"
    )
    assert (changed["name"], changed["login"]["ttl"]) == ("My Shop", 86_400_000)
    assert line.json("apps", "show", app_id) == changed
    shown = line.run("apps", "show", app_id).stdout
    assert "guessing.account.atOnce" in shown
    assert "My Shop" in shown
    assert line.json("apps", "set", app_id, "maxTokenLifetime=null")["maxTokenLifetime"] is None
    assert "no setting" in line.refused("apps", "set", app_id, "name", ends=Exit.USAGE)["message"]
    assert "--yes" in line.refused("apps", "delete", app_id, ends=Exit.USAGE)["message"]
    line.json("apps", "delete", app_id, "--yes")
    assert line.refused("apps", "show", app_id)["code"] == "ApplicationNotFound"


def test_a_user_from_beginning_to_end(line: Line) -> None:
    """Made with a password that stands on no command line, listed, found, shown, logged out, deleted."""
    made = line.json("users", "create", ANN, "firstName=Ann", "userTags.plan=pro", stdin=f"{PASSWORD}\n")
    assert (made["firstName"], made["userTags"]) == ("Ann", {"plan": "pro"})
    line.json("users", "create", "bob@example.com", stdin=f"{PASSWORD}\n")
    assert [user["email"] for user in line.json("users", "list")] == [ANN, "bob@example.com"]
    assert len(line.json("users", "list", "--limit", "1")) == 1
    assert [user["id"] for user in line.json("users", "find", "ANN")] == [made["id"]]
    assert line.json("users", "show", ANN) == made
    assert ANN in line.run("users", "list").stdout
    token = line.json("tokens", "mint", "session", ANN)["token"]
    line.json("users", "invalidate", ANN)
    assert line.json("tokens", "verify", stdin=token, ends=Exit.REFUSED)["good"] is False
    line.json("users", "delete", ANN, "--yes")
    refusal = line.refused("users", "show", ANN)
    assert (refusal["code"], bool(refusal["requestId"])) == ("UserNotFound", True)
    assert "no password" in line.refused("users", "create", ANN, ends=Exit.USAGE)["message"]


def test_whoever_names_no_application_has_the_only_one(line: Line) -> None:
    """Of several one is to be named, and they are told."""
    assert line.json("users", "list") == []
    other = line.json("apps", "create", "Shop")["applicationId"]
    assert other in line.refused("users", "list", ends=Exit.USAGE)["message"]
    assert line.json("users", "list", "--app", other) == []


@pytest.mark.parametrize(
    ("words", "typ"),
    [
        (("identity", ANN), "identity+jwt"),
        (("identity", "+15551234567"), "identity+jwt"),
        (("user", "u1"), "user+jwt"),
        (("session", ANN, "--ttl", "60"), "session+jwt"),
    ],
)
def test_a_token_of_each_kind(line: Line, words: tuple[str, ...], typ: str) -> None:
    """Issued, looked at without asking anybody, found good; what cannot end alone says so."""
    line.json("users", "create", ANN, stdin=f"{PASSWORD}\n")
    token = line.run("tokens", "mint", *words).stdout.strip()
    seen = line.json("tokens", "inspect", stdin=token)
    assert (seen["header"]["typ"], seen["claims"]["iss"]) == (typ, line.target.url)
    ends = {"identity+jwt": Exit.REFUSED}.get(typ, Exit.DONE)
    line.run("tokens", "revoke", "-", stdin=f"Bearer {token}", ends=ends)


def test_a_good_token_is_found_good(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """By every check of Signet's, one under the other."""
    monkeypatch.setattr("signet.cli.tokens.time.time", lambda: line.signet.clock.now)
    token = line.json("tokens", "mint", "user", "u1")["token"]
    verdict = line.json("tokens", "verify", stdin=token)
    assert verdict["good"]
    assert all(check["passed"] for check in verdict["checks"])
    assert "The token is good." in line.run("tokens", "verify", stdin=token).stdout


@pytest.mark.parametrize("command", ["inspect", "verify", "revoke"])
def test_no_token_on_the_command_line(line: Line, command: str) -> None:
    """It would stand in the shell's history, and in the list of processes; and it is not repeated."""
    error = line.refused("tokens", command, "ey.secret.token", ends=Exit.USAGE)
    assert "history" in error["message"]
    assert "secret" not in error["message"]


def test_keys_are_listed_rotated_and_revoked(line: Line) -> None:
    """The list changes nothing; what is due is done; a revocation is asked about."""
    keys = sorted(line.json("keys", "list")["keys"], key=lambda key: str(key["state"]))
    assert [key["state"] for key in keys] == ["active", "announced"]
    before = line.signet.items()
    line.run("keys", "list")
    assert line.signet.items() == before
    line.signet.clock.advance(91 * DAY)
    assert keys[0]["kid"] not in [
        key["kid"] for key in line.json("keys", "rotate")["keys"] if key["state"] == "active"
    ]
    line.refused("keys", "revoke", keys[0]["kid"], ends=Exit.USAGE)
    # One of 64 kids begins as an option does.
    told = line.run("keys", "revoke", f"-7f{'x' * 40}", "--yes", ends=Exit.REFUSED)
    assert "none of the signing keys" in told.stderr
    revoked = line.json("keys", "revoke", keys[0]["kid"], "--yes")
    assert {key["kid"]: key["state"] for key in revoked["keys"]}[keys[0]["kid"]] == "revoked"


def lines(*users: dict[str, Any]) -> str:
    return "".join(json.dumps(user) + "\n" for user in users)


USERS = [{"email": f"user{number}@example.com", "passwordHash": None} for number in range(3)]


def test_users_come_in_and_go_out_by_files(line: Line, tmp_path: Path) -> None:
    """With what was wrong line by line; the same file is the same import; an export is for its owner."""
    file, out = tmp_path / "users.jsonl", tmp_path / "out.jsonl"
    file.write_text(lines(*USERS, {"email": "nope"}))
    report = line.json("users", "import", str(file), ends=Exit.REFUSED)
    assert report["counts"] == {"read": 4, "created": 3, "exists": 0, "refused": 1}
    assert "line 4: refused: email" in line.run("users", "import", str(file), ends=Exit.REFUSED).stdout
    same = file.rename(tmp_path / "same.jsonl")
    assert line.json("users", "import", str(same), ends=Exit.REFUSED)["importId"] == report["importId"]
    assert report["key"].endswith("/users.jsonl"), "it is known by its name"
    assert line.json("users", "export", str(out))["users"] == 3
    assert [json.loads(one)["email"] for one in out.read_text().splitlines()] == [
        user["email"] for user in USERS
    ]
    assert out.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "same.jsonl"]
    assert "is there already" in line.refused("users", "export", str(out))["message"]
    file.with_suffix(".csv").write_text("a,b")
    line.refused("users", "import", str(file.with_suffix(".csv")), ends=Exit.USAGE)


def test_an_import_that_was_refused_line_by_line_says_which_and_why(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first lines, each reason with its count, and where all of them are; its status is no success."""
    monkeypatch.setattr("signet.usecases.importing.PROBLEMS_SHOWN", 4)
    line.run("users", "create", ANN, stdin=f"{PASSWORD}\n")
    file = tmp_path / "users.jsonl"
    wrong = [{"email": f"no\u2028pe{number}", "passwordHash": None} for number in range(30)]
    file.write_text(lines({"email": ANN, "passwordHash": None}, *wrong, {"email": "bob@example.com"}))
    shown = line.run("users", "import", str(file), ends=Exit.REFUSED).stdout
    assert "line 2: refused: email" in shown
    assert "line 21: refused" in shown
    assert "line 22: refused" not in shown
    report = line.json("users", "import", str(file), ends=Exit.REFUSED)
    assert [(one["lines"], one["firstLine"], one["outcome"]) for one in report["reasons"]] == [
        (30, 2, "refused"),
        (1, 1, "exists"),
        (1, 32, "refused"),
    ]
    assert [problem["line"] for problem in report["problems"]] == list(range(1, 33))
    assert f"aws s3 cp --recursive {report['report']}" in shown
    line.target.state = tmp_path
    shown = line.run("users", "import", str(file), ends=Exit.REFUSED).stdout
    for name in ("problems-[1-7].jsonl", "report.json"):
        assert f"{report['report'].removeprefix('s3:/')}{name}'" in shown
    kept = {key for key in line.signet.files() if report["report"].endswith(key.rpartition("/")[0] + "/")}
    assert len(kept) == 8


def test_whoever_is_there_already_is_no_failure_of_an_import(line: Line, tmp_path: Path) -> None:
    """It is safe to import a file again: nothing was refused."""
    for name in ("one.jsonl", "two.jsonl"):
        (tmp_path / name).write_text(lines(*USERS) + "\n" * len(name.partition("w")[1]))
        counts = line.json("users", "import", str(tmp_path / name))["counts"]
    assert (counts["exists"], counts["refused"]) == (3, 0)


@pytest.mark.parametrize(
    "words", [("users", "export", "{}/none/out.jsonl"), ("users", "export", "{}/file/out.jsonl")]
)
def test_a_place_where_nothing_can_be_written_is_wrong_usage(
    line: Line, words: tuple[str, ...], tmp_path: Path
) -> None:
    """And is named in a sentence."""
    (tmp_path / "file").touch()
    told = line.run(*(word.format(tmp_path) for word in words), ends=Exit.USAGE).stderr
    assert " is no folder." in told
    assert str(tmp_path) in told


def test_what_the_machine_s_files_refuse_is_wrong_usage(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that may not be written into, a full disk: a sentence says it, and of which file."""
    out = tmp_path / "out.jsonl"
    (tmp_path / "out.jsonl.part").mkdir()
    assert "out.jsonl.part: Is a directory." in line.run("users", "export", str(out), ends=Exit.USAGE).stderr
    (tmp_path / "out.jsonl.part").rmdir()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer, "_download", full)
    assert "No space left" in line.run("users", "export", str(out), ends=Exit.USAGE).stderr


@pytest.mark.parametrize(
    ("words", "stdin", "ends", "told"),
    [
        (("users", "find", ""), "", Exit.USAGE, "Give some text to look for."),
        (("users", "find", " "), "", Exit.USAGE, "Give some text to look for."),
        (
            ("tokens", "mint", "identity", "hello"),
            "",
            Exit.USAGE,
            "neither an e-mail address nor a phone number",
        ),
        (("tokens", "mint", "identity", "4155552671"), "", Exit.REFUSED, "E.164"),
        (("tokens", "inspect"), "x", Exit.REFUSED, "This is no JWT"),
        (("tokens", "verify"), "x", Exit.REFUSED, "This is no JWT"),
        (("tokens", "revoke"), "x", Exit.REFUSED, "This is no JWT"),
    ],
)
def test_a_word_that_cannot_be_meant_is_answered_with_what_can(
    line: Line, words: tuple[str, ...], stdin: str, ends: Exit, told: str
) -> None:
    """In a sentence of its own, and not in one about a query or a field."""
    assert told in line.run(*words, stdin=stdin, ends=ends).output


def test_only_what_does_not_explain_itself_is_to_be_explained(line: Line) -> None:
    """A field that is wrong is named by the refusal; why nobody is there, the log knows."""
    assert (
        "explain" not in line.run("users", "create", "nope", stdin=f"{PASSWORD}\n", ends=Exit.REFUSED).stderr
    )
    assert "signet explain" in line.run("users", "show", ANN, ends=Exit.REFUSED).stderr


@pytest.mark.parametrize("option", ["--json", "--app", "-a", "--stack", "--yes", "--app=x"])
@pytest.mark.parametrize("before", [(), ("users",)])
def test_an_option_before_the_command_is_told_where_it_goes(
    line: Line, option: str, before: tuple[str, ...]
) -> None:
    """Of every group of commands."""
    told = line.run(*before, option, *("users", "list")[len(before) :], ends=Exit.USAGE).stderr
    assert "goes after the command" in " ".join(told.split())


def test_the_version_is_the_bundle_s(line: Line) -> None:
    """As its changelog has it."""
    assert line.run("--version").stdout == f"signet {metadata.version('signet')}\n"


def test_whoever_stands_in_another_folder_is_told_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make run` that is not found is no `make run` that is not up; help says how it is found."""
    (tmp_path / "signet" / "deep").mkdir(parents=True)
    (tmp_path / "signet" / ".signet").mkdir()

    def told(state: str = "") -> str:
        result = CliRunner().invoke(app, ["apps", "list"], env={"SIGNET_STATE": state})
        assert result.exit_code == Exit.UNREACHABLE
        return result.stderr

    monkeypatch.chdir(tmp_path)
    assert "SIGNET_STATE" in told()
    assert "go to Signet's folder" in told()
    assert "SIGNET_STATE is" in told(str(tmp_path / "nowhere"))
    assert "is not up" in told(str(tmp_path / "signet" / ".signet"))
    monkeypatch.chdir(tmp_path / "signet" / "deep")
    assert "is not up" in told()
    assert "SIGNET_STATE" in CliRunner().invoke(app, ["--help"]).stdout


def test_a_stack_without_a_region_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And AWS_REGION, which the AWS CLI knows, is one."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    result = CliRunner().invoke(app, ["users", "list", "--stack", "nope"])
    assert (result.exit_code, "AWS_REGION" in result.stderr) == (Exit.USAGE, True)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert target._session().region_name == "eu-west-1"


def test_an_export_that_could_not_be_begun_leaves_nothing(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that was needs nobody who says how many users there are."""
    invoke = line.target.invoke

    def count(operation: str, payload: Any) -> Any:
        if operation == "list_users":
            raise TargetError("NoAccess", "You may not.")
        return invoke(operation, payload)

    def refuse(*_: object) -> Any:
        raise TargetError("NoAccess", "You may not.")

    monkeypatch.setattr(line.target, "invoke", count)
    with monkeypatch.context() as patch:
        patch.setattr(line.target, "begin", refuse)
        line.refused("users", "export", str(tmp_path / "out.jsonl"), ends=Exit.UNREACHABLE)
    assert list(tmp_path.iterdir()) == []
    assert line.json("users", "export", str(tmp_path / "out.jsonl"))["users"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("users", "create", ANN, "password=hush"), "first line of standard input"),
        (("users", "create", ANN, "Password=hush"), "first line of standard input"),
        (("users", "create", ANN, "password.x=hush"), "first line of standard input"),
        (("users", "create", ANN, "passwordHash=hush"), "users import"),
        (("users", "create", ANN, "email=hush"), "before"),
        (("users", "create", ANN, "applicationId=hush"), "--app"),
        (("apps", "set", "a" * 24, "applicationId=hush"), "before"),
        (("users", "create", ANN, "firstName=Ann", "firstName=hush"), "twice"),
        (("users", "create", ANN, "userTags=5", "userTags.plan=hush"), "twice"),
        (("users", "create", ANN, "userTags.plan=pro", "userTags=hush"), "twice"),
        (("users", "create", ANN, "userTags.plan=pro", "userTags.plan.x=hush"), "twice"),
    ],
)
def test_no_word_is_taken_and_ignored(line: Line, words: tuple[str, ...], told: str) -> None:
    """What a command takes in another way, or twice, is refused: it says how, and does not repeat it."""
    message = line.refused(*words, stdin=f"{PASSWORD}\n", ends=Exit.USAGE)["message"]
    assert told in message
    assert "hush" not in message
    assert line.json("users", "list") == []


def test_a_password_is_text(line: Line) -> None:
    """What is no UTF-8 is refused before anybody guesses what it was."""
    result = CliRunner().invoke(app, ["users", "create", ANN], input=b"caf\xe9 au lait\n", obj=line.target)
    assert (result.exit_code, result.stderr.strip()) == (Exit.USAGE, "Standard input is not UTF-8.")


def interrupted(times: int) -> Callable[..., Any]:
    """Something that Ctrl-C comes into the first times that it is done."""
    left = [KeyboardInterrupt] * times

    def act(*_: object) -> None:
        if left:
            raise left.pop()

    return act


def test_an_import_that_was_interrupted_goes_on(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command finds the import that it had begun, and tells how it ended."""
    file = tmp_path / "users.jsonl"
    file.write_text(lines(*USERS))
    line.target = target_of(line.signet)  # What nobody waits for waits.
    monkeypatch.setattr("signet.cli.transfer.time.sleep", interrupted(1))
    error = line.refused("users", "import", str(file), ends=Exit.INTERRUPTED)
    assert error["code"] == "Interrupted"
    assert "the same command watches it again" in error["message"]
    assert len(line.signet.waiting) == 1
    assert line.signet.waiting[0][1]["importId"] in error["message"]
    line.signet.go_on()
    assert line.json("users", "import", str(file))["counts"]["created"] == 3
    assert line.signet.waiting == []


def test_an_export_that_was_interrupted_goes_on(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the way into the bucket, and on the way out of it, of which it takes what is missing."""
    line.run("users", "create", ANN, stdin=f"{PASSWORD}\n")
    out = tmp_path / "out.jsonl"
    line.target = target_of(line.signet)
    monkeypatch.setattr("signet.cli.transfer.time.sleep", interrupted(1))
    error = line.refused("users", "export", str(out), ends=Exit.INTERRUPTED)
    assert "the same command watches it again" in error["message"]
    exported = line.signet.go_on()
    whole = line.signet.files()[exported["key"]]
    (tmp_path / "out.jsonl.part").write_bytes(whole[:10])
    assert line.json("users", "export", str(out))["exportId"] == exported["exportId"]
    assert out.read_bytes() == whole
    assert line.signet.waiting == []


@pytest.mark.parametrize("is_local", [False, True])
def test_an_import_whose_work_died_goes_on_when_somebody_comes_back(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_local: bool
) -> None:
    """How long it has been silent its report says, and not how long this command has watched."""
    file = tmp_path / "users.jsonl"
    file.write_text(lines(*USERS))
    line.target = target_of(line.signet)
    monkeypatch.setattr("signet.cli.transfer.time.sleep", interrupted(1))
    line.refused("users", "import", str(file), ends=Exit.INTERRUPTED)
    _, begun = line.signet.waiting.pop()
    now_ms = int(time.time() * 1000)
    if is_local:  # It has only just said something, and `make run` was begun anew since.
        (tmp_path / "demo.json").write_text("{}")
        line.target.state = tmp_path
        os.utime(tmp_path / "demo.json", (now_ms / 1000 + 5, now_ms / 1000 + 5))
    else:
        now_ms -= 121_000
    key = f"reports/{line.signet.application_id}/{begun['importId']}/report.json"
    counts = {"read": 0, "created": 0, "exists": 0, "refused": 0}
    report = begun | {"status": "running", "startedAt": now_ms, "updatedAt": now_ms, "counts": counts}
    line.signet.put_file(key, json.dumps(report).encode())

    def finish(*_: object) -> None:
        (again,) = (event for _, event in line.signet.waiting)
        assert again == begun
        line.signet.put_file(key, json.dumps(report | {"status": "complete"}).encode())

    monkeypatch.setattr("signet.cli.transfer.time.sleep", finish)
    told = line.run("users", "import", str(file))
    assert "had stopped; it goes on" in told.stderr
    assert "complete" in told.stdout


def test_what_never_begins_is_not_waited_for(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is invoked again twice; then the log says why."""
    line.target = target_of(line.signet)
    monkeypatch.setattr(transfers, "STALLED_SECONDS", 0)
    error = line.refused("users", "export", str(tmp_path / "out.jsonl"), ends=Exit.UNREACHABLE)
    assert "signet explain" in error["message"]
    assert len(line.signet.waiting) == 3


def test_a_file_that_is_no_list_of_users_is_refused_in_a_sentence(line: Line, tmp_path: Path) -> None:
    """With what makes one of it."""
    file = tmp_path / "users.jsonl"
    file.write_text(json.dumps(USERS))
    assert "JSON array" in line.refused("users", "import", str(file))["message"]


def test_what_a_user_is_called_moves_no_cursor(line: Line) -> None:
    """A name is text: neither a terminal's commands nor Rich's mark-up come through."""
    name = "[red]\x1b[2J\x07"
    line.run("users", "create", ANN, f"firstName={json.dumps(name)}", stdin=f"{PASSWORD}\n", ends=Exit.DONE)
    for words in (("users", "list"), ("users", "show", ANN)):
        shown = line.run(*words).stdout
        assert "[red]\\x1b[2J\\x07" in shown
        assert "\x1b" not in shown


def test_how_a_command_ends_says_what_was_wrong(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, no access, a bug of Signet's, interrupted, wrong usage: a status for each, and a sentence."""
    assert line.run("nonsense", ends=Exit.USAGE)
    for raised, ends in (
        (TargetError("UserNotFound", "No.", "id"), Exit.REFUSED),
        (TargetError("Unavailable", "Later.", "id"), Exit.UNREACHABLE),
        (TargetError("Unreachable", "Nobody."), Exit.UNREACHABLE),
        (TargetError("NoAccess", "You may not."), Exit.UNREACHABLE),
        (TargetError("KeyError", "'a'", "id"), Exit.FAULT),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
    ):

        def fail(*_: object, error: BaseException = raised) -> Any:
            raise error

        monkeypatch.setattr(line.target, "invoke", fail)
        told = line.run("apps", "list", ends=ends).stderr
        assert 1 <= len(told.splitlines()) <= 2


def test_doctor_finds_a_deployment_in_order(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says of each thing that is not what to do."""
    monkeypatch.setattr(doctor, "_api", lambda _target: iter(()))
    monkeypatch.setattr(doctor, "LOOKS", [look for look in doctor.LOOKS if look[0] not in ("API", "Alarms")])
    monkeypatch.setattr("signet.cli.doctor.time.time", lambda: line.signet.clock.now)
    assert {finding["state"] for finding in line.json("doctor")} == {"ok"}
    line.signet.clock.advance(101 * DAY)
    line.run("apps", "set", line.signet.application_id, "guessing.source.atOnce=0")
    one_sided = ("selfService.passwordReset=false", "selfService.logInLink=false")
    line.run("apps", "set", line.signet.application_id, "selfService.signUp=true", *one_sided)
    warned = [finding["found"] for finding in line.json("doctor") if finding["state"] == "warn"]
    assert len(warned) == 3
    assert any("signet keys rotate" in found for found in warned)
    assert any("signUp without passwordReset or logInLink" in found for found in warned)
    assert any("no limit on guessing: source" in found for found in warned)
    monkeypatch.setattr(
        line.target, "invoke", lambda *_: (_ for _ in ()).throw(TargetError("NoAccess", "No."))
    )
    assert "FAIL" in line.run("doctor", ends=Exit.REFUSED).stdout


def test_doctor_says_which_alarms_ring(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a stack, since when, and whether anybody would hear them."""

    class CloudWatch:
        def describe_alarms(self, *, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
            """The alarms, of which every other one rings."""
            since = datetime(2026, 11, 27, tzinfo=UTC)
            states = zip(AlarmNames, itertools.cycle(["OK", "ALARM"]), strict=False)
            alarms = [
                {"AlarmName": name, "StateValue": state, "StateUpdatedTimestamp": since, "AlarmActions": []}
                for name, state in states
            ]
            return {"MetricAlarms": alarms}

    resources = Resources({}, "", "", "", alarms=("faults", "key-age"))
    line.target = target_of(line.signet, {"cloudwatch": CloudWatch()})
    monkeypatch.setattr(line.target, "find_resources", lambda: resources)
    monkeypatch.setattr(doctor, "LOOKS", [look for look in doctor.LOOKS if look[0] == "Alarms"])
    found = line.json("doctor", ends=Exit.REFUSED)
    (ringing,) = [finding["found"] for finding in found if finding["state"] == "FAIL"]
    assert ringing.startswith("key-age rings since 2026-11-27")
    (deaf,) = [finding["found"] for finding in found if finding["state"] == "warn"]
    assert "AlarmTopicArn" in deaf


@pytest.mark.heavy
def test_a_process_of_its_own_works_with_make_run(tmp_path: Path) -> None:
    """Without settings: it finds what runs, acts in the demo's application, and its completion is there."""
    with running_demo(tmp_path / ".signet") as demo:
        environment = {**os.environ, "SIGNET_STATE": str(tmp_path / ".signet"), "AWS_PROFILE": "nobody-s"}

        def run(*words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(  # noqa: S603 - our own command line
                [sys.executable, "-m", "signet.cli", *words],
                cwd=tmp_path,
                env={**environment, **more},
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
            )

        assert json.loads(run("apps", "list", "--json").stdout)[0]["applicationId"] == demo["applicationId"]
        assert json.loads(run("users", "create", ANN, "--json", stdin=PASSWORD).stdout)["email"] == ANN
        token = run("tokens", "mint", "session", ANN).stdout
        assert run("tokens", "verify", stdin=token).returncode == 0
        found = json.loads(run("doctor", "--json").stdout)
        assert [finding for finding in found if finding["state"] == "FAIL"] == []
    gone = run("apps", "list")
    assert (gone.returncode, "make run" in gone.stderr) == (Exit.UNREACHABLE, True)
    # As bash asks when Tab is pressed, whichever shell the tests run in.
    completed = run(_SIGNET_COMPLETE="complete_bash", COMP_WORDS="signet us", COMP_CWORD="1")
    assert completed.stdout.split() == ["users"], completed.stderr
