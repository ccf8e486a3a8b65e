"""A command that several processes run as one: the first writes, all compute."""

import atexit
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from ..core import Machines, abandon_parts, interrupt_ending, is_first, print_last
from .endings import ending_of

# Keys in the coordinator's store; seconds that the first process waits for the others
# after it has failed, and milliseconds that these wait for it.
_FAILED, _LEFT = "tivax/failed", "tivax/left"
_PATIENCE, _FOREVER = 5, 10**10
_joined, _leaving = threading.Event(), threading.Event()


@contextmanager
def as_one(job: str | None) -> Iterator[bool]:
    """Run the block with the other processes of the job, if there are any; True in the
    one that writes and prints. An error there ends the process at once, and where it is
    the first the others too."""
    several = Machines.parse(job).start()
    if several:
        _joined.set()
        _follow_first()
    try:
        yield is_first()
    except BaseException as error:
        ending = ending_of(error) if several else None
        if ending is None:
            raise
        # An ordinary end waits for the other processes, and they for this one.
        print_last(ending[0])
        sys.stdout.flush()
        _leave_others(ending[0])
        os._exit(ending[1])


def clean() -> None:
    """Leave the other processes and remove parts: this process ends at
    once."""
    if _joined.is_set():
        _leave_others(interrupt_ending()[0])
    abandon_parts()


def _job() -> tuple[Any, int, int]:
    """JAX's client of the coordinator, which has no public name (None where there is
    none), the number of this process, and how many there are."""
    with suppress(ImportError, AttributeError):
        from jax._src.distributed import global_state as job

        return job.client, int(job.process_id or 0), int(job.num_processes or 1)
    return None, 0, 1


@cache
def _follow_first() -> None:
    """End this process with one line as soon as the first says that it has failed."""
    client, own, _ = _job()
    if client is None or own == 0:
        return

    def follow() -> None:
        with suppress(Exception):  # the job has ended, in whatever way
            line = client.blocking_key_value_get(_FAILED, _FOREVER)
            if not _leaving.is_set():
                print_last(f"tivax: the first process of the job has ended: {line}")
                client.key_value_set(f"{_LEFT}/{own}", "")
                os._exit(1)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()

    def end() -> None:
        """Follow while JAX waits for the first, no longer: Python must not end while a
        thread is in JAX."""
        import jax

        jax.distributed.shutdown()
        thread.join(_PATIENCE)

    atexit.register(end)


def _leave_others(line: str) -> None:
    """Let the others end by themselves before this process ends with an error: once
    the first is gone JAX ends them, with a trace."""
    client, own, size = _job()
    _leaving.set()
    with suppress(Exception):  # what is lost cannot be told
        if own:
            client.key_value_set(f"{_LEFT}/{own}", "")
            return
        client.key_value_set(_FAILED, line.removeprefix("tivax: "))
        until = time.monotonic() + _PATIENCE
        for other in range(1, size):
            left = max(until - time.monotonic(), 0.001)
            client.blocking_key_value_get(f"{_LEFT}/{other}", round(1000 * left))
        time.sleep(0.1)  # they say so just before
