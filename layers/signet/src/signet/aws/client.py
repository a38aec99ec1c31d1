"""A call to AWS: how long it may take, when it is tried again, and how it fails.

One attempt is a transport's, of which there are two: `signet.aws.boto`, the default, and `signet.aws.lean`.
What is here is the same for both: a library's own repetitions know nothing of an invocation's end.

Source: "Retry behavior" (AWS SDKs and Tools Reference Guide), the "standard" mode.
"""

import itertools
import random
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from signet import deadline

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 2.0
"""Seconds that an attempt has to connect, and then for its answer: API Gateway waits for nobody."""

AMAZON_ROOTS = str(Path(__file__).with_name("amazon_roots.pem"))
"""The authorities that AWS's endpoints have their certificates from, read in 1 ms; all there are take 20.
Where these do not do, a transport takes all from then on."""

WRITES = frozenset({"DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"})
WRITE_SECONDS = 2.0
"""A write begins only where this much of the invocation is left: who asked shall hear what came of it."""

ATTEMPTS = 3
PAUSES = {"dynamodb": 0.025}
PAUSE = 0.05
THROTTLED_PAUSE = 1.0
"""Seconds, doubled at each attempt, within which a request is sent again, at random: the service's own, all
others', and of whoever has too much to do."""

RETRY_COST = 14
THROTTLED_COST = 5
QUOTA = 500
"""What further attempts take from a client's quota. A success gives the last one's cost back, or 1."""

THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
TRANSIENT = frozenset(
    {
        # Another write of the object is under way, and says nothing of how the object is.
        "ConditionalRequestConflict",
        "ReplicatedWriteConflictException",
        "RequestTimeout",
        "RequestTimeoutException",
        # Not botocore's, which leaves it to the caller: a single write has met a transaction.
        "TransactionConflictException",
    }
)
"""Codes that are tried again whatever the status; all of 5xx are, and 429 counts as throttled."""

SKEWED = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
"""What a service may say of a signature with a wrong time; most of them of other wrong signatures too."""

SKEW_SECONDS = 240.0
"""AWS takes a signature for five minutes. A clock that is off by less is not what was wrong."""


class AwsError(Exception):
    """A call that failed. Its text holds nothing of the request, and of the answer the message at most.

    Attributes:
        is_transient: Whether another time may be better.
        is_throttled: Whether there was too much to do.
        request_id: What AWS calls the request (`x-amzn-RequestId`); None where nothing was answered.
    """

    is_transient = True
    is_throttled = False
    request_id: str | None = None


class OutOfTime(AwsError):
    """Too little is left of the invocation, so nothing was sent."""


class NoAnswer(AwsError):
    """There is no connection, no answer in time, or a damaged one; what was asked may have happened."""


class NoCredentials(NoAnswer):
    """There is nobody to sign as, or whoever knows did not say."""

    is_transient = False


class Refused(AwsError):
    """The service answered that it did not do what was asked.

    Attributes:
        status: The HTTP status.
        code: The service's word for it, as `ThrottlingException`; the status where it gave none.
        details: The answer's other members, as `CancellationReasons`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str = "",
        details: Mapping[str, Any] = {},
        request_id: str | None = None,
    ) -> None:
        # A message may be followed by what the service has signed itself: the session's token too.
        super().__init__(f"{code}: {message.partition('\n')[0]}")
        self.status = status
        self.code = code
        self.details = details
        self.request_id = request_id
        self.is_throttled = code in THROTTLED or status == 429
        self.is_transient = self.is_throttled or code in TRANSIENT or status >= 500


class Clock:
    """The time by which requests are signed: this machine's, set right where AWS calls it wrong."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return time.time() + self.offset

    def is_set_right(self, refused: Refused, date: str | None, offset: float) -> bool:
        """Whether a request was refused for its time, and another one will have the right time.

        Args:
            refused: What came of it.
            date: The answer's header `Date`.
            offset: The clock's when the request was signed: another answer may have set it right since.
        """
        if refused.code not in SKEWED or date is None:
            return False
        from email.utils import parsedate_to_datetime

        try:
            right = parsedate_to_datetime(date).timestamp() - time.time()
        except ValueError:
            return False
        if abs(right - offset) < SKEW_SECONDS:
            return False
        self.offset = right
        return True


class Transport(Protocol):
    """What sends a request to one service in one region, once. Threads may share it."""

    name: str
    """The service's, as `dynamodb`."""

    least: float
    """In seconds: an attempt for which less is left would not end in time."""

    def send(self, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
        """Have an operation done, within the time-outs, and within what is left of the invocation.

        Args:
            operation: Its name, as `GetItem`.
            request: Its members, as botocore takes them: bytes are bytes.

        Returns:
            The answer's members, likewise.

        Raises:
            Refused: The service did not do it.
            NoAnswer: Nobody knows whether it did.
        """

    def prepare(self) -> None:
        """Do what takes long before the first request; nothing secret, nothing connected."""

    def close(self) -> None:
        """Close the connections, which a function keeps for as long as it lives."""


class Client:
    """One service in one region. Threads may share it."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._quota = _Quota()

    def call(self, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
        """Have an operation done, in what is left of the invocation; arguments and answer are a transport's.

        Raises:
            Refused: The service did not do it.
            NoAnswer: Nobody knows whether it did.
            OutOfTime: There is no time for it; nothing was sent.
        """
        name = self.transport.name
        needed = max(self.transport.least, WRITE_SECONDS if operation in WRITES else 0.0)
        if deadline.left() <= needed:
            raise OutOfTime(f"{name} {operation}: too little time is left")
        earned = 1
        for attempt in itertools.count():
            try:
                answer = self.transport.send(operation, request)
            except AwsError as error:
                if not error.is_transient or attempt + 1 == ATTEMPTS:
                    raise
                longest = THROTTLED_PAUSE if error.is_throttled else PAUSES.get(name, PAUSE)
                pause = random.uniform(0, longest * 2**attempt)  # noqa: S311 - no secret
                earned = THROTTLED_COST if error.is_throttled else RETRY_COST
                if deadline.left() <= pause + needed or not self._quota.take(earned):
                    raise
                time.sleep(pause)
            else:
                self._quota.give(earned)
                return answer
        raise AssertionError  # The count has no end.


class _Quota:
    """How much may still be tried again: where most fail, more attempts make it worse for everybody."""

    def __init__(self) -> None:
        self._left = QUOTA
        self._lock = threading.Lock()

    def take(self, cost: int) -> bool:
        with self._lock:
            if cost > self._left:
                return False
            self._left -= cost
            return True

    def give(self, earned: int) -> None:
        if self._left < QUOTA:
            with self._lock:
                self._left = min(QUOTA, self._left + earned)
