"""Import every compiled module that this Python can see; print as JSON how that went.

Many go in one process, since Python takes seconds to start on a Pi Zero. One that kills its
process, as an illegal instruction does, is told, and the rest goes on after it.
"""

import importlib.machinery
import json
import subprocess
import sys
from pathlib import Path

CHILD = """
import importlib, sys
for name in sys.argv[1:]:
    print("try", name, flush=True)
    try:
        importlib.import_module(name)
        print("imported", flush=True)
    except BaseException as error:
        print("refused", type(error).__name__, str(error).replace(chr(10), " ")[:200], flush=True)
"""


def compiled_modules() -> list[str]:
    """List the modules that are compiled, in the order of Python's path."""
    names = {}
    for folder in map(Path, sys.path):
        for file in sorted(folder.rglob("*.so")) if folder.is_dir() else ():
            parts = file.relative_to(folder).parts
            for suffix in importlib.machinery.EXTENSION_SUFFIXES:
                name = ".".join(parts).removesuffix(suffix)
                if file.name.endswith(suffix) and all(
                    part.isidentifier() for part in name.split(".")
                ):
                    names[name] = None
                    break
    return list(names)


def main() -> None:
    """Import, and report."""
    left, imported, refused, killed = compiled_modules(), [], [], []
    while left:
        command = [sys.executable, "-c", CHILD, *left]
        child = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        tried = 0
        for line in child.stdout.splitlines():
            word, _, rest = line.partition(" ")
            if word == "try":
                tried, name = tried + 1, rest
            elif word == "imported":
                imported.append(name)
            elif word == "refused":
                refused.append(f"{name}: {rest}")
        if child.returncode:
            killed.append(f"{name}: status {child.returncode}")
        left = left[max(tried, 1) :]
    print(json.dumps({"imported": imported, "refused": refused, "killed": killed}))


main()
