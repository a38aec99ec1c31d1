"""What strangers send: every route of the template, each of its fields, and texts that have broken parsers.

Routes come from the template, what a request of theirs is like from `events/`, and their fields from the
request models that their handlers know: a new route is among them by itself.
"""

import base64
import copy
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, get_args
from urllib.parse import parse_qsl, quote, urlencode

from hypothesis import strategies as st
from pydantic import BaseModel

from signet.edge.fields.model import RequestModel
from tests.deployment import ROOT, Deployment, Response, load_template
from tools.events import load_event

MAX_BODY = 32 * 1024

TEMPLATE = load_template()
ROUTES: dict[str, str] = {
    f"{event['Properties']['Method']} {event['Properties']['Path']}": resource["Properties"]["CodeUri"]
    for resource in TEMPLATE["Resources"].values()
    if resource["Type"] == "AWS::Serverless::Function"
    for event in resource["Properties"].get("Events", {}).values()
    if event["Type"] == "HttpApi"
}
"""The folder of each route's function."""

SIGNED = {route for route in ROUTES if route.partition(" ")[2].count("/") < 3 and "/applications" in route}
"""The operator's: `/applications` and `/applications/{applicationId}`."""

EVENTS = {
    route: [
        path for path in sorted((ROOT / "events").glob("*.http*.json")) if f'"{route}"' in path.read_text()
    ]
    for route in ROUTES
}


@dataclass
class Asked:
    """A request that is not sent yet."""

    route: str
    parameters: dict[str, str]
    headers: dict[str, str]
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    raw: bytes | None = None
    raw_query: str = ""

    def send(self, signet: Deployment) -> Response:
        """Send it, as the gateway would hand it on."""
        method, _, path = self.route.partition(" ")
        for name, value in self.parameters.items():
            path = path.replace(f"{{{name}}}", quote(value, safe="", errors="replace"))
        query = "&".join(filter(None, [urlencode(self.query, errors="replace"), self.raw_query]))
        return signet.http(
            method,
            f"{path}?{query}" if query else path,
            self.body,
            raw=self.raw,
            headers=self.headers,
            signed=self.route in SIGNED,
        )


def seeds(route: str, demo: Mapping[str, str]) -> list[Asked]:
    """Requests of the route that are right, one for each of its events."""
    found = []
    for path in EVENTS[route]:
        event = load_event(path, demo)
        body, is_form = event.get("body"), "form" in event["headers"].get("content-type", "")
        found.append(
            Asked(
                route,
                dict(event.get("pathParameters") or {}),
                {name: value for name, value in event["headers"].items() if name != "host"},
                dict(parse_qsl(event.get("rawQueryString", ""))),
                body=json.loads(body) if body and not event.get("isBase64Encoded") and not is_form else None,
                raw=body.encode() if body and is_form else None,
            )
        )
    return found


def fields(route: str) -> list[str]:
    """The fields of the route's request models, and of those within them, by their names in the body."""
    module = import_module(ROUTES[route].replace("/", ".") + "handler")
    models = {
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, RequestModel) and kind is not RequestModel
    }
    return sorted({name for model in models for name in _fields(model)})


def _fields(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field_info in annotation.model_fields.items():
            yield field_info.alias or name
            yield from _fields(field_info.annotation)
    for inner in get_args(annotation):
        yield from _fields(inner)


TEXTS = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "%00",
    "%",
    "%zz",
    "..",
    "../../x",
    "x" * 300,
    "x" * 3000,
    "é" * 1100,
    "e" + "\u0301\u0323" * 500,
    "\u2028" * 20,
    "\U0001f600" * 128,
    "f" * 24,
    "F" * 24,
    "\uff11" * 24,
    "\u212a" * 24,
    "ext:",
    "ext:" + "\U0001f600" * 128,
    "ext:" + "x" * 129,
    "ext:a\x00",
    "x:1",
    "a@b.example",
    "a" * 300 + "@example.com",
    "\u0130@example.com",
    "ann@" + "xn--" * 200,
    "+" + "9" * 40,
    "-1",
    "1e400",
    "9" * 4400,
    "\u0661",
    "true",
    "null",
    "{}",
    "[",
    '{"email": "a"}',
    '{"$or": [{"email": {"$ne": "\\ud800"}}]}',
    "WyJcdWQ4MDAiLCJmIiwwXQ",
    "WyJhIiwiZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmIiwwXQ",
    "WyJFI2EiLCAiZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmYiLCAwXQ",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59.999999-23:59",
    "javascript:alert(1)",
    "http://[",
    "https://signet.example:99999",
    "Bearer",
    "Bearer \x00",
    "Basic Og==",
    "Basic /w==",
    "Basic \u00e9",
    "Bearer a.b.c",
    "a.b.c",
    "eyJhbGciOiJub25lIn0.e30.",
    "eyJhbGciOiJFUzI1NiIsInR5cCI6InNlc3Npb24rand0Iiwia2lkIjoiIn0.e30.AA",
    "sgt_" + "f" * 24 + "_" + "A" * 43,
    "authorization=%00",
    "cross-site",
    "application/json;charset=\x00",
]
"""Each of these has been, or could be, more than a parser or a key expects."""

