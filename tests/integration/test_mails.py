"""Mails: POST …/experience/password-reset, …/verification, …/log-in-link, …/sign-up, and what sends them."""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import pytest

from signet import wiring
from signet.aws.client import NoAnswer
from signet.errors import CodeInvalid, LoginRefused, NotOffered, TooManyAttempts, UnsupportedEvent
from signet.store.attributes import from_attributes
from tests.deployment import PASSWORD, Cloud, Deployment, Response
from tests.races import at_once
from tests.stream import records
from tools.audit_table import audit

ANN, NEW, NOBODY = "ann@example.com", "fay@example.com", "zoe@example.com"
OTHER_PASSWORD = "another horse battery"
REQUESTS = {
    "request_password_reset": ("password-reset", "resetPassword"),
    "request_verification": ("verification", "verifyEmail"),
    "request_log_in_link": ("log-in-link", "logIn"),
}
PATHS = {**{operation: path for operation, (path, _) in REQUESTS.items()}, "sign_up": "sign-up"}
KINDS = ("verifyEmail", "resetPassword", "logIn", "changeEmail", "emailChanges", "alreadySignedUp")
MINUTE = 60


@dataclass
class Scene:
    """Ann, whose address is verified or not, and whoever writes mails."""

    signet: Deployment
    user: dict[str, Any]

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function directly."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def send(self, operation: str, **fields: Any) -> Response:
        """Ask for a mail over HTTP."""
        path = f"/applications/{self.signet.application_id}/experience/{PATHS[operation]}"
        return self.signet.http("POST", path, fields)

    def sign_up(self, email: str = NEW, **fields: Any) -> Response:
        """Sign up."""
        return self.send("sign_up", email=email, **{"password": OTHER_PASSWORD, **fields})

    def offer(self, **offered: Any) -> None:
        """Change the setting selfService."""
        self.call("update_application", selfService=offered)
        wiring.applications().forget(self.signet.application_id)

    def shown(self, named: str = ANN) -> Any:
        """A user as it is."""
        return self.call("get_user", experienceUserId=named)

    def is_logged_in(self, email: str, password: str) -> bool:
        """Whether they log in."""
        try:
            self.call("log_in", email=email, password=password)
        except LoginRefused:
            return False
        return True

    def put(self, kind: str, part: str, content: bytes, language: str = "en") -> None:
        """Put a template of the owner's own into the bucket, and let what was read be forgotten."""
        bucket = wiring.settings().mail_bucket
        self.signet.put_file(f"{self.signet.application_id}/{kind}.{language}.{part}", content, bucket)
        self.signet.clock.advance(MINUTE)


@pytest.fixture
def scene(moto_signet: Deployment) -> Scene:
    """Ann, who has verified her address."""
    return scene_of(moto_signet)


def scene_of(signet: Deployment, **fields: Any) -> Scene:
    """A scene with a new user."""
    new = {"applicationId": signet.application_id, "email": ANN, "password": PASSWORD, "firstName": "Ann"}
    return Scene(signet, signet.invoke("create_user", new | fields))


def to(mail: dict[str, Any]) -> str:
    """Whom a mail is for."""
    (address,) = mail["Destination"]["ToAddresses"]
    return str(address)


def parts(mail: dict[str, Any]) -> tuple[str, str, str]:
    """Subject, text and page."""
    simple = mail["Content"]["Simple"]
    return simple["Subject"]["Data"], simple["Body"]["Text"]["Data"], simple["Body"]["Html"]["Data"]


def code_in(mail: dict[str, Any]) -> str:
    """The code in a mail, the same in text and page."""
    _, text, page = parts(mail)
    found = re.findall(r"=([\w-]{43})", text)
    assert set(re.findall(r"=([\w-]{43})", page)) == set(found)
    (code,) = found
    return str(code)


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_mail_that_is_asked_for_has_a_code_that_works(cloud: Cloud, operation: str) -> None:
    """Its link is the application's, and it goes to the address that the user has."""
    with cloud.deploy() as signet:
        scene, (_, purpose) = scene_of(signet, emailVerified=False), REQUESTS[operation]
        answer = scene.send(operation, email=" Ann@Example.com ")
        assert (answer.status, answer.json) == (202, {"success": True})
        (mail,) = signet.send_mails()
        assert to(mail) == ANN
        code = code_in(mail)
        assert f"http://localhost:8080/#{purpose}={code}\n" in parts(mail)[1]
        done = scene.call("redeem_code", code=code, password=PASSWORD)
        assert ("token" in done) == (purpose == "logIn")
        assert scene.shown()["emailVerified"] is True
        assert audit(map(from_attributes, signet.items())) == []


