"""A session token as a step of a workflow: Losant's *Experience: Generate Token Node*."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import StringConstraints

from signet.domain import templates
from signet.edge.fields.model import RequestModel
from signet.edge.nodes.node import Node, new_token
from signet.errors import FaultKind, InvalidRequest, UserNotFound
from signet.usecases.sessions import Wanted

type Required = Annotated[str, StringConstraints(strip_whitespace=True)]


class GenerateToken(Node):
    """The node's configuration, as Losant has it."""

    exported_type = "ExperienceUserTokenNode"

    email_or_id_template: Required
    result_path: Required
    treat_as_login: bool | None = None


class GenerateTokenRequest(RequestModel):
    """A node, and the payload that has come to it."""

    node: GenerateToken
    payload: dict[str, Any]


def run(request: GenerateTokenRequest, issue: Callable[[Wanted], str]) -> dict[str, Any]:
    """Issue a token for the user whom the payload names, and put it where the node says.

    Args:
        request: The node and the payload.
        issue: Issues the token, or raises `UserNotFound`.

    Returns:
        `{"payload": …}` with the token put in, or null where there is no such user.

    Raises:
        InvalidRequest: A template holds more than references; the max age is no positive number; the extra
            data is no small JSON object; the result path leads nowhere.
    """
    node, payload = request.node, request.payload
    for name, template in (
        ("emailOrIdTemplate", node.email_or_id_template),
        ("resultPath", node.result_path),
    ):
        if not template:
            raise InvalidRequest.of(f"node.{name}", "is required.", FaultKind.MISSING)
    field = "node.resultPath"
    path = templates.parse_path(node.result_path, field)
    named = templates.render(node.email_or_id_template, payload, "node.emailOrIdTemplate")
    ttl_ms, extra_data = new_token(node, payload)
    # Tried out with nothing in its place, so that no refusal can come after the fact.
    without = templates.put(payload, path, None, field)
    wanted = Wanted(
        named=named.strip(),
        ttl_ms=ttl_ms,
        extra_data=extra_data,
        invalidate_existing_tokens=bool(node.invalidate_existing_tokens),
        treat_as_login=bool(node.treat_as_login),
    )
    try:
        return {"payload": templates.put(payload, path, issue(wanted), field)}
    except UserNotFound:
        return {"payload": without}
