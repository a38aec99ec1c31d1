"""An application's settings as a form has them: text in, and only what is different goes back.

Some lives count by seconds, others by milliseconds: in the form each has its unit, `1 hour`. A deployment
that is older than the console may lack some settings: the form has those that there are.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

NUMBERS = {
    f"guessing.{limit}.{part}": f"{label}, {what}"
    for limit, label in (
        ("account", "Account"),
        ("source", "Unknown source"),
        ("knownSource", "Known source"),
    )
    for part, what in (("atOnce", "at once"), ("perMinute", "a minute"))
}
LIVES = {
    "identityTokenLifetime": "Life of identity tokens",
    "userTokenLifetime": "Life of user tokens",
    "maxTokenLifetime": "Longest life of any token",
    "login.ttl": "Life of a log-in's token",
    "login.sessionLifetime": "Life of a log-in",
}
OPTIONAL = ("maxTokenLifetime", "login.ttl", "login.sessionLifetime")
"""Lives that may be left empty, for none."""

UNITS = {"day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "second": 1000, "millisecond": 1}
"""How many milliseconds each has, the largest first."""

_SHORT = {"d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}
_LIFE = re.compile(
    rf"([0-9]{{1,15}})\s*({'|'.join([*(f'{unit}s?' for unit in UNITS), *_SHORT])})", re.IGNORECASE
)

FLAGS = (
    "requireJwtToken",
    "login.invalidateExistingTokens",
    "selfService.signUp",
    "selfService.passwordReset",
    "selfService.logInLink",
    "selfService.profile",
)
TEXTS = ("name", "selfService.verifyEmail", "selfService.language")
LINKS = tuple(
    f"selfService.links.{name}" for name in ("verifyEmail", "resetPassword", "logIn", "changeEmail")
)
"""Texts that may be left empty, for none."""

EXTRA_DATA = "login.extraData"


def fields_of(application: Mapping[str, Any]) -> dict[str, str]:
    """The form's fields, filled in; a box that is not ticked is empty."""
    return {name: _as_text(name, value) for name, value in _settings_of(application)}


def changes_of(
    application: Mapping[str, Any], given: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What `update_application` is to change, and what of the form cannot be read, by field.

    Args:
        application: The settings as they are.
        given: The form's fields.
    """
    faults: dict[str, str] = {}
    changes: dict[str, Any] = {}
    for name, before in _settings_of(application):
        try:
            after = _as_value(name, given.get(name, "").strip())
        except ValueError as error:
            faults[name] = str(error)
            continue
        if after != before:
            *folders, last = name.split(".")
            place = changes
            for folder in folders:
                place = place.setdefault(folder, {})
            place[last] = after
    return changes, faults


def faults_of(message: str) -> dict[str, str]:
    """What a refusal says of the fields that it names: `name: … login.ttl: …`."""
    names = (*TEXTS, *LINKS, *FLAGS, *NUMBERS, *LIVES, EXTRA_DATA)
    found = re.split(rf"(?:^|(?<= ))({'|'.join(map(re.escape, names))}): ", message)
    return dict(zip(found[1::2], map(str.strip, found[2::2]), strict=True))


def _settings_of(application: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Those settings of the form that this deployment has, with their values."""
    for name in (*TEXTS, *LINKS, *FLAGS, *NUMBERS, *LIVES, EXTRA_DATA):
        value: Any = application
        for step in name.split("."):
            if step not in value:
                break
            value = value[step]
        else:
            yield name, value


def _as_text(name: str, value: Any) -> str:
    if name in FLAGS:
        return "on" if value else ""
    if value is None:
        return ""
    if name in LIVES:
        milliseconds = value * _milliseconds(name)
        unit = next(unit for unit, size in UNITS.items() if milliseconds % size == 0)
        count = milliseconds // UNITS[unit]
        return f"{count} {unit}{'s' * (count != 1)}"
    return json.dumps(value, ensure_ascii=False, indent=2) if name == EXTRA_DATA else str(value)


def _as_value(name: str, text: str) -> Any:
    """What a field says.

    Raises:
        ValueError: It cannot be read.
    """
    if name in FLAGS:
        return bool(text)
    if name in TEXTS:
        return text
    if name in LINKS:
        return text or None
    if name == EXTRA_DATA:
        try:
            return json.loads(text) if text else None
        except (ValueError, RecursionError):
            message = 'Extra data: give a JSON object, such as {"plan": "free"}, or nothing.'
            raise ValueError(message) from None
    if name in LIVES:
        return _life(name, text)
    digits = text.replace(",", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise ValueError(f"{NUMBERS[name]}: give a whole number.")
    return int(digits)


def _life(name: str, text: str) -> int | None:
    """A length of time, as the setting counts it.

    Raises:
        ValueError: It cannot be read.
    """
    if not text and name in OPTIONAL:
        return None
    read = _LIFE.fullmatch(text)
    if not read:
        nothing = ", or nothing" * (name in OPTIONAL)
        raise ValueError(f"{LIVES[name]}: give a number and its unit, such as 1 hour or 30 days{nothing}.")
    unit = read[2].lower()
    milliseconds = int(read[1]) * UNITS[_SHORT.get(unit, unit.removesuffix("s"))]
    if milliseconds % _milliseconds(name):
        raise ValueError(f"{LIVES[name]}: give whole seconds.")
    return milliseconds // _milliseconds(name)


def _milliseconds(name: str) -> int:
    """How many make up one of what a life counts by."""
    return 1 if name.startswith("login.") else 1000
