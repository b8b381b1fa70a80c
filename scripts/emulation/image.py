"""Make a card with the kit: run the roles that set up a Pi in a chroot, on emulated ARMv6."""

import json
import os
import re
import sys
from pathlib import Path

from scripts.emulation.card import (
    ADDED_BYTES,
    CARD_BYTES,
    find_boot_files,
    grow,
    make_reachable,
    make_user,
    mounts_of,
    partitions,
    write_card,
)
from scripts.emulation.card_folder import (
    HOST,
    PROJECT,
    USER,
    CardFolder,
    kit_fingerprint,
    tree_fingerprint,
)
from scripts.emulation.emulator import Emulator
from scripts.machines.arm import PI_ZERO, enable_arm
from scripts.machines.chroot import Mount, beside
from scripts.machines.host import (
    CommandError,
    MachineError,
    remove_tree,
    require_commands,
    require_root,
    require_space,
    retry,
    show,
    work,
)
from scripts.machines.roots import MACHINE, RELEASE, RootKind, ensure_root, locked

# With Debian's own kernel for the Pi Zero, and zstd for its initrd.
CARD = RootKind("card", (*MACHINE, "linux-image-rpi", "zstd"), "armel")
COMMANDS = ("unshare", "mmdebstrap", "ssh-keygen", "mke2fs", "sfdisk", "losetup", "resize2fs")
PLAYBOOK_SECONDS, TASK_SECONDS = 7200, 1800
UNNAMED = "raspberrypi.local"  # a card of Raspberry Pi OS, until it is given a name
# What ansible-playbook ends with when a task failed on a host; otherwise it refused to begin.
TASK_FAILED = 2


def make_image(
    folder: CardFolder,
    base: Path | None,
    flags: list[str],
    *,
    mirror: Path | None = None,
    replace: bool = False,
) -> Path:
    """Make a card; repeat a stage only if its inputs have changed.

    Parameters
    ----------
    folder : CardFolder
        Where the card and its parts are written.
    base : Path or None
        An image of Raspberry Pi OS, or a folder with an ARMv6 root; None for Debian's.
    flags : list of str
        More options for ansible-playbook.
    mirror : Path, optional
        A folder with MNIST, to take it from.
    replace : bool
        Whether a card that was booted may be replaced.

    Returns
    -------
    image : Path

    Raises
    ------
    MachineError
        When this host lacks something, or a stage fails; finished stages are kept. When the card
        was booted, and the kit or its base has changed since it was made.
    """
    require_root()
    require_commands(*COMMANDS)
    enable_arm()
    if base and not base.exists():
        raise MachineError(f"{base}: no such file or folder: give an image or a root as BASE=")
    folder.path.mkdir(parents=True, exist_ok=True)
    with locked(folder.path / "lock"):
        # a copy of a link would be a link to the user's own files
        make = _image_of if base and base.is_file() else _debian_image
        return make(base and base.resolve(), folder, flags, mirror, replace)


