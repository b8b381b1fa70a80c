"""Visit the page to draw on by Epiphany, the browser of a Pi's desktop.

    python -m tests.campaigns.page --report FILE

The page is served here, on a desktop without a screen. Somebody draws with a mouse and with the
keyboard, and looks at the wall; what the page then offers to a screen reader is what the browser
itself computes.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from selenium import webdriver
from selenium.common.exceptions import SessionNotCreatedException, WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from nn.errors import KitError
from scripts.machines.host import HangError, MachineError, require_commands
from tests.campaigns import PROJECT

Found = TypeVar("Found")
SECONDS = 60  # that anything may take
SIZE = (420, 900)
STATUS = ".pi-nn-pad-status"
HEAD = """\
# The page to draw on, in Epiphany

What becomes of the page in the browser of a Pi's desktop. `make test-page` writes this. Run on
{day}, on x86-64, with Debian 12's packages.

"""


def main() -> int:
    """Visit the page, and write what it did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    require_commands("Xvfb", "dbus-daemon", "epiphany", "WebKitWebDriver")
    with tempfile.TemporaryDirectory(prefix="pi-nn-page-") as name, ExitStack() as stack:
        url = stack.enter_context(served(Path(name)))
        environment = stack.enter_context(desktop(Path(name)))
        text = "".join(f"- {line}\n" for line in in_epiphany(url, environment))
    arguments.report.write_text(HEAD.format(day=time.strftime("%Y-%m-%d")) + text)
    print(f"{text}wrote {arguments.report}")
    return 0


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the page of the kit here, which keeps digits; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["draw", "--port", str(port), "--collect", str(folder / "class_digits.csv")]
    command = [sys.executable, "-m", "nn", *words]
    with started(command, folder / "draw.log", dict(os.environ)) as log:
        yield wait_for(lambda: re.search(r"http://\S+:\d+", log.read_text()), "the page")[0]


@contextmanager
def desktop(folder: Path) -> Iterator[dict[str, str]]:
    """Start what a browser needs of a desktop; give its environment."""
    environment = {
        **os.environ,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
    }
    with ExitStack() as stack:

        def first_line(pattern: str, *words: str) -> str:
            log = stack.enter_context(started(list(words), folder / f"{words[0]}.log", environment))
            return wait_for(lambda: re.search(pattern, log.read_text(), re.M), words[0])[0]

        screen = ("Xvfb", "-displayfd", "1", "-screen", "0", "1400x1000x24")
        environment["DISPLAY"] = ":" + first_line(r"^\d+$", *screen)
        bus = ("dbus-daemon", "--session", "--nofork", "--print-address")
        environment["DBUS_SESSION_BUS_ADDRESS"] = first_line(r"^unix:\S+$", *bus)
        yield environment


def in_epiphany(url: str, environment: dict[str, str]) -> Iterator[str]:
    """Draw by mouse and by keyboard, keep a digit, and look at the wall."""
    options = webdriver.WebKitGTKOptions()
    options.binary_location = "/usr/bin/epiphany"
    options.add_argument("--automation-mode")
    options.set_capability("browserName", "Epiphany")

    def begin() -> WebDriver | None:
        service = webdriver.WebKitGTKService("/usr/bin/WebKitWebDriver", env=environment)
        with suppress(SessionNotCreatedException):  # now and then it has no window at first
            return webdriver.WebKitGTK(options=options, service=service)
        return None

    driver = wait_for(begin, "Epiphany")
    try:
        yield "Epiphany {browserVersion}".format(**driver.capabilities)
        driver.set_window_size(*SIZE)
        driver.get(url)
        shows(driver, STATUS, "Draw a digit here")
        pad = driver.find_element(By.CSS_SELECTOR, "#pad canvas")
        stroke = ActionChains(driver).move_to_element_with_offset(pad, 0, -90).click_and_hold()
        for down in range(-80, 100, 20):
            stroke.move_to_element_with_offset(pad, 0, down)
        stroke.release().perform()
        yield f"drawn with the mouse: {shows(driver, STATUS, 'The network reads 1')}"
        driver.find_element(By.CSS_SELECTOR, ".pi-nn-pad-clear").click()
        shows(driver, STATUS, "Draw a digit here")
        pad.send_keys(Keys.ARROW_UP * 7, " ", Keys.ARROW_DOWN * 14, " ")
        yield f"drawn with the keyboard: {shows(driver, STATUS, 'The network reads 1')}"
        one = driver.find_element(By.CSS_SELECTOR, "#labels button:nth-child(2)")
        one.send_keys(" ")
        yield f"kept with the keyboard: {shows(driver, '#kept', 'Kept as 1')}"
        if driver.switch_to.active_element != one:
            raise MachineError("the button that was pressed has lost the focus")
        named = driver.find_elements(By.CSS_SELECTOR, "canvas, button, input, select, a")
        if nameless := [each.get_attribute("outerHTML") for each in named if not name_of(each)]:
            raise MachineError(f"expected names for a screen reader, got none for {nameless}")
        yield f"a screen reader finds a name for each of {len(named)} elements"
        driver.get(f"{url}/wall")
        shows(driver, "#answers li:nth-child(2)", "1")
        yield "the wall shows both"
    finally:
        driver.quit()


def name_of(element) -> str:
    """Return the name that the browser computes for a screen reader."""
    return element.accessible_name.strip()


def shows(driver: WebDriver, selector: str, text: str) -> str:
    """Wait until an element contains a text; return all that it says."""

    def look() -> str:
        try:
            found = driver.find_elements(By.CSS_SELECTOR, selector)
            return next((each.text for each in found if text in each.text), "")
        except WebDriverException:  # it was replaced meanwhile
            return ""

    return wait_for(look, f"{text!r} in {selector}")


def wait_for(look: Callable[[], Found], what: str) -> Found:
    """Look until something is found, and return it."""
    end = time.monotonic() + SECONDS
    while not (found := look()):
        if time.monotonic() > end:
            raise HangError(f"{what}: not there after {SECONDS} s")
        time.sleep(0.2)
    return found


@contextmanager
def started(words: list[str], log: Path, environment: dict[str, str]) -> Iterator[Path]:
    """Run a program until the end of the block; give the file with its output."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, stdout=output, stderr=output, env=environment, cwd=PROJECT
        )
    try:
        yield log
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KitError as error:
        sys.exit(f"page: {error}")
