"""The book's loop as a program of the same form as network.R, network.fs and network.c.

Run it with ``python -m nn.lessons.languages.network --help``.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nn.errors import KitError
from nn.lessons import book_loop
from nn.saving.weights_text import WeightsTextError, read_weights, write_weights

USAGE = (
    "usage: python -m nn.lessons.languages.network HIDDEN_NODES LEARNING_RATE EPOCHS TRAIN.csv "
    "TEST.csv FIRST_WEIGHTS LAST_WEIGHTS"
)


class RowError(KitError, ValueError):
    """A line of a CSV file is not a label and pixels."""


def main(words: list[str]) -> None:
    """Train, test, print accuracy and seconds."""
    if words == ["--help"]:
        print(USAGE)
        return
    if len(words) != 7:
        raise KitError(f"expected 7 arguments, got {len(words)}; {USAGE}")
    start = time.perf_counter()
    hidden_nodes, epochs, learning_rate = int(words[0]), int(words[2]), float(words[1])
    train_file, test_file, first, last = map(Path, words[3:])
    wih, who = read_weights(first)
    if len(wih) != hidden_nodes:
        raise WeightsTextError(f"{first}: expected {hidden_nodes} hidden nodes, got {len(wih)}")

    for _ in range(epochs):
        for label, inputs in digits(train_file, wih.shape[1], len(who)):
            targets = np.full(len(who), 0.01)
            targets[label] = 0.99
            book_loop.learn(wih, who, inputs, targets, learning_rate)
    answers = [
        np.argmax(book_loop.answer(wih, who, inputs)) == label
        for label, inputs in digits(test_file, wih.shape[1], len(who))
    ]
    write_weights(last, wih, who)
    print(f"accuracy {np.mean(answers):.4f}")
    print(f"seconds {time.perf_counter() - start:.2f}")


def digits(path: Path, n_inputs: int, n_outputs: int) -> Iterator[tuple[int, np.ndarray]]:
    """Read a CSV file a line at a time; yield label and scaled inputs, of shape (n_inputs,)."""
    with path.open() as file:
        for number, line in enumerate(file, start=1):
            try:
                label, inputs = book_loop.parse(line)
            except ValueError:
                label, inputs = -1, ()
            if len(inputs) != n_inputs or not 0 <= label < n_outputs:
                raise RowError(
                    f"{path}:{number}: expected a label from 0 to {n_outputs - 1}, and {n_inputs} "
                    "pixel values"
                )
            yield label, inputs


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (KitError, OSError) as error:
        sys.exit(f"error: {error}")
