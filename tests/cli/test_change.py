"""``tivax change``: files, columns, numbers, figures, mistakes."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.errors import TRADE_MEASURES
from tivax.engine.reporting import measure_name

from commands import good, mistake, names
from described import assert_described
from helpers import random_tables

TABLES = random_tables(regions=4, sectors=3, years=3, seed=5)


@pytest.fixture(scope="module")
def done(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("change") / "out"
    words = ("--from", 2000, "--to", 2002, "--regions", "R2,R0", "--chained")
    model = out.parent / "model.toml"
    model.write_text('[[error]]\nkind = "lognormal"\na = 0.01\n')
    errors = ("--error", model, "--draws", 2)
    return out, good("change", store, *words, *errors, "--out", out)


def test_the_files_hold_what_the_function_returns(done, of_jobs):
    out, answer = done
    assert_described("change", out, of_jobs[1])
    found = tx.change(TABLES, "tbi", region=["R2", "R0"], chained=True)
    written = pd.read_csv(out / "change.csv")
    assert list(written["region"].unique()) == ["R2", "R0"]
    size = found.table["value"].abs().max()
    for column in ("value", "home", "abroad", "polar", "chained"):
        # Programs of another run: the solves agree to 1e-12 of the index.
        assert_allclose(written[column], found.table[column], atol=1e-10 * size)
    assert set(written["measure"]) == {"tbi"} and set(written["end"]) == {2002}
    for name, end in (("by_partner", "partner"), ("by_sector", "sector")):
        where = pd.read_parquet(out / f"{name}.parquet")
        assert list(where)[4:] == ["factor", "country", end, "value", "chained"]
        total = where.groupby(["region", "factor"])[["value", "chained"]].sum()
        wanted = written.set_index(["region", "factor"])[["value", "chained"]]
        assert_allclose(total.loc[wanted.index], wanted, atol=1e-12 * size)
    steps = pd.read_csv(out / "steps.csv")
    assert steps[["start", "end"]].drop_duplicates().values.tolist() == [
        [2000, 2001],
        [2001, 2002],
    ]
    assert_allclose(
        steps.groupby(["region", "factor"])["value"].sum().loc[wanted.index],
        written["chained"],
        atol=1e-12 * size,
    )
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["residual_max"] <= 1e-10 and manifest["nodes"] >= 6
    assert (manifest["measure"], manifest["prices"]) == ("tbi", "current")
    assert "at current prices" in answer.out and "miss the change" not in answer.out


def test_an_indicator_of_a_sector_of_all_regions(store, tmp_path):
    out = tmp_path / "out"
    words = ("--measure", "EXGR_DVASH", "--sector", "S1", "--no-figures")
    good("change", store, *words, "--to", 2001, "--out", out, "--quiet")
    table = pd.read_csv(out / "change.csv")
    series = tx.indicators(TABLES.select(2000, 2001), "EXGR_DVASH", "sector").data
    values = series["EXGR_DVASH"].sel(sector="S1")
    change = (values.sel(year=2001) - values.sel(year=2000)).to_series()
    total = table.groupby("region")["value"].sum()
    assert_allclose(total, change.loc[total.index], atol=1e-10 * np.abs(change).max())
    assert not (out / "figures").exists()


@pytest.fixture(scope="module")
def of_jobs(store, tmp_path_factory):
    """The words of an account, and what was written with them."""
    path = tmp_path_factory.mktemp("jobs")
    cells = [TABLES.years, TABLES.regions, TABLES.sectors]
    rows = pd.MultiIndex.from_product(cells, names=["year", "region", "sector"])
    jobs = rows.to_frame(index=False)
    jobs["jobs"] = np.arange(len(jobs)) % 7 + 1.0
    jobs.assign(unit="1000 persons").to_csv(path / "jobs.csv", index=False)
    words = ("--satellite", path / "jobs.csv", "--measure", "va_exports")
    more = ("--regions", "R1", "--chained", "--no-figures")
    good("change", store, *words, *more, "--out", path / "out")
    return words, path / "out"


def test_jobs_in_place_of_value_added(store, of_jobs, tmp_path):
    words, out = of_jobs
    account = tx.read_satellites(words[1])[0]
    series = tx.value_added_trade(TABLES, account, by="region")["va_exports"].sel(
        region="R1"
    )
    change = float(series.sel(year=2002) - series.sel(year=2000))
    written = pd.read_csv(out / "change.csv")
    assert written["value"].sum() == pytest.approx(change, rel=1e-10)
    assert set(written["unit"]) == {"1000 persons"}
    assert json.loads((out / "manifest.json").read_text())["value_added"] == "jobs"
    jobs = pd.read_csv(words[1])
    jobs.assign(more=1.0).to_csv(tmp_path / "jobs.csv", index=False)
    words = ("--satellite", tmp_path / "jobs.csv", *words[2:])
    told = mistake("change", store, *words, "--out", tmp_path / "other")
    assert told.startswith("--satellite: 2 accounts; give a file with one")


def test_a_figure_calls_its_measure_by_name(done):
    """And a satellite account's by its own name: it is not of value added."""
    out, _ = done
    for name in ("waterfall", "steps", "factors", "countries_R0"):
        svg = (out / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        assert ">Change of the trade benefit index, 2000 to 2002" in svg
    found = tx.change(TABLES, "EXGR_DVASH", sector="S1")
    title = "domestic value added in gross exports (EXGR_DVASH) of S1, 2000 to 2002"
    assert found.subtitle == title
    of_jobs = replace(found, account="jobs")
    assert of_jobs.subtitle == title.replace("value added", "jobs")


def test_every_measure_of_trade_has_a_name():
    assert all(measure_name(code) != code for code in TRADE_MEASURES)


def test_a_region_whose_name_no_file_can_have_is_drawn(tmp_path):
    regions = ("A/B", "../A", "A_B", "C")
    tx.save_store(replace(TABLES, regions=regions), tmp_path / "store")
    words = ("--regions", "A/B,../A,A_B", "--quiet", "--out", tmp_path / "out")
    good("change", tmp_path / "store", *words)
    drawn = [k for k in names(tmp_path / "out" / "figures") if k.endswith(".svg")]
    assert [k for k in drawn if "countries" in k] == [
        "countries_.._A.svg",
        "countries_A_B.svg",
        "countries_A_B_4.svg",
    ]
    assert names(tmp_path) == ["out", "store"]


def test_what_is_printed_names_the_option_and_one_point(store, tmp_path):
    words = ("--regions", "R2", "--nodes", 1, "--no-figures")
    out = good("change", store, *words, "--out", tmp_path / "out").out
    assert "effects; the regions asked for\n" in out
    assert "nodes = 1 is too few" in " ".join(out.split())


def test_a_mistake_is_one_line_and_nothing_is_written(store, tmp_path):
    told = mistake("change", store, "--regions", "R0,CHN", "--out", tmp_path / "out")
    assert told == "no region CHN: choose from R0, R1, R2, R3"
    assert not list(tmp_path.iterdir())
