"""The tables of `make bench-cache`: from counts to cycles, and to minutes on a Pi Zero."""

from dataclasses import dataclass

from nn.presets import AUTHOR_MINUTES
from scripts.bench.cachegrind import Counts

NAMES = ("pi-zero", "pi-zero-100", "book")
WHOLE = 60_000

# Extra cycles of a miss in the first cache, served by the second cache or by memory. At 700 MHz, a
# student's report measured 49 and 135 cycles more than a hit, and quotes 53 and 113 from another
# source (`latencies` names both). We found no measurement at 1 GHz: a wait there takes either the
# same cycles or the same time. The last is for firmware that reserves the second cache for the GPU.
LATENCIES = {
    "CSE 221, cycles": (49, 135),
    "sandsoftwaresound, cycles": (53, 113),
    "CSE 221, ns at 1 GHz": (70, 193),
    "sandsoftwaresound, ns at 1 GHz": (76, 161),
    "CSE 221, ns at 1 GHz, no second cache": (193, 193),
}


@dataclass(frozen=True)
class Job:
    """The cost of a job: its start, and one row in all epochs, including its share of testing."""

    start: Counts
    row: Counts

    @property
    def whole(self) -> Counts:
        """The cost of all of MNIST."""
        return self.start + self.row * WHOLE


def cycles(counts: Counts, latency: tuple[int, int]) -> float:
    """Add waiting time to instructions: cycles, up to a factor that the author's minutes set."""
    second, memory = latency
    served = counts.l1_misses - counts.ll_misses
    return counts.instructions + second * served + memory * counts.ll_misses


def minutes(job: Job, yardstick: Job) -> tuple[float, float]:
    """Estimate a job's minutes on a Pi Zero, by each of the published latencies: least and most.

    Parameters
    ----------
    job : Job
    yardstick : Job
        The job that took the book's author 25 minutes.
    """
    estimates = [
        AUTHOR_MINUTES * cycles(job.whole, latency) / cycles(yardstick.whole, latency)
        for latency in LATENCIES.values()
    ]
    return min(estimates), max(estimates)


def table_of_jobs(book: dict[str, Job], kit: dict[str, Job], idx: dict[str, Job]) -> list[str]:
    """Write a row for each preset: counts of both sides, and estimates."""
    lines = [
        "| preset | the book's loop, per row: instructions, misses, of which to memory | "
        "this kit, per row | ratio, whole job | estimated on a Pi Zero: the book's loop | "
        "estimated: this kit | estimated: this kit on MNIST's own files |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in NAMES:
        ratios = [
            cycles(book[name].whole, latency) / cycles(kit[name].whole, latency)
            for latency in LATENCIES.values()
        ]
        estimates = [minutes(side[name], book["pi-zero"]) for side in (book, kit, idx)]
        ranges = " | ".join(_range(*each, "min") for each in estimates)
        lines.append(
            f"| `{name}` | {_counts(book[name].row)} | {_counts(kit[name].row)} | "
            f"**{_range(min(ratios), max(ratios), '×')}** | {ranges} |"
        )
    return lines


def table_of_steps(steps: dict[str, dict[int, Counts]]) -> list[str]:
    """Write a row for each backend, now and before."""
    lines = [
        "| training alone, per row: instructions, misses, of which to memory; cycles | "
        + " | ".join(f"{nodes} nodes" for nodes in steps["sparse, now"])
        + " |",
        "|---|" + "---|" * len(NAMES),
    ]
    for name, counts in steps.items():
        cells = map(_cost, counts.values())
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def table_of_parts(parts: dict[int, dict[str, Counts]]) -> list[str]:
    """Write the present cost of each part of the sparse step."""
    (names, *_) = parts.values()
    lines = [
        "| sparse step, by part | " + " | ".join(f"{nodes} nodes" for nodes in parts) + " |",
        "|---|" + "---|" * len(parts),
    ]
    for name in names:
        lines.append(
            f"| {name} | " + " | ".join(_cost(each[name]) for each in parts.values()) + " |"
        )
    return lines


def _cost(counts: Counts) -> str:
    return f"{_counts(counts)}; {cycles(counts, LATENCIES['CSE 221, cycles']) / 1000:,.0f}k"


def _counts(counts: Counts) -> str:
    return ", ".join(f"{round(value / 1000, 1) + 0.0:,.1f}k" for value in counts.all())  # no -0.0


def _range(low: float, high: float, unit: str) -> str:
    low_text, high_text = f"{low:.1f}", f"{high:.1f}"
    return f"{low_text} {unit}" if low_text == high_text else f"{low_text} to {high_text} {unit}"


def conditions() -> str:
    """Say what the first table shows, and what it omits."""
    return (
        "Counted by cachegrind with a Pi Zero's caches (`make bench-cache`), per row in all epochs "
        "of the preset, with its share of testing; the whole job is 60,000 times that, plus the "
        "start. Minutes are scaled so that the book's loop with ten nodes takes its author's "
        f"{AUTHOR_MINUTES}; the range covers the published latencies "
        "[below](#what-a-training-step-costs). Not counted: the wait of one floating-point "
        "instruction for another, the kernel, and the card."
    )


def latencies() -> str:
    """Say how counts became cycles, for the second table."""
    pairs = "; ".join(
        f"{second} and {memory} ({name})" for name, (second, memory) in LATENCIES.items()
    )
    return (
        "Run in a Debian i386 root with the reference BLAS. Cycles are instructions, plus, for "
        "each miss, the extra latency of the second cache or of memory. Published latencies, and "
        f"what they become at a Pi Zero's 1 GHz: {pairs}. These tables use the first. Sources: a "
        "report for UCSD's CSE 221, https://github.com/dlisuk/cse221_project, "
        "report/experiments/exp_2_1.tex; "
        "http://sandsoftwaresound.net/raspberry-pi/raspberry-pi-gen-1/memory-hierarchy/, as that "
        "report quotes it. A blind spot: on i386 numpy uses SSE2 in loops over bytes and in some "
        "over floats; an ARM1176 has no SSE2."
    )
