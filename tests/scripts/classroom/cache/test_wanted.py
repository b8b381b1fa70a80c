"""Which packages a bundle needs; apt itself says what that is at least."""

import random
import re
import shutil
import subprocess

import pytest

from scripts.classroom.cache.wanted import PackageLists, wanted_packages

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt-get")


def stanza(name: str, version: str = "1", **fields: str) -> str:
    lines = [f"Package: {name}", f"Version: {version}", "Architecture: all"]
    lines += [f"{field.replace('_', '-')}: {value}" for field, value in fields.items() if value]
    lines += [f"Filename: pool/{name}_{version}_all.deb", "Size: 1", f"SHA256: {'0' * 64}"]
    return "\n".join(lines)


def lists(*stanzas: str) -> PackageLists:
    return PackageLists([("http://archive", "\n\n".join(stanzas).encode())])


@needs_apt
@pytest.mark.parametrize("seed", range(5))
def test_apt_needs_nothing_else(tmp_path, seed):
    """On an empty machine, of packages that depend on each other in every way."""
    chance = random.Random(seed)
    names = [f"p{number}" for number in range(60)]
    stanzas = []
    for number, name in enumerate(names):
        depends = []
        for _ in range(chance.randrange(4)):
            later = names[number + 1 :] or ["p59"]
            choices = [*later, "virtual-1", "virtual-2", "none"]
            words = [chance.choice(choices) for _ in range(chance.randrange(1, 3))]
            words[-1] = chance.choice(later)  # so that each can be installed
            versions = ["", " (>= 1)", " (>= 3)", " (= 2)"]
            words = [word + chance.choice(versions) for word in words[:-1]] + words[-1:]
            depends.append(" | ".join(words))
        provides = f"virtual-{chance.randrange(1, 3)}" if chance.random() < 0.2 else ""
        kind = chance.choice(["Depends", "Pre_Depends"])
        for version in ("1", "2"):
            stanzas.append(stanza(name, version, Provides=provides, **{kind: ", ".join(depends)}))
    wanted = chance.sample(names, 5)
    theirs = apt_needs(tmp_path, "\n\n".join(stanzas), wanted)
    ours = lists(*stanzas).closure(wanted)
    assert len(theirs) >= 5
    assert theirs <= {f"{name}_{package['Version']}" for name, (_, package) in ours.items()}


def apt_needs(folder, packages: str, wanted: list[str]) -> set[str]:
    """Return what apt would install on an empty machine, as NAME_VERSION."""
    (folder / "archive").mkdir()
    (folder / "archive/Packages").write_text(packages + "\n")
    (folder / "sources.list").write_text(f"deb [trusted=yes] file:{folder}/archive ./\n")
    (folder / "status").touch()
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    subprocess.run(["apt-get", *options, "update"], check=True, capture_output=True)
    install = ["install", "--print-uris", "-y", "-qq", "--no-install-recommends", *wanted]
    done = subprocess.run(["apt-get", *options, *install], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^'\S+' (\S+)_all\.deb ", done.stdout, re.M))


def test_the_newest_of_each_name_is_chosen():
    """As Debian compares versions, whatever the list's order."""
    versions = ["1.0~rc1", "1.0", "1:0.1", "1.10"]
    found = lists(*(stanza("a", version) for version in versions)).newest("a")
    assert found[0] == "http://archive"
    assert found[1]["Version"] == "1:0.1"


def test_where_any_will_do_it_is_the_first_that_exists():
    """A version that the release lacks does not; what only provides a name are all that do."""
    packages = lists(
        stanza("a", Depends="none | b (>= 2) | c | d"),
        stanza("b"),
        stanza("c", Depends="mail"),
        stanza("d"),
        stanza("e", Provides="mail (= 2)"),
        stanza("f", Provides="other, mail"),
    )
    assert sorted(packages.closure(["a"])) == ["a", "c", "e", "f"]


def test_the_roles_packages_are_found():
    """In lists, in dictionaries, by release and by name, in expressions and in tasks."""
    trixie, bookworm = wanted_packages("trixie"), wanted_packages("bookworm")
    assert trixie - bookworm == {"python3-rpds-py"}
    assert bookworm >= {"python3-numpy", "libopenblas0-serial", "python3-zmq", "gforth", "gcc"}
    assert bookworm >= {"epiphany-browser", "xdg-utils", "locales", "openssl"}
    assert not [name for name in trixie if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name)]
