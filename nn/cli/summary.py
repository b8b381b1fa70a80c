"""What ``train`` reports of a training: as it begins, in the model, and at the end."""

import json
import shlex
from pathlib import Path

from nn.cli.console import percent, progress, this_program
from nn.presets import PRESETS, Preset


def describe(preset: Preset) -> str:
    """Say in a line what will be trained."""
    parts = [
        f"Preset {preset.name}: 784-{preset.hidden_nodes}-10 nodes",
        f"{preset.epochs} epoch{'s' if preset.epochs > 1 else ''}",
        f"learning rate {preset.learning_rate:g}",
        f"batches of {preset.batch_size}",
    ]
    if preset.augment_degrees:
        parts.append(f"rotations of ±{preset.augment_degrees:g}°")
    return ", ".join(parts)


def summarise(arguments, preset: Preset, source, report, model: Path, found) -> dict:
    """Say what was trained on what; the accuracy is not known yet."""
    from nn.process import loaded_blas

    return {
        "preset": preset.name,
        "dataset": source.name,
        "train_file": str(source.train),
        "test_file": str(source.test) if source.test else None,
        "hidden_nodes": preset.hidden_nodes,
        "epochs": preset.epochs,
        "batch_size": preset.batch_size,
        "learning_rate": preset.learning_rate,
        "augment_degrees": preset.augment_degrees,
        "rule": arguments.rule,
        "seed": arguments.seed,
        "execution": report.execution,
        "blas": loaded_blas(),
        "samples": report.samples,
        "test_samples": 0,
        "seconds_parsing": round(report.seconds_parsing, 3),
        "resumed_from": found.place._asdict() if found else None,
        "accuracy": None,
        "model": str(model),
        **_cost(),
    }


def measure(network, test_set) -> dict:
    """Measure the accuracy, and what everything took until now."""
    from nn.evaluation import evaluate

    with progress("testing", test_set) as advance:
        evaluation = evaluate(network, test_set, advance)
    return {"test_samples": evaluation.samples, "accuracy": evaluation.accuracy, **_cost()}


def _cost() -> dict:
    from nn.process import peak_rss_mb, seconds_since_start

    return {
        "seconds_total": round(seconds_since_start(), 2),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }


def print_summary(arguments, preset: Preset, source, summary: dict) -> None:
    """Print it, as one JSON object or for people."""
    from nn.data.sources import SAMPLE_NAME

    if arguments.json:
        print(json.dumps(summary))
        return
    resumed = summary["resumed_from"] is not None
    print(f"Accuracy  {_accuracy(preset, source, summary)}")
    print(
        f"Time      {summary['seconds_total']:.1f} s{' since it went on' * resumed}, "
        f"{summary['seconds_parsing']:.1f} s of it reading {summary['samples']:,} digits"
    )
    print(f"Memory    {summary['peak_rss_mb']:.0f} MB at most")
    print(f"Model     {summary['model']}")
    if source.name == SAMPLE_NAME:
        print(f"Next      {this_program()} data fetch")
        print("          fetches MNIST: 60 times as many digits, by real hands")
    else:
        model = shlex.quote(summary["model"])
        print(f"Next      {this_program()} backquery --model {model}")
        print("          draws what the network has in mind for each digit")


def _accuracy(preset: Preset, source, summary: dict) -> str:
    if summary["accuracy"] is None:
        return "not measured: no test file beside the training file, and no --test FILE"
    text = f"{percent(summary['accuracy'])} of {summary['test_samples']:,} test digits"
    if source.is_mnist and preset == PRESETS[preset.name] and summary["rule"] == "multiply":
        mean, low, high = preset.accuracy
        text += f" (usual: {percent(mean)}, from {percent(low)} to {percent(high)})"
    elif not source.is_mnist:
        text += f" of: {source.name}"
    return text
