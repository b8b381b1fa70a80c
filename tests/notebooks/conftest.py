"""The kit as a Pi gets it, and the data that notebooks are executed on."""

import pytest

from scripts.bench.packed_kit import unpack_kit


@pytest.fixture(scope="session")
def kit(tmp_path_factory):
    """An unpacked kit, for all notebooks."""
    return unpack_kit(tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="session", params=["sample", "mnist"])
def mnist_or_sample(request):
    """None for the sample; for MNIST its folder, where MNIST_DIR names one."""
    if request.param == "sample":
        return None
    return request.getfixturevalue("mnist_folder")
