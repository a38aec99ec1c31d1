"""DELETE /applications/{applicationId}/experience/groups/{experienceGroupId}: delete a group.

Losant's *Delete an experience group*; docs/api.md, section 4.
"""

from contextlib import suppress

from signet import deadline, wiring
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.groups import GroupToRemove, NamedGroup
from signet.edge.fields.model import Success
from signet.edge.operation import Call, operation
from signet.errors import GroupNotFound, Unavailable
from signet.usecases import groups

GO_ON_SECONDS = 6.0
"""What the sweep leaves of the time, to have another invocation go on: asking Lambda may take 5."""


@operation(
    "delete_group",
    request=NamedGroup.parse,
    direct=GroupToRemove.parse,
    dialect=LOSANT,
    scheme=BEARER,
    takes_events=True,
)
def lambda_handler(call: Call[NamedGroup]) -> Success:
    """Delete a group; what is left of it afterwards nobody sees, and a further invocation removes."""
    tenant, group_id = call.tenant, call.request.experience_group_id
    goes_on = isinstance(call.request, GroupToRemove) and call.request.goes_on
    # Lambda may run an invocation twice: the other one has done it all.
    with suppress(*[GroupNotFound] if goes_on else []):
        groups.begin_removal(tenant, group_id)
    try:
        with deadline.within(deadline.left() * 1000, reserve=GO_ON_SECONDS):
            is_swept = groups.sweep(tenant, group_id)
    except Unavailable:
        # The group is gone, as the client wanted. A direct invocation that fails is tried again by Lambda.
        if call.api_token is None:
            raise
        is_swept = False
    if not is_swept:
        rest = {"applicationId": tenant.application_id, "experienceGroupId": group_id, "goesOn": True}
        wiring.continue_later(rest)
    return Success()
