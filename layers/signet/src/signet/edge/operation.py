"""The one adapter between Lambda's events and Signet's operations.

An event (an HTTP API 2.0 request, or a direct invocation) becomes a request model; what the operation
answers or refuses becomes an HTTP answer in the route's dialect, or a direct invocation's result or
error. What all operations share stands here and nowhere else: limits, credentials, logging context,
metrics, `x-request-id`.
"""

import functools
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools.utilities.typing import LambdaContext

from signet import deadline, wiring
from signet.domain.applications import Application, ApplicationChanged
from signet.domain.ids import find_id, is_same_id
from signet.domain.strict_json import Members, check_object, parse_body
from signet.edge import front
from signet.edge.credentials import Presented, Scheme
from signet.edge.dialects.dialect import Dialect
from signet.edge.http import HttpRequest, too_large
from signet.edge.record import Record, make_logger
from signet.errors import (
    MAX_FAULTS,
    FaultKind,
    FieldFault,
    InvalidRequest,
    SignetError,
    TryLater,
    Unavailable,
    UnsupportedEvent,
)

if TYPE_CHECKING:
    from signet.store.tenant import Tenant

MAX_BODY_BYTES = 32 * 1024
LARGE_BODY_BYTES = 1024 * 1024
"""For users and groups: what a GET of one gives, a PATCH takes back."""

TRIGGER_MEMBERS = frozenset(
    {"requestContext", "httpMethod", "Records", "rawPath", "multiValueHeaders", "detail-type"}
)
"""Members that give away an event of some trigger, none of which may count as a trusted direct call."""


class JsonModel(Protocol):
    """A response model (`signet.edge.fields.model.ResponseModel`, which only those who need it import)."""

    def to_json(self) -> dict[str, Any]:
        """The members of the answer."""


@dataclass(frozen=True, slots=True)
class Call[R]:
    """One call of an operation.

    Attributes:
        request: The fields that the caller gave, checked.
        now_ms: When it came, in Unix milliseconds: the one time that the whole call goes by.
        acts_for: The application in which it acts; None for an operation outside of any.
        request_id: What names this call. Lambda gives one that it tries again the same name.
        warn: Logs what was left undone, for want of a dependency or of what its owner has to mend, and what
            the answer does without.
        metric: Adds a metric to the call's line in the log, however the call ends (`Record.metric`):
            `call.metric("ActiveKeyOverdue", "Seconds", 12.0)`.
        source_ip: The address that the request came from; empty for a direct invocation.
        api_token: The API token by which the caller came, good as far as the cache knows, for who must know
            it from the table; None for a direct invocation, and where the route takes none.
    """

    request: R
    now_ms: int
    acts_for: Application | None
    request_id: str
    warn: Callable[[SignetError], None] = field(repr=False)
    metric: Callable[[str, str, float], None] = field(repr=False)
    source_ip: str = field(default="", repr=False)
    api_token: str | None = field(default=None, repr=False)

    @property
    def now(self) -> int:
        """When it came, in Unix seconds."""
        return self.now_ms // 1000

    @property
    def tenant(self) -> "Tenant":
        """In whose name it acts, at its time. Only for operations whose scheme is in an application."""
        if self.acts_for is None:
            message = "This operation's scheme names no application."
            raise TypeError(message)
        return wiring.tenant(self.acts_for, self.now_ms)


@dataclass(frozen=True, slots=True)
class Variant[R]:
    """What an operation is like on one of its routes.

    Attributes:
        request: Makes the request model of the members that came, or raises `InvalidRequest`.
        dialect: How it answers.
        scheme: How its callers say who they are.
    """

    request: Callable[[Members], R]
    dialect: Dialect
    scheme: Scheme


@dataclass(frozen=True, slots=True)
class Declared:
    """What a handler says of its operation, for who describes it (`tools/openapi.py`).

    Attributes:
        operate: What was decorated: its docstring says what the operation does, its annotation what it gives.
        usual: What it is like on its route.
        variants: By route key, what differs on further routes.
        status: Of the answer over HTTP.
        headers: Of the answer over HTTP, besides those that every answer has.
        query: The query parameters that become fields.
        is_form: Whether the body is a form and not JSON.
        refuses: The refusals that are the operation's own.
    """

    operate: Callable[..., JsonModel | Mapping[str, Any]]
    usual: Variant[Any]
    variants: Mapping[str, Variant[Any]]
    status: int
    headers: Mapping[str, str]
    query: Collection[str]
    is_form: bool
    refuses: Collection[type[SignetError]]


DECLARED: dict[str, Declared] = {}
"""The operations whose handlers are imported, by name: one on Lambda, all in a tool."""

type Handler = Callable[[dict[str, Any], LambdaContext], Any]


