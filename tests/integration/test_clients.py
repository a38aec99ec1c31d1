"""The products' own clients against what `make run` runs, over every operation that both have."""

from collections.abc import Iterator, Mapping
from typing import Any

import jwt
import pytest

from tests.clients import Client, ClientRefusedError, LosantForPython, Node, Velt, running_node
from tests.deployment import PASSWORD
from tests.programs import running_demo

pytestmark = [pytest.mark.heavy, pytest.mark.node]

NOBODY = "0" * 24
QUERIES: list[tuple[dict[str, Any], list[str]]] = [
    ({"email": {"$eq": "ann@example.com"}}, ["ann@example.com"]),
    ({"$nor": [{"lastName": {"$startsWith": "a", "$ci": True}}]}, ["bob@example.com"]),
    ({"userTags": {"plan": "pro"}, "firstName": {"$in": ["Anna", "Bob"]}}, ["ann@example.com"]),
    ({"userTags": {"$ne": {"$tagKey": "plan", "$tagValue": "pro"}}}, ["bob@example.com"]),
    ({"creationDate": {"$gt": "2999-01-01T00:00:00.000Z"}}, []),
]
METHODS = [None, "ClientSecretBasic", "ClientSecretPost"]
"""How openid-client says who it is; its own choice is the first."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What `make run` says of itself."""
    with running_demo(tmp_path_factory.mktemp("state")) as shown:
        yield shown


@pytest.fixture(scope="module")
def node(demo: Mapping[str, str]) -> Iterator[Node]:
    with running_node(demo) as clients:
        yield clients


@pytest.fixture
def openid(node: Node) -> Node:
    """openid-client."""
    return node


@pytest.fixture
def velt(demo: Mapping[str, str]) -> Velt:
    return Velt(demo)


@pytest.fixture(params=["PyPI", "npm"])
def losant(request: pytest.FixtureRequest, demo: Mapping[str, str], node: Node) -> Client:
    """losant-rest of both registries."""
    return LosantForPython(demo) if request.param == "PyPI" else node


@pytest.fixture
def user_token(velt: Velt) -> str:
    return str(velt.call("accessControl.generateToken", userId="u1")["result"]["data"]["token"])


def data_of(answer: Mapping[str, Any]) -> Any:
    assert answer.get("result", {}).get("status") == "success", answer
    return answer["result"]["data"]


def names(listed: Mapping[str, Any], field: str) -> list[str]:
    assert listed["count"] == len(listed["items"])
    return [item[field] for item in listed["items"]]


