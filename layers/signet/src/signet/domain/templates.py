"""Templates with references into a payload, such as `{{data.body.email}}`: resolved, never evaluated.

A template comes from the operator, the payload from anyone. So a value is text, whatever it holds: it is
not rendered again, and in JSON it can neither leave its string nor add a member. Paths are written as
Losant's users write them: `data.items.[0].name`, `data.[a name with spaces]`.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from signet.domain.strict_json import MAX_DEPTH, Members, parse_object
from signet.errors import FaultKind, FieldFault, InvalidRequest

MAX_RENDERED = 32 * 1024
"""Characters that a template may render to: one that names a long value often must not swell."""

MAX_PATH = 255
"""Characters of a result path."""

_PLAIN = r"[^\s\x00-\x1f!\"#%&'()*+,./;<=>@\[\\\]^`{|}~]+"
_BRACKETED = r"\[[^\[\]{}\x00-\x1f]+\]"
_STEP = re.compile(rf"{_BRACKETED}|{_PLAIN}")
_PATH = re.compile(rf"(?:{_BRACKETED}|{_PLAIN})(?:\.?{_BRACKETED}|\.{_PLAIN})*")
_JSON_MARK = re.compile(r'\\(?:u[0-9a-fA-F]{4}|[^u])|["\\]', re.DOTALL)
"""What counts in a piece of JSON text: whole escapes, quotes, and backslashes that begin no escape."""
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

_CONSTRUCTS = {
    "{": "is for unescaped HTML, but {{…}} escapes none either",
    "&": "is for unescaped HTML, but {{…}} escapes none either",
    "#": "is a block",
    "^": "is a block",
    "/": "is a block",
    ">": "is a partial",
    "!": "is a comment",
    "": "names nothing",
}

type Path = tuple[str, ...]
"""The steps from the payload's root: names of members, indexes of lists as text."""


def render(template: str, payload: object, field: str) -> str:
    """The template with each reference's value in its place.

    Strings stand as they are, other values as JSON writes them; what is missing or null is empty.

    Args:
        template: From the operator.
        payload: JSON, as `json_body.check_object` lets it through.
        field: The template's name, for a refusal.

    Raises:
        InvalidRequest: The template holds a block, a helper or anything else that is not a reference, or
            renders to too much. The message names the construct, and nothing of the payload.
    """

    def pieces() -> Iterator[str]:
        for text, path in _parse(template, field):
            if path is not None and text.endswith("\\"):
                raise _refusal(field, r"holds \{{, which has no meaning here.")
            yield text
            yield "" if path is None else _text(_resolve(payload, path))

    return _join(pieces(), field)


def render_object(template: str, payload: object, field: str) -> Members:
    """The JSON object that the template renders to.

    Inside a string a reference's value is what `render` would put there, escaped; outside of one it is
    the value as JSON, null where it is missing.

    Args:
        template: From the operator.
        payload: JSON, as `json_body.check_object` lets it through.
        field: The template's name, for a refusal.

    Raises:
        InvalidRequest: As for `render`; or the result is not strict JSON (`json_body.parse_object`), or
            no object.
    """

    def pieces() -> Iterator[str]:
        inside = False
        for text, path in _parse(template, field):
            for mark in _JSON_MARK.findall(text):
                if mark == "\\":
                    # With a reference behind it, the value's first characters would end the escape.
                    raise _refusal(field, "holds a backslash that begins no JSON escape.")
                inside ^= mark == '"'
            yield text
            if path is not None:
                value = _resolve(payload, path)
                yield _json(_text(value))[1:-1] if inside else _json(value)

    rendered = _join(pieces(), field).encode("utf-8", "surrogatepass")
    try:
        return parse_object(rendered)
    except InvalidRequest as error:
        why = error.message.removeprefix("The body ")
        raise _refusal(field, f"renders to what {why}") from None


def render_number(template: str, payload: object, field: str) -> float:
    """The number that the template renders to; a string that holds one counts.

    Args:
        template: From the operator.
        payload: JSON, as `json_body.check_object` lets it through.
        field: The template's name, for a refusal.

    Raises:
        InvalidRequest: As for `render`; or it renders to nothing, or to anything but a number.
    """
    text = render(template, payload, field).strip()
    if not text:
        raise _refusal(field, "resolves to nothing; leave it out where there shall be no number.")
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest.of(field, "resolves to something that is no number.", FaultKind.NOT_A_NUMBER)
    number = float(text)
    if math.isinf(number):
        raise _refusal(field, "resolves to a number that is too large.")
    return number


