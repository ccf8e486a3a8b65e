import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from pandas.io.stata import StataReader

from tivax.engine.core.frames import (
    require_format,
    require_rows,
    to_long_frame,
    write_frame,
)
from tivax.engine.figures import trade as trade_plots
from tivax.engine.measures import trade_benefit_index, value_added_trade
from tivax.engine.tables.groups import read_groups

from drawings import words
from helpers import error_of, random_tables, read_table

REGIONS, SECTORS = 4, 3
# The iteration stops at a relative residual of 1e-12; the worst seen here is 4e-13.
RTOL = 1e-10


@pytest.fixture(scope="module")
def tables():
    return random_tables(regions=REGIONS, sectors=SECTORS, years=3)


@pytest.fixture(scope="module")
def result(tables):
    return trade_benefit_index(tables)


def absorbed_by_numpy(table):
    """diag(v) B Y by origin and absorber, and gross trade, of one year."""
    A = table.Z / table.x
    v = 1 - A.sum(axis=0)
    Y = table.Y.sum(axis=2)
    T = v[:, None] * np.linalg.inv(np.eye(len(A)) - A) @ Y
    c = len(table.regions)
    used = table.Z.reshape(c * SECTORS, c, SECTORS).sum(axis=2) + Y
    return (
        T.reshape(c, SECTORS, c).sum(axis=1),
        used.reshape(c, SECTORS, c).sum(axis=1),
    )


def balance(T):
    """Sales to others, purchases from others, and the index of the two."""
    away = T * (1 - np.eye(len(T)))
    X, M = away.sum(axis=1), away.sum(axis=0)
    return X, M, (X - M) / (X + M)


# ------------------------------------------------------------- what is computed


def test_all_results_are_those_of_numpy(tables, result):
    for table in tables:
        T, E = absorbed_by_numpy(table)
        year = {"year": table.year}
        assert_allclose(result.absorbed.sel(year), T, rtol=RTOL)
        X, M, tbi = balance(T)
        for dataset in (result.tbi, result.vax):
            assert_allclose(dataset["va_exports"].sel(year), X, rtol=RTOL)
            assert_allclose(dataset["va_imports"].sel(year), M, rtol=RTOL)
            assert_allclose(dataset["tbi"].sel(year), tbi, atol=RTOL)
        # On a balanced table the model-consistent flows are the reported ones.
        exports, imports, _ = balance(E)
        assert_allclose(result.vax["gross_exports"].sel(year), exports, rtol=RTOL)
        assert_allclose(result.vax["gross_imports"].sel(year), imports, rtol=RTOL)
        assert_allclose(result.vax["vax_ratio"].sel(year), X / exports, rtol=RTOL)


def test_options_are_those_of_the_measures(tables):
    """Also where a member of a group is dropped."""
    choice = {"drop": ["R1"], "groups": {"EU": ["R1", "R3"]}}
    result = trade_benefit_index(tables, "basic", **choice)
    trade = value_added_trade(tables, "basic")
    wanted = value_added_trade(trade, by="region", **choice)
    assert result.tbi["region"].values.tolist() == ["R0", "R2", "EU"]
    for name in ("va_exports", "gross_exports", "tbi"):
        assert_allclose(result.vax[name], wanted[name], rtol=RTOL)
    index = trade_benefit_index(trade, **choice)
    assert_allclose(result.tbi["tbi"], index["tbi"], atol=RTOL)


def test_figures_show_the_regions_of_the_tables_beside_them(tables, monkeypatch):
    seen = {}

    def look(name):
        def draw(data, *regions, **options):
            seen[name] = data
            return Figure()

        return draw

    for name in ("tbi_lines", "balance_heatmap", "va_versus_gross"):
        monkeypatch.setattr(trade_plots, name, look(name))
    result = trade_benefit_index(tables, drop=["R0"], groups={"EU": ["R1", "R3"]})
    for plot in result.plots().values():
        plot()
    for data in seen.values():
        axis = "region" if "region" in data.dims else "origin"
        assert data[axis].values.tolist() == ["EU", "R2"]
    assert seen["va_versus_gross"]["importer"].values.tolist() == ["EU", "R2"]


