"""Nothing of the user's is lost: where commands refuse to write, with everything there.

Every refusal comes before any work, in one line, and changes no file.
"""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from tivax.engine import TivaxError, open_store, save_store
from tivax.engine.core.frames import write_frame
from tivax.engine.core.jobs import Job
from tivax.engine.core.manifest import Run
from tivax.engine.core.parts import Part
from tivax.engine.core.places import output_folder, require_writable
from tivax.engine.panel.recipe import WIOD_COUNTRIES
from tivax.engine.tables.store import require_replaceable

import panel_files as pf
from commands import contents, good, mistake, names, tivax
from experiment_panels import small_panel
from helpers import error_of, random_tables, write_arrays

REGIONS = ("R0", "R1", "R2")
RUN = """
panel = "panel.csv"
draws = 99
[scheme]
kind = "pairs"
[[model]]
name = "main"
outcome = "KOFGIdj"
regressors = ["TBI", "RQ"]
"""
STUDY = '[[design]]\nname = "s"\nclusters = 9\nyears = 6\n'


def tables(years=2):
    return random_tables(regions=3, sectors=2, years=years)


@pytest.fixture
def place(tmp_path):
    """A folder with inputs of every command, one of which is a canary."""
    d = tmp_path / "d"
    (d / "raw").mkdir(parents=True)
    for table in tables():
        write_arrays(d / "raw" / f"world_{table.year}.npz", table)
    save_store(tables(), d / "store")
    small_panel().to_csv(d / "panel.csv", index=False)
    (d / "pairs.toml").write_text(RUN)
    (d / "study.toml").write_text(STUDY)
    (d / "groups.toml").write_text('A = ["R0", "R1"]\n')
    rows = [(y, r, s, 1.0) for y in (2000, 2001) for r in REGIONS for s in ("S0", "S1")]
    account = pd.DataFrame(rows, columns=["year", "region", "sector", "jobs"])
    account.to_csv(d / "jobs.csv", index=False)
    (d / "map.csv").write_text("from,to\nS0,S\nS1,S\n")
    return d


def refused(place, *words) -> str:
    """The line; with --force, and nothing under the folder of the test changed."""
    before = contents(place.parent)
    line = mistake(*words, "--force")
    assert contents(place.parent) == before
    return line


# Of a folder as it stands where commands are given: OUT holds or lies in an input.
READ = [
    ("import arrays {d}/raw", "{d}/raw", "the input itself"),
    ("tbi {d}/store", "{d}/store/tbi", "lies in the store"),
    ("tbi {d}/store --satellite {d}/jobs.csv", "{d}/jobs.csv", "the input itself"),
    ("decompose {d}/store --method bm-source", "{d}", "holds the store"),
    ("decompose {d}/store --method kww --groups {d}/groups.toml", "{d}/groups.toml",
     "the input itself"),
    ("indicators {d}/store --level country", "{d}", "holds the store"),
    ("aggregate {d}/store --groups {d}/groups.toml", "{d}/store", "the store itself"),
    ("aggregate {d}/store --concordance {d}/map.csv", "{d}/map.csv", "the input itself"),
    ("bootstrap {d}/pairs.toml", "{d}", "holds the input"),
    ("simulate {d}/study.toml", "{d}", "holds the input"),
]  # fmt: skip


@pytest.mark.parametrize("words, out, told", READ)
def test_what_a_command_reads_is_not_replaced_nor_written_into(place, words, out, told):
    """The folder has a manifest of the same command, and holds nothing else foreign."""
    words = [word.format(d=place) for word in words.split()]
    Run(words[0]).write_manifest(place, residual_max=None)
    out = out.format(d=place)
    line = refused(place, *words, "--out", out)
    assert line.startswith(f"--out {out}: {told}")
    # Also by a way round a link.
    (place.parent / "link").symlink_to(place)
    around = out.replace(str(place), f"{place.parent}/link")
    assert told in refused(place, *words, "--out", around)


@pytest.mark.parametrize("command", ["replicate", "panel"])
def test_the_folder_of_raw_data_is_not_replaced_nor_written_into(tmp_path, command):
    (tmp_path / "data").mkdir()
    data = pf.write_panel_files(tmp_path / "data", WIOD_COUNTRIES)
    (tmp_path / "else").mkdir()
    tbi = data / "tbi.csv"
    tbi.rename(tmp_path / "else" / "tbi.csv")
    (data / "data.toml").write_text('[tbi]\nfile = "../else/tbi.csv"\n')
    Run("fetch").write_manifest(data, residual_max=None)
    words = (command, "--data", data, "--out")
    name = "panel.csv" if command == "panel" else "results"
    line = refused(data, *words, data / name)
    assert line.startswith(f"--out {data / name}: lies in the input {data}")
    Run("replicate").write_manifest(tmp_path / "else", residual_max=None)
    place = tmp_path / "else" / ("tbi.csv" if command == "panel" else "")
    told = "the input itself" if command == "panel" else "holds the input"
    assert told in refused(data, *words, place)
    if command == "replicate":
        assert "the input itself" in refused(data, *words, data)


