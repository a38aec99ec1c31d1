"""The language of a list's `query`, by table and against an oracle."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signet.domain.ids import find_id
from signet.domain.queries import Condition, Field, Fields, Tags, date_field, parse_query, text_field
from signet.domain.times import find_milliseconds
from signet.errors import InvalidRequest

type Record = Mapping[str, Any]

A, B, C = "a" * 24, "b" * 24, "c" * 24


def field(name: str) -> Callable[[Record], Any]:
    return lambda record: record.get(name)


FIELDS: Fields[Record] = {
    "id": Field(get=field("id"), read=find_id, takes="an id"),
    "email": text_field(field("email"), in_any_case=True),
    "firstName": text_field(field("firstName")),
    "lastName": text_field(field("lastName")),
    "lastLogin": date_field(field("lastLogin")),
    "experienceGroupId": Field(get=field("groups"), read=find_id, takes="an id", has_many=True),
    "userTags": Tags(lambda record: record.get("tags", {})),
}

ANN = {
    "id": B,
    "email": "Ann@Example.com",
    "firstName": "Ann",
    "lastLogin": find_milliseconds("2026-11-27T10:00:00.500Z"),
    "groups": (A, C),
    "tags": {"plan": "free", "tier": "gold"},
}
"""She has no last name."""

BARE = {"id": A}
"""Has nothing but an id."""


def parse(query: object) -> Condition[Record]:
    return parse_query(query if isinstance(query, str) else json.dumps(query), FIELDS)


@pytest.mark.parametrize(
    ("query", "ann", "bare"),
    [
        ({}, True, True),
        # Text.
        ({"firstName": "Ann"}, True, False),
        ({"firstName": "ann"}, False, False),
        ({"firstName": None}, False, True),
        ({"firstName": {"$eq": "Ann"}}, True, False),
        ({"firstName": {"$eq": "ann", "$ci": False}}, False, False),
        ({"firstName": {"$eq": "ANN", "$ci": True}}, True, False),
        ({"firstName": {"$ne": "Ann"}}, False, True),
        ({"firstName": {"$ne": "Bob"}}, True, True),
        ({"firstName": {"$ne": "aNN", "$ci": True}}, False, True),
        ({"lastName": {"$ne": None}}, False, False),
        ({"firstName": {"$ne": None}}, True, False),
        ({"firstName": {"$in": ["Bob", "Ann"]}}, True, False),
        ({"firstName": {"$in": ["BOB", "ANN"], "$ci": True}}, True, False),
        ({"firstName": {"$in": []}}, False, False),
        ({"firstName": {"$in": [None, "Bob"]}}, False, True),
        ({"firstName": {"$nin": ["Ann"]}}, False, True),
        ({"firstName": {"$nin": ["ann"], "$ci": True}}, False, True),
        ({"firstName": {"$nin": []}}, True, True),
        ({"firstName": {"$gt": "Am"}}, True, False),
        ({"firstName": {"$gt": "Ann"}}, False, False),
        ({"firstName": {"$gte": "Ann"}}, True, False),
        ({"firstName": {"$lt": "a"}}, True, False),
        ({"firstName": {"$lt": "a", "$ci": True}}, False, False),
        ({"firstName": {"$lte": "Ann"}}, True, False),
        ({"firstName": {"$gt": None}}, False, False),
        ({"firstName": {"$gte": None}}, False, True),
        ({"firstName": {"$startsWith": "An"}}, True, False),
        ({"firstName": {"$startsWith": "an"}}, False, False),
        ({"firstName": {"$startsWith": "an", "$ci": True}}, True, False),
        ({"firstName": {"$endsWith": "nn"}}, True, False),
        ({"firstName": {"$endsWith": "NN", "$ci": True}}, True, False),
        ({"firstName": {"$contains": "n"}}, True, False),
        ({"firstName": {"$contains": "A*n"}}, False, False),
        ({"firstName": {"$gt": "A", "$lt": "B"}}, True, False),
        # An address is the same in any case.
        ({"email": "ann@example.com"}, True, False),
        ({"email": {"$ne": "ANN@example.com"}}, False, True),
        ({"email": {"$endsWith": "@EXAMPLE.com"}}, True, False),
        # Ids come in either case.
        ({"id": B.upper()}, True, False),
        ({"id": {"$gt": A}}, True, False),
        ({"id": {"$in": [A, B]}}, True, True),
        # Dates.
        ({"lastLogin": "2026-11-27T10:00:00.500Z"}, True, False),
        ({"lastLogin": "2026-11-27T11:00:00.500+01:00"}, True, False),
        ({"lastLogin": {"$gte": "2026-11-27"}}, True, False),
        ({"lastLogin": {"$lt": "2026-11-27T10:00:01"}}, True, False),
        ({"lastLogin": {"$gt": 1_700_000_000_000, "$lt": 1.8e12}}, True, False),
        ({"lastLogin": {"$nin": ["2026-11-27T10:00:00.500Z"]}}, False, True),
        ({"lastLogin": None}, False, True),
        # Several values: one of them is enough.
        ({"experienceGroupId": A}, True, False),
        ({"experienceGroupId": B}, False, False),
        ({"experienceGroupId": {"$ne": A}}, False, True),
        ({"experienceGroupId": {"$in": [B, C]}}, True, False),
        ({"experienceGroupId": {"$nin": [B]}}, True, True),
        ({"experienceGroupId": {"$gt": B, "$lt": B}}, True, False),
        ({"experienceGroupId": None}, False, True),
        ({"experienceGroupId": {"$ne": None}}, True, False),
        # Tags.
        ({"userTags": {"plan": "free"}}, True, False),
        ({"userTags": {"plan": "Free"}}, False, False),
        ({"userTags": {"plan": "free", "tier": "gold"}}, True, False),
        ({"userTags": {"plan": "free", "tier": "silver"}}, False, False),
        ({"userTags": {"plan": {"$in": ["paid", "free"]}}}, True, False),
        ({"userTags": {"plan": {"$nin": ["paid"]}}}, True, False),
        ({"userTags": {"plan": None}}, False, True),
        ({"userTags": {"$tagKey": "plan"}}, True, False),
        ({"userTags": {"$tagValue": "gold"}}, True, False),
        ({"userTags": {"$tagKey": "plan", "$tagValue": "gold"}}, False, False),
        ({"userTags": {"$tagKey": "plan", "$tagValue": {"$in": ["free"]}}}, True, False),
        ({"userTags": {"$tagKey": {"$nin": ["plan"]}, "$tagValue": {"$nin": ["free"]}}}, True, False),
        ({"userTags": None}, False, True),
        ({"userTags": {"$eq": {"plan": "free"}}}, True, False),
        ({"userTags": {"$eq": None}}, False, True),
        ({"userTags": {"$ne": None}}, True, False),
        ({"userTags": {"$ne": {"plan": "free"}}}, False, True),
        ({"userTags": {"$ne": {"$tagKey": "plan", "$tagValue": "gold"}}}, True, True),
        # Together.
        ({"$and": [{"firstName": "Ann"}, {"userTags": {"plan": "paid"}}]}, False, False),
        ({"$or": [{"firstName": "Bob"}, {"userTags": {"plan": "free"}}]}, True, False),
        ({"$nor": [{"firstName": "Bob"}, {"id": A}]}, True, False),
        ({"$nor": [{"$nor": [{"firstName": "Ann"}]}]}, True, False),
        ({"$and": [{"$or": [{"firstName": "Ann"}]}], "email": {"$ne": "x"}}, True, False),
        # What Losant's documentation says of no filters.
        ({"$and": []}, True, True),
        ({"$or": []}, True, True),
        ({"$nor": []}, False, False),
        ({"$or": [{}]}, True, True),
        ({"$nor": [{}]}, False, False),
    ],
    ids=str,
)
def test_a_query(query: object, ann: bool, bare: bool) -> None:
    """Each operator, of each kind of field, for a record that has a value and for one that has none."""
    holds = parse(query).holds
    assert (holds(ANN), holds(BARE)) == (ann, bare)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "JSON"),
        ("[]", "JSON object"),
        ("{", "JSON"),
        ('{"a": 1, "a": 2}', "more than once"),
        ('{"email": "\\ud800"}', "half of a surrogate pair"),
        ({"age": 5}, "field 'age'; use id, email, firstName"),
        ({"password": "x"}, "field 'password'"),
        ({"userTags.plan": "free"}, "field 'userTags.plan'"),
        ({"$where": "1"}, "operator '$where' here; use $and, $or, $nor"),
        ({"$eq": "x"}, "operator '$eq' here"),
        ({"$and": {"firstName": "Ann"}}, "$and takes a list of objects"),
        ({"$or": ["Ann"]}, "list of objects"),
        ({"$nor": None}, "list of objects"),
        ({"firstName": {"$regex": "a"}}, "operator '$regex' for firstName; use $eq"),
        ({"firstName": {"$not": {"$eq": "a"}}}, "operator '$not'"),
        ({"firstName": {"last": "x"}}, "operator 'last'"),
        ({"firstName": {}}, "says nothing about firstName"),
        ({"firstName": {"$ci": True}}, "says nothing about firstName"),
        ({"firstName": {"$eq": "a", "$ci": 1}}, "takes true or false for firstName.$ci"),
        ({"firstName": 5}, "something else than text or null"),
        ({"firstName": ["Ann"]}, "something else than text or null"),
        ({"firstName": {"$startsWith": None}}, "something else than text."),
        ({"firstName": {"$startsWith": ""}}, "something else than text."),
        ({"firstName": {"$contains": 5}}, "something else than text."),
        ({"firstName": {"$in": "Ann"}}, "takes a list for firstName.$in"),
        ({"firstName": {"$nin": [5]}}, "something else than text or null"),
        ({"id": "x"}, "compares id with something else than an id or null"),
        ({"id": {"$startsWith": "a"}}, "operator '$startsWith' for id"),
        ({"id": {"$eq": A, "$ci": True}}, "operator '$ci' for id"),
        ({"lastLogin": "yesterday"}, "something else than a date from 1970 to 9999"),
        ({"lastLogin": True}, "something else than a date"),
        ({"lastLogin": -1}, "something else than a date"),
        ({"lastLogin": "1969-12-31"}, "something else than a date"),
        ({"lastLogin": {"$gt": 253_402_300_800_000}}, "something else than a date"),
        ({"lastLogin": {"$contains": "2026"}}, "operator '$contains' for lastLogin"),
        ({"userTags": "plan"}, "takes for userTags null or an object of tags"),
        ({"userTags": {}}, "takes for userTags null or an object of tags"),
        ({"userTags": {"$eq": {}}}, "takes for userTags null or an object of tags"),
        ({"userTags": {"$in": ["plan"]}}, "operator '$in' for userTags"),
        ({"userTags": {"$eq": None, "$ne": None}}, "operator '$eq' for userTags there; use $eq or $ne alone"),
        ({"userTags": {"$ne": None, "plan": "free"}}, "operator '$ne' for userTags there"),
        ({"userTags": {"plan": 5}}, "takes for userTags.plan text"),
        ({"userTags": {"plan": {"$gt": "a"}}}, "takes for userTags.plan text"),
        ({"userTags": {"plan": {"$in": ["a"], "$nin": []}}}, "takes for userTags.plan text"),
        ({"userTags": {"plan": {"$in": [None]}}}, "takes for userTags.plan text"),
        ({"userTags": {"$tagKey": None}}, "takes for userTags.$tagKey text"),
        ({"userTags": {"$tagKey": "plan", "$tagValue": None}}, "takes for userTags.$tagValue text"),
        (
            {"userTags": {"$tagKey": "plan", "plan": "free"}},
            "does not support 'plan' beside userTags.$tagKey",
        ),
    ],
    ids=str,
)
def test_what_a_query_cannot_say_is_refused(query: object, words: str) -> None:
    """An operator, a field or a value that is not supported is never left out of account."""
    with pytest.raises(InvalidRequest) as caught:
        parse(query)
    assert caught.value.faults[0].path == ("query",)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ({"experienceGroupId": A}, {"experienceGroupId": {A}}),
        ({"$nor": [{"experienceGroupId": {"$in": [A, B]}}, {"experienceGroupId": {"$ne": C}}]}, {A, B, C}),
        ({"experienceGroupId": None}, {None}),
        ({"experienceGroupId": {"$in": [A], "$gt": B}}, None),
        ({"$or": [{"experienceGroupId": {"$lte": B}}, {"experienceGroupId": A}]}, None),
    ],
    ids=["one", "of several", "none", "any", "several"],
)
def test_a_condition_tells_what_it_has_to_be_told(query: object, asked: Any) -> None:
    """Whoever has to look up what a record's values are knows which of them matter."""
    expected = asked if isinstance(asked, dict) else {"experienceGroupId": asked}
    assert parse(query).asked == expected
    assert parse({"userTags": None, "firstName": "Ann"}).asked.keys() == {"userTags", "firstName"}


