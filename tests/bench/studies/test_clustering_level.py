"""The study of score-variance tests: what is drawn, and that tests are the engine's."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.bench.studies import clustering_level as study
from tivax.engine.estimation.model import Model
from tivax.engine.resampling.cluster_diagnostics import clustering_level
from tivax.kernels import random_draws

from helpers import compiled

ROWS = study.LevelDesign("rows", 3, 9, 4, controls=1, shortest=2, unequal_coarse=1.0)
PANEL = replace(ROWS, name="panel", shortest=None, two_way=True, persistence=0.5)
DRAWS = 39


def one(design: study.LevelDesign, key, dtype=jnp.float64):
    sizes = {
        "coarse": design.coarse,
        "controls": design.controls,
        "two_way": design.two_way,
    }
    arrays = jax.device_put(design.arrays)
    of_panel, of_signs = jax.random.split(key)
    M = compiled(partial(study.nested_panel, **sizes))(of_panel, arrays)
    run = jax.jit(partial(study.test_panel, draws=DRAWS, draws_dtype=dtype, **sizes))
    return M, of_signs, np.asarray(run(key, arrays))


@pytest.mark.slow
@pytest.mark.parametrize("design", [ROWS, PANEL], ids=["rows", "panel"])
def test_a_panel_is_tested_as_the_engine_tests_it(design, monkeypatch):
    """tau, and the draws at least as large, of both bootstraps and both outcomes."""
    M, of_signs, found = one(design, jax.random.key(4))
    H, T, m = M.shape
    frame = pd.DataFrame(M.reshape(-1, m), columns=["c0", "x", "null", "other"])
    frame["iso3"] = np.repeat([f"C{h}" for h in range(H)], T)
    frame["year"] = np.tile(np.arange(T), H)
    frame["region"] = np.repeat(design.membership, T)
    frame = frame[design.seen.ravel() == 1]
    both = {"entity": "iso3", "time": "year"} if design.two_way else {}
    signs = random_draws.rademacher(of_signs, H, draws=DRAWS)
    monkeypatch.setattr(
        random_draws, "rademacher", lambda key, clusters, *, draws: signs
    )
    for row, outcome in enumerate(("null", "other")):
        model = Model("m", outcome, ("x", "c0"), clusters="iso3", **both)
        for first, kind in ((1, "11"), (3, "31")):
            test = clustering_level(
                frame, model, coarse="region", type=kind, draws=DRAWS
            ).tests.iloc[0]
            # Cross products of columns of length 1 against those of the cells.
            assert_allclose(found[row, 0], test["tau"], rtol=1e-9)
            p = test[["p_one_sided_wild", "p_two_sided_wild"]].to_numpy(float)
            assert_array_equal(found[row, first : first + 2], np.round(p * DRAWS))


def test_single_precision_of_the_draws_decides_as_double_does():
    """A draw nearer to the sample's tau than 1e-5 would differ: none of 156."""
    key = jax.random.key(4)
    single, double = (one(ROWS, key, dtype)[2] for dtype in (jnp.float32, jnp.float64))
    assert_array_equal(single, double)


def test_coarse_clusters_hold_two_fine_ones_and_the_rest_by_their_shares():
    even = replace(ROWS, fine=12, unequal_coarse=0.0).membership
    assert np.bincount(even).tolist() == [4, 4, 4]
    # Six beside two each, by exp(1/3), exp(2/3), e: 1.5, 2.0, 2.8 of 6.3.
    uneven = replace(ROWS, fine=12).membership
    assert np.bincount(uneven).tolist() == [3, 4, 5]


def test_shares_of_the_parts_are_those_of_the_design():
    """Correlations of errors: within a fine cluster .5, in the alternative .3 with the
    other fine ones of the coarse."""
    design = replace(
        ROWS, coarse=200, fine=400, shortest=None, u_fine=0.5, u_coarse=0.3
    )
    arrays = replace(design, unequal_coarse=0.0).arrays
    draw = partial(study.nested_panel, coarse=200, controls=1, two_way=False)
    M = compiled(draw)(jax.random.key(1), arrays)
    null, other = M[:, :, 2], M[:, :, 3]
    # 400 pairs of rows: five standard errors are .25.
    assert abs(np.corrcoef(null[:, 0], null[:, 1])[0, 1] - 0.5) < 0.25
    assert abs(np.corrcoef(null[::2, 0], null[1::2, 0])[0, 1]) < 0.36
    assert abs(np.corrcoef(other[::2, 0], other[1::2, 0])[0, 1] - 0.3) < 0.36
    assert_allclose([null.var(), other.var()], 1, atol=0.25)


def test_rates_are_counted_by_hand():
    """20 panels: p of C is k / 999 for k = 0 ... 19 times 10 under the null, 0 else."""
    values = np.zeros((20, 2, 5))
    values[:, 0, 1] = 10 * np.arange(20)
    values[:, 0, 3] = 5 * np.arange(20)
    found = study.rates(ROWS, values)
    # 49 draws are the most that reject: 0 ... 40 of C, 0 ... 45 of S.
    assert (found["size_C_one"], found["size_S_one"]) == (5 / 20, 10 / 20)
    assert_allclose(found["apart_one"], 5 / 20)
    assert_allclose(found["gap_one"], 0.45 - 0.20)
    # 5 % of the null's p-values are the single 0, and so are all of the alternative's.
    assert found["adjusted_C_one"] == found["power_C_one"] == 1
    assert found["gain_one"] == 0


def test_what_a_file_has_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "_BLOCK", 4)
    study._block.cache_clear()
    file = tmp_path / "d.npy"
    first = study.run(ROWS, 4, 1, file)
    made = study._block(ROWS.coarse, ROWS.controls, ROWS.two_way)
    calls = []

    def counted(design, seed, number):
        calls.append(int(number))
        return made(design, seed, number)

    monkeypatch.setattr(study, "_block", lambda *sizes: counted)
    more = study.run(ROWS, 8, 1, file)
    assert calls == [1]
    assert_array_equal(more[:4], first)
    assert_array_equal(study.run(ROWS, 8, 1), more)
