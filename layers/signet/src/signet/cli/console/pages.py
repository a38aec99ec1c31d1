"""The console's pages, and the changes that their forms make."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from signet.cli.console import mails, refusals, timeline, transfers
from signet.cli.console.guard import BASE
from signet.cli.console.inspection import inspect
from signet.cli.console.messages import Response, see_other
from signet.cli.console.rendering import segment
from signet.cli.console.settings_form import changes_of, faults_of, fields_of
from signet.cli.console.visit import REFUSALS, PageError, Route, View, Visit, path_with
from signet.cli.target import TargetError
from signet.domain.users import find_user_id

USERS_SHOWN = 50
GROUPS_OFFERED = 200
"""Groups that one can choose from; more would be no list to choose from."""

REFUSALS_SHOWN = 100
FOLLOW_SECONDS = 2

SEARCHES = {"name": "Names", "tag": "Tags"}
"""What users can be searched by."""

TAG = re.compile(r"([0-9a-zA-Z_-]{1,255})(?:\s*[:=]\s*(.+))?")
"""How one looks for a tag: `plan`, or `plan: free` as it is shown."""

GRACES = {"3600": "1 hour", "86400": "1 day", "604800": "7 days", "0": "none: it ends at once"}
"""How long an API token lives on beside a new one, in seconds."""

ROUTES: list[Route] = []
NAMES = {
    "application_id": "[0-9a-f]{24}",
    "user_id": "[^/]+",
    "import_id": "[0-9a-zA-Z-]{1,64}",
}


def route(method: str, path: str) -> Callable[[View], View]:
    """Register a view for a path such as `/applications/{application_id}`."""
    pattern = re.sub(r"{(\w+)}", lambda match: f"(?P<{match[1]}>{NAMES[match[1]]})", path)

    def register(view: View) -> View:
        ROUTES.append(Route(method, re.compile(pattern), view))
        return view

    return register


# --- Applications ---


@route("GET", "")
def home(_visit: Visit) -> Response:
    """The first page: the applications."""
    return see_other(f"{BASE}/applications")


@route("GET", "/applications")
def show_applications(visit: Visit) -> Response:
    """All applications, and a form for a new one."""
    return _applications(visit)


@route("POST", "/applications")
def create_application(visit: Visit) -> Response:
    """Make an application; its API token is shown on its page, once."""
    name = visit.given.get("name", "")
    try:
        made = visit.target.invoke("create_application", {"name": name})
    except TargetError as error:
        return _applications(visit, _refused(error), name)
    message = f"{made['name']} was made."
    return visit.done(message, f"/applications/{made['applicationId']}", api_token=made["apiToken"])


def _applications(visit: Visit, error: str = "", name: str = "") -> Response:
    asked = {"nextToken": token} if (token := visit.request.parameters.get("next")) else {}
    found = visit.target.invoke("list_applications", asked)
    more = path_with(f"{BASE}/applications", next=found.get("nextToken"))
    return visit.page(
        "applications.html",
        400 if error else 200,
        title="Applications",
        applications=found["items"],
        more=more if found.get("nextToken") else "",
        error=error,
        name=name,
    )


@route("GET", "/applications/{application_id}")
def show_application(visit: Visit, application_id: str) -> Response:
    """An application's settings and API tokens."""
    application = _application(visit, application_id)
    return _settings(visit, application, fields_of(application))


@route("POST", "/applications/{application_id}")
def change_application(visit: Visit, application_id: str) -> Response:
    """Change those settings that the form has changed."""
    application = _application(visit, application_id)
    given = visit.given
    if given.get("lastUpdated") != application["lastUpdated"]:
        message = "Somebody has changed these settings since you opened them. Here they are as they are now."
        return _settings(visit, application, fields_of(application), message)
    changes, faults = changes_of(application, given)
    if faults:
        return _settings(visit, application, given, " ".join(faults.values()), faults)
    if not changes:
        return visit.done("Nothing was different, so nothing was changed.", f"/applications/{application_id}")
    try:
        visit.target.invoke("update_application", {"applicationId": application_id, **changes})
    except TargetError as error:
        message = _refused(error)
        return _settings(visit, application, given, message, faults_of(message))
    return visit.done("The settings were saved.", f"/applications/{application_id}")


def _settings(
    visit: Visit,
    application: Mapping[str, Any],
    fields: Mapping[str, str],
    error: str = "",
    faults: Mapping[str, str] | None = None,
) -> Response:
    tokens = visit.target.invoke("list_api_tokens", {"applicationId": application["applicationId"]})
    return visit.page(
        "settings.html",
        400 if error else 200,
        title=f"{application['name']}: settings",
        application=application,
        fields=fields,
        known=fields_of(application).keys(),
        api_tokens=tokens["authTokens"],
        graces=GRACES,
        error=error,
        faults=faults or {},
    )


