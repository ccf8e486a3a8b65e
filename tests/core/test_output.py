import errno
import hashlib
import json
import os
import signal
import sys
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from tivax.engine import TivaxError
from tivax.engine.core import output
from tivax.engine.core.manifest import Run, describe_input, sha256
from tivax.engine.core.output import partial_folder, replace_folder, write_text
from tivax.engine.core.places import (
    Seal,
    output_file,
    output_folder,
    require_apart,
    require_free,
    require_result_place,
)

from commands import contents, names, run_fork, start_python
from helpers import error_of

TBI = Run("tbi")


def write_result(folder, text="new", *, force=False, run=TBI):
    """A result folder, as commands write it."""
    with output_folder(folder, run, force=force) as part:
        (part / "tbi.csv").write_text(text)
        (part / "figures").mkdir(exist_ok=True)
        (part / "figures" / "tbi.svg").write_text(text)
        run.write_manifest(part, residual_max=1e-14)


def refusal(folder, **options) -> str:
    """The line in which --force refuses a folder; it is as before."""
    before = contents(folder)
    line = error_of(write_result, folder, force=True, **options)
    assert contents(folder) == before
    assert names(folder.parent) == [folder.name]
    return line


# ------------------------------------------------------------ whole or not at all


def test_results_appear_only_when_the_block_has_ended(tmp_path):
    with output_folder(tmp_path / "a" / "out", TBI) as part:
        (part / "tbi.csv").write_text("1")
        assert not (tmp_path / "a" / "out").exists()
        # The same disk: a rename moves no bytes.
        assert part.parent.parent == tmp_path / "a"
    assert names(tmp_path / "a") == ["out"]
    assert names(tmp_path / "a" / "out") == ["tbi.csv"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, TivaxError("no")])
@pytest.mark.parametrize("force", [False, True])
def test_a_block_that_fails_leaves_nothing(tmp_path, interruption, force):
    if force:
        write_result(tmp_path / "out", "old")
    with pytest.raises((KeyboardInterrupt, TivaxError)):
        with output_folder(tmp_path / "out", TBI, force=force) as part:
            (part / "tbi.csv").write_text("half")
            raise interruption
    assert names(tmp_path) == (["out"] if force else [])
    if force:
        assert (tmp_path / "out" / "tbi.csv").read_text() == "old"


def test_a_result_is_not_overwritten_unless_forced(tmp_path):
    write_result(tmp_path / "out", "old")
    with pytest.raises(TivaxError, match="out: exists already; force=True replaces it"):
        write_result(tmp_path / "out")
    assert (tmp_path / "out" / "tbi.csv").read_text() == "old"
    write_result(tmp_path / "out", force=True)
    assert (tmp_path / "out" / "tbi.csv").read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_an_older_result_is_replaced_as_a_whole(tmp_path):
    """Files that are gone are no obstacle, nor what a file manager wrote."""
    with output_folder(tmp_path / "out", TBI) as part:
        (part / "old").mkdir()
        for name in ("old/one.csv", "old/two.csv"):
            (part / name).write_text("old")
        TBI.write_manifest(part, residual_max=None)
    (tmp_path / "out" / "old" / "two.csv").unlink()
    (tmp_path / "out" / "old" / ".DS_Store").write_bytes(b"1")
    write_result(tmp_path / "out", force=True)
    assert names(tmp_path / "out") == ["figures", "manifest.json", "tbi.csv"]


@pytest.mark.parametrize("name", ["notes.txt", "figures/mine.svg", "figures/a/b"])
def test_force_does_not_remove_a_file_that_the_manifest_does_not_list(tmp_path, name):
    out = tmp_path / "out"
    write_result(out)
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("precious")
    first = out / "/".join(name.split("/")[:2])
    assert refusal(out) == (
        f"{first}: not written by `tivax tbi`, and force=True would remove it; move it "
        "away, or choose another place"
    )


def test_force_does_not_remove_a_folder_or_a_link_of_the_users(tmp_path):
    (tmp_path / "results").mkdir()
    out = tmp_path / "results" / "out"
    write_result(out)
    (out / "empty").mkdir()
    assert refusal(out).startswith(f"{out / 'empty'}: not written by")
    (out / "empty").rmdir()
    # A folder behind a link looks like the one that is listed.
    (out / "figures").rename(tmp_path / "away")
    (out / "figures").symlink_to(tmp_path / "away")
    assert refusal(out).startswith(f"{out / 'figures'}: not written by")


