"""A tenant: an application together with its part of the table, at the time of one call."""

from dataclasses import dataclass

from signet.domain.applications import Application
from signet.store.table import Table


@dataclass(frozen=True, slots=True)
class Tenant:
    """In whose name a call acts, and when; bound once, so that no other application can be named beside it.

    Attributes:
        table: Where everything of it is kept.
        application: The application, as the container knows it.
        now_ms: The call's one time, in Unix milliseconds: who has ended by then is not there, though DynamoDB
            deletes later.
    """

    table: Table
    application: Application
    now_ms: int

    @property
    def application_id(self) -> str:
        """The application's id."""
        return self.application.id

    @property
    def now(self) -> int:
        """The call's one time, in Unix seconds."""
        return self.now_ms // 1000
