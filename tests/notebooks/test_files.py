"""The notebooks as files: nothing stored but what was written, in a form that reads well."""

import re

import nbformat
import pytest

from tests.conftest import PROJECT

FOLDER = PROJECT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
HEAD = re.compile(
    r"^# .+\n\n.+\n\n\*\*Time:\*\* (under a second|about [\d.]+ s) on a laptop, "
    r"about \d+ (s|min) on a Pi Zero \(estimated\)\. \*\*Data:\*\* .+\.",
    re.S,
)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem[:2])
def notebook(request):
    return nbformat.read(request.param, as_version=nbformat.NO_CONVERT)


def code_of(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_thirteen():
    """Numbered without a gap, 00 first."""
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{number:02}" for number in range(13)]


def test_the_format_is_as_published(notebook):
    """By nbformat's own check; with a readable name for each cell."""
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]+", cell.id) for cell in notebook.cells)


def test_outputs_are_stripped(notebook):
    """Neither outputs, nor counts, nor what an editor leaves behind."""
    assert notebook.metadata == METADATA
    for cell in notebook.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_it_begins_with_what_it_shows_how_long_it_takes_and_on_which_data(notebook):
    """The first cell, in the form that `make measure-notebooks` writes."""
    assert HEAD.match(notebook.cells[0].source)


def test_cells_are_short(notebook):
    """Ten lines at the most, and more prose than code."""
    code = code_of(notebook)
    assert max(source.count("\n") + 1 for source in code) <= 10
    assert len(notebook.cells) - len(code) >= len(code)


def test_prose_is_prose(notebook):
    """No marker of an editor's, such as "# %%", was left in a text."""
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert not [text for text in prose if "%%" in text or "[md]" in text]


def test_the_network_is_imported_never_redefined(notebook):
    """No classes, and no second sigmoid."""
    code = "\n".join(code_of(notebook))
    assert "nn" in re.findall(r"^from (\w+)", code, re.M)
    assert not re.search(r"^\s*class |def (sigmoid|train|query|forward)\b", code, re.M)


def test_links_lead_somewhere(notebook):
    """To other notebooks, and to files of the kit."""
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)#:]+)\)", prose):
        assert (FOLDER / target).exists(), target


def test_the_start_links_them_in_order():
    """All of them; some are named again further down."""
    start = nbformat.read(NOTEBOOKS[0], as_version=4)
    prose = "\n".join(cell.source for cell in start.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\((\d\d_\w+\.ipynb)\)", prose)
    assert list(dict.fromkeys(links)) == [path.name for path in NOTEBOOKS]
