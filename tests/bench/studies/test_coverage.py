"""The study of coverage: its formulas, its sums, and one year of what is published."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax.engine as tx
from tivax.bench.studies import coverage, drawn_tables
from tivax.bench.studies.filled_cells import MEASURES, FilledYear
from tivax.engine import stack_years
from tivax.engine.errors import standard_errors
from tivax.engine.errors.kinds import USE_DEVIATION, USER_DEVIATION
from tivax.engine.sources.catalogue import get_source
from tivax.engine.tables.derounding import deround
from tivax.engine.tables.world_table import WorldTable

from helpers import small_world

C, S = 3, 4
N = C * S


@pytest.fixture(scope="module")
def rounded() -> WorldTable:
    """Whole numbers, most of them 0, inventories of either sign; every row misses 2
    or as much as its cells of 0 hold."""
    rng = np.random.default_rng(0)
    Z = np.rint(rng.lognormal(-1, 1.5, size=(N, N)))
    Y = np.rint(3 * rng.lognormal(-0.5, 1.5, size=(N, C, 5)))
    Y[:, :, 4] *= rng.choice([-1, 0, 1], size=(N, C))
    # Every industry makes more than it uses.
    Y[:, 0, 0] += 20 + np.maximum(Z.sum(axis=0) - Z.sum(axis=1), 0)
    zeros = (Z == 0).sum(axis=1) + (Y[:, :, :4] == 0).sum(axis=(1, 2))
    x = Z.sum(axis=1) + Y.sum(axis=(1, 2)) + np.minimum(2, zeros // 3)
    return WorldTable(
        year=2000,
        regions=("AUS", "ROU", "ROW"),
        sectors=tuple(f"c{k + 1}" for k in range(S)),
        categories=("c37", "c38", "c39", "c41", "c42"),
        Z=Z,
        Y=Y,
        x=x,
    )


PROBES = 1000


@pytest.mark.slow
def test_two_ways_to_the_standard_errors_of_a_filled_table_agree(rounded):
    """1,000 draws are right to 2.2 %; the worst of 48 is within 4 deviations."""
    filled = deround(rounded).table
    year = FilledYear(rounded, filled)
    net = tx.net_of_inventories(stack_years([filled]))
    names = [name for name, _ in coverage.INDICATORS.values()]
    found = standard_errors(net, "rounding", names, "sector", probes=PROBES)
    parts = year.variances()
    assert_allclose(filled.Z.sum(1) + filled.Y.sum((1, 2)), filled.x)
    for measure in MEASURES:
        name, scale = coverage.INDICATORS[measure]
        value, se = (found[k].values.ravel() / scale for k in (name, f"{name}_se"))
        assert_allclose(value, year.values[measure], rtol=1e-10)
        wanted = parts[measure].deviation(USER_DEVIATION, USE_DEVIATION)
        assert np.abs(se / wanted - 1).max() < 4 * (2 * PROBES) ** -0.5
    closed = standard_errors(net, "rounding", "tbi")["tbi_se"].values
    drawn = standard_errors(net, "rounding", "TBI", probes=PROBES)["TBI_se"].values
    assert np.abs(drawn / closed - 1).max() < 4 * (2 * PROBES) ** -0.5


def test_judging_counts_inside_over_and_under():
    """Half widths 1.96 around 0: of 10 bn one inside and one over, of 100 bn one under;
    an industry without a truth, and one below 1 bn, do not count."""
    errors = pd.DataFrame(
        {
            "measure": "U",
            "year": [1995, 1995, 2003, 2003, 2003],
            "x": [2e3, 3e3, 2e5, 2e5, 10],
            "value": 0.0,
            "se": 1.0,
            "truth": [1.9, 2.0, -2.5, np.nan, 0],
        }
    )
    found = coverage.judge(errors).set_index(["year", "output"])
    columns = ["industries", "covered", "over", "under"]
    third = 100 / 3
    assert_allclose(
        found.loc[("all", "all"), columns].astype(float), [3, third, third, third]
    )
    assert_allclose(found.loc[(1995, "1-10 bn"), columns].astype(float), [2, 50, 50, 0])
    assert_allclose(
        found.loc[(2003, "from 100 bn"), columns].astype(float), [1, 0, 0, 100]
    )


def test_drawn_tables_keep_what_is_held():
    world = small_world(4, 3)
    F = np.hstack([world.Z[0], world.final_demand()[0]])
    rng = np.random.default_rng(0)
    for name, axes in (("lognormal, rows held", [1]), ("lognormal, both held", [0, 1])):
        drawn = drawn_tables.draw_lognormal(F, drawn_tables.DRAWN[name], rng)
        assert np.abs(drawn - F).max() > 0.01 * F.max()
        for axis in axes:
            assert_allclose(drawn.sum(axis), F.sum(axis), rtol=1e-9)
    for ras in (False, True):
        shares = drawn_tables.DRAWN["shares"]
        drawn = drawn_tables.draw_shares(F, shares, rng, 4, ras=ras)
        assert not np.allclose(drawn, F)
        for axis in (0, 1):
            assert_allclose(drawn.sum(axis), F.sum(axis), rtol=1e-6)


@pytest.mark.parametrize("name", ["lognormal", "shares"])
def test_drawn_intervals_are_judged(name):
    (row,) = drawn_tables.draw_and_judge(small_world(4, 3), name, 3, 0)
    assert row["covered"] + row["over"] + row["under"] == pytest.approx(100)
    assert (row["tables"], row["regions"]) == (3, 4)


def test_published_numbers_are_covered_as_often_as_said(shared):
    """2011, by the formulas that agree with the command above. Asked of U and F/GO are
    93 to 98.5 %, of sizes 90 to 99 %, of the others 90 %; measured 94.8, 95.9, 94.2,
    97.0 %."""
    source = get_source("wiod2013")
    (file,) = source.find([shared / "data" / "wiod2013" / "wiot_2011.RData"])
    (table,) = source.read(file)
    path = shared / "truth" / "antras_chor" / "three_years.csv"
    truth = coverage.read_truth(path, stack_years([table]))[2011]
    year = FilledYear(table, deround(table).table)
    rows = coverage.Judged(2011, year, truth).rows(USER_DEVIATION, USE_DEVIATION)
    found = coverage.judge(rows).set_index(["year", "measure", "output"])["covered"]
    found = found.loc["all"]
    assert found.loc[[("U", "all"), ("FGO", "all")]].between(93, 98.5).all()
    by_size = found.loc[[(k, s) for k in ("U", "FGO") for s in coverage.SIZES]]
    assert by_size.between(90, 99).all()
    assert (found.loc[[("D", "all"), ("VAGO", "all")]] > 90).all()


def test_wrong_deviations_would_show(rounded):
    """Without the two effects the intervals of VA/GO are much too short."""
    parts = FilledYear(rounded, deround(rounded).table).variances()["VAGO"]
    assert (parts.deviation(0.2, 1.0) > 1.1 * parts.deviation(0.0, 0.0)).mean() > 0.5
