"""Ctrl-C and SIGTERM: one line and their exit code, also where something swallows them."""

import os
import random
import signal
import time

import pytest

from tivax.engine.cli.tables import tbi as results
from tivax.engine.core import interrupts
from tivax.engine.core.interrupts import is_interrupted, raise_interrupt
from tivax.engine.measures import summary

from commands import names, start_python, tivax
from experiment_panels import small_panel
from helpers import ended, random_tables

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")

ENDINGS = {
    signal.SIGINT: (130, "tivax: interrupted\n"),
    signal.SIGTERM: (143, "tivax: terminated (SIGTERM)\n"),
}

# Tests may run in the background, where Ctrl-C is ignored and processes inherit that.
STARTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from tivax.engine.cli.start import main
"""
RUN = """
panel = "panel.csv"
draws = 3_000_000
[scheme]
kind = "pairs"
[[model]]
name = "main"
outcome = "KOFGIdj"
regressors = ["TBI", "RQ"]
"""


@pytest.fixture
def store(tmp_path):
    from tivax.engine import save_store

    save_store(random_tables(regions=2, sectors=2, years=2), tmp_path / "store")
    return tmp_path / "store"


def swallowed(number=signal.SIGINT):
    """As in a callback of compiled code: the interrupt comes and is lost there."""
    try:
        signal.raise_signal(number)
    except KeyboardInterrupt:
        return
    pytest.fail("no interrupt")


class Lost:
    """An object whose end is interrupted: Python prints what it cannot raise."""

    def __del__(self):
        swallowed_by_python()


def swallowed_by_python():
    signal.raise_signal(signal.SIGINT)


def goes_on(tables, *arguments, progress, **options):
    swallowed()
    progress(1, 2)
    pytest.fail("went on although it was interrupted")


def goes_on_terminated(tables, *arguments, progress, **options):
    swallowed(signal.SIGTERM)
    swallowed_by_python()  # the first one counts
    progress(1, 2)
    pytest.fail("went on although it was terminated")


def fails_otherwise(tables, *arguments, progress, **options):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise RuntimeError("INTERNAL: callback failed") from None


def forgets(tables, *arguments, progress, **options):
    done = trade_benefit_index(tables, *arguments, **options)
    swallowed()
    return done  # nothing tells progress any more, and results are written


def collects(tables, *arguments, progress, **options):
    Lost()
    progress(1, 2)


trade_benefit_index = summary.trade_benefit_index


@pytest.mark.parametrize(
    "compute, options, number",
    [
        (goes_on, (), signal.SIGINT),
        (goes_on, ("--quiet",), signal.SIGINT),
        (fails_otherwise, (), signal.SIGINT),
        (forgets, ("--quiet",), signal.SIGINT),
        (collects, ("--quiet",), signal.SIGINT),
        (goes_on_terminated, (), signal.SIGTERM),
        (goes_on_terminated, ("--quiet",), signal.SIGTERM),
    ],
)
def test_an_interrupt_that_is_swallowed_ends_the_command(
    store, tmp_path, monkeypatch, compute, options, number
):
    monkeypatch.setattr(interrupts, "_GRACE", 600)  # it would end this process
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    terminate = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(results, "trade_benefit_index", compute)
    code, line = ENDINGS[number]
    answer = tivax("tbi", store, "--out", tmp_path / "out", *options)
    assert answer == (code, "", line)
    assert names(tmp_path) == ["store"]
    assert not is_interrupted()
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is terminate
    raise_interrupt()  # nothing is left of it


def test_an_interrupt_at_any_moment_is_one_line(tmp_path):
    """While it loads, compiles, draws, cleans up: four processes, seeded moments."""
    small_panel().to_csv(tmp_path / "panel.csv", index=False)
    (tmp_path / "run.toml").write_text(RUN)
    moments = random.Random(0)
    quick = {"TIVAX_CACHE": "", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    runs = []
    for k, number in enumerate([*ENDINGS] * 2):
        words = ["bootstrap", "run.toml", "--out", f"out{k}", "--quiet"]
        code = STARTED + "print('started', flush=True)\nmain()"
        process = start_python(code, *words, env=quick, cwd=tmp_path)
        runs.append((process, moments.uniform(0.3, 6), number))
    for process, *_ in runs:  # Python itself takes a moment before tivax has the word
        assert process.stdout is not None and process.stdout.readline() == "started\n"
    start = time.monotonic()
    for process, moment, number in sorted(runs, key=lambda k: k[1]):
        time.sleep(max(0, moment - (time.monotonic() - start)))
        process.send_signal(number)
    for process, moment, number in runs:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == ENDINGS[number], moment
        assert all("are kept; the same command goes on" in k for k in out.splitlines())
    visible = [k for k in names(tmp_path) if not k.endswith(".unfinished")]
    assert visible == ["panel.csv", "run.toml"]


# Compiled code that lets no handler of Python run until it is done, beside a process
# that waits as long.
STUCK = """
import hashlib, os, sys, threading, time
from pathlib import Path
from tivax.engine.cli.together import clean
from tivax.engine.core import helper_process
from tivax.engine.core.interrupts import hint_if_interrupted, watch_for_interrupts
from tivax.engine.core.output import partial_folder
with (
    watch_for_interrupts(clean),
    partial_folder(Path(sys.argv[1])) as part,
    hint_if_interrupted(lambda: print("the same command goes on")),
    helper_process() as call,
):
    print(call(os.getpid).result(), flush=True)
    call(time.sleep, 600)
    (part / "half").write_text("1")
    # Said by another thread, half a second after the main one has gone in.
    threading.Timer(0.5, print, ["stuck"], {"flush": True}).start()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)
"""


@pytest.mark.parametrize("number", ENDINGS)
def test_an_interrupt_does_not_wait_for_compiled_code_and_leaves_nothing(
    tmp_path, number
):
    with start_python(STARTED + STUCK, tmp_path / "out") as process:
        assert process.stdout is not None
        helper = int(process.stdout.readline())
        assert process.stdout.readline() == "stuck\n"
        assert len(names(tmp_path)) == 1
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == ENDINGS[number]
    assert out == "the same command goes on\n"
    assert names(tmp_path) == []
    assert ended(helper)


def test_a_job_in_the_background_ignores_it():
    """As the shell has it: Ctrl-C is for the job in front; SIGTERM is for any."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.watch_for_interrupts(lambda: pytest.fail("ended")):
            signal.raise_signal(signal.SIGINT)
            raise_interrupt()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
