"""Which tests run: `make test` leaves the slow ones out and says so, and CI skips nothing."""

import os
import subprocess
import sys

import pytest

from tests.conftest import PROJECT

TESTS = """
import pytest

def test_fast():
    pass

@pytest.mark.slow
def test_slow():
    pass

def test_skipped():
    pytest.skip("not here")
"""


@pytest.fixture
def run_tests(tmp_path):
    """Run three tests, a fast, a slow and a skipped one, as this project runs its own."""
    (tmp_path / "test_three.py").write_text(TESTS)

    def run(*words: str, no_skips: str) -> subprocess.CompletedProcess:
        settings = ("-c", "pyproject.toml", "-p", "tests.conftest", "-p", "no:cacheprovider")
        return subprocess.run(
            [sys.executable, "-m", "pytest", *settings, *words, tmp_path / "test_three.py"],
            cwd=PROJECT,
            env={
                **os.environ,
                "NO_SKIPS": no_skips,
                "PYTEST_ADDOPTS": "",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # they take a second, and no part
            },
            capture_output=True,
            text=True,
        )

    return run


def test_slow_tests_are_left_out_and_counted(run_tests):
    """In one line, with the command that runs everything."""
    done = run_tests("-m", "not slow", no_skips="")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped, 1 deselected" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "left out" in line]
    assert line.startswith("slow tests left out: 1 ")
    assert line.endswith("'make test-all' runs everything")


def test_all_tests_run_unless_asked_otherwise(run_tests):
    """Nothing is left out, and nothing is said."""
    done = run_tests(no_skips="")
    assert "2 passed, 1 skipped" in done.stdout
    assert "left out" not in done.stdout


def test_with_no_skips_a_skipped_test_fails(run_tests):
    """Its reason is shown."""
    done = run_tests(no_skips="1")
    assert done.returncode == 1
    assert "2 passed" in done.stdout
    assert "skipped, and NO_SKIPS is set: Skipped: not here" in done.stdout


def test_with_no_skips_slow_tests_may_not_be_left_out(run_tests):
    """CI runs everything, or says why not."""
    done = run_tests("-m", "not slow", no_skips="1")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "expected all tests, got -m 'not slow'. Run 'make test-all'" in done.stderr
