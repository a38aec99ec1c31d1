"""The console: a request in, a page out."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

from signet.cli.console import rendering
from signet.cli.console.guard import BASE, Forbidden, Guard
from signet.cli.console.messages import Request, Response
from signet.cli.console.pages import ROUTES
from signet.cli.console.visit import HTML, REFUSALS, PageError, Visit
from signet.cli.target import UNREACHABLE, Target, TargetError

ASSETS = {"console.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}

HEADERS = {
    # No script at all: whatever a user's name holds, nothing of it can run, or load from anywhere.
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": a browser would say of its own forms, too, that they come from nowhere.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(slots=True)
class Console:
    """Answers the console's requests; several threads may ask at once.

    Attributes:
        target: The deployment that it shows.
        guard: Lets requests in.
        clock: Unix seconds.
    """

    target: Target
    guard: Guard
    clock: Callable[[], float] = field(default=time.time)

    def answer(self, request: Request) -> Response:
        """Answer a request, with what keeps other pages out of the answer."""
        try:
            response = self._serve(request)
        except Forbidden as refused:
            body = rendering.render("refused.html", base=BASE, title="Not open", message=refused.message)
            response = Response(refused.status, body, HTML)
        except Exception:
            traceback.print_exc()
            message = "The console has a bug; its trace stands in the terminal."
            response = Response(
                500, rendering.render("refused.html", base=BASE, title="A bug", message=message), HTML
            )
        return Response(response.status, response.body, {**response.headers, **HEADERS})

    def _serve(self, request: Request) -> Response:
        guard = self.guard
        guard.check_sender(request)
        name = request.path.removeprefix(f"{BASE}/static/")
        if request.method == "GET" and name in ASSETS:
            return Response(200, rendering.asset(name), {"content-type": ASSETS[name]})
        guard.check_navigation(request)
        if request.method == "GET" and (token := request.parameters.get("token")) is not None:
            return guard.sign_in(token)
        session = guard.find_session(request)
        if request.method == "POST":
            guard.check_form(request, session)
        visit = Visit(self.target, request, session, int(self.clock() * 1000))
        try:
            return self._visit(visit)
        except PageError as error:
            return visit.page("trouble.html", 404, title="Not found", message=str(error))
        except TargetError as error:
            return _trouble(visit, error)

    def _visit(self, visit: Visit) -> Response:
        path = visit.request.path.removeprefix(BASE).rstrip("/")
        for route in ROUTES:
            match = route.pattern.fullmatch(path)
            if match and route.method == visit.request.method:
                named = {name: unquote(text) for name, text in match.groupdict().items()}
                return route.view(visit, **named)
        raise PageError("There is no such page.")


def _trouble(visit: Visit, error: TargetError) -> Response:
    """A page for what the deployment refused, and no form said so."""
    if error.code.endswith("NotFound"):
        return visit.page("trouble.html", 404, title="Not found", message=error.message)
    if error.code == UNREACHABLE:
        return visit.page("trouble.html", 503, title="No answer", message=error.message)
    if error.code in REFUSALS:
        return visit.page("trouble.html", 400, title="Refused", message=error.message)
    message = error.message if error.request_id is None else f"{error.message} (request {error.request_id})"
    return visit.page("trouble.html", 502, title=f"Refused: {error.code}", message=message)