@route("POST", "/applications/{application_id}/reset-api-token")
def reset_api_token(visit: Visit, application_id: str) -> Response:
    """Make a new API token, and show it on the next page, once."""
    try:
        grace = int(visit.given.get("grace", ""))
    except ValueError:
        grace = int(next(iter(GRACES)))
    asked = {"applicationId": application_id, "gracePeriodSeconds": grace}
    try:
        made = visit.target.invoke("reset_api_token", asked)
    except TargetError as error:
        application = _application(visit, application_id)
        return _settings(visit, application, fields_of(application), _refused(error))
    token = made["newAuthToken"]["token"]
    return visit.done("A new API token was made.", f"/applications/{application_id}", api_token=token)


@route("GET", "/applications/{application_id}/end-tokens")
def confirm_end_application_tokens(visit: Visit, application_id: str) -> Response:
    """Ask whether all tokens of an application are to end."""
    application = _application(visit, application_id)
    return _confirm(
        visit,
        f"/applications/{application_id}",
        title=f"End all tokens of {application['name']}?",
        text="Every user of this application has to log in again, and every identity token and user token"
        " ends. API tokens stay. It cannot be undone.",
        button="End all tokens",
    )


@route("POST", "/applications/{application_id}/end-tokens")
def end_application_tokens(visit: Visit, application_id: str) -> Response:
    """End all tokens of an application."""
    visit.target.invoke("invalidate_application_tokens", {"applicationId": application_id})
    return visit.done("All tokens of the application have ended.", f"/applications/{application_id}")


@route("GET", "/applications/{application_id}/delete")
def confirm_delete_application(visit: Visit, application_id: str) -> Response:
    """Ask whether an application is to be deleted; its name has to be written."""
    return _confirm_deletion(visit, _application(visit, application_id))


def _confirm_deletion(visit: Visit, application: Mapping[str, Any], error: str = "") -> Response:
    return _confirm(
        visit,
        f"/applications/{application['applicationId']}",
        400 if error else 200,
        title=f"Delete {application['name']}?",
        text="The application is deleted with all of its users, groups and API tokens, and every token of it"
        " ends at once. It cannot be undone.",
        button="Delete the application",
        write=application["name"],
        error=error,
    )


@route("POST", "/applications/{application_id}/delete")
def delete_application(visit: Visit, application_id: str) -> Response:
    """Delete an application."""
    application = _application(visit, application_id)
    if visit.given.get("written", "").strip() != application["name"]:
        message = "That is not the application's name, so nothing was deleted."
        return _confirm_deletion(visit, application, message)
    visit.target.invoke("delete_application", {"applicationId": application_id})
    return visit.done(f"{application['name']} was deleted.", "/applications")


# --- Users ---


@route("GET", "/applications/{application_id}/users")
def show_users(visit: Visit, application_id: str) -> Response:
    """An application's users: all of them, or those that a search or a group leaves."""
    application = _application(visit, application_id)
    given = visit.given
    here = {"applicationId": application_id}
    groups = visit.target.invoke("list_groups", here | {"perPage": GROUPS_OFFERED})["items"]
    by = given.get("by", "")
    by = by if by in SEARCHES else next(iter(SEARCHES))
    text, group, page = given.get("text", "").strip(), given.get("group", ""), _page(given)
    asked: dict[str, Any] = here | {"perPage": USERS_SHOWN}
    walk = given.get("next")
    if condition := _condition(by, text, group):
        asked["query"] = json.dumps(condition)
    if walk:
        asked["nextToken"] = walk
    elif page:
        asked["page"] = page
    error, found = "", None
    try:
        found = visit.target.invoke("list_users", asked)
    except TargetError as refused:
        error = _refused(refused)
    return visit.page(
        "users.html",
        400 if error else 200,
        title=f"{application['name']}: users",
        application=application,
        found=found,
        groups=groups,
        searches=SEARCHES,
        by=by,
        text=text,
        group=group,
        error=error,
        links=_pages(
            visit.request.path, found, {"by": by if text else None, "text": text, "group": group}, page, walk
        ),
    )


def _condition(by: str, text: str, group: str) -> dict[str, Any]:
    """What a search asks for, in the language of lists (docs/api.md, Queries); empty for all users."""
    terms: list[dict[str, Any]] = []
    if text and by == "tag":
        match = TAG.fullmatch(text)
        name, value = match.groups() if match else (text, None)
        terms.append({"userTags": {"$tagKey": name} | ({"$tagValue": value} if value else {})})
    elif text:
        names = [{name: {"$contains": text, "$ci": True}} for name in ("email", "firstName", "lastName")]
        ids = [{"id": text}] if find_user_id(text) else []
        terms.append({"$or": [*names, *ids]})
    if group:
        terms.append({"experienceGroupId": {"any": {"$ne": None}, "none": None}.get(group, group)})
    return {"$and": terms} if terms else {}


