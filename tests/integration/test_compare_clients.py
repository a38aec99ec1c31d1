"""`make compare-clients`, on both engines."""

from typing import Any

import pytest

from signet import wiring
from signet.aws.lean import LeanTransport
from tests.deployment import Deployment
from tools import compare_clients


def compare(signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[str]]:
    monkeypatch.setenv("AWS_CLIENT", "boto3")
    return compare_clients.compare(compare_clients.make, signet.table_name, wiring.settings().kms_key_id)


def test_both_clients_do_the_same_and_leave_nothing_behind(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all that the list has: types, conditions, pages, batches, transactions, refusals, secrets."""
    before = signet.items()
    calls, differences = compare(signet, monkeypatch)
    assert differences == []
    assert calls > 20
    assert signet.items() == before


def test_what_differs_is_reported_with_both_ends(signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """From where they part, since an answer may be long."""
    real = LeanTransport.send

    def send(self: LeanTransport, operation: str, request: Any) -> Any:
        answer = real(self, operation, request)
        if "n" in answer.get("Attributes", {}):
            answer["Attributes"]["n"] = {"N": "1.0"}
        return answer

    monkeypatch.setattr(LeanTransport, "send", send)
    _, differences = compare(signet, monkeypatch)
    assert len(differences) == 2
    first, *others = differences[0].splitlines()
    assert "an update gives what it made (UpdateItem)" in first
    assert [line.split(":")[0].strip() for line in others] == ["boto3", "lean"]
    assert "{'N': '1'}" in others[0]
    assert "{'N': '1.0'}" in others[1]


def test_where_nothing_goes_both_are_not_alike(signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clients that are refused everything have shown nothing."""
    monkeypatch.setenv("AWS_CLIENT", "boto3")
    calls, differences = compare_clients.compare(compare_clients.make, f"{signet.table_name}-none", None)
    assert calls - len(differences) < 10
    assert "every type is written" in differences[0]
    assert "ResourceNotFoundException" in differences[0]