def terms(number: int) -> list[object]:
    """Queries with so many terms, in each way of having many."""
    one = {"firstName": "Ann"}
    return [
        {"$or": [one] * number},
        {"$nor": [one] * number},
        {"$and": [{"$or": [one] * (number - 1)}, one]},
        {"$and": [{}] * number},
        {"$and": [{"$or": []}] * number},
        {"$and": [{"email": {"$ne": "x"}}] * number},
        {"$and": [{"firstName": {"$gt": "A", "$ci": True}}] * number},
        {"$and": [{"userTags": {"$tagKey": "plan", "$tagValue": "free"}}] * number},
        {"$or": [{"userTags": None}] * number},
        {"userTags": {f"tag{n}": "x" for n in range(number)}},
    ]


@pytest.mark.parametrize("place", range(len(terms(2))))
def test_a_query_has_thirty_two_terms_at_most(place: int) -> None:
    """Counted over the whole query, so that nothing nested gets past."""
    parse(terms(32)[place])
    with pytest.raises(InvalidRequest, match="more than 32 terms"):
        parse(terms(33)[place])


@pytest.mark.parametrize("place", range(len(terms(2))))
def test_a_record_costs_some_looks_for_each_term(place: int) -> None:
    """A handful of calls for a term, and none for mere nesting."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    nested = terms(32)[place]
    for _ in range(6):
        nested = {"$and": [{"$or": [nested]}]}
    holds = parse(nested).holds
    sys.setprofile(count)
    try:
        holds(ANN)
    finally:
        sys.setprofile(None)
    assert calls <= 8 * 32


@pytest.mark.parametrize("opening", ['{"$and":[', '{"$nor":[', '{"userTags":', '{"firstName":', "["])
def test_hostile_nesting_is_refused(opening: str) -> None:
    """As deep as a query can be long, it is a refusal."""
    with pytest.raises(InvalidRequest, match=r"nested|JSON"):
        parse(opening * (8192 // len(opening)))


TEXTS = st.text("aAbß*", max_size=3)
IDS = st.sampled_from([A, B, C])
DATES = st.integers(0, 3)
TAGS = st.dictionaries(st.sampled_from("kKl"), st.sampled_from("vVw"), max_size=2)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "firstName": TEXTS,
        "email": TEXTS,
        "id": IDS,
        "lastLogin": DATES,
        "groups": st.lists(IDS, max_size=2).map(tuple),
        "tags": TAGS,
    },
)


def comparisons(values: st.SearchStrategy[Any], *, text: bool) -> st.SearchStrategy[Any]:
    single = st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"])
    texts = st.sampled_from(["$startsWith", "$endsWith", "$contains"])
    operands = [
        st.tuples(single, st.none() | values),
        st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(st.none() | values, max_size=3)),
    ]
    if text:
        operands.append(st.tuples(texts, values.filter(bool)))
    several = st.lists(st.one_of(operands), min_size=1, max_size=2).map(dict)
    folding = st.fixed_dictionaries({}, optional={"$ci": st.booleans()} if text else {})
    return st.none() | values | st.tuples(several, folding).map(lambda both: both[0] | both[1])


TAG_TEXTS = st.sampled_from("kKlvVw")
TAG_TESTS = TAG_TEXTS | st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(TAG_TEXTS, max_size=3)).map(
    lambda pair: dict([pair])
)
TAG_QUERIES = (
    st.none()
    | st.dictionaries(st.sampled_from("kKl"), st.none() | TAG_TESTS, min_size=1, max_size=2)
    | st.fixed_dictionaries({"$tagKey": TAG_TESTS}, optional={"$tagValue": TAG_TESTS})
    | st.fixed_dictionaries({"$tagValue": TAG_TESTS})
)
CLAUSES = st.fixed_dictionaries(
    {},
    optional={
        "firstName": comparisons(TEXTS, text=True),
        "email": comparisons(TEXTS, text=True),
        "id": comparisons(IDS, text=False),
        "lastLogin": comparisons(DATES, text=False),
        "experienceGroupId": comparisons(IDS, text=False),
        "userTags": TAG_QUERIES
        | st.sampled_from(["$eq", "$ne"]).flatmap(lambda name: TAG_QUERIES.map(lambda query: {name: query})),
    },
)
QUERIES = st.recursive(
    CLAUSES,
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, max_size=2), min_size=1, max_size=2
    ),
    max_leaves=4,
)


def expected(query: dict[str, Any], record: Record) -> bool:
    """What a query means, word for word and without regard for cost."""
    for name, condition in query.items():
        if name in ("$and", "$or", "$nor"):
            held = [expected(inner, record) for inner in condition]
            joined = {"$and": all(held), "$or": any(held) or not held, "$nor": bool(held) and not any(held)}
            result = joined[name]
        elif name == "userTags":
            tags = record.get("tags", {})
            match condition:
                case {"$ne": inner}:
                    result = not expected_tags(inner, tags)
                case {"$eq": inner}:
                    result = expected_tags(inner, tags)
                case inner:
                    result = expected_tags(inner, tags)
        else:
            condition = condition if isinstance(condition, dict) else {"$eq": condition}
            fold = name == "email" or condition.get("$ci", False)
            if name == "experienceGroupId":
                values = list(record.get("groups", ())) or [None]
            else:
                values = [record.get(name)]
            result = all(
                expected_comparison(values, given, operand, fold)
                for given, operand in condition.items()
                if given != "$ci"
            )
        if not result:
            return False
    return True


MEANINGS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, operand: value == operand,
    "$gt": lambda value, operand: value > operand,
    "$gte": lambda value, operand: value >= operand,
    "$lt": lambda value, operand: value < operand,
    "$lte": lambda value, operand: value <= operand,
    "$startsWith": lambda value, operand: value[: len(operand)] == operand,
    "$endsWith": lambda value, operand: value[::-1][: len(operand)] == operand[::-1],
    "$contains": lambda value, operand: operand in value,
}


def expected_comparison(values: list[Any], given: str, operand: Any, fold: bool) -> bool:
    if given in ("$ne", "$nin"):
        return not expected_comparison(values, {"$ne": "$eq", "$nin": "$in"}[given], operand, fold)
    if given == "$in":
        return any(expected_comparison(values, "$eq", one, fold) for one in operand)
    found = False
    for value in values:
        if value is None or operand is None:
            found |= value is operand and given in ("$eq", "$gte", "$lte")
            continue
        left, right = (value.casefold(), operand.casefold()) if fold else (value, operand)
        found |= MEANINGS[given](left, right)
    return found


def expected_tags(query: Any, tags: dict[str, str]) -> bool:
    if query is None:
        return not tags
    if "$tagKey" in query or "$tagValue" in query:
        return any(
            fits(query.get("$tagKey", key), key) and fits(query.get("$tagValue", value), value)
            for key, value in tags.items()
        )
    return all(
        key not in tags if wanted is None else key in tags and fits(wanted, tags[key])
        for key, wanted in query.items()
    )


def fits(wanted: Any, text: str) -> bool:
    if isinstance(wanted, str):
        return text == wanted
    return text in wanted["$in"] if "$in" in wanted else text not in wanted["$nin"]


@given(QUERIES, RECORDS)
@example({"firstName": {"$startsWith": "ß", "$ci": True}}, {"firstName": "ssa"})
def test_a_query_gives_what_its_words_mean(query: dict[str, Any], record: Record) -> None:
    """Whatever is combined, the answer is that of a naive reading of it."""
    assert parse(query).holds(record) == expected(query, record)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *FIELDS,
                    "$and",
                    "$or",
                    "$nor",
                    "$eq",
                    "$ne",
                    "$in",
                    "$gt",
                    "$ci",
                    "$contains",
                    "$tagKey",
                    "x",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(JSONS, RECORDS)
def test_any_json_is_a_query_or_a_refusal(query: object, record: Record) -> None:
    """Nothing that comes in is a fault, neither when it is read nor when it is asked."""
    try:
        condition = parse(json.dumps(query))
    except InvalidRequest:
        return
    assert condition.holds(record) in (True, False)
