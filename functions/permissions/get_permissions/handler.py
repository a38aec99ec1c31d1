"""POST /v2/auth/permissions/get: what is stored of users, in one organization (docs/api.md, section 10)."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, NotRequired, Self, TypedDict, cast

from pydantic import Field, field_validator, model_validator

from signet.domain.permissions import Resource
from signet.edge.credentials import VELT_HEADERS
from signet.edge.dialects.velt import velt
from signet.edge.fields.model import UNSET, described
from signet.edge.fields.permissions import PermissionsRequest
from signet.edge.fields.velt import ExternalId, Text
from signet.edge.operation import Call, operation
from signet.errors import FaultKind, InvalidRequest
from signet.usecases import permissions

MAX_USERS = 100

MAX_ASKED = 10_000
"""Pairs of a user and a resource that is asked for by name: an answer of Lambda has room for so many."""


class GetPermissions(PermissionsRequest):
    """The request's fields; folders and documents that are not named are all meant."""

    organization_id: Text
    user_ids: Annotated[list[ExternalId], Field(min_length=1), described(maxItems=MAX_USERS)]
    folder_ids: list[Text] = UNSET
    document_ids: list[Text] = UNSET

    @field_validator("user_ids", mode="before")
    @classmethod
    def _not_too_many(cls, user_ids: object) -> object:
        if isinstance(user_ids, list) and len(user_ids) > MAX_USERS:
            message = f"are {len(user_ids)}; at most {MAX_USERS} are taken."
            raise InvalidRequest.of("userIds", message, FaultKind.TOO_LONG)
        return user_ids

    @model_validator(mode="after")
    def _can_be_answered(self) -> Self:
        asked = len(self.user_ids) * len(self.named)
        if asked > MAX_ASKED:
            message = f"are asked about {asked} permissions; at most {MAX_ASKED} are answered at once."
            raise InvalidRequest.of("userIds", message, FaultKind.TOO_LONG)
        return self

    @property
    def named(self) -> list[tuple[str, str]]:
        """The resources that are asked for by name: type and id."""
        folders = [("folder", folder_id) for folder_id in self.folder_ids or ()]
        documents = [("document", document_id) for document_id in self.document_ids or ()]
        return [("organization", self.organization_id), *folders, *documents]

    def wants(self, resource: Resource) -> bool:
        """Whether it is asked for."""
        if resource["type"] == "organization":
            return bool(resource["id"] == self.organization_id)
        ids = self.folder_ids if resource["type"] == "folder" else self.document_ids
        return resource["organizationId"] == self.organization_id and (ids is None or resource["id"] in ids)


class Access(TypedDict):
    """What a user may do with a resource, until when in Unix seconds."""

    accessRole: Literal["viewer", "editor"]
    expiresAt: NotRequired[int]


class NoAccess(TypedDict):
    """What is said of a resource that was asked for by name and that a user may not use."""

    error: str
    errorCode: Literal["permission_denied"]
    accessType: Literal["restricted"]


class PermissionsOfUser(TypedDict, total=False):
    """What is stored of a user, by the resources' ids."""

    organization: dict[str, Access | NoAccess]
    folders: dict[str, Access | NoAccess]
    documents: dict[str, Access | NoAccess]


GROUPS = {"organization": "organization", "folder": "folders", "document": "documents"}
"""Under which name the answer has resources of a type."""


@operation(
    "get_permissions",
    request=GetPermissions.parse,
    dialect=velt("User permissions retrieved successfully.", version=2),
    scheme=VELT_HEADERS,
)
def lambda_handler(call: Call[GetPermissions]) -> dict[str, PermissionsOfUser]:
    """Give the stored permissions of each user that have not expired, by kind and id of the resource."""
    request = call.request
    named = request.named
    stored = permissions.show(call.tenant, request.user_ids)
    return {
        user_id: _grouped(named, (resource for resource in resources if request.wants(resource)))
        for user_id, resources in stored.items()
    }


def _grouped(named: Iterable[tuple[str, str]], permitted: Iterable[Resource]) -> PermissionsOfUser:
    """What is permitted, and what is named and is not: in Velt's words, for which clients look."""
    groups: dict[str, Any] = {}
    for kind, resource_id in named:
        groups.setdefault(GROUPS[kind], {})[resource_id] = {
            "error": f"User does not have access to {kind}",
            "errorCode": "permission_denied",
            "accessType": "restricted",
        }
    for resource in permitted:
        said = {name: resource[name] for name in ("accessRole", "expiresAt") if name in resource}
        groups.setdefault(GROUPS[resource["type"]], {})[resource["id"]] = said
    return cast("PermissionsOfUser", groups)
