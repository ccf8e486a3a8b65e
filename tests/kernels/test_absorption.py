"""Value added absorbed and the trade benefit index: by hand, by NumPy, identities."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.kernels import absorption

from helpers import hand_table, random_tables, system

# The solve stops at a residual of 1e-12, and a column of X misses by up to |B| times
# that; measured 5e-13.
SOLVE_RTOL = 1e-11
# Sums and products in another order; measured 3e-16.
RTOL = 1e-13

# Koopman, Wang and Wei (2014, AER 104), online appendix C: two regions, one sector.
KWW = hand_table([[100, 50], [0, 50]], [[30, 20], [70, 80]], ("USA", "CHN"))


def value_added_trade(tables, k=0, v=None):
    """The kernel on year number k."""
    return absorption.value_added_trade(
        jnp.array(tables.Z[k]),
        jnp.array(tables.x[k]),
        jnp.array(tables.final_demand()[k]),
        v,
    )


# ------------------------------------------------------------- kernel: absorption


def test_appendix_example_of_koopman_wang_and_wei():
    """B = [[2, 2/3], [0, 4/3]], v = (1/2, 1/2): 53.3 and 46.7 in print."""
    trade = value_added_trade(KWW)
    assert_allclose(
        trade.absorbed, np.array([[160, 140], [140, 160]]) / 3, rtol=SOLVE_RTOL
    )
    assert_allclose(trade.output, [200, 200], rtol=SOLVE_RTOL)
    assert_allclose(trade.exports, [[0, 70], [70, 0]], rtol=SOLVE_RTOL)
    assert_allclose(trade.absorbed, [[53.3, 46.7], [46.7, 53.3]], atol=0.05)  # printed


def test_value_added_of_the_table_replaces_the_residual():
    """Half of the value added, half of the value added absorbed."""
    half = value_added_trade(KWW, v=jnp.array([0.25, 0.25]))
    assert_allclose(half.absorbed, np.array([[80, 70], [70, 80]]) / 3, rtol=SOLVE_RTOL)


def test_gross_exports_by_hand():
    """Two regions with two sectors: intermediate sales abroad and final sales abroad."""
    Z = np.arange(16.0).reshape(4, 4)
    Y = np.arange(100.0, 108.0).reshape(4, 2)
    x = np.array([200.0, 300, 400, 500])
    A = Z / x
    expected = [
        [0, 2 + 3 + 101],
        [0, 6 + 7 + 103],
        [8 + 9 + 104, 0],
        [12 + 13 + 106, 0],
    ]
    exports = absorption.gross_exports(
        jnp.array(A), jnp.array(x), jnp.array(Y), active=jnp.ones(4, bool)
    )
    assert_allclose(exports, expected, rtol=RTOL)


def test_an_industry_that_is_not_active_exports_nothing():
    exports = absorption.gross_exports(
        jnp.ones((2, 2)), jnp.ones(2), jnp.ones((2, 2)), active=jnp.array([True, False])
    )
    assert_array_equal(exports, [[0, 2], [0, 0]])


def test_by_region_adds_the_sectors_of_origin():
    T = jnp.arange(12.0).reshape(6, 2)[:4]
    assert_array_equal(absorption.by_region(T), [[0 + 2, 1 + 3], [4 + 6, 5 + 7]])


@pytest.mark.parametrize("regions, sectors", [(1, 1), (1, 5), (5, 1), (4, 3)])
def test_absorption_agrees_with_numpy(regions, sectors):
    t = random_tables(regions=regions, sectors=sectors, years=1)
    A, Y = system(t)
    B = np.linalg.inv(np.eye(len(A)) - A)
    trade = value_added_trade(t)
    assert_allclose(
        trade.absorbed, (1 - A.sum(axis=0))[:, None] * (B @ Y), rtol=SOLVE_RTOL
    )
    # Gross exports of the reported table: it balances, so both are the same.
    sold = Y + t.Z[0].reshape(-1, regions, sectors).sum(axis=2)
    home = np.repeat(np.eye(regions, dtype=bool), sectors, axis=0)
    assert_allclose(trade.exports, np.where(home, 0, sold), rtol=SOLVE_RTOL)


def test_an_idle_industry_adds_no_value_though_it_sells():
    """As in WIOD: 5 of final goods from an industry without output."""
    Z = jnp.array([[20.0, 0.0], [0.0, 0.0]])
    trade = absorption.value_added_trade(
        Z, jnp.array([100.0, 0.0]), jnp.array([[50.0, 30.0], [5.0, 0.0]])
    )
    assert_allclose(trade.absorbed, [[50, 30], [0, 0]], rtol=SOLVE_RTOL)
    assert_allclose(trade.exports, [[0, 30], [0, 0]], rtol=SOLVE_RTOL)


# ------------------------------------------------------ kernel: trade benefit index


def test_index_of_three_regions_by_hand():
    T = jnp.array([[100.0, 4, 2], [1, 200, 3], [1, 5, 300]])
    balance = absorption.trade_benefit_index(T)
    assert_array_equal(balance.exports, [6, 4, 6])
    assert_array_equal(balance.imports, [2, 9, 5])
    assert_allclose(balance.tbi, [4 / 8, -5 / 13, 1 / 11], rtol=RTOL)


@pytest.mark.parametrize(
    "T, index",
    [
        ([[5, 0], [0, 6]], [np.nan, np.nan]),
        ([[np.nan, 3], [1, np.nan]], [0.5, -0.5]),
        ([[0, np.nan, 1], [1, 0, 1], [1, 3, 0]], [np.nan, np.nan, 2 / 6]),
        ([[0, -5], [1, 0]], [-6 / -4, 6 / -4]),
        ([[0, 3], [0, 0]], [1, -1]),
    ],
    ids=["no trade is not balanced", "home", "missing flow", "negative", "ends"],
)
def test_index_in_limiting_cases(T, index):
    found = absorption.trade_benefit_index(jnp.array(T, float)).tbi
    assert_allclose(found, index, rtol=RTOL)
