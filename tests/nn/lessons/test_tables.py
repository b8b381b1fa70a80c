"""Tables as Markdown."""

from nn.lessons.tables import markdown_table


def test_a_table_has_a_line_for_each_row():
    """Header, rule, rows; numbers as they are."""
    lines = markdown_table(["a", "b", "c"], [["x", 1, 2.5], ["y", "1 %", ""]]).splitlines()
    assert lines == ["| a | b | c |", "|:--|--:|--:|", "| x | 1 | 2.5 |", "| y | 1 % |  |"]
