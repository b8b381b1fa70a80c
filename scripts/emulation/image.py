"""Make a card with the kit: run the roles that set up a Pi in a chroot, on emulated ARMv6."""

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
from scripts.emulation.card_folder import HOST, PROJECT, USER, CardFolder, kit_fingerprint
from scripts.machines.arm import PI_ZERO, enable_arm
from scripts.machines.chroot import Mount, beside
from scripts.machines.host import (
    MachineError,
    call,
    remove_tree,
    require_commands,
    require_root,
    require_space,
    retry,
    show,
)
from scripts.machines.roots import MACHINE, RELEASE, RootKind, ensure_root, locked

# With Debian's own kernel for the Pi Zero, and zstd for its initrd.
CARD = RootKind("card", (*MACHINE, "linux-image-rpi", "zstd"), "armel")
COMMANDS = ("unshare", "mmdebstrap", "ssh-keygen", "mke2fs", "sfdisk", "losetup", "resize2fs")
PLAYBOOK_SECONDS, TASK_SECONDS = 7200, 1800
INVENTORY = """\
pis:
  hosts:
    {host}:
      ansible_connection: community.general.chroot
      ansible_host: {root}
      ansible_user: {user}
      ansible_become_method: ansible.builtin.su # sudo would drop QEMU_CPU
      jupyter_address: {host}
"""


def make_image(folder: CardFolder, base: Path | None, flags: list[str]) -> Path:
    """Make a card; repeat a stage only if its inputs have changed.

    Parameters
    ----------
    folder : CardFolder
        Where the card and its parts are written.
    base : Path or None
        An image of Raspberry Pi OS, or a folder with an ARMv6 root; None for Debian's.
    flags : list of str
        More options for ansible-playbook.

    Returns
    -------
    image : Path

    Raises
    ------
    MachineError
        When this host lacks something, or a stage fails; finished stages are kept.
    """
    require_root()
    require_commands(*COMMANDS)
    enable_arm()
    if base and not base.exists():
        raise MachineError(f"{base}: no such file or folder: give an image or a root as BASE=")
    folder.path.mkdir(parents=True, exist_ok=True)
    with locked(folder.path / "lock"):
        if base and base.is_file():
            return _image_of(base, folder, flags)
        return _debian_image(base, folder, flags)


def _debian_image(base: Path | None, folder: CardFolder, flags: list[str]) -> Path:
    if base:
        _require_arm_root(base, folder)
    _say("a Debian root of ARMv6 packages (5 to 15 minutes, once)")
    source = base or ensure_root(RELEASE, CARD)
    kit = f"{source} {kit_fingerprint(flags)}"
    if folder.stage("card") != kit or not folder.image.exists():
        require_space(folder.path, CARD_BYTES // 1_000_000)
    if folder.stage("root") != str(source):
        _say(f"a copy of {source}")
        for stage in ("root", "kit", "card"):
            folder.stage_done(stage, "")
        remove_tree(folder.root)
        call("cp", "--archive", "--reflink=auto", source, folder.root, timeout=1800)
        make_reachable(folder)
        folder.stage_done("root", str(source))
    if folder.stage("kit") != kit:
        _say("the kit, with the roles that set up a Pi (20 to 60 minutes)")
        folder.stage_done("kit", "")
        provision(folder, folder.root, flags)
        folder.stage_done("kit", kit)
    if folder.stage("card") != kit or not folder.image.exists():
        _say(f"the card, {folder.image}")
        folder.stage_done("card", "")
        write_card(folder)
        folder.stage_done("card", kit)
    _say(f"done: {folder.image}. 'make emulate' boots it")
    return folder.image


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


def _image_of(base: Path, folder: CardFolder, flags: list[str]) -> Path:
    """Put the kit into an image of Raspberry Pi OS; keep its partitions and boot files."""
    partitions(base)
    target = folder.path / f"{base.stem}-pi-nn.img"
    unfinished, root = target.with_suffix(".part"), folder.path / "mounted"
    made_from = f"{base} {base.stat().st_mtime_ns} {kit_fingerprint(flags)}"
    if target.exists() and folder.stage(target.name) == made_from:
        _say(f"already done: {target}")
        return target
    if folder.stage(unfinished.name) == made_from and unfinished.exists():
        _say(f"continuing with {unfinished}: delete it to start again")
    else:
        require_space(folder.path, (2 * base.stat().st_size + ADDED_BYTES) // 1_000_000)
        _say(f"a copy of {base}, with {ADDED_BYTES // 1024**3} GB more space")
        folder.stage_done(unfinished.name, "")
        call("cp", "--sparse=always", base, unfinished, timeout=1800)
        grow(unfinished)
        folder.stage_done(unfinished.name, made_from)
    root.mkdir(exist_ok=True)
    mounts = mounts_of(unfinished)
    make_user(root, *mounts)
    _say("the kit, with the roles that set up a Pi (20 to 60 minutes)")
    provision(folder, root, flags, *mounts)
    unfinished.rename(target)
    folder.stage_done(target.name, made_from)
    _say(
        f"done: {target}. Flash it without settings, and prepare the card with --user {USER}. All "
        "cards made from it share one Jupyter password: 'make provision' gives each its own"
    )
    return target


def provision(folder: CardFolder, root: Path, flags: list[str], *mounts: Mount) -> None:
    """Run the playbook that sets up a Pi on a root, on the Pi Zero's emulated processor.

    Raises
    ------
    MachineError
        When it fails, or hangs, three times.
    """
    inventory = folder.path / "chroot.yml"
    inventory.write_text(INVENTORY.format(host=HOST, root=root, user=USER))
    playbook = Path(sys.executable).with_name("ansible-playbook")
    command = (playbook, "-i", inventory, *flags, "ansible/playbooks/site.yml")
    settings = {
        **os.environ,
        "ANSIBLE_CONFIG": "ansible/ansible.cfg",
        "ANSIBLE_TASK_TIMEOUT": str(TASK_SECONDS),
        "QEMU_CPU": PI_ZERO,
    }
    command = (*beside(root, *mounts), *command)
    retry(lambda: show(*command, timeout=PLAYBOOK_SECONDS, env=settings, cwd=PROJECT))


def _say(message: str) -> None:
    print(f"image: {message}", file=sys.stderr, flush=True)
