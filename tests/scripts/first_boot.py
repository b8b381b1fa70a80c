"""bookworm's first two boots on a card's files: by Raspberry Pi's programs, or by stand-ins.

Raspberry Pi's own shell programs are not in Debian. Where FIRSTBOOT_TOOLS names a folder that has
their repositories (raspberrypi-sys-mods, userconf-pi, raspi-config), they run in a bookworm root;
otherwise stand-ins do what those are known to do, on a small tree of files.
"""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

from scripts.machines.chroot import Mount, inside
from scripts.machines.host import call
from scripts.machines.roots import RootKind, ensure_root

TOOLS = os.environ.get("FIRSTBOOT_TOOLS")
KIND = RootKind(
    "first-boot",
    tuple(
        "ca-certificates console-setup dbus iproute2 iw keyboard-configuration kmod locales "
        "network-manager openssh-server procps python3 python3-toml rfkill sudo systemd-sysv "
        "tzdata util-linux uuid whiptail wpasupplicant".split()
    ),
)
# What the image has where.
PROGRAMS = {
    "raspberrypi-sys-mods/usr/lib/raspberrypi-sys-mods/init_config": "usr/lib/raspberrypi-sys-mods",
    "raspberrypi-sys-mods/usr/lib/raspberrypi-sys-mods/imager_custom": (
        "usr/lib/raspberrypi-sys-mods"
    ),
    "userconf-pi/userconf": "usr/lib/userconf-pi",
    "userconf-pi/cancel-rename": "usr/bin",
    "raspi-config/raspi-config": "usr/bin",
}
FILES = {
    "etc/hostname": "raspberrypi\n",
    "etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n",
    "etc/ssh/sshd_config": "#PasswordAuthentication yes\n",
    "etc/default/keyboard": 'XKBMODEL="pc105"\nXKBLAYOUT="gb"\nXKBVARIANT=""\nXKBOPTIONS=""\n',
    "etc/timezone": "Europe/London\n",
    "etc/locale.gen": "en_GB.UTF-8 UTF-8\n",
    "etc/default/locale": "LANG=en_GB.UTF-8\n",
    "var/lib/NetworkManager/NetworkManager.state": "[main]\nWirelessEnabled=false\n",
    "var/lib/systemd/rfkill/platform-3f300000.mmcnr:wlan": "1\n",
}
UNITS = {
    "etc/systemd/system/userconfig.service": "[Service]\nExecStart=/bin/true\n"
    "[Install]\nWantedBy=multi-user.target\n",
}
MAKE_USER = """
useradd --create-home --shell /bin/bash --groups adm,sudo,video pi 2>/dev/null || true
echo "pi ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/010_pi-nopasswd
"""
PROFILES = "etc/NetworkManager/system-connections"


class RealFirstBoot:
    """A bookworm root with Raspberry Pi's programs."""

    name = "Raspberry Pi's programs"

    def __init__(self, folder: Path):
        self.root = folder / "root"
        call("cp", "-a", "--reflink=auto", ensure_root("bookworm", KIND), self.root, timeout=900)
        _write(self.root, FILES | UNITS)
        for source, target in PROGRAMS.items():
            place = self.root / target
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(TOOLS) / source, place)
            (place / Path(source).name).chmod(0o755)
        self._run("sh", "-c", MAKE_USER)

    def boot(self, card: Path) -> None:
        """Run both boots."""
        mount = Mount(card, "/boot/firmware", "bind")
        toml = "/boot/firmware/custom.toml"
        done = self._run("/usr/lib/raspberrypi-sys-mods/init_config", toml, mounts=(mount,))
        assert "Unknown" not in done, done
        assert "Failed" not in done, done
        if (card / "firstrun.sh").is_file():
            self._run("sh", "/boot/firmware/firstrun.sh", mounts=(mount,))

    def _run(self, *command: str, mounts=()) -> str:
        done = call(*inside(self.root, *mounts), *command, timeout=900)
        return done.stdout + done.stderr

    def user(self) -> tuple[str, str, str]:
        """Return the first user's name, group and password's hash."""
        read = self._read
        name = re.search(r"^(\S+?):x:1000:", read("etc/passwd"), re.M)[1]
        group = re.search(r"^(\S+?):x:1000:", read("etc/group"), re.M)[1]
        return name, group, re.search(rf"^{name}:(.*?):", read("etc/shadow"), re.M)[1]

    def profile(self, name: str) -> str:
        """Return a profile as NetworkManager understands it."""
        path = self.root / PROFILES / name
        assert path.stat().st_mode & 0o777 == 0o600
        command = ("nmcli", "--offline", "connection", "modify", "connection.autoconnect", "yes")
        done = call(*inside(self.root), *command, text=path.read_text())
        return done.stdout

    def _read(self, name: str) -> str:
        return (self.root / name).read_text()