def test_whoever_signs_up_is_a_user_once_the_mail_is_sent(cloud: Cloud) -> None:
    """Unverified until the code is redeemed with the password that was chosen."""
    with cloud.deploy() as signet:
        scene = scene_of(signet)
        scene.offer(verifyEmail="required")
        assert scene.sign_up(firstName="Fay", lastName="Ng").json == {"success": True}
        (mail,) = signet.send_mails()
        assert to(mail) == NEW
        user = scene.shown(NEW)
        assert (user["firstName"], user["lastName"], user["emailVerified"]) == ("Fay", "Ng", False)
        path = f"/applications/{signet.application_id}/experience/login"
        refused = signet.http("POST", path, {"email": NEW, "password": OTHER_PASSWORD})
        assert (refused.status, refused.json["type"]) == (403, "EmailNotVerified")
        assert signet.http("POST", path, {"email": NEW, "password": PASSWORD}).status == 401
        scene.call("redeem_code", code=code_in(mail), password=OTHER_PASSWORD)
        assert scene.is_logged_in(NEW, OTHER_PASSWORD)
        assert not [item for item in signet.items() if item["sk"] == {"S": "SIGNUP"}]
        assert audit(map(from_attributes, signet.items())) == []


def test_whoever_signs_up_with_somebodys_address_changes_nothing(scene: Scene) -> None:
    """Its owner hears of it, by a mail without a code and without a word of the stranger's."""
    before, signet = scene.shown(), scene.signet
    assert scene.sign_up(ANN, firstName="http://evil.example").json == {"success": True}
    (mail,) = signet.send_mails()
    subject, text, page = parts(mail)
    assert (to(mail), subject) == (ANN, "Demo: you have an account already")
    assert "evil" not in text + page
    assert "http" not in text
    assert scene.shown() == before
    assert scene.is_logged_in(ANN, PASSWORD)
    assert not scene.is_logged_in(ANN, OTHER_PASSWORD)
    assert not [item for item in signet.items() if item["sk"] == {"S": "SIGNUP"}]


@pytest.mark.parametrize("operation", PATHS)
def test_a_request_tells_nobody_who_is_a_user(signet: Deployment, operation: str) -> None:
    """The same table operations, the same answer, and the same message but for the address."""
    scene = scene_of(signet)
    scene_of(signet, email="amy@example.com", emailVerified=False)
    seen = set()
    for email in (ANN, "amy@example.com", NOBODY):
        fields = {"email": email} | ({"password": PASSWORD} if operation == "sign_up" else {})
        with signet.counted() as trips:
            answer = scene.send(operation, **fields)
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        (body,) = signet.asked
        signet.asked.clear()
        message = re.sub(r'"signUpId": "[0-9a-f]{24}"', "", body).replace(email, "")
        seen.add((tuple(trips), answer.status, answer.body, str(headers), message))
    assert len(seen) == 1


@pytest.mark.parametrize("operation", [*PATHS, "update_me"])
def test_a_message_that_waits_says_whom_for_and_holds_no_secret(scene: Scene, operation: str) -> None:
    """No code is made before the mail is, and a password or its hash never passes through the queue."""
    if operation == "update_me":
        assert Mover(scene).change(password=OTHER_PASSWORD).status == 200
    else:
        fields = {"password": OTHER_PASSWORD} if operation == "sign_up" else {}
        assert scene.send(operation, email=NEW, **fields).status == 202
    assert not [item for item in scene.signet.items() if item["sk"] == {"S": "CODE"}]
    (body,) = scene.signet.asked
    message = json.loads(body)
    assert message.pop("applicationId") == scene.signet.application_id
    assert message.pop("kind") in KINDS
    assert message.pop("email", NEW) == NEW
    assert message.pop("experienceUserId", scene.user["id"]) == scene.user["id"]
    assert message.pop("passwordVersion", 2) == 2
    assert re.fullmatch("[0-9a-f]{24}", message.pop("signUpId", "0" * 24))
    assert message == {}