def operation[R](
    name: str,
    *,
    request: Callable[[Members], R],
    dialect: Dialect,
    scheme: Scheme,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    query: Collection[str] = (),
    parse: Callable[[bytes], Members] = parse_body,
    body_limit: int = MAX_BODY_BYTES,
    direct: Callable[[Members], R] | None = None,
    variants: Mapping[str, Variant[R]] | None = None,
    takes_events: bool = False,
    needs: Collection[Callable[[], object]] = (),
    refuses: Collection[type[SignetError]] = (),
) -> Callable[[Callable[[Call[R]], JsonModel | Mapping[str, Any]]], Handler]:
    """Make a Lambda handler of an operation.

    Args:
        name: The operation's name: its folder's, and its metrics' `service`.
        request: Makes the request model of the members that came, or raises `InvalidRequest`.
        dialect: How it answers over HTTP.
        scheme: How its HTTP callers say who they are.
        status: Of the answer over HTTP.
        headers: Of the answer over HTTP, besides those that every answer has.
        query: The query parameters that become fields. Others are ignored: real clients send them.
        parse: Reads the body.
        body_limit: How many bytes the body may have.
        direct: Makes the request model of a direct invocation, where that takes more than HTTP does.
        variants: By route key, what differs on further routes of the same operation.
        takes_events: Whether it takes EventBridge events and SQS batches too, of whom the environment names.
        needs: What its first call would build or import, besides what its scheme and its imports say; done in
            the init phase (`wiring.prepare`).
        refuses: Which refusals are its own, for who describes it; those that all have of its scheme, its
            path and its fields need no mention.
    """
    wiring.prepare((_prepare_applications, *needs) if scheme.in_application else needs)
    logger = make_logger(name)
    usual = Variant(request, dialect, scheme)

    def decorate(operate: Callable[[Call[R]], JsonModel | Mapping[str, Any]]) -> Handler:
        DECLARED[name] = Declared(
            operate, usual, variants or {}, status, headers or {}, query, parse is not parse_body, refuses
        )

        def over_http(http: HttpRequest, record: Record) -> dict[str, Any]:
            answer_headers = dict(headers or {})
            variant = (variants or {}).get(http.route_key, usual)

            def attempt() -> JsonModel | Mapping[str, Any]:
                source_ip = http.source_ip
                if not http.is_signed:
                    digests = wiring.settings().origin_secret_digests
                    source_ip = front.find_caller(source_ip, http.headers, digests)
                acts_for, api_token, members = _receive(http, variant, parse, body_limit, query, record)
                called = _call(record, variant.request(members), acts_for)
                return operate(replace(called, source_ip=source_ip, api_token=api_token))

            try:
                body = variant.dialect.wrap(_json(_by_current_application(attempt)))
                code = status
            except SignetError as error:
                code, body = variant.dialect.status(error), variant.dialect.refusal(error)
                answer_headers = _refusal_headers(error, code, variant.scheme)
                record.refused(error, code)
            except Exception as error:
                code, body, answer_headers = 500, variant.dialect.fault(), {}
                record.failed(error, code)
            else:
                record.succeeded(code)
            return _answer(code, body, answer_headers, http.request_id)

        def directly(read: Callable[[], object], record: Record) -> dict[str, Any]:
            def attempt() -> JsonModel | Mapping[str, Any]:
                acts_for, members = _accept(read(), scheme, body_limit, record)
                return operate(_call(record, (direct or request)(members), acts_for))

            try:
                result = _json(_by_current_application(attempt))
            except SignetError as error:
                record.refused(error, None)
                raise
            except Exception as error:
                record.failed(error, None)
                raise
            record.succeeded(None)
            return result

        @functools.wraps(operate)
        def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
            def call_directly(read: Callable[[], object], name: str) -> dict[str, Any]:
                return directly(read, Record(logger, name, context))

            wiring.function_name.set(context.function_name)
            with deadline.within(context.get_remaining_time_in_millis()):
                if (http := HttpRequest.find(event)) is not None:
                    return over_http(http, Record(logger, http.request_id, context))
                if takes_events and isinstance(event, dict) and TRIGGER_MEMBERS & event.keys():
                    # Nobody waits for it, and it costs 20 ms.
                    from signet.edge import events_in

                    if events_in.is_trusted(event, wiring.settings()):
                        return events_in.run(event, context, call_directly)
                return call_directly(lambda: event, context.aws_request_id)

        return handler

    return decorate


def _by_current_application[T](attempt: Callable[[], T]) -> T:
    """Begin again where the application's tokens were ended since it was read: nothing was written yet.

    Raises:
        Unavailable: They are ended all the time.
    """
    for _ in deadline.attempts():
        try:
            return attempt()
        except ApplicationChanged as changed:
            wiring.applications().forget(changed.application_id)
    message = "The tokens of this application are being ended at the moment. Try again."
    raise Unavailable(message)


