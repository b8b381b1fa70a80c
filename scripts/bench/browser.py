"""A user at a browser: Debian's Chromium, headless, driven by Selenium."""

import time
from pathlib import Path

import requests
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from scripts.machines.host import MachineError

SIZE = (1280, 1000)
# Elements of the page: the kernel's name and its status (without a kernel, it says idle).
KERNEL = ".jp-Toolbar-kernelName"
IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
# Cells that are out of sight may be missing from the page: scroll each into view in turn.
PANEL = """
const find = (selector) => document.querySelector(selector);
const panel = find('.jp-WindowedPanel-outer') || find('.jp-Notebook');
"""
SCROLL = PANEL + "panel.scrollTop = arguments[0] * panel.clientHeight;"
AT_END = PANEL + "return panel.scrollTop + panel.clientHeight >= panel.scrollHeight - 2;"
# Two frames and a rest later, new cells are on the page; their pictures make it longer.
SETTLE = """
const done = arguments[0];
const pictures = () => [...document.images].map((each) => each.decode().catch(() => null));
const rest = () => requestIdleCallback(() => Promise.all(pictures()).then(() => done()));
requestAnimationFrame(() => requestAnimationFrame(rest));
"""
# A kernel is also idle for a moment between two cells; cells that wait have a star.
AT_REST = """
const stars = [...document.querySelectorAll('.jp-InputPrompt')];
return document.querySelector(arguments[0]) && !stars.some((each) => each.innerText === '[*]:');
"""
# Only loaded pictures: a broken one has no width.
PICTURES = """
const pictures = [...document.querySelectorAll('.jp-OutputArea-output img')];
return pictures.filter((each) => each.naturalWidth > 0).map((each) => each.src);
"""
# Of an element, in pixels of the window.
MIDDLE = """
const box = arguments[0].getBoundingClientRect();
return [box.left + box.width / 2, box.top + box.height / 2];
"""