@pytest.mark.parametrize("text", ["neW", "longer"])
def test_force_does_not_remove_a_file_that_was_changed(tmp_path, text):
    out = tmp_path / "out"
    write_result(out)
    (out / "figures" / "tbi.svg").write_text(text)
    assert refusal(out) == (
        f"{out}/figures/tbi.svg: changed since `tivax tbi` wrote it, and force=True would "
        "remove it; move it away, or choose another place"
    )


def test_a_command_does_not_replace_what_another_wrote(tmp_path):
    out = tmp_path / "out"
    write_result(out, run=Run("decompose"))
    line = (
        f"{out}: written by `tivax decompose`, and a command replaces only what it wrote "
        "itself; choose another place"
    )
    assert refusal(out) == line
    Run("fetch").write_manifest(out, residual_max=None)
    assert refusal(out) == line.replace("decompose", "fetch")


def test_results_of_an_older_tivax_are_removed_by_hand(tmp_path):
    out = tmp_path / "out"
    write_result(out)
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["files"]
    (out / "manifest.json").write_text(json.dumps(manifest))
    assert refusal(out) == (
        f"{out}: written by an older tivax, which did not record its files; remove it by "
        "hand, or choose another place"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{}", "", "[1]", "null", "\xff", '{"command": "tbi"}', "[" * 3000,
        '{"command": "tbi", "outputs": 1}', '{"command": 1, "outputs": []}',
        '{"command": "tbi", "outputs": [], "files": 7}',
        '{"command": "tbi", "outputs": [], "files": [["thesis"]]}',
    ],
)  # fmt: skip
def test_a_manifest_that_is_none_of_tivax_protects_its_folder(tmp_path, text):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis").write_text("precious")
    (out / "manifest.json").write_text(text, encoding="latin-1")
    assert refusal(out) == (
        f"{out / 'manifest.json'}: not a manifest of tivax; force=True does not replace "
        "what lies there, choose another place"
    )


def test_a_file_that_was_put_there_during_the_work_is_not_removed(tmp_path):
    out = tmp_path / "out"
    write_result(out)
    with pytest.raises(TivaxError, match="out/notes: not written by `tivax tbi`"):
        with output_folder(out, TBI, force=True) as part:
            (part / "tbi.csv").write_text("new")
            (out / "notes").write_text("precious")
    assert (out / "notes").read_text() == "precious"
    assert names(tmp_path) == ["out"]


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
    assert names(tmp_path / "empty") == ["figures", "manifest.json", "tbi.csv"]


def test_what_appeared_in_the_meantime_is_not_overwritten(tmp_path):
    with pytest.raises(TivaxError, match="exists already"):
        with output_folder(tmp_path / "out", TBI) as part:
            (part / "tbi.csv").write_text("new")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "other").write_text("other run")
    assert names(tmp_path / "out") == ["other"]
    assert names(tmp_path) == ["out"]


def test_the_folder_one_is_in_is_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for place in (Path("."), tmp_path / "here"):
        with pytest.raises(TivaxError, match="the folder you are in"):
            require_result_place(place, TBI, force=True)


@pytest.mark.parametrize("place", ["one", "one/below"])
def test_links_in_a_circle_are_no_place(tmp_path, place):
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    with pytest.raises(TivaxError, match="links lead in a circle"):
        require_result_place(tmp_path / place, TBI, force=False)


def test_looking_whether_one_can_write_leaves_nothing_behind(tmp_path):
    require_result_place(tmp_path / "p" / "q" / "out", TBI, force=False)
    assert names(tmp_path) == []


def test_the_old_result_comes_back_where_the_new_one_cannot_take_its_place(tmp_path):
    write_result(tmp_path / "out")
    before = (tmp_path / "out" / "manifest.json").read_text()
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / ".0.part" / "new", tmp_path / "out")
    assert (tmp_path / "out" / "manifest.json").read_text() == before
    assert names(tmp_path) == ["out"]


