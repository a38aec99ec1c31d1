"""GET /applications/{applicationId}/experience/users: list users.

Losant's *List the experience users*; docs/api.md, section 4.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, Strict, StringConstraints

from signet.domain.listing import Query
from signet.domain.users import User
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.lists import ListFields, ListView, view_list
from signet.edge.operation import Call, operation
from signet.edge.user_view import UserView, view_user
from signet.errors import InvalidRequest
from signet.usecases.listing import FIELDS, FILTERS, list_users
from signet.usecases.memberships import groups_of

type GroupId = Annotated[
    str,
    StringConstraints(pattern=r"^([0-9a-fA-F]{24}|any|none|)$", to_lower=True),
    Field(description="a group's id of 24 hex digits, any or none"),
]
type Flag = Annotated[bool, Strict(strict=False), BeforeValidator(lambda value: value or False)]
"""One that may come as text; an empty one is not set."""

type SortField = Literal["email", "firstName", "lastName", "id", "creationDate", "lastUpdated", "lastLogin"]


class ListUsers(ListFields):
    """The list's parameters."""

    sort_field: SortField = "email"
    filter_field: Literal["email", "firstName", "lastName", ""] | None = None
    experience_group_id: GroupId | None = None
    include_ancestor_groups: Flag = False

    def query(self) -> Query[User]:
        """Which page of which users.

        Raises:
            InvalidRequest: The query or the filter holds what is not supported, or the filter has no field.
        """
        query = self.page_of(
            FIELDS, group=self.experience_group_id or None, with_ancestors=self.include_ancestor_groups
        )
        if query.pattern and not query.filter_field:
            raise InvalidRequest.of("filter", f"needs a filterField: {', '.join(FILTERS)}.")
        return query


@operation(
    "list_users",
    request=ListUsers.parse,
    dialect=LOSANT,
    scheme=BEARER,
    query=ListUsers.parameters(),
)
def lambda_handler(call: Call[ListUsers]) -> ListView[UserView]:
    """List users: a page by offset, or the next page of a walk."""
    page = list_users(call.tenant, call.request.query())
    application_id, groups = call.tenant.application_id, groups_of(call.tenant, page.items)
    return view_list(application_id, call.request, page, lambda user: view_user(application_id, user, groups))
