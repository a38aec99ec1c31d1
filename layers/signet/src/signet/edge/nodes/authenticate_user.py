"""Authentication as a step of a workflow: Losant's *Authenticate Experience User Node*.

The node says where in a payload the credentials stand and where the results are to be put
(docs/workflow.md). Everything that can be refused is refused before anybody is authenticated: a token
that is made, or ended, must not get lost behind a refusal.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Strict

from signet.domain import templates
from signet.domain.strict_json import Members
from signet.domain.users import User
from signet.edge.fields.model import RequestModel, Source
from signet.edge.nodes.node import Node, Text, new_token
from signet.errors import FaultKind, FieldFault, InvalidRequest
from signet.usecases.authentication import Attempt, Authentication, AuthMode


class AuthenticateUser(Node):
    """The node's configuration, as Losant has it."""

    exported_type = "ExperienceUserAuthNode"
    in_meta = ("authMode",)

    auth_mode: Annotated[AuthMode, Strict(strict=False)]
    email_template: Text = None
    password_template: Text = None
    token_template: Text = None
    user_result_path: Text = None
    token_result_path: Text = None
    source_ip_template: Text = None


class _Caller(RequestModel):
    """What the template of the source resolves to, under the template's name."""

    source_ip_template: Source


class _Resolved(RequestModel):
    node: _Caller


class AuthenticateUserRequest(RequestModel):
    """A node, and the payload that has come to it."""

    node: AuthenticateUser
    payload: dict[str, Any]


def run(
    request: AuthenticateUserRequest,
    authenticate: Callable[[Attempt], Authentication | None],
    view: Callable[[User, Attempt], Mapping[str, Any]],
) -> dict[str, Any]:
    """Authenticate whom the payload names, and put the results where the node says.

    Args:
        request: The node and the payload.
        authenticate: Checks the credentials; None where any is wrong.
        view: What is shown of a user after an attempt.

    Returns:
        `{"authenticated": true, "payload": …}` with the results put in, or
        `{"authenticated": false, "payload": …}` with the payload as it came.

    Raises:
        InvalidRequest: A template that the mode needs is missing; a template that is used holds more than
            references; the max age is no positive number; the extra data is no small JSON object; a
            result path leads nowhere.
    """
    node, payload = request.node, request.payload
    user_path = _path(node.user_result_path, "node.userResultPath")
    token_path = _path(node.token_result_path, "node.tokenResultPath")
    if user_path and token_path and all(a == b for a, b in zip(user_path, token_path, strict=False)):
        message = "leads into userResultPath, or it into this: one result would overwrite the other."
        raise InvalidRequest.of("node.tokenResultPath", message)
    attempt = _attempt(node, payload, return_token=token_path is not None)
    # Tried out with nothing in their place, so that no refusal can come after the fact.
    _put_results(payload, user_path, {}, token_path, "")
    authentication = authenticate(attempt)
    if authentication is None:
        return {"authenticated": False, "payload": payload}
    user = view(authentication.user, attempt) if user_path else {}
    return {
        "authenticated": True,
        "payload": _put_results(payload, user_path, user, token_path, authentication.token),
    }


def _path(text: str | None, field: str) -> templates.Path | None:
    return None if text is None else templates.parse_path(text.strip(), field)


def _put_results(
    payload: Members,
    user_path: templates.Path | None,
    user: Mapping[str, Any],
    token_path: templates.Path | None,
    token: str | None,
) -> Members:
    if user_path:
        payload = templates.put(payload, user_path, user, "node.userResultPath")
    if token_path:
        payload = templates.put(payload, token_path, token, "node.tokenResultPath")
    return payload


def _attempt(node: AuthenticateUser, payload: Members, *, return_token: bool) -> Attempt:
    credentials = _credentials(node, payload)
    attempt = Attempt(
        mode=node.auth_mode,
        email=credentials.get("email"),
        password=credentials.get("password"),
        token=credentials.get("token"),
        invalidate_existing_tokens=bool(node.invalidate_existing_tokens),
        return_token=return_token,
        source=_source(node, payload),
    )
    if not return_token or not attempt.makes_token:
        return attempt
    ttl_ms, extra_data = new_token(node, payload)
    return replace(attempt, ttl_ms=ttl_ms, extra_data=extra_data)


def _source(node: AuthenticateUser, payload: Members) -> str | None:
    """Where the payload says that its user came from; None where it does not know."""
    address = templates.render(node.source_ip_template or "", payload, "node.sourceIpTemplate")
    if not address.strip():
        return None
    return _Resolved.parse({"node": {"sourceIpTemplate": address}}).node.source_ip_template


def _credentials(node: AuthenticateUser, payload: Members) -> dict[str, str]:
    """What the templates of the mode's own credentials render to; the others are not looked at."""
    mode = node.auth_mode
    used: dict[str, str | None] = {}
    if mode.uses_email:
        used["email"] = node.email_template
    if mode.uses_password:
        used["password"] = node.password_template
    if mode.uses_token:
        used["token"] = node.token_template
    rendered, missing = {}, []
    for name, template in used.items():
        if template is None:
            message = f"is required with authMode {mode.value}."
            missing.append(FieldFault(("node", f"{name}Template"), FaultKind.MISSING, message))
        else:
            rendered[name] = templates.render(template, payload, f"node.{name}Template")
    if missing:
        raise InvalidRequest(*missing)
    return rendered
