"""User tokens, and the permissions that are stored for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from signet.domain.permissions import Resource, live, merge
from signet.domain.tokens import TokenKind, user_claims
from signet.store.permissions import find_subject_for_issue
from signet.store.tenant import Tenant
from signet.usecases.signer import Signer


def issue_user_token(
    tenant: Tenant,
    signer: Signer,
    external_id: str,
    properties: Mapping[str, Any],
    resources: Sequence[Resource] | None,
) -> str:
    """Issue a token for whom the application knows under an id of its own. One round trip.

    Args:
        tenant: Whose user.
        signer: What signs.
        external_id: The subject, which need never have been seen.
        properties: Of the claims `email`, `name`, `picture`, `is_admin` and `organization_id` what there
            shall be.
        resources: What the user may do; None for what is stored of it.

    Raises:
        ApplicationChanged: The application's tokens have been ended since it was read.
        InvalidRequest: The token would be too long.
        SigningUnavailable: No key can sign at the moment.
    """
    subject = find_subject_for_issue(tenant, external_id)
    permitted = live(merge(subject.resources if resources is None else resources), tenant.now)
    asked_for = dict(properties)
    if permitted or resources is not None:
        asked_for["permissions"] = {"resources": permitted}
    claims = user_claims(
        tenant.application,
        external_id,
        issuer=signer.issuer(),
        generation=subject.generation,
        now_ms=tenant.now_ms,
        not_before_ms=subject.token_cutoff_ms,
        asked_for=asked_for,
    )
    return signer.sign(TokenKind.USER, claims, tenant.now)