def test_the_residual_and_the_years_by_lu_are_those_of_the_years(result):
    assert 0 < result.residual_max < 1e-12
    assert result.residual_max == result.trade["residual"].values.max()
    assert result.years_by_lu == []
    trade = result.trade.copy()
    trade["passes"] = ("year", np.array([12, 0, 0]))
    assert replace(result, trade=trade).years_by_lu == [2001, 2002]


def test_the_sentence_names_the_ends_and_the_largest_moves(result):
    index = result.tbi["tbi"].to_pandas()
    last, moves = index.loc[2002], index.loc[2002] - index.loc[2000]
    assert result.sentence.splitlines() == [
        f"In 2002 the trade benefit index is highest in {last.idxmax()} "
        f"({last.max():+.4f}) and lowest in {last.idxmin()} ({last.min():+.4f}).",
        f"Its change since 2000 is highest in {moves.idxmax()} ({moves.max():+.4f}) and "
        f"lowest in {moves.idxmin()} ({moves.min():+.4f}).",
    ]


def test_the_sentence_names_regions_of_the_table(result):
    index = result.tbi["tbi"].isel(year=-1).to_series()
    asked = [*index.sort_values().index[[1, 0]]]
    some = replace(result, asked=asked[:2])
    (first, second) = some.sentence.splitlines()
    assert first.startswith(
        "In 2002, among the 2 regions of the table, the trade benefit index is highest "
        f"in {asked[0]} ("
    )
    assert f"lowest in {asked[1]} (" in first and "since 2000" in second


def test_progress_counts_every_year(tables):
    calls = []
    trade_benefit_index(tables, progress=lambda *call: calls.append(call))
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]


# ---------------------------------------------------------------- what is written


def test_rows_are_in_the_order_of_the_labels(result, tables):
    frame = to_long_frame(
        result.vax_by_sector, ["year", "region", "sector", "va_exports"]
    )
    rows = [
        (y, r, s) for y in tables.years for r in tables.regions for s in tables.sectors
    ]
    assert list(zip(frame.year, frame.region, frame.sector, strict=True)) == rows
    year, region, sector = rows[17]
    expected = result.vax_by_sector["va_exports"].sel(
        year=year, region=region, sector=sector
    )
    assert frame.va_exports[17] == float(expected)


# Relative. Excel files hold 16 digits, the others all of float64.
ROUNDING = {"csv": 0, "parquet": 0, "dta": 0, "xlsx": 5e-16, "feather": 0}


@pytest.mark.parametrize("format", ROUNDING)
def test_every_format_holds_the_same_numbers(tmp_path, format):
    frame = pd.DataFrame(
        {
            "year": [2000, 2001, 2002],
            "region": ["AUT", "Österreich", "ROW"],
            "value": [1 / 3, -1.2345678901234567e-13, 98765432.12345679],
            "ratio": [np.nan, 0.1 + 0.2, -0.0],
        }
    )
    write_frame(frame, tmp_path, "table", format)
    assert [path.name for path in tmp_path.iterdir()] == [f"table.{format}"]
    read = read_table(tmp_path / f"table.{format}")
    assert list(read) == list(frame)
    assert read["region"].tolist() == frame["region"].tolist()
    assert read["year"].tolist() == frame["year"].tolist()
    for name in ("value", "ratio"):
        assert_allclose(read[name], frame[name], rtol=ROUNDING[format])


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_all_tables_are_written_in_the_format_asked_for(result, tmp_path, format):
    tmp_path = result.save(tmp_path / "out", format=format, figures=False)
    expected = {
        "tbi": result.tbi,
        "vax": result.vax,
        "vax_by_sector": result.vax_by_sector,
    }
    for name, dataset in expected.items():
        read = read_table(tmp_path / f"{name}.{format}")
        values = dataset["va_exports"].to_dataframe().reset_index()
        assert_allclose(read["va_exports"], values["va_exports"], rtol=ROUNDING[format])
    absorbed = pd.read_parquet(tmp_path / "va_absorbed.parquet")["value_added"]
    assert absorbed.tolist() == result.absorbed.values.ravel().tolist()


