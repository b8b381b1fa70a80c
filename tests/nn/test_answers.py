"""What ten outputs say."""

import numpy as np
import pytest

from nn.answers import Answer


@pytest.mark.parametrize(
    ("best", "text"),
    [(0.95, "7"), (0.55, "not sure: 7 or 2"), (0.85, "7")],
)
def test_an_answer_needs_a_lead(best, text):
    """A clear one is the digit; a narrow one names both."""
    outputs = np.full(10, 0.01)
    outputs[[2, 7]] = 0.5, best
    assert str(Answer(outputs)) == text
