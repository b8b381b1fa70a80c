"""Dask on this computer: what is lost, what is refused, and what it costs."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path

import pytest
import yaml

from nn.sweeps import cluster
from nn.sweeps.cluster import SweepError, many_pis, run_on, this_computer
from tests.conftest import PROJECT
from tests.nn.sweeps import work

WORKER = PROJECT / "ansible" / "roles" / "worker"


def tasks(number: int) -> list[dict]:
    return [{"seed": seed} for seed in range(number)]


@pytest.fixture
def client(monkeypatch):
    """A client of two workers, which import these tests."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    with this_computer(2) as run:
        yield run.args[0]


@pytest.fixture
def two_machines(client):
    """The same client, and a third worker on an address of its own, as a Pi has."""
    spec = client.cluster.new_spec
    other = {**spec, "options": {**spec["options"], "host": "127.0.0.2"}}
    client.cluster.worker_spec["other"] = other
    client.cluster.sync(client.cluster._correct_state)
    client.wait_for_workers(3)
    return client


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second loopback address")
@pytest.mark.parametrize(
    ("what", "line"),
    [
        (work.broken, "a training failed and is tried on another machine: pi-7: no digits"),
        (work.raising, "a training failed .*: ModuleNotFoundError: No module named 'nn.sweeps'"),
        (work.old, "pi-7 runs Dask 2022.12.1 instead of .* The sweep goes on without it"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_broken_machine_costs_no_result(what, line, two_machines):
    """It is sent away once, in a sentence; the good ones do all tasks."""
    said = []
    found = {
        task["seed"]: each for task, each in run_on(two_machines, tasks(60), what, said.append)
    }
    assert found == dict.fromkeys(range(60), work.ANSWER)
    assert len(said) == 1
    assert re.match(line, said[0])
    assert "127.0.0.2" not in str([*two_machines.cluster.scheduler.workers])


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second loopback address")
def test_a_task_that_two_machines_cannot_do_fails(two_machines):
    """Each once."""
    found = list(run_on(two_machines, tasks(5), work.impossible))
    assert sorted(task["seed"] for task, _ in found) == [0, 1, 2, 3, 4]
    assert all(each == {"failed": "not enough memory"} for _, each in found)


def test_a_task_that_the_only_machine_cannot_do_fails(client):
    """After a second try."""
    found = list(run_on(client, tasks(5), work.impossible))
    assert [each for _, each in found] == 5 * [{"failed": "not enough memory"}]


@pytest.mark.slow
def test_a_deadly_task_fails_and_the_others_end(client):
    """After eleven workers; its neighbours are not blamed."""
    found = {task["seed"]: each for task, each in run_on(client, tasks(40), work.deadly)}
    assert set(found) == set(range(40))
    assert found.pop(13) == {"failed": "the worker died, each time that one ran it"}
    assert all(each == work.ANSWER for each in found.values())


def test_a_second_run_gets_its_own_results(client):
    """Also at once, when the first one's may still be in memory."""
    for number in range(100):
        ((_, found),) = run_on(client, [{"seed": number}], work.seed)
        assert found == {"seed": number}


def test_another_version_is_told_in_a_sentence(client):
    """With what installs the same."""
    message = r"pi-7 runs Dask 2022.12.1 instead of [\d.]+: 'make provision' on this computer inst"
    with pytest.raises(SweepError, match=message):
        list(run_on(client, tasks(3), work.other_version))


def test_without_keys_pis_cannot_work(tmp_path):
    """The error says what makes them."""
    with (
        pytest.raises(SweepError, match=r"address.json: no such key. Set worker_computer in"),
        many_pis(tmp_path),
    ):
        pass


def test_an_address_that_is_not_ours_is_refused(tmp_path):
    """As when the laptop has another one today."""
    (tmp_path / "address.json").write_text('{"computer": "192.0.2.1", "port": 8786}')
    for name in ("authority.pem", "computer.pem"):
        (tmp_path / name).touch()
    with (
        pytest.raises(SweepError, match=r"expected to listen on 192.0.2.1, port 8786, where the P"),
        many_pis(tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("address.json", "{", r"address.json: expected an address and a port, got something else"),
        ("address.json", "[" * 100_000, r"address.json: expected an address and a port"),
        ("address.json", "[]", r"address.json: expected an address and a port"),
        (
            "address.json",
            '{"computer": "127.0.0.1", "port": 99999}',
            r"expected an address and a p",
        ),
        ("computer.pem", "damaged", r"expected keys in authority.pem and computer.pem, got somet"),
        ("authority.pem", "damaged", r"expected keys in authority.pem and computer.pem, got some"),
    ],
    ids=lambda each: each[:20],
)
def test_damaged_keys_are_refused(name, text, message, tmp_path):
    """In a sentence that says what writes them again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    make = [sys.executable, WORKER / "files" / "make_keys.py", tmp_path, "127.0.0.1", str(free)]
    subprocess.run([*make, "pi-1"], check=True, stdout=subprocess.DEVNULL)
    (tmp_path / name).write_text(text)
    with pytest.raises(SweepError, match=message), many_pis(tmp_path):
        pass


def test_keys_that_may_not_be_read_are_not_called_missing(tmp_path, monkeypatch):
    """As those of another user of this computer."""

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with (
        pytest.raises(SweepError, match=r"address.json: Permission denied. Whoever ran 'make pr"),
        many_pis(tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("addresses", "chosen"), [(["127.0.1.1"], None), (["127.0.1.1", "192.0.2.1"], "192.0.2.1")]
)
def test_pis_cannot_reach_a_loopback_address(addresses, chosen, tmp_path, monkeypatch):
    """Debian gives a computer's own name one; another address of the name is taken."""
    (tmp_path / "address.json").write_text('{"computer": "laptop", "port": 8786}')
    for name in ("authority.pem", "computer.pem"):
        (tmp_path / name).touch()
    infos = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 8786)) for each in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)
    tried = []

    def listen(address, **_):
        tried.append(address[0])
        raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(socket, "create_server", listen)
    message = "expected to listen on" if chosen else "got laptop, which is 127.0.1.1 here"
    with pytest.raises(SweepError, match=message), many_pis(tmp_path):
        pass
    assert tried == [chosen] * bool(chosen)


