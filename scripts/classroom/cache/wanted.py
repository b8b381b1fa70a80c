"""Which packages the roles install, read from their own files, and what these depend on."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from debian.deb822 import Packages, PkgRelation
from debian.debian_support import NativeVersion

from scripts.wheel_hashes import PYTHONS, ROLES

NAME = re.compile(rb"^Package: (\S+)", re.M)
PROVIDES = re.compile(rb"^Provides: (.+)$", re.M)


def wanted_packages(release: str, roles: Path = ROLES) -> set[str]:
    """Return the names of all packages that some setting makes the roles install.

    These are in the `base_packages` that each role gives to role base.
    """
    names: set[str] = set()
    for role in roles.iterdir():
        variables: dict[str, Any] = {}
        for path in (role / "defaults/main.yml", role / "vars/main.yml"):
            variables |= yaml.safe_load(path.read_text()) if path.exists() else {}
        for path in (role / "tasks").glob("*.yml"):
            for value in _values(yaml.safe_load(path.read_text()), "base_packages"):
                names.update(_names(value, variables, release))
    return names


def _values(tree: Any, key: str) -> Iterator[Any]:
    """Yield the values of a key, however deep it is."""
    if isinstance(tree, list):
        for part in tree:
            yield from _values(part, key)
    elif isinstance(tree, dict):
        for name, part in tree.items():
            if name == key:
                yield part
            else:
                yield from _values(part, key)


def _names(value: Any, variables: dict[str, Any], release: str) -> Iterator[str]:
    """Yield the names in a value; an expression has those of the variables in it."""
    if isinstance(value, dict) and PYTHONS.keys() & value.keys():
        yield from _names(value.get(release, []), variables, release)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _names(part["packages"], variables, release)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part, variables, release)
    elif "{{" in value:
        rest = dict(variables)
        for word in re.findall(r"\w+", value):
            if word in rest:
                yield from _names(rest.pop(word), rest, release)
    elif value:
        yield value


class PackageLists:
    """The packages in an archive's lists, the newest of each name.

    Parameters
    ----------
    lists : iterable of (str, bytes)
        The address of an archive, and one of its lists of packages.
    """

    def __init__(self, lists: Iterable[tuple[str, bytes]]):
        self._stanzas: dict[str, list[tuple[str, bytes]]] = {}
        self._providers: dict[str, set[str]] = {}
        for address, text in lists:
            for stanza in text.split(b"\n\n"):
                if not (found := NAME.search(stanza)):
                    continue
                name = found[1].decode()
                self._stanzas.setdefault(name, []).append((address, stanza))
                if provides := PROVIDES.search(stanza):
                    for [relation] in PkgRelation.parse_relations(provides[1].decode()):
                        self._providers.setdefault(relation["name"], set()).add(name)
        self._packages: dict[str, tuple[str, Packages]] = {}

    def newest(self, name: str) -> tuple[str, Packages] | None:
        """Return the archive and the newest package of a name; None if there is none."""
        if name not in self._stanzas:
            return None
        if name not in self._packages:
            pairs = [(address, Packages(stanza)) for address, stanza in self._stanzas[name]]
            self._packages[name] = max(pairs, key=lambda pair: NativeVersion(pair[1]["Version"]))
        return self._packages[name]

    def closure(self, names: Iterable[str]) -> dict[str, tuple[str, Packages]]:
        """Return the packages of these names with everything that they depend on.

        Where any of several packages will do, it is the first that exists, as with apt; where these
        are all that provide a name, it is each of them.
        """
        found: dict[str, tuple[str, Packages]] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            package = self.newest(name)
            if name in found or package is None:
                continue
            found[name] = package
            for kind in ("pre-depends", "depends"):
                for alternatives in package[1].relations[kind]:
                    waiting += self._choose(alternatives)
        return found

    def _choose(self, alternatives: list[dict]) -> list[str]:
        for relation in alternatives:
            if self._satisfies(relation):
                return [relation["name"]]
            if providers := self._providers.get(relation["name"]):
                return sorted(providers)
        return []

    def _satisfies(self, relation: dict) -> bool:
        package = self.newest(relation["name"])
        if package is None or relation["version"] is None:
            return package is not None
        sign, wanted = relation["version"]
        here, there = NativeVersion(package[1]["Version"]), NativeVersion(wanted)
        return {
            "<<": here < there,
            "<=": here <= there,
            "=": here == there,
            ">=": here >= there,
            ">>": here > there,
        }[sign]
