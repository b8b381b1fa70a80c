"""What is kept for all Pis, and when it is downloaded."""

import errno
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from scripts.classroom.cache import store as store_module
from scripts.classroom.cache.store import StoreError
from tests.conftest import PROJECT
from tests.scripts.classroom.cache.conftest import Handler

ALPHA = "pool/alpha_2%2bx.deb"
LISTS = ("dists/bookworm/InRelease", "dists/bookworm/main/binary-amd64/Packages.xz")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """Try again at once."""
    monkeypatch.setattr(store_module.time, "sleep", lambda seconds: None)


def sums(*paths) -> list[str]:
    """Return what sha256sum says of files."""
    done = subprocess.run(["sha256sum", *paths], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in done.stdout.splitlines()]


def test_thirty_ask_at_once_and_one_download_serves_them(store, upstream):
    """Of any name of the archive, however the address is written: the bytes of one."""
    urls = [upstream.url(ALPHA), upstream.url("pool/alpha_2+x.deb")] * 15
    urls[7] = urls[7].replace("127.0.0.1", "localhost")
    with ThreadPoolExecutor(30) as pool:
        paths = set(pool.map(store.get, urls))
    [path] = paths
    assert sum(upstream.asked.values()) == 1
    assert store.from_internet == upstream.sent == path.stat().st_size
    assert sums(path) == sums(upstream.folder / "debian/pool/alpha_2+x.deb")


def test_offline_has_what_was_downloaded_and_nothing_else(store, offline, upstream):
    """The internet is not asked, also about lists that may be old."""
    for name in (*LISTS, ALPHA):
        store.get(upstream.url(name))
    asked = sum(upstream.asked.values())
    for name in (*LISTS, ALPHA):
        assert offline.get(upstream.url(name)).is_file()
    with pytest.raises(StoreError, match=r"beta_2\+x\.deb is not in the class cache") as refused:
        offline.get(upstream.url("pool/beta_2+x.deb"))
    assert refused.value.status == 504
    assert sum(upstream.asked.values()) == asked
    assert offline.from_internet == 0


@pytest.mark.parametrize("name", [*LISTS, ALPHA])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[::-1],
        lambda content: b"\xff\xfe" + content[2:],
    ],
)
def test_a_damaged_file_is_downloaded_again(store, upstream, name, damage):
    """Also a list that no other list has a hash of; offline it counts as missing."""
    for each in (*LISTS, ALPHA):
        path = store.get(upstream.url(each))
    path = store.get(upstream.url(name))
    whole, written = path.read_bytes(), path.stat().st_mtime_ns
    path.write_bytes(damage(whole))
    os.utime(path, ns=(written, written))  # as a disk damages it
    later = type(store)(store.folder, store.systems)
    assert later.get(upstream.url(name)).read_bytes() == whole
    path.write_bytes(damage(whole))
    os.utime(path, ns=(written, written))
    without = type(store)(store.folder, store.systems, offline=True)
    assert not without.has_url(upstream.url(name))


def test_new_lists_replace_old_ones(store, upstream, monkeypatch):
    """The archive is asked whether they changed, and not while they are fresh."""
    for name in LISTS:
        store.get(upstream.url(name))
    upstream.publish({"alpha": ""})
    for name in LISTS:
        os.utime(upstream.folder / "debian" / name, (2e9, 2e9))
    old = store.get(upstream.url(LISTS[0])).read_bytes()
    monkeypatch.setattr(store_module, "FRESH_SECONDS", -1)
    assert store.get(upstream.url(LISTS[0])).read_bytes() != old
    packages = upstream.folder / "debian" / LISTS[1]
    assert sums(store.get(upstream.url(LISTS[1]))) == sums(packages)
    asked = upstream.asked[LISTS[0]]
    sent = upstream.sent
    store.get(upstream.url(LISTS[0]))
    assert (upstream.asked[LISTS[0]], upstream.sent) == (asked + 1, sent)  # not changed


def test_lists_stay_when_the_internet_fails(store, upstream, monkeypatch):
    """An archive that does not answer leaves what was downloaded."""
    before = store.get(upstream.url(LISTS[0])).read_bytes()
    monkeypatch.setattr(store_module, "FRESH_SECONDS", -1)
    upstream.shutdown()
    upstream.server_close()
    assert store.get(upstream.url(LISTS[0])).read_bytes() == before


def parts(store) -> list:
    return [*store.folder.rglob("*.part")]


@pytest.mark.parametrize("fail", [OSError(errno.ENOSPC, "No space"), ValueError("broken")])
def test_a_failed_download_leaves_nothing(store, upstream, fail):
    """Whatever fails; a full disk is named as this computer's, at once."""

    def report(_count):
        raise fail

    expected = "^this computer's disk is full: make space, or move |^broken$"
    with pytest.raises((StoreError, ValueError), match=expected):
        store.get(upstream.url(ALPHA), report)
    assert sum(upstream.asked.values()) == 1
    assert parts(store) == []
    assert store.get(upstream.url(ALPHA)).is_file()
    assert parts(store) == []


def test_a_full_disk_costs_no_list_that_is_here(store, upstream, monkeypatch):
    """Where there is room for the new list and not for its checksum."""
    path = store.get(upstream.url(LISTS[0]))
    before = path.read_bytes()
    upstream.publish({"alpha": ""})
    os.utime(upstream.folder / "debian" / LISTS[0], (2e9, 2e9))
    monkeypatch.setattr(store_module, "FRESH_SECONDS", -1)

    def fill(path, text, **_options):
        path.touch()
        raise OSError(errno.ENOSPC, "No space")

    monkeypatch.setattr(store_module.Path, "write_text", fill)
    assert store.get(upstream.url(LISTS[0])).read_bytes() == before
    assert parts(store) == []
    later = type(store)(store.folder, store.systems, offline=True)
    assert later.get(upstream.url(LISTS[0])).read_bytes() == before


