"""Profiles in NetworkManager's keyfile format.

References
----------
https://networkmanager.dev/docs/api/latest/nm-settings-keyfile.html
"""

from __future__ import annotations

import uuid

from .passwords import is_wifi_key
from .settings import Address, Settings, Wifi

FOLDER = "/etc/NetworkManager/system-connections"


def escape(value: str) -> str:
    r"""Write a text so that GKeyFile reads it back: backslashes, and spaces at either end.

    GKeyFile drops the spaces before a value, and knows no escapes but ``\\s \\n \\t \\r \\\\``.
    """
    text = value.replace("\\", "\\\\")
    start = len(text) - len(text.lstrip(" "))
    end = len(text) - len(text.rstrip(" "))
    return "\\s" * start + text.strip(" ") + "\\s" * end


def ssid(name: str) -> str:
    """Write a network's name as a list of bytes, the one form that has no special cases.

    As text, ``12;34;`` would be such a list itself; and imager_custom would take ``-h`` for an
    option.
    """
    return "".join(f"{byte};" for byte in name.encode())


def wifi(
    network: Wifi,
    priority: int,
    address: Address | None,
    authority: str | None = None,
    wpa3: bool = False,
) -> str:
    """Write the profile of a wireless network.

    Parameters
    ----------
    priority : int
        NetworkManager prefers the network with the highest.
    authority : str, optional
        Where on the Pi the certificate of an enterprise network's authority is.
    wpa3 : bool
        Whether the profile is for a network that offers WPA3 alone. A profile for WPA2 joins a
        network that offers both; NetworkManager never tries it at one that offers WPA3 alone.
    """
    about = {"ssid": ssid(network.ssid), "mode": "infrastructure"}
    if network.hidden:
        about["hidden"] = "true"
    sections = {"wifi": about}
    if network.user:
        sections["wifi-security"] = {"key-mgmt": "wpa-eap"}
        sections["802-1x"] = {
            "eap": "peap;",
            "identity": escape(network.user),
            "password": escape(network.password),
            "phase2-auth": "mschapv2",
        }
        if authority:
            sections["802-1x"]["ca-cert"] = authority
    elif network.password:
        sections["wifi-security"] = {
            "key-mgmt": "sae" if wpa3 else "wpa-psk",
            "psk": escape(network.password),
        }
    name = f"{network.ssid} (WPA3)" if wpa3 else network.ssid
    return _profile(name, "wifi", sections, address, {"autoconnect-priority": priority})


def wpa3_profiles(settings: Settings) -> dict[str, str]:
    """Return path and content of a profile for each network that may offer WPA3 alone."""
    profiles = {}
    for number, network in enumerate(settings.networks):
        if network.password and not network.user and not is_wifi_key(network.password):
            text = wifi(network, settings.priority(number) - 1, settings.address, wpa3=True)
            profiles[f"{FOLDER}/wifi-{number + 1}-wpa3.nmconnection"] = text
    return profiles


def ethernet(address: Address) -> str:
    """Write the profile of the Ethernet interface with a fixed address."""
    return _profile("ethernet", "ethernet", {}, address, {"interface-name": "eth0"})


def usb(name: str, priority: int, ipv4: dict[str, str], **connection: object) -> str:
    """Write a profile of the network over the USB data port."""
    about = {"interface-name": "usb0", "autoconnect-priority": priority, **connection}
    return _profile(name, "ethernet", {"ipv4": ipv4}, None, about)


def _profile(name: str, kind: str, sections: dict, address: Address | None, about: dict) -> str:
    ipv4 = {"method": "auto"}
    if address:
        servers = "".join(f"{each};" for each in address.dns)
        own = f"{address.address},{address.gateway}"
        ipv4 = {"method": "manual", "address1": own, "dns": servers}
    identity = uuid.uuid5(uuid.NAMESPACE_DNS, f"{kind} {name}.pi-nn")
    connection = {"id": escape(name), "uuid": identity, "type": kind, **about}
    everything = {"connection": connection, "ipv4": ipv4, "ipv6": {"method": "auto"}, **sections}
    return "\n".join(
        "\n".join([f"[{title}]", *(f"{key}={value}" for key, value in values.items()), ""])
        for title, values in everything.items()
    )
