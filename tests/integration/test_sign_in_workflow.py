"""workflows/sign_in.asl.json, run by an interpreter of its language, with the real function behind it.

The interpreter is moto's. In the place of Lambda stands the handler itself, and what it raises comes back
as Lambda's Python runtime reports it.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils

from local import sam
from signet.errors import Unavailable
from signet.usecases import authentication
from tests.deployment import PASSWORD, ROOT, Deployment
from tools.events import load_event

EMAIL = "ann@example.com"
FUNCTION_ARN = sam.function_arn("AuthenticateFunction")


@dataclass
class Workflow:
    """The deployed workflow.

    Attributes:
        signet: The deployment.
        client: Speaks to Step Functions.
        arn: The state machine's.
        invocations: The events that the function got.
        answers: What it answered, or the report of what it raised.
    """

    signet: Deployment
    client: Any
    arn: str
    invocations: list[Any] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    fail_first: Exception | None = None

    def invoke(self, parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Invoke the function, as Lambda would."""
        assert parameters["FunctionName"] == FUNCTION_ARN
        event = json.loads(parameters["Payload"])
        self.invocations.append(event)
        failure, self.fail_first = self.fail_first, None
        if failure is not None:
            raise failure
        error = {}
        try:
            answer = self.signet.invoke("authenticate", event)
        except Exception as raised:
            error = {"FunctionError": "Unhandled"}
            answer = {
                "errorMessage": str(raised),
                "errorType": type(raised).__name__,
                "requestId": "8f5c1a52-3f0e-4f43-a3de-62d17e0c7a11",
                "stackTrace": ['  File "/var/task/handler.py", line 1, in lambda_handler\n'],
            }
        self.answers.append(answer)
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": answer, **error}

    def run(self, given: object) -> dict[str, Any]:
        """Run it to its end: `output` where it succeeded, else `error` and `cause`; and `states` entered."""
        started = self.client.start_execution(
            stateMachineArn=self.arn, name=f"run-{time.perf_counter_ns()}", input=json.dumps(given)
        )
        arn = {"executionArn": started["executionArn"]}
        deadline = time.monotonic() + 30
        while (done := self.client.describe_execution(**arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        result = {name: done[name] for name in ("error", "cause") if name in done}
        if done["status"] == "SUCCEEDED":
            result["output"] = json.loads(done["output"])
        history = self.client.get_execution_history(**arn)["events"]
        entered = [
            event["stateEnteredEventDetails"] for event in history if "stateEnteredEventDetails" in event
        ]
        result["states"] = {state["name"]: json.loads(state["input"]) for state in entered}
        return result

    def sign_in(self, **body: Any) -> dict[str, Any]:
        """Run it with an e-mail address and a password."""
        return self.run({"applicationId": self.signet.application_id, "data": {"body": body}})


@pytest.fixture
def workflow(moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workflow]:
    """The workflow, deployed beside a user."""
    user = {"applicationId": moto_signet.application_id, "email": EMAIL, "password": PASSWORD}
    moto_signet.invoke("create_user", user)
    monkeypatch.setitem(default_user_config, "stepfunctions", {"execute_state_machine": True})
    client = get_session().create_client("stepfunctions", region_name=sam.REGION)
    definition = (ROOT / "workflows" / "sign_in.asl.json").read_text()
    for name, value in {"Partition": "aws", "AuthenticateFunctionArn": FUNCTION_ARN}.items():
        definition = definition.replace("${" + name + "}", value)
    machine = client.create_state_machine(
        name="sign-in",
        type="EXPRESS",
        definition=definition,
        roleArn=f"arn:aws:iam::{sam.ACCOUNT}:role/signet",
    )
    workflow = Workflow(moto_signet, client, machine["stateMachineArn"])
    monkeypatch.setattr(lambda_eval_utils, "_invoke_lambda_function", workflow.invoke)
    yield workflow
    client.delete_state_machine(stateMachineArn=workflow.arn)


def test_the_right_password_takes_the_true_branch(workflow: Workflow) -> None:
    """The output is the user and a token of a day, with the workflow's extra data; nothing else."""
    signet = workflow.signet
    done = workflow.sign_in(email=EMAIL, password=PASSWORD)
    assert list(done["states"]) == ["Authenticate", "IsAuthenticated", "SignedIn"]
    output = done["output"]
    assert output.keys() == {"authenticated", "user", "token"}
    assert output["authenticated"] is True
    assert output["user"]["email"] == EMAIL
    claims = jwt.decode(output["token"], options={"verify_signature": False})
    assert claims["sub"] == output["user"]["id"]
    assert claims["ext"] == {"signedInBy": "workflow"}
    assert 86_400 <= claims["exp"] - signet.clock.now <= 86_401
    introspected = signet.invoke(
        "introspect_token", {"applicationId": signet.application_id, "token": output["token"]}
    )
    assert introspected["active"] is True


@pytest.mark.parametrize(
    "body",
    [
        {"email": EMAIL, "password": "wrong horse battery staple"},
        {"email": "nobody@example.com", "password": PASSWORD},
        {"email": EMAIL},
        {"password": PASSWORD},
        {},
        {"email": {"a": 1}, "password": [PASSWORD]},
        {"email": "{{data.body.password}}", "password": EMAIL},
    ],
)
def test_anything_else_takes_the_false_branch(workflow: Workflow, body: dict[str, Any]) -> None:
    """Which says nothing more, whatever was wrong or missing."""
    done = workflow.sign_in(**body)
    assert done["output"] == {"authenticated": False}
    assert list(done["states"]) == ["Authenticate", "IsAuthenticated", "NotSignedIn"]


def test_an_input_cannot_bring_its_own_result(workflow: Workflow) -> None:
    """Members beside or inside of what is expected reach neither branch."""
    forged = {"user": {"id": "admin"}, "token": "forged", "authenticated": True}
    here = {"applicationId": workflow.signet.application_id}
    done = workflow.run(here | forged | {"data": forged | {"body": forged}})
    assert done["output"] == {"authenticated": False}
    right = {"email": EMAIL, "password": PASSWORD}
    done = workflow.run(here | forged | {"data": forged | {"body": forged | right}})
    assert done["output"]["user"]["email"] == EMAIL
    assert done["output"]["token"] != "forged"


def test_the_password_is_seen_by_the_first_state_alone(workflow: Workflow) -> None:
    """Not by the branches, nor in what comes out, nor in a refusal."""
    seen = [
        workflow.sign_in(email=EMAIL, password=PASSWORD),
        workflow.sign_in(email="nobody@example.com", password=PASSWORD),
        workflow.run({"applicationId": "f" * 24, "data": {"body": {"email": EMAIL, "password": PASSWORD}}}),
    ]
    for done in seen:
        assert PASSWORD in json.dumps(done["states"].pop("Authenticate"))
        assert PASSWORD not in json.dumps(done)


def test_a_refusal_fails_the_execution_with_its_code_and_message(workflow: Workflow) -> None:
    """Without Lambda's stack trace."""
    done = workflow.run({"applicationId": "nonsense", "data": {}})
    assert (done["error"], "24 hex digits" in done["cause"]) == ("InvalidRequest", True)
    assert list(done["states"]) == ["Authenticate", "ReadRefusal", "Refused"]
    assert "File" not in done["cause"]
    done = workflow.run({"applicationId": "f" * 24, "data": {}})
    assert done["error"] == "ApplicationNotFound"
    done = workflow.sign_in(email=EMAIL, password="x" * 33_000)
    assert done["error"] == "RequestTooLarge"
    while (done := workflow.sign_in(email=EMAIL, password="wrong")).get("output"):
        assert done["output"] == {"authenticated": False}
    assert (done["error"], "Try again in 60 s" in done["cause"]) == ("TooManyAttempts", True)


def fail_once(monkeypatch: pytest.MonkeyPatch) -> None:
    authenticate: Callable[..., Any] = authentication.authenticate
    calls: list[object] = []

    def first_unavailable(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            message = "The table did not answer in time."
            raise Unavailable(message)
        return authenticate(*arguments)

    monkeypatch.setattr(authentication, "authenticate", first_unavailable)


def test_what_may_pass_is_tried_again(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that does not answer."""
    fail_once(monkeypatch)
    assert workflow.sign_in(email=EMAIL, password=PASSWORD)["output"]["authenticated"] is True
    assert len(workflow.invocations) == 2


def test_a_fault_of_lambda_s_is_tried_again(workflow: Workflow) -> None:
    """As AWS advises for every task."""
    error = {
        "Error": {"Code": "ServiceException", "Message": "…"},
        "ResponseMetadata": {"HTTPStatusCode": 500, "RequestId": "…"},
    }
    workflow.fail_first = ClientError(error, "Invoke")
    assert workflow.sign_in(email=EMAIL, password=PASSWORD)["output"]["authenticated"] is True
    assert len(workflow.invocations) == 2


def test_the_event_to_try_it_with_works(workflow: Workflow) -> None:
    """workflows/events/sign_in.json, filled in."""
    demo = {"applicationId": workflow.signet.application_id, "userEmail": EMAIL}
    given = load_event(ROOT / "workflows" / "events" / "sign_in.json", demo)
    assert workflow.run(given)["output"]["authenticated"] is True


# The same function without a workflow around it.


@pytest.fixture
def sign_in(moto_signet: Deployment) -> Callable[..., Any]:
    """Invokes the function with a node event of `events/`, changed as given."""
    here = {"applicationId": moto_signet.application_id}
    user = moto_signet.invoke("create_user", here | {"email": EMAIL, "password": PASSWORD})
    extra = {"experienceUserId": user["id"], "extraData": {"cart": 7}}
    token = moto_signet.invoke("issue_session_token", here | extra)["token"]
    demo = here | {"userEmail": EMAIL, "sessionToken": token}

    def invoke(way: str, **node: Any) -> Any:
        event = load_event(ROOT / "events" / f"authenticate.{way}.json", demo)
        event["node"] |= node
        return moto_signet.invoke("authenticate", event), event

    return invoke


def test_a_node_event_with_a_password(sign_in: Callable[..., Any]) -> None:
    """The whole payload comes back, with the results at their paths; a quoted name stays a name."""
    answer, event = sign_in("node")
    assert answer["authenticated"] is True
    data = answer["payload"]["data"]
    token, user = data.pop("responseToken"), data.pop("responseUser")
    assert answer["payload"] == event["payload"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["ext"] == {"device": 'Ann\'s "blue" phone', "at": 1800000000123}
    assert claims["exp"] - claims["iat"] in (86_400, 86_401)
    assert (user["id"], user["email"]) == (claims["sub"], EMAIL)


def test_a_node_event_with_a_token(sign_in: Callable[..., Any]) -> None:
    """Invalidating gives a new token, with the old one's extra data; a second time the old one is dead."""
    answer, event = sign_in("node_token")
    token = answer["payload"]["data"]["responseToken"]
    assert token != event["payload"]["data"]["cookies"]["authorization"]
    assert jwt.decode(token, options={"verify_signature": False})["ext"] == {"cart": 7}
    again, event = sign_in("node_token")
    assert again == {"authenticated": False, "payload": event["payload"]}


def test_a_node_event_with_a_token_that_is_not_invalidated(sign_in: Callable[..., Any]) -> None:
    """The given token comes back byte for byte, and a max age is ignored, as in the product."""
    unused = {"ttlTemplate": "{{data.nothing}}", "extraDataJsonTemplate": '{"lost": true}'}
    answer, event = sign_in("node_token", invalidateExistingTokens=False, **unused)
    assert answer["authenticated"] is True
    given = event["payload"]["data"]["cookies"]["authorization"]
    assert answer["payload"]["data"]["responseToken"] == given
