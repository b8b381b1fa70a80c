"""What ten outputs say."""

import numpy as np
import pytest

from nn.answers import Answer


def test_a_network_of_one_output_has_an_answer():
    """It has no other: it is never sure."""
    answer = Answer(np.array([0.9]), ["1"])
    assert (answer.name, answer.next_best, answer.is_sure) == ("1", 0, False)
    assert answer.sentence


@pytest.mark.parametrize(
    ("best", "text"),
    [(0.95, "7"), (0.55, "not sure: 7 or 2"), (0.85, "7")],
)
def test_an_answer_needs_a_lead(best, text):
    """A clear one is the digit; a narrow one names both."""
    outputs = np.full(10, 0.01)
    outputs[[2, 7]] = 0.5, best
    assert str(Answer(outputs)) == text
