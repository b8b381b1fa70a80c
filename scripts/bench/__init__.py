"""What measures the kit, beside the book's loop and others."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
