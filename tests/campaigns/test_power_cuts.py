"""A short form of `make test-power-cuts`, and what tells that its judges see what is wrong."""

import random
import shutil
from collections import Counter

import numpy as np
import pytest

from tests.campaigns.power_cuts import disk, system_calls
from tests.campaigns.power_cuts.jobs import SHORT, TRAININGS, WRITERS
from tests.campaigns.power_cuts.judge import View, contents, weights_sha256
from tests.campaigns.power_cuts.moments import Trial, kill_at_random
from tests.campaigns.power_cuts.system_calls import Call


@pytest.mark.slow
@pytest.mark.parametrize("job", [*TRAININGS[:2], WRITERS[0]], ids=lambda job: job.name)
def test_killed_at_random_moments(tmp_path, job):
    """Nothing half-written, and an end as if unbroken; two runs of each."""
    trial, dice, counts = Trial(job, tmp_path / "trial"), random.Random(job.name), Counter()
    for _ in range(2):
        assert kill_at_random(trial, dice, counts) == []
    assert counts["kills"] >= 2


@pytest.fixture(scope="module", params=SHORT[:2], ids=lambda job: job.name)
def traced(request, tmp_path_factory):
    """A job, and its system calls on the files that it writes."""
    if problem := system_calls.missing_tool():
        pytest.skip(problem)
    trial = Trial(request.param, tmp_path_factory.mktemp("traced"))
    return trial, system_calls.trace(trial, trial.place())


@pytest.mark.slow
def test_cut_at_system_calls(traced):
    """Each fifteenth of all the cuts; `make test-power-cuts` makes them all."""
    trial, calls = traced
    cuts = list(system_calls.cuts(calls))
    counts = Counter()
    for call, way in cuts[7::15]:
        assert system_calls.cut(trial, call, way, counts) == [], f"{way} at {call}"
    assert counts["signal=SIGKILL"] + counts["error=EIO"] + counts["error=ENOSPC"] >= 2


def test_a_disk_that_forgets(traced):
    """Old or new after each call; without the syncs, it is found that it would not be."""
    trial, calls = traced
    complaints, states = disk.violations(calls, trial.place())
    assert complaints == []
    assert states > len(calls)
    told, _ = disk.violations(disk.without_syncs(calls), trial.place())
    assert any("of its content are safe" in complaint for complaint in told)


NEW = [
    Call("openat", 'AT_FDCWD, "/d/.a.x.part", O_RDWR|O_CREAT|O_EXCL, 0600', "3</d/.a.x.part>", 1),
    Call("write", '3</d/.a.x.part>, "x", 1', "1", 1),
    Call("fsync", "3</d/.a.x.part>", "0", 1),
    Call("rename", '"/d/.a.x.part", "/d/a"', "0", 1),
    Call("openat", 'AT_FDCWD, "/d", O_RDONLY', "4</d>", 2),
    Call("fsync", "4</d>", "0", 2),
]
ORDERS = {
    "as it should be": ([0, 1, 2, 3, 4, 5], []),
    "named before it is synced": ([0, 1, 3, 2, 4, 5], ["a: 0 of 1 changes"]),
    "never synced": ([0, 1, 3, 4, 5], ["a: 0 of 1 changes"]),
    "written after it was synced": ([0, 1, 2, 1, 3, 4, 5], ["a: 1 of 2 changes"]),
    "its folder not synced": ([0, 1, 2, 3], ["a: its name is not safe"]),
}


@pytest.mark.parametrize("order", ORDERS)
def test_the_disk_that_forgets_by_hand(tmp_path, order):
    """Six calls that replace a file, in the right order and in wrong ones."""
    (tmp_path / "a").write_text("old")
    numbers, expected = ORDERS[order]
    told, _ = disk.violations([NEW[number] for number in numbers], tmp_path)
    assert len(told) == len(expected)
    assert all(complaint.startswith(start) for complaint, start in zip(told, expected, strict=True))


def test_the_disk_that_forgets_sees_what_is_removed_too_early(tmp_path):
    """The old file, renamed away before the new one has its name."""
    (tmp_path / "a").write_text("old")
    away = Call("rename", '"/d/a", "/d/b"', "0", 1)
    told, _ = disk.violations([*NEW[:3], away, *NEW[3:]], tmp_path)
    assert told == ["a: lost"]


@pytest.fixture
def folders(tmp_path):
    """Before a command, and after: a model of its weights, a checkpoint, a text."""
    before, after = tmp_path / "before", tmp_path / "after"
    for folder, value in ((before, 1), (after, 2)):
        folder.mkdir()
        weights = {"weights_input_hidden": np.full(9, value), "weights_hidden_output": np.ones(3)}
        np.savez(folder / "m.npz", **weights)
        (folder / "text.csv").write_text(f"{value}\n")
    return before, after


def test_the_judge_allows_old_and_new(folders, tmp_path):
    """And temporary files, while the command has not ended."""
    view = View(*folders)
    now = shutil.copytree(folders[0], tmp_path / "now")
    shutil.copy(folders[1] / "m.npz", now)
    (now / ".m.npz.x.part").write_bytes(b"half")
    assert view.complaints(now) == []
    assert view.unfinished(now) == ["text.csv", str(now / ".m.npz.x.part")]
    assert view.unfinished(folders[1]) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.npz", b""),
        ("m.npz", b"PK half of it"),
        ("text.csv", b"1"),
        ("text.csv", b""),
        ("m.npz.checkpoint-a", b""),
        ("m.npz.checkpoint-b", bytes(99) + b"pinnckp2" + bytes(32)),
        ("nobody.knows", b"x"),
    ],
)
def test_the_judge_sees_what_is_half_written(folders, tmp_path, name, content):
    """Of each kind of file."""
    now = shutil.copytree(folders[0], tmp_path / "now")
    (now / name).write_bytes(content)
    complaints = View(*folders).complaints(now)
    assert len(complaints) == 1
    assert complaints[0].startswith(f"{name}: ")


def test_the_judge_misses_what_is_lost(folders, tmp_path):
    """What was there before."""
    now = shutil.copytree(folders[0], tmp_path / "now")
    (now / "text.csv").unlink()
    assert View(*folders).complaints(now) == ["text.csv: lost"]


def test_weights_are_told_apart(folders):
    """By one value of one array."""
    before, after = folders
    assert weights_sha256(before / "m.npz") != weights_sha256(after / "m.npz")
    assert contents(before).keys() == {"m.npz", "text.csv"}


def test_a_packed_file_may_lie_in_either_place(folders, tmp_path):
    """Beside its CSV or in the cache; half of it in neither."""
    (folders[1] / "text.csv.packed").write_bytes(b"rows")
    view = View(*folders)
    now = shutil.copytree(folders[0], tmp_path / "now")
    (now / "cache").mkdir()
    (now / "cache" / "text.csv.packed").write_bytes(b"rows")
    assert view.complaints(now) == []
    (now / "cache" / "text.csv.packed").write_bytes(b"ro")
    assert [complaint[:17] for complaint in view.complaints(now)] == ["text.csv.packed: "]
