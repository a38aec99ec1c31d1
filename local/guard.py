"""Who may call the local gateway.

It listens on loopback only, but a browser on the same machine runs pages of strangers. Three things tell such
a page apart: the name under which it reached us (DNS rebinding), where it came from (`Origin`,
`Sec-Fetch-Site`), and a content type that a plain HTML form can send.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from local.sam import ACCOUNT

if TYPE_CHECKING:
    from local.messages import Request

_LOOPBACK: Final = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.IGNORECASE | re.ASCII)

# What requestContext.authorizer.iam holds for a request that was signed.
IAM_CALLER: Final[dict[str, Any]] = {
    "accessKey": "AKIALOCALLOCALLOCAL0",
    "accountId": ACCOUNT,
    "callerId": "AIDALOCALLOCALLOCAL00",
    "cognitoIdentity": None,
    "principalOrgId": None,
    "userArn": f"arn:aws:iam::{ACCOUNT}:user/local",
    "userId": "AIDALOCALLOCALLOCAL00",
}


def is_loopback(request: Request) -> bool:
    """Whether the request names this machine by a name that nobody else can claim."""
    return _LOOPBACK.fullmatch(request.header("host") or "") is not None


def refusal_as_iam(request: Request) -> str | None:
    """Why a loopback request does not pass for one that AWS would want signed; None where it does."""
    origin = request.header("origin")
    if origin is not None and origin.lower() != f"http://{request.header('host')}".lower():
        return "a page of another origin sent it"
    if request.header("sec-fetch-site") not in (None, "none", "same-origin"):
        return "a page of another site sent it"
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if request.body and media_type != "application/json":
        return "any page can send such a body; send the header content-type: application/json"
    return None
