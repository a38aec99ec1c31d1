"""GET /applications: all tenants, in the order in which they were made (docs/api.md, section 9)."""

from typing import Annotated

from pydantic import Field, Strict

from signet import wiring
from signet.edge.credentials import OPERATOR
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.applications import ApplicationView
from signet.edge.fields.model import RequestModel, ResponseModel, described
from signet.edge.operation import Call, operation
from signet.usecases import applications

MAX_PER_PAGE = 100


class ListApplications(RequestModel):
    """The request's fields."""

    per_page: Annotated[
        int,
        Strict(strict=False),
        Field(ge=1, le=MAX_PER_PAGE, description=f"a whole number from 1 to {MAX_PER_PAGE}"),
    ] = MAX_PER_PAGE
    next_token: Annotated[str, Field(max_length=4096), described(format="next-token")] = ""


class ApplicationList(ResponseModel):
    """The answer. `nextToken` is null on the last page."""

    items: list[ApplicationView]
    count: int
    per_page: int
    next_token: str | None


@operation(
    "list_applications",
    request=ListApplications.parse,
    dialect=LOSANT,
    scheme=OPERATOR,
    query=("perPage", "nextToken"),
)
def lambda_handler(call: Call[ListApplications]) -> ApplicationList:
    """List applications, a page at a time, without their API tokens."""
    request = call.request
    page = applications.list_applications(wiring.table(), request.next_token, request.per_page)
    items = [ApplicationView.of(application) for application in page.items]
    return ApplicationList(
        items=items, count=len(items), per_page=request.per_page, next_token=page.next_token
    )
