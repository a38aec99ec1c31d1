"""The language of a list's `query`: Losant's advanced queries. Pure: neither table nor HTTP.

What can be asked of users and of groups is told by whoever lists them; here is what an operator means. Where
Losant's documentation (https://docs.losant.com/references/advanced-queries) leaves that open, it is what
MongoDB does, in whose words the language is written: nothing is less or greater than what is missing, and
`$ne` and `$nin` are the contrary of `$eq` and `$in`, so that they hold for what is missing too.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from signet.domain.strict_json import parse_object
from signet.domain.times import LATEST, find_milliseconds
from signet.errors import InvalidRequest, shown

MAX_TERMS = 32
"""How many terms a query has in all: each is looked at for each record."""

type Predicate[R] = Callable[[R], bool]
"""Whether a record is in the list."""

type Value = str | float | None
"""What a field is compared with: text or an id, a date in Unix milliseconds, or None for a missing one."""

type Test = Callable[[Any], bool]
"""Whether a value, None where there is none, is what was asked for."""

LOGICAL = ("$and", "$or", "$nor")

EQUALITY = ("$eq", "$ne", "$in", "$nin")

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}

TEXT: dict[str, Callable[[Any, Any], bool]] = {
    "$startsWith": str.startswith,
    "$endsWith": str.endswith,
    "$contains": operator.contains,
}

CONTRARY = {"$ne": "$eq", "$nin": "$in"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field[R]:
    """A field of a record.

    Attributes:
        get: Its value, None where the record has none; where it has many, all of them.
        read: What a query compares it with, as its values are written here; None for what is nothing to
            compare it with.
        takes: What that is, in words.
        operators: Those that it knows.
        has_many: Whether it has several values, which are no text; what holds for one of them holds for it.
        can_be_missing: Whether null can be asked for.
        in_any_case: Whether its case never matters.
    """

    get: Callable[[R], Any]
    read: Callable[[object], Value]
    takes: str
    operators: tuple[str, ...] = (*EQUALITY, *ORDER)
    has_many: bool = False
    can_be_missing: bool = True
    in_any_case: bool = False


@dataclass(frozen=True, slots=True)
class Tags[R]:
    """The field that holds a record's tags.

    Attributes:
        get: Its value.
    """

    get: Callable[[R], Mapping[str, str]]


type Fields[R] = Mapping[str, Field[R] | Tags[R]]
"""What can be asked for, by name."""


def text_field[R](get: Callable[[R], str | None], *, in_any_case: bool = False) -> Field[R]:
    """A field that holds text."""
    return Field(
        get=get,
        read=lambda value: value if isinstance(value, str) else None,
        takes="text",
        operators=(*EQUALITY, *ORDER, *TEXT, "$ci"),
        in_any_case=in_any_case,
    )


def date_field[R](get: Callable[[R], int | None]) -> Field[R]:
    """A field that holds a date, in Unix milliseconds."""
    return Field(
        get=get, read=_milliseconds, takes="a date from 1970 to 9999, in ISO 8601 or Unix milliseconds"
    )


@dataclass(frozen=True, slots=True)
class Condition[R]:
    """What a query demands.

    Attributes:
        holds: Whether a record has it.
        asked: The fields that it asks for, each with the values that it names; None where others matter as
            well, since it is not only asked for being one of these or none of them.
    """

    holds: Predicate[R]
    asked: Mapping[str, frozenset[Value] | None]


def parse_query[R](text: str, fields: Fields[R]) -> Condition[R]:
    """Read a query.

    Args:
        text: A JSON object.
        fields: What can be asked for.

    Raises:
        InvalidRequest: It is not JSON, has too many terms, or holds an operator, a field or a value that is
            not supported: left out, it would give a list of others than were asked for.
    """
    try:
        query = parse_object(text.encode("utf-8", "surrogatepass"))
    except InvalidRequest as error:
        raise _refusal(error.faults[0].message.replace("The body", "")) from None
    reader = _Reader(fields)
    return Condition(reader.query(query), reader.asked)


@dataclass(frozen=True, slots=True)
class _Texts:
    """What the key or the value of a tag has to be: one of these texts, or any of the others."""

    texts: frozenset[str]
    others: bool = False


ANY = _Texts(frozenset(), others=True)


class _Reader[R]:
    """Reads one query, and counts its terms: comparisons, tags, and objects and lists without any."""

    def __init__(self, fields: Fields[R]) -> None:
        self._fields = fields
        self._terms = 0
        self.asked: dict[str, frozenset[Value] | None] = {}

    def query(self, query: Mapping[str, Any]) -> Predicate[R]:
        if not query:
            self._count()
        return _every([self._member(name, condition) for name, condition in query.items()])

    def _member(self, name: str, condition: object) -> Predicate[R]:
        if name in LOGICAL:
            return self._joined(name, condition)
        if name.startswith("$"):
            raise _refusal(f"does not support the operator '{shown(name)}' here; use {', '.join(LOGICAL)}")
        match self._fields.get(name):
            case None:
                raise _refusal(f"does not support the field '{shown(name)}'; use {', '.join(self._fields)}")
            case Tags(get):
                self.asked[name] = None
                has = self._tags_test(name, condition)
                return lambda record: has(get(record))
            case field:
                return self._compared(name, field, condition)

    def _joined(self, name: str, queries: object) -> Predicate[R]:
        if not isinstance(queries, list) or not all(isinstance(query, dict) for query in queries):
            raise _refusal(f"{name} takes a list of objects")
        if not queries:
            # As the product has it: without filters "any" gives everything, as "all" does; "none" nothing.
            self._count()
            return lambda _: name != "$nor"
        predicates = [self.query(query) for query in queries]
        if name == "$and":
            return _every(predicates)
        some = _some(predicates)
        return some if name == "$or" else lambda record: not some(record)

    def _compared(self, name: str, field: Field[R], condition: object) -> Predicate[R]:
        operands = dict(condition) if isinstance(condition, dict) else {"$eq": condition}
        for given in operands:
            if given not in field.operators:
                known = ", ".join(field.operators)
                raise _refusal(f"does not support the operator '{shown(given)}' for {name}; use {known}")
        folds = operands.pop("$ci", False)
        if not isinstance(folds, bool):
            raise _refusal(f"takes true or false for {name}.$ci")
        if not operands:
            raise _refusal(f"says nothing about {name}; leave it out, or compare it")
        return _every(
            [
                self._comparison(name, field, given, operand, folds=folds or field.in_any_case)
                for given, operand in operands.items()
            ]
        )

    def _comparison(
        self, name: str, field: Field[R], given: str, operand: object, *, folds: bool
    ) -> Predicate[R]:
        self._count()
        if given in ("$in", "$nin"):
            if not isinstance(operand, list):
                raise _refusal(f"takes a list for {name}.{given}")
            values = [self._value(name, field, given, value) for value in operand]
        else:
            values = [self._value(name, field, given, operand)]
        named = self.asked.get(name, frozenset())
        self.asked[name] = None if named is None or given not in EQUALITY else named | frozenset(values)
        make, get = _test_of_many if field.has_many else _test, field.get
        test = make(CONTRARY.get(given, given), [_folded(value) for value in values] if folds else values)
        if folds:
            test = _folding(test)
        if given in CONTRARY:
            return lambda record: not test(get(record))
        return lambda record: test(get(record))

    def _value(self, name: str, field: Field[R], given: str, operand: object) -> Value:
        can_be_null = field.can_be_missing and given not in TEXT
        if operand is None and can_be_null:
            return None
        value = field.read(operand)
        if value is None or (given in TEXT and value == ""):
            raise _refusal(
                f"compares {name} with something else than {field.takes}{' or null' * can_be_null}"
            )
        return value

    def _tags_test(self, name: str, condition: object) -> Test:
        match condition:
            case {"$eq": tags, **others} if not others:
                return self._tagged(name, tags)
            case {"$ne": tags, **others} if not others:
                has = self._tagged(name, tags)
                return lambda tags: not has(tags)
            case _:
                return self._tagged(name, condition)

    def _tagged(self, name: str, wanted: object) -> Test:
        """Whether tags are among a record's: all that are named, or one as `$tagKey` and `$tagValue` say."""
        if wanted is None:
            self._count()
            return operator.not_
        if not isinstance(wanted, dict) or not wanted:
            raise _refusal(f'takes for {name} null or an object of tags, such as {{"plan": "free"}}')
        if "$tagKey" in wanted or "$tagValue" in wanted:
            self._count()
            for given in wanted:
                if given not in ("$tagKey", "$tagValue"):
                    raise _refusal(f"does not support '{shown(given)}' beside {name}.$tagKey and $tagValue")
            keys, values = (
                self._texts(f"{name}.{given}", wanted[given]) if given in wanted else ANY
                for given in ("$tagKey", "$tagValue")
            )
            return _has_tag(keys, values)
        return _every([self._named_tag(name, key, value) for key, value in wanted.items()])

    def _named_tag(self, name: str, key: str, value: object) -> Test:
        self._count()
        if key.startswith("$"):
            raise _refusal(
                f"does not support the operator '{shown(key)}' for {name} there; use $eq or $ne alone,"
                " with tags in it, or $tagKey and $tagValue"
            )
        if value is None:
            return lambda tags: key not in tags
        return _has_tag(_Texts(frozenset([key])), self._texts(f"{name}.{shown(key)}", value))

    def _texts(self, where: str, value: object) -> _Texts:
        match value:
            case str():
                return _Texts(frozenset([value]))
            case {"$in": list(texts), **others} if not others and _are_texts(texts):
                return _Texts(frozenset(texts))
            case {"$nin": list(texts), **others} if not others and _are_texts(texts):
                return _Texts(frozenset(texts), others=True)
        raise _refusal(f"takes for {where} text, or a list of texts under $in or $nin")

    def _count(self) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise _refusal(f"has more than {MAX_TERMS} terms")


