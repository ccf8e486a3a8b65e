"""What an unfinished run keeps, when it is taken up again, and when it is refused."""

import json
import re
import shutil
import sys
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tivax.engine.core.errors import TivaxError
from tivax.engine.resampling.checkpoints import (
    Checkpoint,
    Drawn,
    checkpoint,
    unfinished,
)
from tivax.engine.resampling.fitted_models import fit_model
from tivax.engine.resampling.plans import make_plan
from tivax.engine.resampling.running import draws_of, fill
from tivax.engine.resampling.schemes import Scheme
from tivax.kernels.random_draws import BLOCK

from commands import contents, names, start_python
from experiment_panels import MODEL, calls_of, small_panel

pytestmark = pytest.mark.usefixtures("quick")


@dataclass(frozen=True)
class Some:
    """So many draws of these columns."""

    columns: tuple[str, ...]
    draws: int


PROGRAMS = (Some(("a",), 4), Some(("a", "b"), 3))
LONG = (Some(("a",), 10_000), Some(("a",), 10_000))
IDENTITY = {"seed": 1, "models": ["m"], "panel": Path("panel.csv")}


class Stopped(Exception):
    """What ends a run half way."""


def begin(out: Path, identity=IDENTITY, *, draws: int = 2) -> Path:
    """A run that stops after some draws of the first model; its folder."""
    with pytest.raises(Stopped), checkpoint(out, PROGRAMS, identity) as kept:
        kept.files[0].append(np.arange(float(draws))[:, None])
        raise Stopped
    return unfinished(out)


def values(kept: Checkpoint, k: int = 0) -> list:
    return [row for part in kept.files[k].windows() for row in part.tolist()]


def test_the_folder_lies_hidden_beside_the_results(tmp_path, monkeypatch):
    assert unfinished(tmp_path / "out") == tmp_path / ".out.unfinished"
    monkeypatch.chdir(tmp_path)
    assert unfinished(Path("out")) == tmp_path / ".out.unfinished"


def test_a_file_for_each_model_and_a_record(tmp_path):
    with checkpoint(tmp_path / "out", PROGRAMS, IDENTITY) as kept:
        assert kept.folder == tmp_path / ".out.unfinished"
        assert [file.path.name for file in kept.files] == ["000.f64", "001.f64"]
        assert [(f.columns, f.limit) for f in kept.files] == [(1, 4), (2, 3)]
        assert kept.done == 0
        kept.files[0].append(np.ones((4, 1)))
        kept.files[1].append(np.ones((2, 2)))
        assert kept.done == 6
        record = json.loads((kept.folder / "run.json").read_text())
        assert record.pop("written by").startswith("tivax")
        assert record == {"seed": 1, "models": ["m"], "panel": "panel.csv"}


def test_the_folder_goes_away_when_all_is_well(tmp_path):
    with checkpoint(tmp_path / "new" / "out", PROGRAMS, IDENTITY) as kept:
        kept.files[0].append(np.ones((4, 1)))
    assert names(tmp_path / "new") == []


@pytest.mark.parametrize("error", [Stopped, KeyboardInterrupt, SystemExit])
def test_the_folder_stays_when_a_run_stops(tmp_path, error):
    with pytest.raises(error), checkpoint(tmp_path / "out", PROGRAMS, IDENTITY) as kept:
        kept.files[0].append(np.array([[5.0], [6.0]]))
        raise error
    with checkpoint(tmp_path / "out", PROGRAMS, IDENTITY) as kept:
        assert kept.done == 2 and values(kept) == [[5], [6]]
        kept.files[0].append(np.array([[7.0]]))
        assert values(kept) == [[5], [6], [7]]
    assert names(tmp_path) == []


@pytest.mark.parametrize("lost", [1, 7, 8, 9, 15])
def test_a_block_half_written_is_not_taken_up(tmp_path, lost):
    with pytest.raises(Stopped), checkpoint(tmp_path / "out", LONG, IDENTITY) as kept:
        kept.files[0].append(np.arange(5_000.0)[:, None])
        with kept.files[0].path.open("r+b") as half:
            half.truncate(40_000 - lost)
        raise Stopped
    with checkpoint(tmp_path / "out", LONG, IDENTITY) as kept:
        assert kept.done == 4_096
        assert values(kept) == [[k] for k in range(4_096)]