def test_losant_rest(losant: Client, demo: Mapping[str, str]) -> None:
    """Users, groups and applications are made, read, listed, changed and deleted."""
    ann = losant.call(
        "experienceUsers.post",
        experienceUser={
            "email": "ann@example.com",
            "password": PASSWORD,
            "firstName": "Ann",
            "lastName": "Abel",
            "userTags": {"plan": "pro"},
        },
    )
    bob = losant.call(
        "experienceUsers.post",
        experienceUser={"email": "bob@example.com", "password": PASSWORD, "lastName": "Bell"},
    )
    with pytest.raises(ClientRefusedError) as refused:
        losant.call("experienceUsers.post", experienceUser={"email": "ANN@example.com", "password": PASSWORD})
    assert (refused.value.status, refused.value.kind) == (409, "AlreadyExists")
    with pytest.raises(ClientRefusedError) as refused:
        losant.call("experienceUsers.post", experienceUser={"email": "no", "password": PASSWORD})
    assert (refused.value.status, refused.value.kind) == (400, "Validation")
    assert "email" in str(refused.value)

    top = losant.call(
        "experienceGroups.post",
        experienceGroup={
            "name": "Top",
            "description": "All",
            "groupTags": {"floor": "1"},
            "experienceUserIds": [bob["id"]],
        },
    )
    child = losant.call(
        "experienceGroups.post",
        experienceGroup={
            "name": "Child",
            "parentId": top["id"],
            "deviceIds": [],
            "experienceEndpointIds": [],
        },
    )
    assert child["ancestorIds"] == [top["id"]]
    changed = losant.call(
        "experienceUser.patch",
        experienceUserId=ann["id"],
        experienceUser={"firstName": "Anna", "experienceGroupIds": [child["id"]]},
    )
    assert changed["firstName"] == "Anna"
    assert changed["experienceGroups"] == [{"id": child["id"], "name": "Child", "parentId": top["id"]}]
    for user_id in (ann["id"], ann["id"].upper()):
        assert losant.call("experienceUser.get", experienceUserId=user_id) == changed
    assert (
        losant.call("experienceUser.patch", experienceUserId=ann["id"], experienceUser=changed) == changed
    ), "what was read may be sent back"

    lists: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["ann@example.com", "bob@example.com"]),
        ({"sortField": "lastName", "sortDirection": "desc"}, ["bob@example.com", "ann@example.com"]),
        ({"page": 1, "perPage": 1}, ["bob@example.com"]),
        ({"filterField": "email", "filter": "*nn@*"}, ["ann@example.com"]),
        ({"filterField": "", "filter": ""}, ["ann@example.com", "bob@example.com"]),
        ({"experienceGroupId": child["id"]}, ["ann@example.com"]),
        ({"experienceGroupId": "none"}, []),
        (
            {"experienceGroupId": child["id"], "includeAncestorGroups": True},
            ["ann@example.com", "bob@example.com"],
        ),
        (
            {"experienceGroupId": child["id"], "includeAncestorGroups": "true"},
            ["ann@example.com", "bob@example.com"],
        ),
        ({"experienceGroupId": child["id"], "includeAncestorGroups": False}, ["ann@example.com"]),
        ({"sortDirection": "DESC"}, ["bob@example.com", "ann@example.com"]),
    ]
    if losant.has_queries:
        lists += [({"query": query}, expected) for query, expected in QUERIES]
    for asked, expected in lists:
        listed = losant.call("experienceUsers.get", **asked)
        assert names(listed, "email") == expected, asked
        assert listed["applicationId"] == demo["applicationId"]

    group = losant.call(
        "experienceGroup.get",
        experienceGroupId=top["id"],
        includeDirectDeviceCount=True,
        includeTotalDeviceCount=True,
    )
    assert group["experienceUserIds"] == [bob["id"]]
    assert (
        losant.call("experienceGroup.patch", experienceGroupId=top["id"], experienceGroup=group) == group
    ), "what was read may be sent back"
    changed = losant.call(
        "experienceGroup.patch",
        experienceGroupId=child["id"],
        experienceGroup={"name": "Kid", "parentId": None},
    )
    assert (changed["name"], changed["parentId"]) == ("Kid", None)
    group_lists: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["Kid", "Top"]),
        ({"sortField": "creationDate", "sortDirection": "asc", "page": 0, "perPage": 1}, ["Top"]),
        ({"filterField": "name", "filter": "k*"}, ["Kid"]),
    ]
    if losant.has_queries:
        group_lists += [({"query": {"name": {"$startsWith": "k", "$ci": True}}}, ["Kid"])]
    for asked, expected in group_lists:
        assert names(losant.call("experienceGroups.get", **asked), "name") == expected, asked

    for group_id in (child["id"], top["id"]):
        assert losant.call("experienceGroup.delete", experienceGroupId=group_id) == {"success": True}
    for user_id in (ann["id"], bob["id"]):
        assert losant.call("experienceUser.delete", experienceUserId=user_id) == {"success": True}
    for operation, missing in (
        ("experienceUser.get", {"experienceUserId": ann["id"]}),
        ("experienceGroup.get", {"experienceGroupId": top["id"]}),
        ("experienceUser.delete", {"experienceUserId": NOBODY}),
    ):
        with pytest.raises(ClientRefusedError) as refused:
            losant.call(operation, **missing)
        assert (refused.value.status, refused.value.kind) == (404, "NotFound")

    assert losant.call("application.get")["applicationId"] == demo["applicationId"]
    assert losant.call("application.patch", application={"name": "Shop"})["name"] == "Shop"
    another = losant.call("applications.post", application={"name": "Another"})
    assert {"Shop", "Another"} <= set(names(losant.call("applications.get"), "name"))
    gone = {"applicationId": another["applicationId"]}
    assert losant.call("application.delete", **gone) == {"success": True}
    assert another["applicationId"] not in names(losant.call("applications.get"), "applicationId")
    assert losant.called >= set(losant.both_have)


