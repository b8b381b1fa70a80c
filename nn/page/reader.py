"""Answers as the page shows them: what a model reads in a drawing or a photo."""

import base64
from collections import Counter

import numpy as np

from nn.answers import Answer
from nn.images import ImageError, read_drawing, read_uploaded_page
from nn.page.models import Models
from nn.signals import scale_pixels

MOST_PHOTO_PIXELS = 1_000_000  # the browser makes a photo smaller: 800 × 800 at most
MOST_DIGITS = 20  # of a photo that are answered
# The browser sends PNG. A JPEG of many passes takes minutes, and so do many parts of a PNG.
_FORMATS, _MOST_PARTS, _MOST_OTHER_PARTS = ("PNG",), 5000, 20


def answer_drawing(models: Models, model: str, ink: bytes) -> tuple[list[dict], list[np.ndarray]]:
    """Read a drawing; return what the browser shows of it, and its pixels.

    Raises
    ------
    ImageError, NoModelError, ModelError
    """
    return _answered(models, model, [read_drawing(ink)])


def answer_photo(models: Models, model: str, content: bytes) -> tuple[list[dict], list[np.ndarray]]:
    """Read the digits of a photo; return what the browser shows of each, and their pixels.

    Raises
    ------
    ImageError, NoModelError, ModelError
    """
    _check_parts(content)
    page = read_uploaded_page(bytes(content), "This picture", MOST_PHOTO_PIXELS, _FORMATS)
    if len(page.digits) > MOST_DIGITS:
        raise ImageError(
            f"This picture shows {len(page.digits)} digits: expected at most {MOST_DIGITS}. "
            "Photograph fewer"
        )
    return _answered(models, model, [digit.pixels for digit in page.digits])


def _check_parts(content: bytes) -> None:
    """Refuse a PNG of more parts than a browser makes, of pixels or of anything else."""
    place, kinds = 8, Counter()  # behind the signature
    while place < len(content) and kinds.total() <= _MOST_PARTS:
        kinds[bytes(content[place + 4 : place + 8])] += 1
        place += 12 + int.from_bytes(content[place : place + 4])
    if kinds.total() > _MOST_PARTS or kinds.total() - kinds[b"IDAT"] > _MOST_OTHER_PARTS:
        raise ImageError("This picture is not a valid PNG picture: it has too many parts")


def as_text(pixels: np.ndarray) -> str:
    """Return pixels as text in base64, one byte each."""
    return base64.b64encode(pixels.tobytes()).decode()


def _answered(
    models: Models, model: str, digits: list[np.ndarray]
) -> tuple[list[dict], list[np.ndarray]]:
    name, network, labels = models.get(model)
    outputs = network.query(scale_pixels(np.stack(digits), network.dtype))  # (digits, outputs)
    answers = [Answer(each, labels.names) for each in outputs]
    shown = [
        {
            "model": name,
            "answer": answer.name,
            "sure": answer.is_sure,
            "sentence": answer.sentence,
            "names": list(answer.names),
            "outputs": [round(float(signal), 4) for signal in answer.outputs],
            "pixels": as_text(pixels),
        }
        for answer, pixels in zip(answers, digits, strict=True)
    ]
    return shown, digits
