"""Run the tasks of a sweep: one after another here, or on a Dask cluster."""

import functools
import importlib.util
import ipaddress
import itertools
import json
import logging
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nn.errors import KitError
from nn.sweeps.grid import Task
from nn.sweeps.results import key_of
from nn.sweeps.tasks import run_task, run_text, versions

if TYPE_CHECKING:  # where no Dask is installed, tasks run one after another
    from distributed import Client, Future

HAS_DASK = importlib.util.find_spec("distributed") is not None
SETTINGS = Path(__file__).with_name("dask.yaml")
_ROUNDS_WITHOUT_RESULT = 3
_MOST_TRIES = 5  # of a task that fails, where a machine takes it again and again
_SECONDS_TO_JOIN = 60  # a Pi looks every 15 s, and a Pi Zero takes 20 s to load Dask

Found = tuple[Task, dict]
Runner = Callable[[Sequence[Task]], Iterator[Found]]


class SweepError(KitError, RuntimeError):
    """A sweep cannot go on."""


def run_here(tasks: Sequence[Task]) -> Iterator[Found]:
    """Run tasks one after another in this process; yield each with its result or failure."""
    for task in tasks:
        try:
            yield task, run_task(task)
        except (KitError, OSError, MemoryError) as error:
            yield task, {"failed": str(error) or "not enough memory"}


def run_on(
    client: "Client",
    tasks: Sequence[Task],
    work: Callable[[str], str] = run_text,
    say: Callable[[str], object] = lambda line: None,
    patience: float = 0,
) -> Iterator[Found]:
    """Run tasks on a cluster; yield each with its result or failure, as they end.

    Another worker does what a lost one was doing. What is lost altogether, as by a scheduler that
    starts again, is submitted in another round. A task has failed when it failed on two machines,
    or twice on the only one: a broken machine fails within milliseconds, and would otherwise fail
    most of the sweep.

    Parameters
    ----------
    client : distributed.Client
        Of a cluster whose scheduler is in this process.
    tasks : sequence of Task
    work : callable
        What a worker calls by its name: text in, text out.
    say : callable
        Called with a line about each worker that is sent away.
    patience : float
        How many seconds to wait for another machine when the first one fails.

    Raises
    ------
    SweepError
        When all workers run another version of the kit or of Dask, or several rounds end without a
        result.
    """
    from distributed import as_completed

    missing = {key_of(task): task for task in tasks}
    machines, numbers = _Machines(client, say, patience), itertools.count()
    here, fruitless = versions(), 0

    def submit(key: str):
        order = json.dumps({"task": missing[key], "versions": here})
        name = f"training-{next(numbers)}"
        return client.submit(work, order, key=name, pure=False, retries=0)

    while missing:
        orders = {submit(key): key for key in missing}
        before = len(missing)
        ended = as_completed(orders, loop=client.loop, with_results=True, raise_errors=False)
        for future, answer in ended:
            key = orders.pop(future)
            found, again = None, False
            if isinstance(answer, str):
                found = json.loads(answer).get("result")
                again = not found and machines.may_try_again(key, future, json.loads(answer))
                found = found or {"failed": json.loads(answer).get("error")}
            elif future.status == "error":
                error = future.exception()
                found = _failure(error)
                again = type(error).__name__ != "KilledWorker" and machines.may_try_again(
                    key, future, {"error": found["failed"]}
                )
            future.release()
            if again:
                new = submit(key)
                orders[new] = key
                ended.add(new)
            elif found:
                yield missing.pop(key), found
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


