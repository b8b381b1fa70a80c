"""Runs inside the machine: be the access point of each network in turn, and report.

guest.py early                    before NetworkManager: make the radios, start the first network
guest.py point SWITCH             from then on: keep that network's access point on the air
guest.py report                   after cloud-init: try each network, then switch the machine off
"""

import json
import subprocess
import sys
import time
from pathlib import Path

LAB, REPORT = Path("/lab"), Path("/dev/ttyS1")
POINT_LOG, TAKEN_OVER = Path("/run/hostapd.log"), Path("/run/taken-over")
NETWORKS = json.loads((LAB / "networks.json").read_text())
IN_AIR = ("ip", "netns", "exec", "air")
EAP = """\
ieee8021x=1
eap_server=1
eap_user_file=/lab/users
ca_cert=/lab/ca.pem
server_cert=/lab/server.pem
private_key=/lab/server.key
wpa_key_mgmt=WPA-EAP
"""
SECURITY = {
    "open": "",
    "wpa2": "wpa=2\nrsn_pairwise=CCMP\nwpa_key_mgmt=WPA-PSK\n",
    "wpa2/wpa3": "wpa=2\nrsn_pairwise=CCMP\nwpa_key_mgmt=WPA-PSK SAE\nieee80211w=1\n",
    "wpa3": "wpa=2\nrsn_pairwise=CCMP\nwpa_key_mgmt=SAE\nieee80211w=2\n",
    "enterprise": "wpa=2\nrsn_pairwise=CCMP\n" + EAP,
}


def run(*command: str) -> str:
    """Return what a command prints, and its complaints, whatever its status."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip()


def make_air() -> str:
    """Move the second radio into a namespace; return the number of its rfkill switch."""
    run("modprobe", "mac80211_hwsim", "radios=2")
    run("ip", "netns", "add", "air")
    phys = sorted(Path("/sys/class/ieee80211").iterdir())
    (switch,) = phys[1].glob("rfkill*")
    run("iw", "phy", phys[1].name, "set", "netns", "name", "air")
    run(*IN_AIR, "ip", "link", "set", "lo", "up")
    run(*IN_AIR, "ip", "address", "add", "10.9.0.1/24", "dev", "wlan1")
    return switch.name.removeprefix("rfkill")


def keep_on_air(switch: str) -> None:
    """Start the first network's access point, and again whenever its radio was blocked.

    It stands for a router, but NetworkManager blocks every radio that the kernel knows.
    """
    point = None
    while not TAKEN_OVER.exists():
        if not point or point.poll() is not None or "INTERFACE-DISABLED" in POINT_LOG.read_text():
            run("rfkill", "unblock", switch)
            if point:
                point.kill()
                point.wait()
            POINT_LOG.unlink(missing_ok=True)
            point = switch_on(NETWORKS[0])
        time.sleep(1)


def switch_on(network: dict) -> subprocess.Popen:
    """Start the access point of a network."""
    ssid = network["ssid"].encode().hex()
    hidden = f"ignore_broadcast_ssid={int(network.get('hidden', False))}\n"
    text = f"interface=wlan1\ndriver=nl80211\nssid2={ssid}\nhw_mode=g\nchannel=1\n{hidden}"
    text += SECURITY[network["security"]]
    if "password" in network and network["security"] != "enterprise":
        text += f"wpa_passphrase={network['password']}\n"
    # An address of its own: NetworkManager takes a hidden network for the one that it met there.
    run(*IN_AIR, "ip", "link", "set", "wlan1", "down")
    address = f"02:00:00:00:02:{NETWORKS.index(network):02x}"
    run(*IN_AIR, "ip", "link", "set", "wlan1", "address", address)
    path = Path("/run/hostapd.conf")
    path.write_text(text)
    point = subprocess.Popen([*IN_AIR, "hostapd", "-t", "-f", str(POINT_LOG), str(path)])
    time.sleep(2)
    run(*IN_AIR, "ip", "address", "replace", "10.9.0.1/24", "dev", "wlan1")
    run("pkill", "dnsmasq")
    options = ("--interface=wlan1", "--dhcp-range=10.9.0.50,10.9.0.99,1h", "--port=0")
    run(*IN_AIR, "dnsmasq", "--bind-interfaces", *options)
    return point


def state() -> dict[str, str]:
    """Return what NetworkManager says of the Pi's radio."""
    names = ("GENERAL.STATE", "GENERAL.CONNECTION", "IP4.ADDRESS")
    lines = run("nmcli", "-t", "-e", "no", "-f", ",".join(names), "device", "show", "wlan0")
    return dict(line.split(":", 1) for line in lines.splitlines() if ":" in line)


