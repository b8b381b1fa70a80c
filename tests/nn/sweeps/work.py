"""What workers of tests do, by name: nothing, fail, or die."""

import json
import os
import time

ANSWER = {
    **{"accuracy": 1.0, "seconds": 0.0, "machine": "here", "architecture": "any, 64 bits"},
    **{"numpy": "0", "blas": "none", "backend": "dense"},
}


def nothing(order: str) -> str:
    """Return a result at once."""
    return json.dumps({"result": ANSWER})


def seed(order: str) -> str:
    """Return the seed as a result."""
    return json.dumps({"result": {"seed": json.loads(order)["task"]["seed"]}})


def deadly(order: str) -> str:
    """Kill the worker when the seed is 13; otherwise return a result."""
    if json.loads(order)["task"]["seed"] == 13:
        os._exit(1)
    return nothing(order)


def other_version(order: str) -> str:
    """Answer as a worker with another Dask does."""
    versions = json.loads(order)["versions"] | {"Dask": "2022.12.1"}
    return json.dumps({"versions": versions, "machine": "pi-7", "worker": address()})


def address() -> str:
    """Return the address of this worker."""
    from distributed import get_worker

    return get_worker().address


def is_the_other() -> bool:
    """Return whether this worker is the one on an address of its own."""
    return "127.0.0.2" in address()


def broken(order: str) -> str:
    """Fail within a millisecond on the other machine."""
    if is_the_other():
        return json.dumps({"error": "pi-7: no digits", "worker": address()})
    time.sleep(0.02)
    return nothing(order)


def raising(order: str) -> str:
    """Raise on the other machine, as one with half of a kit does."""
    if is_the_other():
        raise ModuleNotFoundError("No module named 'nn.sweeps'")
    time.sleep(0.02)
    return nothing(order)


def old(order: str) -> str:
    """Run another version on the other machine."""
    return other_version(order) if is_the_other() else nothing(order)


def impossible(order: str) -> str:
    """Fail wherever it runs."""
    return json.dumps({"error": "not enough memory", "worker": address()})


def intervals(dask_worker) -> dict[str, float]:
    """Return how often Dask does what it does without being asked, in milliseconds."""
    return {name: each.callback_time for name, each in dask_worker.periodic_callbacks.items()}
