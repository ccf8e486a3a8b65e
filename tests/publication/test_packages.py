"""Replication packages: what goes in, what is refused, what the README says."""

import hashlib
import json
import os
import re
from pathlib import Path

import pytest

import tivax
from tivax.engine.cli.app import COMMANDS
from tivax.engine.core import programs
from tivax.engine.core.manifest import PACKAGES, installed_packages
from tivax.engine.publication import packing
from tivax.engine.publication.exhibits import exhibits_of
from tivax.engine.publication.results import read_result

from commands import good, mistake, names
from helpers import error_of
from packages import (
    DATA,
    OUTPUTS,
    contents_of,
    make_index,
    unpack,
    write_files,
    write_replication,
    write_result,
)

# The template's headings (version 1.1), in its order.
TEMPLATE = (
    "Overview",
    "Data availability and provenance statements",
    "Statement about rights",
    "License for data",
    "Summary of availability",
    "Details on each data source",
    "Dataset list",
    "Computational requirements",
    "Software requirements",
    "Controlled randomness",
    "Memory, runtime, storage requirements",
    "Summary time to reproduce",
    "Summary of required storage space",
    "Computational details",
    "Description of programs/code",
    "License for code",
    "Instructions to replicators",
    "Details on various programs",
    "List of tables and programs",
    "References",
)
KOF = "data/raw/KOF_Data_2018.dta"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """replication: hand-made, as of `tivax replicate`; only to be read."""
    folder = tmp_path_factory.mktemp("root")
    write_replication(folder)
    return folder


