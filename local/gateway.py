"""The gateway: an ASGI application that answers as API Gateway's HTTP API does for the template's routes."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from local import answers, cors, events, guard
from local.invoke import FunctionError, IntegrationTimeoutError
from local.messages import (
    FORBIDDEN,
    INTERNAL_ERROR,
    NOT_FOUND,
    TOO_LARGE,
    UNAUTHORIZED,
    UNAVAILABLE,
    Request,
    Response,
    gateway_response,
)
from local.routing import Router

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from local.console import Console
    from local.docs import Docs
    from local.invoke import Invoker
    from local.log import Log
    from local.sam import Api, Authorizer, Route

    type Scope = MutableMapping[str, Any]
    type Message = MutableMapping[str, Any]
    type Receive = Callable[[], Awaitable[Message]]
    type Send = Callable[[Message], Awaitable[None]]

MAX_BODY: Final = 10 * 1024 * 1024


class _Refused(Exception):
    """The gateway answers by itself."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Gateway:
    """Serves an API's routes.

    Args:
        api: the routes and CORS, from the template.
        invoker: runs the functions.
        log: told of every request.
        docs: the pages about the API, which AWS has not.
        console: the operator's pages, which it has not either.
    """

    def __init__(
        self,
        api: Api,
        invoker: Invoker,
        log: Log,
        docs: Docs | None = None,
        console: Console | None = None,
    ) -> None:
        self._api = api
        self._docs = docs
        self._console = console
        self._log = log
        self._router = Router(api.routes)
        self._invoker = invoker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        started = time.monotonic()
        request = Request(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=tuple((k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in scope["headers"]),
            source_ip=(scope.get("client") or ("127.0.0.1",))[0],
            protocol=f"HTTP/{scope['http_version']}",
        )
        self._log.begin(request)
        try:
            response = await self._answer(request, receive)
        except asyncio.CancelledError:
            # The server is stopping and did not wait any longer for the function.
            response = UNAVAILABLE
        await _send(send, request, response)
        took = (time.monotonic() - started) * 1000
        self._log.end(request, self._route_of(request, response), response, took)

    def _route_of(self, request: Request, response: Response) -> str:
        """What the log calls a request's path, which may hold an address itself."""
        if self._console is not None and self._console.answers(request):
            return self._console.route
        if response.is_page:
            return request.path
        method = cors.asked_method(request) if cors.is_preflight(request) else request.method
        match = self._router.match(method, request.path)
        return "(no such route)" if match is None else match[0].path

    async def _answer(self, request: Request, receive: Receive) -> Response:
        body = await _read(receive)
        if not guard.is_loopback(request):
            return gateway_response(
                403, "Forbidden", "only 127.0.0.1 and localhost are names of this gateway"
            )
        if self._console is not None and self._console.answers(request):
            return TOO_LARGE if body is None else await self._console.answer(request, body)
        if self._docs is not None and (page := self._docs.find(request)) is not None:
            return replace(page, is_page=True)
        if self._api.cors is not None and cors.is_preflight(request):
            return cors.preflight(self._api.cors, request)
        if body is None:
            response = TOO_LARGE
        else:
            try:
                response = await self._serve(replace(request, body=body))
            except _Refused as refused:
                response = refused.response
        return response if self._api.cors is None else cors.apply(self._api.cors, request, response)

    async def _serve(self, request: Request) -> Response:
        match = self._router.match(request.method, request.path)
        if match is None:
            return NOT_FOUND
        route, parameters = match
        authorizer = await self._authorize(request, route, parameters)
        event = events.build(request, route, parameters, authorizer)
        try:
            answer = await self._invoker.invoke(route.function, event)
            return answers.interpret(answer)
        except FunctionError:
            return INTERNAL_ERROR
        except IntegrationTimeoutError:
            return UNAVAILABLE
        except answers.BadAnswerError as error:
            print(f"{route.function.name}: bad answer: {error}", file=sys.stderr, flush=True)
            return INTERNAL_ERROR

    async def _authorize(
        self, request: Request, route: Route, parameters: dict[str, str]
    ) -> dict[str, Any] | None:
        """What the function learns of the caller; None for an open route."""
        if route.iam:
            if reason := guard.refusal_as_iam(request):
                raise _Refused(gateway_response(403, f"Forbidden by make run: {reason}."))
            return {"iam": guard.IAM_CALLER}
        if route.authorizer is None:
            return None
        return {"lambda": await self._ask(route.authorizer, request, route, parameters)}

    async def _ask(
        self, authorizer: Authorizer, request: Request, route: Route, parameters: dict[str, str]
    ) -> dict[str, Any] | None:
        """The context that a Lambda authorizer gives a request that it lets in."""
        sources = events.identity_sources(authorizer, request)
        if sources is None:
            raise _Refused(UNAUTHORIZED)
        event = events.build_authorizer(request, route, parameters, sources or None)
        try:
            answer = await self._invoker.invoke(authorizer.function, event)
        except (FunctionError, IntegrationTimeoutError) as error:
            raise _Refused(INTERNAL_ERROR) from error
        context = answer.get("context") if isinstance(answer, dict) else None
        decision = answer.get("isAuthorized") if isinstance(answer, dict) else None
        if not isinstance(decision, bool) or not isinstance(context, dict | None):
            print(f"{authorizer.name}: not a simple response", file=sys.stderr, flush=True)
            raise _Refused(INTERNAL_ERROR)
        if not decision:
            raise _Refused(FORBIDDEN)
        return context


async def _read(receive: Receive) -> bytes | None:
    """A request's body; None if it is too large.

    It is read to its end even then, since a caller that still sends would not see the answer.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if size <= MAX_BODY else None


async def _send(send: Send, request: Request, response: Response) -> None:
    headers = [*response.headers, ("apigw-requestid", request.request_id)]
    if response.status not in (204, 304):
        headers.append(("content-length", str(len(response.body))))
    encoded = [(name.encode("latin-1"), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.body})