class Browser:
    """One window; a context manager.

    Parameters
    ----------
    url : str
        Jupyter's URL, such as http://10.77.1.2:8888.
    patience : float
        Factor for all timeouts: an emulated Pi is slow.
    """

    def __init__(self, url: str, patience: float = 1):
        self.url = url
        self.patience = patience

    def __enter__(self) -> "Browser":
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
            options.add_argument(f"--{argument}")
        service = webdriver.ChromeService("/usr/bin/chromedriver")
        self._driver = webdriver.Chrome(options=options, service=service)
        self._driver.set_window_size(*SIZE)
        self._driver.set_page_load_timeout(300 * self.patience)
        self._driver.set_script_timeout(300 * self.patience)
        self._driver.command_executor.client_config.timeout = 300 * self.patience
        return self

    def __exit__(self, *exception) -> None:
        self._driver.quit()

    def go(self, path: str) -> None:
        """Open a page by its path, or another by its address."""
        self._driver.get(self.url + path if path.startswith("/") else path)

    def run(self, script: str):
        """Run a script on the page; return what it returns."""
        return self._driver.execute_script(script)

    def resize(self, width: int, height: int, touch: bool = False) -> None:
        """Give the page this size, in CSS pixels, and a finger instead of a mouse."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self._driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": touch})

    def log(self) -> list[str]:
        """Return what the browser complains about since the last call, such as a refused script."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def log_in(self, password: str) -> None:
        """Log in with the password, and wait for the list of notebooks."""
        self._driver.get(f"{self.url}/login")
        self.find("#password_input").send_keys(password)
        self.find("#login_submit").click()
        self.find(".jp-DirListing-item")

    def open_notebook(self, name: str) -> None:
        """Open a notebook, and wait until its kernel is ready."""
        self._driver.get(f"{self.url}/notebooks/{name}")
        self.find(".jp-Notebook .jp-Cell", timeout=180)
        self.find_text(KERNEL, "Python 3", timeout=300)
        self.find(IDLE, timeout=300)

    def follow_link(self, name: str) -> None:
        """Click a link to another notebook, which opens in a new page, and wait for its kernel."""
        links = self._driver.find_elements(By.CSS_SELECTOR, f".jp-Notebook a[href*='{name}']")
        self._driver.execute_script("arguments[0].click()", links[-1])
        WebDriverWait(self._driver, 60 * self.patience).until(lambda each: each.window_handles[1:])
        self._driver.close()
        self._driver.switch_to.window(self._driver.window_handles[-1])
        self.find_text(KERNEL, "Python 3", timeout=300)
        self.find(IDLE, timeout=300)

    def end_kernels(self) -> None:
        """Leave the notebooks and shut down their kernels: each takes a quarter of a Pi's memory.

        No page must be open: Jupyter keeps a page that asks for a kernel while it shuts down
        waiting for a minute, and the browser keeps all later requests waiting as well.
        """
        session = requests.Session()
        for cookie in self._driver.get_cookies():
            session.cookies.set(cookie["name"], cookie["value"])
        self._driver.get("about:blank")
        token, timeout = {"X-XSRFToken": session.cookies["_xsrf"]}, 60 * self.patience
        sessions = session.get(f"{self.url}/api/sessions", timeout=timeout).json()
        for each in sessions:
            ended = session.delete(
                f"{self.url}/api/sessions/{each['id']}", headers=token, timeout=timeout
            )
            ended.raise_for_status()

    def run_all(self, timeout: float = 900, wait: bool = True) -> None:
        """Choose "Run All Cells", and wait until the kernel has been idle for two seconds."""
        for label in ("Run", "Run All Cells"):
            self._click_menu(label)
        if not wait:
            return
        deadline = time.monotonic() + timeout * self.patience
        rested = 0
        while rested < 10:
            time.sleep(0.2)
            rested = rested + 1 if self._driver.execute_script(AT_REST, IDLE) else 0
            if time.monotonic() > deadline:
                raise MachineError(f"{self._driver.current_url}: still running after {timeout} s")

    def _click_menu(self, label: str) -> None:
        items = self._driver.find_elements(By.CSS_SELECTOR, ".lm-MenuBar-item, .lm-Menu-item")
        for item in items:
            if item.text.split("\n")[0].strip() == label:
                item.click()
                return
        raise MachineError(f"no {label!r} in the menus: {[item.text for item in items]}")

    def find(self, selector: str, timeout: float = 90) -> WebElement:
        """Wait until an element that matches a CSS selector is visible, and return it."""

        def seen(driver):
            for element in driver.find_elements(By.CSS_SELECTOR, selector):
                if element.is_displayed():
                    return element
            return False

        try:
            wait = WebDriverWait(
                self._driver,
                timeout * self.patience,
                ignored_exceptions=[StaleElementReferenceException],
            )
            return wait.until(seen)
        except TimeoutException:
            raise MachineError(
                f"{self._driver.current_url}: no {selector!r} in {timeout} s"
            ) from None

    def find_text(self, selector: str, text: str, timeout: float = 180) -> None:
        """Wait until an element contains a text."""
        deadline = time.monotonic() + timeout * self.patience
        while text not in (said := self._text_of(selector)):
            if time.monotonic() > deadline:
                raise MachineError(f"{selector}: expected {text!r} in {timeout} s, got {said!r}")
            time.sleep(0.2)

    def _text_of(self, selector: str) -> str:
        """Read an element's text; a widget replaces its elements with each answer."""
        try:
            return self.find(selector).text
        except StaleElementReferenceException:
            return ""

    def walk(self) -> tuple[str, int]:
        """Scroll through the notebook; return its text, and how many pictures it showed."""
        texts, pictures, screen, last = [], set(), 0, False
        while not last:
            self._driver.execute_script(SCROLL, screen)
            time.sleep(0.3)  # until the page has seen that it was scrolled
            self._driver.execute_async_script(SETTLE)
            last = self._driver.execute_script(AT_END)
            texts.append(self.find(".jp-Notebook").text)
            pictures |= set(self._driver.execute_script(PICTURES))
            screen += 1
        return "\n".join(texts), len(pictures)

    def draw(self, canvas: WebElement, strokes: list[list[tuple[int, int]]]) -> None:
        """Draw strokes with the mouse: lists of points, in pixels from the middle."""
        self._driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
        for (x, y), *others in strokes:
            actions = ActionChains(self._driver, duration=30)
            actions.move_to_element_with_offset(canvas, x, y).click_and_hold()
            for next_x, next_y in others:
                actions.move_by_offset(next_x - x, next_y - y)
                x, y = next_x, next_y
            actions.release().perform()

    def touch(self, canvas: WebElement, stroke: list[tuple[int, int]]) -> None:
        """Draw a stroke with a finger: points in pixels from the middle."""
        self._driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
        middle = self._driver.execute_script(MIDDLE, canvas)
        points = [{"x": middle[0] + x, "y": middle[1] + y} for x, y in stroke]
        kinds = ["touchStart"] + ["touchMove"] * (len(points) - 1)
        for kind, point in zip(kinds, points, strict=True):
            self._touch(kind, [point])
        self._touch("touchEnd", [])

    def _touch(self, kind: str, points: list[dict]) -> None:
        event = {"type": kind, "touchPoints": points}
        self._driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    def picture(self, path: Path) -> None:
        """Save the window as PNG."""
        self._driver.save_screenshot(str(path))