class _Machines:
    """Which machines failed, and whether another can try.

    A worker of a Pi that failed is retired: systemd starts it again half a minute later, and
    meanwhile the others do its tasks. Nothing would start one of this computer again, so it stays.
    """

    def __init__(self, client: "Client", say: Callable[[str], object], patience: float):
        self._client, self._say, self._patience = client, say, patience
        self._scheduler = client.cluster.scheduler
        self._failed: dict[str, list[str]] = {}  # by task, the hosts where it failed
        self._of_another_version: set[str] = set()
        self._mentioned: set[str] = set()
        self._until: float | None = None

    def may_try_again(self, key: str, future: "Future", answer: dict) -> bool:
        """Note that a machine failed at a task; return whether to submit the task again."""
        address = answer.get("worker") or self._address_of(future)
        host = _host_of(address)
        if other := answer.get("versions"):
            self._of_another_version.add(host)
            differences = " and ".join(
                f"{name} {other.get(name, 'of no version')} instead of {mine}"
                for name, mine in versions().items()
                if other.get(name) != mine
            )
            message = (
                f"{answer['machine']} runs {differences}: 'make provision' on this computer "
                "installs the same there"
            )
            if not self._others(self._of_another_version):
                raise SweepError(message)
            self._retire(address, f"{message}. The sweep goes on without it")
            return True
        hosts = self._failed.setdefault(key, [])
        hosts.append(host)
        if len(set(hosts)) > 1 or len(hosts) == _MOST_TRIES:
            return False
        if not self._others({host} | self._of_another_version):
            return len(hosts) == 1
        self._retire(
            address, f"a training failed and is tried on another machine: {answer['error']}"
        )
        return True

    def _address_of(self, future: "Future") -> str:
        """Return the address of the worker that failed at a task; empty if it is not known."""
        state = self._scheduler.tasks.get(future.key)
        places = [worker.address for worker in state.who_has or ()] if state else []
        return next(iter(places or (state and state.erred_on) or ()), "")

    def _others(self, hosts: set[str]) -> bool:
        """Return whether there are workers on other hosts; the first time, wait for one."""
        if self._until is None:
            self._until = time.monotonic() + self._patience
            if self._patience:
                self._say(
                    f"A machine failed: waits {self._patience:.0f} seconds for others to join"
                )
        while not (found := {_host_of(each) for each in list(self._scheduler.workers)} - hosts):
            if time.monotonic() >= self._until:
                break
            time.sleep(0.2)
        return bool(found)

    def _retire(self, address: str, message: str) -> None:
        host = _host_of(address)
        if host not in self._mentioned:
            self._say(message)
            self._mentioned.add(host)
        if address and host != _host_of(self._scheduler.address):
            self._client.retire_workers([address])


def _host_of(address: str) -> str:
    """Return the host of an address of Dask, such as tls://192.168.1.10:8786."""
    return address.rpartition("://")[2].rpartition(":")[0]


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
    computer, port = _place(keys)
    address = _address_to_listen_on(computer, port)
    try:
        ssl.create_default_context(cafile=authority).load_cert_chain(own)
    except ssl.SSLError:
        raise SweepError(
            f"{keys}: expected keys in authority.pem and computer.pem, got something else. Remove "
            "the folder and run 'make provision' for all Pis again"
        ) from None
    configure()
    from distributed.security import Security

    of_role = {"scheduler": own, "client": own, "worker": own}
    files = {f"tls_{role}_cert": path for role, path in of_role.items()}
    files |= {f"tls_{role}_key": path for role, path in of_role.items()}
    security = Security(tls_ca_file=authority, require_encryption=True, **files)
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


def _place(keys: Path) -> tuple[str, int]:
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


def _address_to_listen_on(computer: str, port: int) -> str:
    """Return the address of this computer that Pis can reach; many systems map a name to 127."""
    try:
        infos = socket.getaddrinfo(computer, port, type=socket.SOCK_STREAM)
        addresses = [info[4][0] for info in infos]
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
    return outside[0]


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


@contextmanager
def _cluster(**options) -> Iterator["Client"]:
    configure()
    from distributed import Client, LocalCluster

    with _without_ctrl_c():
        started = LocalCluster(
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
    with started as cluster, Client(cluster, set_as_default=False) as client:
        yield client


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C wait until the block ends: Dask prints pages when it is interrupted in its start.

    The tracker of multiprocessing has to run before, since its start ends the blocking.
    """
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
