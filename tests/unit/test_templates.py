"""Templates: what a reference resolves to, and that nothing else is ever done with it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.domain.strict_json import MAX_DEPTH
from signet.domain.templates import (
    MAX_PATH,
    MAX_RENDERED,
    parse_path,
    put,
    render,
    render_number,
    render_object,
)
from signet.errors import FaultKind, InvalidRequest

PAYLOAD: dict[str, Any] = {
    "time": 1800000000123,
    "a name": "spaced",
    "data": {
        "body": {"email": "ann@example.com", "empty": "", "null": None, "yes": True, "no": False},
        "items": ["zero", {"x": "one", "deep": [[7]]}, 2.5],
        "a silly name": "silly",
        "dotted.name": "dotted",
        "größe": "big",
        "user-id": "u1",
        "$ref": "r",
        "0": "a member that looks like an index",
        "": "no name",
    },
}


def refusal_of(template: str, payload: object = PAYLOAD) -> str:
    with pytest.raises(InvalidRequest) as caught:
        render(template, payload, "node.emailTemplate")
    assert caught.value.faults[0].dotted == "node.emailTemplate"
    return caught.value.message


def json_refusal_of(template: str, payload: object = PAYLOAD) -> str:
    with pytest.raises(InvalidRequest) as caught:
        render_object(template, payload, "node.extraDataJsonTemplate")
    assert caught.value.faults[0].dotted == "node.extraDataJsonTemplate"
    return caught.value.message


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("", ""),
        ("ann@example.com", "ann@example.com"),
        ("{{data.body.email}}", "ann@example.com"),
        ("{{ data.body.email }}", "ann@example.com"),
        ("<{{data.body.email}}>", "<ann@example.com>"),
        ("{{data.user-id}}/{{time}}", "u1/1800000000123"),
        ("{{data.items.0}}{{data.items.1.x}}", "zeroone"),
        ("{{data.items.[0]}}{{data.items.[1].x}}", "zeroone"),
        ("{{data.items[1].deep[0][0]}}", "7"),
        ("{{data.items.2}}", "2.5"),
        ("{{[a name]}} {{data.[a silly name]}} {{data.[dotted.name]}}", "spaced silly dotted"),
        ("{{data.größe}} {{data.$ref}} {{data.0}}", "big r a member that looks like an index"),
        ("{{data.body.email.[0]}}", "a"),
        ("{{data.body.yes}} {{data.body.no}}", "true false"),
        ("{{data.items.1}}", '{"x":"one","deep":[[7]]}'),
        ("a } b }} c { d", "a } b }} c { d"),
        ("{{time}}}", "1800000000123}"),
    ],
)
def test_a_reference_resolves_to_what_stands_at_its_path(template: str, rendered: str) -> None:
    """Members by name, elements by index, characters of strings likewise; other than strings as JSON."""
    assert render(template, PAYLOAD, "x") == rendered


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "data.nothing",
        "data.nothing.deeper",
        "data.body.null",
        "data.body.null.deeper",
        "data.body.empty",
        "data.body.yes.deeper",
        "time.deeper",
        "data.items.3",
        "data.items.x",
        "data.items.00",
        "data.items.-1",
        "data.items.1e0",
        "data.items.٠",
        "data.items.²",
        "data.items.length",
        "data.items." + "9" * 5000,
        "data.__class__",
        "__proto__",
        "constructor.prototype",
    ],
)
def test_what_is_missing_is_an_empty_string(path: str) -> None:
    """No member, no such index, null: nothing; and no attribute of Python's or JavaScript's objects."""
    assert render("<{{" + path + "}}>", PAYLOAD, "x") == "<>"


@pytest.mark.parametrize(
    ("template", "construct", "what"),
    [
        ("{{#if data.x}}a{{/if}}", "{{#if data.x}}", "is a block"),
        ("{{#each data.items}}", "{{#each data.items}}", "is a block"),
        ("{{/if}}", "{{/if}}", "is a block"),
        ("{{^}}", "{{^}}", "is a block"),
        ("{{else}}", "{{else}}", "is a block"),
        ("{{format data.x ',.5'}}", "{{format data.x ',.5'}}", "is a helper"),
        ("{{jsonEncode data.x}}", "{{jsonEncode data.x}}", "is a helper"),
        ("{{(lower data.x)}}", "{{(lower data.x)}}", "is a helper"),
        ("{{lookup data 'x'}}", "{{lookup data 'x'}}", "is a helper"),
        ("{{data.x\tdata.y}}", r"{{data.x\tdata.y}}", "is a helper"),
        ("{{>partial}}", "{{>partial}}", "is a partial"),
        ("{{! comment }}", "{{! comment }}", "is a comment"),
        ("{{!-- comment --}}", "{{!-- comment --}}", "is a comment"),
        ("{{{data.x}}}", "{{{data.x}}", "is for unescaped HTML"),
        ("{{&data.x}}", "{{&data.x}}", "is for unescaped HTML"),
        ("{{}}", "{{}}", "names nothing"),
        ("{{  }}", "{{  }}", "names nothing"),
        ("{{this}}", "{{this}}", "is no path"),
        ("{{this.data}}", "{{this.data}}", "is no path"),
        ("{{.}}", "{{.}}", "is no path"),
        ("{{../data}}", "{{../data}}", "is no path"),
        ("{{data..x}}", "{{data..x}}", "is no path"),
        ("{{data.}}", "{{data.}}", "is no path"),
        ("{{.data}}", "{{.data}}", "is no path"),
        ("{{data/body/email}}", "{{data/body/email}}", "is no path"),
        ("{{@root.data}}", "{{@root.data}}", "is no path"),
        ("{{~data.x~}}", "{{~data.x~}}", "is no path"),
        ("{{'data'}}", "{{'data'}}", "is no path"),
        ("{{data.[x}}", "{{data.[x}}", "is no path"),
        ("{{data.[]}}", "{{data.[]}}", "is no path"),
        ("{{data.[a]b}}", "{{data.[a]b}}", "is no path"),
        ("{{=<% %>=}}", "{{=<% %>=}}", "is a helper"),
        ("{{data.x|upper}}", "{{data.x|upper}}", "is no path"),
        ("{{a{{b}}}}", "{{a{{b}}", "is no path"),
    ],
)
def test_whatever_is_not_a_reference_is_refused_by_name(template: str, construct: str, what: str) -> None:
    """Blocks, helpers, partials and the rest of Handlebars: refused in text and in JSON, never ignored."""
    for message in (refusal_of("text " + template), json_refusal_of('{"a": "' + template + '"}')):
        assert f"holds {construct}, which {what}" in message


def test_a_reference_that_never_ends_is_refused() -> None:
    """So that a slip of the pen does not become somebody's e-mail address."""
    assert "{{ without its }}" in refusal_of("{{data.body.email}")
    assert "{{ without its }}" in refusal_of("{{data.body.email}} {{")


