"""Whatever is asked of the console by who has signed in, a page answers, and never a bug."""

import re
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signet.cli.console.guard import BASE, FORM_TOKEN
from signet.cli.console.messages import Request
from tests.console import NAVIGATES, SENDS, make_console, sign_in
from tests.deployment import Deployment
from tests.effort import examples

ODD = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "..", "%", "%00", "%ff", "\x00", "ext:a/b", "ext:", "0" * 24, "a" * 3000, "-1", "1e9"]
    ),
)
NAMES = ["text", "by", "group", "page", "next", "follow", "name", "grace", "key", "token", "written", "x"]
NAMES += [
    "login.ttl",
    "login.extraData",
    "guessing.account.atOnce",
    "identityTokenLifetime",
    "requireJwtToken",
]
VALUES = st.one_of(ODD, st.from_regex(r"[\[{\"0-9.]{1,20}", fullmatch=True))
FIELDS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
PLACES = ["", "/applications", "/tokens", "/tokens/revoke", "/keys", "/refusals"]
WITHIN = [
    "",
    "/users",
    "/users/ODD",
    "/users/ODD/delete",
    "/users/ODD/end-tokens",
    "/imports",
    "/imports/ODD",
]
WITHIN += ["/end-tokens", "/reset-api-token", "/delete"]
ONE_DEPLOYMENT = settings(
    max_examples=examples(1000),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""All examples go to one deployment."""


@pytest.mark.hypothesis
def test_no_request_is_a_bug(moto_signet: Deployment) -> None:
    """Of any path, query and form; what is wrong with it is said, or there is no such page."""
    browser = sign_in(make_console(moto_signet))
    browser.open("/applications")
    (token,) = set(re.findall(rf'name="{FORM_TOKEN}" value="([^"]+)"', browser.page))
    app = f"/applications/{moto_signet.application_id}"
    places = st.one_of(
        st.sampled_from(PLACES),
        st.builds(
            lambda path, odd: app + path.replace("ODD", quote(odd, safe="")), st.sampled_from(WITHIN), ODD
        ),
        ODD.map(lambda odd: "/" + quote(odd)),
    )

    @ONE_DEPLOYMENT
    @given(places, FIELDS, st.booleans())
    def ask(path: str, fields: dict[str, str], is_change: bool) -> None:
        headers = {"cookie": browser.cookie}
        if is_change:
            # All but what would delete the application that the others are asked in.
            body = urlencode({**fields, "written": "no", FORM_TOKEN: token}, errors="replace").encode()
            answer = browser.send(Request("POST", f"{BASE}{path}", "", SENDS | headers, body))
        else:
            # A link's token would be one that is wrong.
            asked = {name: value for name, value in fields.items() if name != "token"}
            query = urlencode(asked, errors="replace")
            answer = browser.send(Request("GET", f"{BASE}{path}", query, NAVIGATES | headers))
        assert answer.status in (200, 303, 400, 404), browser.text
        assert "has a bug" not in browser.page

    ask()
