"""Globs, queries and cursors."""

import fnmatch
import json
import re
import sys
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signet.domain.base64url import encode
from signet.domain.listing import Cursor, Entry, glob, parse_query
from signet.errors import InvalidRequest

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
    assert not glob("f", "*a" * 32 + "b")(lambda _: "a" * 1000)


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


def terms(number: int) -> list[str]:
    """Queries with so many terms, in each way of having many."""
    one = '{"firstName": "Ann"}'
    return [
        f'{{"$or": [{", ".join([one] * number)}]}}',
        f'{{"$and": [{{"$or": [{", ".join([one] * (number - 1))}]}}, {one}]}}',
        f'{{"$and": [{", ".join(["{}"] * number)}]}}',
        f'{{"$and": [{", ".join(['{"$or": []}'] * number)}]}}',
        f'{{"$and": [{", ".join(['{"email": {"$ne": "x"}}'] * number)}]}}',
        f"{{{', '.join(f'"userTags.{n}": "x"' for n in range(number))}}}",
    ]


@pytest.mark.parametrize("place", range(len(terms(2))))
def test_a_query_has_thirty_two_terms_at_most(place: int) -> None:
    """Counted over the whole query, so that nothing nested gets past."""
    parse_query(terms(32)[place], is_field)
    with pytest.raises(InvalidRequest, match="more than 32 terms"):
        parse_query(terms(33)[place], is_field)


@pytest.mark.parametrize("place", range(len(terms(2))))
def test_a_record_costs_a_look_for_each_term(place: int) -> None:
    """No more calls than there are terms, and none for mere nesting."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    nested = terms(32)[place]
    for _ in range(6):
        nested = f'{{"$and": [{{"$or": [{nested}]}}]}}'
    predicate = parse_query(nested, is_field)
    sys.setprofile(count)
    try:
        predicate(ANN.get)
    finally:
        sys.setprofile(None)
    assert calls <= 4 * 32


def test_a_pattern_has_thirty_two_stars_at_most() -> None:
    """Each is looked for in each record."""
    glob("firstName", "a*" * 32)
    with pytest.raises(InvalidRequest, match="has 33 stars"):
        glob("firstName", "a*" * 33)
