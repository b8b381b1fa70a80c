"""Names that the Pi must know: what is accepted, and what Debian has, are the same."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.sdcard import known, settings
from scripts.sdcard.errors import CardError
from scripts.sdcard.settings import Settings
from tests.scripts.cards import cloud_data, snapshot

ZONES, SUPPORTED = Path("/usr/share/zoneinfo"), Path("/usr/share/i18n/SUPPORTED")
ACCOUNTS = Path("/usr/share/base-passwd")


def every(table: dict[str, str]) -> set[str]:
    return {name for names in table.values() for name in names.split()}


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (settings.country, "GB DE US FR NL AQ", {"UK": "you mean GB", "EU": "", "XX": ""}),
        (settings.country, "CH", {"gb": "may mean GB", "A1": "", "00": "", "": ""}),
        (settings.user, "ada pi student pi-nn", dict.fromkeys("video backup lp www-data".split())),
        (settings.user, "teacher", dict.fromkeys("gpio i2c sudo users staff messagebus".split())),
        (settings.user, "u1", dict.fromkeys("netdev render lightdm avahi _ssh nobody".split(), "")),
        (settings.timezone, "Europe/London UTC US/Eastern", {"Mars/X": "", "europe/paris": "Eu"}),
        (settings.timezone, "Asia/Kolkata", {"Europe/Londn": "may mean Europe/London"}),
        (settings.locale, "de_AT.UTF-8 en_AG", {"xx_XX.UTF-8": "", "de_DE.utf8": "de_DE.UTF-8"}),
        (settings.locale, "nl_NL.UTF-8", {"en_AG.UTF-8": "may mean en_AG", "de_DE@euro": "de_DE"}),
        (settings.keyboard, "us(intl) ch,fr ch(fr),us de(nodeadkeys) gb", {"uk": "", "us(x)": ""}),
        (settings.keyboard, "us,gb,de,fr", {"us,zz": "in 'us,zz'", "us,": "", "(intl)": ""}),
        (settings.keyboard, "latam", {"us(intl": "", "us,us,us,us,us": "at most four"}),
        (settings.hostname, "pi-1 raspberrypi", {"localhost": "itself", "LOCALHOST": "itself"}),
        (settings.hostname, "x", {"ip6-localhost": "itself", "ip6-allnodes": "itself"}),
    ],
)  # fmt: skip
def test_names_must_be_those_that_the_pi_knows(check, good, bad):
    """Not only of the right shape; where one can guess what is meant, the error does."""
    for text in good.split():
        assert check(text) == text
    for text, hint in bad.items():
        with pytest.raises(CardError, match=re.escape(repr(text)) if text else "got ''") as caught:
            check(text)
        assert (hint or "") in str(caught.value)


@pytest.mark.skipif(not ZONES.is_dir(), reason="no time zones here")
def test_time_zones_are_files_of_the_database():
    """Of this computer's, which may be newer or older: all but a few names."""
    names = every(known.ZONES)
    assert len(names) > 450
    assert len([name for name in names if not (ZONES / name).is_file()]) < 5


def test_trixie_dropped_time_zones():
    """They are accepted for bookworm alone, and for trixie the present name is said."""
    legacy = dict(pair.split("=") for pair in known.LEGACY_ZONES.split())
    assert len(legacy) > 90
    assert legacy["US/Eastern"] == "America/New_York"
    for old, new in legacy.items():
        assert new in known.ZONES["both"].split()
        given = Settings("pi-1", "ada", "x", timezone=old)
        if old in every(known.ZONES):
            settings.check_for(given, "bookworm")
        with pytest.raises(CardError, match=re.escape(f"trixie has, got {old!r}: use {new}")):
            settings.check_for(given, "trixie")


def test_a_zone_that_trixie_dropped_leaves_its_card_alone(trixie, prepare, capsys):
    """The release is known only when the card is."""
    before = snapshot(trixie)
    assert prepare(trixie, "--timezone", "US/Eastern") == 1
    assert "use America/New_York" in capsys.readouterr().err
    assert snapshot(trixie) == before


def test_a_zone_that_bookworm_has_is_written(bookworm, prepare):
    """Where it works, it stays."""
    assert prepare(bookworm, "--timezone", "US/Eastern") == 0
    assert 'timezone = "US/Eastern"' in (bookworm / "custom.toml").read_text()


@pytest.mark.skipif(not SUPPORTED.is_file(), reason="the package locales is not installed")
def test_locales_are_those_of_debian():
    """As raspi-config looks them up: a line of SUPPORTED in UTF-8."""
    lines = {line.strip() for line in SUPPORTED.read_text().splitlines()}
    assert len(every(known.LOCALES)) > 250
    strange = [name for name in every(known.LOCALES) if f"{name} UTF-8" not in lines]
    assert len(strange) < 15  # of a newer release than this


@pytest.mark.skipif(not ACCOUNTS.is_dir(), reason="the package base-passwd is not installed")
def test_no_user_has_the_name_of_a_system_user_or_group():
    """Of base-passwd's, all; of the packages', those of Raspberry Pi OS."""
    for name in ("passwd.master", "group.master"):
        for line in (ACCOUNTS / name).read_text().splitlines():
            with pytest.raises(CardError, match=r"the system uses itself|lower-case"):
                settings.user(line.split(":")[0])
    assert {"messagebus", "avahi", "gpio", "sshd", "netdev"} <= every(known.SYSTEM_NAMES)
    assert not {"pi", "ada"} & every(known.SYSTEM_NAMES)


@pytest.mark.skipif(not shutil.which("xkbcli"), reason="apt install libxkbcommon-tools")
@pytest.mark.parametrize("name", ["us(intl)", "ch,fr", "ch(fr),us", "gb"])
def test_keyboards_are_those_of_xkb(name):
    """Its own library makes a keymap of the parts, and of none else."""
    layout, variant = settings.keyboard_parts(name)
    command = ("xkbcli", "compile-keymap", "--layout", layout, "--variant")
    assert subprocess.run([*command, variant], capture_output=True).returncode == 0
    wrong = re.sub("[^,]+", "nothing", layout)
    assert subprocess.run([*command, wrong], capture_output=True).returncode != 0


def test_keyboards_are_split_into_layouts_and_variants(trixie, prepare):
    """As cloud-init takes them; on bookworm, raspi-config takes a layout alone."""
    assert settings.keyboard_parts("us(intl)") == ("us", "intl")
    assert settings.keyboard_parts("ch(fr),us") == ("ch,us", "fr,")
    assert settings.keyboard_parts("ch,fr") == ("ch,fr", "")
    assert prepare(trixie, "--keyboard", "ch(fr),us") == 0
    expected = {"model": "pc105", "layout": "ch,us", "variant": "fr,"}
    assert cloud_data(trixie)["keyboard"] == expected


def test_bookworm_sets_variants_by_its_script(bookworm, prepare):
    """Since do_configure_keyboard sets the layout alone."""
    assert prepare(bookworm, "--keyboard", "us(intl)") == 0
    assert "keymap" not in (bookworm / "custom.toml").read_text()
    script = (bookworm / "firstrun.sh").read_text()
    assert 'XKBLAYOUT="us"' in script
    assert 'XKBVARIANT="intl"' in script


def test_the_lists_are_written_by_their_command():
    """The text says so, and each is sorted as the command sorts."""
    assert "make card-lists" in known.__doc__
    for table in (known.ZONES, known.LOCALES, known.KEYBOARDS, known.SYSTEM_NAMES):
        assert set(table) == {"both", "bookworm", "trixie"}
        for names in table.values():
            assert names.split() == sorted(set(names.split()))
