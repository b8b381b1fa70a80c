"""A class as its list and its settings have it, and what is refused in them."""

import subprocess

import pytest

from scripts.classroom.roster import ClassError, read_class, write_host_names
from scripts.sdcard.settings import Wifi
from tests.conftest import PROJECT
from tests.scripts.cards import KEY

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def read(folder):
    """Read the class with another list, other settings."""

    def run(rows=None, shared=None):
        if rows is not None:
            content = rows if isinstance(rows, bytes) else rows.encode()
            (folder / "class.csv").write_bytes(content)
        if shared is not None:
            (folder / "class.toml").write_text(shared)
        return read_class(folder / "class.csv")

    return run


def test_a_line_is_a_pi(read):
    """Its own user where it has one; host names that are missing are made, in order."""
    found = [(each.name, each.host, each.user) for each in read().pupils]
    assert found == [
        ("Ann Smith", "pi-01", "ada"),
        ("Bräm, Jörg", "pi-07", "joerg"),
        ("{{ 7 * 7 }}", "pi-02", "ada"),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        "name,host\nJörg,pi-1\n",
        "Host;Name\r\npi-1;Jörg\r\n\r\n",
        "name\thost\n Jörg \tPI-1\n",
        b"\xef\xbb\xbf" + "name,host\nJörg,pi-1\n".encode(),
        "\n\nname;host\nJörg;pi-1\n",
        "name,host,,\nJörg,pi-1,,\n",
        '\n"name","host","key","user"\n"Jörg","pi-1","",""\n,,,\n',
    ],
)
def test_lists_as_spreadsheets_write_them(rows, read):
    """Commas, semicolons, tabs; a byte order mark; blank lines; any order of columns."""
    (pupil,) = read(rows).pupils
    assert (pupil.name, pupil.host, pupil.user) == ("Jörg", "pi-1", "ada")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("name,host\nAnn,pi-1\nBen,pi-1\n", r"class.csv:3: .* of its own .* pi-1, as on line 2"),
        ("name,host\nAnn,pi-1\nBen,PI-1\n", r"class.csv:3: .* of its own"),
        ("name,host\n\nAnn,pi-1\nBen,pi-jörg\n", r"class.csv:4: expected a host name .*'pi-jörg'"),
        ("name,host\nAnn,pi_1\n", r"class.csv:2: expected a host name"),
        ("name,host\nAnn,localhost\n", r"class.csv:2: .* every computer calls itself"),
        ("name,host\nAnn,pis\n", r"class.csv:2: expected a host name other than all, pis"),
        ("name\nAnn\n", r"class.csv:1: expected a header .* got no host"),
        ("\nhost\npi-1\n", r"class.csv:2: expected a header .* got no name"),
        ("name,host,usr\nAnn,pi-1,x\n", r"class.csv:1: expected a header .* got 'usr'"),
        ("name,host,host\nAnn,pi-1,x\n", r"class.csv:1: expected a header .* got host twice"),
        ("Ann,pi-1\n", r"class.csv:1: expected a header .* got no name, no host"),
        ("name,host\nBräm, Jörg,pi-1\n", r"class.csv:2: expected 2 cells.* got 3. Put quotes"),
        ("name,host\nAnn\n", r"class.csv:2: expected 2 cells, as in the first line, got 1"),
        ("name,host\n,pi-1\n", r"class.csv:2: name: expected 1 to 60"),
        (f"name,host\n{'x' * 61},pi-1\n", r"class.csv:2: name: expected 1 to 60"),
        ("name,host\nA\x1b[2Jnn,pi-1\n", r"class.csv:2: name: expected 1 to 60 printable"),
        ('name,host\n"Ann,pi-1\nBen,pi-2\n', r"class.csv:2: expected cells with complete quotes"),
        ('name,host\n"Ann"x,pi-1\n', r"class.csv:2: expected cells with complete quotes"),
        ("name,host,user\nAnn,pi-1,root\n", r"class.csv:2: expected a user name"),
        ("name,host,key\nAnn,pi-1,none.pub\n", r"class.csv:2: .*none.pub: No such file"),
        ("name,host,key\nAnn,pi-1,class.toml\n", r"class.csv:2: .*class.toml:1: expected a public"),
        ("name,host\n", r"class.csv: expected a line for each Pi"),
        ("", r"class.csv: expected a line for each Pi"),
        (
            "name,host\nJörg,pi-1\n".encode("latin-1"),
            r"class.csv:2: expected a class list in UTF-8",
        ),
        ("name,host\nAnn,pi-1\n".encode("utf-16"), r"class.csv: expected a class list in UTF-8"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(rows, message, read):
    """What was expected and what is there."""
    with pytest.raises(ValueError, match=message):
        read(rows)


def test_a_missing_file_is_named(folder):
    """The list, and then the settings."""
    (folder / "class.toml").unlink()
    with pytest.raises(ClassError, match=r"class.toml: expected the settings of the class"):
        read_class(folder / "class.csv")
    with pytest.raises(ClassError, match=r"none.csv: expected a class list"):
        read_class(folder / "none.csv")


def test_a_list_has_a_name_that_git_leaves_alone(folder):
    """In whatever folder of the project it lies; and so have its settings and its labels."""
    (folder / "class.txt").write_text("name,host\nAnn,pi-1\n")
    with pytest.raises(ClassError, match=r"class.txt: expected .* ends in .csv.* Rename it"):
        read_class(folder / "class.txt")
    names = [f"{place}class{end}" for place in ("", "docs/") for end in (".csv", ".CSV", ".toml")]
    names += ["docs/class-labels.pdf", "collected/pi-1", "ansible/inventory/7b.yml"]
    command = ["git", "check-ignore", "--no-index", *names]
    ignored = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert ignored.stdout.split() == names


def test_the_settings_are_those_of_a_card(read, folder):
    """Each by the name that it has for prepare_sd_card.py."""
    (folder / "wifi.txt").write_text("secret word\n")
    (folder / "school.pem").write_text(CERTIFICATE)
    found = read(
        shared='country = "GB"\nlocale = "en_GB.UTF-8"\nkeyboard = "gb"\n'
        'timezone = "Europe/London"\n'
        'ssh_key = "key.pub"\nssh_password = true\npasswordless_sudo = true\nhttps = false\n'
        '[[wifi]]\nssid = "School"\nuser = "ada@school"\npassword_file = "wifi.txt"\n'
        'authority = "school.pem"\nhidden = true\n[[wifi]]\nssid = "Guests"\nopen = true\n'
    )
    assert not found.https
    assert [each.user for each in found.pupils] == ["pi", "joerg", "pi"]
    settings = found.settings(found.pupils[0], "hash")
    assert (settings.hostname, settings.user, settings.password_hash) == ("pi-01", "pi", "hash")
    assert settings.networks == (
        Wifi("School", "secret word", True, "ada@school", CERTIFICATE),
        Wifi("Guests"),
    )
    assert (settings.country, settings.locale, settings.keyboard) == ("GB", "en_GB.UTF-8", "gb")
    assert (settings.timezone, settings.ssh_keys) == ("Europe/London", (KEY,))
    assert settings.ssh_password
    assert settings.passwordless_sudo


def test_a_pupil_may_have_a_key(read, folder):
    """Beside the teacher's, and only on that Pi."""
    (folder / "ann.pub").write_text(KEY.replace("ada@desk", "ann@home") + "\n")
    found = read("name,host,key\nAnn,pi-1,ann.pub\nBen,pi-2,\n")
    keys = [found.settings(each, "").ssh_keys for each in found.pupils]
    assert [[key.split()[-1] for key in each] for each in keys] == [
        ["ada@desk", "ann@home"],
        ["ada@desk"],
    ]


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        ('country = "UK"\n', r"class.toml:1: country: expected .* you mean GB"),
        ('\nlocale = "en_GB"\n', r"class.toml:2: locale: expected a locale in UTF-8"),
        ('contry = "GB"\n', r"class.toml:1: contry: expected one of user, country"),
        ("https = 1\n", r"class.toml:1: https: expected true or false, got 1"),
        ("timezone = 1\n", r"class.toml:1: timezone: expected a text in quotes, got 1"),
        ("country = GB\n", r"class.toml: expected TOML, got a mistake: .*line 1"),
        ('[[wifi]]\nssid = "x"\npassword = "longer than 8"\n', r"class.toml: expected country ="),
        ('wifi = "x"\n', r"class.toml: wifi: expected each network below a line \[\[wifi\]\]"),
        ('[[wifi]]\nssid = "x"\nopen = true\n[[wifi]]\nssid = ""\n', r"class.toml:5: ssid: expect"),
        ('[[wifi]]\nssid = "x"\n', r"number 1: expected ssid, and one of .* got ssid"),
        ("[[wifi]]\nopen = true\n", r"number 1: expected ssid, and one of .* got open"),
        (
            '[[wifi]]\nssid = "x"\npassword = "y"\nopen = true\n',
            r"number 1: expected ssid, and one",
        ),
        ('[[wifi]]\nssid = "x"\npassword = "short"\n', r"number 1: expected a Wi-Fi password"),
        ('[[wifi]]\nssid = "x"\npassword_file = "no"\n', r"number 1: .*no: No such file"),
        (
            '[[wifi]]\nssid = "x"\nopen = true\nuser = "ada"\n',
            r"number 1: open and user exclude each other",
        ),
        (
            '[[wifi]]\nssid = "x"\npassword = "long enough"\nauthority = "key.pub"\n',
            r"number 1: authority needs user",
        ),
        (2 * '[[wifi]]\nssid = "x"\nopen = true\n', r"number 2: expected another .* x twice"),
        ('ssh_key = "~nobody-here/x"\n', r"class.toml: ssh_key: expected the path of a file"),
        ('ssh_key = "a\\u0000b"\n', r"class.toml: ssh_key: expected the path of a file"),
        (f"a = {'[' * 5000}", r"class.toml: expected TOML, got a mistake"),
        ('ssh_key = "none.pub"\n', r"class.toml: ssh_key: .*none.pub: No such file"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(shared, message, read):
    """With its line, where it has one."""
    with pytest.raises(ClassError, match=message):
        read(shared=shared)


def test_without_a_key_it_says_how_to_make_one(read, tmp_path, monkeypatch):
    """Nobody but its pupil could log in."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ClassError, match=r"expected a public SSH key of yours .*ssh-keygen"):
        read(shared='country = "GB"\n')


@pytest.mark.parametrize("password", ['"secret"', "12345678"])
def test_a_password_is_not_in_a_message(password, read):
    """Neither one that is too short, nor one without quotes."""
    with pytest.raises(ClassError, match="password") as caught:
        read(shared=f'[[wifi]]\nssid = "x"\npassword = {password}\n')
    assert password.strip('"') not in str(caught.value)


def test_made_names_are_written_where_a_link_leads(folder):
    """With the mark by which spreadsheets know UTF-8, if the list has it."""
    path, real = folder / "class.csv", folder / "synced.csv"
    path.unlink()
    real.write_bytes(b"\xef\xbb\xbf" + "name,host\nZoë,\n".encode())
    path.symlink_to(real)
    assert write_host_names(path, read_class(path)) == 1
    assert path.is_symlink()
    assert real.read_bytes() == b"\xef\xbb\xbf" + "name,host\nZoë,pi-01\n".encode()