class StandInFirstBoot(RealFirstBoot):
    """A small tree of files, on which stand-ins do what Raspberry Pi's programs are known to do."""

    name = "stand-ins"

    def __init__(self, folder: Path):
        self.root = folder / "root"
        _write(self.root, FILES)
        _write(self.root, {f"{PROFILES}/.keep": "", "home/pi/.keep": "", "etc/udev/rules.d/x": ""})
        _write(self.root, {"etc/shadow": "pi:*:\n", "etc/passwd": "pi:x:1000:1000::/home/pi:\n"})
        _write(self.root, {"etc/group": "pi:x:1000:\n"})
        self.programs = folder / "bin"
        for name, text in STAND_INS.items():
            _write(self.programs, {name: text.replace("ROOT", str(self.root))})
            (self.programs / name).chmod(0o755)

    def boot(self, card: Path) -> None:
        """Read custom.toml as init_config does; run the script with its paths in the tree."""
        self._init_config(tomllib.loads((card / "custom.toml").read_text()))
        if (card / "firstrun.sh").is_file():
            script = (card / "firstrun.sh").read_text().replace("/boot/firmware", str(card))
            script = re.sub(r"(?<=[ \n])/(etc|var)/", rf"{self.root}/\1/", script)
            path = f"{self.programs}:{os.environ['PATH']}"
            subprocess.run(["sh", "-c", script], env={"PATH": path}, check=True)

    def _init_config(self, config: dict) -> None:
        user, ssh, wlan = config["user"], config["ssh"], config.get("wlan", {})
        name = user["name"]
        for file in ("etc/passwd", "etc/group", "etc/shadow"):
            text = self._read(file).replace("pi:", f"{name}:", 1).replace("*", user["password"])
            _write(self.root, {file: text})
        (self.root / "home/pi").rename(self.root / "home" / name)
        keys = [_echo(key) for key in ssh["authorized_keys"]]
        _write(self.root, {f"home/{name}/.ssh/authorized_keys": "".join(keys)})
        allowed = "yes" if ssh["password_authentication"] else "no"
        _write(self.root, {"etc/ssh/sshd_config": f"PasswordAuthentication {allowed}\n"})
        _write(self.root, {"etc/hostname": config["system"]["hostname"] + "\n"})
        hosts = self._read("etc/hosts").replace("raspberrypi", config["system"]["hostname"])
        _write(self.root, {"etc/hosts": hosts})
        if wlan:
            self._set_wlan(wlan)
        places = config.get("locale", {})
        for key, program in (
            ("keymap", "do_configure_keyboard"),
            ("timezone", "do_change_timezone"),
        ):
            if key in places:
                command = ["sh", self.programs / "raspi-config", "nonint", program, places[key]]
                subprocess.run(command, check=True)

    def _set_wlan(self, wlan: dict) -> None:
        """Write texts as they are, after taking options from wherever they stand."""
        words = [wlan["ssid"], *filter(None, [wlan.get("password")])]
        assert not {"-h", "--hidden", "-p", "--plain"} & {*words}
        text = "[connection]\nid=preconfigured\ntype=wifi\n[wifi]\nmode=infrastructure\n"
        text += f"ssid={words[0]}\nhidden={str(wlan['hidden']).lower()}\n[ipv4]\nmethod=auto\n"
        if len(words) > 1:
            text += f"[wifi-security]\nkey-mgmt=wpa-psk\npsk={words[1]}\n"
        _write(self.root, {f"{PROFILES}/preconfigured.nmconnection": text})
        (self.root / PROFILES / "preconfigured.nmconnection").chmod(0o600)

    def profile(self, name: str) -> str:
        """Return a profile as it stands."""
        return (self.root / PROFILES / name).read_text()


STAND_INS = {
    "raspi-config": """\
#!/bin/sh
case "$2" in
do_change_locale) echo "$3 UTF-8" > ROOT/etc/locale.gen; echo "LANG=$3" > ROOT/etc/default/locale;;
do_configure_keyboard) sed -i "s/^XKBLAYOUT.*/XKBLAYOUT=\\"$3\\"/" ROOT/etc/default/keyboard;;
do_change_timezone) echo "$3" > ROOT/etc/timezone;;
esac
""",
    "rfkill": "#!/bin/sh\n",
    "dpkg-reconfigure": "#!/bin/sh\n",
}


def _echo(text: str) -> str:
    """Write a line as imager_custom does, with the echo of sh."""
    done = subprocess.run(["sh", "-c", 'echo "$1"', "sh", text], capture_output=True, text=True)
    return done.stdout


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


FirstBoot = RealFirstBoot if TOOLS else StandInFirstBoot
