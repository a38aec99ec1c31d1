"""A user as Losant's clients read it, without anything secret: never a hash, in any form.

A plain dictionary, since the authorizer needs it too, whose cold start pydantic would double.
"""

from collections.abc import Mapping
from typing import Any

from signet.domain.groups import Group
from signet.domain.times import iso_8601
from signet.domain.users import User, path_id


def view_user(application_id: str, user: User, groups: Mapping[str, Group] | None) -> dict[str, Any]:
    """What a client sees of a user.

    Args:
        application_id: Whose user it is.
        user: The user.
        groups: Those of its groups that there are, by id; others are left out. None where nobody could
            tell, which `partial` says then.
    """
    apart: dict[str, Any] = {"profile": user.profile} if user.profile else {}
    if user.is_unverified:
        apart["unverified"] = True
    if groups is None:
        apart["partial"] = ["experienceGroups"]
    else:
        apart["experienceGroups"] = [
            {"id": group.id, "name": group.name, "parentId": group.parent_id}
            for group in (groups[group_id] for group_id in user.group_ids if group_id in groups)
        ]
    return {
        "id": path_id(user.id),
        "experienceUserId": path_id(user.id),
        "applicationId": application_id,
        "creationDate": iso_8601(user.created_at_ms),
        "lastUpdated": iso_8601(user.updated_at_ms),
        "passwordLastUpdated": _date(user.password_updated_at_ms),
        "lastLogin": _date(user.last_login_ms),
        "email": user.email,
        # Without an address there is nothing to verify.
        "emailVerified": None if user.normal_email is None else user.email_verified,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "avatarUrl": None,  # The product has it; a picture that `identify` brought is in the profile.
        "tokenCutoff": _date(user.token_cutoff_ms),
        "userTags": user.tags,
        **apart,
    }


def _date(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso_8601(milliseconds)
