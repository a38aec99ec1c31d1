"""What a list takes and gives (docs/api.md, section 4)."""

import json
from collections.abc import Callable
from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import BeforeValidator, Field, Strict

from signet.domain.listing import Page, Query, glob
from signet.domain.queries import Fields, parse_query
from signet.edge.fields.model import RequestModel, described
from signet.errors import InvalidRequest

MAX_PER_PAGE = 1000

MAX_ANSWER_BYTES = 5 * 1024 * 1024
"""Lambda hands over 6 MB at most, and escapes the quotation marks of the body in them."""

Number = Annotated[int, Strict(strict=False)]
"""A number that may come as text: in a query string everything does."""


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


class ListFields(RequestModel):
    """The parameters of every list."""

    page: Annotated[Number, Field(ge=0, le=10**9, description="a whole number from 0 to 1000000000")] = 0
    per_page: Annotated[
        Number, Field(ge=1, le=MAX_PER_PAGE, description=f"a whole number from 1 to {MAX_PER_PAGE}")
    ] = 100
    sort_field: str
    sort_direction: Annotated[Literal["asc", "desc"], BeforeValidator(_lower)] = "asc"
    filter_field: str | None
    filter: Annotated[str, Field(max_length=1024)] | None = None
    condition: Annotated[str, Field(max_length=8192), described(format="query")] | None = Field(
        None, alias="query"
    )
    next_token: Annotated[str, Field(max_length=4096), described(format="next-token")] | None = None

    @classmethod
    def parameters(cls) -> frozenset[str]:
        """The query parameters that it reads."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items())

    def page_of[R](
        self, fields: Fields[R], *, group: str | None = None, with_ancestors: bool = False
    ) -> Query[R]:
        """What the use case is asked for. A query replaces all that selects otherwise.

        Args:
            fields: What a query can ask of the records.
            group: Of users, whose members.
            with_ancestors: Whether the members of its ancestors belong to them.

        Raises:
            InvalidRequest: The query or the filter holds what is not supported.
        """
        condition = parse_query(self.condition, fields) if self.condition else None
        pattern = glob(self.filter) if self.filter and condition is None else None
        return Query(
            page=self.page,
            per_page=self.per_page,
            sort_field=self.sort_field,
            descending=self.sort_direction == "desc",
            condition=condition,
            filter_field=self.filter_field,
            pattern=pattern,
            group=None if condition else group,
            with_ancestors=with_ancestors,
            next_token=self.next_token,
        )


class ListView[T](TypedDict):
    """A page of a list."""

    items: list[T]
    count: int
    totalCount: int
    totalCountIsLowerBound: NotRequired[Literal[True]]
    perPage: int
    page: int
    filterField: str | None
    filter: str | None
    sortField: str
    sortDirection: str
    applicationId: str
    nextToken: NotRequired[str]


def view_list[R, T](
    application_id: str, request: ListFields, page: Page[R], view: Callable[[R], T]
) -> ListView[T]:
    """The answer to a request.

    Args:
        application_id: Whose list it is.
        request: What was asked for.
        page: What was found.
        view: How a record is shown.
    """
    items = [view(record) for record in page.items]
    size = len(json.dumps(items, ensure_ascii=False).encode())
    if size > MAX_ANSWER_BYTES:
        message = f"gives an answer of {size} bytes, and {MAX_ANSWER_BYTES} are possible; ask for fewer."
        raise InvalidRequest.of("perPage", message)
    listed: ListView[T] = {
        "items": items,
        "count": len(items),
        "totalCount": page.total,
        "perPage": request.per_page,
        "page": request.page,
        "filterField": request.filter_field or None,
        "filter": request.filter or None,
        "sortField": request.sort_field,
        "sortDirection": request.sort_direction,
        "applicationId": application_id,
    }
    if page.is_lower_bound:
        listed["totalCountIsLowerBound"] = True
    if page.next_token is not None:
        listed["nextToken"] = page.next_token
    return listed
