"""Runs inside the machine: be the computer at the other end of the USB cable, and report.

guest.py early      nothing: all happens later
guest.py report     plug the cable in twice: into a computer that shares, and into one that does not
"""

import json
import subprocess
import sys
import time
from pathlib import Path

REPORT = Path("/dev/ttyS1")
AT_HOST = ("ip", "netns", "exec", "host")


def run(*command: str) -> str:
    """Return what a command prints, and its complaints, whatever its status."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip()


def interfaces() -> set[str]:
    """List the network interfaces."""
    return {path.name for path in Path("/sys/class/net").iterdir()}


def plug_in(address: str) -> str:
    """Plug the cable in; give the computer's end an address; return the end's name."""
    before = interfaces()
    run("modprobe", "g_ether")
    for _ in range(60):
        new = interfaces() - before - {"usb0"}
        if new:
            break
        time.sleep(1)
    else:
        return ""
    time.sleep(3)  # udev renames it
    (end,) = interfaces() - before - {"usb0"}
    run("ip", "link", "set", end, "netns", "host")
    run(*AT_HOST, "ip", "link", "set", end, "up")
    run(*AT_HOST, "ip", "address", "add", address, "dev", end)
    return end


def address_of_pi(start: str, seconds: int) -> tuple[str, int]:
    """Wait until usb0 has an address that starts so; return what it has, and after how long."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        now = run("ip", "-4", "-o", "address", "show", "usb0")
        if f"inet {start}" in now:
            break
        time.sleep(1)
    return now, int(time.monotonic() - began)


def report() -> None:
    """Try both kinds of computer."""
    run("systemctl", "is-system-running", "--wait")
    run("ip", "netns", "add", "host")
    say("start", modprobe=run("modprobe", "dummy_hcd"), nm=run("nmcli", "general"))
    end = plug_in("10.12.194.2/28")
    found, seconds = address_of_pi("10.12.194.1/", 150)
    ping = run(*AT_HOST, "ping", "-c", "2", "-W", "5", "10.12.194.1")
    say("alone", end=end, address=found, seconds=seconds, ping=ping, udev=udev(), nm=nm())
    run("rmmod", "g_ether")
    time.sleep(5)
    end = plug_in("192.168.137.1/24")
    options = (f"--interface={end}", "--dhcp-range=192.168.137.50,192.168.137.99,1h", "--port=0")
    answer = run(*AT_HOST, "dnsmasq", "--bind-interfaces", "--pid-file=/run/h.pid", *options)
    found, seconds = address_of_pi("192.168.137.", 150)
    say("shared", end=end, address=found, seconds=seconds, dnsmasq=answer, udev=udev(), nm=nm())
    say("log", text=run("sh", "-c", "journalctl -b -u NetworkManager | tail -n 60"))
    say("end")
    run("systemctl", "poweroff", "--no-block")


def udev() -> str:
    """Return whether NetworkManager is told to leave usb0 alone."""
    return run("sh", "-c", "udevadm info /sys/class/net/usb0 | grep NM_UNMANAGED")


def nm() -> str:
    """Return what NetworkManager says of its devices."""
    return run("nmcli", "-t", "device")


def say(kind: str, **values) -> None:
    """Write one line for the host to read."""
    with REPORT.open("w") as file:
        file.write(json.dumps({"kind": kind, **values}) + "\n")


if __name__ == "__main__" and sys.argv[1] == "report":
    report()
