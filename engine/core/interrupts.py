"""Ctrl-C: one line and exit code 130 within seconds, whatever is running.

Python raises ``KeyboardInterrupt`` wherever its main thread is. In a callback of JAX
that is swallowed or becomes another error, while a compiled library loads it can
crash, and in compiled code it waits for minutes. So it is raised only where it is safe,
work checks for it when it reports progress and before it puts results in place, and a
thread ends the process where none of that helps. Nothing on the disk is ever half done
(``core.output``).
"""

import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

INTERRUPT_LINE = "tivax: interrupted"
INTERRUPT_CODE = 130
_GRACE = 2.0  # seconds for an orderly end
_POKE = 0.05  # seconds between checks whether it is safe to raise
_UNSAFE = ("jax", "jaxlib", "importlib", "_frozen_importlib")

_came, _raised, _told = (threading.Event() for _ in range(3))
_last = threading.Lock()
_hints: list[Callable[[], object]] = []


def is_interrupted() -> bool:
    """Whether the command was interrupted."""
    return _came.is_set()


def raise_interrupt() -> None:
    """Raise the ``KeyboardInterrupt`` that waits or was swallowed."""
    if is_interrupted():
        _raised.set()
        raise KeyboardInterrupt


@contextmanager
def hint_if_interrupted(hint: Callable[[], object]) -> Iterator[None]:
    """Call ``hint``, which says how to resume, when the block is interrupted."""
    _hints.append(hint)
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or is_interrupted():
            _say_hints()
        raise
    finally:
        with suppress(ValueError):
            _hints.remove(hint)


def _say_hints() -> None:
    while _hints:
        _hints.pop()()


def print_last(line: str) -> None:
    """Print the last line of a command that failed, unless the watching thread does."""
    with _last:
        _told.set()
        print(line, file=sys.stderr, flush=True)


@contextmanager
def watch_for_interrupts(clean: Callable[[], None]) -> Iterator[None]:
    """Watch for Ctrl-C while the block runs.

    ``clean`` is called, in another thread, before a process that does not end in time
    is ended.
    """
    main = threading.current_thread() is threading.main_thread()
    # Handlers can be set there only, and a job in the background ignores Ctrl-C.
    if not main or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return
    for event in (_came, _raised, _told):
        event.clear()
    read, write = socket.socketpair()  # a pipe would do, but not on Windows
    write.setblocking(False)
    handler = signal.signal(signal.SIGINT, _interrupt)
    wakeup = signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
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
        write.close()
        watcher.join()
        _came.clear()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _came.set()
    if not _raised.is_set() and _is_safe(frame):
        _raised.set()  # once: what cleans up after it must not be interrupted
        raise KeyboardInterrupt


def _is_safe(frame: FrameType | None) -> bool:
    """Whether no caller is a library that does not expect an interrupt."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in _UNSAFE:
            return False
        frame = frame.f_back
    return True


def _watch(read: socket.socket, clean: Callable[[], None]) -> None:
    """Wait for Ctrl-C, then for the end of the block, and no longer than the grace.

    The system sends the number of each signal to the socket, also while the main
    thread is in compiled code, where Python's handler waits.
    """
    end = None
    while end is None or time.monotonic() < end:
        ready, _, _ = select.select([read], [], [], None if end is None else _POKE)
        if ready:
            numbers = read.recv(64)
            if not numbers:
                read.close()
                return
            if end is None and signal.SIGINT in numbers:
                end = time.monotonic() + _GRACE
        elif not _raised.is_set():
            signal.raise_signal(signal.SIGINT)
    with _last:
        if _told.is_set():
            return
        _say_hints()
        clean()
        if sys.stderr.isatty():
            sys.stderr.write("\x1b[?25h\n")  # a progress bar hides the cursor
        print(INTERRUPT_LINE, file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(INTERRUPT_CODE)


def _unraisable(error: Any, hook: Callable[[Any], object]) -> None:
    """Ignore an interrupt that a callback has swallowed."""
    if not isinstance(error.exc_value, KeyboardInterrupt):
        hook(error)
