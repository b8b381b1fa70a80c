"""Tables as Markdown, for notebooks to show."""

from collections.abc import Iterable, Sequence


def markdown_table(header: Sequence[str], rows: Iterable[Sequence]) -> str:
    """Write a table in Markdown, with the first column to the left and the others to the right.

    Parameters
    ----------
    header : sequence of str
    rows : iterable of sequences
        Each as long as the header; written as `str` writes them.

    Returns
    -------
    text : str
        For `IPython.display.Markdown`.

    Examples
    --------
    >>> print(markdown_table(["rule", "error"], [["equal", 0.5]]))
    | rule | error |
    |:--|--:|
    | equal | 0.5 |
    """
    lines = [_line(header), "|:--|" + "--:|" * (len(header) - 1)]
    return "\n".join(lines + [_line(row) for row in rows])


def _line(cells: Sequence) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
