"""What the page's server answers to each request."""

import asyncio
import socket
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from tornado.web import HTTPError, RequestHandler, stream_request_body

from nn.data.labels import DIGITS
from nn.errors import KitError
from nn.images import DRAWING_SIDE
from nn.page.limits import BusyError
from nn.page.reader import answer_drawing, answer_photo, as_text
from nn.page.state import PageState

LARGEST_DRAWING, LARGEST_PHOTO = DRAWING_SIDE**2, 2_500_000  # bytes
_STATIC = Path(__file__).with_name("static")
_FILES = {path.name: path.read_bytes() for path in _STATIC.iterdir()}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# What routers put behind a name; another ending may be a site's that points here.
_OF_ROUTERS = ("lan", "home", "internal", "localdomain", "home.arpa", "fritz.box", "speedport.ip")
_NO_PAGE = "There is no such page here. Draw at / or see the wall at /wall."


class Handler(RequestHandler):
    """What all answers have in common: strict headers, a budget for each client, plain errors."""

    @property
    def page(self) -> PageState:
        """Return what the handlers share."""
        return self.settings["page"]

    def set_default_headers(self) -> None:
        """Allow a browser only what the page needs."""
        self.set_header("Server", "pi-nn")
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        """Refuse what another site's page asks, and who asks too often."""
        self.page.used()
        if not _is_own(self._host()):
            raise HTTPError(403, reason="Ask for this page by the Pi's own name or IP address.")
        origin = self.request.headers.get("Origin")
        own_origin = (None, f"http://{self.request.host}", f"https://{self.request.host}")
        if self.request.method != "GET" and origin not in own_origin:
            raise HTTPError(403, reason="This request is from another site's page.")
        self._spend()

    def _spend(self) -> None:
        self.page.rate.spend(self.request.remote_ip)

    def _host(self) -> str:
        """Return the name by which the page was asked for, without the port."""
        with suppress(ValueError):
            return urlsplit(f"//{self.request.host}").hostname or ""
        return ""

    def write_error(self, status_code: int, **options) -> None:
        """Answer with a sentence that the page shows."""
        error = options.get("exc_info", (None, None))[1]
        told = self._reason
        if isinstance(error, KitError):
            self.set_status(503 if isinstance(error, BusyError) else 400)
            told = str(error)
        elif isinstance(error, OSError):
            told = f"It could not be kept: {error.strerror or error}."
        elif isinstance(error, MemoryError):
            told = "This needs more memory than there is. Photograph fewer digits, from nearer."
        elif status_code == 500:
            told = "Something went wrong here. The log of the page says what."
        if self.get_status() == 503:
            self.set_header("Retry-After", "1")
        self.finish({"error": told, "again": self.get_status() == 503})

    def log_exception(self, kind, error, trace) -> None:
        """Log what is no visitor's mistake."""
        if not isinstance(error, KitError | HTTPError):
            super().log_exception(kind, error, trace)


def _is_own(name: str) -> bool:
    """Return whether a host's name is one of this computer, and of no site that points to it."""
    with suppress(ValueError):
        return bool(ip_address(name))
    name, own = name.removesuffix("."), socket.gethostname().partition(".")[0].lower()
    first, _, rest = name.partition(".")
    return (
        name in ("localhost", own)
        or name.endswith(".local")
        or (first == own and rest in _OF_ROUTERS)
    )


class NotFound(Handler):
    """Any other path."""

    def prepare(self) -> None:
        """Say that it is not there."""
        super().prepare()
        raise HTTPError(404, reason=_NO_PAGE)


class Static(Handler):
    """The two pages, their scripts and their style: a whole class loads them at once."""

    def _spend(self) -> None:
        self.page.files.spend(self.request.remote_ip)

    def get(self, name: str) -> None:
        """Send a file."""
        name = name if "." in name else f"{name or 'draw'}.html"
        if name not in _FILES:
            raise HTTPError(404, reason=_NO_PAGE)
        self.set_header("Content-Type", _TYPES[Path(name).suffix])
        self.set_header("Cache-Control", "no-cache")  # ask whether it has changed
        self.finish(_FILES[name])


class State(Handler):
    """What the page begins with."""

    async def get(self) -> None:
        """Name the models, and say whether digits are kept."""
        names = await asyncio.to_thread(self.page.models.names)  # which may load one
        self.finish({"models": names, "collects": self.page.collects})


