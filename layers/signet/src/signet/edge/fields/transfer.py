"""Users as import files and exports hold them: one JSON object a line (docs/import.md)."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator

from signet.domain.ids import find_id
from signet.domain.passwords.hasher import check_importable
from signet.domain.strict_json import parse_object
from signet.domain.times import iso_8601
from signet.domain.users import User
from signet.edge.fields.model import UNSET
from signet.edge.fields.users import DateTime, Password, UserFields
from signet.errors import FaultKind, InvalidRequest
from signet.usecases.importing import NewUser

PasswordHash = Annotated[str, AfterValidator(check_importable)]


def _user_id(text: str) -> str:
    user_id = find_id(text)
    if user_id is None:
        raise InvalidRequest.of("id", "is no user id: 24 hex digits.")
    return user_id


UserId = Annotated[str, AfterValidator(_user_id)]


class ImportLine(UserFields):
    """A user to be made, with a password or with the hash of one."""

    password: Password = UNSET
    password_hash: PasswordHash = UNSET
    id: UserId = UNSET
    creation_date: DateTime = UNSET

    def new_user(self) -> NewUser:
        """What the line asks for.

        Raises:
            InvalidRequest: It has a password and a hash, or neither.
        """
        if self.password is None and self.password_hash is None:
            message = "is required, or else passwordHash: a user logs in with it."
            raise InvalidRequest.of("password", message, FaultKind.MISSING)
        if self.password is not None and self.password_hash is not None:
            message = "stands beside a password; give one of the two."
            raise InvalidRequest.of("passwordHash", message)
        return NewUser(
            fields=self.fields(),
            password=self.password,
            password_hash=self.password_hash,
            user_id=self.id,
            created_at_ms=self.creation_date,
        )


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


def write_line(user: User, password_hash: str) -> bytes:
    """The line from which an import makes the user again, with its password."""
    members: dict[str, Any] = {
        "id": user.id,
        "email": user.email,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "userTags": user.tags or None,
        "experienceGroupIds": list(user.group_ids) or None,
        "tokenCutoff": None if user.token_cutoff_ms is None else iso_8601(user.token_cutoff_ms),
        "creationDate": iso_8601(user.created_at_ms),
        "passwordHash": password_hash,
    }
    given = {name: value for name, value in members.items() if value is not None}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