def test_ctrl_c_waits_for_the_end_of_a_start():
    """Also when another thread gets it, and when multiprocessing's tracker starts meanwhile."""
    reached, handler = [], signal.getsignal(signal.SIGINT)
    over = threading.Event()
    other = threading.Thread(target=over.wait)  # with Ctrl-C let in, as those of a notebook
    other.start()
    try:
        with cluster._without_ctrl_c():
            resource_tracker.ensure_running()
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            reached.append("the end")
        time.sleep(1)
    except KeyboardInterrupt:
        reached.append("interrupted")
    finally:
        over.set()
        other.join()
    assert reached == ["the end", "interrupted"]
    assert signal.getsignal(signal.SIGINT) is handler


def test_one_version_of_dask_everywhere():
    """On the laptop, and on a Pi of either release."""
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = {re.sub(r" ", "", each) for each in extras["optional-dependencies"]["sweep"]}
    pinned = {each for each in wanted if each.startswith(("dask==", "distributed=="))}
    assert len(pinned) == 2
    for release in ("bookworm", "trixie"):
        lines = (WORKER / "files" / f"requirements-{release}.txt").read_text().splitlines()
        assert pinned <= {line.split(" ")[0] for line in lines}


def test_the_tuning_is_what_dask_runs_with():
    """Each setting of the file has a name that this version of Dask knows, and reaches it."""
    code = "from nn.sweeps.cluster import configure; configure(); import distributed, dask, json; "
    code += "print(json.dumps(dask.config.get('distributed')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    default = "import distributed, dask, json; print(json.dumps(dask.config.get('distributed')))"
    usual = subprocess.run([sys.executable, "-c", default], capture_output=True, text=True)
    found, known = yaml.safe_load(done.stdout), yaml.safe_load(usual.stdout)

    def check(wanted, found, known, path):
        for name, value in wanted.items():
            assert name in known, f"{path}.{name}"
            if isinstance(value, dict):
                check(value, found[name], known[name], f"{path}.{name}")
            else:
                assert found[name] == value, f"{path}.{name}"

    settings = yaml.safe_load(cluster.SETTINGS.read_text())
    check(settings["distributed"], found, known, "distributed")


@pytest.mark.slow
def test_an_idle_worker_wakes_seldom(client):
    """Whatever Dask does again and again, it does at most once in five seconds."""

    def intervals():
        found = client.run(work.intervals)
        return [each for of_worker in found.values() for each in of_worker.values()]

    assert len(intervals()) >= 10
    end = time.monotonic() + 30  # the scheduler's word comes with the first heartbeat
    while min(intervals()) < 5000:
        assert time.monotonic() < end, intervals()
        time.sleep(0.5)


@contextmanager
def worker_as_dask_has_it(folder: Path) -> Iterator[int]:
    """Start a scheduler and a worker with Dask's own settings; give the worker's process."""
    command = [sys.executable, "-m"]
    pages = ["--dashboard-address", "127.0.0.1:0"]  # not the port of another program
    file = ["--scheduler-file", str(folder / "scheduler")]
    port = ["--port", "0", "--host", "127.0.0.1", *pages, *file]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen(
        [*command, "distributed.cli.dask_scheduler", *port, "--no-dashboard"], **quiet
    )
    flags = ["--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--host", "127.0.0.1"]
    worker = subprocess.Popen(
        [*command, "distributed.cli.dask_worker", *flags, *pages, *file], **quiet
    )
    try:
        end = time.monotonic() + 60
        while not listens(worker.pid):
            assert time.monotonic() < end
            time.sleep(0.1)
        yield worker.pid
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def listens(pid: int) -> bool:
    """Return whether a process has a connection that stands: it is registered."""
    sockets = Path(f"/proc/{pid}/net/tcp").read_text()
    inodes = {line.split()[9] for line in sockets.splitlines()[1:] if line.split()[3] == "01"}
    links = [
        str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()
    ]
    return any(f"socket:[{inode}]" in links for inode in inodes)


def idle_seconds(pid: int, seconds: float = 20) -> float:
    """Return the processor time that a worker uses in so many seconds without a task.

    By the count of the system's scheduler, of all threads: ticks of 10 ms are too coarse.
    """

    def used() -> int:
        threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
        return sum(int(path.read_text().split()[0]) for path in threads)

    time.sleep(3)
    before = used()
    time.sleep(seconds)
    return (used() - before) / 1e9


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="reads /proc")
def test_an_idle_worker_hardly_uses_the_processor(tmp_path, client):
    """A small part of what it uses with Dask's own settings, which take most of a Pi's."""
    tuned = idle_seconds(min(client.run(os.getpid).values()))
    with worker_as_dask_has_it(tmp_path) as pid:
        own = idle_seconds(pid)
    print(f"idle for 20 s: {tuned:.3f} s of processor, with Dask's own settings {own:.3f} s")
    assert tuned < own / 3
