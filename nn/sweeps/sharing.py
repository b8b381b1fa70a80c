"""Share out the tasks of a sweep among the workers of a Dask cluster, some of which fail."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from nn.errors import KitError
from nn.sweeps.grid import Task
from nn.sweeps.results import key_of
from nn.sweeps.tasks import run_text, versions

if TYPE_CHECKING:
    from distributed import Client, Future

_ROUNDS_WITHOUT_RESULT = 3
_NUMBERS = itertools.count()  # a name of an earlier run could still have its result
_MOST_TRIES = 5  # of a task that fails, where a machine takes it again and again

Found = tuple[Task, dict]


class SweepError(KitError, RuntimeError):
    """A sweep cannot go on."""


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
    machines = _Machines(client, say, patience)
    here, fruitless = versions(), 0

    def submit(key: str):
        order = json.dumps({"task": missing[key], "versions": here})
        name = f"training-{next(_NUMBERS)}"
        return client.submit(work, order, key=name, pure=False, retries=0)

    while missing:
        orders = {submit(key): key for key in missing}
        before = len(missing)
        ended = as_completed(orders, loop=client.loop, with_results=True, raise_errors=False)
        for future, answer in ended:
            key = orders.pop(future)
            found, again = None, False
            if isinstance(answer, str):
                answer = json.loads(answer)
                found = answer.get("result") or {"failed": answer.get("error")}
                again = "result" not in answer and machines.may_try_again(key, future, answer)
            elif future.status == "error":
                error = future.exception()
                if type(error).__name__ == "KilledWorker":
                    found = {"failed": "the worker died, each time that one ran it"}
                else:
                    found = {"failed": f"{type(error).__name__}: {error}"}
                    again = machines.may_try_again(key, future, {"error": found["failed"]})
            future.release()
            if again:
                new = submit(key)
                orders[new] = key
                ended.add(new)
            elif found:
                yield missing.pop(key), found
        fruitless = fruitless + 1 if len(missing) == before else 0
        if fruitless == _ROUNDS_WITHOUT_RESULT:
            trainings = "1 training was" if len(missing) == 1 else f"{len(missing)} trainings were"
            raise SweepError(
                f"{trainings} submitted {fruitless} times, and lost each time. "
                "Start the sweep again: it does what is missing"
            )


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
        self._waited = False

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
            if not self._others(self._of_another_version, message):
                raise SweepError(message)
            self._retire(address, f"{message}. The sweep goes on without it")
            return True
        hosts = self._failed.setdefault(key, [])
        hosts.append(host)
        if len(set(hosts)) > 1 or len(hosts) == _MOST_TRIES:
            return False
        failed = f"a training failed: {answer['error']}"
        if not self._others({host} | self._of_another_version, failed):
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

    def _others(self, hosts: set[str], why: str) -> bool:
        """Return whether there are workers on other hosts; the first time, wait for one."""
        if self._until is None:
            self._until = time.monotonic() + self._patience
        while not (found := {_host_of(each) for each in list(self._scheduler.workers)} - hosts):
            if time.monotonic() >= self._until:
                break
            if not self._waited:
                if self._patience:
                    self._say(f"{why}. Waiting {self._patience:.0f} seconds for another machine")
                self._waited = True
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
