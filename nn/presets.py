"""Ready-made settings, each with its source, its expected accuracy and its cost."""

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from nn.errors import UnknownNameError

if TYPE_CHECKING:  # on a Pi, `presets` and --help must not wait for numpy
    from nn.augment import Augmentation
    from nn.network import Network


@dataclass(frozen=True)
class Preset:
    """The settings of a training, and what to expect of it.

    Attributes
    ----------
    name, source : str
        Its name, and where it is from.
    hidden_nodes, epochs, batch_size : int
    learning_rate : float
        Applied to the summed update of a batch.
    rule : str
        A name in `nn.rules.RULES`.
    seed : int
        Seed of the initial weights: 1, if that ends in the range on each numpy, or else the first
        that ends in the middle half of the trainings on each.
    samples : int or None
        Train on only the first `samples` digits; None for all.
    augment_degrees : float
        Also train on each digit rotated by this angle to either side; 0 for none.
    final_learning_rate : float or None
        Where the learning rate ends, falling by the same amount after each epoch; None: it stays.
    affine, elastic : float or None
        How much each digit is distorted, differently in each epoch: see `nn.augment.distortions`.
    target_low : float or None
        Target of the wrong answers' nodes; that of the right one's is 1 less this. None: 0.01.
    accuracy : tuple of three floats
        Measured on MNIST's 10,000 test digits: the median of many trainings, and the range of 95 %
        of them. docs/performance.md says with how many seeds, and on which numpys.
    seconds : float
        Measured on one x86-64 core, from the file to the accuracy.
    """

    name: str
    source: str
    hidden_nodes: int
    epochs: int
    learning_rate: float
    accuracy: tuple[float, float, float]
    seconds: float
    batch_size: int = 16
    rule: str = "multiply"
    seed: int = 1
    samples: int | None = None
    augment_degrees: float = 0.0
    # None, so that a training that an earlier version of the kit began can be resumed
    final_learning_rate: float | None = None
    affine: float | None = None
    elastic: float | None = None
    target_low: float | None = None

    def hyperparameters(self) -> dict[str, int | float | str | None]:
        """Return the settings that determine the final weights for given digits."""
        values = attrgetter(*HYPERPARAMETERS)(self)
        return dict(zip(HYPERPARAMETERS, values, strict=True))

    def steps(self) -> str:
        """Describe the training steps in a few words."""
        words = f"learning rate {self.learning_rate:g}"
        if self.final_learning_rate:
            words += f" falling to {self.final_learning_rate:g}"
        words += f", batches of {self.batch_size}"
        if self.target_low is not None:
            words += f", targets {self.target_low:g} and {1 - self.target_low:g}"
        if self.augment_degrees:
            words += f", rotations of ±{self.augment_degrees:g}°"
        if self.affine or self.elastic:
            words += f", distortions (affine {self.affine or 0:g}, elastic {self.elastic or 0:g})"
        return words

    def network(self, output_nodes: int = 10) -> "Network":
        """Make a new network with its initial weights."""
        from nn.network import Network

        return Network(
            hidden_nodes=self.hidden_nodes,
            output_nodes=output_nodes,
            learning_rate=self.learning_rate,
            rule=self.rule,
            seed=self.seed,
        )

    def training(self) -> dict:
        """Return the settings as arguments of `nn.training.train`."""
        names = ("epochs", "batch_size", "final_learning_rate", "target_low")
        return {name: getattr(self, name) for name in names} | {"augment": self.augmentation()}

    def augmentation(self) -> "Augmentation | None":
        """Return the function that makes the variants of digits to train on; None: there are none.

        Digits are distorted first, then rotated to either side.
        """
        if not (self.augment_degrees or self.affine or self.elastic):
            return None
        from nn import augment

        distort = turn = augment.unchanged
        if self.affine or self.elastic:
            distort = augment.distortions(self.affine or 0, self.elastic or 0, self.seed)
        if self.augment_degrees:
            turn = augment.rotations(self.augment_degrees)
        return lambda inputs, place: (
            variant for distorted in distort(inputs, place) for variant in turn(distorted, place)
        )


HYPERPARAMETERS = (
    *("hidden_nodes", "epochs", "batch_size", "learning_rate"),
    *("rule", "seed", "samples", "augment_degrees"),
    *("final_learning_rate", "affine", "elastic", "target_low"),
)

# How long preset pi-zero took on a Raspberry Pi Zero with the book's loop: 10 hidden nodes, one
# epoch of MNIST's 60,000 digits. Reported by the book's author, T. Rashid, in 2017.
AUTHOR_MINUTES = 25

# `make measure-presets` prints the values of accuracy and seconds.
PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            name="smoke",
            source="this kit: checks that everything works, in seconds even on a Pi Zero",
            hidden_nodes=30,
            epochs=2,
            learning_rate=0.1,
            samples=1000,
            accuracy=(0.7578, 0.7069, 0.7807),
            seconds=0.1,
        ),
        Preset(
            name="pi-zero",
            source=f"what the book's author ran on a Raspberry Pi Zero in {AUTHOR_MINUTES} minutes",
            hidden_nodes=10,
            epochs=1,
            learning_rate=0.1,
            batch_size=8,  # ten nodes are sensitive: with 16, one seed in five lost ten points
            seed=8,
            accuracy=(0.8654, 0.8369, 0.8869),
            seconds=0.4,
        ),
        Preset(
            name="pi-zero-100",
            source="the book's first network on all of MNIST",
            hidden_nodes=100,
            epochs=1,
            learning_rate=0.1,
            accuracy=(0.9483, 0.9436, 0.9520),
            seconds=0.5,
        ),
        Preset(
            name="book",
            source="the book's best network without rotations, about 97.3 %",
            hidden_nodes=200,
            epochs=5,
            learning_rate=0.1,
            accuracy=(0.9731, 0.9711, 0.9749),
            seconds=2.8,
        ),
        Preset(
            name="rotations",
            source="the book's network trained on rotated digits as well",
            hidden_nodes=200,
            epochs=10,
            learning_rate=0.01,
            augment_degrees=10.0,
            accuracy=(0.9762, 0.9751, 0.9779),
            seconds=23.2,
        ),
        Preset(
            name="best",
            source="the best network that a Pi Zero trains within an hour, on distorted digits",
            hidden_nodes=150,
            epochs=7,
            learning_rate=0.2,
            final_learning_rate=0.001,
            batch_size=8,
            rule="gradient",
            affine=1.0,
            elastic=0.5,
            target_low=0.001,
            accuracy=(0.9812, 0.9801, 0.9822),
            seconds=8,
        ),
        Preset(
            name="best-night",
            source="the best network that a Pi Zero trains within a night, on distorted digits",
            hidden_nodes=300,
            epochs=50,
            learning_rate=0.2,
            final_learning_rate=0.001,
            batch_size=8,
            rule="gradient",
            affine=1.0,
            elastic=1.0,
            target_low=0.001,
            accuracy=(0.9901, 0.9892, 0.9907),
            seconds=97,
        ),
    )
}


def get_preset(name: str) -> Preset:
    """Look up a preset.

    Raises
    ------
    UnknownNameError
        When no preset has this name.
    """
    if name not in PRESETS:
        raise UnknownNameError("preset", name, PRESETS)
    return PRESETS[name]
