"""Store the hash of Jupyter's password in a file that root and the service alone can read.

    set_password.py FILE USER

The password is read from standard input, so that no process list and no journal shows it. A hash
that matches it already is left as it is, since each new one has a new salt.
"""

import json
import os
import pwd
import sys
from pathlib import Path

from atomic import atomic_write  # the kit's nn/saving/atomic.py, installed beside this file
from jupyter_server.auth import passwd
from jupyter_server.auth.security import passwd_check

MIN_LENGTH = 8


def main(path: Path, user: str) -> None:
    """Write the file unless its hash matches; say which."""
    password = sys.stdin.read().strip()
    if len(password) < MIN_LENGTH:  # the file on the controller may be empty
        sys.exit(f"expected at least {MIN_LENGTH} characters, got {len(password)}")
    if path.exists() and passwd_check(_hash(path), password):
        print("unchanged")
        return
    content = {"PasswordIdentityProvider": {"hashed_password": passwd(password)}}
    os.setegid(pwd.getpwnam(user).pw_gid)  # the group of the file, from its first byte on
    with atomic_write(path, mode=0o640) as file:
        file.write(json.dumps(content).encode())
    print("changed")


def _hash(path: Path) -> str:
    try:
        return json.loads(path.read_text())["PasswordIdentityProvider"]["hashed_password"]
    except (ValueError, KeyError, TypeError):
        return ""


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
