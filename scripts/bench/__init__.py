"""Measurements of the kit, in comparison with the book's loop and other programs."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
