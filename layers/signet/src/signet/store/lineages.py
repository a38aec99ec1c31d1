"""What an authorizer remembers of the groups whose members it lets in."""

from collections.abc import Iterable

from signet.domain.ids import find_id
from signet.store.cache import APPLICATIONS_KEPT, Clock
from signet.store.groups import find_groups, with_ancestors
from signet.store.tenant import Tenant


class LineageCache:
    """Some groups and all that stand above them, for `seconds`, in each application."""

    def __init__(self, group_ids: Iterable[str], seconds: float, clock: Clock) -> None:
        self._group_ids = sorted(found for group_id in group_ids if (found := find_id(group_id)))
        self._seconds = seconds
        self._clock = clock
        self._entries: dict[str, tuple[float, frozenset[str]]] = {}

    def find(self, tenant: Tenant) -> frozenset[str]:
        """The ids of those of the groups that there are, and of their ancestors, at most `seconds` old.

        One round trip for the groups and one for each level above them, where they are not remembered.
        """
        read_at, lineage = self._entries.get(tenant.application_id, (float("-inf"), frozenset()))
        now = self._clock()
        if now - read_at >= self._seconds:
            lineage = frozenset(with_ancestors(tenant, find_groups(tenant, self._group_ids).values()))
            # Not the time after the read: what was read may be as old as the request for it.
            self._entries.pop(tenant.application_id, None)
            self._entries[tenant.application_id] = (now, lineage)
            while len(self._entries) > APPLICATIONS_KEPT:
                self._entries.pop(next(iter(self._entries)), None)
        return lineage
