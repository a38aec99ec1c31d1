"""GET /applications/{applicationId}: a tenant's settings (docs/api.md, section 9)."""

from signet import wiring
from signet.edge.credentials import OPERATOR
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.applications import ApplicationId, ApplicationView
from signet.edge.operation import Call, operation
from signet.usecases import applications


@operation("get_application", request=ApplicationId.parse, dialect=LOSANT, scheme=OPERATOR)
def lambda_handler(call: Call[ApplicationId]) -> ApplicationView:
    """Show an application, without its API tokens."""
    application = applications.read_application(wiring.table(), call.request.application_id)
    return ApplicationView.of(application)
