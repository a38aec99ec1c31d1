"""The soak for a moment: that it runs, and that it would notice."""

import pytest

from benchmarks import soak


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from the environment of whoever tests, and little is waited for."""
    monkeypatch.setattr(soak, "SETTLED_SECONDS", 5.5)


@pytest.mark.heavy
@pytest.mark.engine
@pytest.mark.usefixtures("moment")
def test_a_moment_of_soak_finds_nothing() -> None:
    """Requests of all kinds were made, some met a fault, and every answer and the table are right."""
    tables = soak.measure(0.25)
    asked = {row[""] for row in tables["By what was asked"]}
    assert asked >= {"log in", "introspect", "authorizer", "create a user", "revoke"}
    assert {row[""]: row["met"] for row in tables["Faults"]}.keys() > {"none"}


@pytest.mark.heavy
@pytest.mark.engine
@pytest.mark.usefixtures("moment")
def test_a_token_that_outlives_its_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it is the soak that ends none, and believes that it has."""

    def end_none(worker: soak.Worker) -> None:
        for person in worker.people:
            person.end_all()

    monkeypatch.setattr(soak.Worker, "end_all", end_none)
    with pytest.raises(AssertionError, match="is ended by the model, and is_good=True"):
        soak.measure(0.25)