def parse_path(text: str, field: str) -> Path:
    """The steps of a path such as `data.session.token`.

    Raises:
        InvalidRequest: It is no path, or too long a one.
    """
    if len(text) > MAX_PATH:
        message = f"has {len(text)} characters; at most {MAX_PATH} are taken."
        raise InvalidRequest.of(field, message, FaultKind.TOO_LONG)
    path = _find_path(text)
    if path is None:
        raise _refusal(field, "must be a path such as data.session.token.")
    if len(path) > MAX_DEPTH:
        message = f"has {len(path)} steps; at most {MAX_DEPTH} are taken."
        raise InvalidRequest.of(field, message, FaultKind.TOO_LONG)
    return path


def put(payload: Members, path: Path, value: object, field: str) -> Members:
    """A copy of the payload with a value at a path. Objects that are missing on the way are made.

    Args:
        payload: Stays as it is.
        path: Through objects and elements of lists that there are.
        value: Replaces what is there.
        field: The path's name, for a refusal.

    Raises:
        InvalidRequest: The path leads through a string, a number, a boolean, or past a list's end.
    """
    root = dict(payload)
    container: Any = root
    for step in path[:-1]:
        key = _key(container, step, field)
        inner = container[key] if isinstance(container, list) else container.get(key)
        if inner is None:
            inner = {}
        elif not isinstance(inner, dict | list):
            raise _refusal(field, f"leads through {step!r}, which holds neither an object nor a list.")
        container[key] = container = inner.copy()
    container[_key(container, path[-1], field)] = value
    return root


def _key(container: Members | list[Any], step: str, field: str) -> Any:
    if isinstance(container, dict):
        return step
    index = _find_index(step, len(container))
    if index is None:
        raise _refusal(field, f"leads to {step!r} of a list, which has no such element.")
    return index


def _parse(template: str, field: str) -> Iterator[tuple[str, Path | None]]:
    """Pieces of text, each with the reference that follows it; the last one has none."""
    position = 0
    while (start := template.find("{{", position)) >= 0:
        end = template.find("}}", start)
        if end < 0:
            raise _refusal(field, "holds {{ without its }}.")
        path = _find_path(template[start + 2 : end].strip())
        if path is None or path[0] in ("this", "else"):
            raise _unsupported(template[start : end + 2], field)
        yield template[position:start], path
        position = end + 2
    yield template[position:], None


def _find_path(text: str) -> Path | None:
    if not _PATH.fullmatch(text):
        return None
    return tuple(step[1:-1] if step[0] == "[" else step for step in _STEP.findall(text))


def _resolve(payload: object, path: Path) -> object:
    """What stands at the path; None where nothing does. An index reaches into strings too."""
    value = payload
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list | str) and (index := _find_index(step, len(value))) is not None:
            value = value[index]
        else:
            return None
    return value


def _find_index(step: str, length: int) -> int | None:
    # No int() of any number of digits; and "00" is no index.
    if len(step) > 9 or not step.isascii() or not step.isdigit() or str(int(step)) != step:
        return None
    return index if (index := int(step)) < length else None


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _join(pieces: Iterable[str], field: str) -> str:
    kept, length = [], 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_RENDERED:
            message = f"renders to more than {MAX_RENDERED} characters."
            raise InvalidRequest.of(field, message, FaultKind.TOO_LONG)
        kept.append(piece)
    return "".join(kept)


def _unsupported(construct: str, field: str) -> InvalidRequest:
    inner = construct[2:-2].strip()
    what = _CONSTRUCTS.get(inner[:1])
    if what is None:
        what = "is a helper" if any(sign in inner for sign in " (\t\n") else "is no path into the payload"
    if inner == "else":
        what = "is a block"
    shown = construct if len(construct) <= 64 else construct[:64] + "…"
    return _refusal(
        field, f"holds {shown}, which {what}; a template takes references such as {{{{data.id}}}}."
    )


def _refusal(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(FieldFault((field,), FaultKind.INVALID, message))
