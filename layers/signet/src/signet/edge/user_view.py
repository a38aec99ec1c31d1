"""A user as Losant's clients read it, without anything secret: never a hash, in any form.

A plain dictionary, since the authorizer needs it too, whose cold start pydantic would double.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from signet.domain.groups import Group
from signet.domain.times import iso_8601
from signet.domain.users import User, path_id


class GroupOfUser(TypedDict):
    """A group as its member shows it."""

    id: str
    name: str
    parentId: str | None


class UserView(TypedDict):
    """A user. Dates are ISO 8601 with milliseconds."""

    id: str
    experienceUserId: str
    applicationId: str
    creationDate: str
    lastUpdated: str
    passwordLastUpdated: str | None
    lastLogin: str | None
    email: str | None
    emailVerified: bool | None
    firstName: str | None
    lastName: str | None
    avatarUrl: str | None
    tokenCutoff: str | None
    userTags: dict[str, str]
    profile: NotRequired[Mapping[str, Any]]
    unverified: NotRequired[Literal[True]]
    experienceGroups: NotRequired[list[GroupOfUser]]
    partial: NotRequired[list[str]]


def view_user(application_id: str, user: User, groups: Mapping[str, Group] | None) -> UserView:
    """What a client sees of a user.

    Args:
        application_id: Whose user it is.
        user: The user.
        groups: Those of its groups that there are, by id; others are left out. None where nobody could
            tell, which `partial` says then.
    """
    view: UserView = {
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
    }
    if user.profile:
        view["profile"] = user.profile
    if user.is_unverified:
        view["unverified"] = True
    if groups is None:
        view["partial"] = ["experienceGroups"]
    else:
        view["experienceGroups"] = [
            {"id": group.id, "name": group.name, "parentId": group.parent_id}
            for group in (groups[group_id] for group_id in user.group_ids if group_id in groups)
        ]
    return view


def _date(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso_8601(milliseconds)
