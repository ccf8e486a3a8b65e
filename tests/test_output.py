import hashlib
import json
import os
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from tivax.engine import TivaxError
from tivax.engine.output import (
    Run,
    describe_input,
    output_folder,
    partial_path,
    replace_path,
    require_free,
    require_result_place,
    sha256,
)


def write_result(folder, text="new", *, force=False, manifest=True):
    """A result folder, as commands write it."""
    with output_folder(folder, force=force) as part:
        (part / "tbi.csv").write_text(text)
        if manifest:
            Run("tbi").write_manifest(part, residual_max=1e-14)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ------------------------------------------------------------ whole or not at all


def test_results_appear_only_when_the_block_has_ended(tmp_path):
    with output_folder(tmp_path / "a" / "out") as part:
        (part / "tbi.csv").write_text("1")
        assert not (tmp_path / "a" / "out").exists()
        assert part.parent == tmp_path / "a"  # the same disk: a rename moves no bytes
    assert names(tmp_path / "a") == ["out"]
    assert names(tmp_path / "a" / "out") == ["tbi.csv"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, TivaxError("no")])
@pytest.mark.parametrize("force", [False, True])
def test_a_block_that_fails_leaves_nothing(tmp_path, interruption, force):
    if force:
        write_result(tmp_path / "out", "old")
    with pytest.raises((KeyboardInterrupt, TivaxError)):
        with output_folder(tmp_path / "out", force=force) as part:
            (part / "tbi.csv").write_text("half")
            raise interruption
    assert names(tmp_path) == (["out"] if force else [])
    if force:
        assert (tmp_path / "out" / "tbi.csv").read_text() == "old"


def test_a_result_is_not_overwritten_unless_forced(tmp_path):
    write_result(tmp_path / "out", "old")
    with pytest.raises(TivaxError, match="out: exists already; --force replaces it"):
        write_result(tmp_path / "out")
    assert (tmp_path / "out" / "tbi.csv").read_text() == "old"
    write_result(tmp_path / "out", force=True)
    assert (tmp_path / "out" / "tbi.csv").read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_an_older_result_is_replaced_as_a_whole(tmp_path):
    write_result(tmp_path / "out")
    (tmp_path / "out" / "left.csv").write_text("old")
    write_result(tmp_path / "out", force=True)
    assert names(tmp_path / "out") == ["manifest.json", "tbi.csv"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_force_does_not_replace_what_has_no_manifest(tmp_path, kind):
    target = tmp_path / "thesis"
    if kind == "folder":
        target.mkdir()
    (target / "text" if kind == "folder" else target).write_text("precious")
    with pytest.raises(TivaxError, match="thesis: not a result folder of tivax"):
        write_result(target, force=True)
    assert names(tmp_path) == ["thesis"]
    assert (target / "text" if kind == "folder" else target).read_text() == "precious"


def test_an_empty_folder_is_free_and_a_file_is_not(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    require_free(tmp_path / "empty", force=False)
    require_free(tmp_path / "none", force=False)
    with pytest.raises(TivaxError, match="file: exists already"):
        require_free(tmp_path / "file", force=False)
    write_result(tmp_path / "empty")
    assert names(tmp_path / "empty") == ["manifest.json", "tbi.csv"]


def test_what_appeared_in_the_meantime_is_not_overwritten(tmp_path):
    with pytest.raises(TivaxError, match="exists already"):
        with output_folder(tmp_path / "out") as part:
            (part / "tbi.csv").write_text("new")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "other").write_text("other run")
    assert names(tmp_path / "out") == ["other"]
    assert names(tmp_path) == ["out"]


def test_what_a_killed_run_left_is_removed_by_the_next_but_not_a_run_at_work(tmp_path):
    killed, at_work = (partial_path(tmp_path / "out") for _ in range(2))
    for part in (killed, at_work):
        part.mkdir()
    os.utime(killed, times=(0, 0))
    write_result(tmp_path / "out")
    assert not killed.exists()
    assert at_work.exists()


def test_the_leftovers_of_another_result_are_let_alone(tmp_path):
    other = partial_path(tmp_path / "out.v2")
    other.mkdir()
    os.utime(other, times=(0, 0))
    write_result(tmp_path / "out")
    assert other.exists()


def test_the_folder_one_is_in_is_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for place in (Path("."), tmp_path / "here"):
        with pytest.raises(TivaxError, match="the folder you are in"):
            require_result_place(place, force=True)


def test_looking_whether_one_can_write_leaves_nothing_behind(tmp_path):
    require_result_place(tmp_path / "p" / "q" / "out", force=False)
    assert names(tmp_path) == []


def test_the_old_result_comes_back_where_the_new_one_cannot_take_its_place(tmp_path):
    write_result(tmp_path / "out")
    before = (tmp_path / "out" / "manifest.json").read_text()
    with pytest.raises(FileNotFoundError):
        replace_path(tmp_path / "no such part", tmp_path / "out", force=True)
    assert (tmp_path / "out" / "manifest.json").read_text() == before
    assert names(tmp_path) == ["out"]


def test_the_manifest_of_a_folder_of_downloads_keeps_what_was_there(tmp_path):
    for name, size in (("a.zip", 1), ("b.zip", 2), ("a.zip", 3)):
        Run("fetch").add_to_manifest(tmp_path, {"name": name, "bytes": size})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["files"] == [
        {"name": "b.zip", "bytes": 2},
        {"name": "a.zip", "bytes": 3},
    ]
    assert manifest["outputs"] == ["a.zip", "b.zip"]
    assert names(tmp_path) == ["manifest.json"]
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(TivaxError, match="not a manifest of tivax"):
        Run("fetch").add_to_manifest(tmp_path, {"name": "c.zip"})


def test_two_runs_write_to_two_places(tmp_path):
    assert partial_path(tmp_path / "out") != partial_path(tmp_path / "out")


def test_a_file_takes_the_place_of_a_file_when_forced(tmp_path):
    (tmp_path / "old").write_text("old")
    (tmp_path / "part").write_text("new")
    with pytest.raises(TivaxError):
        replace_path(tmp_path / "part", tmp_path / "old", force=False)
    replace_path(tmp_path / "part", tmp_path / "old", force=True)
    assert (tmp_path / "old").read_text() == "new"
    assert names(tmp_path) == ["old"]


def test_a_file_never_takes_the_place_of_a_folder(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "part").write_text("new")
    with pytest.raises(TivaxError, match="old: a folder; give --out the name of a"):
        replace_path(tmp_path / "part", tmp_path / "old", force=True)
    assert names(tmp_path) == ["old", "part"]


def test_a_relative_path_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_result(Path("out"))
    write_result(Path("out"), force=True)
    assert names(tmp_path) == ["out"]


def test_a_place_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TivaxError, match="choose another --out"):
        write_result(tmp_path / "file" / "out")