HALVES = ["\ud800", "a\udfff", "ext:\ud800", "\ud800@example.com"]
"""Half a surrogate pair: JSON can say it, nothing else."""

texts = st.sampled_from(TEXTS) | st.text(max_size=40) | st.text(min_size=20, max_size=400)

numbers = st.sampled_from([0, -1, 1, 2**31, 2**53, 2**63, 10**30, -(10**40), 0.5, -0.0, 1e308, 253402300800])


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if levels % 2 else {"a": value}
    return value


large = st.sampled_from(
    [
        [],
        {},
        _nested(20),
        _nested(29),
        _nested(33),
        ["f" * 24] * 101,
        [f"{n:024x}" for n in range(200)],
        ["ext:x"] * 1001,
        {str(n): "x" for n in range(65)},
        {"x" * 256: "x"},
        {"a": "x" * 300},
        {"\ud800": "\udfff"},
        [{}] * 101,
        {"a": 10**40, "b": 1.5, "c": 10**400},
    ]
)

values = texts | st.sampled_from(HALVES) | numbers | large | st.none() | st.booleans()
"""What may stand in place of any member."""

raw_bodies = st.sampled_from(
    [
        b"",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 20_000,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b'{"a": 1, "a": 2}',
        b'{"data": {"apiKey": "a", "apiKey": "b"}}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"token=%ff",
        b"token=a&token=b",
        b"token=" + b"x" * 20_000,
        b"&" * 1000,
        b'"text"',
        b"null",
        b" " * (MAX_BODY + 1),
    ]
) | st.binary(max_size=64)


def filled(piece: str, separator: str = ",", outside: str = "{$all}") -> bytes:
    """As many pieces as fit into a body.

    Args:
        piece: What stands there again and again, with `$n` for its number.
        separator: What stands between two.
        outside: What stands around them all, with `$all` for them.
    """
    pieces: list[str] = []
    room = MAX_BODY - len(outside.encode())
    while room > 0:
        pieces.append(piece.replace("$n", f"{len(pieces):x}"))
        room -= len((pieces[-1] + separator).encode())
    return outside.replace("$all", separator.join(pieces[:-1])).encode()


MARKS = "\u0301\u0323"
USER = '{"data":{"apiKey":"$key","user":{$all}}}'
CLAIMS = '{"data":{"apiKey":"$key","authToken":"$all","user":{"userId":"u"}}}'
LOG_IN = '{"email":"$all@example.com","password":"a"}'
PASSWORD = '{"email":"a@example.com","password":"a$all"}'

BODIES: dict[str, bytes] = {
    **{
        f"{what}, {where}": filled(piece, outside=outside)
        for where, outside in {"outermost": "{$all}", "in data": '{"data":{$all}}', "in user": USER}.items()
        for what, piece in {
            "unknown members": '"$n":1',
            "misspelt members": '"userI$n":1',
            "members with long names": f'"{"n" * 90}$n":1',
            "members in another script": '"\U0001f600$n":1',
        }.items()
    },
    "a member twice, at the end": filled('"$n":1', outside='{$all,"1":2}'),
    "empty objects": filled("{}", outside='{"data":[$all]}'),
    "numbers": filled("1.5", outside='{"data":[$all]}'),
    "deep": b'{"data":' + b"[" * 30_000,
    "long e-mail": filled("a", "", LOG_IN),
    "e-mail of marks": filled(MARKS, "", LOG_IN),
    "short e-mail of marks": LOG_IN.replace("$all", MARKS * 500).encode(),
    "short claims of marks": USER.replace("$all", f'"userId":"u","email":"{MARKS * 500}@a.example"').encode(),
    "long password": filled("a", "", PASSWORD),
    "password of marks": filled(MARKS, "", PASSWORD),
    "short password of marks": PASSWORD.replace("$all", MARKS * 4000).encode(),
    "token of dots": filled(".", "", CLAIMS),
    "token of letters": CLAIMS.replace("$all", "a" * 16_000 + ".a.a").encode(),
    "form": filled("token=%41", "&", "$all"),
    "no UTF-8": b"\xff" * MAX_BODY,
    "too large": b" " * (MAX_BODY + 1),
}
"""The dearest bodies that are known. `$key` stands for an application's id."""

