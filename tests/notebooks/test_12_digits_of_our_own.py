"""Notebook 12: shares counted again from the weights; who learned from a class reads it better."""

import numpy as np
import pytest
from scipy.special import expit

from nn.data.csv_file import read_csv
from nn.data.drawn_digits import draw_digits
from nn.lessons.our_digits import FEWEST, find_our_digits
from nn.page import fetching
from scripts.bench.notebook_runner import executed


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    """The notebook, executed with digits that stand in for a class's."""
    with executed(kit, "12", mnist_or_sample) as run:
        yield run


def read_correctly(run, network, digits):
    """Return which digits a network reads, by its weights and plain arithmetic."""
    input_hidden = np.array(run.value(f"{network}.weights_input_hidden"))
    hidden_output = np.array(run.value(f"{network}.weights_hidden_output"))
    pixels, labels = np.array(run.value(f"{digits}[0]")), np.array(run.value(f"{digits}[1]"))
    signals = expit((pixels / 255 * 0.99 + 0.01) @ input_hidden.T)
    return expit(signals @ hidden_output.T).argmax(axis=1) == labels


@pytest.mark.parametrize(
    ("name", "networks"),
    [
        ("strangers alone", ["from_others", "from_others"]),
        ("us alone", ["from_us[0]", "from_us[1]"]),
        ("strangers and us", ["from_both[0]", "from_both[1]"]),
    ],
)
def test_the_shares_are_those_of_the_weights(run, name, networks):
    """Each of our digits is read once, by a network that has not learned from it."""
    correct = [
        read_correctly(run, network, f"halves[{tested}]")
        for network, tested in zip(networks, (1, 0), strict=True)
    ]
    assert run.value("reads_us")[name] == pytest.approx(np.concatenate(correct).mean(), abs=0.011)


def test_the_halves_share_no_digit(run):
    """Together they are all of them."""
    assert sorted(run.value("order")) == list(range(300))


def test_learning_from_us_as_well_reads_us_better(run):
    """By more than chance; and the strangers are still read."""
    us, others = run.value("reads_us"), run.value("reads_others")
    assert us["strangers and us"] > us["strangers alone"] + 0.03
    assert others["strangers and us"] > others["strangers alone"] - 0.1
    assert others["us alone"] < others["strangers and us"] - 0.1


def test_the_command_tests_with_strangers(run):
    """Beside the class's file there is no test file that it could find."""
    command = next(line for line in run.texts.splitlines() if "--model models/us.npz" in line)
    assert f"--test {run.value('str(source.test)')}" in command


def test_a_class_file_is_found_before_the_stand_ins(tmp_path):
    """As `make collect` brings it; a file with too few digits is passed over."""
    pixels, labels = draw_digits(FEWEST, seed=3)
    rows = np.column_stack([labels, pixels])
    for folder, count in (("mnist_dataset", FEWEST - 1), ("collected", FEWEST)):
        (tmp_path / folder).mkdir()
        np.savetxt(tmp_path / folder / fetching.NAME, rows[:count], "%d", ",")
    found, found_labels, origin = find_our_digits(tmp_path)
    assert origin == str(tmp_path / "collected" / fetching.NAME)
    assert found.tolist() == pixels.tolist()
    assert found_labels.tolist() == labels.tolist()
    (block,) = read_csv(tmp_path / "collected" / fetching.NAME)
    assert block.tolist() == rows.tolist()