def connected(seconds: float) -> dict[str, str]:
    """Wait until NetworkManager has connected by itself; return the last state."""
    end = time.monotonic() + seconds
    while (now := state()).get("GENERAL.STATE", "")[:3] != "100" and time.monotonic() < end:
        run("nmcli", "device", "wifi", "rescan")  # it would look every two minutes
        time.sleep(5)
    return now


def report() -> None:
    """Try each network; write a line of JSON for each, and one for the machine."""
    run("cloud-init", "status", "--wait")
    answers = {name: run(*words.split()) for name, words in QUESTIONS.items()}
    say("machine", **answers, renamed=rename())
    point, first = None, True
    for network in NETWORKS:
        if first:
            now = connected(150)
            TAKEN_OVER.touch()
        else:
            run("pkill", "hostapd")
            point and point.wait()
            time.sleep(1)
            point = switch_on(network)
            now = connected(150)
        log = run("sh", "-c", "journalctl -b -u wpa_supplicant -u NetworkManager | tail -n 40")
        log += "\n" + run("tail", "-n", "40", str(POINT_LOG))
        good = now.get("GENERAL.STATE", "")[:3] == "100"
        say("network", ssid=network["ssid"], state=now, log="" if good else log, first=first)
        first = False
    say("end")
    run("systemctl", "poweroff", "--no-block")


def rename() -> str:
    """Rename the machine as its user would, then run what cloud-init runs at each boot."""
    run("hostnamectl", "set-hostname", "renamed")
    run("sed", "-i", "s/pi-1/renamed/", "/etc/hosts")
    for module in ("set_hostname", "update_hostname", "update_etc_hosts"):
        run("cloud-init", "single", "--name", module, "--frequency", "always")
    hosts = [line for line in Path("/etc/hosts").read_text().splitlines() if "127.0.1.1" in line]
    return run("hostname") if hosts == ["127.0.1.1\trenamed"] else f"{hosts}"


QUESTIONS = {
    "cloud-init": "cloud-init status --long",
    "boot": "systemd-analyze",
    "profiles": "nmcli -f NAME,TYPE,AUTOCONNECT-PRIORITY connection",
    "radio": "nmcli radio",
    "rfkill": "rfkill",
    "hosts": "cat /etc/hosts",
    "keyboard": "cat /etc/default/keyboard",
    "locales": "locale -a",
    "locale": "cat /etc/default/locale",
    "timezone": "readlink /etc/localtime",
    "hostname": "hostname",
    "users": "tail -n 3 /etc/passwd",
    "cmdline": "cat /proc/cmdline",
    "domain": "iw reg get",
    "errors": "grep -i -e warn -e error -e fail /var/log/cloud-init.log",
    "netplan": "sh -c cat${IFS}/etc/netplan/*",
    "failed": "systemctl --failed --no-legend",
    "ssh": "systemctl is-active ssh",
    "rename": "cat /etc/cloud/cloud.cfg.d/99-pi-nn.cfg",
    "apt": "apt-config dump Acquire::Check-Date",
    "keyfiles": "sh -c cat${IFS}/run/NetworkManager/system-connections/*",
}


def say(kind: str, **values) -> None:
    """Write one line for the host to read."""
    with REPORT.open("w") as file:
        file.write(json.dumps({"kind": kind, **values}) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "early":
        switch = make_air()
        subprocess.Popen([sys.executable, sys.argv[0], "point", switch])
    elif sys.argv[1] == "point":
        keep_on_air(sys.argv[2])
    else:
        report()
