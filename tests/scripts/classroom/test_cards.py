"""Card after card of a class: whose it is, what is on it, and how it goes on after a stop."""

import json
import re
import stat
import time
from pathlib import Path

import pytest

from scripts.classroom import cards, records
from scripts.sdcard import files
from tests.scripts.cards import cloud_data, crypt, snapshot

real_sleep = time.sleep  # which the computer of these tests replaces
HOSTS = ("pi-01", "pi-07", "pi-02")


def owner_alone(path: Path) -> bool:
    return not stat.S_IMODE(path.stat().st_mode) & 0o077


def hostname(card: Path) -> str:
    return cloud_data(card)["hostname"]


def test_each_card_gets_the_name_and_the_password_of_its_pi(computer, make_cards, folder, capsys):
    """In the order of the list, ejected, until none is missing; each password is its own."""
    computer.steps = [lambda n=n: computer.put_in(f"card{n}") for n in (1, 2, 3)]
    assert make_cards() == 0
    found = [cloud_data(folder / f"card{n}") for n in (1, 2, 3)]
    assert [each["hostname"] for each in found] == list(HOSTS)
    assert [each["user"]["name"] for each in found] == ["ada", "joerg", "ada"]
    passwords = [(folder / "secrets" / host / "login-password").read_text() for host in HOSTS]
    assert len(set(passwords)) == 3
    for each, password in zip(found, passwords, strict=True):
        assert crypt(password.strip(), each["user"]["passwd"]) == each["user"]["passwd"]
    assert computer.ejected == ["card1", "card2", "card3"]
    said = capsys.readouterr().out
    assert "Put in the card for pi-07 (Bräm, Jörg); 2 to write" in said
    assert "pi-01 (Ann Smith): written and checked. Take it out" in said
    network = cloud_data(folder / "card3", "network-config")["network"]["wifis"]["wlan0"]
    assert list(network["access-points"]) == ["School"]


def test_bookworm_cards_are_written_too(computer, make_cards, folder):
    """As prepare_sd_card.py writes them."""
    computer.put_in("card1", "bookworm")
    assert make_cards() == 130
    assert 'hostname = "pi-01"' in (folder / "card1" / "custom.toml").read_text()


def test_an_image_that_a_zero_does_not_boot_is_told(computer, make_cards, capsys):
    """Before thirty cards have it."""
    (computer.put_in("card1") / "kernel.img").unlink()
    (computer.folder / "card1" / "kernel8.img").touch()
    make_cards()
    assert "Note: this 64-bit image does not boot on a Zero" in capsys.readouterr().out


def test_several_cards_at_once_get_different_names(computer, make_cards, folder):
    """As in a hub of readers."""
    for name in ("a", "b", "c"):
        computer.put_in(name)
    assert make_cards() == 0
    assert sorted(hostname(folder / name) for name in "abc") == sorted(HOSTS)


def test_files_with_names_and_passwords_are_for_their_owner_alone(computer, make_cards, folder):
    """The list, the settings, each password and the inventory."""
    for name in ("class.csv", "class.toml"):
        (folder / name).chmod(0o644)
    make_cards()
    made = [path for path in folder.rglob("*") if path.name in ("login-password", "pi-01")]
    assert len(made) == 4
    for path in [*made, *(folder / name for name in ("class.csv", "class.toml", "hosts.yml"))]:
        assert owner_alone(path), path


def test_host_names_that_were_made_stay(computer, make_cards, folder):
    """A line that is added before them later takes none away."""
    make_cards()
    path = folder / "class.csv"
    expected = 'name,host,user\nAnn Smith,pi-01,\n"Bräm, Jörg",pi-07,joerg\n{{ 7 * 7 }},pi-02,\n'
    assert path.read_text() == expected
    path.write_text(expected.replace("Ann Smith", "Aaron,,\nAnn Smith"))
    password = (folder / "secrets/pi-01/login-password").read_text()
    make_cards()
    assert "Aaron,pi-03,\nAnn Smith,pi-01," in path.read_text()
    assert (folder / "secrets/pi-01/login-password").read_text() == password


