"""An application's settings as a form has them: text in, and only what is different goes back.

A deployment that is older than the console may lack some of them: the form has those that there are.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

NUMBERS = {
    "identityTokenLifetime": "Life of identity tokens",
    "userTokenLifetime": "Life of user tokens",
    **{
        f"guessing.{limit}.{part}": f"{label}, {what}"
        for limit, label in (
            ("account", "Account"),
            ("source", "Unknown source"),
            ("knownSource", "Known source"),
        )
        for part, what in (("atOnce", "at once"), ("perMinute", "a minute"))
    },
}
OPTIONAL = {
    "maxTokenLifetime": "Longest life of any token",
    "login.ttl": "Life of a log-in's token",
    "login.sessionLifetime": "Life of a log-in",
}
"""Numbers that may be left empty, for none."""

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


def changes_of(application: Mapping[str, Any], given: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """What `update_application` is to change, and what of the form cannot be read.

    Args:
        application: The settings as they are.
        given: The form's fields.
    """
    faults: list[str] = []
    changes: dict[str, Any] = {}
    for name, before in _settings_of(application):
        try:
            after = _as_value(name, given.get(name, "").strip())
        except ValueError as error:
            faults.append(str(error))
            continue
        if after != before:
            *folders, last = name.split(".")
            place = changes
            for folder in folders:
                place = place.setdefault(folder, {})
            place[last] = after
    return changes, faults


def _settings_of(application: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Those settings of the form that this deployment has, with their values."""
    for name in (*TEXTS, *LINKS, *FLAGS, *NUMBERS, *OPTIONAL, EXTRA_DATA):
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
    if not text and name in OPTIONAL:
        return None
    digits = text.replace(",", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        label = NUMBERS.get(name) or OPTIONAL[name]
        raise ValueError(f"{label}: give a whole number{', or nothing' * (name in OPTIONAL)}.")
    return int(digits)
