"""Where the time of a command goes: stages, one within another."""

import json
import logging
import threading
import time
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from tivax.engine.cli import terminal
from tivax.engine.cli.terminal import Terminal
from tivax.engine.core.jax_setup import _log_compiling
from tivax.engine.core.progress import Stages, stage


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when told."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
    return clock


def test_a_stage_within_another_counts_for_itself_alone(clock):
    stage = Stages("imports", "other")
    clock.now += 1
    stage.started()
    with stage("writing"):
        clock.now += 2
        with stage("figures"):
            clock.now += 4
        clock.now += 8
    clock.now += 16
    told = [("imports", 1), ("other", 16), ("writing", 10), ("figures", 4)]
    assert stage.table() == [*told, ("total", 31)]


def test_seconds_are_moved_once_where_spans_lie_within_each_other(clock):
    """Tracing a function traces those that it calls: 3 s in all, 2 s of them inside."""
    stage = Stages("imports", "other")
    stage.started()
    with stage("solving"):
        clock.now += 3
        stage.move(2.0, "compiling")  # ends here as well
        stage.move(3.0, "compiling")
        clock.now += 5
    seconds = dict(stage.table())
    assert seconds["compiling"] == 3 and seconds["solving"] == 5


def test_other_threads_do_not_count(clock):
    stage = Stages("imports", "other")

    def run():
        with stage("reading"):
            clock.now += 7
            stage.move(1.0, "compiling")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert dict(stage.table()) == {"imports": 7, "total": 7}


def test_a_decorated_function_is_a_stage_each_time(clock):
    stage = Stages("imports", "other")

    @stage("figures")
    def draw():
        clock.now += 1

    draw()
    draw()
    assert dict(stage.table())["figures"] == 2


@pytest.fixture
def logged():
    """The logger as it was, after a terminal has told it to speak."""
    log = logging.getLogger("tivax")
    handlers, level = [*log.handlers], log.level
    yield
    log.handlers[:] = handlers
    log.setLevel(level)


@pytest.mark.usefixtures("logged")
def test_a_terminal_ends_with_the_times(capsys):
    Terminal(verbose=True).finish({}, "Open out")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Open out" and any("total" in line for line in lines)
    Terminal(json=True, verbose=True).finish({"command": "tbi"})
    found = json.loads(capsys.readouterr().out)
    assert found["command"] == "tbi"
    *parts, total = found["timings_s"].values()
    assert total == pytest.approx(sum(parts), abs=0.001 * len(parts))  # rounded to 1 ms
    Terminal(json=True).finish({"command": "tbi"})
    assert "timings_s" not in json.loads(capsys.readouterr().out)


def test_a_wait_says_again_and_again_how_long_it_takes(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "_SILENT", 0.01)
    for waits in (Terminal().status, Terminal().progress):
        said = ""
        with waits("making the world"):
            until = time.monotonic() + 10
            while said.count("\n") < 2 and time.monotonic() < until:
                time.sleep(0.01)
                said += capsys.readouterr().err
        assert said.count("tivax: making the world: 0 s") >= 2


def test_a_program_that_compiles_is_told_between_draws_too(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "_SILENT", 0.01)
    with Terminal().progress("drawing", "draws") as progress:
        progress(1, 9)
        time.sleep(0.1)
        capsys.readouterr()
        time.sleep(0.1)
        assert not capsys.readouterr().err
        monkeypatch.setattr(terminal.stage, "compiling", 1)
        time.sleep(0.2)
    told = "drawing: 0 s, at the first of the draws; a first run compiles"
    assert told in capsys.readouterr().err


def test_programs_count_while_they_compile():
    _log_compiling()
    counted = []

    @jax.jit
    def traced(x):
        counted.append(stage.compiling)
        return x + 1

    before = stage.compiling
    traced(np.ones(3, np.float32))
    assert counted[0] > before == stage.compiling


def test_the_speed_is_of_draws_after_the_first_which_compile(clock, capsys):
    with Terminal().progress("drawing", "draws") as progress:
        for done, seconds in ((0, 0), (1, 100), (5, 2), (9, 2)):
            clock.now += seconds
            progress(done, 9)
    *_, fifth, last = capsys.readouterr().err.splitlines()
    assert fifth.endswith("drawing 5/9 draws, 102.0 s, 2 draws/s, 2 seconds left")
    assert last.endswith("drawing 9/9 draws, 104.0 s, 2 draws/s")
