"""How much the page accepts, from each client and from all of them, and when it says "busy"."""

import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from nn.errors import KitError

BURST, PER_SECOND = 100, 20  # requests of a client: a class behind one router is one client, too
FILES_BURST, FILES_PER_SECOND = 1000, 100  # a page has ten, and thirty open it at once
MOST_CLIENTS = 1000  # that are remembered
MOST_WAITING, MOST_WAITING_OF_CLIENT = 100, 50  # drawings
MOST_PHOTOS = 3  # that are received, or wait, one of each client: each takes megabytes


class BusyError(KitError, RuntimeError):
    """The page has enough to do: the client should ask again in some seconds."""


class Rate:
    """A budget of requests for each client, which refills with time."""

    def __init__(self, burst: float = BURST, per_second: float = PER_SECOND):
        self.burst, self.per_second = burst, per_second
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, client: str) -> None:
        """Take one request from a client's budget; raise BusyError if there is none."""
        now = time.monotonic()
        left, since = self._left.pop(client, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.per_second)
        is_spent = left < 1
        self._left[client] = left if is_spent else left - 1, now
        while len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        if is_spent:
            raise BusyError("This device asks too often. Wait a moment, then try again.")


class Places:
    """Places in the queue of what is to be computed: so many in all, so many for each client."""

    def __init__(self, most: int = MOST_WAITING, most_of_client: int = MOST_WAITING_OF_CLIENT):
        self.most, self.most_of_client = most, most_of_client
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Hold a place within the block; raise BusyError if none is free."""
        if self._taken.total() >= self.most or self._taken[client] >= self.most_of_client:
            raise BusyError("Many people are drawing. Wait a moment, then try again.")
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            self._taken += Counter()  # forgets those with none
