"""Several devices and several processes: the same draws, one writer, one clear end."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import pandas as pd
import pytest

from tivax.engine.core import processes as machines
from tivax.engine.core.processes import Machines

from commands import mistake, names, start_fork
from experiment_panels import small_panel
from helpers import error_of

# Seconds after which a process is taken to hang.
PATIENCE = 300
DRAWS = 50_000
RUN = f"""
panel = "panel.csv"
seed = 3
draws = {DRAWS}
save_draws = true

[scheme]
kind = "pairs"

[[model]]
name = "main"
outcome = "KOFGIdj"
regressors = ["TBI", "RQ"]
"""
WRITE = (
    "write HOST:PORT,N,K (the first process, how many there are, the number of this "
    "one); under SLURM or Open MPI leave it out"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL"),
]


@pytest.fixture
def asked(monkeypatch) -> list:
    """What JAX would be told; no launcher's variables are set."""
    for name in [*os.environ]:
        if name.startswith(("SLURM_", "OMPI_")):
            monkeypatch.delenv(name)
    calls = []
    monkeypatch.setattr(machines, "_initialize", lambda *words: calls.append(words))
    return calls


# --------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    "options, message",
    [
        (("--job", "one:1234"), f"--job one:1234: {WRITE}"),
        (("--job", "one,2,0"), f"--job one,2,0: {WRITE}"),
        (("--job", "one:1234,2,-1"), f"--job one:1234,2,-1: {WRITE}"),
        (("--job", "one:1234,2,2"), "--job one:1234,2,2: with 2 processes K is 0 to 1"),
    ],
)
def test_options_that_do_not_fit_are_told(tmp_path, asked, options, message):
    path = tmp_path / "run.toml"
    path.write_text(RUN)
    assert mistake("bootstrap", path, "--out", tmp_path / "out", *options) == message
    assert asked == [] and names(tmp_path) == ["run.toml"]


def test_the_job_is_given_to_jax(asked):
    assert Machines.parse("one:1234,2,1").start()
    assert asked == [("one:1234", 2, 1)]


def test_one_process_alone_starts_nothing(asked):
    assert not Machines().start()
    assert asked == []


LAUNCHED = {"SLURM_NTASKS": "2", "SLURM_PROCID": "0", "SLURM_STEP_NODELIST": "one"}


@pytest.mark.parametrize(
    "environment, several",
    [
        (LAUNCHED, True),
        # srun with a single task.
        (LAUNCHED | {"SLURM_NTASKS": "1"}, False),
        # A shell of salloc, and a script of sbatch, in an allocation of two tasks.
        ({"SLURM_NTASKS": "2"}, False),
        ({"SLURM_NTASKS": "2", "SLURM_PROCID": "0"}, False),
        ({"OMPI_COMM_WORLD_SIZE": "3"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "1"}, False),
        # mpirun within either.
        ({"OMPI_COMM_WORLD_SIZE": "3", "SLURM_NTASKS": "2"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "3", "SLURM_NTASKS": "1"}, True),
        # Not a number.
        ({"OMPI_COMM_WORLD_SIZE": ""}, False),
    ],
)
def test_tasks_of_a_launcher_are_several(asked, monkeypatch, environment, several):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Machines().start() == several
    # JAX finds out the rest.
    assert asked == ([(None, None, None)] if several else [])


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_a_coordinator_that_does_not_answer_is_told(monkeypatch, error):
    def fail(**_):
        raise error("DEADLINE_EXCEEDED: Barrier timed out.\nmore\nlines")

    monkeypatch.setattr(jax.distributed, "initialize", fail)
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    told = (
        "the processes did not find each other: DEADLINE_EXCEEDED: Barrier timed out."
    )
    assert error_of(Machines("one:1234", 2, 0).start) == f"one:1234: {told}"
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    assert error_of(Machines().start) == f"the launcher: {told}"


def test_the_first_listens_where_it_is_told_to_and_nowhere_else(monkeypatch):
    asked = {}
    monkeypatch.setattr(jax.distributed, "initialize", asked.update)
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    Machines("127.0.0.1:1234", 2, 0).start()
    assert asked["coordinator_bind_address"] == "127.0.0.1:1234"


def test_this_process_is_the_first():
    assert machines.is_first()


# ------------------------------------------------------------ commands as processes

# Seven calls of a block on each of two devices; every call is written at once.
ONE_BLOCK = """
from tivax.engine.cli import app as cli
from tivax.engine.resampling import running as experiments

experiments._CALL = 0.0
experiments._SECONDS = -1.0
"""


def ends(at: int, way: str) -> str:
    """Ends by a signal before it gives its part of a call."""
    return (
        ONE_BLOCK
        + f"""
import os, signal

# A job in the background would ignore an interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
gathered, calls = experiments._gathered, []

def ended(result):
    calls.append(1)
    if len(calls) == {at}:
        os.kill(os.getpid(), signal.{way})
    return gathered(result)

experiments._gathered = ended
"""
    )


