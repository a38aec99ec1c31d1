"""GET /applications/{applicationId}/experience/groups: list groups.

Losant's *List the experience groups*; docs/api.md, section 4.
"""

from typing import Annotated, Literal

from signet import wiring
from signet.domain.listing import glob
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.groups import GroupView
from signet.edge.fields.lists import ListFields, ListView
from signet.edge.operation import Call, operation
from signet.errors import InvalidRequest
from signet.usecases.group_listing import GroupQuery, list_groups

from pydantic import AfterValidator


def _no_query(text: str) -> str:
    # Ignored, it would give a list of others than were asked for.
    if text:
        raise InvalidRequest.of("query", "is not supported for groups; use filter.")
    return text


class ListGroups(ListFields):
    """The list's parameters."""

    sort_field: Literal["name", "id", "creationDate", "lastUpdated"] = "name"
    filter_field: Literal["name", ""] = "name"
    query: Annotated[str, AfterValidator(_no_query)] | None = None


@operation(
    "list_groups",
    request=ListGroups.parse,
    dialect=LOSANT,
    scheme=BEARER,
    query=ListGroups.parameters(),
)
def lambda_handler(call: Call[ListGroups]) -> ListView:
    """List groups: a page by offset, or the next page of a walk."""
    request = call.request
    query = GroupQuery(
        page=request.page,
        per_page=request.per_page,
        sort_field=request.sort_field,
        descending=request.sort_direction == "desc",
        predicate=glob("name", request.filter) if request.filter else None,
        next_token=request.next_token,
    )
    page = list_groups(wiring.directory(call.application.id), query)
    return ListView.of(
        call.application.id,
        request,
        (request.sort_field, request.filter_field),
        page,
        lambda group: GroupView.of(call.application.id, group).to_json(),
    )
