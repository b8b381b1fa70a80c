"""Make whoever guesses at the password wait, without keeping anybody else waiting.

Jupyter itself has no limit: it checks as many guesses as come, and answers nobody in the meantime,
for each takes seconds of a Pi Zero's processor and 10 MB.
"""

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil

from jupyter_server.auth.login import LoginFormHandler

try:
    from jupyter_server.auth.decorator import allow_unauthenticated
except ImportError:  # bookworm's server does not ask for the mark

    def allow_unauthenticated(method):
        """Leave a method as it is."""
        return method


FREE_GUESSES = 5  # typing errors are no attack
LONGEST_WAIT = 60  # seconds: the owner may sit behind the same address, and must get in some time
FORGOTTEN_AFTER = 3600  # seconds without a guess
MOST_SOURCES = 1000  # in memory; the one that was heard of least lately is forgotten first


@dataclass
class Guesses:
    """How many wrong passwords came from a source, and when it last tried."""

    count: int
    last: float


class Patience:
    """How long each source of guesses must wait before its next one is looked at.

    A source is an IPv4 address, or the /64 of an IPv6 address, of which one machine has all.
    Guesses that come too early are not looked at and do not make the wait longer.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._guesses: OrderedDict[str, Guesses] = OrderedDict()

    def seconds_to_wait(self, source: str) -> int:
        """Return how many seconds are left before the next guess; 0 when it may come."""
        guesses = self._guesses.get(source)
        if guesses is None:
            return 0
        since = self._clock() - guesses.last
        if since > FORGOTTEN_AFTER:
            del self._guesses[source]
            return 0
        beyond = min(guesses.count - FREE_GUESSES, 30)
        wait = 0 if beyond < 0 else min(2**beyond, LONGEST_WAIT)
        return max(0, ceil(wait - since))

    def guessed(self, source: str) -> None:
        """Count a guess, before it is looked at: many at once shall not slip through."""
        guesses = self._guesses.setdefault(source, Guesses(0, 0))
        guesses.count += 1
        guesses.last = self._clock()
        self._guesses.move_to_end(source)
        if len(self._guesses) > MOST_SOURCES:
            self._guesses.popitem(last=False)

    def forget(self, source: str) -> None:
        """Start again with a source that knew the password."""
        self._guesses.pop(source, None)


def source_of(address: str) -> str:
    """Return what is counted as one: an IPv4 address, or an IPv6 address's /64."""
    try:
        host = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a socket of the machine's own has no address
        return address
    if host.version == 6 and not host.ipv4_mapped:
        return str(ipaddress.ip_network((host, 64), strict=False))
    return str(getattr(host, "ipv4_mapped", None) or host)


class PatientLoginHandler(LoginFormHandler):
    """Jupyter's own login page, but for how a password that was sent is checked."""

    patience = Patience()
    checker = ThreadPoolExecutor(max_workers=1)  # one at a time, beside the server's other work

    @allow_unauthenticated
    async def post(self):
        """Let somebody in, tell that the password is wrong, or how long to wait."""
        source = source_of(self.request.remote_ip)
        wait = self.patience.seconds_to_wait(source)
        if wait:
            self.set_header("Retry-After", str(wait))
            self._refuse(429, f"Too many wrong passwords: wait {wait} s, and try again")
            return
        self.patience.guessed(source)
        check = self.identity_provider.process_login_form
        user = await asyncio.get_running_loop().run_in_executor(self.checker, check, self)
        if user is None:
            self._refuse(401, "Invalid credentials")
            return
        self.patience.forget(source)
        self.current_user = user
        self.identity_provider.set_login_cookie(self, user)
        self._redirect_safe(self.get_argument("next", default=self.base_url))

    def _refuse(self, status: int, reason: str) -> None:
        self.set_status(status)
        self._render(message={"error": reason})