def test_the_manifest_of_a_folder_of_downloads_keeps_what_was_there(tmp_path):
    for name, size in (("a.zip", 1), ("b.zip", 2), ("a.zip", 3)):
        Run("fetch").add_to_manifest(tmp_path, {"name": name, "bytes": size})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    kept = [{"name": "b.zip", "bytes": 2}, {"name": "a.zip", "bytes": 3}]
    assert manifest["files"] == kept
    assert manifest["outputs"] == ["a.zip", "b.zip"]
    assert names(tmp_path) == ["manifest.json"]
    with pytest.raises(TivaxError, match="written by `tivax fetch`"):
        Run("tbi").add_to_manifest(tmp_path, {"name": "c.zip"})
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(TivaxError, match="not a manifest of tivax"):
        Run("fetch").add_to_manifest(tmp_path, {"name": "c.zip"})


def test_two_runs_write_to_two_places(tmp_path):
    first, second = partial_folder(tmp_path / "out"), partial_folder(tmp_path / "out")
    with first as one, second as two:
        assert one != two


def test_a_relative_path_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_result(Path("out"))
    write_result(Path("out"), force=True)
    assert names(tmp_path) == ["out"]


def test_a_place_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    assert "choose another place" in error_of(write_result, tmp_path / "file" / "out")


# ---------------------------------------------------------------- inputs and outputs


@pytest.mark.parametrize(
    "out, told",
    [
        ("d", "--out {out}: holds the store {d}/store; choose another"),
        ("d/run.toml", "--out {out}: the input itself; choose another"),
        ("d/store", "--out {out}: the store itself; choose another"),
        ("d/../d/store/.", "--out {d}/../d/store: the store itself; choose another"),
        ("d/store/out", "--out {out}: lies in the store {d}/store; choose a place "
         "outside it"),
        ("link", "--out {out}: the store itself; choose another"),
        ("link/new/out", "--out {out}: lies in the store {d}/store; choose a place "
         "outside it"),
        ("linked", "--out {out}: holds the store {d}/store; choose another"),
        ("links", "--out {out}: holds the input {d}/../links/run.toml; choose another"),
    ],
)  # fmt: skip
def test_what_is_read_and_what_is_written_must_lie_apart(tmp_path, out, told):
    """``linked`` leads to d, ``links`` holds a link to an input elsewhere."""
    d = tmp_path / "d"
    (d / "store").mkdir(parents=True)
    (tmp_path / "links").mkdir()
    for name in ("run.toml", "store/zarr.json"):
        (d / name).write_text("")
    (tmp_path / "link").symlink_to(d / "store")
    (tmp_path / "linked").symlink_to(d)
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "links" / "run.toml").symlink_to(tmp_path / "elsewhere")
    inputs = [d / "store", d / "run.toml", d / ".." / "links" / "run.toml"]
    line = error_of(require_apart, {"--out": tmp_path / out}, inputs)
    assert line == told.format(out=tmp_path / out, d=d)
    run = Run("tbi", inputs)
    with pytest.raises(TivaxError, match="^output "):
        require_result_place(tmp_path / out, run, force=True)


def test_results_may_lie_beside_what_is_read(tmp_path):
    """A run file and its panel do not own the folder they lie in."""
    (tmp_path / "run.toml").write_text("")
    (tmp_path / "store").mkdir()
    inputs = [tmp_path / "run.toml", tmp_path / "store"]
    require_apart({"--out": tmp_path / "out", "--compare": tmp_path / "two"}, inputs)
    require_result_place(tmp_path / "store.v2", Run("tbi", inputs), force=False)


@pytest.mark.parametrize(
    "compare, told",
    [("x/y", "is --out"), ("x", "holds --out"), ("x/y/z", "lies in --out"),
     ("link/y", "is --out")],
)  # fmt: skip
def test_two_outputs_must_lie_apart(tmp_path, compare, told):
    (tmp_path / "link").symlink_to(tmp_path / "x")
    places = {"--out": tmp_path / "x" / "y", "--compare": tmp_path / compare}
    line = f"--compare {tmp_path / compare}: {told}; choose another folder"
    assert error_of(require_apart, places, []) == line


