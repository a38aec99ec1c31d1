"""Groups as Losant's clients send and read them (docs/api.md, section on groups)."""

from typing import Annotated, Any, Literal, NotRequired, Self, TypedDict

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from signet.domain.groups import MAX_MEMBERS_SHOWN, DetailedGroup, Members, WantedMembers
from signet.domain.ids import find_id, is_same_id
from signet.domain.times import iso_8601
from signet.domain.users import find_user_id, path_id
from signet.edge.fields.model import HEX_ID, UNSET, LowerId, RequestModel, described
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
GroupId = Annotated[str, AfterValidator(_group_id), described(pattern=HEX_ID)]
UserIds = Annotated[
    list[Annotated[str, described(pattern="^([0-9a-fA-F]{24}|ext:.+)$")]],
    Field(max_length=MAX_MEMBERS_SHOWN),
    AfterValidator(_user_ids),
]


def _nothing(value: object) -> object:
    if value not in (None, [], {}, ""):
        # Taken and forgotten, it would look as if it guarded something.
        raise InvalidRequest.of("", "is not supported: there are neither devices nor endpoints here.")
    return value


Nothing = Annotated[
    Any,
    AfterValidator(_nothing),
    described(
        anyOf=[
            {"type": "null"},
            {"type": "array", "items": {"type": "string"}, "maxItems": 0},
            {"type": "object", "maxProperties": 0},
            {"type": "string", "maxLength": 0},
        ]
    ),
]
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


class GroupView(TypedDict):
    """A group in a list. Dates are ISO 8601 with milliseconds."""

    id: str
    experienceGroupId: str
    applicationId: str
    creationDate: str
    lastUpdated: str
    name: str
    description: str | None
    parentId: str | None
    ancestorIds: list[str]
    groupTags: dict[str, str]


class GroupDetail(GroupView):
    """A group by itself, with its members as far as an answer lists them."""

    experienceUserIds: list[str]
    experienceUserIdsTruncated: NotRequired[Literal[True]]


def view_group(application_id: str, group: DetailedGroup) -> GroupView:
    """What a client sees of a group in a list."""
    return {
        "id": group.id,
        "experienceGroupId": group.id,
        "applicationId": application_id,
        "creationDate": iso_8601(group.created_at_ms),
        "lastUpdated": iso_8601(group.updated_at_ms),
        "name": group.name,
        "description": group.description,
        "parentId": group.parent_id,
        "ancestorIds": list(group.ancestor_ids),
        "groupTags": group.tags,
    }


def view_with_members(application_id: str, group: DetailedGroup, members: Members) -> GroupDetail:
    """What a client sees of a group by itself; that its list of members is truncated only where it is."""
    view: GroupDetail = {
        **view_group(application_id, group),
        "experienceUserIds": list(map(path_id, members.user_ids)),
        "experienceUserIdsTruncated": True,
    }
    if not members.is_truncated:
        del view["experienceUserIdsTruncated"]
    return view
