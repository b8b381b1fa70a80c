"""Make Python lack what it lacks on Windows: on PYTHONPATH it is imported at each start.

It imitates what the kit could meet there: no modules and functions of POSIX, no renaming or
removing of open files, no opening of folders, and `msvcrt` for locks. `os.name` stays, since the
standard library would go by it. The consoles and paths are the tests' matter.
"""

import ctypes
import errno
import fcntl
import os
import signal
import subprocess  # before msvcrt, which would make it believe in Windows
import sys
import types
import warnings
from pathlib import Path

MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
OF_OS = "chown fchmod fchown fork geteuid getgid getegid mkfifo nice posix_spawn "
OF_OS += "posix_spawnp sched_getaffinity statvfs sysconf wait3 wait4 O_DIRECTORY O_NOFOLLOW"


subprocess._USE_POSIX_SPAWN = False  # Windows has its own way; here it forks


class _Blocked:
    """Finds none of the modules."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _locking(descriptor, mode, _bytes):
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if mode else fcntl.LOCK_UN) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PermissionError(errno.EACCES, "Permission denied") from None


def _is_open(path) -> bool:
    """Return whether a process has a file open."""
    target = os.path.realpath(path)
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) == target:
                return True
        except OSError:  # it has ended, or is another user's
            continue
    return False


def _refuse(event, arguments):
    """Refuse, as an audit hook, what Windows refuses."""
    if event == "open" and isinstance(arguments[0], (str, bytes)) and os.path.isdir(arguments[0]):  # noqa: PTH112
        raise PermissionError(errno.EACCES, "Permission denied", arguments[0])
    if event in ("os.rename", "os.remove"):
        for path in arguments[: 2 if event == "os.rename" else 1]:
            if _is_open(path):
                text = "The process cannot access the file because it is being used"
                raise PermissionError(errno.EACCES, text, path)


def _link(*_words, follow_symlinks=True, **_options):
    if not follow_symlinks:
        raise NotImplementedError("link: follow_symlinks unavailable on this platform")
    raise OSError(errno.EPERM, "no links on this disk")


def _rename(source, target, rename=os.rename):
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "File exists", target)
    rename(source, target)


class _CDLL(ctypes.CDLL):
    def __init__(self, name, *arguments, **options):
        if name is None:
            raise TypeError("LoadLibrary() argument 1 must be str, not None")
        super().__init__(name, *arguments, **options)


for name in MODULES & sys.modules.keys():
    del sys.modules[name]
sys.meta_path.insert(0, _Blocked)
msvcrt = types.ModuleType("msvcrt")
msvcrt.LK_UNLCK, msvcrt.LK_LOCK, msvcrt.LK_NBLCK, msvcrt.locking = 0, 1, 2, _locking
sys.modules["msvcrt"] = msvcrt
for name in OF_OS.split():
    delattr(os, name)
for name in "SIGALRM SIGHUP SIGKILL SIGPIPE SIGQUIT SIGUSR1 SIGUSR2".split():
    delattr(signal, name)
os.link, os.rename, ctypes.CDLL = _link, _rename, _CDLL
sys.addaudithook(_refuse)
warnings.filterwarnings("error", category=EncodingWarning, module=r"nn\b")