def _debian_image(
    base: Path | None, folder: CardFolder, flags: list[str], mirror: Path | None, replace: bool
) -> Path:
    if base:
        _require_arm_root(base, folder)
    fingerprint = kit_fingerprint(flags)
    if not folder.stage("card").endswith(f" {fingerprint}"):
        _require_replaceable(folder, replace)  # before anything that takes minutes
    if base:
        source, state = base, f"{base} {tree_fingerprint(base)}"
    else:
        _say("a Debian root of ARMv6 packages (5 to 15 minutes, once)")
        source = ensure_root(RELEASE, CARD)
        state = str(source)  # its name says what is in it
    kit = f"{state} {fingerprint}"
    if folder.stage("card") == kit and folder.image.exists():
        _say(f"already done: {folder.image}. 'make emulate' boots it")
        return folder.image
    _require_replaceable(folder, replace)
    require_space(folder.path, CARD_BYTES // 1_000_000)
    if folder.stage("root") != state or not folder.root.is_dir():
        _say(f"a copy of {source}")
        for stage in ("root", "kit", "card"):
            folder.stage_done(stage, "")
        remove_tree(folder.root)
        copy = ("cp", "--archive", "--reflink=auto", source, folder.root)
        work("image: the copy", *copy, timeout=1800)
        make_reachable(folder)
        folder.stage_done("root", state)
    if folder.stage("kit") != kit:
        _say("the kit, with the roles that set up a Pi (20 to 60 minutes)")
        folder.stage_done("kit", "")
        provision(folder, folder.root, _with_mirror(flags, mirror), address="localhost")
        folder.stage_done("kit", kit)
    _require_replaceable(folder, replace)  # it may have been booted in the meantime
    _say(f"the card, {folder.image}")
    folder.stage_done("card", "")
    write_card(folder)
    folder.stage_done("card", kit)
    _say(f"done: {folder.image}. 'make emulate' boots it")
    return folder.image


def _with_mirror(flags: list[str], mirror: Path | None) -> list[str]:
    """Add where MNIST is; it is not an input of the card, whose MNIST is always the same."""
    place = json.dumps({"dataset_mirror": str(mirror)})
    return ["--extra-vars", place, *flags] if mirror else flags


def _require_replaceable(folder: CardFolder, replace: bool) -> None:
    """Refuse to replace a card that is in use, or without permission one that was."""
    if pid := Emulator(folder).pid:
        raise MachineError(
            f"the emulated Pi is running from {folder.image}, as process {pid}: stop it with "
            "'make emulate-stop', then run 'make image' again"
        )
    if folder.was_booted and not replace:
        raise MachineError(
            f"{folder.image} was booted, and what was saved on it would be lost: the kit or the "
            "base has changed since the card was made. 'make emulate' still boots it; 'make image "
            "REPLACE=1' replaces it; 'make image CARD=folder' makes another"
        )


def _require_arm_root(base: Path, folder: CardFolder) -> None:
    """Refuse a folder that is not an ARMv6 root, or that overlaps with the card's own folder."""
    own = folder.path.resolve()
    if base == Path("/") or own.is_relative_to(base) or base.is_relative_to(own):
        raise MachineError(f"{base} contains the card's folder {own}, or is in it: copy it first")
    status = base / "var/lib/dpkg/status"
    text = status.read_text(errors="replace") if status.is_file() else ""
    if not re.search(r"(?m)^Architecture: arm(el|hf)$", text):
        raise MachineError(
            f"{base} has no packages for armel or armhf: expected the root of a 32-bit Raspberry "
            "Pi OS or of Debian's armel, or an image file"
        )
    find_boot_files(base)


def _image_of(
    base: Path, folder: CardFolder, flags: list[str], mirror: Path | None, replace: bool
) -> Path:
    """Put the kit into an image of Raspberry Pi OS; keep its partitions and boot files."""
    partitions(base)
    target = folder.path / f"{base.stem}-pi-nn.img"
    unfinished, root = target.with_suffix(".part"), folder.path / "mounted"
    made_from = f"{base} {base.stat().st_mtime_ns} {kit_fingerprint(flags)}"
    if target.exists() and folder.stage(target.name) == made_from:
        _say(f"already done: {target}")
        return target
    if folder.was_changed(target, target.name) and not replace:
        raise MachineError(
            f"{target} was written to since it was made, and the kit or the base has changed: "
            "'make image REPLACE=1' with the same BASE= replaces it"
        )
    if folder.stage(unfinished.name) == made_from and unfinished.exists():
        _say(f"continuing with {unfinished}: delete it to start again")
    else:
        require_space(folder.path, (2 * base.stat().st_size + ADDED_BYTES) // 1_000_000)
        _say(f"a copy of {base}, with {ADDED_BYTES // 1024**3} GB more space")
        folder.stage_done(unfinished.name, "")
        work("image: the copy", "cp", "--sparse=always", base, unfinished, timeout=1800)
        grow(unfinished)
        folder.stage_done(unfinished.name, made_from)
    root.mkdir(exist_ok=True)
    mounts = mounts_of(unfinished)
    make_user(root, *mounts)
    _say("the kit, with the roles that set up a Pi (20 to 60 minutes)")
    provision(folder, root, _with_mirror(flags, mirror), *mounts, address=UNNAMED)
    unfinished.rename(target)
    folder.stage_done(target.name, made_from)
    _say(
        f"done: {target}. Flash it without settings, and prepare the card with --user {USER}. All "
        "cards made from it share one Jupyter password: 'make provision' gives each its own"
    )
    return target


def provision(
    folder: CardFolder, root: Path, flags: list[str], *mounts: Mount, address: str
) -> None:
    """Run the playbook that sets up a Pi on a root, on the Pi Zero's emulated processor.

    `address` is where its Jupyter can be reached once it has booted.

    Raises
    ------
    MachineError
        When a task fails twice, or it hangs three times; at once when it cannot begin.
    """
    inventory = folder.path / "chroot.yml"
    settings = {
        "ansible_connection": "community.general.chroot",
        "ansible_host": str(root),
        "ansible_user": USER,
        "ansible_become_method": "ansible.builtin.su",  # sudo would drop QEMU_CPU
        "jupyter_address": address,
    }
    # JSON, which YAML includes: a path may have spaces and colons
    inventory.write_text(json.dumps({"pis": {"hosts": {HOST: settings}}}, indent=2))
    log = folder.path / "provision.log"
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": "ansible/ansible.cfg",
        "ANSIBLE_TASK_TIMEOUT": str(TASK_SECONDS),
        "ANSIBLE_LOG_PATH": str(log),
        "QEMU_CPU": PI_ZERO,
    }
    playbook = Path(sys.executable).with_name("ansible-playbook")
    command = (playbook, "-i", inventory, *flags, "ansible/playbooks/site.yml")
    command = (*beside(root, *mounts), *command)

    def run() -> None:
        log.unlink(missing_ok=True)
        try:
            show(*command, timeout=PLAYBOOK_SECONDS, env=environment, cwd=PROJECT)
        except CommandError as error:
            if not error.status & TASK_FAILED:  # an option, the inventory, the playbook itself
                raise MachineError(str(error)) from error
            task = last_task(log)
            raise CommandError(f"the task '{task}' failed: see above, or {log}", 2) from error

    retry(run)


def last_task(log: Path) -> str:
    """Return the name of the last task in Ansible's log: the one that failed."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return (re.findall(r"TASK \[(.*)\] \**", text) or ["unknown"])[-1]


def _say(message: str) -> None:
    print(f"image: {message}", file=sys.stderr, flush=True)
