"""Ctrl-C and SIGTERM: one line and an exit code within seconds, whatever is running.

SIGTERM is what SLURM, ``timeout`` and ``kill`` send; here it is an interrupt as well.

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

# The line and exit code of each, as shells have it: 128 and the number of the signal.
_ENDINGS = {
    signal.SIGINT: ("tivax: interrupted", 130),
    signal.SIGTERM: ("tivax: terminated (SIGTERM)", 143),
}
_GRACE = 2.0  # seconds for an orderly end
_POKE = 0.05  # seconds between checks whether it is safe to raise
_UNSAFE = ("jax", "jaxlib", "importlib", "_frozen_importlib")

_came, _raised, _told = (threading.Event() for _ in range(3))
_last = threading.Lock()
_signal: int = signal.SIGINT
_hints: list[Callable[[], object]] = []


def is_interrupted() -> bool:
    """True once the command was interrupted."""
    return _came.is_set()


def interrupt_ending() -> tuple[str, int]:
    """The last line and the exit code of a command that was interrupted."""
    return _ENDINGS[signal.Signals(_signal)]


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
    """Print the last line of a command that failed, unless another thread has."""
    with _last:
        if not _told.is_set():
            _told.set()
            print(line, file=sys.stderr, flush=True)


def interrupt_on_termination() -> None:
    """Let SIGTERM be an interrupt before and after the watch, where Ctrl-C is one."""
    if _is_free(signal.SIGTERM):
        signal.signal(signal.SIGTERM, _terminate)


def _is_free(number: int) -> bool:
    """True unless a signal is ignored or handled by a library outside Python."""
    return signal.getsignal(number) not in (signal.SIG_IGN, None)


def _end_now(line: str, code: int, clean: Callable[[], None]) -> None:
    """End the process from any thread, unless its last line is printed already."""
    with _last:
        if _told.is_set():
            return
        _say_hints()
        clean()
        if sys.stderr.isatty():
            sys.stderr.write("\x1b[?25h\n")  # a progress bar hides the cursor
        print(line, file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(code)


@contextmanager
def watch_for_interrupts(clean: Callable[[], None]) -> Iterator[None]:
    """Watch for Ctrl-C and SIGTERM while the block runs.

    ``clean`` is called, in another thread, before a process that does not end in time
    is ended.
    """
    global _signal
    for event in (_came, _raised, _told):
        event.clear()
    _signal = signal.SIGINT
    # Handlers can be set in the main thread only, and a job in the background ignores
    # Ctrl-C.
    main = threading.current_thread() is threading.main_thread()
    watched = [k for k in _ENDINGS if main and _is_free(k)]
    if not watched:
        yield
        return
    read, write = socket.socketpair()  # a pipe would do, but not on Windows
    write.setblocking(False)
    handlers = {k: signal.signal(k, _interrupt) for k in watched}
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
        for number, handler in handlers.items():
            signal.signal(number, handler)
        write.close()
        watcher.join()
        _came.clear()


def _note(number: int) -> None:
    """Keep which signal came first."""
    global _signal
    if not _came.is_set():
        _signal = number


def _interrupt(number: int, frame: FrameType | None) -> None:
    _note(number)
    _came.set()
    if not _raised.is_set() and _is_safe(frame):
        _raised.set()  # once: what cleans up after it must not be interrupted
        raise KeyboardInterrupt


def _terminate(number: int, frame: FrameType | None) -> None:
    # `timeout` sends it twice.
    if not (_raised.is_set() or _told.is_set()):
        _raised.set()
        _note(number)
        raise KeyboardInterrupt


def _is_safe(frame: FrameType | None) -> bool:
    """True if no caller is a library that does not expect an interrupt."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in _UNSAFE:
            return False
        frame = frame.f_back
    return True


def _watch(read: socket.socket, clean: Callable[[], None]) -> None:
    """Wait for a signal, then for the end of the block, and no longer than the grace.

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
            found = [k for k in numbers if k in _ENDINGS]
            if end is None and found:
                _note(found[0])
                end = time.monotonic() + _GRACE
        elif not _raised.is_set():
            signal.raise_signal(_signal)
    _end_now(*interrupt_ending(), clean)


def _unraisable(error: Any, hook: Callable[[Any], object]) -> None:
    """Ignore an interrupt that a callback has swallowed."""
    if not isinstance(error.exc_value, KeyboardInterrupt):
        hook(error)
