"""GET /applications/{applicationId}/experience/groups: list groups.

Losant's *List the experience groups*; docs/api.md, section 4.
"""

from typing import Literal

from signet.domain.listing import Query
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.groups import GroupView, view_group
from signet.edge.fields.lists import ListFields, ListView, view_list
from signet.edge.operation import Call, operation
from signet.usecases.group_listing import FIELDS, Candidate, list_groups


class ListGroups(ListFields):
    """The list's parameters."""

    sort_field: Literal["name", "id", "creationDate", "lastUpdated"] = "name"
    filter_field: Literal["name", ""] = "name"

    def query(self) -> Query[Candidate]:
        """Which page of which groups."""
        return self.page_of(FIELDS)


@operation(
    "list_groups",
    request=ListGroups.parse,
    dialect=LOSANT,
    scheme=BEARER,
    query=ListGroups.parameters(),
)
def lambda_handler(call: Call[ListGroups]) -> ListView[GroupView]:
    """List groups: a page by offset, or the next page of a walk."""
    page = list_groups(call.tenant, call.request.query())
    application_id = call.tenant.application_id
    return view_list(application_id, call.request, page, lambda group: view_group(application_id, group))
