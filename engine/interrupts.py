"""Ctrl-C: one line and exit code 130, whatever was being done.

Python raises ``KeyboardInterrupt`` wherever the main thread is. In a callback of jax
it is swallowed there, or comes out as another error. So the signal is remembered, and
work asks for it where it tells its progress and before it puts results in place.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

LINE = "tivax: interrupted"
CODE = 130
_came = threading.Event()


def pending() -> bool:
    """Whether the command was interrupted."""
    return _came.is_set()


def raise_pending() -> None:
    """Raise the ``KeyboardInterrupt`` that something has swallowed."""
    if pending():
        raise KeyboardInterrupt


@contextmanager
def remembered(clean: Callable[[], None]) -> Iterator[None]:
    """Remember Ctrl-C while the block runs; a second one ends the process at once.

    ``clean`` is called before it does, in another thread: the main one may be deep in
    compiled code, where Python's own handlers wait.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only there can handlers be set
        return
    _came.clear()
    read, write = os.pipe()
    os.set_blocking(write, False)
    handler = signal.signal(signal.SIGINT, _interrupt)
    wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    hook = sys.unraisablehook
    sys.unraisablehook = lambda error: _unraisable(error, hook)
    watcher = threading.Thread(target=_watch, args=(read, clean), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGINT, handler)
        os.close(write)
        watcher.join()
        _came.clear()


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not pending():  # once: the next must not end what cleans up after the first
        _came.set()
        raise KeyboardInterrupt


def _watch(read: int, clean: Callable[[], None]) -> None:
    """Wait for a second signal. The system writes the number of each into the pipe."""
    count = 0
    while numbers := os.read(read, 64):
        count += numbers.count(signal.SIGINT)
        if count > 1:
            clean()
            print(LINE, file=sys.stderr, flush=True)
            os._exit(CODE)
    os.close(read)


def _unraisable(error: Any, hook: Callable[[Any], object]) -> None:
    """Say nothing of the interrupt that a callback has swallowed."""
    if not isinstance(error.exc_value, KeyboardInterrupt):
        hook(error)
