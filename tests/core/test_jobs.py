"""What an unfinished job keeps, when it is taken up again, and when it is refused."""

import json
import shutil
import sys
from collections import namedtuple
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tivax.engine.core import NOT_KEPT, parts
from tivax.engine.core.errors import TivaxError
from tivax.engine.core.jobs import Job
from tivax.engine.core.parts import Part, State

from commands import contents, names, start_python
from helpers import error_of

PARTS = (Part(4, 1), Part(3, 2))
LONG = (Part(10_000, 1), Part(10_000, 1))
IDENTITY = {"seed": 1, "models": ["m"], "panel": Path("panel.csv")}


class Stopped(Exception):
    """What ends a run half way."""


def job_of(out: Path, identity=IDENTITY, parts=PARTS, **options) -> Job:
    return Job(out, "bootstrap", identity, parts, **options)


def run(job: Job, *appended, force: bool = False, error=None) -> list[str]:
    """Append to the parts, end well or by an error; what was said."""
    said: list[str] = []
    with suppress(*([error] if error else [])), job.resumed(said.append, force=force):
        for k, rows in appended:
            own = job.parts[k]
            own.append(np.asarray(rows, float).reshape(-1, own.columns))
        if error:
            raise error
    return said


def begin(out: Path, identity=IDENTITY) -> Path:
    """A job that stops after two rows of the first part; its folder."""
    job = job_of(out, identity)
    run(job, (0, [0, 1]), error=Stopped)
    return job.folder


def kept(job: Job, k: int = 0) -> list:
    """The rows of a part when the job goes on, which it does not end."""
    rows = []
    with suppress(Stopped), job.resumed(print):
        rows = [row for window in job.parts[k].windows() for row in window.tolist()]
        raise Stopped
    return rows


def test_the_folder_lies_hidden_beside_the_results(tmp_path, monkeypatch):
    assert job_of(tmp_path / "out").folder == tmp_path / ".out.unfinished"
    monkeypatch.chdir(tmp_path)
    assert job_of(Path("out")).folder == tmp_path / ".out.unfinished"


def test_a_file_for_each_part_and_a_record_of_all_that_numbers_depend_on(tmp_path):
    job = job_of(tmp_path / "out")
    run(job, (0, np.ones(4)), (1, np.ones(4)), error=Stopped)
    assert names(job.folder) == [
        *("000.crc32c", "000.f64", "001.crc32c", "001.f64", "run.json")
    ]
    assert (job.done, job.total, str(job)) == (6, 7, "6 of 7 draws")
    record = json.loads((job.folder / "run.json").read_text())
    assert record.pop("written by").startswith("tivax")
    assert {*record} == {*IDENTITY, "command", "parts", "tivax", "jax", "platform"}
    assert record["command"] == "bootstrap" and record["parts"] == [[4, 1], [3, 2]]
    assert record["panel"] == "panel.csv" and record["platform"] == "cpu"


def test_the_folder_goes_away_when_all_is_well(tmp_path):
    assert run(job_of(tmp_path / "new" / "out"), (0, np.ones(4))) == []
    assert names(tmp_path / "new") == []


@pytest.mark.parametrize("error", [Stopped, KeyboardInterrupt, SystemExit])
def test_the_folder_stays_when_a_run_stops(tmp_path, error):
    said = run(job_of(tmp_path / "out"), (0, [5, 6]), error=error)
    line = "Stopped: 2 of 7 draws are kept; the same command goes on"
    assert said == ([line] if error is KeyboardInterrupt else [])
    job = job_of(tmp_path / "out")
    assert kept(job) == [[5], [6]]
    assert run(job, (0, [7])) == ["Going on at 2 of 7 draws"]
    assert names(tmp_path) == []


def test_a_run_that_stops_before_anything_is_kept_leaves_nothing(tmp_path):
    """Another one may follow, such as that of a file which is put right."""
    assert run(job_of(tmp_path / "out"), error=KeyboardInterrupt) == []
    assert names(tmp_path) == []


