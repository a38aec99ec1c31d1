"""Whether an answer, or its time, tells who is a user.

Each kind of wrong credentials is presented by turns, in an order that changes every round, so that a noisy
moment strikes all alike. What is compared is always with a wrong password; one kind is that very same thing
again, for a reader to see what chance alone does.
"""

import base64
import json
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from benchmarks.deployed import ENGINE, Timed, deployed, timed
from benchmarks.page import Row, say
from local import answers
from signet import wiring
from signet.domain.guessing import Limit
from signet.usecases import mails
from tests.deployment import PASSWORD, Deployment

REFERENCE = "wrong password"
CONTROL = "wrong password, again"
RIGHT = "right password"
KINDS = ("unknown address", "no address at all", "user without a password", REFERENCE, CONTROL, RIGHT)
WRONG_PASSWORD = "incorrect horse battery stapl"  # noqa: S105 - as long as the right one
FORGED = ("forged, of nobody", "forged, of somebody", "the same again")
UNSIGNED = ("no token, and nobody's id", "no token, and somebody's id", "no token, again")
SECRETS = ("wrong from the first character on", "wrong in the last character", "the same again")
STRANGER = "198.51.100.9"
"""From where no account's owner has logged in."""

ASKERS = ("unknown address", "known address", "known address, again")
MAILS = {
    "request_password_reset": "password-reset",
    "request_verification": "verification",
    "request_log_in_link": "log-in-link",
    "sign_up": "sign-up",
}
"""The ends of the routes by which mails are asked for."""

CODES = ("nobody's code", "somebody's, replaced", "nobody's, again")
OWN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "delete_me": ("DELETE", "me", {"currentPassword": WRONG_PASSWORD}),
    "log_out": ("POST", "logout", {}),
    "refresh_session": ("POST", "refresh", {}),
    "update_me": ("PATCH", "me", {"firstName": "Eve"}),
}
"""What a user does by a session token: method, end of the route and body."""

LIMITED = ("unknown address", REFERENCE, "the same again", RIGHT)


@dataclass(frozen=True, slots=True)
class Question:
    """What a stranger may ask again and again, and what the answers must not tell.

    Attributes:
        operation: Of which function.
        kinds: What is asked, in turns.
        reference: What all others are compared with.
        right: The one that is let in, if there is one; it is not compared.
        is_limited: Whether whoever asks has asked too often.
        same_trips: Whether calls to AWS have to be the same: where an API token is wrong, an
            application is read anew once a second, whoever asks.
    """

    operation: str
    kinds: tuple[str, ...]
    reference: str
    right: str | None = None
    is_limited: bool = False
    same_trips: bool = True

    @property
    def title(self) -> str:
        """As a table is called."""
        return f"`{self.operation}`" + (", asked too often" if self.is_limited else "")


QUESTIONS = (
    Question("authenticate", KINDS, REFERENCE, RIGHT),
    Question("log_in", KINDS, REFERENCE, RIGHT),
    # Not let in either: that it is right would be told to whoever guesses on.
    Question("log_in", LIMITED, REFERENCE, is_limited=True),
    Question("authenticate", LIMITED, REFERENCE, is_limited=True),
    *(Question(operation, ASKERS, ASKERS[1]) for operation in MAILS),
    # By somebody's own good token: whose the address is that somebody wants.
    Question("update_me", ASKERS, ASKERS[1]),
    Question("redeem_code", CODES, CODES[0]),
    *(Question(operation, FORGED, FORGED[1]) for operation in OWN),
    Question("identify", FORGED, FORGED[1]),
    Question("identify", UNSIGNED, UNSIGNED[1]),
    Question("authorize_request", FORGED, FORGED[1]),
    Question("introspect_token", SECRETS, SECRETS[1], same_trips=False),
    Question("revoke_token", SECRETS, SECRETS[1], same_trips=False),
)
"""Every route that a stranger may ask about somebody, and what it may be asked with a wrong secret."""

