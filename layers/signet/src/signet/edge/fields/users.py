"""Users as Losant's clients send them (docs/api.md, section 4)."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from signet.domain.ids import find_id
from signet.domain.passwords.policy import MAX_CHARACTERS, MIN_CHARACTERS, check_policy
from signet.domain.times import find_milliseconds
from signet.domain.users import MAX_GROUPS
from signet.edge.fields.identities import EmailText
from signet.edge.fields.model import HEX_ID, UNSET, RequestModel, described
from signet.errors import InvalidRequest, shown

MAX_TEXT = 1024
MAX_TAGS = 64

Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Tags = Annotated[
    dict[
        Annotated[
            str,
            StringConstraints(pattern=r"^[0-9a-zA-Z_-]{1,255}$"),
            Field(description="a name of 1 to 255 letters, digits, hyphens and underscores"),
        ],
        Annotated[str, StringConstraints(min_length=1, max_length=255)],
    ],
    Field(max_length=MAX_TAGS),
]


def _password(text: str) -> str:
    check_policy(text)
    return text


def _milliseconds(text: str) -> int:
    milliseconds = find_milliseconds(text)
    if milliseconds is None:
        message = "must be a date-time from 1970 to 9999 with a time zone, such as 2026-11-20T10:00:00.000Z."
        raise InvalidRequest.of("tokenCutoff", message)
    return milliseconds


def _group_ids(group_ids: list[str]) -> tuple[str, ...]:
    own_ids = set()
    for text in group_ids:
        group_id = find_id(text)
        if group_id is None:
            message = f"holds '{shown(text)}', which is no group id: 24 hex digits."
            raise InvalidRequest.of("experienceGroupIds", message)
        own_ids.add(group_id)
    return tuple(sorted(own_ids))


Password = Annotated[
    str,
    AfterValidator(_password),
    described(
        format="password",
        minLength=MIN_CHARACTERS,
        maxLength=MAX_CHARACTERS,
        description="Any but the most common ones; its length is counted after NFKC.",
    ),
]
DateTime = Annotated[
    str, AfterValidator(_milliseconds), described(format="date-time", description="From 1970 to 9999.")
]
GroupIds = Annotated[
    list[Annotated[str, described(pattern=HEX_ID)]], Field(max_length=MAX_GROUPS), AfterValidator(_group_ids)
]


class UserFields(RequestModel):
    """What a client may say of a user."""

    email: EmailText
    email_verified: bool = UNSET
    password: Password
    first_name: Text | None = None
    last_name: Text | None = None
    token_cutoff: DateTime | None = None
    user_tags: Tags = UNSET
    experience_group_ids: GroupIds = UNSET

    def fields(self) -> dict[str, Any]:
        """What was given, under the names of `User`'s fields."""
        names = {
            "email": "email",
            "email_verified": "email_verified",
            "first_name": "first_name",
            "last_name": "last_name",
            "token_cutoff": "token_cutoff_ms",
            "user_tags": "tags",
            "experience_group_ids": "group_ids",
        }
        given = {names[name]: getattr(self, name) for name in names if name in self.model_fields_set}
        # Null is what a user without an address has, and changes nothing.
        return {name: value for name, value in given.items() if name != "email_verified" or value is not None}


class CreateUser(UserFields):
    """The fields of a new user."""


class NamedUser(RequestModel):
    """Names a user, in the path or in a direct invocation."""

    experience_user_id: str


class UpdateUser(UserFields, NamedUser):
    """The fields to change; what is left out stays.

    What a client has read it may send back: the fields that it cannot change are known, and ignored.
    """

    email: EmailText | None = UNSET  # type: ignore[assignment] # null is what a user without an address has
    email_verified: bool | None = UNSET  # type: ignore[assignment] # the same
    password: Password = UNSET
    id: str = UNSET
    creation_date: Any = None
    last_updated: Any = None
    password_last_updated: Any = None
    last_login: Any = None
    avatar_url: Any = None
    experience_groups: Any = None
    profile: Any = None
    unverified: Any = None
    partial: Any = None
