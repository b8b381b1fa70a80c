"""The boot partition of a flashed card: check that it is one, and which image is on it."""

import re
from pathlib import Path

from . import bookworm, trixie
from .errors import CardError

IMAGES = {"bookworm": bookworm, "trixie": trixie}
FIRST_BOOKWORM, FIRST_TRIXIE = "2023-10-10", "2025-10-01"


class Card:
    """A boot partition, as a folder.

    Parameters
    ----------
    folder : Path
        Where it is mounted.

    Raises
    ------
    CardError
        When the folder is not a boot partition of Raspberry Pi OS.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        if not folder.is_dir():
            raise CardError(
                f"{folder}: expected the folder of a card's boot partition, but it does not exist"
            )
        missing = [name for name in ("cmdline.txt", "config.txt") if not self.has(name)]
        if not any(folder.glob("*.dtb")) and not any(folder.glob("kernel*.img")):
            missing.append("*.dtb or kernel*.img")
        if missing:
            hint = "; that is the root partition" if (folder / "etc").is_dir() else ""
            raise CardError(
                f"{folder}: expected the boot partition of Raspberry Pi OS (its name is bootfs), "
                f"but it has no {', no '.join(missing)}{hint}. Flash the card and put it in again"
            )

    def has(self, name: str) -> bool:
        """Return whether a file exists."""
        return (self.folder / name).is_file()

    def read(self, name: str) -> str:
        """Read a text file; return "" if it does not exist."""
        path = self.folder / name
        return path.read_bytes().decode(errors="surrogateescape") if path.is_file() else ""

    @property
    def date(self) -> str | None:
        """The date of the image, from issue.txt."""
        found = re.search(r"Raspberry Pi reference (\d{4}-\d\d-\d\d)", self.read("issue.txt"))
        return found[1] if found else None

    def image(self, named: str | None = None) -> str:
        """Detect which image this is from how it is set up.

        Parameters
        ----------
        named : str, optional
            What the user says it is; used if the signs are inconclusive.

        Raises
        ------
        CardError
            When the signs are missing or contradict each other, or the image is too old.
        """
        signs = {name: image.signs(self) for name, image in IMAGES.items()}
        names = [name for name, found in signs.items() if found]
        date = self.date
        if date and date < FIRST_BOOKWORM:
            raise CardError(
                f"{self.folder}: expected Raspberry Pi OS bookworm or trixie; issue.txt says "
                f"{date}, which is older. Flash a newer image"
            )
        if not names and date and date < FIRST_TRIXIE:
            names, signs["bookworm"] = ["bookworm"], [f"the image date {date}"]
        if named and (named in names or not names):
            return named
        if named:
            raise CardError(
                f"{self.folder}: expected an image of {named}, found {', '.join(signs[names[0]])}, "
                f"which is a sign of {names[0]}. Leave --image out"
            )
        if len(names) == 1:
            return names[0]
        found = [sign for each in signs.values() for sign in each] or ["no signs of either"]
        raise CardError(
            f"{self.folder}: cannot tell bookworm from trixie: found {', '.join(found)}, image "
            f"date {date or 'unknown'}. Give --image bookworm or --image trixie"
        )
