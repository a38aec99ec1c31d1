"""Globs, queries and cursors."""

import fnmatch
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.errors import InvalidRequest
from signet.listing import Cursor, Entry, glob, parse_query

ANN = {"email": "Ann@Example.com", "firstName": "Ann", "userTags.plan": "free"}


def is_field(name: str) -> bool:
    return name in ("email", "firstName", "lastName") or name.startswith("userTags.")


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
    assert glob("firstName", pattern)(ANN.get) == matches


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_a_pattern_matches_what_a_regular_expression_would(pattern: str, text: str) -> None:
    """Splitting at the stars finds the same as trying everything."""
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
    assert glob("f", pattern)(lambda _: text) == expected == fnmatch.fnmatchcase(text, pattern)


def test_a_pattern_of_many_stars_is_no_attack() -> None:
    """A pattern that would make a backtracking matcher run for ever is answered at once."""
    assert not glob("f", "*a" * 500 + "b")(lambda _: "a" * 1000)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("{}", True),
        ('{"firstName": "Ann"}', True),
        ('{"firstName": "ann"}', False),
        ('{"email": "ann@example.com"}', True),
        ('{"email": {"$ne": "ANN@example.com"}}', False),
        ('{"firstName": {"$eq": "Ann"}, "lastName": null}', True),
        ('{"lastName": {"$ne": null}}', False),
        ('{"lastName": {"$ne": "Lee"}}', True),
        ('{"userTags.plan": {"$in": ["free", "paid"]}}', True),
        ('{"userTags.plan": {"$in": []}}', False),
        ('{"userTags.other": {"$in": [null]}}', True),
        ('{"$and": [{"firstName": "Ann"}, {"userTags.plan": "paid"}]}', False),
        ('{"$or": [{"firstName": "Bob"}, {"userTags.plan": "free"}]}', True),
        ('{"$or": []}', False),
        ('{"$and": []}', True),
        ('{"$and": [{"$or": [{"firstName": "Ann"}]}], "email": {"$ne": "x"}}', True),
        ('{"firstName": {"$ne": "Bob", "$in": ["Ann"]}}', True),
    ],
)
def test_a_query(query: str, matches: bool) -> None:
    """The supported operators, alone and within one another."""
    assert parse_query(query, is_field)(ANN.get) == matches


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "JSON"),
        ("[]", "JSON object"),
        ("{", "JSON"),
        ('{"a": 1, "a": 2}', "more than once"),
        ('{"age": 5}', "field 'age'"),
        ('{"password": "x"}', "field 'password'"),
        ('{"$where": "1"}', "operator '$where'"),
        ('{"$nor": []}', "operator '$nor'"),
        ('{"firstName": {"$gt": "a"}}', "operator '$gt'"),
        ('{"firstName": {"$regex": "a"}}', "operator '$regex'"),
        ('{"firstName": {}}', "says nothing"),
        ('{"firstName": 5}', "neither text nor null"),
        ('{"firstName": {"$in": "Ann"}}', "takes a list"),
        ('{"firstName": {"$in": [5]}}', "neither text nor null"),
        ('{"$and": {"firstName": "Ann"}}', "list of objects"),
        ('{"$or": ["Ann"]}', "list of objects"),
    ],
)
def test_what_a_query_cannot_say_is_refused(query: str, words: str) -> None:
    """An operator or field that is not supported is never left out of account."""
    with pytest.raises(InvalidRequest) as caught:
        parse_query(query, is_field)
    assert caught.value.faults[0].path == ("query",)
    assert words in caught.value.message


@given(st.text(min_size=1), st.text(min_size=1), st.integers(min_value=0))
def test_a_cursor_comes_back_as_it_was(sort_key: str, record_id: str, found: int) -> None:
    """Whatever stands in an index survives the way to the client and back."""
    cursor = Cursor(Entry(sort_key, record_id), found)
    assert Cursor.decode(cursor.encode()) == cursor


@given(st.text() | st.binary().map(lambda raw: raw.hex()))
def test_no_text_breaks_the_decoder(text: str) -> None:
    """A token that is none of ours is a refusal, never a fault."""
    with suppress(InvalidRequest):
        Cursor.decode(text)


def test_an_empty_token_is_the_beginning() -> None:
    """A walk begins with an empty token."""
    assert Cursor.decode("") == Cursor()
