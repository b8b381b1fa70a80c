"""Print how a Pi is, as JSON: python3 -IS status.py KIT_FOLDER STATE_OF_JUPYTER.

It runs with the Python of the system, on a Pi of one core: it imports little, and starts nothing.
"""

import json
import os
import sys
import time

MB = 10**6
MODELS = ("models", "notebooks/models")
JUPYTER_SETTINGS = "/etc/pi-nn/jupyter_server_config.py"
JUPYTER_UNIT = "/etc/systemd/system/pi-nn-jupyter.service"
LISTENING = "0A"  # in /proc/net/tcp
LONGEST_SETTINGS = 10**6  # bytes of a model that describe its training


def main(folder, state):
    """Print the facts; what cannot be found out is null."""
    facts = {
        "release": value_after("/etc/os-release", "VERSION_CODENAME="),
        "kit": value_after(f"{folder}/nn/__init__.py", "__version__ = "),
        "disk_mb": free_mb(folder),
        "memory_mb": available_mb(),
        "jupyter": jupyter(state),
        "celsius": celsius(),
        "training": last_training(folder),
    }
    print("\n" + json.dumps(facts))


def text_of(path):
    """Return the text of a file; "" if it cannot be read."""
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def value_after(path, words):
    """Return what follows these words at the beginning of a line, without quotes."""
    for line in text_of(path).splitlines():
        if line.startswith(words):
            return line[len(words) :].strip("\"' ")
    return None


def free_mb(folder):
    """Return the space that the user may still fill."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize // MB


def available_mb():
    """Return the memory that programs may still take."""
    words = (value_after("/proc/meminfo", "MemAvailable:") or "").split()
    return int(words[0]) * 1024 // MB if words else None


def jupyter(state):
    """Return "ready" when it listens, else "starting", systemd's word, or None if not installed."""
    if not os.path.exists(JUPYTER_UNIT):
        return None
    if state != "active":
        return state
    port = int(value_after(JUPYTER_SETTINGS, "c.ServerApp.port = ") or 8888)
    sockets = [
        line.split() for line in (text_of("/proc/net/tcp") + text_of("/proc/net/tcp6")).splitlines()
    ]
    open_ports = {words[1][-4:] for words in sockets if words[3] == LISTENING}
    return "ready" if f"{port:04X}" in open_ports else "starting"


def celsius():
    """Return the processor's temperature; None where nothing measures it."""
    thousandths = text_of("/sys/class/thermal/thermal_zone0/temp").strip()
    return round(int(thousandths) / 1000) if thousandths.lstrip("-").isdigit() else None


def last_training(folder):
    """Return preset, accuracy, and how many seconds ago the newest model was written."""
    models = []
    for place in MODELS:
        place = os.path.join(folder, place)
        names = os.listdir(place) if os.path.isdir(place) else []
        paths = [os.path.join(place, name) for name in names if name.endswith(".npz")]
        models += [(os.stat(path).st_mtime, path) for path in paths if os.path.isfile(path)]
    for written, path in sorted(models, reverse=True):
        about = settings_of(path).get("about")
        if isinstance(about, dict) and "preset" in about:
            found = {name: about.get(name) for name in ("preset", "accuracy", "dataset")}
            return {**found, "seconds_ago": max(0, round(time.time() - written))}
    return None


def settings_of(path):
    """Return the settings in a model; {} if it is none of the kit's.

    They are a text in numpy's format, read here without numpy, whose import takes seconds.
    """
    import zipfile

    try:
        with zipfile.ZipFile(path) as model:
            if model.getinfo("settings.npy").file_size > LONGEST_SETTINGS:
                return {}
            array = model.read("settings.npy")
        start = 10 + int.from_bytes(array[8:10], "little")
        settings = json.loads(array[start:].decode("utf-32-le"))
    except Exception:  # zipfile raises nearly anything on damaged content
        return {}
    return settings if isinstance(settings, dict) else {}


if __name__ == "__main__":
    main(os.path.join(os.path.expanduser("~"), sys.argv[1]), sys.argv[2])
