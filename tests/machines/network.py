"""A machine's own network: a namespace, a veth pair into it, and masquerading to the outside."""

import ipaddress
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.machines.host import MachineError, call

RULES = """
table ip {table} {{
    chain outwards {{
        type nat hook postrouting priority srcnat;
        ip saddr {subnet} oifname != "{veth}" masquerade
    }}
    chain through {{
        type filter hook forward priority filter - 1;
    }}
}}
"""


class Network:
    """The network of machine `number`: 10.77.NUMBER.0/24, the host at .1 and the machine at .2.

    Forwarding is switched on in this host's kernel (net.ipv4.ip_forward) and stays on: another
    machine may need it still. All else is undone by `close`.
    """

    def __init__(self, number: int):
        self.number = number
        self.subnet = f"10.77.{number}.0/24"
        self.gateway = f"10.77.{number}.1"
        self.address = f"10.77.{number}.2"
        self.namespace = f"pi-nn-{number}"
        self.veth = f"pi-nn-{number}"
        self.table = f"pi_nn_{number}"

    @property
    def namespace_path(self) -> Path:
        """The file by which systemd-nspawn enters the namespace."""
        return Path("/run/netns", self.namespace)

    def open(self) -> None:
        """Make the namespace, join it to the host, and let it out."""
        inside = ("ip", "-n", self.namespace)
        size = ("mtu", uplink_mtu())
        call("ip", "netns", "add", self.namespace)
        peer = ("peer", "name", "eth0", *size, "netns", self.namespace)
        call("ip", "link", "add", self.veth, *size, "type", "veth", *peer)
        call("ip", "address", "add", f"{self.gateway}/24", "dev", self.veth)
        call("ip", "link", "set", self.veth, "up")
        call(*inside, "link", "set", "lo", "up")
        call(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        self._connect_inside()
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        rules = RULES.format(table=self.table, subnet=self.subnet, veth=self.veth)
        call("nft", "-f", "-", text=rules)

    def _connect_inside(self) -> None:
        inside = ("ip", "-n", self.namespace)
        call(*inside, "link", "set", "eth0", "up")
        call(*inside, "route", "replace", "default", "via", self.gateway)

    def cut(self, ssh_too: bool = False) -> None:
        """Cut the machine off from the outside, and with `ssh_too` from this host as well.

        The first ends connections that stand and refuses new ones, so that apt and pip fail once
        they have retried; the second takes the link down, as a lost wifi does, and connections
        hang until they time out.
        """
        if ssh_too:
            call("ip", "link", "set", self.veth, "down")
            return
        rule = ("nft", "add", "rule", "ip", self.table, "through", "ip", "saddr", self.subnet)
        call(*rule, "meta", "l4proto", "tcp", "reject", "with", "tcp", "reset")
        call(*rule, "drop")
        time.sleep(0.5)  # for a connection to send, and so be reset
        # what is refused within the machine fails at once; the kernel sends few ICMP errors a
        # second, so that a refusal from out here would leave each look-up of a name to its timeout
        call("ip", "-n", self.namespace, "route", "replace", "unreachable", "default")

    def slow_down(self, kilobytes_per_second: int) -> None:
        """Limit what the machine receives, so that a download takes long enough to be cut."""
        rate = ("rate", f"{kilobytes_per_second * 8}kbit", "burst", "32kb", "latency", "400ms")
        call("tc", "qdisc", "replace", "dev", self.veth, "root", "tbf", *rate)

    @contextmanager
    def cut_after(
        self, received: int, kilobytes_per_second: int = 500, ssh_too: bool = False
    ) -> Iterator[threading.Event]:
        """Cut the network once the machine received so many bytes; restore it after the block.

        Yields the event that is set once the cut was made.
        """
        goal = self.received_bytes() + received
        over, happened = threading.Event(), threading.Event()

        def watch() -> None:
            while not over.wait(0.05):
                if self.received_bytes() >= goal:
                    self.cut(ssh_too)
                    happened.set()
                    return

        watcher = threading.Thread(target=watch)
        self.slow_down(kilobytes_per_second)
        watcher.start()
        try:
            yield happened
        finally:
            over.set()
            watcher.join()
            self.restore()

    def received_bytes(self) -> int:
        """Return how many bytes the machine received since it was made."""
        return int(Path("/sys/class/net", self.veth, "statistics/tx_bytes").read_text())

    def restore(self) -> None:
        """Undo `cut` and `slow_down`."""
        call("tc", "qdisc", "delete", "dev", self.veth, "root", check=False)
        call("nft", "flush", "chain", "ip", self.table, "through")
        call("ip", "link", "set", self.veth, "up")
        self._connect_inside()

    def close(self) -> None:
        """Remove what `open` made, whatever of it there is."""
        # the namespace's end of the pair may outlive its name until the last process is gone
        call("ip", "link", "delete", self.veth, check=False)
        call("ip", "netns", "delete", self.namespace, check=False)
        call("nft", "delete", "table", "ip", self.table, check=False)


def uplink_mtu() -> int:
    """Return the size of packets that leave this host; a larger one inside may get lost."""
    routes = json.loads(call("ip", "-json", "-4", "route", "show", "default").stdout or "[]")
    if not routes:
        raise MachineError(
            "this host has no default route (`ip route`): machines get packages through it"
        )
    return int(Path("/sys/class/net", routes[0]["dev"], "mtu").read_text())


def name_servers() -> str:
    """Return resolv.conf lines with name servers that a machine can reach, too."""
    for file in (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf")):
        texts = file.read_text().splitlines() if file.is_file() else []
        servers = [line for line in texts if is_reachable_server(line)]
        if servers:
            return "\n".join(servers) + "\n"
    raise MachineError(
        "/etc/resolv.conf names no server beyond this host's loopback, which a machine in its own "
        "network cannot reach: name one there"
    )


def is_reachable_server(line: str) -> bool:
    """Return whether a line of resolv.conf names an IPv4 server outside this host."""
    words = line.split()
    if len(words) != 2 or words[0] != "nameserver" or ":" in words[1]:
        return False
    return not ipaddress.ip_address(words[1]).is_loopback
