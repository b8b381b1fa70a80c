"""A machine under QEMU that boots a card's files, with two services of its own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.machines.host import MachineError, call, require_commands

DISK_MB, MEMORY_MB, BOOT_SECONDS = 1600, 1024, 3600
UNITS = {
    "air.service": """\
[Unit]
RequiresMountsFor=/lab
Before=NetworkManager.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/python3 /lab/guest.py early
[Install]
WantedBy=NetworkManager.service
""",
    "report.service": """\
[Unit]
After=multi-user.target
[Service]
Type=simple
ExecStart=/usr/bin/python3 /lab/guest.py report
[Install]
WantedBy=graphical.target
""",
}
# As the image of Raspberry Pi OS has them; the radio is off.
FILES = {
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n"
    "/dev/vdb /boot/firmware ext4 defaults 0 0\n"
    "/dev/vdc /lab ext4 defaults,ro 0 0\n",
    "etc/modprobe.d/radio.conf": "options mac80211_hwsim radios=2\n"
    "options rfkill default_state=0\n",
    "var/lib/NetworkManager/NetworkManager.state": "[main]\nWirelessEnabled=false\n",
    "etc/cloud/cloud.cfg.d/99-card.cfg": "datasource_list: [NoCloud, None]\n"
    'datasource: {NoCloud: {seedfrom: "file:///boot/firmware"}}\n',
    "etc/systemd/system/cloud-init-local.service.d/card.conf": "[Unit]\n"
    "RequiresMountsFor=/boot/firmware\n",
    "usr/lib/netplan/00-network-manager-all.yaml": "network: {renderer: NetworkManager}\n",
    # Not on Raspberry Pi OS: it would wait for a network of its own.
    "etc/systemd/system-preset/00-card.preset": "disable systemd-networkd*\n",
    "etc/hostname": "raspberrypi\n",
    "etc/hosts": "127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n"
    "\n127.0.1.1\traspberrypi\n",
}
# Under QEMU on a busy computer, each device takes minutes.
PATIENT = (
    "console=ttyS0 root=/dev/vda rw systemd.default_device_timeout_sec=1500 "
    "systemd.default_timeout_start_sec=1500"
).split()


def require_qemu() -> None:
    """Raise a MachineError unless this computer can boot such machines."""
    require_commands("mke2fs")
    if not shutil.which("qemu-system-x86_64"):
        raise MachineError("needs qemu-system-x86_64: run `apt-get install qemu-system-x86`")


def make_disk(root: Path, folder: Path, files: dict[str, str] | None = None) -> Path:
    """Make the machine's disk from a root: what an image has, more files, our two services."""
    extra = folder / "extra"
    for name, text in (FILES | (files or {})).items():
        path = extra / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600 if "connections" in name else 0o644)
    units = extra / "etc/systemd/system"
    for name, text in UNITS.items():
        (units / name).write_text(text)
        target = text.split("WantedBy=")[1].strip()
        wants = units / f"{target}.wants"
        wants.mkdir(exist_ok=True)
        (wants / name).symlink_to(f"/etc/systemd/system/{name}")
    (units / "default.target").symlink_to("/usr/lib/systemd/system/graphical.target")
    (extra / "lab").mkdir()
    (extra / "boot/firmware").mkdir(parents=True)
    merged = folder / "root"
    call("cp", "-a", "--reflink=auto", root, merged, timeout=600)
    call("cp", "-aT", extra, merged)
    (merged / "etc/machine-id").write_text("uninitialized\n")
    disk = folder / "disk.img"
    make_volume(merged, disk, DISK_MB)
    for name in ("vmlinuz", "initrd.img"):
        newest = max((root / "boot").glob(f"{name}-*"))
        shutil.copy(newest, folder / name)
    shutil.rmtree(merged)
    return disk


def make_volume(source: Path, target: Path, megabytes: int) -> None:
    """Make a file system of a folder."""
    call("mke2fs", "-q", "-F", "-t", "ext4", "-d", source, target, f"{megabytes}M", timeout=600)


def boot(folder: Path, card: Path, lab: Path) -> list[dict]:
    """Boot the machine on a card's files; return the lines of its report."""
    make_volume(card, folder / "card.img", 32)
    make_volume(lab, folder / "lab.img", 16)
    words = [
        word
        for word in (card / "cmdline.txt").read_text().split()
        if not word.startswith(("console=", "root", "init=", "resize"))
    ]
    report = folder / "report.jsonl"
    report.write_text("")
    disks = [
        f"-drive=file={folder / name},if=virtio,format=raw,cache=unsafe"
        for name in ("disk.img", "card.img", "lab.img")
    ]
    command = [
        "qemu-system-x86_64",
        "-m",
        str(MEMORY_MB),
        "-nic",
        "none",
        "-nographic",
        "-no-reboot",
        "-snapshot",
        "-kernel",
        folder / "vmlinuz",
        "-initrd",
        folder / "initrd.img",
        "-append",
        " ".join([*PATIENT, *words]),
        *[part for disk in disks for part in disk.split("=", 1)],
        "-serial",
        f"file:{folder / 'console.log'}",
        "-serial",
        f"file:{report}",
        "-monitor",
        "none",
    ]
    machine = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL)
    try:
        machine.wait(BOOT_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"the machine was not done after {BOOT_SECONDS} s", file=sys.stderr)
    finally:
        machine.kill()
        machine.wait()
    return [json.loads(line) for line in report.read_text().splitlines() if line.strip()]
