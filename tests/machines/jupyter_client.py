"""A visitor to a Pi's Jupyter over HTTP, with or without its password."""

import json
import time
import uuid

import requests
import websocket

from scripts.machines.host import MachineError


class Visitor:
    """Somebody with a browser, as far as the server can tell.

    Parameters
    ----------
    url : str
        Such as http://10.77.1.2:8888.
    patience : float
        How many times as long as usual to wait for an answer: an emulated Pi is slow.
    """

    def __init__(self, url: str, patience: float = 1):
        self.url = url
        self.patience = patience
        self.session = requests.Session()

    def wait(self, timeout: float = 300) -> None:
        """Wait until the server answers at all."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.session.get(f"{self.url}/login", timeout=10 * self.patience)
                return
            except (requests.ConnectionError, requests.Timeout) as error:
                if time.monotonic() > deadline:
                    raise MachineError(f"{self.url} did not answer in {timeout:g} s") from error
                time.sleep(0.5)

    def status(self, path: str) -> int:
        """Return the status that a page is answered with."""
        answer = self.session.get(
            self.url + path, allow_redirects=False, timeout=120 * self.patience
        )
        return answer.status_code

    def page(self, path: str) -> str:
        """Return the text of a page, which must be there, as one follows a link to it."""
        link = {"Referer": f"{self.url}/tree"}
        answer = self.session.get(self.url + path, headers=link, timeout=120 * self.patience)
        answer.raise_for_status()
        return answer.text

    def log_in(self, password: str) -> bool:
        """Try a password on the login page; tell whether it opened the notebooks."""
        self.session.get(f"{self.url}/login", timeout=120 * self.patience)
        form = {"password": password, "_xsrf": self.session.cookies["_xsrf"]}
        self.session.post(
            f"{self.url}/login", data=form, timeout=120 * self.patience, allow_redirects=False
        )
        return self.status("/api/contents") == 200

    def save(self, path: str, content: dict) -> None:
        """Save a notebook through the API, as the page in the browser does."""
        answer = self.session.put(
            f"{self.url}/api/contents/{path}",
            json={"type": "notebook", "content": content},
            headers=self._token(),
            timeout=120 * self.patience,
        )
        answer.raise_for_status()

    def notebooks(self) -> list[str]:
        """Return the notebooks that have a kernel."""
        answer = self.session.get(f"{self.url}/api/sessions", timeout=120 * self.patience)
        return sorted(each["path"] for each in answer.json())

    def compute(self, code: str) -> str:
        """Start a kernel through the API, run code in it, and return what it printed."""
        timeout = 120 * self.patience
        kernels = f"{self.url}/api/kernels"
        answer = self.session.post(kernels, headers=self._token(), timeout=timeout)
        answer.raise_for_status()
        address = f"{kernels}/{answer.json()['id']}"
        cookies = "; ".join(f"{each.name}={each.value}" for each in self.session.cookies)
        channel = websocket.create_connection(
            address.replace("http", "ws", 1) + "/channels", cookie=cookies, timeout=timeout
        )
        try:
            request = _execute_request(code)
            channel.send(json.dumps(request))
            return _printed(channel, request["header"]["msg_id"])
        finally:
            channel.close()
            self._end_kernel(address)

    def _end_kernel(self, address: str) -> None:
        """End a kernel; one that is just being restarted is ended once it is up."""
        deadline = time.monotonic() + 60 * self.patience
        while True:
            answer = self.session.delete(
                address, headers=self._token(), timeout=120 * self.patience
            )
            if answer.status_code in (204, 404):
                return
            if time.monotonic() > deadline:
                raise MachineError(f"{address} was not ended: {answer.status_code}")
            time.sleep(0.5)

    def _token(self) -> dict:
        return {"X-XSRFToken": self.session.cookies["_xsrf"]}


def _execute_request(code: str) -> dict:
    """Return Jupyter's message that asks for code to be run."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "session": uuid.uuid4().hex,
        "username": "test",
        "msg_type": "execute_request",
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": False}
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
    }


def _printed(channel, request: str) -> str:
    """Collect what a request prints until the kernel is idle again.

    Its reply says only that it is done: what it printed comes another way, and may be later.
    """
    printed = ""
    while True:
        message = json.loads(channel.recv())
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] in ("restarting", "dead"):
            raise MachineError("the kernel was killed, says the server")
        if message["parent_header"].get("msg_id") != request:
            continue
        if kind == "stream":
            printed += content["text"]
        elif kind == "error":
            raise MachineError("\n".join(content["traceback"]))
        elif kind == "status" and content["execution_state"] == "idle":
            return printed
