"""`/docs`: a page to read the API and to try it, and `/openapi.json`, which it is made of.

The page is Swagger UI as a package of PyPI ships it. It asks nobody but this gateway, as its policy demands,
and knows no secret: who tries a route types in what its caller would have to know.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from pathlib import Path
from typing import Final

from local import template
from local.messages import Request, Response

ROOT: Final = Path(__file__).resolve().parent.parent
EXAMPLE_APPLICATION: Final = "6a1f0c2b9d3e4f5061728394"
"""The application of the examples in `openapi.yaml`; the demo's takes its place."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Signet: the API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START: Final = """const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: -1,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""
PACKAGED: Final = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}


class Docs:
    """The pages.

    Args:
        application_id: the demo's application, with which one can try the API.
    """

    def __init__(self, application_id: str) -> None:
        self._application_id = application_id

    def find(self, request: Request) -> Response | None:
        """The page that a request asks for; None where it asks for none of these."""
        if request.method != "GET":
            return None
        if request.path == "/":
            # Not of the API: the address that the terminal shows, opened in a browser.
            return Response(307, (("location", "/docs"),), b"")
        if request.path == "/openapi.json":
            return _page("application/json", self._description.encode())
        if request.path == "/docs":
            return _page("text/html", PAGE.encode())
        if request.path == "/docs/start.js":
            return _page("text/javascript", START.encode())
        name = request.path.removeprefix("/docs/")
        return _page(PACKAGED[name], (_swagger_ui() / name).read_bytes()) if name in PACKAGED else None

    @functools.cached_property
    def _description(self) -> str:
        described = template.parse((ROOT / "openapi.yaml").read_text())
        # Whatever name this gateway is called by: a page may ask its own origin alone.
        described["servers"] = [{"url": "/"}]
        # It asks for no signature, so that the page need not either.
        for operations in described["paths"].values():
            for operation in operations.values():
                if operation["security"] == [{"operator": []}]:
                    operation["security"] = []
        described["info"]["description"] = (
            "Press Authorize and give the API token that `make run` has printed. The examples are in the"
            " demo's application; the operator's routes ask for nothing here."
        )
        return json.dumps(described).replace(EXAMPLE_APPLICATION, self._application_id)


def _swagger_ui() -> Path:
    """Where Swagger UI's files are. The package need not be imported for them, nor Flask, for which it is."""
    spec = importlib.util.find_spec("flask_swagger_ui")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("flask-swagger-ui is not installed")
    return Path(spec.origin).with_name("dist")


def _page(media_type: str, body: bytes) -> Response:
    headers = {
        "content-type": media_type if media_type.startswith("image/") else f"{media_type}; charset=utf-8",
        "content-security-policy": POLICY,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
    }
    return Response(200, tuple(headers.items()), body)
