"""What `make docs` does besides (mkdocs.yml): a file outside docs/ that a page leads to is a page too.

A link that leads out of docs/ leads on GitHub to the file. On the site it leads to a page made of the file:
Markdown as it is, and anything else as code.
"""

import logging
import re
from html import unescape
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from markdown_it import MarkdownIt
from mkdocs.structure.files import File, InclusionLevel

from tools import docs_reference

ROOT = Path(__file__).parents[1]
DOCS = "docs/"
OUTSIDE = "repository/"
ROUTES = "openapi.md"
"""The page that goes on, on the site, with what is made of openapi.yaml."""
ALWAYS = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages of the site, whether or not a page leads to them."""

RULE = "A list and a table want a blank line before them; what belongs to an item is indented by four spaces"
_LOG = logging.getLogger("mkdocs.hooks")
_GITHUB = MarkdownIt().enable("table")
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)(#[^)\s]*)?\)")
_FETCHED = re.compile(
    r"""<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=["'](https?:[^"']*|//[^"']*)"""
)
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_PICTURES = (".png", ".svg")
_LANGUAGES = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".py": "python",
    ".js": "js",
    ".mjs": "js",
    ".json": "json",
    ".go": "go",
}


def _outline(html: str) -> list[tuple[str, str]]:
    """The page's blocks, each with the first words in it."""
    blocks = re.split(r"<(h[1-6]|ul|ol|li|pre|table|blockquote)\b[^>]*>", html)[1:]
    texts = (re.sub(r"\W", "", unescape(re.sub(r"<[^>]*>", "", text)))[:30] for text in blocks[1::2])
    return list(zip(blocks[::2], texts, strict=True))


def targets(page: str) -> set[str]:
    """The files of the repository that one of its Markdown files links to, by their paths from its root."""
    links = _LINK.findall(_CODE.sub("", (ROOT / page).read_text()))
    return {_target(PurePosixPath(page).parent, path) for path, _ in links}


def _target(folder: PurePosixPath, path: str) -> str:
    """Where a link of a page in a folder leads; of a folder, to its README."""
    target = normpath(f"{folder}/{path}")
    readme = f"{target}/README.md"
    return readme if (ROOT / readme).exists() else target


def place(file: str) -> str:
    """Where a file of the repository stands on the site, as the source of a page."""
    if file.startswith(DOCS):
        return file.removeprefix(DOCS)
    return OUTSIDE + (file if file.endswith((".md", *_PICTURES)) else f"{file}.md")


def _origin(source: str) -> str:
    return source.removeprefix(OUTSIDE) if source.startswith(OUTSIDE) else DOCS + source


def _content(file: str) -> str | bytes:
    path = ROOT / file
    if file.endswith(_PICTURES):
        return path.read_bytes()
    if file.endswith(".md"):
        return path.read_text()
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir() if entry.name != "__pycache__")
        return f"# {file}\n\nA folder of the repository:\n\n" + "".join(f"- `{name}`\n" for name in names)
    return f"# {file}\n\n````{_LANGUAGES.get(path.suffix, '')}\n{path.read_text()}\n````\n"


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that stand for files outside of docs/."""
    pages = [file.src_uri for file in files.documentation_pages()]
    waiting, seen = [DOCS + page for page in pages] + list(ALWAYS), set()
    while waiting:
        file = waiting.pop()
        if file in seen or not (ROOT / file).exists():
            continue
        seen.add(file)
        if not file.startswith(DOCS):
            made = File.generated(
                config, place(file), content=_content(file), inclusion=InclusionLevel.NOT_IN_NAV
            )
            files.append(made)
        if file.endswith(".md"):
            waiting += targets(file)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - MkDocs gives them
    """Lead links from and to files outside of docs/ to their pages; write out openapi.yaml."""
    source = page.file.src_uri
    if source == ROUTES:
        markdown += docs_reference.routes()
    origin = PurePosixPath(_origin(source)).parent

    def led(link: re.Match[str]) -> str:
        path, anchor = link.groups()
        target = _target(origin, path)
        if not source.startswith(OUTSIDE) and target.startswith(DOCS):
            return link.group()
        return f"]({relpath(place(target), PurePosixPath(source).parent)}{anchor or ''})"

    return _LINK.sub(led, markdown)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - MkDocs gives them
    """Warn of a page that reads otherwise on GitHub: the two do not agree about what belongs to a list."""
    here, there = _outline(html), _outline(_GITHUB.render(page.markdown))
    for ours, theirs in zip_longest(here, there):
        if ours != theirs:
            told = "%s differs from what GitHub makes of it: %s here, %s there. %s"
            _LOG.warning(told, page.file.src_uri, ours, theirs, RULE)
            break
    return html


def on_post_page(output: str, page: Any, config: Any) -> str:  # noqa: ARG001 - MkDocs gives them
    """Warn of a page that would fetch something from elsewhere."""
    for fetched in _FETCHED.findall(output):
        _LOG.warning("%s would fetch %s", page.file.src_uri, fetched)
    return output
