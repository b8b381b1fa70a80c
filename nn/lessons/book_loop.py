"""The book's way of training: the baseline of `make bench`, of notebook 08 and of the tests.

Written for this kit from the book's description: all lines of the file in memory, ``split`` on
each, column vectors, one update per digit, float64. It deliberately shares nothing with the rest of
`nn`.

    python -m nn.lessons.book_loop TRAIN.csv TEST.csv HIDDEN_NODES EPOCHS SEED
"""

import json
import sys
import time
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


def read_lines(path):
    """Read a file into memory as a list of lines."""
    with Path(path).open() as file:
        return file.readlines()


def parse(line):
    """Split a line into its label and scaled inputs, of shape (784,)."""
    values = line.split(",")
    return int(values[0]), np.asarray(values[1:], dtype=float) / 255.0 * 0.99 + 0.01


def targets_of(label):
    """Return the targets of the ten outputs, of shape (10,)."""
    targets = np.zeros(10) + 0.01
    targets[label] = 0.99
    return targets


def forward(wih, who, inputs):
    """Send a column of inputs, (784, 1), forward: hidden (hidden, 1) and final (10, 1)."""
    hidden = expit(np.dot(wih, inputs))
    return hidden, expit(np.dot(who, hidden))


def send_back(who, targets, final):
    """Return the output errors, (10, 1), and the hidden errors, (hidden, 1)."""
    output_errors = targets - final
    return output_errors, np.dot(who.T, output_errors)


def update(weights, errors, outputs, inputs, learning_rate=LEARNING_RATE):
    """Update a matrix in place by an outer product: a column times a row of inputs."""
    weights += learning_rate * np.dot(errors * outputs * (1.0 - outputs), inputs.T)


def learn(wih, who, inputs, targets, learning_rate=LEARNING_RATE):
    """Update both matrices in place from one sample, by column vectors."""
    inputs = np.array(inputs, ndmin=2).T  # (784, 1)
    targets = np.array(targets, ndmin=2).T  # (10, 1)
    hidden, final = forward(wih, who, inputs)
    output_errors, hidden_errors = send_back(who, targets, final)
    update(who, output_errors, final, hidden, learning_rate)
    update(wih, hidden_errors, hidden, inputs, learning_rate)


def answer(wih, who, inputs):
    """Return the ten outputs for one sample, of shape (10, 1)."""
    return forward(wih, who, np.array(inputs, ndmin=2).T)[1]


def train(lines, hidden_nodes, seed, epochs=1):
    """Learn from the lines of a CSV file; return the two matrices."""
    wih, who = initial_weights(hidden_nodes, seed)
    for _ in range(epochs):
        for line in lines:
            label, inputs = parse(line)
            learn(wih, who, inputs, targets_of(label))
    return wih, who


def profile(lines, hidden_nodes, seed):
    """Do what `train` does for one epoch, and time each part.

    Parameters
    ----------
    lines : list of str
        The lines of the CSV file.
    hidden_nodes, seed : int

    Returns
    -------
    seconds : dict of str to float
        For "parsing", "forward", "error" and "update", over all lines.
    weights : tuple of two ndarrays
        The same as `train` returns.
    """
    wih, who = initial_weights(hidden_nodes, seed)
    seconds = dict.fromkeys(("parsing", "forward", "error", "update"), 0.0)
    for line in lines:
        clock = [time.perf_counter()]
        label, inputs = parse(line)
        inputs, targets = (np.array(each, ndmin=2).T for each in (inputs, targets_of(label)))
        clock.append(time.perf_counter())
        hidden, final = forward(wih, who, inputs)
        clock.append(time.perf_counter())
        output_errors, hidden_errors = send_back(who, targets, final)
        clock.append(time.perf_counter())
        update(who, output_errors, final, hidden)
        update(wih, hidden_errors, hidden, inputs)
        clock.append(time.perf_counter())
        for part, start, end in zip(seconds, clock, clock[1:], strict=False):
            seconds[part] += end - start
    return seconds, (wih, who)


def main(train_file, test_file, hidden_nodes, epochs, seed):
    """Train, test, print the accuracy as JSON."""
    lines = read_lines(train_file)
    wih, who = train(lines, hidden_nodes, seed, epochs)
    lines = read_lines(test_file)
    right = 0
    for line in lines:
        label, inputs = parse(line)
        right += int(np.argmax(answer(wih, who, inputs)) == label)
    print(json.dumps({"accuracy": right / len(lines)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
