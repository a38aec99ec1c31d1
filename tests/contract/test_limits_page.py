"""docs/limits.md says what the code and the measurements say."""

import re

import pytest

from functions.applications.reset_api_token.handler import MAX_GRACE
from signet import errors
from signet.domain import (
    groups,
    guessing,
    jws,
    keys,
    listing,
    permissions,
    queries,
    strict_json,
    templates,
    users,
)
from signet.domain.passwords import policy
from signet.edge import operation
from signet.edge.fields import groups as group_fields
from signet.edge.fields import lists, model
from signet.edge.fields import users as user_fields
from signet.store import ended_tokens
from signet.usecases import importing
from tests.deployment import ROOT

PAGE = (ROOT / "docs" / "limits.md").read_text()
KIB, YEAR_MS = 1024, 365 * 86_400_000
LIMITS = {
    "its body; a form too": f"{operation.MAX_BODY_BYTES // KIB} KiB",
    "its body, where it makes or changes a user or a group": f"{operation.LARGE_BODY_BYTES // KIB**2} MiB",
    "levels of its JSON": strict_json.MAX_DEPTH,
    "faults that it names": errors.MAX_FAULTS,
    "all of it": f"{jws.MAX_LENGTH // KIB} KiB",
    "its extra data, as JSON": f"{model.MAX_EXTRA_DATA_BYTES:,} bytes",
    "its life, where it is asked for": f"{model.MAX_AGE_LIMIT_MS // YEAR_MS} years",
    f"characters of the password, at least {policy.MIN_CHARACTERS}": policy.MAX_CHARACTERS,
    "characters of the e-mail address, and of each name": user_fields.MAX_TEXT,
    "tags": user_fields.MAX_TAGS,
    "groups": users.MAX_GROUPS,
    "resources that are permitted": permissions.MAX_RESOURCES,
    "what `identify` brings besides the usual, as JSON": f"{users.MAX_PROFILE_BYTES:,} bytes",
    "tokens that have ended one by one, before all do": ended_tokens.MAX_MARKS,
    "known sources": guessing.MAX_KNOWN,
    "levels": groups.MAX_LEVELS,
    "characters of the description": group_fields.MAX_DESCRIPTION,
    "members that are shown, and that can be set at once": groups.MAX_MEMBERS_SHOWN,
    "users or groups of a page": lists.MAX_PER_PAGE,
    "users or groups that a filter, a query or another order looks at": listing.MAX_EXAMINED,
    "terms": queries.MAX_TERMS,
    "characters that it renders to": templates.MAX_RENDERED,
    "a line": f"{importing.MAX_LINE_BYTES // KIB} KiB",
    "live ones of an application": 2,
    "grace of one that was reset": f"{MAX_GRACE // keys.DAY} days",
}
AUTHORIZED = "checks by the authorizer, without API Gateway, which your own request pays"
COSTS = {
    "log-ins": "log_in.http",
    AUTHORIZED: "authorize_request.authorizer",
    "introspections": "introspect_token.http",
    "identity tokens": "issue_identity_token.http",
    "user tokens": "issue_user_token.http",
    "users made": "create_user.http",
}


def test_the_limits_are_those_of_the_code() -> None:
    """Each by its figure, and none that nobody holds to anything."""
    told = dict(re.findall(r"(?m)^\| (?:a|an) [\w ]+ \| (.+) \| (.+) \|$", PAGE))
    assert told == {
        what: f"{figure:,}" if isinstance(figure, int) else figure for what, figure in LIMITS.items()
    }


@pytest.mark.parametrize(("what", "event"), COSTS.items())
def test_the_costs_are_those_that_were_measured(what: str, event: str) -> None:
    """By the last run of `make bench PARTS=price`, or nearly: runs differ."""
    results = (ROOT / "benchmarks" / "results" / "README.md").read_text()
    (dollars,) = re.findall(
        rf"(?m)^\| {re.escape(event)} \| ([\d.]+) \|.*\|$", results.split("### Calls")[1]
    )[:1]
    (told,) = re.findall(rf"(?m)^\| {re.escape(what)} \| ([\d.]+) \|$", PAGE)
    assert float(told) == pytest.approx(float(dollars), rel=0.1)
