"""What stands before the API, where the owner has put something there (docs/edge.md).

An HTTP API takes no AWS WAF. CloudFront does, and proves by a header that a request came through it; else
whoever knows the API's address would go round it.
"""

import hashlib
import hmac
from collections.abc import Mapping

from signet.errors import PermissionDenied

SECRET_HEADER = "x-origin-secret"  # noqa: S105 - its name
ADDRESS_HEADER = "x-viewer-address"


def find_caller(source_ip: str, headers: Mapping[str, str], digests: frozenset[str]) -> str:
    """The address that called: the one that the front saw, where there is one, since API Gateway sees its.

    Args:
        source_ip: The address that API Gateway saw.
        headers: By lower-case name.
        digests: SHA-256 of the secrets that the front may send, in hex: two while one takes over from the
            other, none where nothing stands before the API.

    Raises:
        PermissionDenied: There is a front, and the request brings none of its secrets.
    """
    if not digests:
        return source_ip
    brought = hashlib.sha256(headers.get(SECRET_HEADER, "").encode("utf-8", "surrogatepass")).hexdigest()
    if not any(hmac.compare_digest(brought, digest) for digest in digests):
        message = "This API answers to what stands before it alone; call that."
        raise PermissionDenied(message).because("origin secret", found="none, or a wrong one")
    return headers.get(ADDRESS_HEADER, "")
