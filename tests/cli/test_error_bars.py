"""``--error`` of ``tivax tbi`` and ``tivax indicators``: columns, manifest, mistakes."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax.engine as tx
from tivax.engine.errors import standard_errors

from commands import good, mistake, names
from helpers import random_tables, read_table

TABLES = random_tables(regions=4, sectors=3, years=2, seed=1)
MODEL = """
[[error]]
kind = "lognormal"
a = 0.2
margins = ["row"]
"""
ERROR = tx.table_errors.Lognormal(a=0.2, margins=("row",))
ENDS = ["se", "ci_low", "ci_high"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "MODEL.toml"
    path.write_text(MODEL, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tbi(store, model, tmp_path_factory):
    out = tmp_path_factory.mktemp("tbi") / "out"
    good("tbi", store, "--error", model, "--out", out, "--quiet")
    return out


def test_every_table_of_tbi_has_errors_beside_its_values(tbi):
    values = "va_exports va_imports".split()
    beside = [f"{k}{end}" for k in values for end in ("", *(f"_{e}" for e in ENDS))]
    assert [*pd.read_csv(tbi / "tbi.csv")] == ["year", "region", *beside, "tbi", *ENDS]
    vax = [*pd.read_csv(tbi / "vax.csv")]
    assert vax[-4:] == ["vax_ratio", *ENDS] and "gross_exports_se" in vax
    assert [*pd.read_csv(tbi / "vax_by_sector.csv")][-9:] == [
        "vax_ratio", *ENDS, "tbi", "tbi_se", "tbi_ci_low", "tbi_ci_high", "flag",
    ]  # fmt: skip
    absorbed = pd.read_parquet(tbi / "va_absorbed.parquet")
    assert [*absorbed] == ["year", "origin", "absorber", "value_added", *ENDS]


def test_they_are_those_of_standard_errors_row_by_row(tbi):
    wanted = standard_errors(TABLES, ERROR, ["tbi", "vax_ratio", "va_absorbed"])
    for file, name, rows in (
        ("tbi", "tbi", ["year", "region"]),
        ("vax", "vax_ratio", ["year", "region"]),
        ("va_absorbed", "va_absorbed", ["year", "origin", "absorber"]),
    ):
        (path,) = tbi.glob(f"{file}.*")
        frame = read_table(path).set_index(rows)
        # The two are solved to 1e-7 in different ways.
        expected = wanted[f"{name}_se"].to_series()[frame.index]
        assert_allclose(frame["se"], expected, rtol=1e-5)
        value = frame["value_added" if file == "va_absorbed" else name]
        assert_allclose(frame["ci_high"] - value, 1.959963984540054 * frame["se"])
        assert_allclose(value - frame["ci_low"], 1.959963984540054 * frame["se"])


def test_the_manifest_has_the_model_and_its_file(tbi, model):
    record = json.loads((tbi / "manifest.json").read_text())
    (error,) = record["error"]
    assert error["kind"] == "lognormal" and error["a"] == 0.2
    assert error["margins"] == ["row"] and error["b"] == 0.0
    assert str(model) in [k["path"] for k in record["inputs"]]
    assert "band: 95 % interval" in (tbi / "figures" / "tbi.svg").read_text(
        encoding="utf-8"
    )


def test_indicators_have_columns_of_errors(store, model, tmp_path):
    out = tmp_path / "out"
    words = "--only", "TBI,EXGR", "--format", "csv", "--no-figures"
    answer = good("indicators", store, "--error", model, "--out", out, *words)
    assert "standard errors of MODEL from 200 draws of signs" in answer.out
    frame = pd.read_csv(out / "indicators.csv")
    assert [*frame][-5:] == ["value", *ENDS, "flag"]
    record = json.loads((out / "manifest.json").read_text())
    assert record["probes"] == 200 and record["se_accuracy"] == 0.05
    closed = standard_errors(TABLES, ERROR, ["tbi", "gross_exports"])
    for indicator, name in (("TBI", "tbi"), ("EXGR", "gross_exports")):
        rows = frame[frame["indicator"] == indicator].set_index(["year", "region"])
        ratio = rows["se"] / closed[f"{name}_se"].to_series()[rows.index]
        # 200 draws: right to 5 %; 8 values within 4 deviations.
        assert np.abs(ratio - 1).max() < 0.2
        half = (rows["ci_high"] - rows["ci_low"]) / 2
        assert_allclose(half, 1.959963984540054 * rows["se"], rtol=1e-6)


def test_groups_that_overlap_have_the_errors_of_each_alone(model, tmp_path):
    regions = ("AUT", "DEU", "USA", "ROW")
    tx.save_store(replace(TABLES, regions=regions), tmp_path / "store")
    found = {}
    for groups in ("EU15,OECD", "OECD", "EU15"):
        out = tmp_path / groups
        words = ("--groups", groups, "--each-group", "--error", model, "--out", out)
        good("tbi", tmp_path / "store", *words, "--no-figures")
        absorbed = pd.read_parquet(out / "va_absorbed.parquet")
        keys = ["year", "origin", "absorber"]
        found[groups] = (
            pd.read_csv(out / "tbi.csv").set_index(["year", "region"])["se"],
            absorbed.set_index(keys)["se"],
        )
    for both, *alone in zip(*found.values(), strict=True):
        each = pd.concat(alone)
        # Of a group by itself: the same solves, to 1e-7.
        assert_allclose(both.loc[each.index], each, rtol=1e-6)
        assert (each > 0).all()


def test_mistakes_are_told_before_anything_is_written(store, tmp_path):
    out = tmp_path / "out"
    for command in ("tbi", "indicators"):
        told = mistake(command, store, "--error", "rouding", "--out", out)
        assert told.startswith("no error model rouding: did you mean rounding")
        told = mistake(command, store, "--error", tmp_path / "no.toml", "--out", out)
        assert told == f"{tmp_path / 'no.toml'}: no such file"
        told = mistake(command, store, "--error", "rounding", "--out", out)
        assert told.startswith("2000: cells are not whole units")
    assert names(tmp_path) == []


@pytest.mark.filterwarnings("default:error rounding:UserWarning")
@pytest.mark.parametrize(
    "words", ["tbi", "indicators --level country", "change --draws 2"]
)
def test_rounding_of_many_cells_to_0_is_the_first_line(words, tmp_path, monkeypatch):
    """Of what is printed and of the report, with the remedy, in Chinese, too."""
    monkeypatch.chdir(tmp_path)
    Z, Y = (np.rint(100 * np.asarray(k)) for k in (TABLES.Z, TABLES.Y))
    Z[Z < np.quantile(Z, 0.5)] = 0
    x = Z.sum(axis=2) + Y.reshape(*Z.shape[:2], -1).sum(axis=2)
    tx.save_store(replace(TABLES, Z=Z, Y=Y, x=x, value_added=None), "store")
    command, *options = words.split()
    errors = ("--error", "rounding", *options, "--no-figures", "--language", "zh")
    answer = good(command, "store", *errors, "--out", "out")
    first = answer.out.splitlines()[0]
    assert first.startswith("舍入误差：2000年Z中有") and "--derounded" in first
    assert answer.err.count("--derounded") == 1
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    place = page.index("舍入误差：2000年Z中有")
    assert place < page.index("--derounded") < page.index("<table")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["command"]
