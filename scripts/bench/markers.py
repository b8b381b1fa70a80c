"""Write the figures of a command between two markers of a Markdown file."""

from pathlib import Path

from nn.saving.atomic import atomic_write


class MarkersError(ValueError):
    """A file does not have the expected pair of markers."""


def write_between(path: Path, name: str, text: str) -> None:
    """Replace the text between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``.

    Raises
    ------
    MarkersError
        When the file does not contain each of them exactly once.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    content = path.read_text()
    if content.count(begin) != 1 or content.count(end) != 1:
        raise MarkersError(f"{path}: expected one {begin} and one {end}")
    head, rest = content.split(begin)
    tail = rest.split(end)[1]
    with atomic_write(path) as file:
        file.write(f"{head}{begin}\n{text}\n{end}{tail}".encode())
