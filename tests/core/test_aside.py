"""A process that calls functions for this one."""

import math
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tivax.engine.core import Aside, TivaxError, call_named


def test_calls_are_answered_by_another_process_in_order():
    with Aside() as aside:
        found = [aside.call(pow, 2, k) for k in range(5)]
        other = aside.call(os.getpid)
        assert [k.result() for k in found] == [1, 2, 4, 8, 16]
    assert other.result() != os.getpid()


def test_a_function_is_called_by_its_name_where_it_is_imported():
    with Aside() as aside:
        assert aside.call(call_named, "math", "sqrt", 16).result() == 4
        assert aside.call(call_named, "math", "comb", 4, 2).result() == math.comb(4, 2)


def test_what_a_function_raises_there_is_raised_here():
    with Aside() as aside:
        failed = aside.call(math.sqrt, -1)
        good = aside.call(math.sqrt, 4)
        with pytest.raises(ValueError, match="math domain error|nonnegative"):
            failed.result()
        assert good.result() == 2


def test_what_is_printed_there_does_not_disturb_the_answers(capfd):
    with Aside() as aside:
        aside.call(print, "a line").result()
        assert aside.call(abs, -1).result() == 1
    assert capfd.readouterr() == ("", "a line\n")


def test_a_process_that_was_killed_is_told_in_one_line():
    with Aside() as aside:
        ended = aside.call(call_named, "os", "_exit", 3)
        with pytest.raises(TivaxError, match="has ended, code 3; is there too little"):
            ended.result()


def test_an_error_here_ends_a_process_that_computes():
    other = 0
    with pytest.raises(KeyError), Aside() as aside:
        other = aside.call(os.getpid).result()
        aside.call(call_named, "time", "sleep", 60)
        raise KeyError
    with pytest.raises(ProcessLookupError):
        os.kill(other, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of Unix")
def test_an_interrupt_of_the_group_does_not_reach_it():
    """The terminal sends Ctrl-C to the group of this process."""
    with Aside(processes=2) as aside:
        other = aside.call(os.getpid).result()
        assert os.getpgid(other) != os.getpgid(0)
        os.kill(other, signal.SIGCONT)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of Unix")
def test_a_signal_to_every_process_of_a_job_leaves_it_to_the_one_that_asks():
    """SLURM sends SIGTERM to all, and this process says how the job ends."""
    with Aside() as aside:
        other = aside.call(os.getpid).result()
        os.kill(other, signal.SIGTERM)
        assert aside.call(os.getpid).result() == other


# One process sleeps, so that another takes the next call.
_WHO = "(__import__('time').sleep(0.2), __import__('os').getpid())[1]"
_LOADED = "(__import__('time').sleep(0.2), 'colorsys' in __import__('sys').modules)[1]"


def test_all_processes_have_the_modules_that_they_are_told_to_load():
    with Aside(processes=2, modules=["colorsys"]) as aside:
        found = [aside.call(eval, _LOADED) for _ in range(2)]
        assert [k.result() for k in found] == [True, True]


def test_processes_that_are_dismissed_answer_first_and_end_within_the_block():
    with Aside(processes=2) as aside:
        found = [aside.call(eval, _WHO) for _ in range(3)]
        aside.dismiss()
        processes = {k.result() for k in found}
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and any(map(_runs, processes)):
            time.sleep(0.05)
        assert not any(map(_runs, processes))
        with pytest.raises(RuntimeError, match="shutdown"):
            aside.call(abs, -1)


@pytest.mark.parametrize("fails", [False, True])
def test_no_process_is_left_when_all_is_done(fails):
    processes: list[int] = []
    with suppress(KeyError), Aside(processes=2) as aside:
        found = [aside.call(eval, _WHO) for _ in range(2)]
        processes += [k.result() for k in found]
        assert len({*processes, os.getpid()}) == 3
        if fails:
            raise KeyError
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(_runs, processes)):
        time.sleep(0.05)
    assert not any(map(_runs, processes))


def _runs(process: int) -> bool:
    """Whether a process is there; one that has ended may wait for its parent."""
    stat = Path(f"/proc/{process}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