def test_an_escaped_reference_is_refused_in_text() -> None:
    r"""Handlebars reads `\{{` as text; here nothing does."""
    assert r"\{{" in refusal_of(r"\{{data.body.email}}")


def test_a_long_construct_is_not_quoted_whole() -> None:
    """A refusal stays short."""
    assert len(refusal_of("{{#if " + "x" * 30_000 + "}}")) < 250


# What payloads may try. The templates are the operator's, and sound.


@pytest.mark.parametrize(
    "value", ["{{data.secret}}", "{{#if x}}", "{{{", "}}", "{{", "{{data.{{x}}}}", r"\{{data.secret}}"]
)
def test_a_payload_that_holds_a_template_stays_text(value: str) -> None:
    """A value is never rendered again, nor does it close or open a reference with its surroundings."""
    payload = {"data": {"value": value, "secret": "hunter2"}}
    assert render("{{data.value}}", payload, "x") == value
    assert render("{{data.value}}data.secret}}", payload, "x") == value + "data.secret}}"
    assert render_object('{"a": "{{data.value}}"}', payload, "x") == {"a": value}
    assert render_object('{"a": {{data.value}}}', payload, "x") == {"a": value}


@pytest.mark.parametrize(
    "name",
    [
        'Ann", "role": "admin',
        'Ann"}',
        '"',
        '\\"',
        "\\",
        '\\", "role": "admin',
        '\\u0022, "role": "admin',
        "\n\r\t\x00\x1f\x7f\u2028\u2029",
        "\\u0000",
        "😀\ufeff\uffff",
    ],
)
def test_a_name_with_quotes_injects_no_member(name: str) -> None:
    """In a string a value is escaped, outside of one it is a string of its own."""
    payload = {"data": {"name": name}}
    assert render_object('{"name": "{{data.name}}", "role": "guest"}', payload, "x") == {
        "name": name,
        "role": "guest",
    }
    assert render_object('{"name": {{data.name}}, "role": "guest"}', payload, "x") == {
        "name": name,
        "role": "guest",
    }
    assert render_object('{"{{data.name}}": 1}', payload, "x") == {name: 1}


