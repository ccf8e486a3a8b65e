"""Progress of long computations, and where their time goes.

Bars and tables of times are drawn by the command line.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from .errors import TivaxError

Progress = Callable[[int, int], None]
"""Called with the number done and the total: at the start and after each step."""

T = TypeVar("T")


def no_progress(done: int, total: int) -> None:
    """The default: silent."""


def report(progress: Progress, done: int, total: int) -> None:
    """Call ``progress``; ``TivaxError`` where it is no function."""
    if not callable(progress):
        raise TivaxError("progress: give a function of two numbers, done and in all")
    progress(done, total)


def shift_progress(progress: Progress, before: int, total: int) -> Progress:
    """Progress of one of several runs, as progress of all of them."""
    return lambda done, _: report(progress, before + done, total)


@contextmanager
def beside(run: Callable[[Progress], T]) -> Iterator[Callable[[], T]]:
    """Run a function in a thread beside the block, which calls what it gets to wait for
    the result, or the error.

    Where the block ends with an error, the function does at its next progress.
    """
    given_up = threading.Event()

    def going_on(done: int, total: int) -> None:
        if given_up.is_set():
            raise InterruptedError

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(run, going_on)
        try:
            yield running.result
        except BaseException:
            given_up.set()
            raise


class Stages:
    """Seconds of the main thread by stage: reading, solving, figures and so on.

    A stage within another counts for itself alone. ``first`` is what runs before any,
    ``rest`` what runs between them. ``compiling`` counts programs that are being
    compiled now, by any thread.
    """

    def __init__(self, first: str = "start, imports", rest: str = "other") -> None:
        self.seconds: dict[str, float] = {}
        self.compiling = 0
        self._open, self._rest = [first], rest
        self._spans: list[tuple[float, float]] = []
        self.begin()

    def begin(self) -> None:
        """Start the clock."""
        self._since = time.perf_counter()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count what runs inside for this stage; other threads do not count."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._count()
        self._open.append(name)
        try:
            yield
        finally:
            self._count()
            self._open.pop()

    def started(self) -> None:
        """The end of the first stage."""
        self._count()
        self._open[0] = self._rest

    def move(self, seconds: float, name: str) -> None:
        """Count for ``name`` what has run for so long until now.

        Nested times count once, for the inner name.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        begin = time.perf_counter() - seconds
        inner = 0.0
        while self._spans and self._spans[-1][0] >= begin:
            inner += self._spans.pop()[1]
        self._spans.append((begin, seconds))
        self._add(name, seconds - inner)
        self._add(self._open[-1], inner - seconds)

    def table(self) -> list[tuple[str, float]]:
        """Stages and their seconds in the order in which they came, and ``total``."""
        self._count()
        total = sum(self.seconds.values())
        return [*self.seconds.items(), ("total", total)]

    def _count(self) -> None:
        now = time.perf_counter()
        self._add(self._open[-1], now - self._since)
        self._since = now

    def _add(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds


stage = Stages()
"""The stages of this process, for ``--verbose``."""
