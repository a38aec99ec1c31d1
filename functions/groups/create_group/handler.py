"""POST /applications/{applicationId}/experience/groups: make a group.

Losant's *Create an experience group*; docs/api.md, section 4.
"""

from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.groups import CreateGroup, GroupDetail, view_with_members
from signet.edge.operation import LARGE_BODY_BYTES, Call, operation
from signet.usecases import groups


@operation(
    "create_group",
    request=CreateGroup.parse,
    dialect=LOSANT,
    scheme=BEARER,
    body_limit=LARGE_BODY_BYTES,
    status=201,
)
def lambda_handler(call: Call[CreateGroup]) -> GroupDetail:
    """Make a group with its first members."""
    request = call.request
    group, members = groups.create(call.tenant, request.fields(), request.members())
    return view_with_members(call.tenant.application_id, group, members)
