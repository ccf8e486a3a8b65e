"""Commands on world tables as two processes: each makes its years, the first writes."""

import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pandas as pd
import pytest

import tivax.engine as tx

from commands import contents, good, mistake, names, start_fork
from experiment_panels import index_panel
from helpers import small_world

# Seconds after which a process is taken to hang.
PATIENCE = 300
YEARS = 4

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")

JOBS = {
    "tbi": ("tbi", "store", "--out", "tbi"),
    "wwz": ("decompose", "store", "--method", "wwz", "--out", "wwz"),
    "tiva": ("indicators", "store", "--only", "EXGR,GVC_BACK_BM", "--out", "tiva"),
    "draws": ("montecarlo", "run.toml", "--out", "draws"),
}
ALWAYS = ("--no-figures", "--quiet")
RUN = """
panel = "panel.csv"
store = "store"
error = "model.toml"
draws = 6
save_draws = true
[[model]]
name = "main"
outcome = "y"
regressors = ["TBI"]
"""
# All jobs in one process, which JAX joins to the other once.
EVERY_JOB = f"""
import sys
from tivax.engine.cli import app as cli
from tivax.engine.core import processes

join, joined = processes._initialize, []

def once(*words):
    if not joined:
        join(*words)
        joined.append(words)

processes._initialize = once
together = sys.argv[1:]
for job in {[*JOBS.values()]}:
    sys.argv = ["tivax", *job, *{ALWAYS}, *together]
    try:
        cli.main()
    except SystemExit as end:
        if end.code:
            raise
"""
# Ends before it keeps its second year.
KILLED = """
import os, signal
from tivax.engine.cli import app as cli
from tivax.engine.core import keeper

keep, kept = keeper.keep_arrays, []

def killed(path, arrays):
    kept.append(path)
    if len(kept) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    keep(path, arrays)

keeper.keep_arrays = killed
cli.main()
"""
# Has no room for the results once they are computed, the others being ready.
FULL = """
import errno, time
from tivax.engine.cli import app as cli
from tivax.engine.core import places

def full(part, path):
    time.sleep(2)
    raise OSError(errno.ENOSPC, "No space left on device", str(path))

places.replace_folder = full
cli.main()
"""
WHOLE = "from tivax.engine.cli import app as cli\ncli.main()"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A store of four years, a run file and its panel; results of one process."""
    folder = tmp_path_factory.mktemp("together")
    world = small_world(5, 3, YEARS)
    tx.save_store(world, folder / "store")
    index_panel(world).to_csv(folder / "panel.csv", index=False)
    (folder / "model.toml").write_text(
        '[[error]]\nkind = "shares"\nconcentration = 9\n'
    )
    (folder / "run.toml").write_text(RUN)
    return folder


def start(place: Path, script: str, *words: object) -> subprocess.Popen[str]:
    env = {"TIVAX_CACHE": str(place / "cache")}
    return start_fork(script, *words, env=env, cwd=place)


def two(place: Path, scripts: tuple[str, str], *words: object):
    """Exit code, lines of tivax, stderr of two processes on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pair = [
        start(place, scripts[k], *words, "--job", f"127.0.0.1:{port},2,{k}")
        for k in (0, 1)
    ]
    ends = []
    for process in pair:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        # Gloo greets on stdout.
        lines = [k for k in out.splitlines() if "[Gloo]" not in k]
        ends.append((process.returncode, lines, err))
    return ends


def same_results(one: Path, other: Path) -> bool:
    """All files but manifests, whose times differ, to the byte."""
    found = [
        {k.relative_to(path): v for k, v in contents(path).items()}
        for path in (one, other)
    ]
    for each in found:
        del each[Path("manifest.json")]
    return found[0] == found[1]


@pytest.fixture(scope="module")
def alone(place) -> Path:
    """The results of a process by itself, each in its folder."""
    folder = place / "alone"
    there = "job = (*job[:-1], 'alone/' + job[-1])"
    script = EVERY_JOB.replace("    sys.argv = [", f"    {there}\n    sys.argv = [")
    process = start(place, script)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return folder