def test_two_outputs_of_aggregate_do_not_lie_in_each_other(place):
    words = ("aggregate", place / "store", "--groups", place / "groups.toml")
    x = place.parent / "x"
    line = refused(place, *words, "--out", x, "--compare", x / "y")
    assert line.startswith(f"--compare {x / 'y'}: ")
    assert not x.exists()


def test_a_run_file_may_lie_beside_its_results(place):
    good("tbi", place / "store", "--out", place / "results", "--quiet")
    good("aggregate", place / "store", "--groups", place / "groups.toml", "--out",
         place / "small", "--compare", place / "compared", "--quiet")  # fmt: skip
    assert {"results", "small", "compared"} <= set(names(place))


def test_raw_files_in_a_stores_folder_are_not_deleted(place):
    """`import arrays st/raw --out st --force`, and from elsewhere."""
    store = place / "store"
    shutil.copytree(place / "raw", store / "raw")
    words = ("import", "arrays")
    line = refused(place, *words, store / "raw", "--out", store)
    assert line.startswith(f"--out {store}: holds the input {store / 'raw'}")
    line = refused(place, *words, place / "raw", "--out", store)
    assert line == (
        f"{store / 'raw'}: not written by `tivax import`, and --force would remove it; "
        "move it away, or choose another place"
    )


@pytest.mark.parametrize(
    "name", ["notes", "Z/notes", "Z/c/9/0/0/0/0", "Z/c/0/0/0/0/0/0", "mine/zarr.json",
             "Z/c/00", "value_addet"],
)  # fmt: skip
def test_a_store_with_anything_that_is_not_its_own_is_not_replaced(place, name):
    store = place / "store"
    if name == "Z/c/0/0/0/0/0/0":
        (store / "Z/c/0/0/0/0/0").unlink()
    (store / name).parent.mkdir(parents=True, exist_ok=True)
    (store / name).write_text("precious")
    before = contents(store)
    told = "not written by `tivax import`|changed since it was written"
    with pytest.raises(TivaxError, match=told):
        save_store(tables(1), store, force=True)
    assert contents(store) == before


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def put_note(path):
    document = json.loads(path.read_text())
    document.get("attributes", document)["my_note"] = "checked"
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "change, file", [(flip, "Z/c/1/0/0/0/0"), (put_note, "zarr.json")]
)
def test_a_store_that_was_changed_is_not_replaced(place, change, file):
    """Also where it was sound at the first look."""
    require_replaceable(store := place / "store", force=True)
    change(store / file)
    before = contents(store)
    assert error_of(save_store, tables(1), store, force=True) == (
        f"{store}: changed since it was written, or damaged; force=True does not "
        "replace it: move it away, or choose another place"
    )
    assert contents(store) == before


def test_a_result_whose_manifest_was_changed_is_not_replaced(place):
    words = ("tbi", place / "store", "--out", place / "r")
    good(*words, "--quiet")
    put_note(place / "r" / "manifest.json")
    assert refused(place, *words).startswith(
        f"{place / 'r' / 'manifest.json'}: changed since `tivax tbi` wrote it, and "
    )


@pytest.mark.parametrize(
    "command, file, out",
    [("bootstrap", "pairs.toml", "m"), ("tbi", "store", "m"), ("import", "raw", "m"),
     ("explore", "r", "m.html"), ("package", "r", "m.zip")],
)  # fmt: skip
def test_a_mount_point_is_no_place_for_results(place, monkeypatch, command, file, out):
    """A volume of a container; it is refused before any work."""
    good("tbi", place / "store", "--out", place / "r", "--quiet")
    mounted, inside = place / out, "another name"
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == str(mounted))
    if out == "m":
        mounted.mkdir()
        inside = "a folder inside it"
    words = [command, *(["arrays"] if command == "import" else []), place / file]
    told = f"{mounted}: a mount point, which stays; choose {inside}"
    assert refused(place, *words, "--out", mounted) == told


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_a_pipe_is_refused_and_not_waited_for(place):
    good("tbi", place / "store", "--out", place / "r", "--quiet")
    for name in ("s", "q"):
        (place / name).mkdir()
    pipes = ("p.html", "p.zip", "p.csv", "p.toml", "s/zarr.json", "q/manifest.json")
    for name in pipes:
        os.mkfifo(place / name)
    (place / "of_pipe.toml").write_text(RUN.replace("panel.csv", "p.csv"))
    for words, pipe in (
        (["explore", place / "r", "--out", place / "p.html"], "p.html"),
        (["explore", place / "q", "--out", place / "q.html"], "q/manifest.json"),
        (["tbi", place / "s", "--out", place / "b"], "s/zarr.json"),
        (["package", place / "r", "--out", place / "p.zip"], "p.zip"),
        (["panel", "--data", place, "--out", place / "p.csv"], "p.csv"),
        (["bootstrap", place / "p.toml", "--out", place / "b"], "p.toml"),
        (["bootstrap", place / "of_pipe.toml", "--out", place / "b"], "p.csv"),
        (["tbi", place / "store", "--satellite", place / "p.csv", "--out", place / "b"], "p.csv"),
    ):  # fmt: skip
        told = f"{place / pipe}: a pipe, a socket or a device; name a file or folder"
        assert mistake(*words, "--force") == told


