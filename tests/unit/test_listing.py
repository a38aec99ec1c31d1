"""Globs and cursors."""

import fnmatch
import json
import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signet.domain.base64url import encode
from signet.domain.listing import Cursor, Entry, glob
from signet.errors import InvalidRequest


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("ann", True),
        ("ANN", True),
        ("an", False),
        ("a*", True),
        ("*n", True),
        ("*N*", True),
        ("a*n*n", True),
        ("a*n*n*n", False),
        ("*", True),
        ("**", True),
        ("an*nn", False),
        ("a?n", False),
        ("a.n", False),
        ("[a]nn", False),
    ],
)
def test_a_pattern(pattern: str, matches: bool) -> None:
    """A star stands for any text and everything else for itself, in any case, from end to end."""
    assert glob(pattern)("Ann") == matches


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_a_pattern_matches_what_a_regular_expression_would(pattern: str, text: str) -> None:
    """Splitting at the stars finds the same as trying everything."""
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
    assert glob(pattern)(text) == expected == fnmatch.fnmatchcase(text, pattern)


def test_a_pattern_of_many_stars_is_no_attack() -> None:
    """A pattern that would make a backtracking matcher run for ever is answered at once."""
    assert not glob("*a" * 32 + "b")("a" * 1000)


SORT_KEYS = st.text(min_size=1, max_size=256)
PARTS = st.none() | st.integers() | st.text(st.characters(codec=None)) | st.text(max_size=3000)
ENTRIES = st.lists(PARTS, max_size=4).map(lambda parts: encode(json.dumps(parts).encode()))


def is_record(text: str) -> bool:
    return text.isprintable()


@given(SORT_KEYS, st.text(min_size=1).filter(is_record), st.integers(min_value=0, max_value=10**12))
def test_a_cursor_comes_back_as_it_was(sort_key: str, record_id: str, found: int) -> None:
    """Whatever stands in an index survives the way to the client and back."""
    cursor = Cursor(Entry(sort_key, record_id), found)
    assert Cursor.decode(cursor.encode(), is_record) == cursor


@given(st.text() | st.binary().map(lambda raw: raw.hex()) | ENTRIES)
@example(encode(b'["\\ud800", "f", 0]'))
@example(encode(b'["a", "\\udfff", 0]'))
@example(encode(json.dumps(["x" * 1025, "f", 0]).encode()))
@example(encode(b'["a", "f", 1000000000001]'))
@example(encode(b"[" * 2000))
def test_no_text_breaks_the_decoder(text: str) -> None:
    """A token that is none of ours is a refusal, never a fault, and gives no key that no table takes."""
    with suppress(InvalidRequest):
        entry = Cursor.decode(text, is_record).entry
        assert entry is None or 0 < len(entry.sort_key.encode()) <= 1024


def test_an_empty_token_is_the_beginning() -> None:
    """A walk begins with an empty token."""
    assert Cursor.decode("", is_record) == Cursor()


def test_a_pattern_has_thirty_two_stars_at_most() -> None:
    """Each is looked for in each record."""
    glob("a*" * 32)
    with pytest.raises(InvalidRequest, match="has 33 stars"):
        glob("a*" * 33)