_PEOPLE, _WARM_UP, _RESAMPLES = 10, 20, 1000
_SESSION_MS = 3_600_000
_NOT_COMPARED = frozenset({"x-request-id", "date"})
TEXT = (
    "Medians and quartiles of a call, in ms, argon2id with the template's parameters. Against a wrong "
    "password, or what stands in its place: the difference of medians in µs of CPU, with the interval that "
    "holds it in 95 of 100 such runs, and how often the slower of one call each is of this kind (0.5 is a "
    "coin)."
)


@dataclass(slots=True)
class Kind:
    """What was seen of one kind of credentials.

    Attributes:
        wall_ms: The time of each call.
        cpu_ms: Its CPU time.
        trips: The calls to AWS that a call makes; all different ones that were seen.
        answers: Status, headers and body, without what names the request; all different ones.
        lengths: Of the bodies, in bytes; all different ones.
    """

    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    trips: set[tuple[str, ...]] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    lengths: set[int] = field(default_factory=set)

    def note(self, call: Timed) -> None:
        """Add a call."""
        self.wall_ms.append(call.wall_ms)
        self.cpu_ms.append(call.cpu_ms)
        self.trips.add(call.trips)
        answer, length = _visible(call.answer)
        self.answers.add(answer)
        self.lengths.add(length)


def measure(runs: int) -> dict[str, list[Row]]:
    """A table for each question.

    Raises:
        AssertionError: Kinds that are to be alike differ in their answers or calls to AWS.
    """
    seen = {question: {kind: Kind() for kind in question.kinds} for question in QUESTIONS}
    # Of one address three are taken an hour; that more are changes nothing of what is done.
    often = Limit(1_000_000, 60_000)
    with deployed(ENGINE) as deployment, mock.patch.multiple(mails, PER_ADDRESS=often, PER_SOURCE=often):
        asker = Asker(deployment)
        _ask(asker, {one: kinds for one, kinds in seen.items() if not one.is_limited}, runs)
        # No time passes, so that nobody may ask again.
        at = wiring.now_ms()
        with mock.patch.object(wiring, "now_ms", return_value=at):
            deployment.limit(account=(1, 1))
            asker.use_up()
            _ask(asker, {one: kinds for one, kinds in seen.items() if one.is_limited}, runs)
    for question, kinds in seen.items():
        refused = [kind for name, kind in kinds.items() if name != question.right]
        seen_of_each = [kind.answers | (kind.trips if question.same_trips else set()) for kind in refused]
        if len(set[Any]().union(*seen_of_each)) != 1 + question.same_trips:
            raise AssertionError(question, seen_of_each)
    tables: dict[str, list[Row]] = {}
    for question, kinds in seen.items():
        tables.setdefault(question.title, []).extend(_row(question, name, kinds) for name in kinds)
    return tables


def _ask(asker: "Asker", seen: dict[Question, dict[str, Kind]], runs: int) -> None:
    generator = random.Random(runs)  # noqa: S311 - no secret
    turns = [(question, kind) for question in seen for kind in question.kinds]
    for run in range(-_WARM_UP, runs):
        if run % 50 == 0:
            say(f"No oracle: round {run} of {runs}")
        generator.shuffle(turns)
        for question, kind in turns:
            call = timed(asker.deployment, question.operation, asker.event(question, kind, run % _PEOPLE))
            if run >= 0:
                seen[question][kind].note(call)


def _row(question: Question, name: str, kinds: dict[str, Kind]) -> Row:
    kind, reference = kinds[name], kinds[question.reference]
    row: Row = {"": name}
    for column, values in (("CPU", kind.cpu_ms), ("wall", kind.wall_ms)):
        low, middle, high = statistics.quantiles(values, n=4)
        row |= {column: middle, f"{column}, quartiles": f"{low:.2f} – {high:.2f}"}
    if name not in (question.reference, question.right):
        difference, low, high = compare(kind.cpu_ms, reference.cpu_ms)
        row["difference, µs"] = f"{difference * 1000:+.0f} ({low * 1000:+.0f} … {high * 1000:+.0f})"
        row["told apart"] = told_apart(kind.cpu_ms, reference.cpu_ms)
    ways = {"+".join(trip.partition(":")[2] for trip in trips) for trips in kind.trips}
    return row | {"calls to AWS": sorted(ways), "answer, bytes": sorted(kind.lengths)}