@pytest.fixture(scope="module")
def packed(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return good("package", "replication", "--out", root / "p" / "package.zip")


@pytest.fixture(scope="module")
def members(root, packed):
    return contents_of(root / "p" / "package.zip")


@pytest.fixture(scope="module")
def sections(members):
    """The text below each heading of the README."""
    text = members["README.md"].decode()
    parts = re.split(r"^#+ (.+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A replication of one's own to damage, in the current folder."""
    write_replication(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ----------------------------------------------------------------------- the template


def test_the_readme_has_the_headings_of_the_template_in_its_order(sections):
    assert [k for k in sections if k in TEMPLATE] == list(TEMPLATE)


@pytest.mark.parametrize(
    "heading, said",
    [
        ("Overview", "makes 3 tables and 1 figure from KOF Globalisation Index, BIS effective exchange rates, Penn World Table, with tivax 0.1.0"),
        ("Overview", "about 2 minutes"),
        ("Statement about rights", "- [ ] I certify that the author(s) of the manuscript have legitimate access"),
        ("License for data", "- Penn World Table: CC BY 4.0 (https://www.rug.nl/ggdc/productivity/pwt/?lang=en)"),
        ("License for data", "`data/data.toml`, `data/tbi.csv`: by the authors"),
        ("Summary of availability", "- [x] Some data **cannot be made** publicly available."),
        ("KOF Globalisation Index", "1 file, 0 of them in this package. Licence: no open licence in the files"),
        ("KOF Globalisation Index", "`tivax fetch kof --format 2018 --out FOLDER`, or from https://ethz.ch/"),
        ("Penn World Table", "Cite Feenstra, Inklaar and Timmer (2015)."),
        ("Data of the authors", "`data/data.toml`, `data/tbi.csv`: made or chosen by the authors; 2 of 2 are in this package."),
        ("Software requirements", "- Python 3.11.7\n- tivax 0.1.0, with\n  - jax 0.10.1\n  - numpy 2.4.6"),
        ("Controlled randomness", "- `replication`: seed 1"),
        ("Summary time to reproduce", "- [x] < 10 minutes\n- [ ] 10-60 minutes"),
        ("Summary of required storage space", "- [x] < 25 MBytes"),
        ("Computational details", "EPYC, 2 cores, 16.0 GB of memory, Linux-6.1, device cpu: cpu"),
        ("Computational details", "| replication | 2 minutes | 1.5 GB | cpu: cpu |"),
        ("Description of programs/code", "- `tivax replicate` (tivax.engine.papers.trade_imbalance.replication) recomputes the paper"),
        ("License for code", "Apache-2.0"),
        ("Instructions to replicators", "2. Get the files that are not provided"),
        ("Details on various programs", "tivax replicate --data data --out reproduced/replication --quiet"),
        ("List of tables and programs", "| Table 3: baseline regressions | table | `tivax replicate` (replication) | `results/replication/tables/table3.csv`, `results/replication/tables/table3.tex` |"),
        ("List of tables and programs", "| The panel | table | `tivax replicate` (replication) | `results/replication/panel.csv` (not provided"),
        ("References", "Gygli, Savina and Haelg, Florian"),
    ],
)  # fmt: skip
def test_the_readme_says(sections, heading, said):
    assert said in sections[heading]


def test_every_input_has_its_row_in_the_dataset_list(sections, root):
    for name in DATA:
        (row,) = (k for k in sections["Dataset list"].splitlines() if f"`{name}`" in k)
        assert hashlib.sha256((root / name).read_bytes()).hexdigest() in row
        assert f"| {'no' if name == KOF else 'yes'} |" in row


def test_the_table_of_names_has_a_title_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = make_index(tmp_path)
    titles = {k.files[0]: k.title for k in exhibits_of(read_result(folder))}
    assert titles["labels.csv"].startswith("Names of the codes of regions")


def test_every_output_is_in_the_list_of_tables_and_programs(sections):
    for name in OUTPUTS:
        place = f"`results/replication/{name}`"
        assert place in sections["List of tables and programs"]


# -------------------------------------------------------------------- what is in a zip


def test_data_are_left_out_where_their_licence_asks(members, packed):
    results = {f"results/replication/{name}" for name in OUTPUTS}
    # The panel repeats the index of KOF.
    expected = {*DATA, *results} - {KOF, "results/replication/panel.csv"}
    own = "README.md SHA256SUMS package.json references.bib requirements.txt run_all.py"
    manifest = "results/replication/manifest.json"
    assert set(members) == {*expected, *own.split(), "run_all.sh", manifest}
    assert f"Left out: {KOF}; README.md says where to get them" in packed.out


@pytest.mark.parametrize("include, count", [("all", len(DATA)), ("none", 0)])
def test_all_data_or_none_can_be_asked_for(fresh, include, count):
    done = tivax.package(["replication"], "p.zip", include_data=include)
    inside = [k for k in contents_of(fresh / "p.zip") if k.startswith("data/")]
    assert len(inside) == count and len(done.left_out) == len(DATA) - count
    panel = "results/replication/panel.csv" in contents_of(fresh / "p.zip")
    assert panel == (include == "all")


def test_the_checksums_are_those_of_every_other_file(members):
    lines = members["SHA256SUMS"].decode().splitlines()
    listed = {name: total for total, name in (k.split("  ", 1) for k in lines)}
    assert listed == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in members.items()
        if name != "SHA256SUMS"
    }


def test_the_same_results_give_the_same_bytes(fresh):
    tivax.package("replication", "a.zip")
    os.utime(fresh / "replication" / "comparison.csv", (0, 0))
    done = tivax.package("replication", "b.zip")
    assert (fresh / "a.zip").read_bytes() == (fresh / "b.zip").read_bytes()
    assert done.bytes == (fresh / "b.zip").stat().st_size
    assert done.files == len(contents_of(fresh / "b.zip"))


def test_the_versions_of_the_manifest_are_required(members):
    lines = members["requirements.txt"].decode().splitlines()
    assert lines == ["# Python 3.11.7", "tivax==0.1.0", "jax==0.10.1", "numpy==2.4.6"]


def test_all_that_was_installed_is_pinned(fresh):
    words, pins = ["tbi", "s", "--out", "b"], {"jax": "0.10.1", "pillow": "12.0.0"}
    write_result(fresh / "b", words, {}, {"a": ""}, installed=pins)
    tivax.package("b", "p.zip")
    inside = contents_of(fresh / "p.zip")
    assert inside["constraints.txt"] == b"jax==0.10.1\npillow==12.0.0\n"
    found = installed_packages()
    assert {"jax", "numpy", "pillow", "urllib3"} <= found.keys() > {*PACKAGES}
    assert "pytest" not in found and "tivax" not in found


STRANGE = [
    {"tivax": "0.1.0\n--index-url=http://evil/simple\nevil==1"},
    {"packages": {"jax\nevil": "1"}},
    {"packages": {"jax": "1 --pre"}},
    {"packages": {"jax": 1}},
    {"installed": {"-r": "1"}},
    {"python": "3.11\n-e ."},
]


OUTSIDE = "../secret.txt /etc/passwd a//b ..\\x a\nb".split(" ")


@pytest.mark.parametrize("more", [*STRANGE, *OUTSIDE])
def test_what_no_command_writes_is_in_no_package(fresh, more):
    """Also a file that lies outside the folder of its result."""
    given = more if isinstance(more, dict) else {}
    write_result(fresh / "b", ["tbi", "s", "--out", "b"], {}, {"a": ""}, **given)
    manifest = fresh / "b" / "manifest.json"
    if isinstance(more, str):
        content = json.loads(manifest.read_text())
        content["files"][0]["name"] = more
        write_files(fresh, {"secret.txt": "", "b/manifest.json": json.dumps(content)})
    line = error_of(tivax.package, "b", "p.zip")
    assert line.startswith("b/manifest.json: ")
    assert "is no version, package or file of a result" in line
    assert not (fresh / "p.zip").exists()


@pytest.mark.parametrize(
    "words", [["fetch", "kof", "--mirror", "http://evil"], ["package", "a"]]
)
def test_a_package_runs_only_commands_that_write_results(fresh, words):
    write_result(fresh / "b", words, {}, {"a": ""})
    said = f"of `tivax '{words[0]}'`, which a package does not run; it runs aggregate"
    assert said in error_of(tivax.package, "b", "p.zip")


def test_every_command_that_writes_a_result_can_be_packed(fresh):
    """Each of them ends with the command that packs it; units may be of other measures
    than indicators."""
    assert {*programs()} & {*COMMANDS} <= packing._COMMANDS
    words, units = ["compare", "s", "t", "--out", "b"], {"tbi": "ratio", "EXGR": "US$"}
    write_result(fresh / "b", words, {}, {"a": ""}, units=units)
    tivax.package("b", "p.zip")
    assert b"compare" in contents_of(fresh / "p.zip")["package.json"]


def test_a_panel_of_another_format_is_not_packed_in_its_place(fresh):
    words = ["panel", "--out", "pp.parquet"]
    write_result(
        fresh / "b", words, {}, {"pp.parquet": ""}, manifest="pp.manifest.json"
    )
    write_files(fresh, {"b/pp.csv": "mine"})
    line = error_of(tivax.package, "b/pp.csv", "p.zip")
    assert line.startswith("b/pp.csv: not one of the files that pp.manifest.json")


def test_a_wheel_can_be_packed(fresh):
    write_files(fresh, {"tivax-0.1.0-py3-none-any.whl": "wheel"})
    tivax.package("replication", "p.zip", wheel="tivax-0.1.0-py3-none-any.whl")
    inside = contents_of(fresh / "p.zip")
    assert inside["software/tivax-0.1.0-py3-none-any.whl"] == b"wheel"
    assert b"`software/tivax-0.1.0-py3-none-any.whl` is inst" in inside["README.md"]
    line = mistake("package", "replication", "--out", "q.zip", "--wheel", "p.zip")
    assert line == "p.zip: no wheel; give the file tivax-VERSION-....whl"


def test_results_are_found_from_another_folder(fresh, monkeypatch):
    (fresh / "elsewhere").mkdir()
    monkeypatch.chdir(fresh / "elsewhere")
    tivax.package(fresh / "replication", "p.zip")
    assert "data/data.toml" in contents_of(Path("p.zip"))


# --------------------------------------------------------------------------- commands


def plan_of(archive):
    return json.loads(contents_of(Path(archive))["package.json"])


def test_a_run_file_keeps_its_place_beside_its_panel(fresh):
    """Also groups in a list, and options of how a command ran are left out."""
    write_files(fresh, {"runs/wild.toml": 'panel = "../made/panel.csv"\n'})
    made = {"panel.csv": "a\n1\n", "panel.codebook.csv": "b\n"}
    inputs = {"data/raw/KOF_Data_2018.dta": "kof"}
    words = ["panel", "--data", "data", "--out", "made/panel.csv"]
    write_result(fresh / "made", words, inputs, made, manifest="panel.manifest.json")
    words = ["bootstrap", "runs/wild.toml", "--out", "wild", "--job", "a:1,2,0"]
    inputs = {"runs/wild.toml": "", "made/panel.csv": ""}
    later = {"started": "2026-11-26T09:00:00+00:00", "scheme": {"kind": "pairs"}}
    write_result(fresh / "wild", words, inputs, {"summary.csv": "c\n"}, **later)
    tivax.package(["wild", "made/panel.csv"], "p.zip")
    panel, wild = plan_of("p.zip")["runs"]
    assert panel["argv"] == [
        "panel", "--data", "data/data", "--out", "reproduced/panel/panel.csv", "--quiet"
    ]  # fmt: skip
    assert wild["argv"] == [
        "bootstrap", "data/runs/wild.toml", "--out", "reproduced/wild", "--quiet"
    ]  # fmt: skip
    # The panel repeats KOF, so it is not in the package, but made before it is needed.
    assert wild["copies"] == [["reproduced/panel/panel.csv", "data/made/panel.csv"]]
    inside = contents_of(fresh / "p.zip")
    assert "data/made/panel.csv" not in inside
    assert "results/panel/panel.csv" not in inside
    assert "results/panel/panel.codebook.csv" in inside


def test_a_file_in_a_list_is_found(fresh):
    write_files(fresh, {"own.toml": 'EU = ["AUT"]\n', "tables": "t"})
    words = ["tbi", "tables", "--groups", "EU27,own.toml", "--out=out"]
    write_result(fresh / "out", words, {"tables": "", "own.toml": ""}, {"a.csv": ""})
    tivax.package("out", "p.zip")
    (run,) = plan_of("p.zip")["runs"]
    assert run["argv"][1:4] == ["data/tables", "--groups", "EU27,data/own.toml"]


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "name, line",
    [
        (KOF, "changed since `tivax replicate` read it; run the command again"),
        ("replication/comparison.csv", "changed since `tivax replicate` wrote it; run the command again"),
    ],
)  # fmt: skip
def test_what_has_changed_since_is_refused(fresh, name, line):
    with (fresh / name).open("a") as file:
        file.write(" ")
    said = mistake("package", "replication", "--out", "p.zip")
    assert said.endswith(f"{name}: {line}")
    assert "p.zip" not in names(fresh)


def test_what_is_missing_is_refused(fresh):
    (fresh / "data" / "tbi.csv").unlink()
    line = mistake("package", "replication", "--out", "p.zip")
    assert "data/tbi.csv: missing, and `tivax replicate` read it" in line
    good("package", "replication", "--out", "p.zip", "--include-data", "none")
    (fresh / "replication" / "report.html").unlink()
    line = mistake("package", "replication", "--out", "q.zip")
    assert line == "replication/report.html: missing; run `tivax replicate` again"


def test_a_run_file_with_an_absolute_path_is_refused(fresh):
    kof = fresh / KOF
    write_files(fresh, {"data/data.toml": f'[kof]\nfile = "{kof}"\n'})
    inputs = {"data/data.toml": "", KOF: "kof"}
    words = ["replicate", "--data", "data", "--out", "other"]
    write_result(fresh / "other", words, inputs, {"a.csv": ""})
    line = mistake("package", "other", "--out", "p.zip")
    assert line.startswith(f"{fresh}/data/data.toml: names {kof} by an absolute path")


@pytest.mark.parametrize(
    "words, line",
    [
        (["data", "--out", "p.zip"], "data: no result of tivax (no manifest.json); name a folder"),
        (["data/data.toml", "--out", "p.zip"], "data/data.toml: a file without data.manifest.json beside it; name a folder that tivax tbi, replicate, bootstrap ... wrote, or the file of a panel of `tivax panel`"),
        (["replication", "--out", "data"], "--out data: holds the input"),
        (["replication", "--out", "p"], "--out p: a package is a zip archive; call it p.zip"),
        (["replication", "--out", "replication/p.zip"], "--out replication/p.zip: lies in the input replication"),
        (["replication", "replication", "--out", "p.zip"], "replication: is given twice; name it once"),
        (["replication", "--out", "p.zip", "--include-data", "some"], "no include_data some: "),
    ],
)  # fmt: skip
def test_wrong_words_are_one_line(fresh, words, line):
    assert mistake("package", *words).startswith(line)


def test_two_results_of_one_name_are_refused(fresh):
    for place in ("a/tbi", "b/tbi"):
        write_result(fresh / place, ["tbi", "s", "--out", place], {}, {"a": ""})
    line = mistake("package", "a/tbi", "b/tbi", "--out", "p.zip")
    assert line == "two results are called tbi; rename the folder of one of them"


def test_only_a_package_is_replaced(fresh):
    good("package", "replication", "--out", "p.zip")
    line = mistake("package", "replication", "--out", "p.zip")
    assert line == "p.zip: exists already; --force replaces it"
    good("package", "replication", "--out", "p.zip", "--force")
    write_files(fresh, {"other.zip": "mine"})
    line = mistake("package", "replication", "--out", "other.zip", "--force")
    assert line.startswith(
        "other.zip: not written by `tivax package`, or changed since"
    )


def test_results_of_two_versions_are_refused(fresh):
    write_result(fresh / "b", ["tbi", "s", "--out", "b"], {}, {"a": ""}, tivax="0.2.0")
    line = mistake("package", "replication", "b", "--out", "p.zip")
    assert line.startswith("the results come from tivax 0.1.0 and 0.2.0; run all")


def test_a_damaged_manifest_is_named(fresh):
    (fresh / "replication" / "manifest.json").write_text('{"command": "tbi"}')
    line = error_of(read_result, Path("replication"))
    assert "manifest.json: not a manifest" in line


# -------------------------------------------------------------------- the run-all script


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Packages of a real `tivax tbi`: with its store, and without."""
    root = tmp_path_factory.mktemp("index")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        make_index(root)
        good("package", "out", "--out", "p.zip")
        good("package", "out", "--out", "bare.zip", "--include-data", "none")
    return root


def test_run_all_reproduces_every_file_to_the_byte(
    index, tmp_path, monkeypatch, capsys
):
    script = unpack(index / "p.zip", tmp_path)
    monkeypatch.chdir(tmp_path)
    script.main()
    said = capsys.readouterr().out
    assert "1 input files: checksums agree" in said
    assert "15 of 15 files are the same to the byte" in said
    table = tmp_path / "reproduced" / "comparison_of_files.csv"
    assert table.read_text().count("same to the byte") == 15
    with pytest.raises(SystemExit, match="exists from an earlier run; remove it"):
        script.main()


def test_a_store_that_is_left_out_is_imported(index, tmp_path, monkeypatch, capsys):
    script = unpack(index / "bare.zip", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="1 of 1 input files are missing or wrong"):
        script.main()
    (raw,) = (index / "raw").iterdir()
    place = f"data/raw-store/{raw.name}"
    assert f"{place}: missing; ask the authors" in capsys.readouterr().err
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_bytes(raw.read_bytes() + b" ")
    with pytest.raises(SystemExit):
        script.main()
    assert f"{place}: not the file that was used" in capsys.readouterr().err
    (tmp_path / place).write_bytes(raw.read_bytes())
    script.main()
    assert "Every table is reproduced." in capsys.readouterr().out


def test_the_script_says_how_far_tables_are_apart(index, tmp_path):
    script = unpack(index / "p.zip", tmp_path)
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_text("name,x,draws_per_s\na,1.0,7\nb,2.0,8\n")
    cases = {
        "name,x,draws_per_s\na,1.0,1\nb,2.0,2\n": "same to 0e+00",
        "name,x,draws_per_s\na,1.0,7\nb,2.0000000002,8\n": "same to 1e-10",
        "name,x,draws_per_s\na,1.0,7\nb,2.2,8\n": "differs by 9e-02",
        "name,x,draws_per_s\na,1.0,7\nc,2.0,8\n": "differs: column name",
        "name,x,draws_per_s\na,,7\nb,2.0,8\n": "differs: column x",
        "name,x,draws_per_s\na,1.0,7\n": "differs: other rows",
        "name,y,draws_per_s\na,1.0,7\nb,2.0,8\n": "differs: other columns",
    }
    for text, found in cases.items():
        b.write_text(text)
        assert script.compare_csv(a, b) == found


def test_a_table_that_differs_ends_with_an_error(index, tmp_path, monkeypatch, capsys):
    script = unpack(index / "p.zip", tmp_path)
    monkeypatch.chdir(tmp_path)
    (expected,) = plan_of(index / "p.zip")["runs"]

    def run(tivax, argv):
        """What the command would write, with one number changed and one file less."""
        write_files(tmp_path / "reproduced" / "out", {"vax.csv": "year\n1\n"})

    monkeypatch.setattr(script, "run_command", run)
    count = len(expected["files"])
    with pytest.raises(SystemExit, match=f"{count} of {count} files differ"):
        script.main()
    assert "out/vax.csv: differs: other columns" in capsys.readouterr().err


def test_an_installed_command_of_another_version_is_not_used(index, tmp_path):
    script = unpack(index / "p.zip", tmp_path)
    (tmp_path / "tivax").write_text("#!/bin/sh\necho tivax 9.9\n")
    (tmp_path / "tivax").chmod(0o755)
    assert script.installed_version(tmp_path / "tivax") == "9.9"
    assert script.installed_version(tmp_path / "none") is None
