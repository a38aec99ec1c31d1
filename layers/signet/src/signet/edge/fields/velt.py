"""What fields of Velt's requests have in common (docs/api.md, section 10)."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import Url

from signet.domain.users import MAX_PROFILE_BYTES, check_profile
from signet.edge.fields.identities import EmailText
from signet.edge.fields.model import RequestModel, described
from signet.errors import InvalidRequest

WEB_ADDRESS = re.compile(r"https?://[^/?#\\@\s]+(?:[/?#][^\\\s]*)?", re.IGNORECASE)


def _printable(text: str) -> str:
    if not text.isprintable():
        message = "holds a character that cannot be printed."
        raise InvalidRequest.of("userId", message)
    return text


def _web_address(text: str) -> str:
    try:
        # Browsers and their parsers are lenient: they skip control characters, and take `http:host`.
        is_one = bool(WEB_ADDRESS.fullmatch(text)) and text.isprintable() and bool(Url(text).host)
    except ValueError:
        is_one = False
    if not is_one:
        message = "must be an http or https URL with a host and without credentials."
        raise InvalidRequest.of("photoUrl", message)
    return text


ExternalId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128),
    AfterValidator(_printable),
    described(format="printable", description="Your own id of the user."),
]
"""The application's own id of a user."""

PhotoUrl = Annotated[
    str,
    StringConstraints(max_length=2048),
    AfterValidator(_web_address),
    described(format="web-address", description="http or https, with a host and without credentials."),
]
"""The address of a picture: whoever shows it puts it into a page, where a `javascript:` URL would run."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
"""An id or a name."""


MAX_CONTACTS = MAX_PROFILE_BYTES // len('{"userId":"a"},')
"""More would not fit into a profile. What comes behind them is not even looked at: anybody may send it."""


class Contact(RequestModel):
    """Somebody whom a user can address: Velt's `UserContact`."""

    user_id: ExternalId
    name: Text | None = None
    email: Text | None = None
    photo_url: PhotoUrl | None = None
    organization_id: Text | None = None
    group_id: Text | None = None
    source: Text | None = None
    visibility: Text | None = None
    color: Text | None = None
    text_color: Text | None = None
    initial: Text | None = None


class Profile(RequestModel):
    """What an application says of a user whom it names itself."""

    organization_id: Text | None = None
    email: EmailText | None = None
    name: Text | None = None
    photo_url: PhotoUrl | None = None
    color: Text | None = None
    text_color: Text | None = None
    initial: Text | None = None
    plan: Text | None = None
    type: Text | None = None
    is_read_only: bool | None = None
    contacts: Annotated[list[Contact], Field(max_length=MAX_CONTACTS)] | None = None

    @property
    def profile(self) -> dict[str, Any]:
        """All that was said, as `User.profile` has it."""
        names = {name for name in Profile.model_fields if name in self.model_fields_set}
        return self.model_dump(by_alias=True, exclude_none=True, include=names)

    @model_validator(mode="after")
    def _is_not_too_large(self) -> Self:
        check_profile(self.profile)
        return self
