"""Commands that hang, fail and fail again, and what is said about them."""

import sys
import time

import pytest

from scripts.machines.chroot import beside, inside, isolated
from scripts.machines.host import (
    CommandError,
    HangError,
    MachineError,
    call,
    retry,
    short,
    show,
    work,
)

PYTHON = (sys.executable, "-c")


def steps(*outcomes):
    """Return a step that does one of these each time: raises an error, or returns a value."""
    left = list(outcomes)

    def step():
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return step, left


def test_a_hang_is_repeated():
    """Twice, and the third result counts; a third hang ends it."""
    step, left = steps(HangError("apt hung"), HangError("apt hung"), "done")
    assert retry(step) == "done"
    assert left == []
    step, _ = steps(*[HangError("apt hung")] * 3)
    with pytest.raises(HangError, match="apt hung"):
        retry(step)


def test_the_same_failure_is_not_repeated_twice():
    """Even if a number or a temporary file in it differs; another failure is."""
    failures = [CommandError(f"404 in /tmp/x{n}, {n} s", 1) for n in range(3)]
    step, left = steps(*failures)
    with pytest.raises(CommandError, match="404"):
        retry(step)
    assert len(left) == 1
    step, _ = steps(CommandError("404", 1), CommandError("a crash", 139), "done")
    assert retry(step) == "done"


@pytest.mark.parametrize(
    ("error", "on"),
    [(MachineError("no space"), (HangError, CommandError)), (CommandError("a", 1), (HangError,))],
)
def test_what_cannot_change_is_not_repeated(error, on):
    """Something that is missing; and a failed test, where only hangs count."""
    step, left = steps(error, "done")
    with pytest.raises(MachineError):
        retry(step, on=on)
    assert left == ["done"]


def test_a_message_shows_the_command_alone(tmp_path):
    """Neither the shell that mounts, nor SSH's options, nor settings."""
    assert short([*inside(tmp_path), "useradd", "pi"]) == f"useradd pi (in {tmp_path})"
    assert short([*inside(tmp_path), "QEMU_CPU=arm1176", "uname"]) == f"uname (in {tmp_path})"
    assert short([*beside(tmp_path), "ansible", "x"]) == f"ansible x (in {tmp_path})"
    assert short([*isolated(), "mmdebstrap", "bookworm"]) == "mmdebstrap bookworm"
    assert short(["ssh", "-p", "1", "pi@127.0.0.1", "uname -m"]) == "uname -m (on pi@127.0.0.1)"
    assert short(["ssh", "-V"]) == "ssh -V"


def test_a_failure_has_its_output_and_status():
    """Of each way to run a command."""
    code = "import sys; print('said'); sys.exit(3)"
    for run in (
        lambda: call(*PYTHON, code),
        lambda: work("it", *PYTHON, code, timeout=60),
        lambda: show(*PYTHON, code, timeout=60),
    ):
        with pytest.raises(CommandError, match="ended with status 3") as caught:
            run()
        assert caught.value.status == 3
    with pytest.raises(CommandError, match=r"Its output:\nsaid"):
        work("it", *PYTHON, code, timeout=60)


@pytest.mark.parametrize("run", [call, show, lambda *words, timeout: work("it", *words, timeout=1)])
def test_a_hang_ends(run):
    """After its time, whatever it is doing."""
    start = time.monotonic()
    with pytest.raises(HangError, match="was not done after 1 s"):
        run(*PYTHON, "import time; time.sleep(60)", timeout=1)
    assert time.monotonic() - start < 30


def test_long_work_shows_what_it_said_last(monkeypatch, capsys):
    """And for how long it has been at it."""
    monkeypatch.setattr("scripts.machines.host.PROGRESS_SECONDS", 0.2)
    code = "import time; print('Unpacking numpy', flush=True); time.sleep(2)"
    work("building a root", *PYTHON, code, timeout=60)
    assert "building a root: 0.0 min: Unpacking numpy\n" in capsys.readouterr().err