@pytest.mark.parametrize("lost", [1, 7, 8, 9, 15])
def test_a_block_half_written_is_not_taken_up(tmp_path, lost):
    job = job_of(tmp_path / "out", parts=LONG)
    run(job, (0, np.arange(5_000)), error=Stopped)
    with job.parts[0].path.open("r+b") as half:
        half.truncate(40_000 - lost)
    assert kept(job) == [[k] for k in range(4_096)]


@pytest.mark.parametrize("held, whole", [(7, 0), (8, 8), (19, 16), (20, 20)])
def test_whole_blocks_of_a_part_are_taken_up_or_all_of_it(tmp_path, held, whole):
    job = job_of(tmp_path / "out", parts=[Part(20, 1, block=8)])
    run(job, (0, np.arange(held)), error=Stopped)
    assert kept(job) == [[k] for k in range(whole)]
    asked, told = [], []

    def make(k, start):
        asked.append((k, start))
        yield np.arange(float(start), 20)[:, None]

    with job.resumed(print):
        job.fill(make, lambda *k: told.append(k))
        assert_array_equal(np.concatenate([*job.parts[0].windows()])[:, 0], range(20))
    assert asked == ([(0, whole)] if whole < 20 else [])
    assert told == [(whole, 20), (20, 20)][: 1 + len(asked)]


def test_a_part_that_cannot_be_made_leaves_nothing(tmp_path):
    """The same command would end there."""

    def fail(k, start):
        raise TivaxError("2000, draw 1: not solved")
        yield

    job = job_of(tmp_path / "out")
    begin(tmp_path / "out")
    with pytest.raises(TivaxError, match="not solved"), job.resumed(print):
        job.fill(fail)
    assert names(tmp_path) == []


def damage(folder: Path, how: str) -> None:
    file = folder / "000.f64"
    data = bytearray(file.read_bytes())
    if how == "a bit":
        data[8 * 4_999 + 3] ^= 16
    if how == "rows exchanged":
        one, other = data[8 * 4_996 : 8 * 4_997], data[8 * 4_997 : 8 * 4_998]
        data[8 * 4_996 : 8 * 4_998] = other + one
    if how == "files exchanged":
        for end in ("f64", "crc32c"):
            file.with_suffix(f".{end}").replace(folder / f"aside.{end}")
            (folder / f"001.{end}").replace(file.with_suffix(f".{end}"))
            (folder / f"aside.{end}").replace(folder / f"001.{end}")
        return
    if how == "a checksum":
        sums = file.with_suffix(".crc32c")
        sums.write_bytes(sums.read_bytes()[:-1] + b"x")
    file.write_bytes(data)


@pytest.mark.parametrize(
    "how, kept_rows, lost",
    [
        ("a bit", 4_096 + 9_000, 904),
        ("rows exchanged", 4_096 + 9_000, 904),
        ("files exchanged", 0, 14_000),
        ("a checksum", 9_000 + 4_096, 904),
    ],
)
def test_damaged_rows_are_made_again_and_it_is_told(
    tmp_path, caplog, how, kept_rows, lost
):
    job = job_of(tmp_path / "out", parts=LONG)
    run(job, (0, np.arange(5_000)), (1, np.arange(9_000)), error=Stopped)
    damage(job.folder, how)
    for k in (0, 1):
        rows = kept(job, k)
        assert rows == [[k] for k in range(len(rows))]
    assert job.done == kept_rows
    assert [k.getMessage() for k in caplog.records] == [
        f"{job.folder}: {lost:,} draws damaged on the disk; made again"
    ]


def test_rows_cut_within_a_block_have_a_checksum_again(tmp_path):
    job = job_of(tmp_path / "out", parts=LONG)
    run(job, (0, np.arange(9_000)), error=Stopped)
    job.parts[0].keep(5_000)
    job.parts[0].append(np.arange(5_000.0, 6_000.0)[:, None])
    assert kept(job) == [[k] for k in range(6_000)]


# -------------------------------------------------------------------------- a state


