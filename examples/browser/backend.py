"""The backend of a web application that lets Signet prove who its user is; Python's standard library alone.

It serves the page, and a token for whoever is logged in. The application's API token stays here.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / ".signet" / "demo.json"

# Who is logged in. Your application asks its own session, and never the page.
USER = {"userId": "u1", "organizationId": "org1", "email": "ann@example.com"}


def settings() -> dict[str, str]:
    """Signet's URL, the application's id and its API token: the environment's, or those of `make run`."""
    names = {"url": "SIGNET_URL", "applicationId": "SIGNET_APPLICATION_ID", "apiToken": "SIGNET_API_TOKEN"}
    if names["apiToken"] in os.environ:
        return {key: os.environ[name] for key, name in names.items()}
    demo: dict[str, str] = json.loads(DEMO.read_text())
    return demo


def get_token() -> dict[str, object]:
    """What the page needs to identify its user; the only secret in it is the user's own."""
    signet = settings()
    properties = {name: value for name, value in USER.items() if name != "userId"}
    credentials = {"apiKey": signet["applicationId"], "authToken": signet["apiToken"]}
    body = {"data": {**credentials, "userId": USER["userId"], "userProperties": properties}}
    request = urllib.request.Request(  # noqa: S310 - the URL is our own setting
        signet["url"] + "/v1/auth/token/get", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - as above
        token = json.load(response)["result"]["data"]["token"]
    return {"signet": signet["url"], "apiKey": signet["applicationId"], "user": USER, "token": token}


class Handler(BaseHTTPRequestHandler):
    """Answers `GET /` with the page and `GET /token` with a token."""

    def do_GET(self) -> None:
        """Answer."""
        # A page of a stranger that has its name resolved to 127.0.0.1 comes with that name.
        if self.headers.get("host", "").partition(":")[0] != "localhost":
            self.answer(403, "text/plain", b"Open http://localhost:8080 instead.")
        elif self.path == "/":
            self.answer(200, "text/html; charset=utf-8", (HERE / "index.html").read_bytes())
        elif self.path == "/token":
            try:
                self.answer(200, "application/json", json.dumps(get_token()).encode())
            except (OSError, KeyError, ValueError) as error:
                print(f"No token: {error!r}", file=sys.stderr)
                self.answer(502, "text/plain", b"Signet gave no token. Is `make run` up?")
        else:
            self.answer(404, "text/plain", b"Not found")

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        """Send an answer that nobody keeps."""
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        sys.exit(f"Port {port} cannot be opened ({error.strerror}): stop what uses it, and try again.")
    print(f"Open http://localhost:{server.server_port} (Ctrl-C stops it).", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
