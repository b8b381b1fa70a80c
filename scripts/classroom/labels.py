"""Print labels for the Pis of a class, to cut: ``make labels CLASS=class.csv``.

Each has the pupil's name, the address of the Pi's pages, also as a QR code, the user and the
password.
"""

from __future__ import annotations

import argparse
import io
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import segno
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nn.saving.atomic import atomic_write
from scripts.sdcard.errors import CardError

from . import records
from .roster import OWNER_ALONE, ClassError, Classroom, Pupil, for_owner_alone, read_class

WIDTH, HEIGHT = 210, 297  # A4, in mm
COLUMNS, ROWS = 3, 10
MARGIN = 8  # mm at each edge, which printers leave white
PADDING = 2.5  # mm inside a label
CODE = 23  # mm, the side of a QR code
QUIET = 3  # modules around a QR code: the label's own white adds the rest
LONG = 22  # letters that fit on one line
PORT = 8888
PER_INCH = 25.4
CREATOR = "make labels"
# What has more letters than matplotlib's own font, if it is installed here.
FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans Arabic", "Noto Sans")


def draw(classroom: Classroom, passwords: dict[str, str], file: io.BytesIO) -> None:
    """Draw the labels of a class as a PDF.

    Parameters
    ----------
    classroom : Classroom
        The class.
    passwords : dict
        The password of each host.
    file : binary file
        Where the PDF is written; it has a page for every thirty Pis.
    """
    fonts = matplotlib.font_manager.get_font_names()
    family = [name for name in FONTS if name in fonts]
    on_page = COLUMNS * ROWS
    pages = [classroom.pupils[n : n + on_page] for n in range(0, len(classroom.pupils), on_page)]
    with (
        matplotlib.rc_context({"font.family": family, "pdf.fonttype": 42}),
        PdfPages(file, metadata={"Creator": CREATOR}) as pdf,
    ):
        for pupils in pages:
            figure = Figure(figsize=(WIDTH / PER_INCH, HEIGHT / PER_INCH))
            FigureCanvasAgg(figure)  # which measures texts
            axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
            axes.set_axis_off()
            for place, pupil in enumerate(pupils):
                _label(axes, place, pupil, passwords[pupil.host], classroom.https)
            pdf.savefig(figure)


def address(pupil: Pupil, https: bool) -> str:
    """Return the address of a Pi's pages."""
    return f"http{'s' * https}://{pupil.host}.local:{PORT}/"


def _label(axes, place: int, pupil: Pupil, password: str, https: bool) -> None:
    """Draw one label: the code at the left, the texts beside it, a line to cut along."""
    width, height = (WIDTH - 2 * MARGIN) / COLUMNS, (HEIGHT - 2 * MARGIN) / ROWS
    row, column = divmod(place, COLUMNS)
    x, y = MARGIN + column * width, MARGIN + row * height
    axes.add_patch(Rectangle((x, y), width, height, fill=False, lw=0.4, ec="0.6", ls=(0, (4, 4))))
    url = address(pupil, https)
    code = list(segno.make(url, micro=False).matrix_iter(border=QUIET))
    top = y + (height - CODE) / 2
    place_of_code = (x + PADDING / 2, x + PADDING / 2 + CODE, top + CODE, top)
    axes.imshow(
        code, cmap="binary", extent=place_of_code, interpolation="none", aspect="auto", zorder=2
    )
    left = x + CODE + PADDING
    room = x + width - PADDING - left
    texts = (
        (_on_two_lines(pupil.name), 5.2, 10, {"weight": "bold"}),
        (url, 10.5, 7, {}),
        (f"user {pupil.user}", 15.5, 8, {}),
        ("password", 20, 6, {"color": "0.35"}),
        (password, 23.8, 8.5, {"family": "monospace"}),
    )
    for text, down, size, style in texts:
        _fitting(axes, left, y + down, text, size, room, style)


def _on_two_lines(name: str) -> str:
    """Break a long name where it has a space, near its middle."""
    spaces = [place for place, letter in enumerate(name) if letter == " "]
    if len(name) <= LONG or not spaces:
        return name
    middle = min(spaces, key=lambda place: abs(place - len(name) / 2))
    return f"{name[:middle]}\n{name[middle + 1 :]}"


def _fitting(axes, x: float, y: float, text: str, size: float, room: float, style: dict) -> None:
    """Write a text in the room there is, in mm: smaller if it must be, never as mathematics."""
    drawn = axes.text(x, y, text, fontsize=size, va="center", parse_math=False, **style)
    width = drawn.get_window_extent().width / axes.figure.dpi * PER_INCH
    if width > room:
        drawn.set_fontsize(size * room / width)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the labels of a class; return 0, or 1 for an error."""
    parser = argparse.ArgumentParser(prog="make labels", description=__doc__.split("\n\n")[0])
    parser.add_argument("classroom", metavar="CLASS", type=Path, help="class.csv")
    parser.add_argument("--secrets", type=Path, default=records.SECRETS, help="with the passwords")
    arguments = parser.parse_args(argv)
    path = arguments.classroom
    target = path.with_name(f"{path.stem}-labels.pdf")
    try:
        # as `make cards` reads it: what another class has is no name for this one
        taken = {each.name for each in arguments.secrets.glob("*")}
        classroom = read_class(path, taken)
        passwords = {
            each.host: records.password_of(each.host, arguments.secrets)
            for each in classroom.pupils
        }
        if lacking := [host for host, password in passwords.items() if password is None]:
            raise ClassError(
                f"{arguments.secrets}: expected a password for each Pi, got none for "
                f"{', '.join(lacking)}: make cards CLASS={path} makes them"
            )
        if target.exists() and f"({CREATOR})".encode() not in target.read_bytes():
            raise ClassError(
                f"{target}: exists, and was not written by 'make labels': move it away"
            )
        for each in classroom.files:
            for_owner_alone(each)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            content = io.BytesIO()
            draw(classroom, passwords, content)
        with atomic_write(target, mode=OWNER_ALONE) as file:
            file.write(content.getvalue())
    except CardError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    if any("missing from" in str(each.message) for each in said):
        print(
            "Note: no font here has every letter of these names. Debian's fonts-noto-core and "
            "fonts-noto-cjk have more",
            file=sys.stderr,
        )
    print(f"wrote {target}: {len(passwords)} labels, which only you can read")
    return 0


if __name__ == "__main__":
    sys.exit(main())
