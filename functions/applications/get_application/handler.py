"""GET /applications/{applicationId}: a tenant's settings (docs/api.md, section 9)."""

from signet import wiring
from signet.accounts.applications import read_application
from signet.application_models import ApplicationId, ApplicationView
from signet.credentials import OPERATOR
from signet.dialects.losant import LOSANT
from signet.operation import Call, operation


@operation("get_application", request=ApplicationId.parse, dialect=LOSANT, scheme=OPERATOR)
def lambda_handler(call: Call[ApplicationId]) -> ApplicationView:
    """Show an application, without its API tokens."""
    return ApplicationView.of(read_application(wiring.table(), call.request.application_id))
