"""The documentation as a site (mkdocs.yml), as far as it can be told without building it."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

from tests.deployment import ROOT

OUTSIDE = "repository/"
"""Before the path of a page that stands outside of docs/ (tools/docs_site.py)."""


class _Loader(yaml.SafeLoader):
    """Takes the tags by which mkdocs.yml names functions as what they stand at."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def named(entries: Any) -> Iterator[str]:
    """The pages of a part of the nav, in its order."""
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else (entry,):
            yield from (value,) if isinstance(value, str) else named(value)


NAV = Counter(named(yaml.load((ROOT / "mkdocs.yml").read_text(), _Loader)["nav"]))  # noqa: S506 - it is a safe one


def test_every_page_is_in_the_nav() -> None:
    """Once: a page that nobody comes to is not read."""
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    pages |= {OUTSIDE + str(page.relative_to(ROOT)) for page in (ROOT / "examples").rglob("*.md")}
    left_out = sorted(pages - set(NAV))
    assert not left_out, (
        f"{left_out[0]} is not in the nav of mkdocs.yml: write a line there, under its kind"
        " of page (how to do a job, reference, explanation), such as "
        f"`- What it is about: {left_out[0]}`"
    )
    assert {page for page, times in NAV.items() if times > 1} == set()


def test_the_nav_has_no_page_that_is_not_there() -> None:
    """Neither of docs/ nor of the rest of the repository."""
    for page in NAV:
        outside = page.startswith(OUTSIDE)
        file = ROOT / page.removeprefix(OUTSIDE) if outside else ROOT / "docs" / page
        assert file.exists(), f"mkdocs.yml names {page}, which is not there"


def test_every_picture_has_words() -> None:
    """For whom cannot see it, where it stands and in itself, and it is drawn for a dark page too."""
    shown = set()
    for page in (ROOT / "docs").rglob("*.md"):
        for words, path in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text()):
            assert len(words) > 40, f"{page.name}: say what {path} shows"
            shown.add((page.parent / path).resolve())
    pictures = set((ROOT / "docs").rglob("*.svg"))
    assert shown == pictures, "a picture that no page shows, or one that is not there"
    for picture in pictures:
        text = picture.read_text()
        assert all(part in text for part in ("<title", "<desc", "prefers-color-scheme: dark")), picture.name
        assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', ""), picture.name


def test_the_first_page_leads_to_every_page() -> None:
    """What the nav is on the site, it is on GitHub; of a folder to its overview."""
    first = (ROOT / "docs" / "index.md").read_text()
    folders = {page.rpartition("/")[0] for page in NAV if page.endswith("/README.md")}
    for page in NAV:
        overviews = [f"{folder}/README.md" for folder in folders if page.startswith(f"{folder}/")]
        wanted = min(overviews, key=len, default=page).replace(OUTSIDE, "../")
        assert page in ("index.md", "repository/SECURITY.md") or f"]({wanted})" in first, (
            f"docs/index.md does not lead to {wanted}"
        )
