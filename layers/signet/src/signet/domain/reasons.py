"""Why something happened. Apart from the events that say so, since whatever ends tokens imports it."""

from enum import StrEnum


class Because(StrEnum):
    """Why, or how. Those of `signet.domain.events.ENDS_TOKENS` stand on the item that was raised."""

    INVALIDATED = "invalidated"
    SIGNED_IN = "signedIn"
    LOGGED_OUT = "loggedOut"
    PASSWORD_CHANGED = "passwordChanged"  # noqa: S105
    EMAIL_CHANGED = "emailChanged"
    CUTOFF_MOVED = "cutoffMoved"
    USER_DELETED = "userDeleted"
    PERMISSIONS_REMOVED = "permissionsRemoved"
    NO_ROOM = "noRoom"
    TABLE_RESTORED = "tableRestored"
    APPLICATION_DELETED = "applicationDeleted"

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    EXPIRED = "expired"

    WIDENED = "widened"
    NARROWED = "narrowed"

    ANNOUNCED = "announced"
    ACTIVATED = "activated"
    RETIRED = "retired"
    REVOKED = "revoked"
    REMOVED = "removed"

    BOUNCED = "bounced"
    COMPLAINED = "complained"
