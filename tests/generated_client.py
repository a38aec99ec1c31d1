"""Uses the client that openapi-python-client generates of openapi.yaml, as its user would; run by a test.

The argument is what `make run` says of its demo, as JSON; what is printed is what the test looks at.
"""

import base64
import json
import sys

from signet_client import AuthenticatedClient, Client
from signet_client.api.tokens import introspect_token, issue_identity_token, issue_user_token
from signet_client.api.users import create_user, identify, list_users, log_in
from signet_client.models import (
    ClaimedUser,
    CreateUser,
    GladlyError,
    Identify,
    IdentifyBody,
    IdentifyResponse200,
    IdentityFields,
    IdentityToken,
    IdentityType,
    Introspection,
    IssueUserTokenBody,
    IssueUserTokenResponse200,
    ListUsersFilterField,
    ListViewUserView,
    LoggedIn,
    LogIn,
    LosantError,
    PresentedToken,
    UserProperties,
    UserToken,
    UserView,
    VeltError,
)

PASSWORD = "correct horse battery staple"


def basic(url: str, user_name: str, password: str) -> AuthenticatedClient:
    """A client that comes with HTTP Basic."""
    pair = base64.b64encode(f"{user_name}:{password}".encode()).decode()
    return AuthenticatedClient(base_url=url, token=pair, prefix="Basic")


def main(url: str, application_id: str, api_token: str) -> dict[str, object]:
    """Go through the dialects."""
    public = Client(base_url=url)
    server = AuthenticatedClient(base_url=url, token=api_token)
    wanted = CreateUser(email="python@example.com", password=PASSWORD, first_name="Ann")

    user = create_user.sync(application_id, client=server, body=wanted)
    assert isinstance(user, UserView), user
    taken = create_user.sync_detailed(application_id, client=server, body=wanted)
    assert isinstance(taken.parsed, LosantError), taken
    listed = list_users.sync(
        application_id, client=server, filter_="python@*", filter_field=ListUsersFilterField.EMAIL
    )
    assert isinstance(listed, ListViewUserView), listed
    credentials = LogIn(email="python@example.com", password=PASSWORD)
    logged_in = log_in.sync(application_id, client=public, body=credentials)
    assert isinstance(logged_in, LoggedIn), logged_in
    wrong = log_in.sync_detailed(
        application_id, client=public, body=LogIn(email="python@example.com", password="wrong")
    )
    assert isinstance(wrong.parsed, LosantError), wrong

    mint = basic(url, "you@example.com", api_token)
    identity = IdentityFields(identity_type=IdentityType.EMAIL, identity="test@example.com")
    minted = issue_identity_token.sync(client=mint, body=identity)
    assert isinstance(minted, IdentityToken), minted
    number = IdentityFields(identity_type=IdentityType.MOBILE_PHONE_NUMBER, identity="12")
    faulty = issue_identity_token.sync(client=mint, body=number)
    assert isinstance(faulty, GladlyError), faulty
    introspected = introspect_token.sync(
        client=basic(url, application_id, api_token), body=PresentedToken(token=minted.token)
    )
    assert isinstance(introspected, Introspection), introspected

    asked = UserToken(
        api_key=application_id,
        auth_token=api_token,
        user_id="u1",
        user_properties=UserProperties(organization_id="org1"),
    )
    issued = issue_user_token.sync(client=public, body=IssueUserTokenBody(data=asked))
    assert isinstance(issued, IssueUserTokenResponse200), issued
    claimed = Identify(
        api_key=application_id,
        auth_token=issued.result.data.token,
        user=ClaimedUser(user_id="u1", name="Ann"),
    )
    identified = identify.sync(client=public, body=IdentifyBody(data=claimed))
    assert isinstance(identified, IdentifyResponse200), identified
    claimed.user.user_id = "u2"
    denied = identify.sync_detailed(client=public, body=IdentifyBody(data=claimed))
    assert isinstance(denied.parsed, VeltError), denied
    return {
        "user": user.email,
        "taken": [taken.status_code, taken.parsed.type_],
        "listed": [item.id == user.id for item in listed.items],
        "loggedIn": logged_in.user.id == user.id,
        "wrong": [wrong.status_code, wrong.parsed.type_],
        "minted": introspected.active,
        "faulty": [[error.attr, error.code] for error in faulty.errors],
        "identified": [identified.result.data.verified, identified.result.data.verified_fields],
        "denied": [denied.status_code, denied.parsed.error.status],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(**json.loads(sys.argv[1]))))
