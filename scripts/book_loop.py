"""The way the book goes about it, as the yardstick of `make bench` and of the tests.

Written for this kit after the book's description: the whole file as lines in memory, ``split`` on
each, column vectors, one update a digit, float64. It shares nothing with `nn` on purpose.

    python scripts/book_loop.py TRAIN.csv TEST.csv HIDDEN_NODES EPOCHS SEED
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.special import expit

LEARNING_RATE = 0.1


def initial_weights(hidden_nodes, seed):
    """Draw the two matrices, of shape (hidden, 784) and (10, hidden)."""
    generator = np.random.default_rng(seed)
    wih = generator.normal(0.0, 784**-0.5, (hidden_nodes, 784))
    who = generator.normal(0.0, hidden_nodes**-0.5, (10, hidden_nodes))
    return wih, who


def parse(line):
    """Split a line into its label and scaled inputs, of shape (784,)."""
    values = line.split(",")
    return int(values[0]), np.asarray(values[1:], dtype=float) / 255.0 * 0.99 + 0.01


def learn(wih, who, inputs, targets, learning_rate=LEARNING_RATE):
    """Update both matrices in place from one sample, by column vectors."""
    inputs = np.array(inputs, ndmin=2).T  # (784, 1)
    targets = np.array(targets, ndmin=2).T  # (10, 1)
    hidden = expit(np.dot(wih, inputs))  # (hidden, 1)
    final = expit(np.dot(who, hidden))  # (10, 1)
    output_errors = targets - final
    hidden_errors = np.dot(who.T, output_errors)
    who += learning_rate * np.dot(output_errors * final * (1.0 - final), hidden.T)
    wih += learning_rate * np.dot(hidden_errors * hidden * (1.0 - hidden), inputs.T)


def answer(wih, who, inputs):
    """Return the ten outputs for one sample, of shape (10, 1)."""
    return expit(np.dot(who, expit(np.dot(wih, np.array(inputs, ndmin=2).T))))


def main(train_file, test_file, hidden_nodes, epochs, seed):
    """Train, test, print the accuracy as JSON."""
    wih, who = initial_weights(hidden_nodes, seed)
    with Path(train_file).open() as file:
        lines = file.readlines()
    for _ in range(epochs):
        for line in lines:
            label, inputs = parse(line)
            targets = np.zeros(10) + 0.01
            targets[label] = 0.99
            learn(wih, who, inputs, targets)

    with Path(test_file).open() as file:
        lines = file.readlines()
    right = 0
    for line in lines:
        label, inputs = parse(line)
        right += int(np.argmax(answer(wih, who, inputs)) == label)
    print(json.dumps({"accuracy": right / len(lines)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
