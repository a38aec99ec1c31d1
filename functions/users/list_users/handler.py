"""GET /applications/{applicationId}/experience/users: list users.

Losant's *List the experience users*; docs/api.md, section 4.
"""

from typing import Annotated, Literal

from signet import wiring
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.lists import ListFields, ListView
from signet.edge.operation import Call, operation
from signet.edge.user_view import view_user
from signet.usecases.listing import UserQuery, list_users, user_predicate
from signet.usecases.users import groups_of

from pydantic import Field, StringConstraints

type GroupId = Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{24}|any|none|)$", to_lower=True)]
type SortField = Literal["email", "firstName", "lastName", "id", "creationDate", "lastUpdated", "lastLogin"]


class ListUsers(ListFields):
    """The list's parameters."""

    sort_field: SortField = "email"
    filter_field: Literal["email", "firstName", "lastName", ""] | None = None
    experience_group_id: GroupId | None = None
    query: Annotated[str, Field(max_length=8192)] | None = None


@operation(
    "list_users",
    request=ListUsers.parse,
    dialect=LOSANT,
    scheme=BEARER,
    query=ListUsers.parameters(),
)
def lambda_handler(call: Call[ListUsers]) -> ListView:
    """List users: a page by offset, or the next page of a walk."""
    request, directory = call.request, wiring.directory(call.application.id)
    query = UserQuery(
        page=request.page,
        per_page=request.per_page,
        sort_field=request.sort_field,
        descending=request.sort_direction == "desc",
        predicate=user_predicate(request.filter_field, request.filter, request.query),
        group=request.experience_group_id or None,
        next_token=request.next_token,
    )
    page = list_users(directory, query)
    groups = groups_of(directory, page.items)
    fields = (request.sort_field, request.filter_field)
    return ListView.of(
        call.application.id,
        request,
        fields,
        page,
        lambda user: view_user(call.application.id, user, groups),
    )
