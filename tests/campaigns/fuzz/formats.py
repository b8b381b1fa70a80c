"""What the campaign needs to know of a file format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.fuzz.mutations import Choices

Files = dict[str, bytes]  # names to contents, all in one folder


@dataclass(frozen=True)
class Format:
    """A kind of file that the kit reads.

    Attributes
    ----------
    name : str
    make : callable
        Turns choices into files: valid ones, and what mutations make of them.
    accepts : callable
        Reads the files, that are in a folder, with the kit. Returns whether they were accepted, and
        raises whatever the kit raised but its own errors, or AssertionError where it read wrongly.
    command : tuple of str
        What gives the same files to the command line, in the same folder.
    always_refused : bool
        Whether the command refuses what the reader accepts, for another reason.
    """

    name: str
    make: Callable[[Choices], Files]
    accepts: Callable[[Path, Files], bool]
    command: tuple[str, ...]
    always_refused: bool = False


def write_files(folder: Path, files: Files) -> None:
    """Write the files of an input into a folder."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