# ---------------------------------------------------------------------- manifest


def test_the_sum_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert describe_input(tmp_path / "a") == {
        "path": str(tmp_path / "a"),
        "sha256": hashlib.sha256(b"abc").hexdigest(),
        "bytes": 3,
    }


def test_the_sum_of_a_folder_tells_names_and_contents_but_not_its_place(tmp_path):
    def folder(name, files):
        for path, content in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(content)
        return tmp_path / name

    a = folder("a", {"x": "1", "d/y": "22"})
    assert sha256(a) == sha256(folder("b", {"d/y": "22", "x": "1"}))
    assert sha256(a) != sha256(folder("c", {"x": "1", "d/y": "23"}))
    assert sha256(a) != sha256(folder("d", {"x": "1", "d/z": "22"}))
    assert sha256(a) != sha256(folder("e", {"x": "22", "d/y": "1"}))
    assert describe_input(a)["bytes"] == 3


def test_a_manifest_has_the_promised_keys(tmp_path):
    (tmp_path / "input").write_text("1")
    with output_folder(tmp_path / "out") as part:
        (part / "figures").mkdir()
        for name in ("tbi.csv", "figures/tbi.svg"):
            (part / name).write_text("1")
        run = Run("tbi", inputs=[tmp_path / "input"], seed=7)
        run.write_manifest(part, residual_max=1e-13, more="this")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    # design.md, section 5
    assert list(manifest)[:12] == [
        "command", "argv", "tivax", "python", "packages", "started", "wall_s", "seed",
        "device", "inputs", "residual_max", "outputs",
    ]  # fmt: skip
    assert manifest["command"] == "tbi" and manifest["argv"] == sys.argv
    assert manifest["tivax"] == version("tivax")
    assert manifest["packages"]["jax"] == version("jax")
    assert manifest["seed"] == 7 and manifest["residual_max"] == 1e-13
    assert manifest["inputs"] == [describe_input(tmp_path / "input")]
    assert manifest["outputs"] == ["figures/tbi.svg", "tbi.csv"]
    assert manifest["more"] == "this"
    assert 0 <= manifest["wall_s"] < 60
    assert datetime.fromisoformat(manifest["started"]).tzinfo is not None