def test_velt_py(velt: Velt, demo: Mapping[str, str]) -> None:
    """Tokens, permissions, settings and auth tokens: each call is answered, and the token is as asked for."""
    organization = {"type": "organization", "id": "o1", "accessRole": "viewer"}
    document = {"type": "document", "id": "d1", "organizationId": "o1", "accessRole": "editor"}
    answer = velt.call(
        "accessControl.generateToken",
        userId="u1",
        userProperties={
            "name": "Ann",
            "email": "ann@example.com",
            "isAdmin": True,
            "organizationId": "o1",
        },
        permissions={"resources": [organization, {**document, "expiresAt": 4102444800.5}]},
    )
    key = jwt.PyJWKClient(f"{demo['url']}/.well-known/jwks.json")
    token = data_of(answer)["token"]
    claims = jwt.decode(
        token,
        key.get_signing_key_from_jwt(token),
        algorithms=["ES256"],
        audience=f"{demo['applicationId']}/user",
        issuer=demo["url"],
    )
    assert claims["sub"] == "u1"
    assert claims["is_admin"] is True
    assert claims["organization_id"] == "o1"
    assert claims["permissions"]["resources"] == [organization, {**document, "expiresAt": 4102444800}]
    deprecated = velt.call(
        "token.getToken",
        organizationId="o1",
        userId="u1",
        email="ann@example.com",
        isAdmin=False,
        name="Ann",
        permissions={"resources": [document]},
    )
    assert deprecated["success"] is True

    added = velt.call(
        "accessControl.addPermissions",
        user={"userId": "u1"},
        permissions={
            "resources": [organization, document, {"type": "folder", "id": "f1", "organizationId": "o1"}]
        },
    )
    assert len(data_of(added)["permissions"]["resources"]) == 3
    stored = velt.call(
        "accessControl.getPermissions",
        organizationId="o1",
        userIds=["u1"],
        folderIds=["f1"],
        documentIds=["d1", "unknown"],
        skipResourceExistenceValidation=True,
    )
    assert data_of(stored)["u1"]["documents"]["d1"]["accessRole"] == "editor"
    assert data_of(stored)["u1"]["folders"]["f1"]["accessRole"] == "editor"
    assert {"error", "errorCode", "accessType"} <= set(data_of(stored)["u1"]["documents"]["unknown"])
    gone = [
        {name: value for name, value in one.items() if name != "accessRole"}
        for one in (document, organization)
    ]
    left = velt.call("accessControl.removePermissions", userId="u1", permissions={"resources": gone})
    assert [resource["id"] for resource in data_of(left)["permissions"]["resources"]] == ["f1"]

    for required in (False, True):
        changed = velt.call(
            "workspace.updateApiKeyMetadata", requireJwtToken=required, enablePrivateComments=True
        )
        assert data_of(changed)["requireJwtToken"] is required
        assert data_of(velt.call("workspace.getApiKeyMetadata"))["requireJwtToken"] is required
    assert data_of(velt.call("workspace.updateApiKeyMetadata", enablePrivateComments=True))
    (shown,) = data_of(velt.call("workspace.getAuthTokens", apiKey=demo["applicationId"]))["authTokens"]
    assert demo["apiToken"].startswith(shown["prefix"])
    reset = data_of(velt.call("workspace.resetAuthToken", apiKey=demo["applicationId"]))["newAuthToken"]
    renewed = Velt({**demo, "apiToken": reset["token"]})
    assert data_of(renewed.call("accessControl.generateToken", userId="u2"))["token"]

    stranger = Velt({**demo, "apiToken": demo["apiToken"][:-4] + "AAAA"})
    refused = stranger.call("accessControl.generateToken", userId="u1")["error"]
    assert refused["status"] == "UNAUTHENTICATED"
    assert velt.called == set(velt.both_have)


@pytest.mark.parametrize("method", METHODS)
def test_openid_client(openid: Node, user_token: str, method: str | None) -> None:
    """It discovers Signet, and introspects and revokes a token, by each method that discovery names."""
    found = openid.call("discovery", authentication=method)
    assert found["introspection_endpoint"] == f"{found['issuer']}/oauth2/introspect"
    for more in ({}, {"token_type_hint": "access_token"}):
        answer = openid.call("tokenIntrospection", authentication=method, token=user_token, **more)
        assert (answer["active"], answer["sub"]) == (True, "u1")
    assert openid.call("tokenRevocation", authentication=method, token=user_token) is None
    answer = openid.call("tokenIntrospection", authentication=method, token=user_token)
    assert answer == {"active": False}


@pytest.mark.parametrize("method", METHODS)
def test_openid_client_hears_that_its_secret_is_wrong(
    openid: Node, user_token: str, method: str | None
) -> None:
    """As RFC 6749 section 5.2 has it, which the client takes apart."""
    with pytest.raises(ClientRefusedError) as refused:
        openid.call("tokenIntrospection", authentication=method, secret="wrong", token=user_token)
    assert refused.value.status == 401