def test_parts_of_killed_downloads_are_removed_at_the_start(store):
    """Not those of a download that runs beside it."""
    folder = store.folder / "archives/a/pool"
    folder.mkdir(parents=True)
    done = subprocess.Popen(["true"])
    done.wait()
    running = folder / f".x.deb.{os.getpid()}.part"
    for path in (folder / f".x.deb.{done.pid}.part", folder / ".y.part", running):
        path.write_text("half")
    type(store)(store.folder, store.systems)
    assert parts(store) == [running]


@pytest.mark.parametrize("status", [403, 429, 500, 503, 511])
def test_lists_stay_when_a_proxy_refuses(store, upstream, monkeypatch, status):
    """As a school's does: it says nothing of the archive."""
    before = store.get(upstream.url(LISTS[0])).read_bytes()
    monkeypatch.setattr(store_module, "FRESH_SECONDS", -1)
    monkeypatch.setattr(Handler, "do_GET", lambda handler: handler.send_error(status))
    assert store.get(upstream.url(LISTS[0])).read_bytes() == before


def test_a_list_that_is_gone_is_not_kept_up(store, upstream, monkeypatch):
    """The archive itself says so."""
    store.get(upstream.url(LISTS[0]))
    monkeypatch.setattr(store_module, "FRESH_SECONDS", -1)
    (upstream.folder / "debian" / LISTS[0]).unlink()
    with pytest.raises(StoreError, match="404 File not found"):
        store.get(upstream.url(LISTS[0]))


@pytest.mark.parametrize("name", [LISTS[0], ALPHA])
def test_the_page_of_a_schools_login_is_not_kept(store, upstream, name):
    """It answers any address, with a page of its own."""
    (upstream.folder / "debian" / name.replace("%2b", "+")).write_text("<html>Log in</html>")
    with pytest.raises(StoreError, match="got another file than the archive"):
        store.get(upstream.url(name))
    assert not store.path(upstream.url(name)).exists()


def test_a_file_that_is_not_the_lists_own_is_refused(store, upstream):
    """It looks like a package, and has another hash."""
    for name in LISTS:
        store.get(upstream.url(name))
    (upstream.folder / "debian/pool/alpha_2+x.deb").write_bytes(b"!<arch>\nanother")
    with pytest.raises(StoreError, match="got another file than the archive"):
        store.get(upstream.url(ALPHA))


def test_what_the_archive_lacks_is_said_so(store, upstream):
    """With HTTP's own status, once."""
    with pytest.raises(StoreError, match="404 File not found") as refused:
        store.get(upstream.url("pool/none.deb"))
    assert refused.value.status == 404
    assert upstream.asked["pool/none.deb"] == 1


@pytest.mark.parametrize(
    "path",
    ["../../../etc/passwd", "pool/%2e%2e/%2e%2e/x", "pool/..%2f..%2fx", "pool//x", "pool/..%5cx"],
)
def test_no_address_leads_out_of_the_folder(store, upstream, path):
    """Nor to another computer in the school's network."""
    for url in (upstream.url(path), "http://192.168.1.1/debian/x", "http://127.0.0.1:1/debian/x"):
        with pytest.raises(StoreError, match="is of no archive in") as refused:
            store.get(url)
        assert refused.value.status == 403
    assert sum(upstream.asked.values()) == 0


@pytest.mark.parametrize(
    "path",
    ["x.deb", "pool", "dists/x", "other/x.deb", "pool/x?1", "pool/x%3f1", "pool/x#1"],
)
def test_one_file_has_one_name(store, upstream, path):
    """Otherwise a Pi could fill the disk with one, under as many names as it likes."""
    with pytest.raises(StoreError, match="is of no archive in") as refused:
        store.get(upstream.url(path))
    assert refused.value.status == 403
    assert sum(upstream.asked.values()) == 0


def test_the_docs_say_what_is_refused(store, upstream):
    """A Pi's apt asks the cache for all of a listed host: its other archives are refused."""
    with pytest.raises(StoreError, match="is of no archive in ansible/archives") as refused:
        store.get(upstream.url("pool/x.deb").replace("/debian/", "/backports/"))
    assert refused.value.status == 403
    docs = (PROJECT / "docs/classroom.md").read_text()
    assert "Of a host that is, list every archive that your Pis use: others are refused" in docs


@pytest.mark.parametrize("name", ["pool/main", "dists/bookworm/main"])
def test_the_page_of_a_folder_is_not_kept(store, upstream, name):
    """As a file it would be in the way of all files in that folder."""
    (upstream.folder / "debian/pool/main").mkdir()
    with pytest.raises(StoreError, match=f"{name}: got a page, http://.*/{name}/"):
        store.get(upstream.url(name))
    assert not store.path(upstream.url(name)).exists()


def test_what_does_not_exist_leaves_no_folder_in_a_files_place(store, upstream):
    """Otherwise, one Pi could keep a file from all others."""
    with pytest.raises(StoreError, match="404"):
        store.get(upstream.url(f"{ALPHA}/x"))
    assert store.get(upstream.url(ALPHA)).is_file()
