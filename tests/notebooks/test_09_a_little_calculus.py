"""Notebook 09: slopes measured, against derivatives worked out on paper."""

import math

import pytest

from scripts.bench.notebook_runner import executed


@pytest.fixture(scope="module")
def run(kit):
    """The notebook, executed; it uses no data."""
    with executed(kit, "09") as run:
        yield run


def test_the_difference_is_its_exact_form(run):
    """At t = 2 the fractions are 12 + Δt², without any rounding."""
    assert run.value("differences == formulas")
    assert run.value("[[each.numerator, each.denominator] for each in differences[:3]]") == [
        [13, 1],
        [1201, 100],
        [120001, 10000],
    ]


def test_the_slope_of_the_cube_is_three_t_squared(run):
    """The smallest step comes within its own square of 12; seven places are right."""
    assert run.value("slopes_at_2")[-1] == pytest.approx(12, abs=1.1e-6)
    assert run.value("measured") == pytest.approx([27, 12, 3, 0, 3, 12, 27], abs=1e-6)
    assert run.value("largest_miss") < 1e-6


def test_errors_fall_by_the_published_powers_and_rounding_wins(run):
    """Order 2 and order 1; the best step is near the cube root of the rounding, 6e-6."""
    assert run.value("central_power") == pytest.approx(2, abs=0.01)
    assert run.value("one_sided_power") == pytest.approx(1, abs=0.05)
    assert 1e-7 < run.value("best_step") < 1e-4
    assert run.value("central_errors[-1]") > 0.1
    assert run.value("one_sided_errors[-1]") == 3


def test_the_chain_rule_multiplies_slopes(run):
    """(x³ + x)² is x⁶ + 2x⁴ + x², with the slope 6x⁵ + 8x³ + 2x."""
    by_hand = [6 * x**5 + 8 * x**3 + 2 * x for x in run.value("xs")]
    assert run.value("chain_formula") == pytest.approx(by_hand)
    assert run.value("chain_measured") == pytest.approx(by_hand, abs=1e-5)
    assert run.value("[inner_slope, outer_slope, whole_slope]") == pytest.approx([4, 4, 16])


def test_the_sigmoids_slope(run):
    """Another form of the same slope: 1 / (2 + 2 cosh x)."""
    by_hand = [1 / (2 + 2 * math.cosh(-6 + i / 2)) for i in range(25)]
    assert run.value("sigmoid_measured") == pytest.approx(by_hand, abs=1e-9)
    assert run.value("sigmoid_miss") < 1e-9


def test_the_weights_move_as_worked_out_on_paper(run):
    """The sum is 2.3 and the error 0.8: rate × error × o(1 - o) × hidden output."""
    output = 1 / (1 + math.exp(-2.3))
    by_hand = [0.1 * 0.8 * output * (1 - output) * hidden for hidden in (0.4, 0.5)]
    assert run.value("output") == pytest.approx(output)
    for name in ("by_formula", "by_training", "-0.1 * slopes[0]"):
        assert run.value(name) == pytest.approx(by_hand, rel=1e-7)


def test_pictures_and_memory(run):
    """Three pictures, within a Pi's memory."""
    assert run.pictures == 3
    assert run.peak_mb < 150
