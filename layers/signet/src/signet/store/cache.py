"""What an instance remembers of the table, and for how long: the published bounds of revocation."""

from collections.abc import Callable

from signet.domain.applications import Application
from signet.domain.keys import KeyRing
from signet.errors import SigningUnavailable
from signet.store.applications import find_application
from signet.store.keys import find_key_ring
from signet.store.table import Table

type Clock = Callable[[], float]
"""Seconds that only ever grow, as `time.monotonic` gives them, or `ElapsedTime`."""

APPLICATIONS_KEPT = 1024
"""So that a flood of made-up application ids cannot fill the memory."""

APPLICATION_RELOAD_SECONDS = 1.0
KEY_RING_RELOAD_SECONDS = 10.0


class ElapsedTime:
    """Seconds that only ever grow, by whichever clock says that more have passed.

    What a container remembers must not outlive its bound because the container was frozen, or restored from a
    snapshot, and its monotonic clock stood still. A clock that is set forward only costs a read.
    """

    def __init__(self, *clocks: Clock) -> None:
        self._clocks = clocks
        self._read = [clock() for clock in clocks]
        self._elapsed = 0.0

    def __call__(self) -> float:
        """Seconds since some moment."""
        now = [clock() for clock in self._clocks]
        self._elapsed += max(0.0, *(after - before for before, after in zip(self._read, now, strict=True)))
        self._read = now
        return self._elapsed


class ApplicationCache:
    """Applications, each for a few seconds; ids that do not exist too."""

    def __init__(self, table: Table, seconds: float, clock: Clock) -> None:
        self._table = table
        self._seconds = seconds
        self._clock = clock
        self._entries: dict[str, tuple[float, Application | None]] = {}

    def find(self, application_id: str) -> Application | None:
        """The application as it was at most `seconds` ago, or None."""
        return self._find_younger_than(self._seconds, application_id)

    def reload(self, application_id: str) -> Application | None:
        """The application as it is now, or was at most a second ago.

        For a caller that holds an API token that `find` did not know. Wrong ones come here too, hence at
        most one read per second.
        """
        return self._find_younger_than(min(self._seconds, APPLICATION_RELOAD_SECONDS), application_id)

    def find_of_generation(self, application_id: str, generation: int) -> Application | None:
        """The application as `find` gives it, read anew where it has not come to this generation yet.

        For a token with a good signature: none has a generation that the table has not, so that nobody can
        ask for more reads than there were invalidations.
        """
        application = self.find(application_id)
        if application is not None and application.generation < generation:
            self.forget(application_id)
            application = self.find(application_id)
        return application

    def forget(self, application_id: str) -> None:
        """Have the next caller read the application, since it is not any more what this container knows."""
        self._entries.pop(application_id, None)

    def _find_younger_than(self, seconds: float, application_id: str) -> Application | None:
        read_at, application = self._entries.get(application_id, (float("-inf"), None))
        now = self._clock()
        if now - read_at >= seconds:
            application = find_application(self._table, application_id)
            # Not the time after the read: what was read may be as old as the request for it.
            self._entries.pop(application_id, None)
            self._entries[application_id] = (now, application)
            while len(self._entries) > APPLICATIONS_KEPT:
                self._entries.pop(next(iter(self._entries)), None)
        return application


class KeyRingCache:
    """The key ring, for `seconds`."""

    def __init__(self, table: Table, seconds: float, clock: Clock) -> None:
        self._table = table
        self._seconds = seconds
        self._clock = clock
        self._entry: tuple[float, KeyRing] | None = None

    def get(self) -> KeyRing:
        """The key ring as it was at most `seconds` ago.

        Raises:
            SigningUnavailable: The deployment has none yet.
        """
        return self._younger_than(self._seconds)

    def reload(self) -> KeyRing:
        """The key ring as it was at most 10 seconds ago, for a token whose `kid` is not in it."""
        return self._younger_than(min(self._seconds, KEY_RING_RELOAD_SECONDS))

    def _younger_than(self, seconds: float) -> KeyRing:
        now = self._clock()
        if self._entry is None or now - self._entry[0] >= seconds:
            key_ring = find_key_ring(self._table)
            if key_ring is None:
                message = "This deployment has no key ring yet; the operator has to run rotate_keys."
                raise SigningUnavailable(message)
            self._entry = (now, key_ring)
        return self._entry[1]
