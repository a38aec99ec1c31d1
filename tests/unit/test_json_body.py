"""What counts as JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.domain.strict_json import MAX_DEPTH, check_object, parse_object
from signet.errors import InvalidRequest


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": 1,}', "not valid JSON"),
        (b'{"a": 1} {}', "not valid JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "not valid JSON"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": 1, "a": 2}', '"a" more than once'),
        (b'{"x": {"a": 1, "\\u0061": 2}}', '"a" more than once'),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"[]", "must be a JSON object"),
        (b'"a"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "32 levels"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "32 levels"),
        (b'{"a":' + b"[" * 30_000, "32 levels"),
        (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "32 levels"),
    ],
)
def test_what_is_not_strictly_a_json_object_is_refused(body: bytes, word: str) -> None:
    """Each way of not being a JSON object is refused, and the refusal says which it is."""
    with pytest.raises(InvalidRequest) as caught:
        parse_object(body)
    assert word in caught.value.message


def test_a_body_of_the_greatest_depth_is_taken() -> None:
    """32 levels are taken; 33 are not."""
    body = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert parse_object(body) == json.loads(body)


def test_a_refusal_does_not_quote_the_body() -> None:
    """A secret in a malformed body does not come back."""
    with pytest.raises(InvalidRequest) as caught:
        parse_object(b'{"password": "hunter2-hunter2')
    assert "hunter2" not in caught.value.message
    assert caught.value.__cause__ is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_every_json_object_is_taken_as_it_is(members: dict[str, object]) -> None:
    """Whatever Python can write as strict JSON comes back unchanged, escaped or not."""
    for ascii_only in (True, False):
        assert parse_object(json.dumps(members, ensure_ascii=ascii_only).encode()) == members
    assert check_object(members) == members
