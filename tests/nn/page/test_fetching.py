"""Fetching the class's digits from the page on this computer."""

import urllib.error

import pytest

from nn.page.fetching import NAME, fetch_class_digits


@pytest.fixture
def unit(visitor, tmp_path):
    """What says at which port the page listens."""
    path = tmp_path / "pi-nn-draw.socket"
    path.write_text(f"[Socket]\nListenStream={visitor.port}\n")
    return path


@pytest.fixture
def target(tmp_path):
    return tmp_path / "mnist_dataset" / NAME


def keep_one(visitor) -> None:
    (digit,) = visitor.draw().json["digits"]
    assert visitor.ask(f"/keep?id={digit['id']}&label=7", b"").status == 200


def test_the_file_is_copied_and_grows(visitor, unit, target, tmp_path):
    """A second time only if there is more; nothing is kept of a copy that it continues."""
    assert not fetch_class_digits(target, unit)
    assert not target.exists()
    for _ in range(2):
        keep_one(visitor)
        assert fetch_class_digits(target, unit)
        assert target.read_bytes() == (tmp_path / NAME).read_bytes()
        assert not fetch_class_digits(target, unit)
    assert [path.name for path in target.parent.iterdir()] == [NAME]


def test_no_proxy_is_asked(visitor, unit, target, monkeypatch):
    """As a school's machines name one for all programs."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    keep_one(visitor)
    assert fetch_class_digits(target, unit)


def test_a_file_of_other_content_is_kept(visitor, unit, target):
    """Beside the copy: it may be the only one."""
    target.parent.mkdir()
    target.write_text("mine")
    keep_one(visitor)
    assert fetch_class_digits(target, unit)
    assert target.with_name("class_digits.mine-1.csv").read_text() == "mine"


def test_without_a_page_nothing_is_done(target, tmp_path):
    """As on a laptop, and on most Pis."""
    assert not fetch_class_digits(target, tmp_path / "none")
    assert not target.exists()


def test_a_page_that_does_not_answer_is_told(target, tmp_path):
    """Its port is closed: whoever collects must know that digits are missing."""
    (tmp_path / "unit").write_text("ListenStream=1\n")
    with pytest.raises(urllib.error.URLError, match="refused"):
        fetch_class_digits(target, tmp_path / "unit")
