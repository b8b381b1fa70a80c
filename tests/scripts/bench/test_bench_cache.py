"""What `make bench-cache` makes of cachegrind's counts."""

import json

import pytest

from scripts.bench import cache
from scripts.bench.cache_report import Job, minutes
from scripts.bench.cachegrind import Counts, read_counts
from scripts.machines.host import MachineError

# As valgrind 3.19 prints them
PRINTED = """
==7== I   refs:      648,467,310
==7== I1  misses:     15,856,480
==7== LLi misses:      2,690,649
==7== I1  miss rate:        2.45%
==7==
==7== D   refs:      317,733,061  (208,949,316 rd   + 108,783,745 wr)
==7== D1  misses:     10,086,687  (  8,095,441 rd   +   1,991,246 wr)
==7== LLd misses:      5,955,660  (  4,431,691 rd   +   1,523,969 wr)
==7== LL misses:       8,646,309  (  7,122,340 rd   +   1,523,969 wr)
"""


def test_counts_are_those_of_code_and_data():
    """The sums that cachegrind prints itself agree."""
    counts = read_counts(PRINTED)
    assert counts == Counts(648_467_310, 15_856_480 + 10_086_687, 8_646_309)


def test_a_program_without_counts_is_an_error():
    """What it printed instead is shown."""
    with pytest.raises(MachineError, match=r"expected cachegrind's 'I   refs', got:\nno valgrind"):
        read_counts("no valgrind")


def test_a_row_is_what_more_rows_take_more():
    """The start falls out of the difference."""

    class Fake:
        def count(self, kit, *words):
            return Counts(1000, 100, 10) + Counts(7, 3, 1) * words[-1]

    job = cache.count_job(Fake(), None, (256, 768), "kit", "book")
    assert job.row.all() == pytest.approx((7, 3, 1))
    assert job.start.all() == pytest.approx((1000, 100, 10))


def test_the_authors_job_takes_25_minutes():
    """Whatever a miss costs; half the job takes half of it, and misses weigh by their latency."""
    author = Job(Counts(0, 0, 0), Counts(1000, 10, 5))
    assert minutes(author, author) == (25, 25)
    assert minutes(Job(author.start, author.row * 0.5), author) == (12.5, 12.5)
    low, high = minutes(Job(author.start, Counts(1000, 20, 10)), author)
    assert 25 < low < high < 50


@pytest.mark.parametrize(("growth", "code"), [(0.5, 0), (1.09, 0), (1.11, 1)])
def test_misses_may_not_grow_by_a_tenth(capsys, growth, code):
    """Against what is on record; what to do is said."""
    before = json.loads(cache.BASELINE.read_text())
    now = Counts(1, before["l1_misses"] * growth, before["ll_misses"])
    assert cache._check(now) == code
    assert ("look for a copy" in capsys.readouterr().err) == bool(code)
