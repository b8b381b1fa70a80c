"""Train the model that comes with the kit: `make shipped-model`.

Trains preset best-night on MNIST, rounds the weights to 8 bits, and tests the rounded network: the
file says how many test digits it reads, and what it was trained on, but not where.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from nn.data.dataset import open_dataset
from nn.errors import KitError
from nn.saving.model_file import load_model, save_model
from nn.saving.shipped import SHIPPED_MODEL
from nn.training import evaluate
from scripts.bench import PROJECT
from scripts.bench.digits import find_mnist

PLACES = ("model", "train_file", "test_file", "resumed_from")  # of this computer alone
MOST_BYTES = 700_000


def main() -> int:
    """Train, round, test and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trained", metavar="FILE", help="round this model; do not train one")
    arguments = parser.parse_args()
    try:
        source = find_mnist(lambda message: print(message, file=sys.stderr))
        with tempfile.TemporaryDirectory(prefix="pi-nn-shipped-") as folder:
            trained = Path(arguments.trained or Path(folder, "trained.npz"))
            if not arguments.trained:
                files = ("--train", source.train, "--test", source.test, "--model", trained)
                words = ("-m", "nn", "train", "--preset", SHIPPED_MODEL.stem, *files)
                subprocess.run([sys.executable, *words], cwd=PROJECT, check=True)
            network = load_model(trained)
            rounded = Path(folder, SHIPPED_MODEL.name)
            save_model(network, rounded, compact=True)
            accuracy = evaluate(load_model(rounded), open_dataset(source.test)).accuracy
        about = {key: value for key, value in network.about.items() if key not in PLACES}
        print(f"In float32 {about['accuracy']:.2%} of the test digits, in 8 bits {accuracy:.2%}")
        save_model(network, SHIPPED_MODEL, about | {"accuracy": accuracy}, compact=True)
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    size = SHIPPED_MODEL.stat().st_size
    print(f"Written: {SHIPPED_MODEL}, {size:,} bytes, of at most {MOST_BYTES:,}")
    return int(size > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
