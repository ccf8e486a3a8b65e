"""How long work tells how far it is. Bars and log lines belong to the command line."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all: at the start, then after each."""


def no_progress(done: int, total: int) -> None:
    """The default: silent."""


def shift_progress(progress: Progress, before: int, total: int) -> Progress:
    """Progress of one of several runs, as that of all."""
    return lambda done, _: progress(before + done, total)
