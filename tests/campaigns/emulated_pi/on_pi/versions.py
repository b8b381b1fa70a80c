"""Print as JSON the versions of what matters on this machine."""

import importlib.metadata
import json
import platform

NAMES = (
    "numpy scipy matplotlib pillow pyzmq tornado psutil jupyter-server jupyterlab notebook "
    "ipykernel ipywidgets"
)


def version(name: str) -> str:
    """Return a distribution's version."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


print(json.dumps({"python": platform.python_version(), **{n: version(n) for n in NAMES.split()}}))
