"""Users as import files and exports hold them: one JSON object a line (docs/import.md)."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from signet.domain.passwords.hasher import check_importable
from signet.domain.strict_json import parse_object
from signet.domain.times import iso_8601
from signet.domain.users import EXTERNAL, NO_PASSWORD, User, find_user_id, path_id
from signet.edge.fields.identities import EmailText
from signet.edge.fields.model import UNSET
from signet.edge.fields.users import DateTime, Password, UserFields
from signet.edge.fields.velt import Profile
from signet.errors import FaultKind, InvalidRequest
from signet.usecases.importing import NewUser

TRANSFER_ID = r"[0-9a-zA-Z-]{1,64}"
"""The name of an import or an export, which becomes a key: that of its report."""

TransferId = Annotated[
    str,
    StringConstraints(pattern=f"^{TRANSFER_ID}$"),
    Field(description="1 to 64 letters, digits and hyphens"),
]

PasswordHash = Annotated[str, AfterValidator(check_importable)]


def _user_id(text: str) -> str:
    user_id = find_user_id(text)
    if user_id is None:
        raise InvalidRequest.of("id", "is no user id: 24 hex digits, or ext: and your own id.")
    return user_id


UserId = Annotated[str, AfterValidator(_user_id)]


class ImportLine(UserFields):
    """A user to be made, with a password, the hash of one, or none."""

    email: EmailText | None = None  # type: ignore[assignment] # a user with an external id needs none
    password: Password = UNSET
    password_hash: PasswordHash | None = UNSET
    id: UserId = UNSET
    creation_date: DateTime = UNSET
    last_updated: DateTime = UNSET
    password_last_updated: DateTime = UNSET
    last_login: DateTime | None = None
    profile: Profile = UNSET
    is_admin: bool = False

    def new_user(self) -> NewUser:
        """What the line asks for.

        Raises:
            InvalidRequest: It says both or neither of two things, or something of a user that has no such.
        """
        is_external = self.id is not None and self.id.startswith(EXTERNAL)
        if not is_external:
            self._check_own()
        if self.email is None:
            self._check_without_address()
        elif self.password is None and "password_hash" not in self.model_fields_set:
            message = "is required, or else passwordHash: null there makes a user who has no password yet."
            raise InvalidRequest.of("password", message, FaultKind.MISSING)
        if self.password is not None and self.password_hash is not None:
            message = "stands beside a password; give one of the two."
            raise InvalidRequest.of("passwordHash", message)
        if self.password is None and self.password_hash is None and self.password_last_updated is not None:
            raise InvalidRequest.of("passwordLastUpdated", "stands without a password.")
        dates: dict[str, Any] = {
            "created_at_ms": self.creation_date,
            "updated_at_ms": self.last_updated,
            "password_updated_at_ms": self.password_last_updated,
            "last_login_ms": self.last_login,
        }
        profile = {} if self.profile is None else self.profile.profile
        return NewUser(
            fields=self.fields() | {"profile": profile, "is_admin": self.is_admin},
            password=self.password,
            password_hash=None if self.email is None else self.password_hash or NO_PASSWORD,
            user_id=self.id,
            dates={name: date for name, date in dates.items() if date is not None},
        )

    def _check_own(self) -> None:
        """Check a user whose id is ours: it has an address, and nothing that `identify` brings."""
        if self.email is None:
            raise InvalidRequest.of("email", "is required.", FaultKind.MISSING)
        for field, is_given in (("profile", self.profile is not None), ("isAdmin", self.is_admin)):
            if is_given:
                raise InvalidRequest.of(field, "is what users have whose id begins with ext:.")

    def _check_without_address(self) -> None:
        for field, given in (
            ("password", self.password),
            ("passwordHash", self.password_hash),
            ("emailVerified", self.email_verified),
        ):
            if given is not None:
                raise InvalidRequest.of(field, "stands without an email, with which a user logs in.")


def read_line(line: bytes) -> NewUser:
    """Read a line of an import.

    Raises:
        InvalidRequest: It does not say what user to make. The message quotes no password and no hash.
    """
    try:
        members = parse_object(line)
    except InvalidRequest as error:
        message = error.message.replace("The body", "The line", 1).replace("line 1, ", "")
        raise InvalidRequest.of("", message) from None
    return ImportLine.parse(members).new_user()


def write_line(user: User, password_hash: str | None) -> bytes:
    """The line from which an import makes the user again, with its password; None without a credential."""
    members: dict[str, Any] = {
        "id": path_id(user.id),
        "email": user.email,
        "emailVerified": None if user.email_verified else False,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "userTags": user.tags or None,
        "experienceGroupIds": list(user.group_ids) or None,
        "profile": user.profile or None,
        "isAdmin": user.is_admin or None,
        "tokenCutoff": _date(user.token_cutoff_ms),
        "creationDate": _date(user.created_at_ms),
        "lastUpdated": _date(user.updated_at_ms),
        "passwordLastUpdated": _date(user.password_updated_at_ms),
        "lastLogin": _date(user.last_login_ms),
    }
    given = {name: value for name, value in members.items() if value is not None}
    if password_hash is not None:
        given["passwordHash"] = None if password_hash == NO_PASSWORD else password_hash
    # Sorted: the table keeps no order of the names in a profile, and two exports can be compared as they are.
    return json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _date(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso_8601(milliseconds)