def test_an_object_for_a_name_adds_members_only_inside_itself() -> None:
    """Where a string was expected, an object is its own JSON as text; outside a string it is a value."""
    payload = {"data": {"name": {"role": "admin"}}}
    template = '{"name": "{{data.name}}", "role": "guest"}'
    assert render_object(template, payload, "x") == {"name": '{"role":"admin"}', "role": "guest"}
    template = '{"name": {{data.name}}, "role": "guest"}'
    assert render_object(template, payload, "x") == {"name": {"role": "admin"}, "role": "guest"}


def test_a_name_of_a_member_cannot_overwrite_another() -> None:
    """A reference in a member's name that meets a name which is there already is refused."""
    payload = {"data": {"key": "role"}}
    assert "more than once" in json_refusal_of('{"role": "guest", "{{data.key}}": "admin"}', payload)
    assert "more than once" in json_refusal_of('{"role": "guest", {{data.key}}: "admin"}', payload)


@pytest.mark.parametrize(
    "template",
    [
        r'{"a": "\{{data.x}}"}',
        r'{"a": "\u{{data.x}}"}',
        r'{"a": "\u00{{data.x}}"}',
        r'{"a": "\\\{{data.x}}"}',
    ],
)
@pytest.mark.parametrize("value", ['", "role": "admin', "n", "0022", "22", 'u0022, "role": "admin'])
def test_an_escape_that_a_value_would_complete_is_refused(template: str, value: str) -> None:
    """A backslash right before a reference would make the value's first characters mean something."""
    assert "begins no JSON escape" in json_refusal_of(template, {"data": {"x": value}})


def test_a_whole_escape_before_a_reference_is_as_good_as_any_text() -> None:
    """An escaped backslash, and an escaped quote that ends no string."""
    payload = {"data": {"x": 'n"'}}
    template = r'{"a": "\\{{data.x}}\u0041{{data.x}}\"{{data.x}}"}'
    assert render_object(template, payload, "x") == {"a": '\\n"An""n"'}


@pytest.mark.parametrize("half", ["\ud800", "a\udc00b"])
def test_half_a_surrogate_pair_makes_no_json(half: str) -> None:
    """It is no character. The adapter refuses it before; here it must not become an error of ours."""
    assert "UTF-8" in json_refusal_of('{"a": "{{x}}"}', {"x": half})
    assert "UTF-8" in json_refusal_of('{"a": {{x}}}', {"x": half})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_refused(value: float) -> None:
    """As it is in a body."""
    assert "NaN or Infinity" in json_refusal_of('{"a": {{x}}}', {"x": value})


def test_a_refusal_holds_nothing_of_the_payload() -> None:
    """The payload has the password in it."""
    payload = {"data": {"password": "hunter2-hunter2"}}
    for template in ('{"a": 1{{data.password}}}', '{"a": {{data.password}} {{data.password}}}'):
        assert "hunter2" not in json_refusal_of(template, payload)
    with pytest.raises(InvalidRequest) as caught:
        render_number("{{data.password}}", payload, "x")
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{}", {}),
        (' {"a": {{data.items}}} ', {"a": PAYLOAD["data"]["items"]}),
        ('{"a": {{data.nothing}}, "b": "{{data.nothing}}"}', {"a": None, "b": ""}),
        ('{"a": {{data.body.yes}}, "b": "{{data.body.yes}}"}', {"a": True, "b": "true"}),
        ('{"a": {{time}}, "b": "{{time}}"}', {"a": 1800000000123, "b": "1800000000123"}),
        ('{"a":{"b":{{time}}}}', {"a": {"b": 1800000000123}}),
        ("{{data.body}}", PAYLOAD["data"]["body"]),
        ('{"a": "x\\"{{data.items.0}}\\"", "b": {{data.items.0}}}', {"a": 'x"zero"', "b": "zero"}),
    ],
)
def test_a_json_template_renders_to_an_object(template: str, rendered: object) -> None:
    """Inside a string a reference is text, outside one a value."""
    assert render_object(template, PAYLOAD, "x") == rendered


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object"),
        ("{{data.nothing}}", "must be a JSON object"),
        ("{{data.items}}", "must be a JSON object"),
        ('{"a": {{data.items.0}}{{data.items.0}}}', "not valid JSON"),
        ('{"a": 1{{data.nothing}}}', "not valid JSON"),
        ('{"a": 1, "a": 2}', "more than once"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1e999}', "too large"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"a": \\n}', "not valid JSON"),
        ("{'a': 1}", "not valid JSON"),
        ('{"a":' * 40 + "1" + "}" * 40, "32 levels"),
    ],
)
def test_a_json_template_that_renders_to_anything_else_is_refused(template: str, what: str) -> None:
    """Strict JSON, as for a body."""
    assert what in json_refusal_of(template)