def test_a_card_with_another_password_is_missing(computer, make_cards, folder, capsys):
    """Its label and the inventory would have one that the Pi does not know."""
    computer.put_in("card1")
    assert make_cards() == 130
    make_cards("--dry-run")
    assert "pi-01 (Ann Smith): user ada, Wi-Fi School: done" in capsys.readouterr().out
    (folder / "secrets/pi-01/login-password").unlink()
    make_cards("--dry-run")
    assert "pi-01 (Ann Smith): user ada, Wi-Fi School: to write" in capsys.readouterr().out


def test_a_new_pupil_gets_nobodys_password(computer, make_cards, folder):
    """Not the name of a Pi whose pupil has left, and who knows its password."""
    make_cards()
    (folder / "class.csv").write_text("name,host\nZed,\n")
    make_cards("--force")
    assert (folder / "class.csv").read_text() == "name,host\nZed,pi-03\n"


def test_a_second_run_does_what_is_missing(computer, make_cards, folder, capsys):
    """And a card that is done is named, and left alone."""
    computer.put_in("card1")
    assert make_cards() == 130
    assert "stopped. Run the same command to continue" in capsys.readouterr().err
    computer.places = [folder / "card1"]
    before = snapshot(folder / "card1")
    computer.steps = [lambda: None, lambda: computer.put_in("card2")]
    assert make_cards() == 130
    captured = capsys.readouterr()
    assert captured.out.count("pi-01 (Ann Smith): this card is done. Take it out") == 1
    assert "Put in the card for pi-07 (Bräm, Jörg); 2 to write" in captured.out
    assert snapshot(folder / "card1") == before
    assert hostname(folder / "card2") == "pi-07"


@pytest.mark.parametrize("release", ["trixie", "bookworm"])
@pytest.mark.parametrize("writes", range(4))
def test_a_card_that_was_pulled_out_is_written_again(
    release, writes, computer, make_cards, folder, monkeypatch, capsys
):
    """After any number of its files; it is still the card of the same Pi."""
    real, done = files.write, []

    def write(path, content):
        if len(done) == writes:
            raise OSError(5, "Input/output error", str(path))
        done.append(path)
        real(path, content)

    monkeypatch.setattr(files, "write", write)
    card = computer.put_in("card1", release)
    assert make_cards() == 130
    assert "Put the card in again" in capsys.readouterr().err
    monkeypatch.setattr(files, "write", real)
    assert make_cards() == 130
    text = (card / ("user-data" if release == "trixie" else "custom.toml")).read_text()
    assert "pi-01" in text
    assert records.was_done("pi-01", folder / "secrets")
    assert not records.was_done("pi-07", folder / "secrets")


def test_a_card_is_not_done_before_it_is_checked(computer, make_cards, folder, monkeypatch, capsys):
    """A card that loses what is written to it."""
    monkeypatch.setattr(files, "apply", lambda folder, plan: [])
    computer.put_in("card1")
    assert make_cards() == 130
    assert "does not read back as it was written" in capsys.readouterr().err
    assert not records.was_done("pi-01", folder / "secrets")


def test_a_card_with_other_settings_is_refused(computer, make_cards, folder, capsys):
    """Said once; the next card is written."""
    other = computer.put_in("other")
    (other / "user-data").write_text("#cloud-config\nhostname: mine\n")
    before = snapshot(other)
    computer.steps = [lambda: None, lambda: computer.put_in("card1")]
    make_cards()
    error = capsys.readouterr().err
    assert error.count("expected a freshly flashed card, found hostname in user-data") == 1
    assert snapshot(other) == before
    assert hostname(folder / "card1") == "pi-01"


def test_a_card_of_another_class_is_refused(computer, make_cards, folder, capsys):
    """Written by the same script, for a Pi that is not in the list."""
    card = computer.put_in("card1")
    make_cards()
    (folder / "class.csv").write_text("name,host\nEve,pi-99\n")
    computer.places = [card]
    make_cards("--force")
    assert "expected a freshly flashed card" in capsys.readouterr().err
    assert hostname(card) == "pi-01"


