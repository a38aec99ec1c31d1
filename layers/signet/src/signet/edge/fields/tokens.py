"""A token that is presented to be looked at or ended."""

from signet.domain.strict_json import Members
from signet.edge.fields.model import RequestModel


class PresentedToken(RequestModel):
    """The request's fields."""

    token: str


def parse_parameters(members: Members) -> PresentedToken:
    """The form's `token`; other parameters are ignored, `token_type_hint` among them (RFC 7009, RFC 7662).

    Raises:
        InvalidRequest: There is none.
    """
    return PresentedToken.parse({name: members[name] for name in ("token",) if name in members})
