"""POST /applications: make a tenant (docs/api.md, section 9)."""

from signet import wiring
from signet.edge.credentials import OPERATOR
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.applications import ApplicationName, ApplicationView
from signet.edge.fields.model import RequestModel
from signet.edge.operation import Call, operation
from signet.usecases import applications


class CreateApplication(RequestModel):
    """The request's fields."""

    name: ApplicationName


class CreatedApplication(ApplicationView):
    """The answer: the only one that ever holds the API token."""

    api_token: str


@operation(
    "create_application",
    request=CreateApplication.parse,
    dialect=LOSANT,
    scheme=OPERATOR,
    status=201,
)
def lambda_handler(call: Call[CreateApplication]) -> CreatedApplication:
    """Make an application and its first API token."""
    application, api_token = applications.register(wiring.table(), call.request.name, call.now_ms)
    return CreatedApplication.of(application, api_token=api_token.secret)
