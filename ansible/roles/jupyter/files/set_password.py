"""Keep the hash of Jupyter's password in a file that its server alone can read.

    set_password.py FILE USER

The password comes on standard input, so that no list of processes and no journal shows it. A hash
that fits it already is left as it is, since each new one has a new salt.
"""

import grp
import json
import os
import pwd
import sys
from pathlib import Path

from jupyter_server.auth import passwd
from jupyter_server.auth.security import passwd_check

SHORTEST = 8


def main(path: Path, user: str) -> None:
    """Write the file unless it fits; say which."""
    password = sys.stdin.read().strip()
    if len(password) < SHORTEST:  # the file on the controller may be an empty one
        sys.exit(f"expected {SHORTEST} characters or more, got {len(password)}")
    group = grp.getgrgid(pwd.getpwnam(user).pw_gid)
    if path.exists() and passwd_check(_hash(path), password):
        print("unchanged")
        return
    temporary = path.with_name(path.name + ".part")
    content = {"PasswordIdentityProvider": {"hashed_password": passwd(password)}}
    temporary.touch(mode=0o600)
    temporary.chmod(0o640)
    os.chown(temporary, 0, group.gr_gid)
    temporary.write_text(json.dumps(content))
    temporary.replace(path)
    print("changed")


def _hash(path: Path) -> str:
    try:
        return json.loads(path.read_text())["PasswordIdentityProvider"]["hashed_password"]
    except (ValueError, KeyError, TypeError):
        return ""


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