def test_two_processes_write_what_one_writes_to_the_byte(place, alone):
    before = names(place)
    first, second = two(place, (EVERY_JOB, EVERY_JOB))
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert second[1] == [] and len(first[1]) > len(JOBS)
    assert names(place) == sorted({*before, *JOBS, "cache"})
    for name in JOBS:
        assert same_results(place / name, alone / name), name
    index = pd.read_csv(place / "tbi" / "tbi.csv")
    assert index["year"].nunique() == YEARS
    manifest = json.loads((place / "draws" / "manifest.json").read_text())
    assert manifest["processes"] == 2


def test_a_killed_process_leaves_nothing_half_and_one_alone_goes_on(place, alone):
    """The second is killed at its second year: three of four are kept."""
    words = ("tbi", "store", "--out", "lost", *ALWAYS)
    (code, lines, err), second = two(place, (WHOLE, KILLED), *words)
    assert second[0] == -signal.SIGKILL, second[2]
    assert (code, lines) == (1, []), err
    (line,) = (k for k in err.splitlines() if k.startswith("tivax: "))
    assert line.startswith("tivax: another process of the job has ended (")
    assert line.endswith(
        "); 3 parts of the years are kept; start all processes again and the run goes "
        "on"
    )
    assert "Traceback" not in err
    assert "lost" not in names(place) and ".lost.unfinished" in names(place)
    # Another job does not take the years of this one.
    asked = [place / "store", "--out", place / "lost", "--no-figures"]
    assert "holds an unfinished run" in mistake("tbi", *asked, "--years", 2001)
    answer = good("tbi", *asked, "--quiet")
    assert answer.out.splitlines()[0] == "Going on at 3 parts of the years"
    assert ".lost.unfinished" not in names(place)
    # This process compiles otherwise: the last bits of the year that it made differ.
    found, whole = (pd.read_csv(k / "tbi.csv") for k in (place / "lost", alone / "tbi"))
    pd.testing.assert_frame_equal(found, whole, rtol=1e-12)
    kept = found["year"] < found["year"].max()
    pd.testing.assert_frame_equal(found[kept], whole[kept], check_exact=True)


def test_sigterm_ends_all_processes_and_the_run_goes_on(place, alone):
    """JAX would take it for itself, and go on."""
    terminated = KILLED.replace("SIGKILL", "SIGTERM")
    words = ("tbi", "store", "--out", "ended", *ALWAYS)
    first, second = two(place, (terminated, WHOLE), *words)
    line = "terminated (SIGTERM)"
    code, (said,), err = first
    assert (code, err) == (143, f"tivax: {line}\n")
    assert re.fullmatch(
        "Stopped: [123] parts of the years are kept; the same command goes on", said
    )
    ended = "the first process of the job has ended: "
    assert second == (1, [], f"tivax: {ended}{line}\n")
    assert "ended" not in names(place)
    first, second = two(place, (WHOLE, WHOLE), *words)
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert first[1][0].startswith("Going on at ")
    assert same_results(place / "ended", alone / "tbi")


def test_a_mistake_that_only_the_first_process_finds_is_one_line_in_each(place):
    """A folder of something else is where the results should go."""
    (place / "taken").mkdir(exist_ok=True)
    (place / "taken" / "thesis.txt").write_text("mine")
    told = "taken: exists already; --force replaces it"
    words = ("tbi", "store", "--out", "taken", *ALWAYS)
    first, second = two(place, (WHOLE, WHOLE), *words)
    assert first == (1, [], f"tivax: {told}\n")
    assert second == (1, [], f"tivax: the first process of the job has ended: {told}\n")
    assert names(place / "taken") == ["thesis.txt"]


def test_a_disk_that_is_full_at_the_end_is_one_line_in_each_process(place):
    words = ("tbi", "store", "--out", "full", *ALWAYS)
    (code, _, err), second = two(place, (FULL, WHOLE), *words)
    (told,) = err.splitlines()
    assert code == 1 and told.startswith("tivax: ") and "No space left" in told
    ended = "the first process of the job has ended: "
    assert second == (1, [], told.replace("tivax: ", f"tivax: {ended}") + "\n")
    assert "full" not in names(place)
