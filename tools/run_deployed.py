"""`make test-deployed`: deploys two stages with sam into an emulator of AWS that enforces IAM, and uses them.

What it shows: a deployment of the last release is brought up to date, and goes on; both stages stand side by
side; the flows of the README over HTTP; an update whose parameters changed; a first deployment that fails
leaves nothing; policies count, by taking one away and giving a wider one back; writes end in events in a
queue; CloudFront and WAF in front; a stage that is deleted leaves table, key and bucket, which another takes
over with what they hold; a restored table in the place of a spoilt one.

The emulator, ministack, ignores the definition of an HTTP API, so its routes are made here, of what `local`
reads from the template for `make run`. It does not report names that collide: those are counted. It knows no
archive of events, so the template goes without. It has no arm64: the functions are those that were built for
this machine.
"""

import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from local import sam, template
from tools import adopt, deploy, end_all_tokens

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "template.yaml"
TEMPLATE = ROOT / ".aws-sam" / "host" / "template.yaml"
RELEASED = ROOT / ".aws-sam" / "released"
"""The last release, its source and what was built of it; empty in a checkout without history."""
MINISTACK = ROOT / ".tools" / "deployed" / "bin" / "ministack"
REGION = "us-east-1"
ANN = {"email": "ann@example.com", "password": "correct horse battery staple"}
START_SECONDS = 60
EVENTS = {"EventsOut": "true", "DeployEventExamples": "true"}
OWN = {"dev": {**EVENTS, "Issuer": "https://id.example.com"}, "prod": EVENTS}
"""The parameters of each stage: the issuer of one stays the same when its API is another."""
SILENT = ["--no-progressbar", "--no-confirm-changeset"]

CONFIG = """
version = 0.1
[{stage}.global.parameters]
stack_name = "signet-{stage}"
[{stage}.deploy.parameters]
resolve_s3 = true
capabilities = "CAPABILITY_IAM"
fail_on_empty_changeset = false
parameter_overrides = {overrides}
"""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: Any


class Aws:
    """The emulator's services."""

    def __init__(self) -> None:
        self._session = botocore.session.get_session()

    def __getattr__(self, service: str) -> Any:
        return self._session.create_client(service, region_name=REGION)

    def tables(self) -> dict[str, bool]:
        """Which tables there are, and whether each is protected."""
        names = self.dynamodb.list_tables()["TableNames"]
        tables = [self.dynamodb.describe_table(TableName=name)["Table"] for name in names]
        return {table["TableName"]: _is_true(table["DeletionProtectionEnabled"]) for table in tables}

    def keys(self) -> list[str]:
        """The states of the keys that are there."""
        keys = self.kms.list_keys()["Keys"]
        return sorted(self.kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] for key in keys)

    def buckets(self) -> list[str]:
        """The buckets of stacks of Signet."""
        names = [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]]
        return [name for name in names if name.startswith("signet-")]


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"


