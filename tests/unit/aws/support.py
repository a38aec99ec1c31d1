"""What is asked of a service, and how it may fail."""

from signet.aws.client import THROTTLED, TRANSIENT
from tests.http_server import SILENCE, Reply, refusal, reply

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "a-session-token",
}
REQUEST = {"TableName": "t", "Key": {"pk": {"S": "what was asked"}}}
HTML = b"<html>what was answered</html>"
FAILURES: dict[str, tuple[Reply, bool]] = {
    "500": (refusal("InternalServerError", 500), False),
    "502 in HTML": (reply(HTML, 502), False),
    "503 without a body": (reply(b"", 503), False),
    "504 in a list": (reply(["what was answered"], 504), False),
    "503 throttled": (refusal("ThrottlingException", 503), True),
    "429": (reply(HTML, 429), True),
    **{code: (refusal(code), True) for code in sorted(THROTTLED)},
    **{code: (refusal(code), False) for code in sorted(TRANSIENT)},
    "closed": (SILENCE, False),
    "closed amid the head": (Reply(b"HTTP/1.1 200 OK\r\nContent-Le", closes=True), False),
    "closed amid the body": (Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", closes=True), False),
    "closed amid a chunk": (
        Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", closes=True),
        False,
    ),
    "no HTTP": (Reply(b"what was answered\r\n\r\n", closes=True), False),
    "wrong checksum": (reply(headers={"x-amz-crc32": "1"}), False),
    "wrong checksum of an error": (
        reply({"__type": "ValidationException"}, 400, {"x-amz-crc32": "x"}),
        False,
    ),
    "nothing": (reply(b""), False),
    "no JSON": (reply(b'{"what was answered":'), False),
    "no object": (reply(["what was answered"]), False),
    "no UTF-8": (reply(b'{"a": "\xff"}'), False),
}
"""The answers, and whether they say that there is too much to do."""

REFUSALS = {
    "ValidationException": refusal("ValidationException"),
    "ConditionalCheckFailedException": refusal("ConditionalCheckFailedException"),
    "AccessDeniedException": refusal("AccessDeniedException"),
    "ExpiredTokenException": refusal("ExpiredTokenException"),
    "DisabledException": reply({"__type": "DisabledException"}, 400),
    "413": reply(HTML, 413),
    "403": reply(b"", 403),
}
