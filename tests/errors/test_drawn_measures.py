"""Draws of tables through measures: against draws one by one, and the delta method."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import tivax as tx
from tivax.engine.core import files_of
from tivax.engine.errors import deviations_of, error_model, standard_errors

from commands import good, mistake
from described import assert_described
from helpers import random_tables, system

TABLES = random_tables(regions=4, sectors=3, years=2, seed=1)
YEARS = TABLES.years
ERROR = tx.table_errors.Lognormal(a=0.05)
NOTHING = tx.table_errors.Lognormal(a=0.0)
ENDS = ["se", "ci_low", "ci_high"]
DRAWS = 4


def _drawn(k, seed=2):
    return tx.draw_tables(TABLES, ERROR, draw=k, seed=seed)


def _intervals(values):
    low, high = np.percentile(values, [2.5, 97.5], axis=0)
    return np.stack([np.std(values, axis=0, ddof=1), low, high], axis=1)


def test_drawn_tables_are_those_of_drawn_flows():
    flows = tx.table_errors.draw_flows(TABLES, ERROR, draws=3, seed=2)
    for k in range(3):
        absorbed = tx.value_added_trade(_drawn(k))["va_absorbed"].sum("sector")
        own = absorbed.transpose("year", "origin", "absorber")
        # Flows of draws are solved in single precision.
        np.testing.assert_allclose(flows[k], own, rtol=1e-4)


@pytest.mark.parametrize(
    "error", [tx.table_errors.Shares(concentration=20), tx.table_errors.Rounding()]
)
def test_drawn_tables_of_other_kinds_differ_and_keep_labels(error):
    tables = TABLES
    if error.kind == "rounding":
        tables = tx.WorldTables(
            np.rint(1000 * TABLES.Z),
            np.rint(1000 * TABLES.Y),
            np.rint(1000 * TABLES.x),
            TABLES.regions,
            TABLES.sectors,
            TABLES.years,
        )
    drawn = tx.draw_tables(tables, error, draw=1)
    assert drawn.regions == TABLES.regions and drawn.years == TABLES.years
    assert (drawn.Z != tables.Z).any()
    if error.kind == "shares":  # what each user buys of a good stays
        for t in range(2):
            sums = [k.Z[t].reshape(4, 3, 12).sum(axis=0) for k in (drawn, tables)]
            np.testing.assert_allclose(*sums, rtol=1e-5)


def test_scenarios_with_errors_are_those_of_drawn_tables():
    shock = tx.shocks.Cut(exporters="R0", importers="R1", percent=50)
    found = tx.scenarios(TABLES, shock).with_errors(ERROR, draws=DRAWS, seed=2)
    plain = tx.scenarios(TABLES, shock)
    pd.testing.assert_frame_equal(found.table[[*plain.table]], plain.table)
    each = [tx.scenarios(_drawn(k), shock).table["change"] for k in range(DRAWS)]
    np.testing.assert_allclose(found.table[ENDS], _intervals(each), rtol=1e-10)
    still = plain.with_errors(NOTHING, draws=2)
    assert still.table["se"].max() == 0


def test_a_change_with_errors_is_that_of_drawn_tables():
    given = {"region": ["R0", "R2"], "polar": False}
    found = tx.change(TABLES, "tbi", **given)
    found = found.with_errors(ERROR, draws=DRAWS, seed=2)
    given["nodes"] = found.nodes
    keys = ["region", "factor"]
    each = [
        tx.change(_drawn(k), "tbi", **given)
        .table.set_index(keys)["value"]
        .reindex(pd.MultiIndex.from_frame(found.table[keys]))
        for k in range(DRAWS)
    ]
    np.testing.assert_allclose(
        found.table[ENDS], _intervals(each), rtol=1e-9, atol=1e-14
    )


def test_small_errors_are_those_of_the_delta_method():
    small = tx.table_errors.Lognormal(a=0.01)
    exact = standard_errors(TABLES, small, ["va_exports"])["va_exports_se"]

    def measure(tables):
        A, Y = system(tables)
        absorbed = (1 - A.sum(axis=0))[:, None] * np.linalg.solve(np.eye(len(A)) - A, Y)
        flows = absorbed.reshape(len(tables.regions), -1, len(tables.regions)).sum(1)
        sold = (flows.sum(1) - flows.diagonal())[None]
        return xr.Dataset(
            {"va_exports": (("year", "region"), sold)},
            {"year": list(tables.years), "region": list(tables.regions)},
        )

    model = error_model(small)
    year = YEARS[-1]
    found = deviations_of(TABLES, model, year, measure, draws=400)
    # A deviation of 400 draws is right to 3.5 %.
    np.testing.assert_allclose(
        found["va_exports"].sel(year=year), exact.sel(year=year), rtol=0.12
    )


# ------------------------------------------------------------------- the commands


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "MODEL.toml"
    path.write_text('[[error]]\nkind = "lognormal"\na = 0.05\n')
    return path


def test_decompose_has_deviations_of_every_term(store, model, tmp_path):
    words = ("--error", model, "--draws", DRAWS, "--seed", 2, "--format", "csv")
    out = tmp_path / "out"
    about = ("--method", "wwz", "--level", "country")
    good("decompose", store, *about, *words, "--out", out, "--no-figures")
    assert_described("decompose", out, but=files_of("decompose"))
    table = pd.read_csv(out / "decomposition.csv")
    each = [tx.decompose(_drawn(k), "wwz", "country").data for k in range(DRAWS)]
    term = table[table["term"] == "DVA_FIN"]
    values = np.stack([k["DVA_FIN"].values.ravel() for k in each])
    np.testing.assert_allclose(term["se"], values.std(axis=0, ddof=1), rtol=1e-9)
    record = json.loads((out / "manifest.json").read_text())
    assert (record["draws"], record["seed"]) == (DRAWS, 2)


def test_change_and_scenario_write_intervals_of_draws(store, model, tmp_path):
    words = ("--error", model, "--draws", DRAWS, "--seed", 2, "--no-figures")
    good("change", store, "--regions", "R0", *words, "--out", tmp_path / "why")
    assert_described("change", tmp_path / "why", but=files_of("change"))
    drawing = {"draws": DRAWS, "seed": 2}
    found = tx.change(TABLES, region="R0").with_errors(ERROR, **drawing).table
    table = pd.read_csv(tmp_path / "why" / "change.csv")
    np.testing.assert_allclose(table[ENDS], found[ENDS], rtol=1e-9, atol=1e-14)
    shock = 'kind = "cut"\nexporters = "R0"\nimporters = "R1"\npercent = 50\n'
    (tmp_path / "cut.toml").write_text(f'store = "{store}"\n[[shock]]\n{shock}')
    out = tmp_path / "cut"
    good("scenario", tmp_path / "cut.toml", *words, "--out", out)
    assert_described("scenario", out, but=files_of("scenario"))
    table = pd.read_csv(out / "scenario.csv")
    shock = tx.shocks.Cut(exporters="R0", importers="R1", percent=50)
    found = tx.scenarios(TABLES, shock).with_errors(ERROR, **drawing).table
    np.testing.assert_allclose(table[ENDS], found[ENDS], rtol=1e-9)
    assert json.loads((out / "manifest.json").read_text())["error"]


def test_draws_without_an_error_are_refused(store, tmp_path):
    out = ("--draws", 5, "--out", tmp_path / "no")
    line = mistake("change", store, *out)
    assert line == "--draws 5: nothing has an error: give --error"
    line = mistake("decompose", store, "--method", "wwz", *out)
    assert line == "--draws 5: nothing has an error: give --error"
