"""Groups as Losant's clients send and read them (docs/api.md, section on groups)."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from signet.domain.groups import MAX_MEMBERS_SHOWN, DetailedGroup, Members, WantedMembers
from signet.domain.ids import find_id, is_same_id
from signet.domain.times import iso_8601
from signet.domain.users import find_user_id, path_id
from signet.edge.fields.model import UNSET, LowerId, RequestModel, ResponseModel
from signet.edge.fields.users import Tags
from signet.errors import InvalidRequest, shown

MAX_DESCRIPTION = 32_767


def _group_id(text: str) -> str:
    group_id = find_id(text)
    if group_id is None:
        message = f"is '{shown(text)}', which is no group id: 24 hex digits."
        raise InvalidRequest.of("parentId", message)
    return group_id


def _user_ids(texts: list[str]) -> frozenset[str]:
    own_ids = set()
    for text in texts:
        user_id = find_user_id(text)
        if user_id is None:
            message = f"holds '{shown(text)}', which is no user id: 24 hex digits, or ext:<your id>."
            raise InvalidRequest.of("experienceUserIds", message)
        own_ids.add(user_id)
    return frozenset(own_ids)


Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Description = Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)]
GroupId = Annotated[str, AfterValidator(_group_id)]
UserIds = Annotated[list[str], Field(max_length=MAX_MEMBERS_SHOWN), AfterValidator(_user_ids)]


def _nothing(value: object) -> object:
    if value:
        # Taken and forgotten, it would look as if it guarded something.
        raise InvalidRequest.of("", "is not supported: there are neither devices nor endpoints here.")
    return value


Nothing = Annotated[Any, AfterValidator(_nothing)]
"""What the product's groups have besides, and its clients send: taken where it says nothing."""


class GroupFields(RequestModel):
    """What a client may say of a group."""

    name: Name
    description: Description | None = None
    parent_id: GroupId | None = None
    group_tags: Tags = UNSET
    experience_user_ids: UserIds = UNSET
    device_ids: Nothing = None
    device_tags: Nothing = None
    device_query_json: Nothing = None
    experience_endpoint_ids: Nothing = None

    def fields(self) -> dict[str, Any]:
        """What was given, under the names of `DetailedGroup`'s fields."""
        names = {
            "name": "name",
            "description": "description",
            "parent_id": "parent_id",
            "group_tags": "tags",
        }
        return {names[name]: getattr(self, name) for name in names if name in self.model_fields_set}

    def members(self) -> WantedMembers | None:
        """The members that were given; None where none were named."""
        return WantedMembers(frozenset(self.experience_user_ids)) if self._names_members else None

    @property
    def _names_members(self) -> bool:
        return "experience_user_ids" in self.model_fields_set


class CreateGroup(GroupFields):
    """The fields of a new group."""


class NamedGroup(RequestModel):
    """Names a group, in the path or in a direct invocation."""

    experience_group_id: LowerId


class GroupToRemove(NamedGroup):
    """Names a group that is to go, or, where the invocation goes on with that, may be gone by now."""

    goes_on: bool = False


class UpdateGroup(GroupFields, NamedGroup):
    """The fields to change; what is left out stays.

    What a client has read it may send back: the fields that it cannot change are known, and ignored.
    """

    name: Name = UNSET
    experience_user_ids_truncated: bool = False
    id: Any = None
    creation_date: Any = None
    last_updated: Any = None
    ancestor_ids: Any = None

    @model_validator(mode="after")
    def _is_of_this_group(self) -> Self:
        if "id" in self.model_fields_set and not is_same_id(self.id, self.experience_group_id):
            raise InvalidRequest.of("id", "is another group's; leave it out, or send what a GET gave.")
        return self

    def members(self) -> WantedMembers | None:
        """The members that were given; None where none were named."""
        if not self._names_members:
            return None
        return WantedMembers(frozenset(self.experience_user_ids), self.experience_user_ids_truncated)


class GroupView(ResponseModel):
    """A group in a list."""

    id: str
    experience_group_id: str
    application_id: str
    creation_date: str
    last_updated: str
    name: str
    description: str | None
    parent_id: str | None
    ancestor_ids: list[str]
    group_tags: dict[str, str]

    @classmethod
    def of(cls, application_id: str, group: DetailedGroup, **more: Any) -> Self:
        """What a client sees of a group."""
        return cls(
            id=group.id,
            experience_group_id=group.id,
            application_id=application_id,
            creation_date=iso_8601(group.created_at_ms),
            last_updated=iso_8601(group.updated_at_ms),
            name=group.name,
            description=group.description,
            parent_id=group.parent_id,
            ancestor_ids=list(group.ancestor_ids),
            group_tags=group.tags,
            **more,
        )


class GroupDetail(GroupView):
    """A group by itself, with its members as far as an answer lists them."""

    experience_user_ids: list[str]
    experience_user_ids_truncated: bool

    @classmethod
    def with_members(cls, application_id: str, group: DetailedGroup, members: Members) -> Self:
        """What a client sees of a group and its members."""
        return cls.of(
            application_id,
            group,
            experience_user_ids=list(map(path_id, members.user_ids)),
            experience_user_ids_truncated=members.is_truncated,
        )

    def to_json(self) -> dict[str, Any]:
        """The members; that the list is truncated is said only where it is."""
        json = super().to_json()
        if not self.experience_user_ids_truncated:
            del json["experienceUserIdsTruncated"]
        return json
