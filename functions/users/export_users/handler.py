"""Exports an application's users, hashes included, into a file in the transfer bucket (docs/import.md).

No route: only IAM lets anybody invoke it. It is the one way out for a password hash. With `exportId` an
export goes on that has begun.
"""

from typing import Any

from signet import wiring
from signet.edge.credentials import DIRECT
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import UNSET, RequestModel
from signet.edge.fields.transfer import TransferId, write_line
from signet.edge.operation import Call, operation
from signet.usecases import exporting


class ExportUsers(RequestModel):
    """The request's fields."""

    export_id: TransferId = UNSET


@operation("export_users", request=ExportUsers.parse, dialect=LOSANT, scheme=DIRECT)
def lambda_handler(call: Call[ExportUsers]) -> dict[str, Any]:
    """Export the users, and go on in a further invocation where the time does not reach."""
    export_id = call.request.export_id or call.request_id
    outcome = exporting.run(call.tenant, wiring.transfer_bucket(), write_line, export_id)
    if outcome.unfinished:
        wiring.continue_later({"applicationId": call.tenant.application_id, "exportId": export_id})
    return outcome.result