@pytest.mark.parametrize("operation", PATHS)
def test_nobody_is_sent_more_than_three_mails_an_hour_of_a_kind(scene: Scene, operation: str) -> None:
    """Whether anybody has the address; each comes back after twenty minutes; other kinds stand apart."""
    fields = {"password": PASSWORD} if operation == "sign_up" else {}
    for email in (ANN, NOBODY):
        statuses = [scene.send(operation, email=email, **fields).status for _ in range(5)]
        assert statuses == [202, 202, 202, 429, 429]
    refused = scene.send(operation, email=ANN.upper(), **fields)
    assert (refused.json["type"], refused.headers["retry-after"]) == ("TooManyRequests", "1200")
    other = next(one for one in REQUESTS if one != operation)
    assert scene.send(other, email=ANN).status == 202
    scene.signet.clock.advance(20 * MINUTE)
    assert [scene.send(operation, email=ANN, **fields).status for _ in range(2)] == [202, 429]


def test_a_source_asks_for_twenty_mails_an_hour(scene: Scene) -> None:
    """Of whatever kind and to whomever; and an address's own limit is not used up by what was refused."""
    asked = itertools.cycle(REQUESTS)
    statuses = [scene.send(next(asked), email=f"user{number}@example.com").status for number in range(22)]
    assert statuses == [202] * 20 + [429] * 2
    assert scene.send("request_log_in_link", email=ANN).status == 429
    scene.call("request_log_in_link", email=ANN)  # Of a trusted caller no source is known.
    for _ in range(2):
        scene.call("request_log_in_link", email=ANN)
    with pytest.raises(TooManyAttempts):
        scene.call("request_log_in_link", email=ANN)


@pytest.mark.parametrize("operation", PATHS)
@pytest.mark.parametrize(
    "offered",
    [
        dict.fromkeys(("passwordReset", "logInLink", "signUp"), False) | {"verifyEmail": "off"},
        {"links": dict.fromkeys(("verifyEmail", "resetPassword", "logIn"))},
    ],
    ids=("nothing is offered", "no links"),
)
def test_what_is_not_offered_is_not_there(scene: Scene, operation: str, offered: dict[str, Any]) -> None:
    """404, whoever asks for whom, and nothing is counted or written."""
    scene.offer(**offered)
    before = scene.signet.items()
    fields = {"password": PASSWORD} if operation == "sign_up" else {}
    answer = scene.send(operation, email=ANN, **fields)
    assert (answer.status, answer.json["type"]) == (404, "NotFound")
    assert "selfService" in answer.json["message"]
    assert scene.signet.items() == before


@pytest.mark.parametrize("operation", PATHS)
def test_without_a_sender_nothing_is_asked_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """The refusal names the parameter."""
    monkeypatch.setenv("MAIL_QUEUE_URL", "")
    scene.signet.restart()
    fields = {"password": PASSWORD} if operation == "sign_up" else {}
    with pytest.raises(NotOffered, match="MailFrom"):
        scene.call(operation, email=ANN, **fields)


def test_no_mail_is_sent_that_nobody_needs(scene: Scene) -> None:
    """To an address that nobody has, or that is verified, or where the setting was turned off meanwhile."""
    for email in (ANN, NOBODY):
        assert scene.call("send_mail", kind="verifyEmail", email=email) == {"sent": False}
    assert scene.call("send_mail", kind="resetPassword", email=NOBODY) == {"sent": False}
    scene.offer(logInLink=False)
    assert scene.call("send_mail", kind="logIn", email=ANN) == {"sent": False}
    assert scene.signet.mails == []


def test_of_two_mails_the_later_one_has_the_code(scene: Scene) -> None:
    """A message that comes twice does no harm."""
    scene.send("request_log_in_link", email=ANN)
    (message,) = scene.signet.asked
    first, second = (code_in(mail) for mail in sent_twice(scene, message))
    with pytest.raises(CodeInvalid):
        scene.call("redeem_code", code=first)
    assert "token" in scene.call("redeem_code", code=second)


def sent_twice(scene: Scene, message: str) -> list[dict[str, Any]]:
    """The mails of a message that comes twice."""
    scene.signet.asked[:] = [message]
    mails = scene.signet.send_mails()
    scene.signet.asked[:] = [message]
    return [*mails, *scene.signet.send_mails()]


def test_a_sign_up_that_ses_refuses_is_done_again(scene: Scene) -> None:
    """The user is made once, and the mail is sent when SES takes it."""
    scene.sign_up()
    (message,) = scene.signet.asked
    client = wiring.make_client("sesv2")
    with mock.patch.object(client, "call", side_effect=NoAnswer), pytest.raises(AssertionError):
        scene.signet.send_mails()
    made = scene.shown(NEW)["id"]
    scene.signet.asked[:] = [message]
    (mail,) = scene.signet.send_mails()
    assert scene.shown(NEW)["id"] == made
    scene.call("redeem_code", code=code_in(mail), password=OTHER_PASSWORD)
    assert sent_twice(scene, message) == []


