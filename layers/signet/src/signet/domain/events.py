"""Events out: what has happened, told to whoever listens (docs/events-out.md).

No event holds a secret: who it is about, names of fields, and a word for why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from signet.domain.reasons import Because
from signet.domain.times import iso_8601

SOURCE = "signet"
VERSION = 1


class Kind(StrEnum):
    """What has happened: the event's `detail-type`."""

    USER_CREATED = "UserCreated"
    USER_UPDATED = "UserUpdated"
    USER_DELETED = "UserDeleted"
    USER_AUTHENTICATED = "UserAuthenticated"
    PASSWORD_CHANGED = "PasswordChanged"  # noqa: S105 - no password
    TOKENS_ENDED = "TokensEnded"
    PERMISSIONS_CHANGED = "PermissionsChanged"
    GROUP_CHANGED = "GroupChanged"
    SETTINGS_CHANGED = "SettingsChanged"
    API_TOKEN_RESET = "ApiTokenReset"  # noqa: S105
    SIGNING_KEY_CHANGED = "SigningKeyChanged"
    MAILS_STOPPED = "MailsStopped"


class SubjectType(StrEnum):
    """What an event is about."""

    USER = "user"
    IDENTITY = "identity"
    APPLICATION = "application"
    GROUP = "group"
    SIGNING_KEY = "signingKey"


class Subject(NamedTuple):
    """Who or what an event is about."""

    type: SubjectType
    id: str


class Shape(NamedTuple):
    """What events of a kind may say.

    Attributes:
        subjects: What they may be about.
        changed: The fields that they may name.
        because: The reasons that they may give.
        may_be_silent: Whether they may give none.
    """

    subjects: frozenset[SubjectType]
    changed: frozenset[str] = frozenset()
    because: frozenset[Because] = frozenset()
    may_be_silent: bool = True


ENDS_TOKENS = frozenset(
    {
        Because.INVALIDATED,
        Because.SIGNED_IN,
        Because.LOGGED_OUT,
        Because.PASSWORD_CHANGED,
        Because.EMAIL_CHANGED,
        Because.CUTOFF_MOVED,
        Because.USER_DELETED,
        Because.PERMISSIONS_REMOVED,
        Because.NO_ROOM,
        Because.TABLE_RESTORED,
        Because.APPLICATION_DELETED,
    }
)

USER_FIELDS = {
    "email": "email",
    "email_unverified": "emailVerified",
    "first_name": "firstName",
    "last_name": "lastName",
    "tags": "userTags",
    "group_ids": "experienceGroupIds",
    "token_cutoff": "tokenCutoff",
    "profile": "profile",
    "is_admin": "isAdmin",
    "unverified_until": "unverified",
}
"""The fields of a user by what holds them."""

GROUP_FIELDS = {
    "name": ("name",),
    "parent_id": ("parentId",),
    # Both stand in one item, whose revision alone the group's own names.
    "details_revision": ("description", "groupTags"),
}

SETTINGS = {
    "name": "name",
    "require_jwt_token": "requireJwtToken",
    "identity_token_lifetime": "identityTokenLifetime",
    "user_token_lifetime": "userTokenLifetime",
    "max_token_lifetime": "maxTokenLifetime",
    "login_ttl_ms": "login.ttl",
    "login_extra_data": "login.extraData",
    "login_invalidate_existing_tokens": "login.invalidateExistingTokens",
    "login_session_lifetime_ms": "login.sessionLifetime",
    "guessing_account_at_once": "guessing.account.atOnce",
    "guessing_account_per_minute": "guessing.account.perMinute",
    "guessing_source_at_once": "guessing.source.atOnce",
    "guessing_source_per_minute": "guessing.source.perMinute",
    "guessing_known_source_at_once": "guessing.knownSource.atOnce",
    "guessing_known_source_per_minute": "guessing.knownSource.perMinute",
    "self_service_sign_up": "selfService.signUp",
    "self_service_password_reset": "selfService.passwordReset",
    "self_service_log_in_link": "selfService.logInLink",
    "self_service_profile": "selfService.profile",
    "self_service_verify_email": "selfService.verifyEmail",
    "self_service_link_verify_email": "selfService.links.verifyEmail",
    "self_service_link_reset_password": "selfService.links.resetPassword",
    "self_service_link_log_in": "selfService.links.logIn",
    "self_service_link_change_email": "selfService.links.changeEmail",
    "self_service_language": "selfService.language",
}

_USERS = frozenset({SubjectType.USER})
_APPLICATIONS = frozenset({SubjectType.APPLICATION})
_WRITTEN = frozenset({Because.CREATED, Because.UPDATED, Because.DELETED})

SHAPES: Mapping[Kind, Shape] = {
    Kind.USER_CREATED: Shape(_USERS),
    Kind.USER_UPDATED: Shape(_USERS, frozenset(USER_FIELDS.values())),
    Kind.USER_DELETED: Shape(
        _USERS,
        because=frozenset({Because.DELETED, Because.EXPIRED, Because.REMOVED}),
        may_be_silent=False,
    ),
    Kind.USER_AUTHENTICATED: Shape(_USERS),
    Kind.PASSWORD_CHANGED: Shape(_USERS),
    Kind.TOKENS_ENDED: Shape(
        frozenset({SubjectType.USER, SubjectType.IDENTITY, SubjectType.APPLICATION}), because=ENDS_TOKENS
    ),
    Kind.PERMISSIONS_CHANGED: Shape(
        _USERS, because=frozenset({Because.WIDENED, Because.NARROWED}), may_be_silent=False
    ),
    Kind.GROUP_CHANGED: Shape(
        frozenset({SubjectType.GROUP}),
        frozenset(name for names in GROUP_FIELDS.values() for name in names),
        _WRITTEN,
        may_be_silent=False,
    ),
    Kind.SETTINGS_CHANGED: Shape(_APPLICATIONS, frozenset(SETTINGS.values()), _WRITTEN, may_be_silent=False),
    Kind.API_TOKEN_RESET: Shape(_APPLICATIONS),
    Kind.SIGNING_KEY_CHANGED: Shape(
        frozenset({SubjectType.SIGNING_KEY}),
        because=frozenset(
            {Because.ANNOUNCED, Because.ACTIVATED, Because.RETIRED, Because.REVOKED, Because.REMOVED}
        ),
        may_be_silent=False,
    ),
    Kind.MAILS_STOPPED: Shape(
        _USERS, because=frozenset({Because.BOUNCED, Because.COMPLAINED}), may_be_silent=False
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that has happened.

    Attributes:
        kind: What.
        application_id: Where; None of what all applications share.
        subject: To whom.
        sequence: Grows with each change of the subject, since a bus keeps no order: of a user its revision.
            None of a signing key, whose states follow each other in one order alone.
        changed: The names of the fields that are others now.
        because: Why; None where there is nothing to say, or where an older version has not said it.
    """

    kind: Kind
    application_id: str | None
    subject: Subject
    sequence: int | None
    changed: tuple[str, ...] = ()
    because: Because | None = None

    def detail(self, record_id: str, time_ms: int) -> dict[str, Any]:
        """The event as it is sent.

        Args:
            record_id: What names the write that it tells of: with the kind, the same for a repetition.
            time_ms: When that was, in Unix milliseconds.
        """
        return {
            "version": VERSION,
            "id": f"{record_id}-{self.kind}",
            "sequence": self.sequence,
            "applicationId": self.application_id,
            "subject": {"type": self.subject.type.value, "id": self.subject.id},
            "time": iso_8601(time_ms),
            "changed": list(self.changed),
            "because": None if self.because is None else self.because.value,
        }