def test_stata_has_labels_with_units_bilateral_flows_and_a_do_file(result, tmp_path):
    tmp_path = result.save(tmp_path / "out", format="dta", figures=False)
    with StataReader(tmp_path / "vax.dta") as file:
        labels = file.variable_labels()
    assert labels["va_exports"] == "value added absorbed abroad [million US$]"
    assert labels["region"] == "region"
    flows = pd.read_stata(tmp_path / "va_absorbed.dta")
    own = pd.read_parquet(tmp_path / "va_absorbed.parquet")
    assert flows["value_added"].tolist() == own["value_added"].tolist()
    text = (tmp_path / "rebuild_tbi.do").read_text()
    assert 'use "tbi.dta", clear' in text
    assert "tabdisp region year, cellvar(tbi)" in text
    assert {"region", "year", "tbi"} <= set(pd.read_stata(tmp_path / "tbi.dta"))


def test_a_table_that_a_format_cannot_hold_is_refused(tmp_path):
    assert "xlsx: 1,048,576 rows, but it holds 1,048,575" in error_of(
        require_rows, "xlsx", 2**20
    )
    require_rows("csv", 10**9)


def test_a_format_that_does_not_exist_is_told():
    assert require_format("dta") == "dta"
    line = error_of(require_format, "tsv")
    assert line.startswith("--format tsv: choose from csv, parquet, dta")


# ------------------------------------------------------------------------- groups


def test_groups_are_read_from_toml(tmp_path):
    path = tmp_path / "groups.toml"
    path.write_bytes('EU = ["AUT", "DEU"]\n"Südamerika" = ["BRA"]\n'.encode())
    assert read_groups(path) == {"EU": ["AUT", "DEU"], "Südamerika": ["BRA"]}


@pytest.mark.parametrize(
    "text, message",
    [
        (b'EU = ["AUT"', "Unclosed array"),
        (b'EU = ["AUT"]\nEU = ["BEL"]', "Cannot overwrite a value"),
        (b'EU = "AUT"', "group EU must be a list of region codes"),
        (b"EU = []", "group EU must be a list of region codes"),
        (b"EU = [1, 2]", "group EU must be a list of region codes"),
        (b'[EU]\nmembers = ["AUT"]', "group EU must be a list of region codes"),
        (b"\xff\xfe", "not a text in UTF-8"),
    ],
)
def test_a_file_that_holds_no_groups_is_told(tmp_path, text, message):
    path = tmp_path / "groups.toml"
    path.write_bytes(text)
    line = error_of(read_groups, path)
    assert line.startswith(f"{path}: ") and message in line


def test_a_file_of_groups_that_is_not_there_is_told_once(tmp_path):
    path = tmp_path / "none.toml"
    assert re.fullmatch(rf"{path}: [^/]*", error_of(read_groups, path))


def test_figures_of_an_account_name_it_in_place_of_value_added(tables):
    x = np.asarray(tables.x).reshape(3, REGIONS, SECTORS)
    coords = {"year": [*tables.years], "region": [*tables.regions]}
    jobs = xr.DataArray(x, coords | {"sector": [*tables.sectors]}, name="jobs")
    result = trade_benefit_index(tables, jobs.assign_attrs(units="persons"))
    plots = result.plots()
    assert "X, M: jobs in exports, imports" in plots["tbi"]().axes[0].get_ylabel()
    said = words(plots["va_balances"]())
    assert any("balances of jobs, " in k for k in said)
    assert not any("value-added" in k for k in said)
