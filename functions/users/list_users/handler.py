"""GET /applications/{applicationId}/experience/users: list users.

Losant's *List the experience users*; docs/api.md, section 4.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from signet.domain.listing import Query
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.lists import ListFields, ListView
from signet.edge.operation import Call, operation
from signet.edge.user_view import view_user
from signet.usecases.listing import list_users, user_predicate
from signet.usecases.memberships import groups_of

type GroupId = Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{24}|any|none|)$", to_lower=True)]
type SortField = Literal["email", "firstName", "lastName", "id", "creationDate", "lastUpdated", "lastLogin"]


class ListUsers(ListFields):
    """The list's parameters."""

    sort_field: SortField = "email"
    filter_field: Literal["email", "firstName", "lastName", ""] | None = None
    experience_group_id: GroupId | None = None
    condition: Annotated[str, Field(max_length=8192)] | None = Field(None, alias="query")

    def query(self) -> Query:
        """Which page of which users."""
        predicate = user_predicate(self.filter_field, self.filter, self.condition)
        return self.page_of(predicate, self.experience_group_id or None)


@operation(
    "list_users",
    request=ListUsers.parse,
    dialect=LOSANT,
    scheme=BEARER,
    query=ListUsers.parameters(),
)
def lambda_handler(call: Call[ListUsers]) -> ListView:
    """List users: a page by offset, or the next page of a walk."""
    page = list_users(call.tenant, call.request.query())
    application_id, groups = call.tenant.application_id, groups_of(call.tenant, page.items)
    return ListView.of(
        application_id, call.request, page, lambda user: view_user(application_id, user, groups)
    )
