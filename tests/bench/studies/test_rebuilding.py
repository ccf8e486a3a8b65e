"""The study of rebuilt tables: coverage, factors of variances, the laboratory."""

import numpy as np
from numpy.testing import assert_allclose
from rebuilt_worlds import rebuilt_world

from tivax.bench.studies import rebuilding as study
from tivax.bench.studies import rebuilding_laboratory as laboratory

from helpers import random_table


def test_coverage_is_that_of_the_spread_of_draws():
    rng = np.random.default_rng(0)
    true = rng.uniform(50, 100, size=(3, 3))
    drawn = true + rng.normal(size=(400, 2, 3, 3))
    base = {2002: true + 0.5, 2005: true + 10}
    found = study.coverage(drawn, base, {2002: true, 2005: true})
    pairs = found[found["measure"] == "pairs"].set_index("year")
    assert pairs.loc[2002, "covered"] == 1
    assert pairs.loc[2005, "covered"] == 0
    assert pairs.loc[2002, "values"] == 6
    # A width of 2 x 1.97 standard errors of 1.
    off = ~np.eye(3, dtype=bool)
    width = (2 * 1.966 / (true + 0.5))[off].mean()
    assert_allclose(pairs.loc[2002, "mean_width"], width, rtol=0.1)
    changes = found[found["measure"] == "pairs, change"]
    assert (changes["year"] == 2005).all() and (changes["covered"] == 0).all()


def test_factors_of_variances_are_found_again():
    rng = np.random.default_rng(1)
    S = rng.uniform(0.5, 2, size=(2, 3, 4000)) * rng.choice([0.1, 1], size=(2, 3, 4000))
    variance = np.einsum("p,ypv->yv", [1.0, 4.0, 0.25], S)
    off = rng.normal(size=variance.shape) * np.sqrt(variance)
    found = study.likeliest({"pairs": S}, {"pairs": off}, [0, 1])
    assert_allclose(found, [1, 4, 0.25], rtol=0.25)


def test_parts_are_one_parameter_each():
    world = rebuilt_world()
    parts = study.parts(world)
    assert len(parts) == 1 + 2 + 4 + 1
    alone = parts["users of services by_seller"]
    assert alone["users"]["services"] == {"by_seller": 0.1, "by_pair": 0.0}
    assert alone["users"]["manufactures"]["by_seller"] == 0
    assert alone["partners"]["services"]["inputs"] == np.inf
    assert world.rebuilt["errors"]["users"]["services"]["by_pair"] == 0.1


def test_the_laboratory_leaves_tables_that_are_proportional_as_they_are():
    table = rebuilt_world().table(2001)
    again = laboratory.proportional(table, laboratory.trade_of(table))
    assert_allclose(again.Z, table.Z, rtol=1e-12)
    assert_allclose(again.Y.sum(2), table.Y.sum(2), rtol=1e-9)


def test_the_truth_of_the_laboratory_has_no_negative_trade_and_balances():
    table = laboratory.without_negative_trade(random_table(regions=3, sectors=2))
    assert laboratory.trade_of(table).min() >= 0
    assert_allclose(table.Z.sum(1) + table.Y.sum((1, 2)), table.x, rtol=1e-12)
