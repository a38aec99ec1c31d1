"""Register an application, change its settings, recognise its API token."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from signet import deadline
from signet.domain.applications import (
    ApiToken,
    Application,
    StoredApiToken,
    StoredApplication,
    new_application_id,
)
from signet.domain.ids import find_id
from signet.domain.listing import Cursor, Page
from signet.errors import ApplicationNotFound, CredentialsWrong, Unavailable
from signet.store.applications import (
    DELETION_SECONDS,
    StaleApplicationError,
    application_entries,
    end_application,
    find_stored_application,
    find_stored_applications,
    find_tombstone,
    insert_application,
    note_swept,
    replace_api_tokens,
    sweep_page,
    update_application,
)
from signet.store.cache import ApplicationCache
from signet.store.table import Table
from signet.store.tenant import Tenant

SETTLE_SECONDS = 60
"""From when on nothing is written any more in an application that was deleted: a call takes 30 s at most, in
a container that has remembered the application for 5, and an import looks before each chunk."""

STEP_SECONDS = 12.0
"""What a sweep leaves of the time: for a page of the table, and to have another invocation go on."""


def register(
    table: Table, name: str, now_ms: int, *, api_token: ApiToken | None = None
) -> tuple[StoredApplication, ApiToken]:
    """Make an application with its first API token.

    Args:
        table: Where it is kept.
        name: Its name, for people.
        now_ms: The time, in Unix milliseconds.
        api_token: The token to give it, for a demonstration that others must know beforehand; by
            default a fresh one.

    Returns:
        The application, and the token: the only moment at which it is known in the clear.

    Raises:
        Unavailable: The store did not answer; there is no application, or nobody can tell.
    """
    api_token = api_token or ApiToken.generate(new_application_id())
    application = StoredApplication(
        id=api_token.application_id,
        name=name,
        api_tokens=(StoredApiToken.of(api_token, now_ms),),
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
    )
    try:
        insert_application(table, application)
    except Unavailable as error:
        doubt = (
            f"there may be an application {application.id} whose API token nobody has seen. Reset its token"
            " by its id, or make another application."
        )
        _make_sure(table, api_token, now_ms, error, doubt)
    return application, api_token


def update(table: Table, application_id: str, changes: Mapping[str, Any], now_ms: int) -> StoredApplication:
    """Change settings of an application, and return it as it is then.

    Args:
        table: Where it is kept.
        application_id: Which one.
        changes: New values by the name of the field of `StoredApplication`; those of `LoginSettings` with
            the prefix `login_`, those of `SelfService` with `self_service_`. What is not named stays.
        now_ms: The time, in Unix milliseconds.

    Raises:
        ApplicationNotFound: There is none with this id.
    """
    if find_id(application_id) is None:
        raise _not_found()
    return update_application(table, application_id, changes, now_ms)


def read_application(table: Table, application_id: str) -> StoredApplication:
    """The application as it is now, for the operator who may just have changed it. One round trip.

    Raises:
        ApplicationNotFound: There is none.
    """
    application = find_stored_application(table, application_id) if find_id(application_id) else None
    if application is None:
        raise _not_found()
    return application


def list_applications(table: Table, next_token: str, limit: int) -> Page[StoredApplication]:
    """The next page of a walk through all applications, in the order in which they were made.

    Raises:
        InvalidRequest: The token is none of a list of applications.
    """
    cursor = Cursor.decode(next_token, lambda text: find_id(text) == text)
    entries, more = application_entries(table, limit, cursor.entry)
    applications = find_stored_applications(table, (entry.record_id for entry in entries))
    return Page.behind(cursor, applications, entries[-1] if more else None)


def begin_deletion(table: Table, application_id: str, now_ms: int, begin_sweep: Callable[[], object]) -> None:
    """Delete an application: from one write on nothing is issued in it, and its tokens have ended.

    The sweep begins before that write, and waits for it: else who had ended all might hear that it failed.
    Of one that is deleted, and not swept yet, another sweep begins.

    Args:
        table: The table.
        application_id: The application.
        now_ms: The time, in Unix milliseconds.
        begin_sweep: Has another invocation begin the sweep.

    Raises:
        ApplicationNotFound: There is no such application, or nothing is left of it.
    """
    if find_id(application_id) is None:
        raise _not_found()
    tombstone = find_tombstone(table, application_id)
    if tombstone is not None and tombstone.is_swept:
        raise _not_found()
    begin_sweep()
    if tombstone is None:
        with suppress(ApplicationNotFound):
            # Who was faster has deleted it as well.
            end_application(table, application_id, now_ms)


def sweep(table: Table, application_id: str, now_ms: int) -> bool:
    """Remove all that an application had that is deleted, as far as the time reaches.

    It waits until nobody writes there any more, so that one walk through the table finds everything. Any
    number of sweeps may run at a time, and each may stop anywhere.

    Args:
        table: The table.
        application_id: The application.
        now_ms: The time, in Unix milliseconds.

    Returns:
        Whether there is nothing more to do; else another sweep goes on.

    Raises:
        ApplicationNotFound: There never was one.
    """
    tombstone = find_tombstone(table, application_id)
    if tombstone is None:
        # The deletion is under way, or has failed.
        time.sleep(DELETION_SECONDS)
        tombstone = find_tombstone(table, application_id)
    if tombstone is None or tombstone.is_swept:
        return True
    wait = (tombstone.deleted_at_ms - now_ms) / 1000 + SETTLE_SECONDS
    if wait > 0:
        # In an invocation that ends before, another one waits for the rest.
        time.sleep(min(wait, max(0, deadline.left() - STEP_SECONDS)))
        if wait > deadline.left():
            return False
    while not tombstone.is_swept and deadline.left() > STEP_SECONDS:
        tombstone = sweep_page(table, tombstone)
    note_swept(table, tombstone)
    return tombstone.is_swept


def get_application(applications: ApplicationCache, application_id: str) -> Application:
    """The application that a trusted caller names.

    Raises:
        ApplicationNotFound: There is none.
    """
    own_id = find_id(application_id)
    application = own_id and (applications.find(own_id) or applications.reload(own_id))
    if not application:
        raise _not_found()
    return application


def authenticate(
    applications: ApplicationCache, api_token: str, named: str | None, now_ms: int
) -> Application:
    """The application whose live API token this is.

    Args:
        applications: The cache; it is reloaded once where it does not know the token.
        api_token: What the caller sent.
        named: The application that the request names besides, in its path, body or headers.
        now_ms: The time, in Unix milliseconds.

    Raises:
        CredentialsWrong: No API token, an unknown or a dead one, or another application's. Always
            the same words: a stranger must not learn which applications exist.
    """
    token = ApiToken.find(api_token)
    if token is None:
        raise _wrong().because("API token", expected="sgt_, an application's id and 43 characters")
    if named is not None and find_id(named) != token.application_id:
        found = find_id(named) or "no application's id"
        raise _wrong().because("application", expected=token.application_id, found=found)
    application = None
    for find in (applications.find, applications.reload):
        application = find(token.application_id)
        if application is not None and application.accepts(token, now_ms):
            return application
    if application is None:
        raise _wrong().because("application", found=f"there is no {token.application_id}")
    raise _wrong().because("API token", found="unknown, reset, or past its grace")


def live_api_tokens(tenant: Tenant) -> tuple[StoredApiToken, ...]:
    """The tenant's own live API tokens, the newest last, as they are in the table. One round trip.

    Not as they are in the cache: who has just reset one looks here whether it is so.

    Raises:
        ApplicationNotFound: There is no such application any more.
    """
    application = read_application(tenant.table, tenant.application_id)
    return application.live_api_tokens(tenant.now_ms)


def change_settings(tenant: Tenant, changes: Mapping[str, Any]) -> StoredApplication:
    """Change the tenant's own settings, as `update` does."""
    return update(tenant.table, tenant.application_id, changes, tenant.now_ms)