@pytest.mark.parametrize("is_same", [True, False], ids=("one message, twice", "two sign-ups"))
def test_of_sign_ups_at_once_one_makes_the_user(engine_cloud: Cloud, *, is_same: bool) -> None:
    """All messages are done, and whoever comes second changes nothing of the first one's user."""
    with engine_cloud.deploy() as signet:
        scene = scene_of(signet)
        for password in (OTHER_PASSWORD, PASSWORD):
            scene.sign_up(password=password)
        messages = [json.loads(message) for message in signet.asked]
        signet.asked.clear()
        both = [messages[0], messages[0]] if is_same else messages
        done = at_once(*(partial(signet.invoke, "send_mail", message) for message in both))
        assert [result for result in done if isinstance(result, Exception)] == []
        subjects = {parts(mail)[0] for mail in signet.mails}
        others = set() if is_same else {"Demo: you have an account already"}
        assert subjects == {"Demo: confirm your e-mail address"} | others
        user = scene.shown(NEW)
        assert user["id"] in {message["signUpId"] for message in both}
        chosen = OTHER_PASSWORD if user["id"] == messages[0]["signUpId"] else PASSWORD
        assert scene.is_logged_in(NEW, chosen)
        assert audit(map(from_attributes, signet.items())) == []


def test_a_message_that_fails_comes_again_and_costs_no_other(scene: Scene) -> None:
    """One that is none of ours, between two that are."""
    from local.mails import as_record

    scene.send("request_log_in_link", email=ANN)
    scene.send("request_password_reset", email=ANN)
    first, second = map(as_record, scene.signet.asked)
    broken = as_record(json.dumps({"applicationId": scene.signet.application_id, "kind": "spam"}))
    scene.signet.asked.clear()
    answer = scene.signet.invoke("send_mail", {"Records": [first, broken, second]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": broken["messageId"]}]}
    assert len(scene.signet.mails) == 2


def test_no_mail_holds_what_a_stranger_wrote(scene: Scene) -> None:
    """Of the application's own name a page shows every letter, and a subject has one line."""
    scene.call("update_application", name='A&B <b>"Co"</b>\nBcc: eve@example.com')
    wiring.applications().forget(scene.signet.application_id)
    scene.sign_up(firstName="<script>", lastName="http://evil.example")
    (mail,) = scene.signet.send_mails()
    subject, text, page = parts(mail)
    assert subject.startswith('A&B <b>"Co"</b> Bcc: eve@example.com')
    assert "A&amp;B &lt;b&gt;&quot;Co&quot;" in page
    assert "<b>" not in page
    assert not {"<script", "evil"} & {*re.findall("<script|evil", text + page)}
    assert to(mail) == NEW


def test_an_applications_name_breaks_no_mail(scene: Scene) -> None:
    """It stands in one line, without what nobody sees: SES takes no mail with some of that."""
    scene.call("update_application", name="De\x00mo\r\n\u202eBcc: <b>")
    wiring.applications().forget(scene.signet.application_id)
    scene.put("resetPassword", "txt", b"$application|$link")
    scene.send("request_password_reset", email=ANN)
    (mail,) = scene.signet.send_mails()
    subject, text, page = parts(mail)
    assert subject == "De mo Bcc: <b>: set a new password"
    assert text.startswith("De mo Bcc: <b>|http")
    assert "De mo Bcc: &lt;b&gt;" in page
    assert not {"\x00", "\r", "\u202e"} & {*subject, *text, *page}


def test_mails_speak_the_applications_language(scene: Scene) -> None:
    """Or what comes nearest to it; English, where nothing does."""
    subjects = {}
    for language in ("de", "de-AT", "en-GB", "fr"):
        scene.offer(language=language)
        scene.signet.clock.advance(3600)
        scene.send("request_password_reset", email=ANN)
        (mail,) = scene.signet.send_mails()
        subjects[language] = parts(mail)[0]
        assert f'lang="{"de" if language.startswith("de") else "en"}"' in parts(mail)[2]
    assert subjects["de"] == subjects["de-AT"] == "Demo: Neues Passwort setzen"
    assert subjects["en-GB"] == subjects["fr"] == "Demo: set a new password"


def test_an_owners_template_takes_the_place_of_the_shipped_one(scene: Scene) -> None:
    """Part by part, for its language alone, with values escaped in a page, and within a minute."""
    scene.put("resetPassword", "subject", "Neu für $application".encode())
    scene.put("resetPassword", "html", b"<p>$application: <a href='$link'>$minutes</a> $$1</p>")
    scene.put("resetPassword", "txt", b"other", language="de")
    scene.call("update_application", name="A&B")
    wiring.applications().forget(scene.signet.application_id)
    scene.send("request_password_reset", email=ANN)
    (mail,) = scene.signet.send_mails()
    subject, text, page = parts(mail)
    assert subject == "Neu für A&B"
    assert page == f"<p>A&amp;B: <a href='http://localhost:8080/#resetPassword={code_in(mail)}'>60</a> $1</p>"
    assert text.startswith("Somebody asked for a new password")


@pytest.mark.parametrize(
    ("part", "content", "why"),
    [
        ("txt", b"Hello", "has neither $link nor $code."),
        ("html", b"<p>Hello</p>", "has neither $link nor $code."),
        ("txt", b"$link $name", "names $name"),
        ("txt", b"$link 5$", "has a $ that begins no name"),
        ("html", b"$link" + b" " * 65536, "has more than 65536 bytes."),
        ("txt", b"\xff $link", "is no UTF-8."),
        ("subject", b"Your code: $code", "names $code; there are $application, $email, $hours, $minutes."),
        ("subject", b"${link}", "names $link"),
        ("subject", b" \n ", "is empty."),
        ("subject", b"", "is empty."),
    ],
)
def test_a_broken_template_is_logged_and_the_shipped_one_taken(
    scene: Scene, capsys: pytest.CaptureFixture[str], part: str, content: bytes, why: str
) -> None:
    """The log names the file and what is wrong, and no alarm of an outage rings."""
    scene.put("logIn", part, content)
    scene.send("request_log_in_link", email=ANN)
    capsys.readouterr()
    (mail,) = scene.signet.send_mails()
    assert "token" in scene.call("redeem_code", code=code_in(mail))
    assert parts(mail)[0] == "Demo: your link to log in"
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (warning,) = [line for line in lines if line.get("level") == "WARNING"]
    assert f"logIn.en.{part}" in warning["message"]
    assert why in warning["message"]
    assert not [line for line in lines if "Outage" in line]


@pytest.mark.parametrize("kind", KINDS)
def test_every_mail_there_is_can_be_sent(scene: Scene, kind: str) -> None:
    """Those with a code say how long it works, and no placeholder is left."""
    named = {"email": ANN}
    if kind == "changeEmail":
        named = {"experienceUserId": scene.user["id"], "email": NEW}
    elif kind == "emailChanges":
        named = {"experienceUserId": scene.user["id"]}
    elif kind == "verifyEmail":
        scene.call("update_user", experienceUserId=ANN, emailVerified=False)
    assert scene.call("send_mail", kind=kind, **named) == {"sent": True}
    *told, mail = scene.signet.mails
    assert [to(one) for one in told] == ([ANN] if kind == "changeEmail" else [])
    assert to(mail) == (NEW if kind == "changeEmail" else ANN)
    assert not [text for text in parts(mail) if "$" in text or "{" in text.partition("</style>")[2]]
    if kind in ("verifyEmail", "resetPassword", "logIn", "changeEmail"):
        code_in(mail)
    else:
        assert "http" not in parts(mail)[1]


@dataclass
class Mover:
    """Ann, logged in, who wants another address."""

    scene: Scene
    email: str = ANN

    def __post_init__(self) -> None:
        self.token = self.scene.call("issue_session_token", experienceUserId=self.email)["token"]

    def change(self, email: str = NEW, current: str = PASSWORD, **fields: Any) -> Response:
        """Ask for another address over HTTP."""
        signet = self.scene.signet
        path = f"/applications/{signet.application_id}/experience/me"
        body = {"email": email, "currentPassword": current, **fields}
        return signet.http("PATCH", path, body, headers=signet.bearer(self.token))


def test_another_address_counts_once_its_code_is_redeemed(cloud: Cloud) -> None:
    """The code goes to the new address and word of it to the old one, which does not say which."""
    with cloud.deploy() as signet:
        mover = Mover(scene_of(signet))
        scene = mover.scene
        before = scene.shown()
        answer = mover.change("Fay@Example.com", firstName="Anna")
        assert (answer.status, answer.json) == (200, {"user": scene.shown()})
        assert "Fay" not in json.dumps(answer.json)
        old, new = signet.send_mails()
        assert (to(old), to(new)) == (ANN, NEW)
        assert parts(old)[0] == "Demo: your account is about to get another e-mail address"
        assert not [part for part in parts(old) if NEW in part.lower() or "localhost" in part]
        assert (scene.shown()["email"], before["firstName"]) == (ANN, "Ann")
        assert mover.change(NOBODY, current=OTHER_PASSWORD).status == 403
        scene.call("redeem_code", code=code_in(new), password=PASSWORD)
        shown = scene.shown(NEW)
        assert (shown["email"], shown["id"], shown["firstName"]) == ("Fay@Example.com", before["id"], "Anna")
        assert mover.change().status == 401
        assert audit(map(from_attributes, signet.items())) == []


def test_whom_the_application_brought_moves_too(moto_signet: Deployment) -> None:
    """A user under an id of the application's own, once it has an address, gets the mails that others get."""
    signet = moto_signet
    here = {"applicationId": signet.application_id}
    token = signet.invoke("issue_user_token", {**here, "userId": "u/1"})["token"]
    signet.invoke("identify", {**here, "authToken": token, "user": {"userId": "u/1"}})
    fields = {"experienceUserId": "ext:u/1", "email": ANN, "password": PASSWORD}
    mover = Mover(Scene(signet, signet.invoke("update_user", {**here, **fields})))
    assert mover.change().status == 200
    old, new = signet.send_mails()
    assert (to(old), to(new)) == (ANN, NEW)
    mover.scene.call("redeem_code", code=code_in(new), password=PASSWORD)
    assert mover.scene.shown("ext:u/1")["email"] == NEW
    sent = mover.scene.call("send_mail", kind="resetPassword", experienceUserId="ext:u/1")
    assert (sent, to(signet.mails[-1])) == ({"sent": True}, NEW)


def test_nobody_learns_by_a_change_who_has_an_address(signet: Deployment) -> None:
    """The same trips, answer, message, and mail to the old address; an earlier code ends alike."""
    scene = scene_of(signet)
    scene_of(signet, email="amy@example.com")
    mover, seen = Mover(scene), set()
    for email in ("amy@example.com", NOBODY):
        mover.change()
        first = code_in(signet.send_mails()[-1])
        with signet.counted() as trips:
            answer = mover.change(email)
        (body,) = signet.asked
        mails = signet.send_mails()
        assert [to(mail) for mail in mails] == ([ANN] if email != NOBODY else [ANN, NOBODY])
        with pytest.raises(CodeInvalid):
            scene.call("redeem_code", code=first, password=PASSWORD)
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        message = body.replace(email, "")
        seen.add((tuple(trips), answer.status, answer.body, str(headers), message, str(mails[0])))
        signet.clock.advance(60 * MINUTE)
    assert len(seen) == 1


def test_a_new_password_and_a_new_address_both_count(scene: Scene) -> None:
    """The mail waits until the password is written for sure, and its code is of the new one."""
    mover, requests = Mover(scene), list[Any]()
    client = wiring.make_client("sqs")
    real = client.call

    def call(operation: str, request: Any) -> Any:
        requests.append(request)
        return real(operation, request)

    with mock.patch.object(client, "call", call):
        answer = mover.change(password=OTHER_PASSWORD)
    assert answer.status == 200
    assert scene.is_logged_in(ANN, OTHER_PASSWORD)
    (request,) = requests
    assert request["DelaySeconds"] > scene.signet.function("update_me").timeout
    _, mail = scene.signet.send_mails()
    scene.call("redeem_code", code=code_in(mail), password=OTHER_PASSWORD)
    assert scene.is_logged_in(NEW, OTHER_PASSWORD)
    assert answer.json["token"] != mover.token


@pytest.mark.parametrize("sets", [{}, {"password": "third horse battery"}], ids=("address", "both"))
def test_who_sets_another_password_ends_a_change_before_its_mail(scene: Scene, sets: dict[str, Any]) -> None:
    """Whether it was asked for with a new password or not: nothing is sent, no code is made."""
    mover = Mover(scene)
    assert mover.change(**sets).status == 200
    scene.call("update_user", experienceUserId=ANN, password=OTHER_PASSWORD)
    before = scene.signet.items()
    assert scene.signet.send_mails() == []
    assert scene.signet.items() == before


def test_a_change_whose_password_was_not_written_sends_nothing(scene: Scene) -> None:
    """The queue has taken it, and the table says no."""
    mover, client = Mover(scene), wiring.make_client("dynamodb")
    real = client.call

    def call(operation: str, request: Any) -> Any:
        if operation == "TransactWriteItems":
            raise NoAnswer
        return real(operation, request)

    with mock.patch.object(client, "call", call):
        assert mover.change(password=OTHER_PASSWORD).status == 503
    assert len(scene.signet.asked) == 1
    assert scene.signet.send_mails() == []
    assert scene.is_logged_in(ANN, PASSWORD)


def test_a_change_counts_as_a_mail_to_each_of_its_addresses(scene: Scene) -> None:
    """Three an hour to the new one, whoever wants it, and three to the old one; a refusal changes nothing."""
    mover = Mover(scene)
    amy = scene.call("create_user", email="amy@example.com", password=PASSWORD)
    other = Mover(scene, amy["email"])
    assert [mover.change(f"new{number}@example.com").status for number in range(3)] == [200] * 3
    before = scene.shown()
    refused = mover.change(password=OTHER_PASSWORD, firstName="Anna")
    assert (refused.status, refused.json["type"]) == (429, "TooManyRequests")
    assert refused.headers["retry-after"] == "1200"
    assert scene.shown() == before
    assert [other.change(email).status for email in (NEW, NEW, NEW, NEW)] == [200] * 3 + [429]
    assert scene.send("request_log_in_link", email=ANN).status == 202


@pytest.mark.parametrize(
    ("offered", "queue", "why"),
    [
        ({"links": {"changeEmail": None}}, "there", "selfService.links"),
        ({"profile": False}, "there", "selfService"),
        ({}, "", "MailFrom"),
    ],
    ids=("no link", "no profile", "no sender"),
)
def test_without_mails_no_address_is_changed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, offered: dict[str, Any], queue: str, why: str
) -> None:
    """404 says what is missing, and nothing else of the request is done."""
    mover = Mover(scene)
    scene.offer(**offered)
    if not queue:
        monkeypatch.setenv("MAIL_QUEUE_URL", "")
        scene.signet.restart()
    before = scene.shown()
    answer = mover.change(firstName="Anna", password=OTHER_PASSWORD)
    assert (answer.status, answer.json["type"]) == (404, "NotFound")
    assert why in answer.json["message"]
    assert scene.shown() == before
    assert scene.is_logged_in(ANN, PASSWORD)
    assert scene.signet.asked == []


def test_of_a_redemption_and_a_second_change_at_once_one_counts(engine_cloud: Cloud) -> None:
    """Either the first address is the user's and the second hears nothing, or the second one's code works."""
    with engine_cloud.deploy() as signet:
        mover = Mover(scene_of(signet))
        scene = mover.scene
        mover.change(NEW)
        first = code_in(signet.send_mails()[-1])
        mover.change(NOBODY)
        message = json.loads(signet.asked.pop())
        sent = len(signet.mails)
        redeemed, _ = at_once(
            partial(scene.call, "redeem_code", code=first, password=PASSWORD),
            partial(signet.invoke, "send_mail", message),
        )
        mails = signet.mails[sent:]
        if isinstance(redeemed, Exception):
            assert isinstance(redeemed, CodeInvalid)
            assert [to(mail) for mail in mails] == [ANN, NOBODY]
            scene.call("redeem_code", code=code_in(mails[-1]), password=PASSWORD)
        else:
            assert mails == []
        now = NOBODY if mails else NEW
        assert scene.is_logged_in(now, PASSWORD)
        assert not scene.is_logged_in(ANN, PASSWORD)
        assert audit(map(from_attributes, signet.items())) == []


def event(scene: Scene, kind: str, **more: Any) -> dict[str, Any]:
    """What SES says of a mail to Ann, who has her mails sent on to Zoe."""
    details: dict[str, Any] = {
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": f"Zoe <{NOBODY}>"}]},
        "complaint": {"complainedRecipients": [{"emailAddress": NOBODY}]},
    }
    detail = {kind: details.get(kind, {}) | more}
    mail = {"tags": {"applicationId": [scene.signet.application_id]}, "destination": [ANN]}
    return {"source": "aws.ses", "detail-type": "", "detail": {"mail": mail, **detail}}


@pytest.mark.parametrize(("kind", "because"), [("bounce", "bounced"), ("complaint", "complained")])
def test_an_address_that_bounced_or_complained_gets_no_more_mails(
    signet: Deployment, kind: str, because: str
) -> None:
    """Until the owner lets them go on; those who listen hear of it, and the table holds no address for it.

    It is the address that the mail went to, whoever's the report names: anybody can write one.
    """
    scene = scene_of(signet)
    scene_of(signet, email=NOBODY)
    before = signet.items()
    for _ in range(2):
        assert signet.invoke("stop_mails", event(scene, kind)) is None
    told = records(signet.table_name, before, signet.items(), seconds=signet.clock.now)
    assert len(told) == 1
    assert ANN not in json.dumps(told)
    signet.invoke("publish_events", {"Records": told})
    (sent,) = signet.sent
    detail = json.loads(sent["Detail"])
    assert (sent["DetailType"], detail["because"]) == ("MailsStopped", because)
    assert detail["subject"] == {"type": "user", "id": scene.user["id"]}
    for email in (ANN, NOBODY):
        assert scene.send("request_log_in_link", email=email).status == 202
    assert [to(mail) for mail in signet.send_mails()] == [NOBODY]
    scene.call("stop_mails", email=ANN, because=None)
    assert scene.send("request_log_in_link", email=ANN).status == 202
    assert len(signet.send_mails()) == 1


@pytest.mark.parametrize(
    ("kind", "more"),
    [("bounce", {"bounceType": "Transient"}), ("complaint", {"complaintFeedbackType": "not-spam"})],
)
def test_what_may_get_through_later_stops_nothing(scene: Scene, kind: str, more: dict[str, Any]) -> None:
    """A full mailbox, and somebody who says that it was no spam."""
    before = scene.signet.items()
    assert scene.signet.invoke("stop_mails", event(scene, kind, **more)) is None
    assert scene.signet.items() == before


def test_a_bounce_that_comes_after_the_applications_end_is_no_failure(scene: Scene) -> None:
    """Nothing is left to be done, and no alarm has to ring for it."""
    scene.call("delete_application")
    scene.signet.restart()
    before = scene.signet.items()
    assert scene.signet.invoke("stop_mails", event(scene, "bounce")) is None
    assert scene.signet.items() == before


def test_another_event_of_ses_is_refused(scene: Scene) -> None:
    """What is neither, or has not the tag that Signet's mails have."""
    stranger, unsent = event(scene, "bounce"), event(scene, "bounce")
    del stranger["detail"]["mail"]["tags"]["applicationId"]
    del unsent["detail"]["mail"]["destination"]
    for wrong in (event(scene, "delivery"), stranger, unsent):
        with pytest.raises(UnsupportedEvent):
            scene.signet.invoke("stop_mails", wrong)


@pytest.mark.parametrize(
    "change",
    [
        lambda scene: scene.call("update_user", experienceUserId=ANN, email=NEW),
        lambda scene: scene.call("delete_user", experienceUserId=ANN),
    ],
    ids=("moved", "deleted"),
)
def test_no_code_goes_to_an_address_that_is_the_users_no_more(
    scene: Scene, change: Callable[[Scene], object]
) -> None:
    """Whatever happens between the request and the mail."""
    scene.send("request_password_reset", email=ANN)
    change(scene)
    assert scene.signet.send_mails() == []


@pytest.mark.parametrize("off", [{"signUp": False}, {"verifyEmail": "off"}], ids=("sign-up", "verifying"))
@pytest.mark.parametrize("email", [NEW, ANN], ids=("free", "somebody's"))
def test_what_is_turned_off_makes_nobody_of_a_sign_up_that_waits(
    scene: Scene, off: dict[str, Any], email: str
) -> None:
    """It sends no mail either, and leaves no hash of a password behind."""
    before = [item for item in scene.signet.items() if item["sk"] == {"S": "USER"}]
    scene.sign_up(email)
    scene.offer(**off)
    assert scene.signet.send_mails() == []
    left = [item for item in scene.signet.items() if item["sk"] in ({"S": "USER"}, {"S": "SIGNUP"})]
    assert left == before


def test_a_sign_up_waits_for_a_day(scene: Scene) -> None:
    """Then it is as if it had not been, whether DynamoDB has removed it or not."""
    scene.sign_up()
    scene.signet.clock.advance(24 * 60 * MINUTE)
    assert scene.signet.send_mails() == []
    scene.signet.let_ttl_strike()
    assert not [item for item in scene.signet.items() if item["sk"] == {"S": "SIGNUP"}]