def damage(folder: Path, how: str) -> None:
    file = folder / "000.f64"
    data = bytearray(file.read_bytes())
    if how == "a bit":
        data[8 * 4_999 + 3] ^= 16
    if how == "rows exchanged":
        data[8 * 4_996 : 8 * 4_998] = (
            data[8 * 4_997 : 8 * 4_998] + data[8 * 4_996 : 8 * 4_997]
        )
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
def test_damaged_draws_are_made_again_and_it_is_told(
    tmp_path, caplog, how, kept_rows, lost
):
    out = tmp_path / "out"
    with pytest.raises(Stopped), checkpoint(out, LONG, IDENTITY) as kept:
        kept.files[0].append(np.arange(5_000.0)[:, None])
        kept.files[1].append(np.arange(9_000.0)[:, None])
        raise Stopped
    damage(unfinished(out), how)
    with checkpoint(out, LONG, IDENTITY) as kept:
        assert kept.done == kept_rows
        for k, file in enumerate(kept.files):
            assert values(kept, k) == [[k] for k in range(file.count)]
    assert [k.getMessage() for k in caplog.records] == [
        f"{unfinished(out)}: {lost:,} draws damaged on the disk; made again"
    ]


def test_draws_cut_within_a_block_have_a_checksum_again(tmp_path):
    with pytest.raises(Stopped), checkpoint(tmp_path / "out", LONG, IDENTITY) as kept:
        kept.files[0].append(np.arange(9_000.0)[:, None])
        kept.files[0].keep(5_000)
        kept.files[0].append(np.arange(5_000.0, 6_000.0)[:, None])
        raise Stopped
    with checkpoint(tmp_path / "out", LONG, IDENTITY) as kept:
        assert values(kept) == [[k] for k in range(6_000)]


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
        wrong = (
            place / {"file": "000.f64", "folder": "sub", "record": "run.json"}[there]
        )
        (wrong / "x" if there == "folder" else wrong).parent.mkdir(exist_ok=True)
        (wrong / "x" if there == "folder" else wrong).write_text("{}")
    before = contents(tmp_path)
    with pytest.raises(TivaxError) as error:
        with checkpoint(tmp_path / "out", PROGRAMS, IDENTITY, force=force):
            pass
    assert str(error.value) == (
        f"{wrong}: in the place of an unfinished run, and not written by one of this "
        "tivax; move it away, or choose another place"
    )
    assert contents(tmp_path) == before and place.is_symlink() == there.startswith(
        "link to"
    ) | (there == "link")


def test_a_damaged_record_is_that_of_another_run(tmp_path):
    out = tmp_path / "out"
    record = begin(out) / "run.json"
    record.write_bytes(record.read_bytes().replace(b"seed", b"s\xe9ed"))
    with pytest.raises(TivaxError, match="holds an unfinished run of other models"):
        with checkpoint(out, PROGRAMS, IDENTITY):
            pass
    with checkpoint(out, PROGRAMS, IDENTITY, force=True) as kept:
        assert kept.done == 0
    assert names(tmp_path) == []


OTHER = (
    "{out}: .out.unfinished beside it holds an unfinished run of other models, draws, "
    "seed or versions; force=True starts over"
)


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"models": ["m", "n"]}, {"panel": "p.csv"}, {"more": None}]
)
def test_another_run_is_refused_and_changes_nothing(tmp_path, change):
    out = tmp_path / "out"
    folder = begin(out)
    with pytest.raises(TivaxError, match=f"^{re.escape(OTHER.format(out=out))}$"):
        with checkpoint(out, PROGRAMS, {**IDENTITY, **change}):
            pass
    assert names(folder) == ["000.crc32c", "000.f64", "run.json"]
    with checkpoint(out, PROGRAMS, IDENTITY) as kept:
        assert kept.done == 2


def test_the_order_of_its_facts_does_not_make_it_another_run(tmp_path):
    begin(tmp_path / "out")
    turned = dict(reversed(IDENTITY.items()))
    with checkpoint(tmp_path / "out", PROGRAMS, turned) as kept:
        assert kept.done == 2


def test_force_begins_anew_and_stands_for_the_other_run(tmp_path):
    out, other = tmp_path / "out", {**IDENTITY, "seed": 2}
    begin(out)
    with pytest.raises(Stopped), checkpoint(out, PROGRAMS, other, force=True) as kept:
        assert kept.done == 0
        kept.files[1].append(np.full((1, 2), 8.0))
        raise Stopped
    with checkpoint(out, PROGRAMS, other) as kept:
        assert kept.done == 1 and values(kept, 1) == [[8, 8]]


def test_force_goes_on_with_the_same_run(tmp_path):
    begin(tmp_path / "out")
    with checkpoint(tmp_path / "out", PROGRAMS, IDENTITY, force=True) as kept:
        assert kept.done == 2


