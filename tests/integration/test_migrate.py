"""Who comes from elsewhere: the commands of docs/migrate/, run on a file as that product writes it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deployment import PASSWORD, ROOT, Deployment

PAGES = ROOT / "docs" / "migrate"
EXPORTS = ROOT / "tests" / "migrate"
COMMAND = re.compile(
    r"^```sh\n(python3 - (\S+) > users\.jsonl <<'EOF'\n.*?^EOF\n)```$", re.MULTILINE | re.DOTALL
)

ARRIVALS: dict[str, tuple[dict[str, str | None], int]] = {
    "auth0": ({"ann@example.com": PASSWORD, "bob@example.com": None}, 0),
    "cognito": ({"ann@example.com": None}, 1),
    "django": ({"ann@example.com": PASSWORD, "bob@example.com": None}, 1),
    "firebase": ({"ann@example.com": "user1password", "bob@example.com": None}, 1),
    "keycloak": ({"ann@example.com": PASSWORD, "bob@example.com": PASSWORD}, 1),
    "laravel": ({"ann@example.com": PASSWORD, "bob@example.com": None}, 0),
    "supabase": ({"ann@example.com": PASSWORD, "bob@example.com": None}, 1),
    "wordpress": ({"ann@example.com": "test123", "bob@example.com": None}, 0),
}
"""By product: who arrives, with which password if any, and how many are left out."""


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
    for email, password in people.items():
        path = f"/applications/{signet.application_id}/experience/users/{email}"
        user = signet.http("GET", path, headers=signet.bearer()).json
        assert user["userTags"]
        assert (user["passwordLastUpdated"] is None) is (password is None)
        if product != "auth0":
            assert user["creationDate"] < "2025"
        assert log_in(signet, email, password or "correct horse").status == (401 if password is None else 200)
        if password is not None:
            assert log_in(signet, email, "another password").status == 401
