"""The keys of a sweep on many Pis, and the address at which the Pis look for this computer.

`make provision` writes them: ansible/roles/worker/files/make_keys.py.
"""

import ipaddress
import json
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from nn.sweeps.sharing import SweepError

if TYPE_CHECKING:
    from distributed.security import Security


def address_for_pis(keys: Path) -> tuple[str, int]:
    """Return an address of this computer and a port, which the Pis know and which are free.

    Raises
    ------
    SweepError
        When there are no keys, or the address is not this computer's, or one the Pis can't reach.
    """
    computer, port = _place_of(keys)
    try:
        infos = socket.getaddrinfo(computer, port, type=socket.SOCK_STREAM)
        addresses = [info[4][0] for info in infos]
        # many systems map a computer's own name to 127.0.1.1
        outside = [each for each in addresses if each == computer or not _is_loopback(each)]
        if not outside:
            raise SweepError(
                f"expected an address of this computer that Pis can reach, got {computer}, which "
                f"is {addresses[0]} here: only this computer reaches that. Set worker_computer in "
                "the inventory to its address, and run 'make provision'"
            )
        socket.create_server(
            (outside[0], port), family=infos[addresses.index(outside[0])][0]
        ).close()
    except (OSError, UnicodeError) as error:
        raise SweepError(
            f"expected to listen on {computer}, port {port}, where the Pis look for this computer: "
            f"{getattr(error, 'strerror', None) or error}. If it has another address now, change "
            "worker_computer in the inventory and run 'make provision'; if another sweep is "
            "running, wait"
        ) from None
    return outside[0], port


def security_of(keys: Path) -> "Security":
    """Let only those in who have a key that the authority in this folder signed.

    Raises
    ------
    SweepError
        When the files hold something else.
    """
    from distributed.security import Security

    own, authority = str(keys / "computer.pem"), str(keys / "authority.pem")
    try:
        ssl.create_default_context(cafile=authority).load_cert_chain(own)
    except ssl.SSLError:
        raise SweepError(
            f"{keys}: expected keys in authority.pem and computer.pem, got something else. Remove "
            "the folder and run 'make provision' for all Pis again"
        ) from None
    of_role = {"scheduler": own, "client": own, "worker": own}
    files = {f"tls_{role}_cert": path for role, path in of_role.items()}
    files |= {f"tls_{role}_key": path for role, path in of_role.items()}
    return Security(tls_ca_file=authority, require_encryption=True, **files)


def _place_of(keys: Path) -> tuple[str, int]:
    """Return the name and the port by which Pis know this computer; check that keys are there."""
    place = keys / "address.json"
    try:
        found = json.loads(place.read_bytes())
        for name in ("computer.pem", "authority.pem"):
            (keys / name).read_bytes()
        computer, port = found["computer"], found["port"]
        if type(computer) is not str or type(port) is not int or not 0 < port < 65536:
            raise ValueError
    except FileNotFoundError as error:
        raise SweepError(
            f"{error.filename}: no such key. Set worker_computer in the inventory to the address "
            "of this computer, then run 'make provision': docs/sweeps.md shows how"
        ) from None
    except OSError as error:
        raise SweepError(
            f"{error.filename}: {error.strerror}. Whoever ran 'make provision' owns the keys"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SweepError(
            f"{place}: expected an address and a port, got something else. 'make provision' "
            "writes it again"
        ) from None
    return computer, port


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
