"""What watches a deployment: every alarm is heard, and looks at what is measured."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local import sam, template
from local.template import Resolver
from signet.edge import record
from tests.contract.test_versions import VERSIONED
from tests.deployment import ROOT, URL, load_template

TOPIC = "arn:topic"
MONITORING = template.load(ROOT / "deploy" / "monitoring.yaml")
NESTED: dict[str, Any] = load_template()["Resources"]["Monitoring"]["Properties"]
OWN_ALARMS = {"NewVersionFails"}
"""Those that do not stand in the nested template."""

Metric = tuple[str, str, tuple[tuple[str, object], ...]]
"""A namespace, a name, and the dimensions."""


def outer(topic: str = "") -> Resolver:
    """A resolver of template.yaml, with all that a parameter can turn on."""
    parameters = {"Deployment": "Canary10Percent5Minutes", "AlarmTopicArn": topic}
    declared = load_template()
    return Resolver(declared, sam.physical_values(declared, URL, "table", "key"), parameters)


def inner(topic: str = "") -> Resolver:
    """A resolver of the nested template, with what the outer one tells it."""
    told = {name: name for name in MONITORING["Parameters"]} | {"AlarmTopicArn": topic, "RefusedLogIns": "7"}
    return Resolver(MONITORING, {"AWS::Region": sam.REGION, "AWS::NoValue": ""}, told)


def alarms(resolver: Resolver) -> dict[str, dict[str, Any]]:
    """The properties of the alarms, by logical id."""
    return {
        name: resolver.resolve(it["Properties"], name)
        for name, it in resolver.resources("AWS::CloudWatch::Alarm").items()
    }


def watched_by_alarms() -> Iterator[Metric]:
    """The metrics of the nested alarms, their dimensions by the name of the parameter that tells it."""
    for alarm in alarms(inner()).values():
        dimensions = tuple((it["Name"], it["Value"]) for it in alarm["Dimensions"])
        yield alarm["Namespace"], alarm["MetricName"], dimensions


def dashboard() -> dict[str, Any]:
    """The dashboard, as CloudWatch gets it."""
    properties = MONITORING["Resources"]["Dashboard"]["Properties"]
    body: dict[str, Any] = json.loads(inner().resolve(properties, "Dashboard")["DashboardBody"])
    return body


def watched_by_the_dashboard() -> Iterator[Metric]:
    """The metrics of its widgets."""
    for widget in dashboard()["widgets"]:
        for namespace, name, *rest in widget["properties"]["metrics"]:
            (dimension, value) = rest[:2]
            yield namespace, name, ((dimension, value),)


def test_the_nested_template_is_told_what_it_asks_for() -> None:
    """Every parameter has its value from the resources, and none is left over."""
    assert NESTED["TemplateURL"] == "deploy/monitoring.yaml"
    assert NESTED["Parameters"].keys() == MONITORING["Parameters"].keys()
    resources = load_template()["Resources"]
    for name in ("LogIn", "Authenticate", "AuthorizeRequest", "RotateKeys"):
        assert NESTED["Parameters"][name] == {"Ref": f"{name}Function"}
        assert f"{name}Function" in resources


def test_every_alarm_is_heard_and_says_what_to_do() -> None:
    """Each goes to the topic, where there is one, and has its line in docs/runbook.md."""
    assert alarms(outer()).keys() == OWN_ALARMS
    silent = alarms(outer()) | alarms(inner())
    for name, alarm in (alarms(outer(TOPIC)) | alarms(inner(TOPIC))).items():
        assert alarm["AlarmActions"] == [TOPIC], name
        assert not any(silent[name].get(key) for key in ("AlarmActions", "InsufficientDataActions")), name
        assert alarm["AlarmDescription"]
    rows = re.findall(r"(?m)^\| (`[^|]+`) \|", (ROOT / "docs" / "runbook.md").read_text())
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == silent.keys()


def test_what_is_watched_is_measured() -> None:
    """A metric of ours is one that docs/logs.md lists, in a dimension that a call's line has."""
    text = (ROOT / "docs" / "logs.md").read_text()
    table = re.findall(r"(?m)^\| (`[A-Z][^|]*`) \|", text)
    measured = {name for row in table for name in re.findall(r"`(\w+)`", row)}
    functions = {"LogIn", "Authenticate", "AuthorizeRequest", "RotateKeys"}
    ours = set()
    for namespace, name, ((dimension, value),) in (*watched_by_alarms(), *watched_by_the_dashboard()):
        if namespace != "Signet":
            assert namespace.startswith("AWS/")
            continue
        ours.add(name)
        assert dimension in {record.DIMENSION, record.STACK_DIMENSION}
        assert value in (functions if dimension == record.DIMENSION else {"Watched"})
    assert {"Fault", "Outage", "Refusal", "ActiveKeyOverdue"} <= ours <= measured


def test_the_dashboard_covers_no_widget_by_another() -> None:
    """Each has its place in rows of 24 columns, and a title."""
    taken = set()
    for widget in dashboard()["widgets"]:
        assert widget["properties"]["title"]
        for x in range(widget["x"], widget["x"] + widget["width"]):
            place = (x, widget["y"])
            assert place not in taken
            assert x < 24
            taken.add(place)


@pytest.mark.parametrize("stat", ["Statistic", "ExtendedStatistic"])
def test_an_alarm_says_how_it_counts(stat: str) -> None:
    """Sums and maxima are a statistic, percentiles an extended one: CloudWatch refuses the other."""
    for name, alarm in alarms(inner()).items():
        if stat in alarm:
            assert alarm[stat].startswith("p") == (stat == "ExtendedStatistic"), name
        assert len(alarm.keys() & {"Statistic", "ExtendedStatistic"}) == 1


def test_the_alarm_that_stops_a_deployment_watches_every_function_that_is_deployed_gradually() -> None:
    """Within what one alarm may compare, which is ten metrics."""
    result, *watched = load_template()["Resources"]["NewVersionFails"]["Properties"]["Metrics"]
    metrics = [it["MetricStat"]["Metric"] for it in watched]
    errors = [it["Dimensions"][0]["Value"]["Ref"] for it in metrics if it["MetricName"] == "Errors"]
    assert sorted(errors) == sorted(VERSIONED)
    assert [it["MetricName"] for it in metrics if it["MetricName"] != "Errors"] == ["Fault"]
    assert len(watched) < 10
    assert [it["ReturnData"] for it in (result, *watched)] == [True, *[False] * len(watched)]
