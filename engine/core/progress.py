"""Progress callbacks for long computations; bars are drawn by the command line."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import TypeVar

Progress = Callable[[int, int], None]
"""Called with the number done and the total: at the start and after each step."""

T = TypeVar("T")


def no_progress(done: int, total: int) -> None:
    """The default: silent."""


def shift_progress(progress: Progress, before: int, total: int) -> Progress:
    """Progress of one of several runs, as progress of all of them."""
    return lambda done, _: progress(before + done, total)


@contextmanager
def beside(run: Callable[[Progress], T]) -> Iterator[Callable[[], T]]:
    """Run a function in a thread beside the block, which calls what it gets to wait for
    the result, or the error.

    Where the block ends with an error, the function does at its next progress.
    """
    given_up = Event()

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
