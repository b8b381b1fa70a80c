"""A network that can read: the best of models/, or one trained quickly on the spot."""

from collections.abc import Callable
from pathlib import Path

from nn.data.dataset import FirstRows, open_dataset
from nn.data.sources import MNIST_NAME, Source
from nn.network import Network
from nn.presets import PRESETS
from nn.saving.model_file import ModelError
from nn.training import train

MODELS_FOLDER = Path(__file__).resolve().parents[2] / "models"


def load_or_train(
    source: Source,
    *,
    folder: Path = MODELS_FOLDER,
    samples: int = 20_000,
    on_rows: Callable[[int], object] = lambda rows: None,
) -> tuple[Network, str]:
    """Load the best digit reader of a folder; without one, train preset pi-zero-100 for a while.

    Parameters
    ----------
    source : Source
        What to train on.
    folder : Path
        Where models may be; by default models/ in the kit's folder, as `make train-pi` has it.
    samples : int
        How many digits to show in training; a smaller dataset is gone through several times.
    on_rows : callable
        Told how many rows each block had, as they are done.

    Returns
    -------
    network : Network
    origin : str
        A sentence that says where it is from.
    """
    if best := best_model(folder):
        return best
    preset = PRESETS["pi-zero-100"]
    dataset = FirstRows(open_dataset(source.train), samples)
    rows = dataset.estimate_rows() or samples
    epochs = max(1, round(samples / rows))
    network = Network(hidden_nodes=preset.hidden_nodes, learning_rate=preset.learning_rate, seed=1)
    report = train(network, dataset, epochs=epochs, batch_size=preset.batch_size, on_rows=on_rows)
    times = "once" if epochs == 1 else f"{epochs} times"
    return network, (
        f"trained just now with {preset.hidden_nodes} hidden nodes: "
        f"{report.samples:,} digits, each seen {times}, of: {source.name}"
    )


def best_model(folder: Path) -> tuple[Network, str] | None:
    """Find the digit reader that did best in its own test; one trained on MNIST comes first.

    Files that are no models of 784 inputs and 10 outputs are passed over.

    Returns
    -------
    network, origin : Network, str
        As `load_or_train` returns them; or None where there is none.
    """
    readers = []
    for path in sorted(folder.glob("*.npz")):
        try:
            network = Network.load(path)
        except (ModelError, OSError):
            continue
        if (network.sizes[0], network.sizes[2]) == (784, 10):
            readers.append((path, network))
    if not readers:
        return None
    path, network = max(readers, key=lambda reader: _merit(reader[1].about))
    return network, _origin(path, network)


def _merit(about: dict) -> tuple[bool, float]:
    return about.get("dataset") == MNIST_NAME, about.get("accuracy") or 0.0


def _origin(path: Path, network: Network) -> str:
    text = f"loaded from models/{path.name}: {network.sizes[1]} hidden nodes"
    if dataset := network.about.get("dataset"):
        text += f", trained on: {dataset}"
    if accuracy := network.about.get("accuracy"):
        text += f"; it read {accuracy:.1%} of its test digits"
    return text
