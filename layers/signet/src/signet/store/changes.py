"""What a write of the table was: the events in one record of its stream.

A pure function of the item before and after. Of who knows a password nothing is read here: credentials are
none of the items that make events.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from signet.domain.events import (
    ENDS_TOKENS,
    GROUP_FIELDS,
    SETTINGS,
    USER_FIELDS,
    Event,
    Kind,
    Subject,
    SubjectType,
)
from signet.domain.reasons import Because
from signet.domain.users import path_id

type Image = Mapping[str, Any]
"""An item, its numbers of any kind; empty where there was none."""


class Change(NamedTuple):
    """A write of one item.

    Attributes:
        pk: Its partition key.
        sk: Its sort key.
        old: The item before.
        new: The item after.
        by_ttl: Whether DynamoDB has removed it, since its time was over.
    """

    pk: str
    sk: str
    old: Image
    new: Image
    by_ttl: bool = False


def events_in(change: Change) -> list[Event]:
    """What has happened by a write; nothing where nobody outside would see a difference.

    Raises:
        KeyError, TypeError, ValueError: The item is none that Signet writes.
    """
    read = READERS.get("KEY#" if change.sk.startswith("KEY#") else change.sk)
    if read is None or change.pk == "KEYLIFE":
        return []
    return list(read(change))


def _user(change: Change) -> Iterator[Event]:
    old, new = change.old, change.new
    application_id, user_id = _place(change, "#USER#")
    subject = Subject(SubjectType.USER, path_id(user_id))

    def event(kind: Kind, **more: Any) -> Event:
        sequence = _count(new or old, "revision", 0)
        return Event(kind=kind, application_id=application_id, subject=subject, sequence=sequence, **more)

    was, is_there = "created_at" in old, "created_at" in new
    # Whoever comes after one that has ended is another one, though DynamoDB has not removed that yet.
    is_another = was and is_there and old["created_at"] != new["created_at"]
    if was and (is_another or not is_there):
        if "deleted_at" in new:
            because = Because.DELETED
        else:
            because = Because.EXPIRED if is_another or change.by_ttl else Because.REMOVED
        yield event(Kind.USER_DELETED, because=because)
    if is_there and (is_another or not was):
        yield event(Kind.USER_CREATED)
    elif is_there:
        if changed := _changed(USER_FIELDS, old, new):
            yield event(Kind.USER_UPDATED, changed=changed)
        if old.get("password_updated_at") != new.get("password_updated_at"):
            yield event(Kind.PASSWORD_CHANGED)
        if old.get("last_login") != new.get("last_login"):
            yield event(Kind.USER_AUTHENTICATED)
    if _is_raised(old, new):
        yield event(Kind.TOKENS_ENDED, because=_why(new))


def _permissions(change: Change) -> Iterator[Event]:
    application_id, user_id = _place(change, "#USER#")
    old, new = change.old, change.new
    epochs = [_count(image, "epoch") for image in (old, new) if image]
    is_narrower = not new or epochs[0] != epochs[-1]
    # The revisions begin anew when all were taken away; the epochs never do.
    epoch, revision = (epochs[-1], _count(new, "revision")) if new else (epochs[-1] + 1, 0)
    yield Event(
        kind=Kind.PERMISSIONS_CHANGED,
        application_id=application_id,
        subject=Subject(SubjectType.USER, path_id(user_id)),
        sequence=epoch * 2**32 + revision,
        because=Because.NARROWED if is_narrower else Because.WIDENED,
    )


def _identity(change: Change) -> Iterator[Event]:
    application_id, value = _place(change, "#IDENTITY#")
    if _is_raised(change.old, change.new):
        yield _ended(application_id, Subject(SubjectType.IDENTITY, value), change.new)


def _generation(change: Change) -> Iterator[Event]:
    application_id, _ = _place(change)
    subject = Subject(SubjectType.APPLICATION, application_id)
    if change.old and not change.new:
        # Deleted, and its generation with it: that is higher than any that it had.
        yield Event(
            kind=Kind.TOKENS_ENDED,
            application_id=application_id,
            subject=subject,
            sequence=_count(change.old, "generation") + 1,
            because=Because.APPLICATION_DELETED,
        )
    elif change.old and _is_raised(change.old, change.new):
        yield _ended(application_id, subject, change.new)


def _group(change: Change) -> Iterator[Event]:
    old, new = change.old, change.new
    application_id, group_id = _place(change, "#GROUP#")
    was, is_there = (bool(image) and "deleting" not in image for image in (old, new))
    changed: tuple[str, ...] = ()
    if was and is_there:
        fields = (GROUP_FIELDS[name] for name in GROUP_FIELDS if old.get(name) != new.get(name))
        changed = tuple(name for names in fields for name in names)
    if was != is_there or changed:
        yield Event(
            kind=Kind.GROUP_CHANGED,
            application_id=application_id,
            subject=Subject(SubjectType.GROUP, group_id),
            sequence=_count(new or old, "revision"),
            changed=changed,
            because=_written(was=was, is_there=is_there),
        )


def _application(change: Change) -> Iterator[Event]:
    old, new = change.old, change.new
    application_id, _ = _place(change)
    subject = Subject(SubjectType.APPLICATION, application_id)
    # What is left of a deleted one is its tombstone.
    was, is_there = ("created_at" in image for image in (old, new))
    changed = _changed(SETTINGS, old, new) if was and is_there else ()
    if was != is_there or changed:
        yield Event(
            kind=Kind.SETTINGS_CHANGED,
            application_id=application_id,
            subject=subject,
            sequence=_count(new, "deleted_at") if "deleted_at" in new else _count(new or old, "updated_at"),
            changed=changed,
            because=_written(was=was, is_there=is_there),
        )
    resets = [_count(image, "api_tokens_revision", 0) for image in (old, new)]
    if was and is_there and resets[0] != resets[1]:
        yield Event(
            kind=Kind.API_TOKEN_RESET, application_id=application_id, subject=subject, sequence=resets[1]
        )


def _key_ring(change: Change) -> Iterator[Event]:
    for name, because in (("next_kid", Because.ANNOUNCED), ("active_kid", Because.ACTIVATED)):
        kid = change.new.get(name)
        if kid is not None and kid != change.old.get(name):
            yield _key_event(kid, because)


def _key(change: Change) -> Iterator[Event]:
    kid = change.sk.removeprefix("KEY#")
    for name, because in (("retired_at", Because.RETIRED), ("revoked_at", Because.REVOKED)):
        if name in change.new and name not in change.old:
            yield _key_event(kid, because)
    if not change.new:
        yield _key_event(kid, Because.REMOVED)


def _mail_stop(change: Change) -> Iterator[Event]:
    application_id, _ = _place(change, "#MAILSTOP#")
    if change.new and not change.old and "user_id" in change.new:
        yield Event(
            kind=Kind.MAILS_STOPPED,
            application_id=application_id,
            subject=Subject(SubjectType.USER, path_id(change.new["user_id"])),
            sequence=_count(change.new, "stopped_at"),
            because=Because(change.new["because"]),
        )


READERS: Mapping[str, Callable[[Change], Iterator[Event]]] = {
    "USER": _user,
    "PERMISSIONS": _permissions,
    "IDENTITY": _identity,
    "GENERATION": _generation,
    "GROUP": _group,
    "APP": _application,
    "RING": _key_ring,
    "KEY#": _key,
    "MAILSTOP": _mail_stop,
}
"""By sort key, or how it begins. The stream's mapping in template.yaml lets through what stands here."""


