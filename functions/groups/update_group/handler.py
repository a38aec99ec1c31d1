"""PATCH /applications/{applicationId}/experience/groups/{experienceGroupId}: change a group.

Losant's *Update an experience group*; docs/api.md, section 4.
"""

from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.groups import GroupDetail, UpdateGroup, view_with_members
from signet.edge.operation import LARGE_BODY_BYTES, Call, operation
from signet.usecases import groups


@operation(
    "update_group",
    request=UpdateGroup.parse,
    dialect=LOSANT,
    scheme=BEARER,
    body_limit=LARGE_BODY_BYTES,
    takes_events=True,
)
def lambda_handler(call: Call[UpdateGroup]) -> GroupDetail:
    """Change what is given of a group, its members included."""
    request = call.request
    group, members = groups.change(
        call.tenant, request.experience_group_id, request.fields(), request.members()
    )
    return view_with_members(call.tenant.application_id, group, members)
