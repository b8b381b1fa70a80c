"""How much of the machine numpy takes."""

import subprocess
import sys

import pytest

from tests.conftest import PROJECT


@pytest.mark.parametrize(("given", "expected"), [(None, "1"), ("3", "3")])
def test_one_thread_unless_the_user_says_otherwise(given, expected):
    """Importing the package limits the threads of numpy's BLAS."""
    code = "import nn, os; print(os.environ['OPENBLAS_NUM_THREADS'])"
    environ = {"OPENBLAS_NUM_THREADS": given} if given else {}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True)
    assert result.stdout.strip() == expected