def reset_api_token(
    tenant: Tenant, grace_ms: int, *, caller: str | None = None
) -> tuple[StoredApplication, ApiToken]:
    """Give an application a new API token; its newest one so far lives on for the grace, all others end.

    Resets at the same time happen one after the other, each on what the one before it has left:

        table       A: reset by T0      B: reset by T0      C: reset by T0
        T0          read T0             read T0             read T0
        T0g T1      write               write: stale
        T1g T2                          read, T0 is good    write: stale
                                        write               read, T0 is gone: refused

    A caller's own token is therefore judged by each read, not by the cache: whoever holds a token that has
    ended must not get a new one for it, even within the bound for which other containers still take it.
    Thus of any number of resets by one token at most two succeed, with no grace one, and what they return is
    live, unless a reset without grace, which ends all else, comes among them.

    Args:
        tenant: The application, as of which nothing is decided here.
        grace_ms: How long the newest token so far lives on, in milliseconds; 0 for not at all.
        caller: The API token by which the caller has come; None for one whom IAM has let in.

    Returns:
        The application, and the token: the only moment at which it is known in the clear.

    Raises:
        ApplicationNotFound: There is none with this id.
        CredentialsWrong: The caller's token has ended.
        Unavailable: Other resets got in the way again and again, and nothing was written; or the store did
            not answer, and nothing was written or nobody can tell.
    """
    for _ in deadline.attempts():
        before = read_application(tenant.table, tenant.application_id)
        if caller is not None and not _accepts(before, caller, tenant.now_ms):
            raise _wrong()
        api_token = ApiToken.generate(tenant.application_id)
        after = before.with_new_api_token(api_token, grace_ms, tenant.now_ms)
        try:
            replace_api_tokens(tenant.table, before, after)
        except StaleApplicationError:
            continue
        except Unavailable as error:
            doubt = (
                "there may be an API token that nobody has seen. Look at the list before you try again: a"
                " further reset ends the older token at once."
            )
            _make_sure(tenant.table, api_token, tenant.now_ms, error, doubt)
        return after, api_token
    message = "Other resets of this application's API token got in the way; nothing was changed. Try again."
    raise Unavailable(message)


def _make_sure(table: Table, api_token: ApiToken, now_ms: int, failure: Unavailable, doubt: str) -> None:
    """After a write without an answer: see whether it took effect, since nobody else knows the token.

    Raises:
        Unavailable: It did not, or that cannot be seen either, which `doubt` explains.
    """
    try:
        application = find_stored_application(table, api_token.application_id)
    except Unavailable:
        raise Unavailable(f"The store did not answer in time: {doubt}") from failure
    if application is None or not application.accepts(api_token, now_ms):
        message = "The store did not answer in time, and there is no new API token. Try again."
        raise Unavailable(message) from failure


def _accepts(application: StoredApplication, text: str, now_ms: int) -> bool:
    token = ApiToken.find(text)
    return token is not None and application.accepts(token, now_ms)


def _wrong() -> CredentialsWrong:
    return CredentialsWrong("The API token is wrong: not one of this application's, or no longer valid.")


def _not_found() -> ApplicationNotFound:
    # Not by its name: who takes the API token for the id must not find it in an answer or a log.
    return ApplicationNotFound("There is no such application.")
