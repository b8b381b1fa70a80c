"""Prepare the cards of a class, one after another: ``make cards CLASS=class.csv``.

It makes the host names and passwords that are missing, writes the inventory, and then takes card
after card: it says whose it is, writes and checks it, and ejects it where it can. Stop it at any
moment; the next run continues.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nn.saving.atomic import alone_with
from scripts.sdcard.card import IMAGES, ONLY_64_BIT, Card, find_cards
from scripts.sdcard.errors import CardError
from scripts.sdcard.passwords import hash_password
from scripts.sdcard.settings import Settings

from . import medium as media
from . import records
from .ask import show_every_name
from .roster import ClassError, Classroom, Pupil, for_owner_alone, read_class, write_host_names

EVERY = 1.0  # seconds between two looks for a card
SETTLE = 5.0  # seconds in which a desktop mounts what is on a medium, before it counts as free
INVENTORY = records.PROJECT / "ansible" / "inventory" / "hosts.yml"


@dataclass
class Session:
    """The cards of a class that are still to be written.

    Attributes
    ----------
    classroom : Classroom
        The class.
    waiting : list of Pupil
        Whose cards are missing; the first is next.
    secrets : Path
        The folder with passwords, and with what is done.
    image : Path, optional
        The image to write onto each medium first.
    sure : bool
        Whether to write it without a question.
    """

    classroom: Classroom
    waiting: list[Pupil]
    secrets: Path
    image: Path | None = None
    sure: bool = False
    _said: dict[str, set[str]] = field(default_factory=dict)  # of each folder and medium
    _seen: dict[media.Medium, float] = field(default_factory=dict)  # since when they are there
    _used: set[media.Medium] = field(default_factory=set)  # finished, failed or declined

    def run(self) -> None:
        """Write card after card until none is missing."""
        asked_for = None
        while self.waiting:
            if asked_for is not self.waiting[0]:
                asked_for = self.waiting[0]
                count = len(self.waiting)
                print(f"\nPut in the card for {asked_for}; {count} to write", flush=True)
            folders = find_cards()
            for folder in folders:
                if self.waiting:
                    self.serve(folder)
            found = media.find_media() if self.image else []
            self._used &= set(found)
            self._seen = {each: self._seen.get(each, time.monotonic()) for each in found}
            for each in found:
                settled = time.monotonic() - self._seen[each] >= SETTLE
                if self.waiting and settled and each not in self._used:
                    self.flash(each)
            here = {str(place) for place in (*folders, *found)}
            self._said = {place: texts for place, texts in self._said.items() if place in here}
            if self.waiting:
                time.sleep(EVERY)

    def serve(self, folder: Path) -> None:
        """Write the card in a folder, if it is one for this class."""
        try:
            card = Card(folder)
            name = card.image()
            pupil = self._owner(card, name)
            if pupil is None:
                return
            self._say(folder, f"{pupil}: the card in {folder}, Raspberry Pi OS {name}")
            if card.only_64_bit:
                self._say(folder, f"Note: {ONLY_64_BIT}")
            password = records.password_of(pupil.host, self.secrets)
            wanted = self.classroom.settings(pupil, hash_password(password))
            card.write(wanted, name)
        except CardError as error:
            self._say(folder, f"error: {error}")
            return
        except OSError as error:
            self._say(folder, f"error: {folder}: {error.strerror}. Put the card in again")
            return
        medium = media.medium_of(folder)
        records.mark_done(wanted, self.secrets, medium.visit if medium else "")
        self.waiting.remove(pupil)
        if medium:
            self._used.add(medium)
        take = "Take" if media.eject(folder) else "Eject it, then take"
        print(f"{pupil}: written and checked. {take} it out", flush=True)
        self._said[str(folder)] = {self._is_done(pupil)}

    def _owner(self, card: Card, name: str) -> Pupil | None:
        """Return whose card this is to be; None, and say why, if it is nobody's."""
        there = IMAGES[name].settings_there(card)
        if not there:
            return self.waiting[0]
        host = card.prepared_for(name)
        for pupil in self.classroom.pupils:
            if pupil.host == host:
                if pupil in self.waiting:
                    return pupil  # an earlier run was stopped, or the settings have changed
                is_done = records.is_done(_settings(self.classroom, pupil), self.secrets)
                not_now = f"{pupil}: this card is not among those to write now. Take it out"
                self._say(card.folder, self._is_done(pupil) if is_done else not_now)
                if medium := media.medium_of(card.folder):
                    self._used.add(medium)
                return None
        raise CardError(
            f"{card.folder}: expected a freshly flashed card, found {', '.join(there)}. Flash it"
        )

    def flash(self, medium: media.Medium) -> None:
        """Write the image onto a medium, then the card's files."""
        for pupil in self.classroom.pupils:
            if records.was_done_on(medium.visit, pupil.host, self.secrets):
                self._used.add(medium)
                self._say(medium, self._is_done(pupil))
                return
        try:
            media.check_free(medium)
        except media.MediumError as error:
            self._say(medium, f"error: {error}")
            return
        self._used.add(medium)
        if not self._is_sure(medium):
            self._say(medium, f"{medium}: left alone. Take it out")
            return
        try:
            media.write_image(self.image, medium)
        except media.MediumError as error:
            self._say(medium, f"error: {error}")
            return
        if folder := media.boot_folder(medium):
            self.serve(folder)
        else:
            self._say(medium, "The image is written. Take the card out, and put it in again")

    def _is_sure(self, medium: media.Medium) -> bool:
        if self.sure:
            return True
        answer = input(f"{medium}\nEverything on it will be lost. Write {self.image.name}? [y/N] ")
        return answer.strip().lower() in ("y", "yes")

    def _is_done(self, pupil: Pupil) -> str:
        return f"{pupil}: this card is done. Take it out"

    def _say(self, place: Path | media.Medium, text: str) -> None:
        """Print a message about a folder or a medium once, as long as it is there."""
        said = self._said.setdefault(str(place), set())
        if text not in said:
            said.add(text)
            print(text, file=sys.stderr if text.startswith("error") else sys.stdout, flush=True)