def test_runs_of_other_folders_are_apart(tmp_path):
    begin(tmp_path / "out")
    with checkpoint(tmp_path / "other", PROGRAMS, {**IDENTITY, "seed": 2}) as kept:
        assert kept.done == 0
    assert names(tmp_path) == [".out.unfinished"]


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    line = f"{out}: Not a directory; choose another place"
    with pytest.raises(TivaxError, match=f"^{re.escape(line)}$"):
        with checkpoint(out, PROGRAMS, IDENTITY):
            pass
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("saved, each", [(False, 8), (True, 24)])
def test_a_disk_too_small_is_refused(tmp_path, monkeypatch, saved, each):
    """4 draws of one column and 3 of two; what is kept from before is there already."""

    def free(size: int) -> None:
        usage = namedtuple("usage", "total used free")(2**40, 0, size)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    out = tmp_path / "new" / "out"
    free(10 * each - 1)
    line = (
        f"{tmp_path}: the draws take {10 * each} bytes on this disk and {10 * each - 1} "
        "bytes are free; ask for fewer, or choose another disk"
    )
    with pytest.raises(TivaxError, match=f"^{re.escape(line)}$"):
        with checkpoint(out, PROGRAMS, IDENTITY, saved=saved):
            pass
    assert names(tmp_path) == []
    free(10 * each)
    begin(out)
    free(10 * each - 2 * 8)
    with checkpoint(out, PROGRAMS, IDENTITY, saved=saved) as kept:
        assert kept.done == 2


# ---------------------------------------------------------------------------- the lock

BUSY = "{out}: another process is at work on it; wait, or name another place"


def busy(out: Path) -> str:
    return f"^{re.escape(BUSY.format(out=out))}$"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_of_two_at_work_the_second_is_refused(tmp_path):
    """Also with --force, and although it is the same run; then the first goes on."""
    out = tmp_path / "out"
    with checkpoint(out, PROGRAMS, IDENTITY) as kept:
        kept.files[0].append(np.ones((1, 1)))
        for force in (False, True):
            with pytest.raises(TivaxError, match=busy(out)):
                with checkpoint(out, PROGRAMS, {"seed": 2}, force=force):
                    pass
        assert kept.done == 1
    assert names(tmp_path) == []


SCRIPT = """
import sys
from pathlib import Path
from tivax.engine.resampling.checkpoints import checkpoint
with checkpoint(Path(sys.argv[1]), [], {}):
    print("at work", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_a_process_that_is_killed_lets_go(tmp_path):
    out = tmp_path / "out"
    with start_python(SCRIPT, out) as other:
        assert other.stdout is not None and other.stdout.readline() == "at work\n"
        with pytest.raises(TivaxError, match=busy(out)):
            with checkpoint(out, [], {}):
                pass
        other.kill()
        other.wait()
        with checkpoint(out, [], {}) as kept:
            assert kept.done == 0
    assert names(tmp_path) == []


# ------------------------------------------------------------------------- with draws


def test_a_run_that_is_cut_anywhere_gives_the_same_draws(tmp_path, monkeypatch):
    """Killed in a row of the second model: whole blocks are kept, the rest made anew."""
    calls_of(monkeypatch, 0.0)
    monkeypatch.setattr("tivax.engine.resampling.running._SECONDS", -1.0)
    fitted = fit_model(small_panel(countries=9), MODEL)
    plans = [
        make_plan(fitted, scheme, BLOCK + 900)
        for scheme in (Scheme("wild", weights="webb"), Scheme("placebo"))
    ]
    assert all(isinstance(plan, Drawn) for plan in plans)
    expected = [draws_of(plan, 4).values for plan in plans]
    out = tmp_path / "out"
    with pytest.raises(Stopped), checkpoint(out, plans, IDENTITY) as kept:
        for plan, file in zip(plans, kept.files, strict=True):
            fill(plan, 4, file)
        with kept.files[1].path.open("r+b") as cut:
            cut.truncate(8 * len(plans[1].columns) * (BLOCK + 100) + 5)
        raise Stopped
    told = []
    with checkpoint(out, plans, IDENTITY) as kept:
        assert kept.done == BLOCK + 900 + BLOCK
        for plan, file in zip(plans, kept.files, strict=True):
            fill(plan, 4, file, progress=lambda *k: told.append(k))
        for file, own in zip(kept.files, expected, strict=True):
            assert_array_equal(np.concatenate([*file.windows()]), own)
    n = BLOCK + 900
    assert told == [(n, n), (BLOCK, n), (n, n)]
