"""PATCH /applications/{applicationId}/experience/groups/{experienceGroupId}: change a group.

Losant's *Update an experience group*; docs/api.md, section 4.
"""

from signet import wiring
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.groups import GroupDetail, UpdateGroup
from signet.edge.operation import LARGE_BODY_BYTES, Call, operation
from signet.usecases import groups


@operation(
    "update_group", request=UpdateGroup.parse, dialect=LOSANT, scheme=BEARER, body_limit=LARGE_BODY_BYTES
)
def lambda_handler(call: Call[UpdateGroup]) -> GroupDetail:
    """Change what is given of a group, its members included."""
    directory, request = wiring.directory(call.application.id), call.request
    group_id, fields = request.experience_group_id, request.fields()
    group, members = groups.change(directory, group_id, fields, request.members(), call.now_ms)
    return GroupDetail.with_members(call.application.id, group, members)
