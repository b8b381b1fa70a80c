"""NetworkManager's profiles, read back."""

import shutil
import subprocess

import pytest


def read_profile(text: str) -> dict[str, str]:
    """Read a profile as NetworkManager does: its own reader, and its own way to write."""
    if not shutil.which("nmcli"):
        pytest.skip("nmcli is not installed: apt install network-manager")
    name = ("nmcli", "--offline", "connection", "modify", "connection.autoconnect", "yes")
    done = subprocess.run(name, input=text, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr}\n{text}"
    return read_keyfile(done.stdout)


def read_keyfile(text: str) -> dict[str, str]:
    """Map section.key to the value as it is written."""
    pairs, section = {}, ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line[1:-1]
        elif "=" in line:
            key, _, value = line.partition("=")
            pairs[f"{section}.{key}"] = value
    return pairs


def text_of(value: str) -> str:
    r"""Undo NetworkManager's own writing: of bytes as a list, and GKeyFile's escapes."""
    parts = value.split(";")
    if parts[-1] == "" and len(parts) > 1 and all(part.isdigit() for part in parts[:-1]):
        return bytes(map(int, parts[:-1])).decode()
    return unescaped(value).replace("\\;", ";")


def unescaped(value: str) -> str:
    """Undo GKeyFile's escapes alone."""
    return value.replace("\\\\", "\0").replace("\\s", " ").replace("\0", "\\")