def prepare(path: Path, classroom: Classroom, inventory: Path, secrets: Path, force: bool) -> None:
    """Make what is missing: host names, passwords, the inventory; keep files to their owner."""
    if said := records.write_inventory(inventory, classroom, secrets, force):
        print(said)
    for each in classroom.files:
        if for_owner_alone(each):
            print(f"{each}: from now on, only you can read it")
    if count := write_host_names(path, classroom):
        print(f"wrote {count} host names into {path}")
    if count := records.make_passwords(classroom.pupils, secrets):
        print(f"made {count} passwords, in {secrets}")


def missing(classroom: Classroom, secrets: Path, limit: str | None) -> list[Pupil]:
    """List the pupils whose cards are missing; with a limit, those that it names."""
    if limit:
        names = [name.strip().lower() for name in limit.split(",") if name.strip()]
        known = {each.host for each in classroom.pupils}
        if unknown := [name for name in names if name not in known]:
            raise ClassError(f"LIMIT: expected host names of the class, got {', '.join(unknown)}")
        return [each for each in classroom.pupils if each.host in names]
    return [
        each
        for each in classroom.pupils
        if not records.is_done(_settings(classroom, each), secrets)
    ]


def _settings(classroom: Classroom, pupil: Pupil) -> Settings:
    return classroom.settings(pupil, "")


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare the cards of a class; return 0, 1 for an error, 130 when stopped."""
    arguments = _parser().parse_args(argv)
    show_every_name()
    path, secrets = arguments.classroom, arguments.secrets
    try:
        classroom = read_class(path, taken={each.name for each in secrets.glob("*")})
        waiting = missing(classroom, secrets, arguments.limit)
        if arguments.image:
            _check_image(arguments)
        if arguments.dry_run:
            records.write_inventory(
                arguments.inventory, classroom, secrets, arguments.force, dry=True
            )
            _show(classroom, waiting, arguments)
            return 0
        prepare(path, classroom, arguments.inventory, secrets, arguments.force)
        stale = [each.host for each in waiting if records.was_done(each.host, secrets)]
        if stale and not arguments.limit:
            print(f"Written before with other settings: {', '.join(stale)}")
        with alone_with(secrets / "cards"):
            Session(classroom, waiting, secrets, arguments.image, arguments.yes).run()
    except CardError as error:
        return _fail(str(error))
    except BlockingIOError:
        return _fail("another 'make cards' is at work: wait for it, or stop it")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    except (KeyboardInterrupt, EOFError):
        return _fail("stopped. Run the same command to continue", 130)
    print(f"\nAll of these cards are written. Next: make labels CLASS={path}")
    return 0


def _check_image(arguments) -> None:
    if not sys.platform.startswith("linux"):
        raise CardError(
            "IMAGE= works on Linux alone. Flash the cards with Raspberry Pi Imager, and run this "
            "command without it"
        )
    if not (arguments.yes or arguments.dry_run or sys.stdin.isatty()):
        raise CardError(
            "expected YES=1, since there is no terminal to ask whether everything on a medium may "
            "be lost"
        )
    with media.unpacked(arguments.image) as (source, _):
        source.read(1)


def _show(classroom: Classroom, waiting: list[Pupil], arguments) -> None:
    """Print what a run would do."""
    print(
        f"would make, where they are missing: host names in {arguments.classroom}, passwords in "
        f"{arguments.secrets}, the inventory {arguments.inventory}"
    )
    networks = ", ".join(each.ssid for each in classroom.shared.networks) or "none"
    for pupil in classroom.pupils:
        state = "to write" if pupil in waiting else "done"
        print(f"{pupil}: user {pupil.user}, Wi-Fi {networks}: {state}")
    for folder in find_cards():
        print(f"a card is in {folder}")
    for medium in media.find_media() if arguments.image else []:
        print(f"a medium for {arguments.image.name}: {medium}")
    print("nothing was written: this was a dry run")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make cards", description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("classroom", metavar="CLASS", type=Path, help="class.csv; class.toml lies beside it")
    add("--image", type=Path, help="also write this image onto each medium, which loses all on it")
    add("--yes", action="store_true", help="write images without a question")
    add("--dry-run", action="store_true", help="show what would be done")
    add("--limit", metavar="HOST,HOST", help="write these alone, even if they are done")
    add("--force", action="store_true", help="replace an inventory of other content")
    add("--inventory", type=Path, default=INVENTORY, help="Ansible's inventory to write")
    add("--secrets", type=Path, default=records.SECRETS, help="the folder for passwords")
    return parser


def _fail(message: str, code: int = 1) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