def _pages(
    path: str, found: Mapping[str, Any] | None, search: Mapping[str, str | None], page: int, walk: str | None
) -> dict[str, str]:
    """Where one goes on from a page of a list: by cursor where there is one, else by number."""
    links = {"first": "", "previous": "", "next": ""}
    if found is None:
        return links
    if walk or page:
        links["first"] = path_with(path, **search)
    if page > 1:
        links["previous"] = path_with(path, **search, page=str(page - 1))
    if found.get("nextToken"):
        links["next"] = path_with(path, **search, next=found["nextToken"])
    elif not walk and (page + 1) * found["perPage"] < found["totalCount"]:
        links["next"] = path_with(path, **search, page=str(page + 1))
    return links


@route("GET", "/applications/{application_id}/users/{user_id}")
def show_user(visit: Visit, application_id: str, user_id: str) -> Response:
    """All that there is to see of a user."""
    application = _application(visit, application_id)
    user = _user(visit, application_id, user_id)
    return visit.page("user.html", title=_name(user), application=application, user=user)


@route("GET", "/applications/{application_id}/users/{user_id}/end-tokens")
def confirm_end_user_tokens(visit: Visit, application_id: str, user_id: str) -> Response:
    """Ask whether a user's tokens are to end."""
    user = _user(visit, application_id, user_id)
    return _confirm(
        visit,
        _user_path(application_id, user),
        title=f"End all tokens of {_name(user)}?",
        text="The user is logged out everywhere: the very next check refuses each session token and user"
        " token. It cannot be undone; the user can log in again.",
        button="End all tokens",
    )


@route("POST", "/applications/{application_id}/users/{user_id}/end-tokens")
def end_user_tokens(visit: Visit, application_id: str, user_id: str) -> Response:
    """End a user's tokens."""
    user = _user(visit, application_id, user_id)
    visit.target.invoke(
        "invalidate_user_tokens", {"applicationId": application_id, "experienceUserId": user["id"]}
    )
    return visit.done(f"All tokens of {_name(user)} have ended.", _user_path(application_id, user))


@route("GET", "/applications/{application_id}/users/{user_id}/delete")
def confirm_delete_user(visit: Visit, application_id: str, user_id: str) -> Response:
    """Ask whether a user is to be deleted."""
    user = _user(visit, application_id, user_id)
    return _confirm(
        visit,
        _user_path(application_id, user),
        title=f"Delete {_name(user)}?",
        text="The user, with tags, groups and profile, is deleted, and every token of it ends at once. It"
        " cannot be undone.",
        button="Delete the user",
    )


@route("POST", "/applications/{application_id}/users/{user_id}/delete")
def delete_user(visit: Visit, application_id: str, user_id: str) -> Response:
    """Delete a user."""
    user = _user(visit, application_id, user_id)
    visit.target.invoke("delete_user", {"applicationId": application_id, "experienceUserId": user["id"]})
    return visit.done(f"{_name(user)} was deleted.", f"/applications/{application_id}/users")


# --- Imports ---


@route("GET", "/applications/{application_id}/imports")
def show_imports(visit: Visit, application_id: str) -> Response:
    """The newest imports, and the files that can be imported."""
    return _imports(visit, _application(visit, application_id))


def _imports(visit: Visit, application: Mapping[str, Any], error: str = "") -> Response:
    application_id = application["applicationId"]
    return visit.page(
        "imports.html",
        400 if error else 200,
        title=f"{application['name']}: imports",
        application=application,
        imports=transfers.list_imports(visit.target, application_id, visit.now_ms / 1000),
        files=transfers.list_files(visit.target, application_id),
        error=error,
    )


@route("POST", "/applications/{application_id}/imports")
def start_import(visit: Visit, application_id: str) -> Response:
    """Begin to import a file that is in the bucket, and follow it."""
    application = _application(visit, application_id)
    key = visit.given.get("key", "")
    if key not in transfers.list_files(visit.target, application_id):
        return _imports(visit, application, "Choose one of the files.")
    import_id = transfers.start(visit.target, application_id, key)
    return visit.done("The import has begun.", f"/applications/{application_id}/imports/{import_id}?follow=1")


