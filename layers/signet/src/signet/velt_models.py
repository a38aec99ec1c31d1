"""What fields of Velt's requests have in common (docs/api.md, section 10)."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from signet.errors import InvalidRequest
from signet.identities import normal_email


def _printable(text: str) -> str:
    if not text.isprintable():
        message = "holds a character that cannot be printed."
        raise InvalidRequest.of("userId", message)
    return text


def _email(text: str) -> str:
    normal_email(text, "email")
    return text


ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_printable)]
"""The application's own id of a user."""

EmailText = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_email)]
"""An e-mail address, as it was given."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
"""An id or a name."""
