"""``presets``: list the ready-made settings."""

from nn.cli.console import percent
from nn.presets import PRESETS


def add_arguments(parser) -> None:
    """Add the command's flags."""
    parser.set_defaults(run=run)


def run(_arguments) -> None:
    """Print each preset: its source, its settings and the accuracy to expect."""
    for preset in PRESETS.values():
        median, low, high = preset.accuracy
        rows = f"first {preset.samples:,} digits" if preset.samples else "all digits"
        print(f"{preset.name}: {preset.source}")
        epochs = f"{preset.epochs} epoch{'s' * (preset.epochs > 1)}"
        print(f"    784-{preset.hidden_nodes}-10, {rows}, {epochs}, {preset.steps()}")
        print(
            f"    accuracy on MNIST {percent(median)} (95 of 100 seeds: {percent(low)} to "
            f"{percent(high)}), {preset.seconds:g} s on one x86-64 core"
        )
