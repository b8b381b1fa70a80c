"""Labels to cut: what is on them, and who may read them."""

import re
import stat
import zlib

import pytest

from scripts.classroom import labels, records
from scripts.classroom.roster import read_class, write_host_names

segno = pytest.importorskip("segno")


@pytest.fixture
def secrets(folder):
    """The passwords of the class."""
    make_cards(folder)
    return folder / "secrets"


def make_cards(folder):
    """Make the host names and the passwords, as `make cards` does."""
    classroom = read_class(folder / "class.csv", taken=[])
    write_host_names(folder / "class.csv", classroom)
    records.make_passwords(classroom.pupils, folder / "secrets")


@pytest.fixture
def make_labels(folder):
    """Run the command on the class."""
    words = [str(folder / "class.csv"), "--secrets", str(folder / "secrets")]
    return lambda: labels.main(words)


@pytest.fixture
def drawn(monkeypatch):
    """The texts and the codes that are drawn."""
    texts, codes = [], []
    fitting, make = labels._fitting, segno.make
    monkeypatch.setattr(
        labels, "_fitting", lambda *words: (texts.append(words[3]), fitting(*words))
    )
    monkeypatch.setattr(
        segno, "make", lambda text, **words: (codes.append(text), make(text, **words))[1]
    )
    return texts, codes


def test_each_pi_has_a_label(folder, secrets, make_labels, drawn, capsys):
    """Name, address, user, password; the code leads to the address."""
    texts, codes = drawn
    assert make_labels() == 0
    assert codes == [f"https://{host}.local:8888/" for host in ("pi-01", "pi-07", "pi-02")]
    assert set(codes) < set(texts)
    assert {"Ann Smith", "Bräm, Jörg", "{{ 7 * 7 }}", "user ada", "user joerg"} < set(texts)
    for host in ("pi-01", "pi-07", "pi-02"):
        assert records.password_of(host, secrets) in texts
    assert "3 labels" in capsys.readouterr().out


def test_only_their_owner_may_read_them(folder, secrets, make_labels):
    """The list as well."""
    (folder / "class.csv").chmod(0o644)
    make_labels()
    for name in ("class-labels.pdf", "class.csv"):
        assert not stat.S_IMODE((folder / name).stat().st_mode) & 0o077


@pytest.mark.slow
def test_thirty_pis_are_one_page(folder, make_labels, drawn):
    """And one more is another."""
    for count, pages in ((30, 1), (31, 2)):
        lines = "".join(f"Pupil {n},\n" for n in range(count))
        (folder / "class.csv").write_text(f"name,host\n{lines}")
        make_cards(folder)
        assert make_labels() == 0
        content = (folder / "class-labels.pdf").read_bytes()
        assert len(re.findall(rb"/Type /Page\b", content)) == pages


def test_long_names_and_mathematics_stay_on_the_label(folder, make_labels, drawn):
    """Smaller, on two lines; dollars are letters."""
    names = ["Zoë Ångström-Łukasiewicz van der Hooghenbrugge", "W" * 60, "$\\frac{$"]
    (folder / "class.csv").write_text("name,host\n" + "".join(f"{name},\n" for name in names))
    make_cards(folder)
    assert make_labels() == 0
    assert "Zoë Ångström-Łukasiewicz\nvan der Hooghenbrugge" in drawn[0]
    content = (folder / "class-labels.pdf").read_bytes()
    sizes = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.S):
        try:
            text = zlib.decompress(stream)
        except zlib.error:
            continue
        sizes += [float(size) for size in re.findall(rb"/F\d+ ([\d.]+) Tf", text)]
    assert min(sizes) < 5 < max(sizes)


def test_letters_that_no_font_has_are_told(folder, make_labels, monkeypatch, capsys):
    """Where to find them."""
    monkeypatch.setattr(labels, "FONTS", ("DejaVu Sans",))
    (folder / "class.csv").write_text("name,host\n李小龙,\n")
    make_cards(folder)
    assert make_labels() == 0
    assert "no font here has every letter" in capsys.readouterr().err


def test_without_passwords_it_says_what_makes_them(folder, make_labels, capsys):
    """Nothing is written."""
    assert make_labels() == 1
    error = capsys.readouterr().err
    assert "expected a password for each Pi, got none for pi-01, pi-07, pi-02: make cards" in error
    assert not (folder / "class-labels.pdf").exists()


def test_another_classs_passwords_are_not_printed(folder, secrets, make_labels, capsys):
    """Names that were not made yet are none of those that another class has."""
    (folder / "class.csv").write_text("name,host\nZed,\n")
    assert make_labels() == 1
    assert "got none for pi-03: make cards" in capsys.readouterr().err


def test_another_file_of_that_name_is_kept(folder, secrets, make_labels, capsys):
    """Its own is replaced."""
    path = folder / "class-labels.pdf"
    path.write_bytes(b"%PDF-1.4 mine")
    assert make_labels() == 1
    assert "exists, and was not written by 'make labels'" in capsys.readouterr().err
    assert path.read_bytes() == b"%PDF-1.4 mine"
    path.unlink()
    assert (make_labels(), make_labels()) == (0, 0)


def test_without_https_the_address_is_another(folder, secrets, make_labels, drawn):
    """As class.toml has it."""
    path = folder / "class.toml"
    path.write_text(f"https = false\n{path.read_text()}")
    make_labels()
    assert drawn[1][0] == "http://pi-01.local:8888/"