@dataclass(frozen=True)
class Stage:
    """A stage that is deployed, and its API."""

    aws: Aws
    stack: str
    port: int

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        (stack,) = self.aws.cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def physical(self, logical_id: str) -> str:
        """The name of a resource."""
        found = self.aws.cloudformation.describe_stack_resource(
            StackName=self.stack, LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def make_routes(self, source: Path = SOURCE) -> None:
        """Make the routes that a template declares, and no other, with this stack's API and functions."""
        declared = template.load(source)
        resolver = template.Resolver(declared, sam.physical_values(declared, "", "table", "key"))
        gateway, api = self.aws.apigatewayv2, self.outputs["ApiId"]
        for route in gateway.get_routes(ApiId=api)["Items"]:
            gateway.delete_route(ApiId=api, RouteId=route["RouteId"])
        authorizers: dict[str, str] = {}
        for route in sam.read_api(resolver, sam.read_functions(resolver)).routes:
            guard: dict[str, str] = {"AuthorizationType": "AWS_IAM"} if route.iam else {}
            if (authorizer := route.authorizer) is not None:
                if authorizer.name not in authorizers:
                    authorizers[authorizer.name] = gateway.create_authorizer(
                        ApiId=api,
                        Name=authorizer.name,
                        AuthorizerType="REQUEST",
                        AuthorizerUri=self._uri(authorizer.function.name),
                        AuthorizerPayloadFormatVersion="2.0",
                        EnableSimpleResponses=True,
                        AuthorizerResultTtlInSeconds=0,
                        IdentitySource=[],
                    )["AuthorizerId"]
                guard = {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizers[authorizer.name]}
            integration = gateway.create_integration(
                ApiId=api,
                IntegrationType="AWS_PROXY",
                IntegrationUri=self._uri(route.function.name),
                PayloadFormatVersion="2.0",
            )["IntegrationId"]
            gateway.create_route(ApiId=api, RouteKey=route.key, Target=f"integrations/{integration}", **guard)

    def _uri(self, function: str) -> str:
        name = self.physical(function)
        arn = f"arn:aws:lambda:{REGION}:{os.environ['MINISTACK_ACCOUNT_ID']}:function:{name}"
        return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"

    def call(
        self,
        path: str,
        body: object = None,
        *,
        method: str = "",
        signed: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request as `curl` does: a POST where there is a body."""
        host = f"{self.outputs['ApiId']}.execute-api.localhost:{self.port}"
        content = None if body is None else json.dumps(body).encode()
        verb = method or ("POST" if content is not None else "GET")
        request = AWSRequest(verb, f"http://{host}{path}", {**(headers or {}), "Host": host}, content)
        if signed:
            credentials = botocore.session.get_session().get_credentials()
            SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
        sent = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", content, dict(request.headers.items()), method=verb
        )
        try:
            with urllib.request.urlopen(sent, timeout=60) as answer:  # noqa: S310
                return Answer(answer.status, json.loads(answer.read() or b"null"))
        except urllib.error.HTTPError as error:
            return Answer(error.code, json.loads(error.read() or b"null"))


class Failed(Exception):
    """What was deployed does not do what it should."""


def expect(said: str, found: object, wanted: object) -> None:
    """Print what is looked at, and fail unless it is so."""
    if found != wanted:
        raise Failed(f"{said}: {found!r} instead of {wanted!r}")
    print(f"  {said}", file=sys.stderr)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def emulator(folder: Path) -> Iterator[int]:
    """Run the emulator, have the environment lead to it, and give its port."""
    port = _free_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://localhost:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MINISTACK_ACCOUNT_ID": "123456789012",
    }
    os.environ.update(variables)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        os.environ.pop(name, None)
    own = {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "TMPDIR": str(folder),
    }
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - installed by make
            [MINISTACK], cwd=folder, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            end = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                if process.poll() is not None or time.monotonic() > end:
                    raise Failed("The emulator does not start: see its log.")
                time.sleep(0.2)
            yield port
        finally:
            process.kill()  # Asked to end, it waits a minute for its connections.
            process.wait()


def deployed(folder: Path, stage: str, **parameters: str) -> int:
    """Deploy a stage of what was built here with these parameters."""
    return deployed_of(TEMPLATE, folder, stage, **parameters)


def deployed_of(built: Path, folder: Path, stage: str, **parameters: str) -> int:
    """Deploy a stage with these parameters as `make deploy` does; sam's output goes to a file."""
    overrides = [f"{name}={value}" for name, value in {"Stage": stage, **parameters}.items()]
    config = folder / f"{stage}.toml"
    config.write_text(CONFIG.format(stage=stage, overrides=json.dumps(overrides)))
    with (folder / "sam.log").open("ab") as log:
        return deploy.deploy(stage, _understood(built), SILENT, config=config, log=log)


def _understood(built: Path) -> Path:
    """A built template, without what the emulator does not know, beside it, since it names files."""
    declared = template.load(built)
    kept = {name: it for name, it in declared["Resources"].items() if it["Type"] != "AWS::Events::Archive"}
    path = built.with_name("understood.json")
    path.write_text(json.dumps({**declared, "Resources": kept}))
    return path


@dataclass(frozen=True)
class Played:
    """What the README's flows have left: an application, and two tokens, each with it."""

    application: str
    good: tuple[str, str]
    ended: tuple[str, str]


def try_the_readme(stage: Stage) -> Played:
    """Play the README's commands."""
    expect("an application is made by whom IAM lets", stage.call("/applications", {"name": "X"}).status, 403)
    made = stage.call("/applications", {"name": "Shop"}, signed=True)
    expect("and by no one else", made.status, 201)
    application, api_token = made.body["applicationId"], made.body["apiToken"]
    home, bearer = f"/applications/{application}/experience", {"authorization": f"Bearer {api_token}"}
    basic = "Basic " + base64.b64encode(f"you@example.com:{api_token}".encode()).decode()
    identities = [("EMAIL", "test@example.com"), ("MOBILE_PHONE_NUMBER", "+14155552671")]
    for kind, identity in identities:
        asked = {"identityType": kind, "identity": identity}
        minted = stage.call("/api/v1/user-identity-jwt", asked, headers={"authorization": basic})
        expect(f"an identity token, {kind}", minted.status, 200)
    expect("two public keys", len(stage.call("/.well-known/jwks.json").body["keys"]), 2)
    keys = {"apiKey": application, "authToken": api_token}
    data = {**keys, "userId": "u1", "userProperties": {"organizationId": "org1"}}
    issued = stage.call("/v1/auth/token/get", {"data": data})
    expect("a token for a user of one's own", issued.status, 200)
    keys = {"apiKey": application, "authToken": issued.body["result"]["data"]["token"]}
    for user, wanted in (("u1", 200), ("somebody-else", 403)):
        answer = stage.call("/v1/identify", {"data": {**keys, "user": {"userId": user}}})
        expect(f"identify as {user}", answer.status, wanted)
    expect("a user", stage.call(f"{home}/users", {**ANN, "firstName": "Ann"}, headers=bearer).status, 201)
    ended = stage.call(f"{home}/login", ANN).body["token"]
    me = stage.call(f"{home}/me", headers={"authorization": f"Bearer {ended}"})
    expect("is let in by the authorizer", me.status, 200)
    path = f"{home}/users/ann@example.com/invalidate-tokens"
    expect("ends all tokens", stage.call(path, method="POST", headers=bearer).status, 200)
    expect(
        "and is refused at once",
        stage.call(f"{home}/me", headers={"authorization": f"Bearer {ended}"}).status,
        403,
    )
    good = stage.call(f"{home}/login", ANN).body["token"]
    return Played(application, good=(application, good), ended=(application, ended))


def upgrade(folder: Path, stage: Stage) -> list[Played]:
    """Bring a deployment of the last release up to date, and go back; give what both versions left."""
    built, source = RELEASED / "build" / "template.yaml", RELEASED / "source" / "template.yaml"
    if not built.exists():
        print("The last release is left out: this checkout has no history", file=sys.stderr)
        return []
    print("The last release", file=sys.stderr)
    expect("is deployed", deployed_of(built, folder, "prod", **OWN["prod"]), 0)
    stage.make_routes(source)
    before = try_the_readme(stage)
    print("An upgrade", file=sys.stderr)
    expect("succeeds", deployed(folder, "prod", **OWN["prod"]), 0)
    stage.make_routes()
    try_what_was_there(stage, before)
    now = try_the_readme(stage)
    print("And back", file=sys.stderr)
    expect("it goes", deployed_of(built, folder, "prod", **OWN["prod"]), 0)
    stage.make_routes(source)
    try_what_was_there(stage, before)
    try_what_was_there(stage, now)
    return [before, now]


def try_what_was_there(stage: Stage, played: Played) -> None:
    """What another version has left is as it was: the application, its user and its tokens."""
    expect("tokens of before are good", is_let_in(stage, *played.good), 200)
    expect("ended ones stay dead", is_let_in(stage, *played.ended), 403)
    logs_in = stage.call(f"/applications/{played.application}/experience/login", ANN)
    expect("users log in", logs_in.status, 200)
    expect("to tokens that are good", is_let_in(stage, played.application, logs_in.body["token"]), 200)


def try_the_command_line(stage: Stage) -> None:
    """Do with `signet --stack` what an operator does: CloudFormation says what the functions are called.

    No files come and go: the bucket takes nothing that is not encrypted on its way, as nothing here is.
    """

    def signet(*words: str, stdin: str = "") -> Any:
        done = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "signet.cli", *words, "--stack", stage.stack, "--json"],
            input=stdin,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        expect(f"signet {' '.join(words[:2])}", done.returncode, 0)
        return json.loads(done.stdout or "null")

    application = signet("apps", "create", "Told")["applicationId"]
    listed = [one["applicationId"] for one in signet("apps", "list")]
    expect("lists it as the newest", listed[-1:], [application])
    here = ("--app", application)
    signet("users", "create", ANN["email"], *here, stdin=ANN["password"])
    token = signet("tokens", "mint", "session", ANN["email"], *here)["token"]
    signet("tokens", "verify", stdin=token)
    signet("tokens", "revoke", stdin=token)
    signet("keys", "list")
    signet("apps", "delete", application, "--yes")
    listed = [one["applicationId"] for one in signet("apps", "list")]
    expect("lists it no more", application in listed, wanted=False)


def wait_for_events(stage: Stage, *wanted: str) -> set[str]:
    """The kinds of the events that come into the example's queue until these have."""
    queue, found, end = stage.physical("SentEvents"), set[str](), time.monotonic() + START_SECONDS
    while not found >= set(wanted) and time.monotonic() < end:
        answer = stage.aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            found.add(json.loads(message["Body"])["detail-type"])
            stage.aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found & set(wanted)


def is_let_in(stage: Stage, application: str, token: str) -> int:
    """What the route that the authorizer guards answers."""
    return stage.call(
        f"/applications/{application}/experience/me", headers={"authorization": f"Bearer {token}"}
    ).status


def try_policies(aws: Aws, stage: Stage) -> None:
    """Take a role's policy away, and give it back wider: IAM is enforced, and by these policies."""
    role = stage.physical("PublishJwksFunctionRole")
    (name,) = aws.iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = aws.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    function = stage.physical("PublishJwksFunction")

    lambda_ = aws.__getattr__("lambda")
    memory = lambda_.get_function_configuration(FunctionName=function)["MemorySize"]

    def ask() -> str:
        # A container keeps the key ring for a minute. One whose memory is changed gives way to a new one: of
        # a change of the description alone, the emulator takes no notice.
        nonlocal memory
        memory += 1
        lambda_.update_function_configuration(FunctionName=function, MemorySize=memory)
        return "answered" if stage.call("/.well-known/jwks.json").status == 200 else "refused"

    aws.iam.delete_role_policy(RoleName=role, PolicyName=name)
    expect("without its policy a function is refused", ask(), "refused")
    (statement,) = json.loads(json.dumps(document))["Statement"]
    wide = {**document, "Statement": [{**statement, "Action": "dynamodb:*"}]}
    aws.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(wide))
    expect("and with a wider one it is not", ask(), "answered")