def test_a_state_is_taken_up_by_the_step_that_asks_for_it(tmp_path, caplog):
    """The second of two, which the disk then damages."""
    job = job_of(tmp_path / "out", parts=(), unit="tests")
    with pytest.raises(Stopped), job.resumed(print):
        job.keeper.under(0).state().keep(np.arange(3.0), last=True)
        state = job.keeper.under(1).state()
        state.keep(np.arange(2.0), np.ones((2, 2)), last=True)
        state.keep(np.arange(5.0))  # too early: not written
        raise Stopped
    job, said = job_of(tmp_path / "out", parts=(), unit="tests"), []
    with pytest.raises(Stopped), job.resumed(said.append):
        # By name: the order does not matter.
        third, second, first = (job.keeper.under(k).state() for k in (2, 1, 0))
        assert_array_equal(first.arrays[0], np.arange(3.0))
        assert_array_equal(second.arrays[1], np.ones((2, 2)))
        assert third.arrays == []
        raise Stopped
    assert said == ["Going on at 5 tests"]
    path = job.folder / "kept-0-state.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with job_of(tmp_path / "out", parts=()).resumed(said.append):
        assert not path.exists()
    assert [k.getMessage() for k in caplog.records] == [
        f"{path}: damaged on the disk; made again"
    ]
    assert names(tmp_path) == []


def test_a_state_of_no_job_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    State().keep(np.ones(2), last=True)
    assert NOT_KEPT.under(0).state().arrays == [] and names(tmp_path) == []


def test_a_state_is_written_about_once_a_second(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(parts.time, "monotonic", lambda: now[0])
    state = State(tmp_path / "001-state.npz")
    for step, (now[0], written) in enumerate([(0.9, 0), (1.1, 2), (2, 2), (2.2, 4)], 1):
        state.keep(np.ones(step))
        assert sum(map(len, State(state.path).arrays)) == written


# ------------------------------------------------------- what is not tivax's own


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "there",
    ["file", "folder", "link", "link to ours", "record", "is a file", "link inside"],
)
def test_what_is_not_of_a_run_is_never_touched(tmp_path, there, force):
    mine, place = tmp_path / "mine", tmp_path / ".out.unfinished"
    wrong = place
    mine.mkdir()
    (mine / "a.txt").write_text("precious")
    if there == "is a file":
        place.write_text("precious")
    elif there == "link":
        place.symlink_to(mine)
    elif there == "link to ours":
        begin(tmp_path / "other")
        place.symlink_to(tmp_path / ".other.unfinished")
    elif there == "link inside":
        begin(tmp_path / "out")
        wrong = place / "001.f64"
        wrong.symlink_to(mine / "a.txt")
    else:
        place.mkdir()
        called = {"file": "000.f64", "folder": "sub", "record": "run.json"}
        wrong = place / called[there]
        file = wrong / "x" if there == "folder" else wrong
        file.parent.mkdir(exist_ok=True)
        file.write_text("{}")
    before = contents(tmp_path)
    assert error_of(run, job_of(tmp_path / "out"), force=force) == (
        f"{wrong}: in the place of an unfinished run, and not written by one of this "
        "tivax; move it away, or choose another place"
    )
    assert contents(tmp_path) == before
    assert place.is_symlink() == (there in ("link", "link to ours"))


OTHER = (
    "{out}: .out.unfinished beside it holds an unfinished run of other models, draws, "
    "seed or versions; force=True starts over"
)


def refused(out: Path, **options) -> None:
    assert error_of(run, job_of(out, **options)) == OTHER.format(out=out)


