"""DELETE /applications/{applicationId}: delete a tenant with all that it has (docs/api.md, section 9)."""

from signet import wiring
from signet.edge.credentials import OPERATOR
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.applications import ApplicationId
from signet.edge.fields.model import Success
from signet.edge.operation import Call, operation
from signet.usecases import applications


class ApplicationToRemove(ApplicationId):
    """Names an application that is to go, or, where the invocation goes on with that, is gone."""

    goes_on: bool = False


@operation(
    "delete_application",
    request=ApplicationId.parse,
    direct=ApplicationToRemove.parse,
    dialect=LOSANT,
    scheme=OPERATOR,
)
def lambda_handler(call: Call[ApplicationId]) -> Success:
    """Delete an application; what is left of it nobody can reach, and further invocations remove it."""
    application_id = call.request.application_id

    def go_on() -> None:
        wiring.continue_later({"applicationId": application_id, "goesOn": True})

    if not (isinstance(call.request, ApplicationToRemove) and call.request.goes_on):
        applications.begin_deletion(wiring.table(), application_id, call.now_ms, go_on)
    elif not applications.sweep(wiring.table(), application_id, call.now_ms):
        go_on()
    return Success()
