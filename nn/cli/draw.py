"""``draw``: a web page on which you draw a digit, and a network answers."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from nn.cli.arguments import whole_number
from nn.cli.console import remark
from nn.errors import KitError
from nn.kit import KIT_FOLDER

SWITCH = Path("/etc/pi-nn-draw/collect")
_EVERYWHERE = ("0.0.0.0", "::")


class DrawError(KitError, RuntimeError):
    """The page cannot be offered."""


def add_arguments(parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--address",
        default="127.0.0.1",
        help="IP address to listen on: 0.0.0.0 lets phones on your network in (%(default)s)",
    )
    parser.add_argument(
        "--port", type=whole_number(1, 65535), default=8080, help="default: %(default)s"
    )
    parser.add_argument(
        "--models",
        metavar="FOLDER",
        action="append",
        help="offer the models in this folder; repeat for more (models, and the notebooks')",
    )
    parser.add_argument(
        "--collect",
        metavar="FILE.csv",
        type=Path,
        help="ask which digit was drawn, and add it to this file in the kit's format",
    )
    parser.add_argument(
        "--collect-while",
        metavar="FILE",
        type=Path,
        help="collect only while this file exists",
    )
    parser.add_argument(
        "--idle-minutes",
        metavar="N",
        type=whole_number(1),
        help="end when nobody has used the page for this time",
    )
    parser.add_argument(
        "--class-digits",
        choices=("on", "off"),
        help="on a Pi: let its page collect the class's digits, or no longer; sudo may ask for "
        "your password",
    )
    parser.set_defaults(run=run)


def run(arguments) -> int | None:
    """Offer the page until Ctrl-C, or until nobody uses it."""
    if arguments.class_digits:
        return _switch(arguments.class_digits == "on")
    from nn.page.waiting import listening_socket, serve

    with ExitStack() as closing:
        listening = closing.enter_context(listening_socket(arguments.address, arguments.port))
        address, port = listening.getsockname()[:2]
        end = f":{port}/" if port != 80 else "/"
        name = "localhost" if address in _EVERYWHERE else address
        name = f"[{name}]" if ":" in name else name
        remark(f"Draw at http://{name}{end} and see the last answers at /wall. Ctrl-C ends it.")
        if address in _EVERYWHERE:
            remark(f"On a phone in the same network: http://{socket.gethostname()}.local{end}")
        with (
            suppress(KeyboardInterrupt),  # Ctrl-C, or systemd's SIGTERM: the way to end it
            # not Windows' own loop, which waits for no sockets that others opened
            asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner,
        ):
            runner.run(serve(listening, lambda: load_page(arguments, closing)))
    return None


def _switch(is_on: bool) -> int:
    """Let the Pi's page collect digits, or not; only root may, so no visitor and no notebook."""
    if not SWITCH.parent.is_dir():
        raise DrawError(
            "this computer offers no page to a class: set draw_install in the inventory of its Pi, "
            "then run 'make provision'. On a laptop, use --collect"
        )
    words = ["touch", SWITCH] if is_on else ["rm", "-f", SWITCH]
    code = subprocess.run(["sudo", "--", *words]).returncode
    if code == 0:
        remark(f"The page {'asks which digit it is, and keeps it' if is_on else 'keeps nothing'}.")
    return code


@contextmanager
def _no_authorities() -> Iterator[None]:
    """Keep Tornado from reading, when it is imported, whom to trust: the page calls nobody.

    Those are more than a hundred certificates, a fifth of the time in which the page wakes up.
    """
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = os.devnull
    try:
        yield
    finally:
        del os.environ["SSL_CERT_FILE"]
        if before is not None:
            os.environ["SSL_CERT_FILE"] = before


def load_page(arguments, closing: ExitStack):
    """Import what the page and its answers need, and load the newest model."""
    try:
        with _no_authorities():
            from nn.page.server import DrawServer
    except ModuleNotFoundError as error:
        if error.name != "tornado":
            raise
        raise DrawError(
            "this command needs Tornado. Install it: pip install 'tornado>=6.2' in the kit's "
            "environment, or apt install python3-tornado"
        ) from None
    from nn.cli.files import load_reader
    from nn.images import DRAWING_SIDE
    from nn.page.class_digits import ClassDigits
    from nn.page.models import Models
    from nn.page.reader import answer_drawing
    from nn.page.state import PageState
    from nn.saving.atomic import alone_with
    from nn.saving.shipped import SHIPPED_MODEL

    folders = arguments.models or ["models", KIT_FOLDER / "models", KIT_FOLDER / "notebooks/models"]
    folders = dict.fromkeys(Path(folder).resolve() for folder in folders)
    models = Models(folders, load_reader, SHIPPED_MODEL)
    digits = None
    if arguments.collect:
        try:
            closing.enter_context(alone_with(arguments.collect.resolve()))  # a link is another way
            digits = ClassDigits(arguments.collect)
        except BlockingIOError:
            raise DrawError(f"{arguments.collect}: another 'draw' adds digits to it") from None
        except (KitError, OSError) as error:
            if not arguments.collect_while:
                raise
            remark(f"error: {error}. The page keeps no digits")  # a Pi's page does without
    with suppress(KitError, MemoryError):  # the page shows visitors the reason
        answer_drawing(models, "", bytes([255]) * DRAWING_SIDE**2)  # loads what the first one needs
    switch = arguments.collect_while
    state = PageState(models, digits, switch.exists if switch else lambda: True)
    return DrawServer(state, arguments.idle_minutes and 60 * arguments.idle_minutes)
