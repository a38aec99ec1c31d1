"""GET /applications/{applicationId}/experience/groups/{experienceGroupId}: show a group.

Losant's *Get an experience group*; docs/api.md, section 4.
"""

from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.groups import GroupDetail, NamedGroup, view_with_members
from signet.edge.operation import Call, operation
from signet.usecases import groups


@operation("get_group", request=NamedGroup.parse, dialect=LOSANT, scheme=BEARER)
def lambda_handler(call: Call[NamedGroup]) -> GroupDetail:
    """Show a group with its members."""
    group, members = groups.get_group(call.tenant, call.request.experience_group_id)
    return view_with_members(call.tenant.application_id, group, members)