def test_changed_settings_make_the_cards_old(computer, make_cards, folder, capsys):
    """They are named, and written again when they are put in."""
    card = computer.put_in("card1")
    make_cards()
    path = folder / "class.toml"
    path.write_text(path.read_text().replace("School", "New School"))
    computer.places = [card]
    make_cards()
    assert "Written before with other settings: pi-01" in capsys.readouterr().out
    assert "New School" in (card / "network-config").read_text()


def test_one_card_can_be_written_again(computer, make_cards, folder, capsys):
    """LIMIT= names it, though it is done; a name that is none is refused."""
    computer.put_in("card1")
    make_cards()
    computer.put_in("card2")
    assert make_cards("--limit", "pi-01") == 0
    assert hostname(folder / "card2") == "pi-01"
    assert make_cards("--limit", "pi-01,pi-9") == 1
    assert "LIMIT: expected host names of the class, got pi-9" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(computer, make_cards, folder, capsys):
    """It names each Pi, and the card that is there; no password of any kind."""
    (folder / "class.csv").chmod(0o644)
    computer.put_in("card1")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert make_cards("--dry-run") == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert not owner_alone(folder / "class.csv")
    said = capsys.readouterr().out
    assert "pi-07 (Bräm, Jörg): user joerg, Wi-Fi School: to write" in said
    assert f"a card is in {folder / 'card1'}" in said
    assert "battery staple" not in said


def test_a_second_run_at_the_same_time_is_refused(computer, make_cards, folder, capsys):
    """Both would take the same card."""
    said = []
    computer.steps = [lambda: said.append(make_cards())]
    make_cards()
    assert said == [1]
    assert "another 'make cards' is at work" in capsys.readouterr().err


def test_the_inventory_is_what_ansible_reads(computer, make_cards, folder):
    """Each Pi with its user; a name is never a template; the password is read from its file."""
    yaml = pytest.importorskip("yaml")

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!unsafe", lambda loader, node: ("unsafe", node.value))
    make_cards()
    pis = yaml.load((folder / "hosts.yml").read_text(), Loader)["pis"]
    assert list(pis["hosts"]) == list(HOSTS)
    assert pis["hosts"]["pi-02"] == {"pupil": ("unsafe", "{{ 7 * 7 }}"), "ansible_user": "ada"}
    assert pis["hosts"]["pi-07"]["pupil"] == "Bräm, Jörg"
    assert pis["vars"]["jupyter_tls"] == "self-signed"
    assert pis["vars"]["draw_install"] is True
    assert "'/login-password'" in pis["vars"]["ansible_become_password"]


def test_an_inventory_of_yours_is_kept(computer, make_cards, folder, capsys):
    """Another, or one that was edited, or another class's; its own is written again."""
    path = folder / "hosts.yml"
    make_cards()
    (folder / "class.csv").write_text('name,host\n"Bräm, Jörg",pi-07\nBob,pi-9\n')
    capsys.readouterr()
    assert make_cards() == 130
    assert "; no longer in it: " in capsys.readouterr().out
    assert "pi-9" in path.read_text()
    own = path.read_text()
    for text in ("pis:\n", own + "    base_timezone: Europe/London\n", own):
        path.write_text(text)
        (folder / "class.csv").write_text("name,host\nEve,pi-8\nXaver,pi-9\n")
        assert make_cards() == 1
        assert "expected no inventory, or one of this class" in (said := capsys.readouterr().err)
        assert ("that of another class, pi-07, pi-9" in said) == (text == own)
        assert path.read_text() == text
    assert make_cards("--force") == 130
    assert "pi-8" in path.read_text()


# --- with an image


@pytest.fixture
def image(folder):
    """An image of 5 MB that begins with something."""
    path = folder / "pi.img"
    path.write_bytes(b"partition table" + bytes(range(256)) * 20_000)
    return path


