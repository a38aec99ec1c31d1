"""Stop mails to an address, which has bounced or whose reader has complained, and let them go on."""

from signet.domain.identities import normal_email
from signet.domain.reasons import Because
from signet.store.authentication import find_credential
from signet.store.mails import let_go_on, stop
from signet.store.tenant import Tenant


def stop_mails(tenant: Tenant, email: str, because: Because) -> None:
    """Send no more mails to an address, whoever has it now or later."""
    address = normal_email(email, "email")
    credential = find_credential(tenant, address)
    stop(tenant, address, None if credential is None else credential.user_id, because)


def resume_mails(tenant: Tenant, email: str) -> None:
    """Send mails to an address again."""
    let_go_on(tenant, normal_email(email, "email"))
