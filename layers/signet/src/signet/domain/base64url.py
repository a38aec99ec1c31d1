"""base64url without padding (RFC 7515 section 2), as JWS, JWKs and cursors are written."""

import base64


def encode(data: bytes) -> str:
    """Encode bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Decode a text in its own alphabet alone. Bits that count for nothing at its end are not looked at.

    Raises:
        ValueError: It is no base64url.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