HEADERS = [
    "authorization",
    "x-velt-api-key",
    "x-velt-auth-token",
    "x-velt-workspace-auth-token",
    "cookie",
    "origin",
    "sec-fetch-site",
    "content-type",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-for",
]


def containers(value: Any) -> list[dict[str, Any]]:
    """Every object within a JSON value."""
    found: list[dict[str, Any]] = [value] if isinstance(value, dict) else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        found += containers(one)
    return found


def requests(route: str, demo: Mapping[str, str]) -> st.SearchStrategy[Asked]:
    """A request of the route that is right but for one to three places."""
    # Read first: a handler that is imported draws on `random`, which no strategy may do.
    return _changed(seeds(route, demo), fields(route))


@st.composite
def _changed(draw: st.DrawFn, right: Sequence[Asked], names: Sequence[str]) -> Asked:
    asked = copy.deepcopy(draw(st.sampled_from(right)))
    places = ["header", "query", "raw query", "raw body"]
    places += ["parameter"] * 3 if asked.parameters else []
    places += ["member"] * 6 if isinstance(asked.body, dict) else []
    for place in draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        if place == "parameter":
            name = draw(st.sampled_from(sorted(asked.parameters)))
            asked.parameters[name] = draw(texts.filter(bool))
        elif place == "header":
            name = draw(st.sampled_from(sorted({*asked.headers, *HEADERS})))
            asked.headers[name] = draw(texts)
        elif place == "query":
            asked.query[draw(st.sampled_from([*names, "authorization"]))] = draw(texts)
        elif place == "raw query":
            asked.raw_query = draw(texts)
        elif place == "raw body":
            asked.raw = draw(raw_bodies)
        else:
            inside = draw(st.sampled_from(containers(asked.body)))
            known = sorted({*inside, *names})
            name = draw((st.sampled_from(known) if known else st.nothing()) | texts | st.sampled_from(HALVES))
            if draw(st.booleans()) or name not in inside:
                inside[name] = copy.deepcopy(draw(values))
            else:
                del inside[name]
    return asked


@st.composite
def events(draw: st.DrawFn, event: Any) -> Any:
    """An event that is right but for one to three members, anywhere in it, in which anything may stand."""
    changed = copy.deepcopy(event)
    for _ in range(draw(st.integers(min_value=1, max_value=3))):
        inside = draw(st.sampled_from(containers(changed)))
        if not inside:
            continue
        name = draw(st.sampled_from(sorted(inside)))
        if draw(st.integers(min_value=0, max_value=5)):
            inside[name] = copy.deepcopy(draw(values))
        else:
            del inside[name]
    return changed


SHAPES: list[Callable[[str], Any]] = [
    str,
    lambda text: [text],
    lambda text: {text: text},
    "a+{}@b.example".format,
]
"""As what a text may stand in the place of a member's value."""


def places(route: str, demo: Mapping[str, str], texts: Sequence[str]) -> Iterator[Asked]:
    """Requests that are right, but for a text in one place of each.

    Args:
        route: Their route.
        demo: What is right.
        texts: Each of them stands in every place that a right request has, and one of them, by turns, in
            every other place in which there could be something.
    """
    (first, *_) = seeds(route, demo)
    turns, shapes = itertools.cycle(texts), itertools.cycle(SHAPES)

    def change(**changes: Any) -> Asked:
        return replace(copy.deepcopy(first), **changes)

    for text in texts:
        for name in first.headers:
            yield change(headers={**first.headers, name: text})
        for name in first.parameters:
            yield change(parameters={**first.parameters, name: text})
        for user_name in (text, f"{text}@example.com", f"ann+{text}@example.com"):
            basic = base64.b64encode(f"{user_name}:{demo['apiToken']}".encode()).decode()
            yield change(headers={**first.headers, "authorization": f"Basic {basic}"})
        member = json.dumps(text)
        yield change(raw=f"{{{member}: 1, {member}: 2}}".encode())
        yield change(raw=f'{{"data": {{}}, {member}: 2}}'.encode())
        yield change(raw=f"token={text}&token={text}&{text}={text}".encode())
    for name in HEADERS:
        yield change(headers={**first.headers, name: next(turns)})
    for name in (*fields(route), "authorization", next(turns)):
        yield change(query={name: next(turns)})
    for number, container in enumerate(containers(first.body)):
        values = [(name, text) for name in container for text in texts]
        values += [(name, next(shapes)(next(turns))) for name in (*fields(route), *texts)]
        for name, value in values:
            asked = change()
            containers(asked.body)[number][name] = value
            yield asked
