"""What is shown of the programs: the lines that run, comparable from language to language."""

import pytest

from nn.lessons import languages
from nn.lessons.languages import FOLDER, FORTH, LANGUAGES, STEPS


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", LANGUAGES)
def test_a_step_is_text_of_the_program(name, step):
    """Each definition word by word, and complete."""
    text = languages.step_text(LANGUAGES[name], step)
    if (name, step) == ("Python", "sigmoid"):  # which is scipy's
        assert text == ""
        return
    source = "\n".join((FOLDER / file).read_text() for file in LANGUAGES[name].texts)
    for defined in STEPS[step][name]:
        definition = languages.definition_of(LANGUAGES[name], defined)
        assert definition in text
        assert definition in source
    assert text.count("{") == text.count("}")
    assert text.count("(") == text.count(")")


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Python", "def update(weights,", "inputs.T)"),
        ("R", "update <- function(weights,", "}"),
        ("Forth", "\\ weights += learning rate", "loop ;"),
        ("C", "/* weights += learning rate", "}"),
    ],
)
def test_an_update_begins_with_its_comment_and_ends_with_its_end(name, first, last):
    """And has no line of another definition."""
    text = languages.step_text(LANGUAGES[name], "update")
    assert text.startswith(first)
    assert text.endswith(f"{last}\n")
    assert "\n\n" not in text


def network_text(language):
    """Return all steps of the network."""
    return "\n".join(languages.step_text(language, step) for step in STEPS)


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_network_is_its_steps_in_order(name):
    """Nothing of reading and writing; about as long in each language."""
    text = network_text(LANGUAGES[name])
    places = [text.index(languages.step_text(LANGUAGES[name], step)) for step in STEPS]
    assert places == sorted(places)
    assert 15 <= len(text.splitlines()) <= 60
    for word in ("open", "main", "error(", "fopen", "usage"):
        assert word not in text


@pytest.mark.parametrize("name", LANGUAGES)
def test_no_line_is_broken_in_a_notebook(name):
    """A window of 1,000 pixels shows 92 characters."""
    text = network_text(LANGUAGES[name])
    assert max(map(len, text.splitlines())) <= 92


def test_side_by_side_are_all_that_define_a_step():
    """Each under its name, as code in colours."""
    text = languages.side_by_side("forward")
    heads = [text.index(f"**{name}**\n\n```{name.lower()}\n") for name in LANGUAGES]
    assert heads == sorted(heads)
    assert text.count("```") == 2 * len(LANGUAGES)
    assert "Python" not in languages.side_by_side("sigmoid")


def test_another_file_may_be_searched():
    """The small network's words are in a file of their own."""
    assert languages.definition_of(FORTH, "bit", "bits.fs").startswith(": bit ( digit i --")
    with pytest.raises(KeyError, match="Forth does not define bit"):
        languages.definition_of(FORTH, "bit")


def test_a_language_that_is_missing_says_how_to_get_it(monkeypatch):
    """Before anything is run."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(languages.MissingLanguageError, match="sudo apt install gforth"):
        languages.run_program(FORTH, "-e", "bye")