def compare(values: Sequence[float], others: Sequence[float]) -> tuple[float, float, float]:
    """The difference of two medians, and the ends of its 95 % interval, by the bootstrap."""
    generator = random.Random(_RESAMPLES)  # noqa: S311 - no secret
    differences = sorted(
        statistics.median(generator.choices(values, k=len(values)))
        - statistics.median(generator.choices(others, k=len(others)))
        for _ in range(_RESAMPLES)
    )
    edge = _RESAMPLES // 40
    middle = statistics.median(values) - statistics.median(others)
    return middle, differences[edge], differences[-1 - edge]


def told_apart(values: Sequence[float], others: Sequence[float]) -> float:
    """The part of all pairs in which the first value is the greater; ties count half (Mann-Whitney's U)."""
    return statistics.fmean((a > b) + (a == b) / 2 for a in values for b in others)


class Asker:
    """Who asks, of people who are there and of people who are not."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self._here = {"applicationId": deployment.application_id}
        self._ids = self._make_people()
        lasting = {"login": {"sessionLifetime": _SESSION_MS}}
        deployment.invoke("update_application", self._here | lasting)
        wiring.applications().forget(deployment.application_id)
        self._sessions = [self._token("issue_session_token", experienceUserId=one) for one in self._ids]
        self._mover = self._token("issue_session_token", experienceUserId=self._make(_address("mover", 0)))
        self._codes = [self._replaced_code(one) for one in self._ids]
        self._mints = [self._token("issue_user_token", userId=f"person{number}") for number in range(_PEOPLE)]
        for number, token in enumerate(self._mints):
            user = {"userId": f"person{number}"}
            deployment.invoke("identify", self._here | {"authToken": token, "user": user})

    def _token(self, operation: str, **fields: object) -> str:
        token: str = self.deployment.invoke(operation, self._here | fields)["token"]
        return token

    def _make(self, email: str) -> str:
        """The id of a new user."""
        user = {"email": email, "password": PASSWORD}
        made: str = self.deployment.invoke("create_user", self._here | user)["id"]
        return made

    def _replaced_code(self, user_id: str) -> str:
        """A code of a user's in whose place there is another one."""
        new = self._here | {"experienceUserId": user_id, "purpose": "resetPassword"}
        code, _ = (self.deployment.invoke("create_code", new)["code"] for _ in range(2))
        return str(code)

    def _make_people(self) -> list[str]:
        """Users with a password, and as many who were imported without one."""
        ids = []
        for number in range(_PEOPLE):
            ids.append(self._make(_address("person", number)))
        guests = [{"email": _address("extern", number), "passwordHash": None} for number in range(_PEOPLE)]
        key = f"import/{self.deployment.application_id}/guests.jsonl"
        self.deployment.put_file(key, "\n".join(map(json.dumps, guests)).encode())
        self.deployment.invoke("import_users", self._here | {"key": key})
        return ids

    def event(self, question: Question, kind: str, number: int) -> dict[str, Any]:
        """What comes when this is asked of the person with this number, or of nobody."""
        deployment = self.deployment
        path = f"/applications/{deployment.application_id}/experience"
        is_nobody = "nobody" in kind
        match question.operation:
            case "log_in":
                event = deployment.event("POST", f"{path}/login", self._credentials(kind, number))
                if question.is_limited:
                    event["requestContext"]["http"]["sourceIp"] = STRANGER
                return event
            case asks if asks in MAILS:
                credentials = self._credentials(kind, number)
                if asks != "sign_up":
                    del credentials["password"]
                return deployment.event("POST", f"{path}/{MAILS[asks]}", credentials)
            case "update_me" if kind in ASKERS:
                wanted = {"email": self._credentials(kind, number)["email"], "currentPassword": PASSWORD}
                return deployment.event("PATCH", f"{path}/me", wanted, headers=deployment.bearer(self._mover))
            case "redeem_code":
                # Of two that are the same, neither finds what the other one has just counted.
                wrong = f"{CODES.index(kind)}{number}".rjust(43, "x")
                code = self._codes[number] if kind == CODES[1] else wrong
                return deployment.event("POST", f"{path}/codes/redeem", {"code": code, "password": PASSWORD})
            case "authenticate":
                body = {"authMode": "emailPassword", "returnToken": True, **self._credentials(kind, number)}
                return deployment.event("POST", f"{path}/authenticate", body, headers=deployment.bearer())
            case "identify":
                user_id = f"{'nobody' if is_nobody else 'person'}{number}"
                data = {"apiKey": deployment.application_id, "user": {"userId": user_id}}
                if kind not in UNSIGNED:
                    data["authToken"] = self._forged(self._mints, number, user_id)
                return deployment.event("POST", "/v1/identify", {"data": data})
            case "introspect_token" | "revoke_token":
                secret = deployment.api_token
                wrong = secret[:-1] + _other(secret[-1]) if kind != SECRETS[0] else secret[:30] + "A" * 43
                route = "/oauth2/" + question.operation.removesuffix("_token")
                headers = deployment.basic(deployment.application_id, wrong)
                headers["content-type"] = "application/x-www-form-urlencoded"
                return deployment.event("POST", route, raw=b"token=x", headers=headers)
        token = self._forged(self._sessions, number, f"{number:024x}" if is_nobody else self._ids[number])
        headers = deployment.bearer(token)
        if question.operation in OWN:
            method, end, body = OWN[question.operation]
            return deployment.event(method, f"{path}/{end}", body, headers=headers)
        return deployment.authorizer_event("GET", f"{path}/me", headers=headers)

    def use_up(self) -> None:
        """Ask of everybody, and of nobody, until there is no try left."""
        for question in QUESTIONS:
            for kind in (LIMITED[0], REFERENCE) if question.is_limited else ():
                for number in range(_PEOPLE):
                    timed(self.deployment, question.operation, self.event(question, kind, number))

    def _forged(self, tokens: list[str], number: int, subject: str) -> str:
        """A token of this subject, with the signature of another one's."""
        header, payload, _ = tokens[number].split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "==")) | {"sub": subject}
        forged = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()
        return f"{header}.{forged.rstrip('=')}.{tokens[number - 1].rpartition('.')[2]}"

    def _credentials(self, kind: str, number: int) -> dict[str, str]:
        names = {"unknown address": "nobody", "user without a password": "extern"}
        address = _address(names.get(kind, "person"), number)
        if kind == "no address at all":
            address = address.replace("@", " ")
        if kind in (CONTROL, ASKERS[2], "the same again"):
            # Of two that are the same, neither shall always find what the other one has just touched.
            address = _address("person", (number + _PEOPLE // 2) % _PEOPLE)
        return {"email": address, "password": PASSWORD if kind == RIGHT else WRONG_PASSWORD}


def _address(name: str, number: int) -> str:
    """All addresses are of one length."""
    return f"{name}{number}@example.com"


def _other(character: str) -> str:
    return "A" if character != "A" else "B"


def _visible(answer: Any) -> tuple[str, int]:
    """What a client sees of an answer, without what is the request's own, and how long its body is."""
    if "isAuthorized" in answer:
        text = json.dumps(answer, sort_keys=True)
        return text, len(text)
    response = answers.interpret(answer)
    headers = {name: value for name, value in response.headers if name.lower() not in _NOT_COMPARED}
    text = json.dumps([response.status, headers, response.body.decode()], sort_keys=True)
    return text, len(response.body)
