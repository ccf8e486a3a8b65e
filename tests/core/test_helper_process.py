"""A process that calls functions for this one."""

import math
import os
import signal
import sys
import time
from contextlib import suppress

import pytest

from tivax.engine.core import TivaxError, helper_process

from helpers import ended


def test_calls_are_answered_by_another_process_in_order():
    with helper_process(["colorsys"]) as call:
        found = [call(pow, 2, k) for k in range(5)]
        other, loaded = call(os.getpid), call(eval, _LOADED)
        failed = call(math.sqrt, -1)
        assert [k.result() for k in found] == [1, 2, 4, 8, 16]
        assert loaded.result()
        with pytest.raises(ValueError, match="math domain error|nonnegative"):
            failed.result()
    assert other.result() != os.getpid()


_LOADED = "'colorsys' in __import__('sys').modules"


def test_a_process_that_was_killed_is_told_in_one_line():
    with (
        pytest.raises(TivaxError, match="has ended; is there too little memory"),
        helper_process() as call,
    ):
        call(os._exit, 3).result()


@pytest.mark.parametrize("fails", [False, True])
def test_no_process_is_left_when_all_is_done(fails):
    start, other = time.monotonic(), 0
    with suppress(KeyError), helper_process() as call:
        other = call(os.getpid).result()
        if fails:
            call(time.sleep, 60)
            raise KeyError
    assert ended(other)
    assert time.monotonic() - start < 30


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of Unix")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_every_process_leaves_it_to_the_one_that_asks(number):
    """A terminal sends Ctrl-C to the group, SLURM SIGTERM to all of a job."""
    with helper_process() as call:
        other = call(os.getpid).result()
        os.kill(other, number)
        assert call(os.getpid).result() == other
