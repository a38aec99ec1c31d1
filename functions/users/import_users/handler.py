"""Imports users from a file of JSON lines in the transfer bucket (docs/import.md).

No route: S3 invokes it for each new file under `import/<applicationId>/`, and IAM lets whom it names invoke
it with the key of one. With `importId` an import goes on that has begun.
"""

from typing import Annotated, Any

from pydantic import Field

from signet import wiring
from signet.edge.credentials import DIRECT
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import UNSET, RequestModel
from signet.edge.fields.transfer import TransferId, read_line
from signet.edge.object_created import object_created
from signet.edge.operation import Call, operation
from signet.usecases import importing


class ImportUsers(RequestModel):
    """The request's fields."""

    key: Annotated[str, Field(max_length=512)]
    import_id: TransferId = UNSET


@object_created
@operation("import_users", request=ImportUsers.parse, dialect=LOSANT, scheme=DIRECT)
def lambda_handler(call: Call[ImportUsers]) -> dict[str, Any]:
    """Import a file, and go on in a further invocation where the time does not reach."""
    bucket, hasher = wiring.transfer_bucket(), wiring.password_hasher()
    key, import_id = call.request.key, call.request.import_id or call.request_id
    outcome = importing.run(call.tenant, bucket, hasher, read_line, key, import_id)
    if outcome.unfinished:
        again = {"applicationId": call.tenant.application_id, "key": key, "importId": import_id}
        wiring.continue_later(again)
    return outcome.result
