"""What takes minutes to hours: fuzzing, power cuts, low memory, the kit on emulated ARM."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