def run(folder: Path, port: int) -> None:
    """Everything in its order."""
    aws = Aws()
    stages = {name: Stage(aws, f"signet-{name}", port) for name in ("dev", "prod")}
    brought_along = upgrade(folder, stages["prod"])
    print("Two stages", file=sys.stderr)
    for name, stage in stages.items():
        expect(f"{name} is deployed", deployed(folder, name, **OWN[name]), 0)
        stage.make_routes()
    for played in brought_along:
        try_what_was_there(stages["prod"], played)
    functions = len(sam.read_functions(_resolver()))
    found = aws.__getattr__("lambda").list_functions(MaxItems=1000)["Functions"]
    expect("each with its functions", len(found), 2 * functions)
    expect("each with its schedule", len(aws.scheduler.list_schedules()["Schedules"]), 2)
    expect("each with its table, protected", list(aws.tables().values()), [True, True])
    dashboards = aws.cloudwatch.list_dashboards()["DashboardEntries"]
    expect("each with its dashboard", len(dashboards), 2)
    expect("and its alarms", len(aws.cloudwatch.describe_alarms()["MetricAlarms"]), 2 * _alarms())
    sessions = {}
    for name, stage in stages.items():
        print(f"The README's flows, {name}", file=sys.stderr)
        sessions[name] = try_the_readme(stage)
        told = {"SigningKeyChanged", "SettingsChanged", "UserCreated", "UserAuthenticated", "TokensEnded"}
        expect("are told of on the bus", wait_for_events(stage, *told), told)
    expect("a stage knows no application of another", is_let_in(stages["prod"], *sessions["dev"].good), 403)

    print("An update", file=sys.stderr)
    expect(
        "with other parameters",
        deployed(folder, "dev", **OWN["dev"], KeyRotationDays="30", LogLevel="DEBUG"),
        0,
    )
    configuration = aws.__getattr__("lambda").get_function_configuration(
        FunctionName=stages["dev"].physical("RotateKeysFunction")
    )
    expect("reaches the functions", configuration["Environment"]["Variables"]["KEY_ROTATION_DAYS"], "30")
    expect("and old tokens are good", is_let_in(stages["dev"], *sessions["dev"].good), 200)

    print("A first deployment that fails", file=sys.stderr)
    before = (list(aws.tables()), aws.buckets(), aws.keys().count("Enabled"))
    expect("fails", deployed(folder, "late", Issuer=f"https://{'a' * 300}.example"), 1)
    pages = aws.cloudformation.get_paginator("describe_stack_events").paginate(StackName="signet-late")
    reasons = {event.get("ResourceStatusReason") for page in pages for event in page["StackEvents"]}
    why = "InvalidRequest: issuer: must have at most 255 characters."
    expect("says why", reasons & {why}, {why})
    expect(
        "leaves no table, bucket or key",
        (list(aws.tables()), aws.buckets(), aws.keys().count("Enabled")),
        before,
    )
    expect("and is none for the next", deployed(folder, "late"), 0)

    print("The command line", file=sys.stderr)
    try_the_command_line(stages["prod"])

    print("Policies", file=sys.stderr)
    try_policies(aws, stages["prod"])

    print("What stands in front", file=sys.stderr)
    secret = "s" * 32
    aws.cloudformation.create_stack(
        StackName="signet-edge",
        TemplateBody=(ROOT / "deploy" / "edge.yaml").read_text(),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in {
                "OriginDomainName": "origin.id.example.com",
                "OriginSecret": secret,
                "DomainName": "id.example.com",
                "CertificateArn": f"arn:aws:acm:{REGION}:123456789012:certificate/1",
            }.items()
        ],
    )
    aws.cloudformation.get_waiter("stack_create_complete").wait(StackName="signet-edge")
    expect("is made", len(aws.wafv2.list_web_acls(Scope="CLOUDFRONT")["WebACLs"]), 1)

    print("The end of a stage, and back to its data", file=sys.stderr)
    old = stages["dev"]
    left = {name: old.physical(name) for name in adopt.IDENTIFIERS}
    aws.cloudformation.delete_stack(StackName="signet-dev")
    aws.cloudformation.get_waiter("stack_delete_complete").wait(StackName="signet-dev")
    expect("leaves its table", len(aws.tables()), 3)
    expect("its key", aws.keys().count("Enabled"), 3)
    expect("and its bucket", len(aws.buckets()), 3)
    expect("and the other stage", is_let_in(stages["prod"], *sessions["prod"].good), 200)
    try:
        adopt.adopt("dev", left | {"TransferBucket": "nowhere"}, config=folder / "dev.toml")
    except adopt.AdoptError as error:
        print(f"What is named wrongly is refused: {error}", file=sys.stderr)
    else:
        raise Failed("A bucket that is not there was taken over.")
    adopt.adopt("dev", left, config=folder / "dev.toml")
    expect("a new stack takes them over", deployed(folder, "dev", **OWN["dev"]), 0)
    old.make_routes()
    expect("with the same table", old.outputs["TableName"], left["Table"])
    expect("old tokens are good", is_let_in(old, *sessions["dev"].good), 200)
    expect("ended ones stay dead", is_let_in(old, *sessions["dev"].ended), 403)
    logs_in = old.call(f"/applications/{sessions['dev'].application}/experience/login", ANN)
    expect("users log in", logs_in.status, 200)
    expect("are told of", wait_for_events(old, "UserAuthenticated"), {"UserAuthenticated"})
    expect("and the table is protected", aws.tables()[left["Table"]], True)  # noqa: FBT003
    restore(folder, aws, old, left, sessions["dev"])


