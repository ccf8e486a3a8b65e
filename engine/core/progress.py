"""Progress callbacks for long computations; bars are drawn by the command line."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with the number done and the total: at the start and after each step."""


def no_progress(done: int, total: int) -> None:
    """The default: silent."""


def shift_progress(progress: Progress, before: int, total: int) -> Progress:
    """Progress of one of several runs, as progress of all of them."""
    return lambda done, _: progress(before + done, total)
