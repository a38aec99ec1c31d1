"""Forms as OAuth's endpoints take them: `application/x-www-form-urlencoded` (RFC 6749 section 3.2)."""

from urllib.parse import parse_qsl

from signet.domain.strict_json import Members
from signet.errors import InvalidRequest

MAX_PARAMETERS = 32


def parse_form(body: bytes) -> Members:
    """Parse a form.

    Raises:
        InvalidRequest: It is no form in UTF-8, or has a parameter more than once. The message never
            quotes the body.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        message = "The body is no form (application/x-www-form-urlencoded), such as token=…"
        raise InvalidRequest.of("", message) from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        message = "The body has a parameter more than once."
        raise InvalidRequest.of("", message)
    return parameters
