"""`make bench-book`: what it measures, and that `nn.book` is no slower than the book's class."""

import pytest

from scripts.bench import book_class


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [100, 200])
def test_the_adapter_is_no_slower(nodes):
    """With many nodes, where a copy of the weights would show."""
    book, kit = book_class.compare(nodes)
    assert kit < book


@pytest.mark.parametrize(("kit", "code"), [(1e-4, 0), (3e-4, 1)])
def test_the_table_and_the_exit_code(kit, code, tmp_path, monkeypatch, capsys):
    """The ratio of both, between the markers; 1 when `nn.book` is slower."""
    report = tmp_path / "report.md"
    report.write_text("<!-- bench-book:begin -->\nold\n<!-- bench-book:end -->\n")
    monkeypatch.setattr("sys.argv", ["book_class", "--report", str(report)])
    monkeypatch.setattr(book_class, "compare", lambda nodes: (2e-4, kit))
    assert book_class.main() == code
    row = f"| 200 | 0.200 ms | {kit * 1e3:.3f} ms | **{2e-4 / kit:.1f}×** |"
    assert row in report.read_text()
    assert row in capsys.readouterr().out