# Numbers


@pytest.mark.parametrize(
    ("template", "payload", "number"),
    [
        ("86400000", {}, 86400000),
        (" 60000 ", {}, 60000),
        ("{{ttl}}", {"ttl": 60000}, 60000),
        ("{{ttl}}", {"ttl": "60000"}, 60000),
        ("{{ttl}}000", {"ttl": 60}, 60000),
        ("{{ttl}}", {"ttl": 1.5}, 1.5),
        ("{{ttl}}", {"ttl": 1e22}, 1e22),
        ("{{ttl}}", {"ttl": 0}, 0),
        ("-1", {}, -1),
    ],
)
def test_a_numeric_string_is_a_number(template: str, payload: object, number: float) -> None:
    """Whether the payload has it as a number or as text. Its bounds are others' concern."""
    assert render_number(template, payload, "x") == number


@pytest.mark.parametrize(
    "value",
    ["1_000", "0x10", "١٢", "²", "inf", "Infinity", "nan", "1,5", "1.", ".5", "+1", "1 2", "1e", "ten"],
)
def test_what_only_python_takes_for_a_number_is_none(value: str) -> None:
    """Nor what JavaScript would."""
    with pytest.raises(InvalidRequest) as caught:
        render_number("{{ttl}}", {"ttl": value}, "node.ttlTemplate")
    assert caught.value.faults[0].kind is FaultKind.NOT_A_NUMBER


@pytest.mark.parametrize("payload", [{}, {"ttl": None}, {"ttl": ""}, {"ttl": " \n"}])
def test_a_number_template_that_resolves_to_nothing_is_refused(payload: object) -> None:
    """It was given, so there shall be a number: nothing must not stand for no limit."""
    with pytest.raises(InvalidRequest, match="resolves to nothing"):
        render_number("{{ttl}}", payload, "node.ttlTemplate")


@pytest.mark.parametrize("value", [True, False, {}, [], [60000], {"ttl": 60000}])
def test_another_type_is_no_number(value: object) -> None:
    """A boolean, an object and a list are none, whatever they hold."""
    with pytest.raises(InvalidRequest, match="no number"):
        render_number("{{ttl}}", {"ttl": value}, "node.ttlTemplate")


# Result paths


