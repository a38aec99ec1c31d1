"""Every operation that changes a user either raises its generation or need not: none is in neither list."""

import ast
import functools
from pathlib import Path

import pytest

from signet.store.users import RAISE
from tests.contract.test_bundle import OPERATIONS
from tests.deployment import ROOT
from tests.writes import find_faults

RAISES = {
    "update_user": "a password, another address, a cutoff that takes effect",
    "delete_user": "always",
    "authenticate": "with invalidateExistingTokens",
    "log_in": "where the application's settings say so",
    "redeem_code": "one that sets a password, moves to another address, or proves an address that nobody had",
    "issue_session_token": "with invalidateExistingTokens",
    "invalidate_user_tokens": "always",
    "revoke_token": "where so many single tokens have ended that there is no room for one more",
    "log_out": "the same; everywhere, always",
    "update_me": "a password",
    "delete_me": "always",
    "remove_permissions": "always: a token may hold what was never stored",
    "add_permissions": "where a role gets lower or an end earlier",
}
"""Operations that end a user's tokens, and when."""

NEED_NOT = {
    "refresh_session": "it reads the user and writes none; the new token ends with the one that came",
    "issue_user_token": "it reads the user and writes none; that a user is issued tokens ends none",
    "create_code": "nobody has shown anything yet; what it will prove, its redemption answers for",
    "send_mail": "the same; and whoever signs up has no token yet",
    "create_user": "nobody has a token yet",
    "identify": "what the token's bearer says of itself is no reason to end its tokens",
    "import_users": "it changes nobody who is there",
    "create_group": "who belongs to what is no question of who somebody is",
    "update_group": "the same",
    "delete_group": "the same",
    "invalidate_application_tokens": "it raises the application's own generation, and writes no user",
    "delete_application": "it takes the application's own generation away, without which no token is taken",
    "invalidate_identity_tokens": "likewise the identity's",
}
"""Operations that write users, or could, and end no tokens, and why."""

USER_WRITES = {
    "change_user",
    "change_users",
    "delete_user",
    "end_all",
    "forget_members",
    "write_identified",
    "insert_user",
    "mark_ended",
    "note_login",
    "narrow_permissions",
    "raise_generation",
    "widen_permissions",
}
"""The functions of the store that write user items."""

SOURCES = ROOT / "layers" / "signet" / "src" / "signet"


@functools.cache
def imported(path: Path) -> set[str]:
    """The modules of Signet that a file imports, and the names that it imports from them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("signet"):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return found


def test_the_store_has_no_other_function_that_writes_a_user() -> None:
    """Whatever in the store updates, inserts or deletes under a user's key is in the list."""
    writers = set()
    for path in (SOURCES / "store").glob("*.py"):
        tree = ast.parse(path.read_text())
        for function in [node for node in tree.body if isinstance(node, ast.FunctionDef)]:
            called = {
                node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                for node in ast.walk(function)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
            }
            writes = called & {
                "update",
                "insert",
                "write",
                "_write",
                "_mark",
                "raise_surely",
                "Insert",
                "Update",
                "Delete",
            }
            # `_change` makes the part of a transaction that updates a user.
            by_helper = {"users.py": "_change"}.get(path.name)
            checks_alone = function.name == "withdraw_members"
            if writes and not checks_alone and (called & {"user_key", by_helper}):
                writers.add(function.name)
    assert {name for name in writers if not name.startswith("_")} == USER_WRITES


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_an_operation_that_writes_users_is_in_one_of_the_lists(operation: str) -> None:
    """An operation whose modules reach a write of users has said whether it ends tokens."""
    reached, waiting = set[str](), [OPERATIONS[operation]]
    names: set[str] = set()
    while waiting:
        path = waiting.pop()
        names |= {name.rpartition(".")[2] for name in imported(path) if ".store." in name}
        for module in imported(path):
            file = SOURCES.joinpath(*module.split(".")[1:]).with_suffix(".py")
            if file.is_file() and module not in reached and module != "signet.wiring":
                reached.add(module)
                waiting.append(file)
    writes = bool(names & USER_WRITES) or operation in ("authenticate", "log_in", "issue_session_token")
    listed = (operation in RAISES) + (operation in NEED_NOT)
    assert listed <= 1
    if writes and operation not in READS_ONLY:
        assert listed == 1, f"{operation} writes users: does it end their tokens?"


READS_ONLY = {
    "get_permissions": "imports the store of permissions for what is stored, and may only read",
    "authorize_request": "imports the store of users to check theirs, and may only read",
    "get_user": "the same",
    "list_users": "the same",
    "get_group": "the same",
    "list_groups": "the same",
    "export_users": "the same",
}
"""Operations that share a module with those that write; IAM lets them write nothing."""


@pytest.mark.parametrize("operation", sorted(READS_ONLY))
def test_an_operation_that_only_reads_may_only_read(operation: str) -> None:
    """What is said to write nothing has no permission to write to the table."""
    from tests.contract.test_bundle import logical_id
    from tests.contract.test_permissions import PERMISSIONS

    actions = {action for action, _ in PERMISSIONS[logical_id(operation)] if action.startswith("dynamodb:")}
    assert actions <= {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}


USER_KEY = {"pk": {"S": "APP#a#USER#u"}, "sk": {"S": "USER"}}


WHY = "SET ended_because = :because"


@pytest.mark.parametrize(
    ("expression", "is_faulty"),
    [
        (f"{WHY} {RAISE}", False),
        (f"{WHY}, a = :a, b = :b {RAISE}, c", False),
        (f"{WHY} REMOVE ended, expires_at ADD revision :one, generation :one", False),
        ("SET a = :a, #why = :why REMOVE #end, ended ADD generation :one", False),
        ("ADD ended :marks REMOVE expires_at", False),
        ("SET ended = :marks REMOVE #end", False),
        ("SET ended_at = :now, generations = :none", False),
        (RAISE, True),
        (f"SET a = :ended_because {RAISE}", True),
        (f"{WHY} ADD generation :one", True),
        (f"{WHY} ADD revision :one, generation :one REMOVE expires_at", True),
        (f"{WHY} ADD generation :one REMOVE ended", True),
        (f"{WHY} ADD #generation :one REMOVE b", True),
        ("ADD ended :marks", True),
        ("SET ended = :marks, expires_at = :end", True),
    ],
)
def test_a_raise_that_leaves_a_mark_or_an_end_or_gives_no_reason_is_noticed(
    expression: str, is_faulty: bool
) -> None:
    """Every write of the suite is looked at (`tests/deployment.py`), so that no site of a raise is missed."""
    names = {"#end": "expires_at", "#generation": "generation", "#why": "ended_because"}
    update = {"Key": USER_KEY, "UpdateExpression": expression, "ExpressionAttributeNames": names}
    assert bool(list(find_faults("UpdateItem", update))) == is_faulty
    assert bool(list(find_faults("TransactWriteItems", {"TransactItems": [{"Update": update}]}))) == is_faulty
    other = {**update, "Key": {**USER_KEY, "sk": {"S": "MEMBER#u"}}}
    assert list(find_faults("UpdateItem", other)) == []


@pytest.mark.parametrize("sort_key", ["IDENTITY", "GENERATION"])
def test_a_raise_of_what_is_no_user_says_why_too(sort_key: str) -> None:
    """Of an identity and of an application there is nothing else to clear."""
    key = {**USER_KEY, "sk": {"S": sort_key}}
    for expression, is_faulty in (("ADD generation :one", True), (f"{WHY} ADD generation :one", False)):
        update = {"Key": key, "UpdateExpression": expression}
        assert bool(list(find_faults("UpdateItem", update))) == is_faulty