@route("GET", "/applications/{application_id}/imports/{import_id}")
def show_import(visit: Visit, application_id: str, import_id: str) -> Response:
    """How far an import is; with `follow`, again and again until it has ended."""
    application = _application(visit, application_id)
    found = transfers.get_import(visit.target, application_id, import_id, visit.now_ms / 1000)
    follows = "follow" in visit.given
    if found is None and not follows:
        raise PageError("There is no import of this id, or its report is not there yet.")
    goes_on = follows and (found is None or found.is_running)
    answer = visit.page(
        "import.html",
        title=f"{application['name']}: import",
        application=application,
        import_id=import_id,
        found=found,
        goes_on=goes_on,
    )
    # Only for who asked for it: a page that loads itself anew takes the place that one was reading.
    again = {"refresh": str(FOLLOW_SECONDS)} if goes_on else {}
    return replace(answer, headers={**answer.headers, **again})


# --- Tokens ---


@route("GET", "/tokens")
def show_token_form(visit: Visit) -> Response:
    """A form to paste a token into."""
    return visit.page("tokens.html", title="Tokens", text="", found=None)


@route("POST", "/tokens")
def inspect_token(visit: Visit) -> Response:
    """What a token says, whether it is good, and why not."""
    text = "".join(visit.given.get("token", "").split()).removeprefix("Bearer")
    found = inspect(visit.target, text, visit.now_ms // 1000)
    # An API token does not go back into the page.
    shown = text if found.claims else ""
    return visit.page("tokens.html", title="Tokens", text=shown, found=found)


@route("POST", "/tokens/revoke")
def revoke_token(visit: Visit) -> Response:
    """End one token."""
    text = visit.given.get("token", "")
    found = inspect(visit.target, text, visit.now_ms // 1000)
    if not found.is_good or found.application_id is None:
        return visit.page("tokens.html", title="Tokens", text=text, found=found)
    visit.target.invoke("revoke_token", {"applicationId": found.application_id, "token": text})
    return visit.done("The token has ended; the very next check refuses it.", "/tokens")


# --- Keys ---


@route("GET", "/keys")
def show_keys(visit: Visit) -> Response:
    """The signing keys, their states and dates."""
    ring = visit.target.invoke("rotate_keys", {"readOnly": True})
    # The first two of a deployment are made in one run.
    keys = sorted(ring["keys"], key=lambda key: (key["createdAt"], key["state"] == "announced"), reverse=True)
    return visit.page(
        "keys.html",
        title="Signing keys",
        issuer=ring["issuer"],
        keys=keys,
        damaged=ring["damaged"],
        drawing=timeline.draw(keys, visit.now_ms),
    )


# --- Refusals ---


@route("GET", "/refusals")
def show_refusals(visit: Visit) -> Response:
    """What was refused in the last hour, and how often a limit was met."""
    found = refusals.last_hour(visit.target, visit.now_ms)
    return visit.page(
        "refusals.html",
        title="Refusals of the last hour",
        kinds=refusals.kinds(found),
        refusals=found[:REFUSALS_SHOWN],
        count=len(found),
        # Of a stack no more are read.
        is_cut=visit.target.state is None and len(found) >= refusals.LIMIT,
        limited=sum(one.code == refusals.LIMITED for one in found),
        faults=sum(one.code == "Fault" for one in found),
        outages=sum(one.code == "Unavailable" for one in found),
    )


# --- Mails ---


@route("GET", "/mails")
def show_mails(visit: Visit) -> Response:
    """The mails that `make run` has kept; a stack sends them."""
    if visit.target.state is None:
        raise PageError("A stack sends its mails; nothing of them is kept here.")
    return visit.page("mails.html", title="Mails", mails=mails.kept(visit.target.state))


# --- What they share ---


def _application(visit: Visit, application_id: str) -> dict[str, Any]:
    return visit.target.invoke("get_application", {"applicationId": application_id})


def _user(visit: Visit, application_id: str, user_id: str) -> dict[str, Any]:
    return visit.target.invoke("get_user", {"applicationId": application_id, "experienceUserId": user_id})


def _name(user: Mapping[str, Any]) -> str:
    """What a person calls a user."""
    full = " ".join(filter(None, (user["firstName"], user["lastName"])))
    return full or user["email"] or user["id"]


def _user_path(application_id: str, user: Mapping[str, Any]) -> str:
    return f"/applications/{application_id}/users/{segment(user['id'])}"


def _confirm(visit: Visit, back: str, status: int = 200, **values: object) -> Response:
    """Ask once more; the same address, by POST, does it."""
    return visit.page("confirm.html", status, back=f"{BASE}{back}", **{"write": "", "error": "", **values})


def _page(given: Mapping[str, str]) -> int:
    text = given.get("page", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _refused(error: TargetError) -> str:
    """A refusal of what was asked for, to be shown in its form.

    Raises:
        TargetError: It is none: nobody answered, or something is broken.
    """
    if error.code not in REFUSALS:
        raise error
    return error.message
