"""Permissions as Velt's clients send them (docs/api.md, section 10)."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from signet.domain.permissions import MAX_RESOURCES, Resource
from signet.domain.times import LATEST
from signet.edge.fields.model import UNSET, RequestModel, described
from signet.edge.fields.velt import Text
from signet.errors import FaultKind, InvalidRequest

ABSENT: Any = object()
"""The default of a field that is looked at even where it did not come."""


class PermissionsRequest(RequestModel):
    """What Velt's clients may say wherever permissions are asked for or given.

    Attributes:
        skip_resource_existence_validation: Has no meaning here, where no resource is known but by name.
    """

    skip_resource_existence_validation: bool | None = None


class ResourceType(StrEnum):
    """What a permission can be about."""

    ORGANIZATION = "organization"
    FOLDER = "folder"
    DOCUMENT = "document"


class AccessRole(StrEnum):
    """What a user may do."""

    VIEWER = "viewer"
    EDITOR = "editor"


class NamedResource(RequestModel):
    """Names a resource. A folder or a document is one of an organization."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"type": {"const": ResourceType.ORGANIZATION}}},
            "then": {"properties": {"organizationId": False}},
            "else": {"required": ["organizationId"]},
        }
    )
    type: Annotated[ResourceType, Strict(strict=False)]
    id: Text
    organization_id: Text = ABSENT

    @model_validator(mode="before")
    @classmethod
    def _look_at_all(cls, members: object) -> object:
        # A default that pydantic itself validates would be named `organization_id` in the refusal.
        return {"organizationId": ABSENT, **members} if isinstance(members, dict) else members

    @field_validator("organization_id", mode="wrap")
    @classmethod
    def _belongs(cls, given: object, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
        # Where the type is wrong there is nothing to say; that fault is reported anyway.
        kind = info.data.get("type")
        if given is ABSENT:
            if kind in (ResourceType.FOLDER, ResourceType.DOCUMENT):
                message = f"is required for a {kind}."
                raise InvalidRequest.of("organizationId", message, FaultKind.MISSING)
            return given
        organization_id = check(given)
        if kind is ResourceType.ORGANIZATION and organization_id != info.data.get("id", organization_id):
            message = "is not the id of this organization; leave it out."
            raise InvalidRequest.of("organizationId", message)
        return organization_id

    @property
    def resource(self) -> dict[str, Any]:
        """The resource as tokens hold it."""
        named = {"type": self.type.value, "id": self.id}
        if self.type is not ResourceType.ORGANIZATION:
            named["organizationId"] = self.organization_id
        return named


def _without_fraction(value: object) -> object:
    """Clients divide milliseconds by 1000."""
    return int(value) if isinstance(value, float) else value


class PermittedResource(NamedResource):
    """A resource, and what a user may do with it, until when in Unix seconds."""

    access_role: Annotated[AccessRole, Strict(strict=False)] = AccessRole.EDITOR
    expires_at: Annotated[
        int,
        Field(ge=0, le=LATEST, description="a time in Unix seconds up to the year 9999, such as 1893456000"),
        BeforeValidator(_without_fraction),
        described(type="number"),
    ] = UNSET

    @property
    def resource(self) -> dict[str, Any]:
        """The resource as tokens hold it."""
        permitted = {**super().resource, "accessRole": self.access_role.value}
        if "expires_at" in self.model_fields_set:
            permitted["expiresAt"] = self.expires_at
        return permitted


class ResourceList[R: NamedResource](PermissionsRequest):
    """Up to 100 resources."""

    resources: Annotated[list[R], described(maxItems=MAX_RESOURCES)]

    @field_validator("resources", mode="before")
    @classmethod
    def _not_too_many(cls, resources: object) -> object:
        if isinstance(resources, list) and len(resources) > MAX_RESOURCES:
            message = f"are {len(resources)}; at most {MAX_RESOURCES} are taken."
            raise InvalidRequest.of("resources", message, FaultKind.TOO_LONG)
        return resources

    @property
    def plain(self) -> list[dict[str, Any]]:
        """The resources as tokens hold them."""
        return [resource.resource for resource in self.resources]


Permissions = ResourceList[PermittedResource]
NamedResources = ResourceList[NamedResource]


class PermittedView(TypedDict):
    """A resource, and what a user may do with it, until when in Unix seconds."""

    type: Literal["organization", "folder", "document"]
    id: str
    organizationId: NotRequired[str]
    accessRole: Literal["viewer", "editor"]
    expiresAt: NotRequired[int]


class PermittedList(TypedDict):
    """All that a user may do."""

    resources: list[PermittedView]


class StoredPermissions(TypedDict):
    """An answer: what is stored of a user."""

    permissions: PermittedList


def view_permissions(resources: Sequence[Resource]) -> StoredPermissions:
    """What a client sees of the resources that are stored, which have the form of tokens."""
    return {"permissions": {"resources": cast("list[PermittedView]", resources)}}
