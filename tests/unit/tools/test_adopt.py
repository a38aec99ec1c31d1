"""What `make adopt` takes into a stack."""

import copy
from pathlib import Path
from typing import Any
from unittest import mock

import botocore.session
import pytest
from botocore.exceptions import ClientError, WaiterError

from signet import wiring
from tests.deployment import Deployment, load_template
from tools.adopt import IDENTIFIERS, AdoptError, adopt, check_key, to_import


@pytest.mark.parametrize("has_stream", [False, True])
def test_a_table_is_imported_as_it_is(*, has_stream: bool) -> None:
    """With its stream where it has one; else the next deployment turns it on. Nothing is ever deleted."""
    resources = load_template()["Resources"]
    before = copy.deepcopy(resources)
    found = to_import(resources, has_stream=has_stream)
    assert found.keys() == IDENTIFIERS.keys()
    assert {resource["DeletionPolicy"] for resource in found.values()} == {"Retain"}
    left_out = resources["Table"]["Properties"].keys() - found["Table"]["Properties"].keys()
    assert left_out == (set() if has_stream else {"StreamSpecification"})
    assert resources == before


def client(name: str) -> Any:
    """A client of the cloud that the test has."""
    return botocore.session.get_session().create_client(name)


def test_the_key_is_the_one_of_the_table(moto_signet: Deployment) -> None:
    """Another stage's would be taken in too, and nobody could log in; without signing keys any will do."""
    dynamodb, kms, table = client("dynamodb"), client("kms"), moto_signet.table_name
    another = kms.create_key()["KeyMetadata"]["KeyId"]
    check_key(dynamodb, kms, table, wiring.settings().kms_key_id)
    for wrong in (another, "11111111-2222-3333-4444-555555555555"):
        with pytest.raises(AdoptError, match=f"^{wrong} does not decrypt the signing keys of {table}"):
            check_key(dynamodb, kms, table, wrong)
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "KEYS"}, "sk": {"S": "RING"}})
    check_key(dynamodb, kms, table, another)


class CloudFormation:
    """One stack, that finds these buckets alone; a change set that failed stays, as CloudFormation has it."""

    def __init__(self, *buckets: str) -> None:
        self.buckets = buckets
        self.status: str | None = None
        self.change_sets: dict[str, str | None] = {}

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's
        """How the stack stands."""
        if self.status is None:
            error = {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}
            raise ClientError({"Error": error}, "DescribeStacks")
        return {"Stacks": [{"StackStatus": self.status}]}

    def create_change_set(self, ChangeSetName: str, **request: Any) -> None:  # noqa: N803
        """Look whether what is imported is there."""
        if ChangeSetName in self.change_sets:
            error = {"Code": "AlreadyExistsException", "Message": "It is there."}
            raise ClientError({"Error": error}, "CreateChangeSet")
        named = {name for it in request["ResourcesToImport"] for name in it["ResourceIdentifier"].values()}
        reason = None if named & set(self.buckets) else "Bucket not found"
        self.change_sets[ChangeSetName] = reason
        self.status = "REVIEW_IN_PROGRESS"

    def get_waiter(self, _: str) -> "CloudFormation":
        """What waits."""
        return self

    def wait(self, StackName: str, ChangeSetName: str | None = None) -> None:  # noqa: N803
        """All is done at once."""
        if ChangeSetName is not None and self.change_sets[ChangeSetName] is not None:
            raise WaiterError(StackName, "it failed", {})

    def describe_change_set(self, ChangeSetName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Why it failed."""
        return {"StatusReason": self.change_sets[ChangeSetName]}

    def execute_change_set(self, **_: Any) -> None:
        """Take it all in."""
        self.status = "IMPORT_COMPLETE"


def test_what_was_named_wrongly_is_said_and_named_again(moto_signet: Deployment, tmp_path: Path) -> None:
    """A failed attempt is in nobody's way, and a stack that is there is left alone."""
    (tmp_path / "samconfig.toml").write_text('[prod.global.parameters]\nstack_name = "signet-prod"\n')
    cloudformation = CloudFormation("left")
    clients = {name: client(name) for name in ("dynamodb", "kms")} | {"cloudformation": cloudformation}
    session = mock.Mock(create_client=lambda name, **_: clients[name])
    names = {"Table": moto_signet.table_name, "SigningKey": wiring.settings().kms_key_id}

    def attempt(bucket: str) -> None:
        adopt("prod", names | {"TransferBucket": bucket}, config=tmp_path / "samconfig.toml")

    with mock.patch("tools.adopt.botocore.session.get_session", return_value=session):
        for _ in range(2):
            with pytest.raises(AdoptError, match=r"^Bucket not found$"):
                attempt("letf")
        attempt("left")
        assert cloudformation.status == "IMPORT_COMPLETE"
        with pytest.raises(AdoptError, match="The stack signet-prod is there, IMPORT_COMPLETE"):
            attempt("left")