def _call[R](record: Record, request: R, acts_for: Application | None) -> Call[R]:
    return Call(request, record.now_ms, acts_for, record.request_id, record.warn, record.metric)


def no_fields(members: Members) -> None:
    """The request of an operation that takes no fields.

    Raises:
        InvalidRequest: Some came.
    """
    if members:
        named = list(members)[:MAX_FAULTS]
        faults = (FieldFault((name,), FaultKind.UNKNOWN, "is unknown: no fields here.") for name in named)
        raise InvalidRequest(*faults, more=len(members) - len(named))


def _receive[R](
    http: HttpRequest,
    variant: Variant[R],
    parse: Callable[[bytes], Members],
    body_limit: int,
    query: Collection[str],
    record: Record,
) -> tuple[Application | None, str | None, Members]:
    """Size, credentials, JSON, in this order, as far as the credentials do not stand in the JSON."""
    scheme = variant.scheme
    body = http.body(body_limit)

    def read_body() -> Members:
        # A GET has no body of meaning, and a DELETE's is `{}` at most: real clients send one.
        return variant.dialect.unwrap(parse(body) if body else {}) if http.method in scheme.methods else {}

    members = read_body() if scheme.in_body else {}
    presented = scheme.read(http, members)
    record.actor = presented.actor
    application = _authenticate(presented, record.now_ms)
    if application is not None:
        record.application_id = application.id
    if not scheme.in_body:
        in_headers, members = members, read_body()
        for name in in_headers.keys() & members.keys():
            message = "is unknown in the body: it comes in the headers."
            raise InvalidRequest.of(name, message, FaultKind.UNKNOWN)
        members |= in_headers
    if query:
        members |= {name: value for name, value in http.query.items() if name in query}
    for name, value in http.path_parameters.items():
        # A client may send back what it has read, but nothing else than the path says.
        said = members.get(name, value)
        if not is_same_id(said, value):
            # Whether an address names who has this id, only the operation finds out.
            is_address = "@" in value and not value.startswith("ext:")
            may_be_right = http.method == "PATCH" and is_address
            if not may_be_right or not is_same_id(members.setdefault("id", said), said):
                raise InvalidRequest.of(name, "is not what the path says; leave it out of the body.")
        members[name] = value
    if scheme.in_application and "applicationId" in http.path_parameters:
        del members["applicationId"]
    return application, presented.api_token, members


def _authenticate(presented: Presented, now_ms: int) -> Application | None:
    if presented.api_token is None and presented.application_id is None:
        return None
    from signet.usecases.applications import authenticate, get_application

    if presented.api_token is None:
        return get_application(wiring.applications(), presented.application_id or "")
    return authenticate(wiring.applications(), presented.api_token, presented.application_id, now_ms)


def _prepare_applications() -> None:
    import signet.usecases.applications  # noqa: F401

    wiring.applications()


def _accept(
    event: object, scheme: Scheme, body_limit: int, record: Record
) -> tuple[Application | None, Members]:
    """A direct invocation, which IAM guards: it names its application, and proves nothing."""
    if not isinstance(event, dict) or TRIGGER_MEMBERS & event.keys():
        message = (
            "This event is neither an HTTP API request of payload format 2.0 nor a direct invocation:"
            ' a JSON object of the request\'s fields, with "applicationId" where it acts in an application.'
            " Some operations take events, but only from the sources and queues that EVENT_SOURCES and"
            " QUEUE_ARNS name (docs/events-in.md)."
        )
        raise UnsupportedEvent(message)
    members = dict(check_object(event))
    if len(json.dumps(members, ensure_ascii=False).encode()) > body_limit:
        raise too_large(body_limit)
    if not scheme.in_application:
        return None, members
    named = members.pop("applicationId", None)
    application_id = find_id(named)
    if application_id is None:
        kind = FaultKind.MISSING if named is None else FaultKind.INVALID
        raise InvalidRequest.of("applicationId", "must be the 24 hex digits of an application's id.", kind)
    from signet.usecases.applications import get_application

    record.application_id = application_id
    return get_application(wiring.applications(), application_id), members


def _json(result: JsonModel | Mapping[str, Any]) -> dict[str, Any]:
    return dict(result) if isinstance(result, Mapping) else result.to_json()


def _refusal_headers(error: SignetError, status: int, scheme: Scheme) -> dict[str, str]:
    headers = {}
    if status == 401 and scheme.challenge:
        headers["www-authenticate"] = scheme.challenge
    if isinstance(error, TryLater):
        headers["retry-after"] = str(error.retry_after)
    return headers


def _answer(status: int, body: dict[str, Any], headers: dict[str, str], request_id: str) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {
            "content-type": "application/json",
            "cache-control": "no-store",  # An answer may hold a token (RFC 6749 section 5.1).
            "x-request-id": request_id,
            **headers,
        },
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
    }