@pytest.mark.parametrize("there", ["full", "empty", "dangling"])
def test_a_link_stays_a_link_and_results_go_where_it_points(tmp_path, there):
    (tmp_path / "here").mkdir()
    (tmp_path / "disk").mkdir()
    target, link = tmp_path / "disk" / "results", tmp_path / "here" / "out"
    if there == "full":
        write_result(target, "old")
    if there == "empty":
        target.mkdir()
    link.symlink_to(target)
    with output_folder(link, TBI, force=True) as part:
        assert part.parent.parent == target.parent  # on the disk that the link leads to
        (part / "tbi.csv").write_text("new")
    assert link.is_symlink() and link.readlink() == target
    assert (target / "tbi.csv").read_text() == "new"
    assert names(tmp_path / "here") == ["out"]
    assert names(tmp_path / "disk") == ["results"]


# --------------------------------------------------------------- killed at any instant

# Replaces a result, and kills itself before a given call that touches the disk.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from tivax.engine.core import manifest, output, places

out, at, calls = Path(sys.argv[1]), int(sys.argv[2]), []

def counted(module, name):
    call = getattr(module, name)
    def counting(*arguments, **options):
        calls.append(name)
        if len(calls) == at:
            print(*calls, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    setattr(module, name, counting)

run = manifest.Run("tbi")
with places.output_folder(out, run, force=True) as part:
    (part / "tbi.csv").write_text("new")
    names = {"name": "tbi.csv", "bytes": 3, "sha256": manifest.sha256(part / "tbi.csv")}
    (part / "manifest.json").write_text(
        '{"command": "tbi", "outputs": ["tbi.csv"], "files": [%s]}'
        % str(names).replace("'", '"')
    )
    counted(os, "mkdir"), counted(os, "rename"), counted(os, "rmdir")
    counted(os, "unlink"), counted(os, "fsync")
    print("began", flush=True)
print("ended")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_whenever_a_replacement_is_killed_the_old_or_the_new_is_whole(tmp_path):
    """Before each call that changes the disk; then the next run puts things right."""
    old = {"tbi.csv": "old", "figures/tbi.svg": "old"}
    seen = []
    for at in range(1, 30):
        folder = tmp_path / str(at)
        folder.mkdir()
        (folder / "canary").write_text("mine")
        out = folder / "out"
        write_result(out, "old")
        killed = run_fork(KILLED, out, at)
        if killed.out.endswith("ended\n"):
            break
        assert killed.code == -signal.SIGKILL, killed.err
        seen.append(killed.out.split()[-1])
        output.clear_leftovers(out)
        assert names(folder) == ["canary", "out"], seen
        text = {
            k.relative_to(out).as_posix(): k.read_text()
            for k in out.rglob("*") if k.is_file() and k.name != "manifest.json"
        }  # fmt: skip
        assert text in (old, {"tbi.csv": "new"}), seen
        write_result(out, "newer", force=True)
        assert (folder / "canary").read_text() == "mine"
    else:
        pytest.fail("it never ended")
    # Both renames, that of .old to .part, and the removal of its files.
    assert seen.count("rename") == 3 and {"fsync", "unlink", "rmdir"} <= set(seen)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")
def test_the_parts_of_dead_processes_go_and_those_at_work_stay(tmp_path):
    """Whatever they were to become: any command cleans the folder it writes to."""
    script = """
import sys
import time
from pathlib import Path
from tivax.engine.core.output import partial_folder
with partial_folder(Path(sys.argv[1])) as part:
    (part / "tbi.csv").write_text("half")
    print(part.parent.name, flush=True)
    sys.stdin.read()
"""
    with start_python(script, tmp_path / "other") as process:
        assert process.stdout is not None
        part = process.stdout.readline().strip()
        write_result(tmp_path / "out")
        assert names(tmp_path) == sorted([part, "out"])
        process.kill()
        process.wait()
    assert names(tmp_path) == sorted([part, "out"])
    require_result_place(tmp_path / "new", TBI, force=False)
    assert names(tmp_path) == ["out"]


def make_part(folder, name, machine, *files, mark=True):
    part = folder / f".{name}.tivax-{machine}-0123abcd.part"
    part.mkdir()
    for file in [*files, *(["written-by-tivax"] if mark else [])]:
        (part / file).parent.mkdir(exist_ok=True)
        (part / file).write_text(file)
    return part


def test_parts_of_another_machine_are_judged_by_their_age(tmp_path):
    make_part(tmp_path, "a", "00000000", "new/x")
    make_part(tmp_path, "c", "00000000", "old/x", "new/x")
    before = names(tmp_path)
    write_result(tmp_path / "out")
    assert names(tmp_path) == sorted([*before, "out"])
    for path in tmp_path.rglob("*"):
        os.utime(path, times=(0, 0))
    write_result(tmp_path / "out", force=True)
    # The old one is put back: what was to take its place is not there.
    assert names(tmp_path) == ["c", "out"] and names(tmp_path / "c") == ["x"]


def test_what_only_looks_like_a_leftover_is_never_touched(tmp_path, monkeypatch):
    """A date has eight hexadecimal digits; and a name alone is no mark."""
    for name in (".notes.20240101.old", ".thesis.20251101.part", ".a.part"):
        (tmp_path / name).write_text("precious")
    for name in (".dir.20240101.old", ".alone.20240101-20240101.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.txt").write_text("precious")
    make_part(tmp_path, "b", output._machine(), "new/x", "old/x", mark=False)
    (tmp_path / ".c.tivax-00000000-0123abcd.part").write_text("a file")
    marked = make_part(tmp_path / ".dir.20240101.old", "d", output._machine(), "new/x")
    (tmp_path / ".d.tivax-00000000-0123abcd.part").symlink_to(marked)
    for path in [*tmp_path.rglob("*")]:
        os.utime(path, times=(0, 0))
    before = contents(tmp_path)
    write_result(tmp_path / "out")
    after = contents(tmp_path)
    assert {k: v for k, v in after.items() if k in before} == before


def test_an_old_result_is_kept_where_something_else_took_its_place(tmp_path):
    """Killed between the renames; then the user made a folder of that name."""
    make_part(tmp_path, "out", output._machine(), "new/x", "old/x")
    (tmp_path / "out").mkdir()
    before = contents(tmp_path)
    output.clear_leftovers(tmp_path / "out")
    assert contents(tmp_path) == before


def test_a_file_written_aside_is_the_old_or_the_new(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    write_text(path, "old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert "No space left on device" in error_of(write_text, path, "new")
    assert path.read_text() == "old" and names(tmp_path) == ["run.json"]
    write_text(path, "new")
    assert path.read_text() == "new" and names(tmp_path) == ["run.json"]


# Places three files, and kills itself before a given rename or removal.
PLACING = (
    KILLED[: KILLED.index("run = ")]
    + """
with output.partial_folder(out) as part:
    for name in ("a", "b", "out"):
        (part / name).write_text("new")
    counted(os, "rename"), counted(os, "replace"), counted(os, "unlink"), counted(os, "rmdir")
    output.place_files(part, out)
print("ended")
"""
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_several_files_are_placed_all_or_none(tmp_path):
    found = []
    for at in range(1, 20):
        folder = tmp_path / str(at)
        folder.mkdir()
        for name in ("a", "out"):
            (folder / name).write_text("old")
        killed = run_fork(PLACING, folder / "out", at)
        if killed.out.endswith("ended\n"):
            break
        assert killed.code == -signal.SIGKILL, killed.err
        output.clear_leftovers(folder / "out")
        found.append({k: (folder / k).read_text() for k in names(folder)})
    new = dict.fromkeys(["a", "b", "out"], "new")
    assert found[0] == {"a": "old", "out": "old"}  # before the first rename
    assert len(found) > 4 and all(one == new for one in found[1:])


def test_files_that_follow_do_not_replace_what_came_since(tmp_path):
    """Nor what is older by its clock, as a copy that was put back; whatever no note
    names stays, too."""
    part = make_part(tmp_path, "out", output._machine(), "placing/out", "placing/b")
    (tmp_path / "b").write_text("not in a note")
    for note in ("", '{"out": ""}', f'{{"out": "{"0" * 64}"}}'):
        (tmp_path / "out").write_text("of the user")
        os.utime(tmp_path / "out", times=(0, 0))
        if note:
            (part / "placing" / "before.tivax").write_text(note)
        before = contents(tmp_path)
        output.clear_leftovers(tmp_path / "out")
        assert contents(tmp_path) == before


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows tells no owner")
def test_parts_of_other_users_are_not_touched(tmp_path, monkeypatch):
    make_part(tmp_path, "out", output._machine(), "old/x", "new/x")
    before = contents(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        output.clear_leftovers(tmp_path / "out")
    assert contents(tmp_path) == before
    output.clear_leftovers(tmp_path / "out")
    assert names(tmp_path) == ["out"]


def test_a_part_at_work_does_not_look_left_to_other_machines(tmp_path, monkeypatch):
    """By the clock of the disk, whatever that of a machine says."""
    monkeypatch.setattr(output, "_LEFTOVER_AGE", 0.24)
    with output.partial_folder(tmp_path / "out") as new:
        for path in (new, new.parent / "written-by-tivax", new.parent):
            os.utime(path, times=(0, 0))
        until = time.monotonic() + 60
        while output._at_rest(new.parent) > 100 and time.monotonic() < until:
            time.sleep(0.01)
        assert output._at_rest(new.parent) < 100


SEAL = Seal("explore", "<!-- ", " -->")


def write_sealed(path, text="new", *, force=False):
    with output_file(path, SEAL, force=force) as part:
        part.write_text(f"{text}{SEAL.blank}")


def test_a_file_without_a_manifest_is_replaced_unless_somebody_changed_it(tmp_path):
    path = tmp_path / "page.html"
    write_sealed(path, "old")
    told = f"{path}: exists already; force=True replaces it"
    assert error_of(write_sealed, path) == told
    write_sealed(path, force=True)
    assert path.read_text().startswith("new<!-- ")
    for change in (lambda t: f"my notes{t}", lambda t: f"{t}mine", lambda t: "thesis"):
        path.write_text(change(path.read_text()))
        before = contents(tmp_path)
        line = error_of(write_sealed, path, force=True)
        assert line == (
            f"{path}: not written by `tivax explore`, or changed since; force=True does "
            "not replace it, choose another place"
        )
        assert contents(tmp_path) == before


def test_a_file_goes_where_a_link_points(tmp_path):
    (tmp_path / "disk").mkdir()
    link, target = tmp_path / "page.html", tmp_path / "disk" / "p.html"
    link.symlink_to(target)
    for force in (False, True):
        write_sealed(link, force=force)
        assert link.readlink() == target and target.read_text().startswith("new")
    assert names(tmp_path / "disk") == ["p.html"]


def test_of_two_at_once_without_force_the_second_is_refused(tmp_path):
    path = tmp_path / "page.html"
    with pytest.raises(TivaxError, match="exists already"):
        with output_file(path, SEAL, force=False) as part:
            part.write_text(f"second{SEAL.blank}")
            write_sealed(path, "first")
    assert path.read_text().startswith("first") and names(tmp_path) == ["page.html"]
    with pytest.raises(FileExistsError):
        output.place_file(path, path, force=False)


# ------------------------------------------------------------------------- a full disk


class _Late(Exception):
    """What a library raises while it cleans up after the error."""


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_a_full_disk_is_told_by_the_place_of_the_results(tmp_path, late, number):
    """The system's error names no file, and may be hidden behind another."""
    with pytest.raises(TivaxError) as error:
        with output_folder(tmp_path / "out", TBI) as part:
            (part / "tbi.csv").write_text("half")
            try:
                raise OSError(number, "told by a library")
            finally:
                if late:
                    raise _Late
    assert str(error.value) == (
        f"{tmp_path / 'out'}: {os.strerror(number)}; free some, then give the same "
        "command again, or choose another place"
    )
    assert names(tmp_path) == []


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path):
    with pytest.raises(FileNotFoundError, match="input.csv"):
        with output_folder(tmp_path / "out", TBI):
            (tmp_path / "input.csv").read_text()


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
    run = Run("tbi", inputs=[tmp_path / "input"], seed=7)
    with output_folder(tmp_path / "out", run) as part:
        (part / "figures").mkdir()
        for name in ("tbi.csv", "figures/tbi.svg"):
            (part / name).write_text("1")
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
    assert manifest["files"] == [
        {"name": name, "bytes": 1, "sha256": hashlib.sha256(b"1").hexdigest()}
        for name in manifest["outputs"]
    ]
    assert manifest["more"] == "this"
    system = manifest["system"]
    assert system["cores"] >= 1 and system["os"] and system["processor"]
    assert 0 < system["peak_memory_bytes"] <= system["memory_bytes"]
    assert 0 <= manifest["wall_s"] < 60
    assert datetime.fromisoformat(manifest["started"]).tzinfo is not None