def test_an_array_of_the_users_keeps_a_store_from_being_replaced(place):
    import zarr

    zarr.open_group(place / "store")["mine"] = np.ones(3)
    with pytest.raises(TivaxError, match="store/mine: not written by"):
        save_store(tables(1), place / "store", force=True)


def test_a_store_that_another_command_wrote_is_not_replaced(place):
    good("import", "arrays", place / "raw", "--out", place / "st", "--quiet")
    words = ("aggregate", place / "store", "--groups", place / "groups.toml")
    assert refused(place, *words, "--out", place / "st") == (
        f"{place / 'st'}: a store written by `tivax import`, and a command replaces only "
        "what it wrote itself; choose another place"
    )
    good("import", "arrays", place / "raw", "--out", place / "st", "--force", "--quiet")


def test_a_store_behind_a_link_is_written_where_the_link_points(place):
    (place / "link").symlink_to(place.parent / "disk" / "st")
    for more in ((), ("--force",)):
        words = ("--out", place / "link", "--quiet", *more)
        good("import", "arrays", place / "raw", *words)
    assert (place / "link").is_symlink()
    assert open_store(place / "link").years == (2000, 2001)
    assert names(place.parent / "disk") == ["st"]
    assert not [k for k in names(place) if k.startswith(".")]


def test_fetch_touches_no_folder_of_another_command(place, monkeypatch):
    monkeypatch.setattr(
        "tivax.engine.sources.fetch", lambda *k, **o: pytest.fail("asked")
    )
    Run("tbi").write_manifest(place, residual_max=None)
    line = refused(place, "fetch", "wiod2016", "--out", place)
    assert line.startswith(f"{place}: written by `tivax tbi`, and a command replaces")
    (place / "manifest.json").write_text("{}")
    assert "not a manifest of tivax" in refused(
        place, "fetch", "wiod2016", "--out", place
    )


def test_fetch_replaces_only_what_it_fetched(place, monkeypatch):
    monkeypatch.setattr(
        "tivax.engine.sources.fetch", lambda *k, **o: pytest.fail("asked")
    )
    file = place / "KOF_Data_2018.dta"
    file.write_text("by hand")
    words = ("fetch", "kof", "--out", place)
    assert refused(place, *words).startswith(f"{file}: not written by `tivax fetch`")
    entry = {"name": file.name, "bytes": 7, "sha256": "0" * 64}
    Run("fetch").add_to_manifest(place, entry)
    assert refused(place, *words).startswith(f"{file}: changed since `tivax fetch`")


# ------------------------------------------------------------------------- a full disk


@pytest.fixture
def small_files():
    """The system writes no file larger than 16 KiB: as a full disk, for any user."""
    resource = pytest.importorskip("resource")  # not on Windows
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


TOLD = "File too large; free some, then give the same command again, or choose another"


@pytest.mark.parametrize("format", ["csv", "parquet", "dta"])
def test_a_full_disk_is_told_by_the_place_in_every_format(
    tmp_path, small_files, format
):
    rows = np.random.default_rng(0).normal(size=(4000, 2))
    frame = pd.DataFrame(rows, columns=["a", "b"])
    with pytest.raises(TivaxError) as error:
        with output_folder(tmp_path / "out", Run("tbi")) as folder:
            write_frame(frame, folder, "x", format)
    assert str(error.value) == f"{tmp_path / 'out'}: {TOLD} place"
    assert names(tmp_path) == []


def test_a_full_disk_is_told_by_the_store_and_by_the_draws(tmp_path, small_files):
    large = random_tables(regions=8, sectors=8, years=1)
    line = error_of(save_store, large, tmp_path / "st")
    assert line == f"{tmp_path / 'st'}: {TOLD} place"
    assert names(tmp_path) == []
    with pytest.raises(TivaxError) as error:
        job = Job(tmp_path / "out", "bootstrap", {"seed": 1}, [Part(5_000, 1)])
        with job.resumed(print):
            job.parts[0].append(np.ones((1, 1)))
            job.parts[0].append(np.ones((4_096, 1)))
    assert str(error.value) == f"{tmp_path / 'out'}: {TOLD} place"
    assert names(tmp_path) == [".out.unfinished"]


def test_the_help_says_what_is_replaced():
    for command in ("tbi", "import", "panel", "simulate", "bench"):
        shown = " ".join(tivax(command, "--help").out.replace("│", " ").split())
        assert "if this command wrote it and none of its files has changed" in shown


def test_a_name_that_is_not_utf8_is_refused_before_any_work(tmp_path):
    """As Python reads letters of another locale; files of parquet cannot have it."""
    line = error_of(require_writable, tmp_path / "out-\udcc3\udcbc")
    assert "not a name in UTF-8" in line and "PYTHONUTF8=1" in line
    assert names(tmp_path) == []
