"""Who comes from elsewhere: the commands of docs/migrate/, run on a file as that product writes it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.deployment import PASSWORD, ROOT, Deployment

PAGES = ROOT / "docs" / "migrate"
EXPORTS = ROOT / "tests" / "migrate"
COMMAND = re.compile(
    r"^```sh\n(python3 - (\S+) > users\.jsonl <<'EOF'\n.*?^EOF\n)```$", re.MULTILINE | re.DOTALL
)

LETMEIN = "lètmein-please"
"""The password of the hashes that Django made for tests/unit/test_foreign_hashes.py."""


class Arrival(NamedTuple):
    """Somebody who is imported: the id there, the password if it comes along, whether a date does."""

    origin: str
    password: str | None
    is_dated: bool = True


ARRIVALS: dict[str, tuple[dict[str, Arrival], int]] = {
    "auth0": (
        {
            "ann": Arrival("auth0|60425dc43519d90068f82973", PASSWORD, is_dated=False),
            "bob": Arrival("google-oauth2|103547991597142817347", None, is_dated=False),
        },
        0,
    ),
    "cognito": ({"ann": Arrival("8d3f1b0e-4a56-4f0c-9a63-1f0c5a8f2b11", None)}, 3),
    "django": (
        {
            "ann": Arrival("1", PASSWORD),
            "bob": Arrival("2", None),
            "dan": Arrival("4", LETMEIN),
            "eve": Arrival("5", LETMEIN),
            "fay": Arrival("6", LETMEIN),
        },
        1,
    ),
    "firebase": (
        {
            "ann": Arrival("QkxnR7Ga9ZTnZp2pVq1XcQm3W8s1", "user1password"),
            "bob": Arrival("p2Ykq8dTn4O3fVbWcXe5Rm1Sz7J2", None),
        },
        1,
    ),
    "keycloak": (
        {
            "ann": Arrival("a2c5e1f6-1b1c-4d0a-9f0e-6a1c2f3b4d5e", PASSWORD),
            "bob": Arrival("b3d6f207-2c2d-4e1b-8a1f-7b2d304c5e6f", PASSWORD),
        },
        1,
    ),
    "laravel": (
        {
            "ann": Arrival("1", PASSWORD),
            "bob": Arrival("2", None),
            "cem": Arrival("3", PASSWORD, is_dated=False),
        },
        0,
    ),
    "supabase": (
        {
            "ann": Arrival("5f8d0c1e-2b3a-4c5d-8e9f-0a1b2c3d4e5f", PASSWORD),
            "bob": Arrival("6a9e1d2f", None),
            "cem": Arrival("8c1a3f41", "mytestpassword"),
        },
        2,
    ),
    "wordpress": (
        {
            "ann": Arrival("1", "test123"),
            "bob": Arrival("2", None),
            "cem": Arrival("3", "test12345", is_dated=False),
        },
        0,
    ),
}
"""By product: who arrives (at example.com), and how many are left out."""


def convert(product: str, folder: Path) -> tuple[bytes, str]:
    """Run the page's command on the product's file; what it writes, and what it says."""
    ((command, name),) = COMMAND.findall((PAGES / f"{product}.md").read_text())
    (export,) = EXPORTS.glob(f"{product}.*")
    (folder / name).write_bytes(export.read_bytes())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(  # noqa: S603 - the page's own command
        ["bash", "-e", "-c", command],  # noqa: S607 - as a reader has it
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return (folder / "users.jsonl").read_bytes(), result.stderr


def log_in(signet: Deployment, email: str, password: str) -> Any:
    """The answer to a log-in."""
    path = f"/applications/{signet.application_id}/experience/login"
    return signet.http("POST", path, {"email": email, "password": password})


def test_every_product_has_a_page_and_a_file() -> None:
    """And the overview leads to each."""
    pages = {page.stem for page in PAGES.glob("*.md")} - {"README"}
    assert pages == ARRIVALS.keys() == {export.stem for export in EXPORTS.iterdir()}
    overview = (PAGES / "README.md").read_text()
    assert pages == set(re.findall(r"\]\((\w+)\.md\)", overview))


@pytest.mark.parametrize("product", ARRIVALS)
def test_users_arrive_with_what_can_come_along(moto_signet: Deployment, product: str, tmp_path: Path) -> None:
    """Everybody with an address is imported, and logs in with the password where its hash came along."""
    signet = moto_signet
    people, left_out = ARRIVALS[product]
    content, said = convert(product, tmp_path)
    assert said.startswith(f"{left_out} ")
    key = f"import/{signet.application_id}/users.jsonl"
    signet.put_file(key, content)
    result = signet.invoke("import_users", {"applicationId": signet.application_id, "key": key})
    report = json.loads(signet.files()[result["report"]])
    assert report["problems"] == []
    assert result["counts"]["created"] == len(people) == len(content.splitlines())
    for name, (origin, password, is_dated) in people.items():
        email = f"{name}@example.com"
        path = f"/applications/{signet.application_id}/experience/users/{email}"
        user = signet.http("GET", path, headers=signet.bearer()).json
        assert list(user["userTags"].values()) == [origin]
        assert (user["passwordLastUpdated"] is None) is (password is None)
        assert (user["creationDate"] < "2025") is is_dated
        assert log_in(signet, email, password or "correct horse").status == (401 if password is None else 200)
        if password is not None:
            assert log_in(signet, email, "another password").status == 401