@stream_request_body
class Read(Handler):
    """A drawing or a photo to read."""

    def initialize(self) -> None:
        """Hold no place yet."""
        self._leave, self._body = ExitStack(), bytearray()
        self._refusal: Exception | None = None

    def prepare(self) -> None:
        """Take a place in the queue before anything is received."""
        is_photo = self.request.path == "/photo"
        most = LARGEST_PHOTO if is_photo else LARGEST_DRAWING
        length = self.request.headers.get("Content-Length", "")
        if not length:
            raise HTTPError(411, reason="Expected a picture, and its size in Content-Length.")
        if not length.isdecimal() or len(length) > 12:
            raise HTTPError(400, reason="Expected a number of bytes in Content-Length.")
        if int(length) > most:
            raise HTTPError(413, reason=f"Expected at most {most} bytes. Make the picture smaller.")
        self.request.connection.set_max_body_size(most)
        try:
            super().prepare()
            if self.request.headers.get("Content-Type") != "application/octet-stream":
                raise HTTPError(415, reason="Expected a drawing or a picture that this page sends.")
            places = self.page.photos if is_photo else self.page.drawings
            self._leave.enter_context(places.place(self.request.remote_ip))
        except (KitError, HTTPError) as error:
            self._refusal = error  # told later: a client that still sends would not hear it

    def data_received(self, chunk: bytes) -> None:
        """Receive a part."""
        if not self._refusal:
            self._body += chunk

    def on_connection_close(self) -> None:
        """Give the place back of one who went before all was received."""
        self._leave.close()

    async def post(self, kind: str) -> None:
        """Read it when its turn has come, and answer."""
        if self._refusal:
            raise self._refusal
        model = self.get_query_argument("model", "")
        function = answer_photo if kind == "photo" else answer_drawing
        with self._leave.pop_all():  # only now: what waits needs memory, also if its client goes
            digits, pixels = await self.page.compute(function, self.page.models, model, self._body)
        self.page.show(digits, pixels)
        self.finish({"digits": digits})


class Keep(Handler):
    """The word of a visitor which digit an answer was about."""

    async def post(self) -> None:
        """Keep the digit."""
        if not self.page.collects:
            raise HTTPError(403, reason="Digits are not kept here now: your teacher decides.")
        label = self.get_query_argument("label", "")
        if label not in DIGITS.names:
            raise HTTPError(400, reason="Expected a digit from 0 to 9.")
        kept = await self.page.keep(self.get_query_argument("id", ""), int(label))
        if kept is None:
            raise HTTPError(410, reason="This digit is kept already, or too old: draw it again.")
        self.finish({"kept": kept.number})


class Recent(Handler):
    """What is new on the wall."""

    def get(self) -> None:
        """Send the answers, and the class's digits, after those that the wall has."""
        after, digits_after = (self._number(name) for name in ("after", "digits_after"))
        if self.get_query_argument("run", "") != self.page.run:
            after = digits_after = 0
        kept = self.page.class_digits
        news = {
            "run": self.page.run,
            "answers": [each for each in self.page.wall if each["number"] > after],
            "collects": self.page.collects,
        }
        if kept and self.page.collects:
            news["counts"] = [kept.counts[label] for label in range(10)]
            news["digits"] = [
                {"number": each.number, "label": each.label, "pixels": as_text(each.pixels)}
                for each in list(kept.latest)
                if each.number > digits_after
            ]
        self.finish(news)

    def _number(self, name: str) -> int:
        text = self.get_query_argument(name, "0")
        return int(text) if text.isdecimal() and len(text) < 12 else 0


class ClassDigitsFile(Handler):
    """The file of the class's digits, for commands on this computer alone."""

    def get(self) -> None:
        """Send the file."""
        address = ip_address(self.request.remote_ip)
        is_near = (getattr(address, "ipv4_mapped", None) or address).is_loopback
        if not is_near or self._host() not in _LOOPBACK:  # a site's name may point here, too
            raise HTTPError(403, reason="Ask on the Pi itself, or bring it with 'make collect'.")
        content = b""
        if self.page.class_digits:
            with suppress(FileNotFoundError):
                content = self.page.class_digits.path.read_bytes()
        if not content:  # or the disk was full when the first one came
            raise HTTPError(404, reason="This class has no digits yet.")
        self.set_header("Content-Type", "text/csv")
        self.finish(content)


ROUTES = [
    (r"/()", Static),
    (r"/(wall)", Static),
    (r"/static/([a-z_]+\.(?:js|css|svg))", Static),
    (r"/state", State),
    (r"/(drawing|photo)", Read),
    (r"/keep", Keep),
    (r"/recent", Recent),
    (r"/class_digits.csv", ClassDigitsFile),
]