def restore(folder: Path, aws: Aws, stage: Stage, left: dict[str, str], played: Played) -> None:
    """Do what docs/restore.md says of a table that was spoilt. The emulator restores what is there now."""
    print("A point-in-time restore", file=sys.stderr)
    restored, dynamodb = f"{stage.stack}-restored", aws.dynamodb
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=left["Table"], TargetTableName=restored, UseLatestRestorableTime=True
    )
    dynamodb.get_waiter("table_exists").wait(TableName=restored)
    dynamodb.update_time_to_live(
        TableName=restored, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )
    dynamodb.update_continuous_backups(
        TableName=restored, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    dynamodb.update_table(TableName=restored, DeletionProtectionEnabled=True)
    # Not left to the deployment: the emulator makes a new table where one of another name is to be changed.
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    dynamodb.update_table(TableName=restored, StreamSpecification=stream)
    expect(
        "ends all tokens", end_all_tokens.end_all_tokens(dynamodb, restored, time.time_ns() // 1_000_000), 1
    )
    names = left | {"Table": restored}
    aws.cloudformation.delete_stack(StackName=stage.stack)
    aws.cloudformation.get_waiter("stack_delete_complete").wait(StackName=stage.stack)
    adopt.adopt("dev", names, config=folder / "dev.toml")
    expect("takes the old one's place", deployed(folder, "dev", **OWN["dev"]), 0)
    stage.make_routes()
    expect("as the stack's table", stage.outputs["TableName"], restored)
    for token in (played.good, played.ended):
        expect("an old token is dead", is_let_in(stage, *token), 403)
    login = f"/applications/{played.application}/experience/login"
    fresh = stage.call(login, ANN)
    expect("users log in", fresh.status, 200)
    expect("to a token that is good", is_let_in(stage, played.application, fresh.body["token"]), 200)
    told = {"TokensEnded", "UserAuthenticated"}
    expect("and all of it is told of", wait_for_events(stage, *told), told)


def _alarms() -> int:
    """How many alarms a stage has that sends events, but no mails."""
    nested = template.load(ROOT / "deploy" / "monitoring.yaml")["Resources"].values()
    alarms = [resource for resource in nested if resource["Type"] == "AWS::CloudWatch::Alarm"]
    return sum(alarm.get("Condition") != "SendsMails" for alarm in alarms)


def _resolver() -> template.Resolver:
    declared = template.load(ROOT / "template.yaml")
    return template.Resolver(declared, sam.physical_values(declared, "", "table", "key"), EVENTS)


def main() -> int:
    """Return the exit status."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="signet-deployed-") as name:
        folder = Path(name)
        try:
            with emulator(folder) as port:
                run(folder, port)
        except Failed as error:
            for log in ("sam.log", "emulator.log"):
                if (folder / log).exists():
                    print(f"--- {log}", (folder / log).read_text()[-6000:], sep="\n", file=sys.stderr)
            print(f"make test-deployed: {error}", file=sys.stderr)
            return 1
    print(f"make test-deployed: all passed, in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
