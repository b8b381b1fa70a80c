"""A stranger: a network namespace of their own, from which a machine can be reached by routing."""

import ctypes
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from scripts.machines.host import call
from tests.machines.machine import Machine

Answer = TypeVar("Answer")
CLONE_NEWNET = 0x40000000


class Stranger(AbstractContextManager):
    """Somebody at another address than the machine's owner, who is this host.

    Parameters
    ----------
    machine
        Whom they attack. This host forwards between the two, as a school's wifi does.
    """

    def __init__(self, machine: Machine):
        number = machine.network.number
        self.namespace = f"pi-nn-{number}-x"
        self.veth = f"pi-nn-{number}-x"
        self.gateway = f"10.78.{number}.1"
        self.address = f"10.78.{number}.2"
        self._inside: ThreadPoolExecutor | None = None

    def __enter__(self) -> "Stranger":
        self._remove()
        inside = ("ip", "-n", self.namespace)
        call("ip", "netns", "add", self.namespace)
        peer = ("peer", "name", "eth0", "netns", self.namespace)
        call("ip", "link", "add", self.veth, "type", "veth", *peer)
        call("ip", "address", "add", f"{self.gateway}/24", "dev", self.veth)
        call("ip", "link", "set", self.veth, "up")
        call(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        call(*inside, "link", "set", "eth0", "up")
        call(*inside, "route", "add", "default", "via", self.gateway)
        self._inside = ThreadPoolExecutor(1, initializer=enter, initargs=(self.namespace,))
        return self

    def __exit__(self, *exception) -> None:
        self._inside.shutdown()
        self._remove()

    def _remove(self) -> None:
        call("ip", "link", "delete", self.veth, check=False)
        call("ip", "netns", "delete", self.namespace, check=False)

    def do(self, action: Callable[..., Answer], *words, **named) -> Answer:
        """Return what a function returns whose sockets are the stranger's, as its threads' are."""
        return self._inside.submit(action, *words, **named).result()


def enter(namespace: str) -> None:
    """Move this thread into a network namespace; those that it starts are there, too."""
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns came with Python 3.12
    with Path("/run/netns", namespace).open() as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), namespace)


def open_ports(address: str) -> list[int]:
    """Return each TCP port, of all 65,535, at which somebody answers."""
    return [port for port in range(1, 65536) if is_open(address, port)]


def is_open(address: str, port: int) -> bool:
    """Return whether a connection to a TCP port is taken."""
    with socket.socket() as client:
        client.settimeout(5)
        return client.connect_ex((address, port)) == 0
