"""What all requests to the page share."""

import asyncio
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np

from nn.page.class_digits import ClassDigits, KeptDigit
from nn.page.limits import FILES_BURST, FILES_PER_SECOND, MOST_PHOTOS, Places, Rate
from nn.page.models import Models

MOST_ON_WALL = 20
MOST_UNNAMED = 2000  # answers of which a visitor may still say which digit it is


class PageState:
    """The models, the queue, what is on the wall, and what is kept of the class.

    Parameters
    ----------
    models : Models
    class_digits : ClassDigits or None
        Where to keep digits of which a visitor says which they are.
    is_collecting : callable
        Returns whether the teacher wants digits to be kept now.
    """

    def __init__(
        self,
        models: Models,
        class_digits: ClassDigits | None = None,
        is_collecting: Callable[[], bool] = lambda: True,
    ):
        self.models, self.class_digits = models, class_digits
        self._is_collecting = is_collecting
        self.rate, self.files = Rate(), Rate(FILES_BURST, FILES_PER_SECOND)
        self.drawings, self.photos = Places(), Places(MOST_PHOTOS, 1)
        self.wall: deque[dict] = deque(maxlen=MOST_ON_WALL)
        self.run = secrets.token_hex(4)  # a wall that has seen another begins again
        self._unnamed: OrderedDict[str, np.ndarray] = OrderedDict()
        self._numbers = count(1)
        self.last_use = time.monotonic()
        self._queue = ThreadPoolExecutor(1, thread_name_prefix="computing")

    @property
    def collects(self) -> bool:
        """Return whether digits are kept now."""
        return self.class_digits is not None and self._is_collecting()

    async def compute(self, function: Callable, *arguments):
        """Run a function when all that was asked before is done."""
        return await asyncio.get_running_loop().run_in_executor(self._queue, function, *arguments)

    def show(self, digits: list[dict], pixels: list[np.ndarray]) -> None:
        """Put answers on the wall; where digits are kept, remember one alone by an id."""
        for digit, of_digit in zip(digits, pixels, strict=True):
            self.wall.append({**digit, "number": next(self._numbers)})
            if self.collects and len(digits) == 1:  # the page asks about no other
                digit["id"] = secrets.token_urlsafe(12)
                self._unnamed[digit["id"]] = of_digit
                while len(self._unnamed) > MOST_UNNAMED:
                    self._unnamed.popitem(last=False)

    async def keep(self, name: str, label: int) -> KeptDigit | None:
        """Keep the digit of an answer, once; return None if it is kept already or too old."""
        pixels = self._unnamed.pop(name, None)
        if pixels is None:
            return None
        before = self.class_digits.counts.total()
        try:
            kept = await self.compute(self.class_digits.append, label, pixels)
        except BaseException:
            self._unnamed[name] = pixels  # the visitor may try again
            raise
        if kept.number != before + 1:  # of another file, such as for another class
            self.run = secrets.token_hex(4)
        return kept

    def used(self) -> None:
        """Note that somebody uses the page."""
        self.last_use = time.monotonic()