def test_an_image_is_written_only_when_it_is_confirmed(
    computer, make_cards, image, monkeypatch, capsys
):
    """Size and model are shown; another answer than yes leaves the medium alone, once."""
    device = computer.put_medium_in()
    asked = []
    monkeypatch.setattr(cards.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "")
    computer.steps = [lambda: None]
    assert make_cards("--image", str(image)) == 130
    assert len(asked) == 1
    assert re.search(r"sdx: 0\.0 GB, Card Reader\nEverything on it will be lost", asked[0])
    assert not any(device.read_bytes())
    monkeypatch.setattr("builtins.input", lambda text: "y")
    assert make_cards("--image", str(image)) == 130
    assert device.read_bytes().startswith(image.read_bytes())
    assert "Take the card out, and put it in again" in capsys.readouterr().out


def test_without_a_terminal_an_image_needs_a_yes(computer, make_cards, image, capsys):
    """Before anything is made."""
    device = computer.put_medium_in()
    assert make_cards("--image", str(image)) == 1
    assert "expected YES=1, since there is no terminal" in capsys.readouterr().err
    assert not any(device.read_bytes())


def test_a_written_image_gets_the_files_of_its_pi(computer, make_cards, folder, image, capsys):
    """Where the system mounts it; the medium is left alone until another is in the reader."""
    device = computer.put_medium_in()
    computer.has_partition("sdx1")

    def mounts(medium):
        place = computer.put_in("card1")
        computer.mount("sdx1", place)
        return place

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cards.media, "boot_folder", mounts)
        computer.steps = [lambda: None, lambda: None]
        assert make_cards("--image", str(image), "--yes") == 130
    assert device.read_bytes().startswith(image.read_bytes())
    assert hostname(folder / "card1") == "pi-01"
    # A later run knows the card that is still in the reader, and the next one is another.
    computer.mounts.write_text("")
    device.write_bytes(bytes(8 << 20))
    make_cards("--image", str(image), "--yes")
    assert "pi-01 (Ann Smith): this card is done. Take it out" in capsys.readouterr().out
    assert not any(device.read_bytes())
    computer.put_medium_in(visit=2)
    make_cards("--image", str(image), "--yes")
    assert device.read_bytes().startswith(image.read_bytes())


def test_a_medium_is_not_free_before_a_desktop_could_mount_it(
    computer, make_cards, image, monkeypatch
):
    """What is on it may be somebody's work."""
    device = computer.put_medium_in()
    computer.has_partition("sdx1")
    monkeypatch.setattr(cards, "SETTLE", 0.2)
    computer.steps = [lambda: computer.mount("sdx1", "/media/work"), lambda: real_sleep(0.3)]
    make_cards("--image", str(image), "--yes")
    assert not any(device.read_bytes())


@pytest.mark.parametrize("number", [1, ""])
def test_a_medium_that_failed_is_not_tried_again(
    number, computer, make_cards, image, monkeypatch, capsys
):
    """It would be written for ever; another one in its place is, whatever the kernel numbers."""
    computer.put_medium_in(visit=number)
    tries = []

    def fail(image, medium):
        tries.append(medium)
        raise cards.media.MediumError(f"{medium}: too small")

    monkeypatch.setattr(cards.media, "write_image", fail)
    empty = computer.system / "sdx" / "size"
    computer.steps = [lambda: None, lambda: empty.write_text("0"), computer.put_medium_in]
    make_cards("--image", str(image), "--yes")
    assert len(tries) == 2
    assert capsys.readouterr().err.count("too small") == 2


def test_a_mounted_medium_is_never_written(computer, make_cards, folder, image, capsys):
    """It is said how to release it, and where it is mounted."""
    device = computer.put_medium_in()
    computer.has_partition("sdx1")
    computer.mount("sdx1", folder / "my photos")
    make_cards("--image", str(image), "--yes")
    error = capsys.readouterr().err
    assert f"expected a medium that is not mounted, got one in use ({folder}/my photos)" in error
    assert not any(device.read_bytes())


def test_a_name_in_json_is_one_in_yaml():
    """Beyond what 16 bits hold, too: JSON's own escapes would be none of YAML."""
    assert records._quoted('😀 "x"') == '"😀 \\"x\\""'
    assert json.loads(records._quoted('😀 "x"')) == '😀 "x"'