@pytest.mark.parametrize(
    ("payload", "path", "result"),
    [
        ({}, "token", {"token": 1}),
        ({}, "a.b.c", {"a": {"b": {"c": 1}}}),
        ({"a": {"x": 0}}, "a.b", {"a": {"x": 0, "b": 1}}),
        ({"a": {"b": {"x": 0}}}, "a.b", {"a": {"b": 1}}),
        ({"a": None}, "a.b", {"a": {"b": 1}}),
        ({"a": [0, {"x": 0}]}, "a.[1].b", {"a": [0, {"x": 0, "b": 1}]}),
        ({"a": [0, 0]}, "a.1", {"a": [0, 1]}),
        ({}, "a.0", {"a": {"0": 1}}),
        ({}, "[a name].[b.c]", {"a name": {"b.c": 1}}),
        ({}, "__proto__.x", {"__proto__": {"x": 1}}),
        ({}, "this", {"this": 1}),
    ],
)
def test_a_result_is_put_at_its_path(payload: dict[str, Any], path: str, result: dict[str, Any]) -> None:
    """Objects on the way are made; the payload that came stays as it was."""
    before = json.dumps(payload)
    assert put(payload, parse_path(path, "x"), 1, "x") == result
    assert json.dumps(payload) == before


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"a": "text"}, "a.b"),
        ({"a": ""}, "a.b"),
        ({"a": 0}, "a.b"),
        ({"a": False}, "a.b"),
        ({"a": {"b": "text"}}, "a.b.[0]"),
        ({"a": []}, "a.0"),
        ({"a": [1]}, "a.1"),
        ({"a": [1]}, "a.b"),
        ({"a": [1]}, "a.-1"),
        ({"a": [1]}, "a." + "9" * 200),
        ({"a": [{}]}, "a.1.b"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(payload: dict[str, Any], path: str) -> None:
    """A result neither replaces what is on its way nor is lost; a list does not grow."""
    with pytest.raises(InvalidRequest, match="leads t"):
        put(payload, parse_path(path, "x"), 1, "x")


@pytest.mark.parametrize(
    "path",
    ["", " ", ".", "a.", ".a", "a..b", "a b", "{{data.x}}", "a/b", "a.[", "a.[]", "a.[x", "$.a.*", "a\n"],
)
def test_what_is_no_path_is_refused(path: str) -> None:
    """Empty steps and anything but a static path."""
    with pytest.raises(InvalidRequest, match="must be a path"):
        parse_path(path, "x")


def test_a_path_has_bounds() -> None:
    """A result is not put deeper than a body may be."""
    assert len(parse_path(".".join("a" * MAX_DEPTH), "x")) == MAX_DEPTH
    with pytest.raises(InvalidRequest, match="33 steps"):
        parse_path(".".join("a" * (MAX_DEPTH + 1)), "x")
    assert parse_path("a" * MAX_PATH, "x")
    with pytest.raises(InvalidRequest, match="256 characters"):
        parse_path("a" * (MAX_PATH + 1), "x")


# Size and time


def test_a_rendered_text_has_a_bound() -> None:
    """A template that names a long value a thousand times does not fill the memory."""
    payload = {"x": "x" * 32_000}
    assert len(render("{{x}}" + "y" * 768, payload, "x")) == MAX_RENDERED
    assert "32768 characters" in refusal_of("{{x}}" * 6000, payload)
    assert "32768 characters" in json_refusal_of('{"a": "' + "{{x}}" * 6000 + '"}', payload)
    assert "32768 characters" in json_refusal_of('{"a": [' + "{{x}}," * 6000 + "0]}", payload)


@pytest.mark.parametrize(
    "template",
    [
        "{{" + "a." * 15_000 + "a}}",
        "{{" + "[a]" * 10_000 + "}}",
        "{{" + "a." * 15_000 + "}}",
        "{{" + "[" * 30_000 + "}}",
        "{{" + "[a" * 15_000 + "}}",
        "{{" + "a" * 30_000 + " }}",
        "{{" + " " * 30_000 + "}}",
        "{{" * 15_000,
        "{{" * 15_000 + "}}",
        "}}" * 15_000,
        "{{a}}" * 6_000,
        "{{a b}}" * 4_000,
        "\\" * 30_000,
        '"' * 30_000,
        "\\u00" * 7_000,
        "-" + "9" * 30_000,
        "9" * 30_000 + "e",
    ],
)
def test_the_largest_templates_come_to_an_end(template: str) -> None:
    """Deep paths and torn ones, the largest event's worth of each, are rendered or refused."""
    for use in (render, render_object, render_number):
        try:
            use(template, PAYLOAD, "x")
        except InvalidRequest:
            continue


# Properties

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
TEMPLATES = st.lists(
    st.sampled_from(
        ["{{", "}}", "{", "}", "x", ".", "[", "]", "0", " ", '"', "\\", "\\u00", ",", ":", "{{x}}"]
    )
    | st.text(max_size=3),
    max_size=12,
).map("".join)


@given(st.text(), st.text())
def test_any_text_comes_back_equal_from_a_json_string(first: str, second: str) -> None:
    """Whatever stands in the payload is that, and only that, in the JSON's string."""
    template = '{"a": "<{{x}}{{y}}>", "{{x}}!": {{y}}, "b": [1, "{{y}}"]}'
    rendered = render_object(template, {"x": first, "y": second}, "x")
    assert rendered == {"a": f"<{first}{second}>", first + "!": second, "b": [1, second]}


@given(JSON)
def test_any_value_comes_back_equal_from_outside_a_string(value: object) -> None:
    """As JSON, of its own type."""
    assert render_object('{"a": {{x}}}', {"x": value}, "x") == {"a": value}


@given(st.text())
def test_text_is_rendered_as_it_is(text: str) -> None:
    """Nothing is escaped, trimmed or evaluated in a template of text."""
    assert render("{{x}}", {"x": text}, "x") == text


@given(TEMPLATES, JSON)
def test_a_template_renders_or_is_refused(template: str, value: object) -> None:
    """Whatever the template: text, an object, a number, or `InvalidRequest`. Nothing else is raised."""
    payload = {"x": value}
    for use, kind in ((render, str), (render_object, dict), (render_number, float)):
        try:
            assert isinstance(use(template, payload, "x"), kind)
        except InvalidRequest as refused:
            assert refused.faults[0].dotted == "x"  # noqa: PT017 - both ways are right


@given(TEMPLATES, st.dictionaries(st.text(), JSON, max_size=3))
def test_a_result_is_put_or_refused(path: str, payload: dict[str, Any]) -> None:
    """Whatever the path; and what was put is what a reference to it resolves to."""
    try:
        result = put(payload, parse_path(path, "x"), "here", "x")
    except InvalidRequest:
        return
    assert path.split(".")[0] in ("this", "else") or render("{{" + path + "}}", result, "x") == "here"
