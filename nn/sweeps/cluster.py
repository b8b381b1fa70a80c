"""Run the tasks of a sweep: one after another here, or on a Dask cluster."""

import functools
import importlib.util
import json
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nn.errors import KitError
from nn.sweeps.grid import Task
from nn.sweeps.results import key_of
from nn.sweeps.tasks import run_task, run_text, versions

if TYPE_CHECKING:  # where no Dask is installed, tasks run one after another
    from distributed import Client

HAS_DASK = importlib.util.find_spec("distributed") is not None
SETTINGS = Path(__file__).with_name("dask.yaml")
_ROUNDS_WITHOUT_RESULT = 3

Found = tuple[Task, dict]
Runner = Callable[[Sequence[Task]], Iterator[Found]]


class SweepError(KitError, RuntimeError):
    """A sweep cannot go on."""


def run_here(tasks: Sequence[Task]) -> Iterator[Found]:
    """Run tasks one after another in this process; yield each with its result or failure."""
    for task in tasks:
        try:
            yield task, run_task(task)
        except (KitError, MemoryError) as error:
            yield task, {"failed": str(error) or "not enough memory"}


def run_on(
    client: "Client", tasks: Sequence[Task], work: Callable[[str], str] = run_text
) -> Iterator[Found]:
    """Run tasks on a cluster; yield each with its result or failure, as they end.

    Another worker does what a lost one was doing. What is lost altogether, as by a scheduler that
    starts again, is submitted in another round.

    Parameters
    ----------
    client : distributed.Client
    tasks : sequence of Task
    work : callable
        What a worker calls by its name: text in, text out.

    Raises
    ------
    SweepError
        When a worker runs another version of the kit or of Dask, or several rounds end without a
        result.
    """
    from distributed import as_completed

    missing = {key_of(task): task for task in tasks}
    here, round_number, fruitless = versions(), 0, 0
    while missing:
        orders = {}
        for number, (key, task) in enumerate(missing.items()):
            order = json.dumps({"task": task, "versions": here})
            name = f"training-{round_number}-{number}"
            orders[client.submit(work, order, key=name, pure=False, retries=0)] = key
        before = len(missing)
        ended = as_completed(orders, loop=client.loop, with_results=True, raise_errors=False)
        for future, answer in ended:
            key = orders[future]
            if isinstance(answer, str):
                yield missing.pop(key), _found(answer)
            elif future.status == "error":
                yield missing.pop(key), _failure(future.exception())
            future.release()
        round_number += 1
        fruitless = fruitless + 1 if len(missing) == before else 0
        if fruitless == _ROUNDS_WITHOUT_RESULT:
            raise SweepError(
                f"{len(missing)} trainings were submitted {fruitless} times, and all were lost. "
                "Start the sweep again: it does what is missing"
            )


def _failure(error: BaseException) -> dict:
    """Return what is kept of a task that no worker could do."""
    if type(error).__name__ == "KilledWorker":
        return {"failed": "the worker died, each time that one ran it"}
    return {"failed": f"{type(error).__name__}: {error}"}


def _found(text: str) -> dict:
    """Return what a worker answered."""
    answer = json.loads(text)
    if other := answer.get("versions"):
        told = [
            f"{name} {other.get(name, 'of no version')} instead of {mine}"
            for name, mine in versions().items()
            if other.get(name) != mine
        ]
        raise SweepError(
            f"{answer['machine']} runs {' and '.join(told)}: 'make provision' on this computer "
            "installs the same there"
        )
    return answer.get("result") or {"failed": answer["error"]}


@contextmanager
def this_computer(workers: int | None = None) -> Iterator[Runner]:
    """Start workers on this computer, each with a core; Dask starts a killed one again.

    Parameters
    ----------
    workers : int, optional
        How many; by default, as many as this process may use cores.

    Yields
    ------
    run : callable
        Runs tasks, as `run_on` does; where no Dask is installed, it is `run_here`.
    """
    if not HAS_DASK:
        yield run_here
        return
    with _cluster(security=True, n_workers=workers or available_cores()) as client:
        yield functools.partial(run_on, client)


@contextmanager
def many_pis(
    keys: Path, workers: int = 0, say: Callable[[str], object] = print
) -> Iterator[Runner]:
    """Let the workers in that `make provision` set up on Pis; this computer shares out the tasks.

    It listens on one port of the address by which the Pis know it. Only who has a key that the
    authority in `keys` signed gets in.

    Parameters
    ----------
    keys : Path
        What ansible/roles/worker/files/make_keys.py made.
    workers : int
        How many workers to start on this computer as well.
    say : callable
        Called with a line about where workers are waited for.

    Yields
    ------
    run : callable
        Runs tasks, as `run_on` does.

    Raises
    ------
    SweepError
        When there are no keys, the address is not this computer's, or Dask is not installed.
    """
    if not HAS_DASK:
        raise SweepError("Dask is not installed: 'make sweep PIS=1' installs it")
    own, authority = str(keys / "computer.pem"), str(keys / "authority.pem")
    try:
        place = json.loads((keys / "address.json").read_text())
        Path(own).read_bytes(), Path(authority).read_bytes()
    except OSError as error:
        raise SweepError(
            f"{error.filename}: no such key. Set worker_computer in the inventory to the address "
            "of this computer, then run 'make provision': docs/sweeps.md shows how"
        ) from None
    configure()
    from distributed.security import Security

    of_role = {"scheduler": own, "client": own, "worker": own}
    files = {f"tls_{role}_cert": path for role, path in of_role.items()}
    files |= {f"tls_{role}_key": path for role, path in of_role.items()}
    security = Security(tls_ca_file=authority, require_encryption=True, **files)
    computer, port = place["computer"], place["port"]
    try:
        # the first address with which this computer reaches itself by that name
        address = socket.getaddrinfo(computer, port, type=socket.SOCK_STREAM)[0][4][0]
        socket.create_server((address, port)).close()
    except OSError as error:
        raise SweepError(
            f"expected to listen on {computer}, port {port}, where the Pis look for this computer: "
            f"{error.strerror or error}. If it has another address now, change worker_computer in "
            "the inventory and run 'make provision'; if another sweep is running, wait"
        ) from None
    listening = {"host": address, "port": port}
    with _cluster(security=security, n_workers=workers, scheduler_kwargs=listening) as client:
        say(f"Waiting for Pis on {address}, port {port}: each looks every 15 seconds")
        yield functools.partial(run_on, client)


@contextmanager
def _cluster(**options) -> Iterator["Client"]:
    configure()
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            threads_per_worker=1,
            memory_limit=0,
            host="127.0.0.1",
            protocol="tls://",  # other users of this computer get nowhere either
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            preload="nn.sweeps.tasks",
            silence_logs=logging.CRITICAL,
            **options,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def configure() -> None:
    """Give Dask the settings of a sweep; call it before `distributed` is imported."""
    import dask
    import yaml

    dask.config.update(dask.config.config, yaml.safe_load(SETTINGS.read_text()))