def test_a_damaged_record_is_that_of_another_run(tmp_path):
    out = tmp_path / "out"
    record = begin(out) / "run.json"
    record.write_bytes(record.read_bytes().replace(b"seed", b"s\xe9ed"))
    refused(out)
    assert run(job_of(out), force=True) == []
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        {"identity": {**IDENTITY, "seed": 2}},
        {"identity": {**IDENTITY, "models": ["m", "n"]}},
        {"identity": {**IDENTITY, "panel": "p.csv"}},
        {"identity": {**IDENTITY, "more": None}},
        {"parts": (Part(4, 1), Part(4, 2))},
    ],
)
def test_another_run_is_refused_and_changes_nothing(tmp_path, change):
    out = tmp_path / "out"
    folder = begin(out)
    refused(out, **change)
    assert names(folder) == ["000.crc32c", "000.f64", "run.json"]
    assert run(job_of(out)) == ["Going on at 2 of 7 draws"]


def test_a_run_of_an_older_tivax_is_refused(tmp_path):
    """Its record named neither the command nor the parts."""
    record = begin(tmp_path / "out") / "run.json"
    older = json.loads(record.read_text())
    del older["command"], older["parts"]
    record.write_text(json.dumps(older, indent=1, sort_keys=True))
    refused(tmp_path / "out")


def test_the_order_of_its_facts_does_not_make_it_another_run(tmp_path):
    begin(tmp_path / "out")
    turned = dict(reversed(IDENTITY.items()))
    assert kept(job_of(tmp_path / "out", turned)) == [[0], [1]]


def test_force_begins_anew_and_stands_for_the_other_run(tmp_path):
    out, other = tmp_path / "out", {**IDENTITY, "seed": 2}
    begin(out)
    run(job_of(out, other), (1, [8, 8]), force=True, error=Stopped)
    job = job_of(out, other)
    assert kept(job, 1) == [[8, 8]] and job.done == 1


def test_force_goes_on_with_the_same_run(tmp_path):
    begin(tmp_path / "out")
    said = run(job_of(tmp_path / "out"), force=True)
    assert said == ["Going on at 2 of 7 draws"]


def test_runs_of_other_folders_are_apart(tmp_path):
    begin(tmp_path / "out")
    assert run(job_of(tmp_path / "other", {**IDENTITY, "seed": 2})) == []
    assert names(tmp_path) == [".out.unfinished"]


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    line = error_of(run, job_of(out))
    assert line == f"{out}: Not a directory; choose another place"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("saved, each", [(False, 8), (True, 24)])
def test_a_disk_too_small_is_refused(tmp_path, monkeypatch, saved, each):
    """4 draws of one column and 3 of two; what is kept from before is there already."""

    def free(size: int) -> None:
        usage = namedtuple("usage", "total used free")(2**40, 0, size)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    out = tmp_path / "new" / "out"
    free(10 * each - 1)
    assert error_of(run, job_of(out, saved=saved)) == (
        f"{tmp_path}: the draws take {10 * each} bytes on this disk and {10 * each - 1} "
        "bytes are free; ask for fewer, or choose another disk"
    )
    assert names(tmp_path) == []
    free(10 * each)
    begin(out)
    free(10 * each - 2 * 8)
    assert len(kept(job_of(out, saved=saved))) == 2


# ---------------------------------------------------------------------------- the lock

BUSY = "{out}: another process is at work on it; wait, or name another place"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_of_two_at_work_the_second_is_refused(tmp_path):
    """Also with --force, and although it is the same run; then the first goes on."""
    out = tmp_path / "out"
    job = job_of(out)
    with job.resumed(print):
        job.parts[0].append(np.ones((1, 1)))
        for force in (False, True):
            line = error_of(run, job_of(out, {"seed": 2}), force=force)
            assert line == BUSY.format(out=out)
        assert job.done == 1
    assert names(tmp_path) == []


SCRIPT = """
import sys
from pathlib import Path
from tivax.engine.core.jobs import Job
with Job(Path(sys.argv[1]), "try", {}).resumed(print):
    print("at work", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_a_process_that_is_killed_lets_go(tmp_path):
    out = tmp_path / "out"
    job = Job(out, "try", {})
    with start_python(SCRIPT, out) as other:
        assert other.stdout is not None and other.stdout.readline() == "at work\n"
        assert error_of(run, job) == BUSY.format(out=out)
        other.kill()
        other.wait()
        assert run(job) == []
    assert names(tmp_path) == []
