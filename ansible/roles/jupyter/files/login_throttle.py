"""Throttle logins: repeated wrong passwords trigger growing delays, for their source alone.

Jupyter itself has no limit: it checks every guess, and answers nobody while it does. Each check
takes seconds of a Pi Zero's processor and 10 MB.
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
except ImportError:  # bookworm's server does not need the mark

    def allow_unauthenticated(method):
        """Return the method unchanged."""
        return method


FREE_GUESSES = 5  # typing errors are no attack
MAX_DELAY = 60  # seconds: the owner may share the address, and must be able to log in
FORGET_AFTER = 3600  # seconds without a guess
MAX_SOURCES = 1000  # in memory; the one that guessed least recently is forgotten first


@dataclass
class Guesses:
    """How many passwords a source has guessed, and when it last did."""

    count: int
    last: float


class Throttle:
    """How long each source of guesses must wait before its next one is checked.

    A source is an IPv4 address, or the /64 network of an IPv6 address, all of which one machine may
    use. Guesses during the delay are not checked and do not make it longer.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._guesses: OrderedDict[str, Guesses] = OrderedDict()

    def seconds_to_wait(self, source: str) -> int:
        """Return the seconds until the source's next guess is checked; 0 if it is checked now."""
        guesses = self._guesses.get(source)
        if guesses is None:
            return 0
        since = self._clock() - guesses.last
        if since > FORGET_AFTER:
            del self._guesses[source]
            return 0
        beyond = min(guesses.count - FREE_GUESSES, 30)
        wait = 0 if beyond < 0 else min(2**beyond, MAX_DELAY)
        return max(0, ceil(wait - since))

    def guessed(self, source: str) -> None:
        """Count a guess, before it is checked: many at once must not slip through."""
        guesses = self._guesses.setdefault(source, Guesses(0, 0))
        guesses.count += 1
        guesses.last = self._clock()
        self._guesses.move_to_end(source)
        if len(self._guesses) > MAX_SOURCES:
            self._guesses.popitem(last=False)

    def forget(self, source: str) -> None:
        """Forget the guesses of a source that knew the password."""
        self._guesses.pop(source, None)


def source_of(address: str) -> str:
    """Return what counts as one source: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        host = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a Unix socket has no address
        return address
    if host.version == 6 and not host.ipv4_mapped:
        return str(ipaddress.ip_network((host, 64), strict=False))
    return str(getattr(host, "ipv4_mapped", None) or host)


class ThrottledLoginHandler(LoginFormHandler):
    """Jupyter's own login page, except for how it checks a password."""

    throttle = Throttle()
    checker = ThreadPoolExecutor(max_workers=1)  # one at a time, beside the server's other work

    @allow_unauthenticated
    async def post(self):
        """Log somebody in, or answer that the password is wrong or how long to wait."""
        source = source_of(self.request.remote_ip)
        wait = self.throttle.seconds_to_wait(source)
        if wait:
            self.set_header("Retry-After", str(wait))
            self._refuse(429, f"Too many wrong passwords. Try again in {wait} s")
            return
        self.throttle.guessed(source)
        check = self.identity_provider.process_login_form
        user = await asyncio.get_running_loop().run_in_executor(self.checker, check, self)
        if user is None:
            self._refuse(401, "Invalid credentials")
            return
        self.throttle.forget(source)
        self.current_user = user
        self.identity_provider.set_login_cookie(self, user)
        self._redirect_safe(self.get_argument("next", default=self.base_url))

    def _refuse(self, status: int, reason: str) -> None:
        self.set_status(status)
        self._render(message={"error": reason})
