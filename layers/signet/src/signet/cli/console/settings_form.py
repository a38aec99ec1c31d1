"""An application's settings as a form has them: text in, and only what is different goes back."""

import json
from collections.abc import Mapping
from typing import Any

NUMBERS = {
    "identityTokenLifetime": "Life of identity tokens",
    "userTokenLifetime": "Life of user tokens",
}
OPTIONAL = {"maxTokenLifetime": "Longest life of any token", "login.ttl": "Life of a log-in"}
"""Numbers that may be left empty, for none."""

FLAGS = ("requireJwtToken", "login.invalidateExistingTokens")
LIMITS = {"account": "Account", "source": "Unknown source", "knownSource": "Known source"}
PARTS = {"atOnce": "at once", "perMinute": "a minute"}


def fields_of(application: Mapping[str, Any]) -> dict[str, str]:
    """The form's fields, filled in; a box that is not ticked is empty."""
    fields = {name: str(_get(application, name)) for name in ("name", *NUMBERS)}
    for name in OPTIONAL:
        value = _get(application, name)
        fields[name] = "" if value is None else str(value)
    for name in FLAGS:
        fields[name] = "on" if _get(application, name) else ""
    for limit in LIMITS:
        for part in PARTS:
            fields[f"guessing.{limit}.{part}"] = str(application["guessing"][limit][part])
    extra = application["login"]["extraData"]
    fields["login.extraData"] = "" if extra is None else json.dumps(extra, ensure_ascii=False, indent=2)
    return fields


def changes_of(application: Mapping[str, Any], given: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """What `update_application` is to change, and what of the form cannot be read.

    Args:
        application: The settings as they are.
        given: The form's fields.
    """
    faults: list[str] = []
    changes: dict[str, Any] = {}

    def put(name: str, value: object) -> None:
        if value != _get(application, name):
            *folders, last = name.split(".")
            place = changes
            for folder in folders:
                place = place.setdefault(folder, {})
            place[last] = value

    put("name", given.get("name", "").strip())
    for name, label in {**NUMBERS, **OPTIONAL, **_limits()}.items():
        text = given.get(name, "").strip().replace(",", "")
        if not text and name in OPTIONAL:
            put(name, None)
        elif text.isascii() and text.isdigit() and len(text) <= 15:
            put(name, int(text))
        else:
            faults.append(f"{label}: give a whole number{', or nothing' * (name in OPTIONAL)}.")
    for name in FLAGS:
        put(name, bool(given.get(name)))
    extra = given.get("login.extraData", "").strip()
    try:
        put("login.extraData", json.loads(extra) if extra else None)
    except (ValueError, RecursionError):
        faults.append('Extra data: give a JSON object, such as {"plan": "free"}, or nothing.')
    return changes, faults


def _limits() -> dict[str, str]:
    return {
        f"guessing.{limit}.{part}": f"{label}, {what}"
        for limit, label in LIMITS.items()
        for part, what in PARTS.items()
    }


def _get(application: Mapping[str, Any], name: str) -> Any:
    value: Any = application
    for step in name.split("."):
        value = value[step]
    return value
