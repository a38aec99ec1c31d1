"""Single tokens that have ended: marks in `ended` of the user's item, which every check reads anyway.

The item need not be a user's: a token can end whose subject was never identified. Like a generation that
was raised, a mark must outlive the token, so an item with one has no TTL.
"""

from signet import deadline
from signet.domain.reasons import Because
from signet.domain.tokens import Token, TokenKind, is_past
from signet.errors import Unavailable
from signet.store.attributes import Item
from signet.store.authentication import NOT_ENDED, of_token
from signet.store.table import ConditionFailed, Key, Table, raise_surely
from signet.store.tenant import Tenant
from signet.store.users import IS_THERE, RAISE, user_key

MAX_MARKS = 50


def mark_ended(tenant: Tenant, user_id: str, token: Token) -> None:
    """End one token, whether or not it has ended already. One round trip, unless there is no room.

    Where all marks are of tokens that would live on, the generation is raised instead: everything ends,
    rather than anything living on.

    Args:
        tenant: Whose user.
        user_id: Whose token.
        token: The token.

    Raises:
        Unavailable: The store did not answer, or others got in the way again and again; it was read back
            that the token has not ended, unless that was not answered either.
    """
    key = user_key(tenant.application_id, user_id)
    try:
        _mark(tenant.table, key, token, tenant.now)
    except Unavailable:
        # All answers may have been lost, and the token ended all the same.
        if not _has_ended(tenant.table.find(key) or {}, token):
            raise


def end_all(tenant: Tenant, user_id: str, token: Token) -> bool:
    """End all of a user's tokens by one of them, which has to be good. One round trip.

    Returns:
        False where it is not, or there is no such user; then nothing is written.

    Raises:
        Unavailable: The store did not answer; it was read back that nothing has ended, unless that was not
            answered either.
    """
    try:
        raise_surely(
            tenant.table,
            user_key(tenant.application_id, user_id),
            RAISE,
            {":one": 1, ":seconds": tenant.now, **of_token(token)},
            f"{IS_THERE} AND {NOT_ENDED}",
            because=Because.LOGGED_OUT,
        )
    except ConditionFailed:
        return False
    return True


def _mark(table: Table, key: Key, token: Token, now: int) -> None:
    is_alive = "generation = :generation"
    if token.generation == _absent(token):
        is_alive = f"(attribute_not_exists(generation) OR {is_alive})"
    own = {":generation": token.generation}
    # That it stands there already is a success too: the client repeats a write whose answer was lost.
    has_room = "(attribute_not_exists(ended) OR size(ended) < :most OR contains(ended, :mark))"
    for _ in deadline.attempts():
        try:
            table.update(
                key,
                "ADD ended :marks REMOVE expires_at",
                {**own, ":marks": {token.mark}, ":mark": token.mark, ":most": MAX_MARKS},
                condition=f"{is_alive} AND {has_room}",
            )
        except ConditionFailed as failed:
            item = failed.item or {}
        else:
            return
        if _has_ended(item, token):
            return
        marks: frozenset[str] = item["ended"]
        left = frozenset(mark for mark in marks if not is_past(mark, now))
        expression = f"SET ended_because = :because {RAISE}"
        values = dict[str, object]({":because": Because.NO_ROOM, ":one": 1})
        if left != marks:
            expression, values = "SET ended = :marks REMOVE expires_at", {":marks": left | {token.mark}}
        try:
            table.update(
                key, expression, {**own, ":seen": marks, **values}, condition=f"{is_alive} AND ended = :seen"
            )
        except ConditionFailed:
            continue
        return
    message = "Other requests are ending this user's tokens at the moment. Try again."
    raise Unavailable(message)


def _has_ended(item: Item, token: Token) -> bool:
    """Whether an item says that the token has ended, alone or with all of its user's."""
    return item.get("generation", _absent(token)) != token.generation or token.mark in item.get("ended", ())


def _absent(token: Token) -> int | None:
    """The generation where an item has none: a user token's subject needs no item, a session token's does."""
    return 0 if token.kind is TokenKind.USER else None