def _place(change: Change, mark: str = "") -> tuple[str, str]:
    """The application's id, and what stands behind a mark in the partition key."""
    application, found, value = change.pk.partition(mark) if mark else (change.pk, "", "")
    if found != mark or not application.startswith("APP#"):
        message = f"The item {change.sk} stands under no partition key of its kind."
        raise ValueError(message)
    return application.removeprefix("APP#"), value


def _changed(fields: Mapping[str, str], old: Image, new: Image) -> tuple[str, ...]:
    return tuple(field for name, field in fields.items() if _shown(old, name) != _shown(new, name))


def _shown(image: Image, name: str) -> Any:
    """What others see of an attribute: an empty one is as good as none, and of an end that there is one."""
    if name == "unverified_until":
        return name in image
    value = image.get(name)
    return None if value is False or value in ({}, []) else value


def _count(image: Image, name: str, default: int | None = None) -> int:
    """A number of an item; what is none is not repeated by the refusal, which is logged.

    Raises:
        TypeError: It is none.
    """
    value = image.get(name, default)
    if not isinstance(value, int | Decimal):
        message = f"{name} is no number."
        raise TypeError(message)
    return int(value)


def _is_raised(old: Image, new: Image) -> bool:
    return _count(new, "generation", 0) > _count(old, "generation", 0)


def _why(image: Image) -> Because | None:
    known = {because.value: because for because in ENDS_TOKENS}
    return known.get(image.get("ended_because", ""))


def _ended(application_id: str, subject: Subject, new: Image) -> Event:
    return Event(
        kind=Kind.TOKENS_ENDED,
        application_id=application_id,
        subject=subject,
        sequence=_count(new, "generation"),
        because=_why(new),
    )


def _written(*, was: bool, is_there: bool) -> Because:
    if was and is_there:
        return Because.UPDATED
    return Because.CREATED if is_there else Because.DELETED


def _key_event(kid: str, because: Because) -> Event:
    subject = Subject(SubjectType.SIGNING_KEY, kid)
    return Event(
        kind=Kind.SIGNING_KEY_CHANGED, application_id=None, subject=subject, sequence=None, because=because
    )
