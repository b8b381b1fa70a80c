"""Where the tasks of a sweep run: one after another here, on all cores, or on Pis."""

import functools
import importlib.util
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nn.errors import KitError
from nn.sweeps.grid import Task
from nn.sweeps.keys import address_for_pis, security_of
from nn.sweeps.sharing import Found, SweepError, run_on
from nn.sweeps.tasks import run_task

if TYPE_CHECKING:  # where no Dask is installed, tasks run one after another
    from distributed import Client

HAS_DASK = importlib.util.find_spec("distributed") is not None
SETTINGS = Path(__file__).with_name("dask.yaml")
_SECONDS_TO_HEARTBEAT = 10  # between two of a worker's; dask.yaml waits for 120 s
_SECONDS_TO_JOIN = 60  # a Pi looks every 15 s, and a Pi Zero takes 20 s to load Dask

Runner = Callable[[Sequence[Task]], Iterator[Found]]


def run_here(tasks: Sequence[Task]) -> Iterator[Found]:
    """Run tasks one after another in this process; yield each with its result or failure."""
    for task in tasks:
        try:
            yield task, run_task(task)
        except (KitError, OSError, MemoryError) as error:
            yield task, {"failed": str(error) or "not enough memory"}


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
    address, port = address_for_pis(keys)
    configure()
    security = security_of(keys)
    listening = {"host": address, "port": port}
    with _cluster(security=security, n_workers=workers, scheduler_kwargs=listening) as client:
        say(f"Waiting for Pis on {address}, port {port}: each looks every 15 seconds")

        def remind():
            if len(client.cluster.scheduler.workers) <= workers:
                say(
                    f"No Pi has joined after {_SECONDS_TO_JOIN} seconds. Does this computer's "
                    f"firewall allow port {port}? 'make verify' checks the workers"
                )

        reminder = threading.Timer(_SECONDS_TO_JOIN, remind)
        reminder.daemon = True
        reminder.start()
        try:
            yield functools.partial(run_on, client, say=say, patience=_SECONDS_TO_JOIN)
        finally:
            reminder.cancel()


@contextmanager
def _cluster(**options) -> Iterator["Client"]:
    configure()
    from distributed import Client, LocalCluster, scheduler

    # There is no setting for it: twice a second, as Dask asks of a few, takes a tenth of a Pi Zero.
    scheduler.heartbeat_interval = lambda workers: _SECONDS_TO_HEARTBEAT
    running = ExitStack()
    try:
        with _without_ctrl_c():
            cluster = LocalCluster(
                threads_per_worker=1,
                memory_limit=0,
                host="127.0.0.1",
                protocol="tls://",  # other users of this computer get nowhere either
                dashboard_address="127.0.0.1:0",
                worker_dashboard_address="127.0.0.1:0",
                preload="nn.sweeps.tasks",
                silence_logs=logging.CRITICAL,
                **options,
            )
            running.enter_context(cluster)
            client = running.enter_context(Client(cluster, set_as_default=False))
        yield client
    finally:
        with _without_ctrl_c():
            running.close()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C and others wait until the block ends: Dask prints pages when interrupted there.

    A handler that remembers keeps it from this process, whichever thread the system hands it to;
    blocking keeps it from the workers that start. The tracker of multiprocessing has to run
    before, since its start ends the blocking.
    """
    if threading.current_thread() is not threading.main_thread():  # Ctrl-C is not for this one
        yield
        return
    came, before = [], {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, lambda number, _: came.append(number))
    try:
        with _kept_from_children():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def _kept_from_children() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # as on Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