class Ended(NamedTuple):
    """Exit code, the lines of tivax on stdout, stderr."""

    code: int
    lines: list[str]
    err: str


class Place:
    """A run file and its panel; commands run there, with one cache for all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        small_panel(countries=8, years=5).to_csv(folder / "panel.csv", index=False)
        (folder / "run.toml").write_text(RUN)

    def start(
        self, out: str, *words: object, script: str = "", devices: int = 1
    ) -> subprocess.Popen[str]:
        program = script or "from tivax.engine.cli import app as cli\n"
        command = ["bootstrap", "run.toml", "--out", out, "--quiet", *map(str, words)]
        flag = f"--xla_force_host_platform_device_count={devices}"
        flags = f"{os.environ.get('XLA_FLAGS', '')} {flag}"
        env = {"TIVAX_CACHE": str(self.folder / "cache"), "XLA_FLAGS": flags}
        program += "\ncli.main()"
        return start_fork(program, *command, env=env, cwd=self.folder)

    def one(self, out: str, **options) -> list[str]:
        """A process alone; what it prints."""
        end = ended(self.start(out, **options))
        assert end.code == 0, end.err
        return end.lines

    def two(
        self, *outs: str, scripts: tuple[str, str] = ("", "")
    ) -> list[subprocess.Popen[str]]:
        """Two processes on a free port of this machine, each with its --out."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return [
            self.start(outs[k], "--job", f"127.0.0.1:{port},2,{k}", script=scripts[k])
            for k in (0, 1)
        ]

    def parquet(self, out: str) -> bytes:
        return (self.folder / out / "draws.parquet").read_bytes()

    def summary(self, out: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / out / "summary.csv")

    def manifest(self, out: str) -> dict:
        return json.loads((self.folder / out / "manifest.json").read_text())


def ended(process: subprocess.Popen[str]) -> Ended:
    """Waits for a process; it is killed if it hangs."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    # Gloo greets on stdout.
    lines = [k for k in out.splitlines() if "[Gloo]" not in k]
    return Ended(process.returncode, lines, err)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("machines"))
    place.one("alone")
    assert place.manifest("alone")["devices"] == 1
    yield place


def assert_same_as_alone(place: Place, out: str) -> None:
    assert place.parquet(out) == place.parquet("alone")
    pd.testing.assert_frame_equal(
        place.summary(out), place.summary("alone"), check_exact=True
    )
    own, alone = place.manifest(out), place.manifest("alone")
    assert own["draws_sha256"] == alone["draws_sha256"]


def test_two_processes_give_the_same_file_and_the_first_writes_it(place):
    """The second is given another place, and writes nothing there."""
    before = names(place.folder)
    first, second = map(ended, place.two("two", "second"))
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert first.lines[-2] == "Open two/report.html" and len(first.lines) == 3
    assert second.lines == []
    assert names(place.folder) == sorted([*before, "two"])
    assert_same_as_alone(place, "two")
    manifest = place.manifest("two")
    assert (manifest["processes"], manifest["devices"]) == (2, 2)


def assert_told_of_the_other_ones_end(first: Ended) -> str:
    """Exit code 1 and one line, which is returned."""
    assert first.code == 1, first.err
    (line,) = (k for k in first.err.splitlines() if k.startswith("tivax: "))
    assert line.startswith("tivax: another process of the job has ended (")
    assert "Traceback" not in first.err
    return line


def test_the_end_of_one_process_ends_the_other_and_the_run_goes_on(place):
    """Of seven calls three are made until Ctrl-C, also on another machine; two go on
    with one more until one is killed; and one alone makes the others on four devices,
    all of which a test of ``test_running`` draws on them.
    """
    interrupted, killed = ends(4, "SIGINT"), ends(2, "SIGKILL")
    pair = place.two("lost", "second", scripts=(ONE_BLOCK, interrupted))
    first, second = map(ended, pair)
    assert (second.code, second.lines) == (130, []), second.err
    assert second.err.splitlines()[-1] == "tivax: interrupted"
    assert "Traceback" not in second.err
    assert_told_of_the_other_ones_end(first)
    assert first.lines == []

    pair = place.two("lost", "second", scripts=(ONE_BLOCK, killed))
    first, second = map(ended, pair)
    assert second.code == -signal.SIGKILL, second.err
    assert first.lines == ["Going on at 24,576 of 50,000 draws"]
    assert assert_told_of_the_other_ones_end(first).endswith(
        "); 32,768 of 50,000 draws are kept; start all processes again and the run "
        "goes on"
    )
    assert ".lost.unfinished" in names(place.folder)
    assert "lost" not in names(place.folder)

    assert place.one("lost", devices=4)[0] == "Going on at 32,768 of 50,000 draws"
    assert ".lost.unfinished" not in names(place.folder)
    assert_same_as_alone(place, "lost")
    assert place.manifest("lost")["devices"] == 4
