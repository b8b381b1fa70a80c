"""Print what the class cache lacks for this machine, as JSON: find_missing.py CACHE RELEASE NAME...

CACHE is its URL, RELEASE the one whose wheels are needed, the names are of packages. apt's lists
are updated first, from the cache.
"""

import json
import re
import subprocess
import sys
import time
import urllib.request

LOCK_SECONDS = 300  # a new card updates itself at its first boot


def main(cache: str, release: str, *names: str) -> None:
    """Print a list of what is missing."""
    updated = update()
    lists = re.findall(r"^[WE]: Failed to fetch (\S+)", updated.stderr, re.M)  # often a warning
    if updated.returncode != 0 or lists:
        print(json.dumps(lists or updated.stderr.splitlines()))
        return
    install = "apt-get install --print-uris --yes --quiet=2 --no-install-recommends".split()
    listed = subprocess.run([*install, *names], capture_output=True, text=True)
    if listed.returncode != 0:
        print(json.dumps(listed.stderr.splitlines()))
        return
    urls = re.findall(r"^'([^']+)'", listed.stdout, re.M)
    question = json.dumps({"urls": urls, "wheels": release}).encode()
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with directly.open(f"{cache}/missing", question, timeout=600) as answer:
        print(answer.read().decode())


def update() -> subprocess.CompletedProcess:
    """Update apt's lists; wait for another apt that is doing so."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        done = subprocess.run(["apt-get", "update", "--quiet=2"], capture_output=True, text=True)
        if "Could not get lock" not in done.stderr or time.monotonic() > deadline:
            return done
        time.sleep(10)


if __name__ == "__main__":
    main(*sys.argv[1:])