def _has_tag(keys: _Texts, values: _Texts) -> Test:
    """Whether one of the tags, 64 at most, has such a key and such a value: without a call for each."""
    texts, others = values.texts, values.others
    if keys.others:
        unwanted = keys.texts
        return lambda tags: any(
            (value in texts) != others and key not in unwanted for key, value in tags.items()
        )
    wanted = keys.texts
    return lambda tags: any(key in tags and (tags[key] in texts) != others for key in wanted)


def _test(given: str, values: list[Value]) -> Test:
    """What an operator, none of the contrary ones, demands of a value."""
    if given == "$in":
        return frozenset(values).__contains__
    (wanted,) = values
    if given == "$eq" or (wanted is None and given in ("$gte", "$lte")):
        return lambda value: value == wanted
    if wanted is None:
        return lambda _: False
    compare = ORDER.get(given) or TEXT[given]
    return lambda value: value is not None and compare(value, wanted)


def _test_of_many(given: str, values: list[Value]) -> Test:
    """The same for one of several values, a hundred at most: without a call for each."""
    wanted = frozenset(values)
    if given in ("$eq", "$in"):
        return lambda several: not wanted.isdisjoint(several or (None,))
    test, farthest = _test(given, values), max if given in ("$gt", "$gte") else min
    return lambda several: test(farthest(several) if several else None)


def _folded(value: Value) -> Value:
    return value.casefold() if isinstance(value, str) else value


def _folding(test: Test) -> Test:
    return lambda value: test(value if value is None else value.casefold())


def _are_texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _every[R](predicates: list[Predicate[R]]) -> Predicate[R]:
    return (
        predicates[0] if len(predicates) == 1 else lambda record: all(holds(record) for holds in predicates)
    )


def _some[R](predicates: list[Predicate[R]]) -> Predicate[R]:
    return (
        predicates[0] if len(predicates) == 1 else lambda record: any(holds(record) for holds in predicates)
    )


def _milliseconds(value: object) -> Value:
    """A date as the product takes it: without a time or a zone, it is in UTC."""
    if isinstance(value, str):
        dates = (find_milliseconds(value + rest) for rest in ("", "Z", "T00:00Z"))
        return next((date for date in dates if date is not None), None)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < (LATEST + 1) * 1000:
        return value
    return None


def _refusal(what: str) -> InvalidRequest:
    return InvalidRequest.of("query", what.strip().rstrip(".") + ".")
