"""Rounding undone and trade fitted: margins, bounds, and the nearest array."""

from functools import partial

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from tivax.kernels.rebuilding import rounding, trade

fit = jax.jit(partial(trade.fit_trade, classes=(1, 2, 1)))
undo = jax.jit(rounding.undo_rounding)


def margins_of(s, kinds):
    """All margins of an array (i, r, u, d)."""
    pairs = np.einsum("ki,irud->krd", kinds, s[:, :, :-1])
    used = np.array([[1.0, 1, 0]])
    parts = s.sum(1), s.sum((2, 3)), (trade.PairFlows(pairs[:, None], kinds, used),)
    return jax.device_put(trade.Margins(*parts))


def flows_of(s, groups, lift, inputs_only=False):
    counted = s[:, :, 1:].sum(2) + s[:, :, 0] * lift[:, None]
    flows = np.einsum("gi,ird->grd", groups, counted)
    parts = flows, lift, groups, np.asarray(inputs_only)
    return trade.GroupFlows(*map(jax.device_put, parts))


def random_trade(seed=0):
    rng = np.random.default_rng(seed)
    s = rng.gamma(2, 1, (4, 3, 4, 3))
    s[:, range(3), :, range(3)] = 0
    return s, np.exp(rng.normal(0, 0.3, s.shape)) * s


KINDS = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]])
GROUPS = np.array([[1.0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
NO_LIFT = np.ones((4, 3))


def fitted(seed, margins, flows, first=0):
    how = map(jax.device_put, (first, 1e-12, 5000))
    return fit(jax.device_put(seed), margins, (flows,), *how)


def test_all_margins_are_met():
    seed, true = random_trade()
    margins = margins_of(true, KINDS)
    found = fitted(seed, margins, flows_of(true, GROUPS, NO_LIFT))
    met = margins_of(np.asarray(found.trade), KINDS)
    for a, b in zip(*map(jax.tree.leaves, (met, margins)), strict=True):
        assert_allclose(a, b, rtol=1e-8)
    assert found.gap < 1e-12


def test_the_array_found_is_the_nearest_to_the_seed():
    """Relative entropy does not fall on any way that keeps the margins."""
    seed, true = random_trade()
    margins = margins_of(true, KINDS)
    found = fitted(seed, margins, flows_of(true, GROUPS, NO_LIFT))
    s = np.asarray(found.trade)
    other = np.asarray(fitted(true, margins, flows_of(true, GROUPS, NO_LIFT)).trade)
    there = seed > 0
    slope = np.log(s[there] / seed[there]) + 1
    # The other array has the same margins: the way to it is level.
    assert abs((slope * (other - s)[there]).sum()) < 1e-6
    assert np.abs(other - s).max() > 0.1


def test_a_margin_that_is_free_leaves_the_seed():
    seed, true = random_trade()
    margins = margins_of(true, KINDS)
    imports = np.asarray(margins.imports).copy()
    imports[..., 1:] = np.nan
    free = np.full_like(margins.exports, np.nan)
    margins = jax.device_put(trade.Margins(imports, free, ()))
    found = np.asarray(fitted(seed, margins, flows_of(true, GROUPS, NO_LIFT)).trade)
    assert_allclose(found[..., 1:], seed[..., 1:])
    assert_allclose(found[..., 0].sum(1), imports[..., 0])


@pytest.mark.parametrize(("inputs_only", "times"), [(False, 1.0), (True, 1.3)])
def test_flows_are_met_where_they_agree_with_the_margins(inputs_only, times):
    """``times``: how many times flows count inputs."""
    seed, true = random_trade()
    lift = np.full((4, 3), times)
    if inputs_only:
        seed[:, :, 1:] = true[:, :, 1:]
    margins, flows = margins_of(true, KINDS), flows_of(true, GROUPS, lift, inputs_only)

    def off(first):
        found = np.asarray(fitted(seed, margins, flows, first).trade)
        counted = found[:, :, 1:].sum(2) + found[:, :, 0] * lift[:, None]
        by_group = np.einsum("gi,ird->grd", GROUPS, counted)
        return np.abs(by_group - flows.flows).sum() / flows.flows.sum()

    assert off(0) > 0.01
    assert off(3000) < 1e-6


def factor(total, plus, minus):
    """r of plus r - minus / r = total."""
    roots = np.roots([plus, -total, -minus]) if plus else [-minus / total]
    return max(roots) if plus or minus else 1.0


def fitted_cell_by_cell(cells, imports, exports, pairs, products, uses, turns):
    """The same by loops: every margin in turn scales its cells, or divides them."""
    s = cells.copy()

    def meet(total, where):
        if np.isnan(total) or not s[where].any():
            return
        part = s[where]
        plus, minus = part[part > 0].sum(), -part[part < 0].sum()
        r = factor(total, plus, minus)
        s[where] = np.where(part > 0, part * r, part / r)

    i_n, r_n, u_n, d_n = s.shape
    place = np.indices(s.shape)
    for _ in range(turns):
        for g in range(len(products)):
            for w in range(len(uses)):
                inside = products[g].astype(bool)[place[0]]
                inside &= uses[w].astype(bool)[place[2]]
                for r in range(r_n):
                    for d in range(d_n):
                        here = (place[1] == r) & (place[3] == d)
                        meet(pairs[g, w, r, d], inside & here)
        for i in range(i_n):
            for r in range(r_n):
                meet(exports[i, r], (place[0] == i) & (place[1] == r))
        for i in range(i_n):
            for u in range(u_n):
                for d in range(d_n):
                    here = (place[0] == i) & (place[2] == u) & (place[3] == d)
                    meet(imports[i, u, d], here)
    return s


def test_cells_below_0_and_groups_of_uses_are_as_in_a_literal_fit():
    """Three sellers, of which the last is free; the third use has either sign."""
    seed, true = random_trade(1)
    for s in (seed, true):
        s[:2, :, 2] *= -0.2
    products, uses = KINDS[:, :4], np.array([[1.0, 0, 0, 0], [0, 1, 0, 1]])
    pairs = np.einsum("gi,wu,irud->gwrd", products, uses, true)
    imports, exports = true.sum(1), true.sum((2, 3))
    imports[..., 2], exports[:, 2] = np.nan, np.nan
    pairs[..., 2], pairs[..., 2, :] = np.nan, np.nan
    literal = fitted_cell_by_cell(seed, imports, exports, pairs, products, uses, 400)
    order = [0, 1, 3, 2]  # classes are together: the third use is in no group
    classes = (1, 2, 1)
    given = trade.PairFlows(pairs, products, np.array([[1.0, 0, 0], [0, 1, 0]]))
    margins = trade.Margins(imports[:, order], exports, (given,))
    below = np.maximum(-seed[:, :, order], 0)
    found = jax.jit(partial(trade.fit_trade, classes=classes))(
        *jax.device_put((np.maximum(seed[:, :, order], 0), margins, ())),
        *map(jax.device_put, (0, 1e-14, 400)),
        below=jax.device_put(below),
    )
    assert_allclose(found.trade, literal[:, :, order], rtol=1e-7)
    assert (found.trade < 0).any()
    assert_allclose(found.trade[..., :2].sum(1), imports[:, order, :2], rtol=1e-7)


# --------------------------------------------------------------------------- rounding


@pytest.fixture(scope="module")
def rounded():
    rng = np.random.default_rng(3)
    true = rng.gamma(1, 3, (5, 4))
    return true, np.round(true)


def test_cells_stay_within_their_bounds_and_totals_hold(rounded):
    true, p = rounded
    q = np.full(p.shape, 1 / 12)
    bounds = np.maximum(p - 0.5, 0), p + 0.5
    u = undo(p, q, *bounds, true[:3].sum(1), true.sum(0))
    # After ten turns; the columns come last.
    assert_allclose(u[:3].sum(1), true[:3].sum(1), atol=0.01)
    assert_allclose(u.sum(0), true.sum(0), atol=1e-6)
    assert (u >= bounds[0] - 1e-12).all() and (u <= bounds[1] + 1e-12).all()


def test_cells_are_the_nearest_that_meet_the_totals(rounded):
    true, p = rounded
    q = np.where(p == 0, 0.01, 1 / 12)
    low, high = np.maximum(p - 0.5, 0), p + 0.5
    totals = true[:3].sum(1), true.sum(0)
    u = np.asarray(undo(p, q, low, high, *totals))
    best = minimize(
        lambda u: ((u - p.ravel()) ** 2 / q.ravel()).sum(),
        true.ravel(),
        jac=lambda u: 2 * (u - p.ravel()) / q.ravel(),
        bounds=list(zip(low.ravel(), high.ravel(), strict=True)),
        constraints={
            "type": "eq",
            "fun": lambda u: np.r_[
                u.reshape(5, 4)[:3].sum(1) - totals[0],
                u.reshape(5, 4).sum(0) - totals[1],
            ],
        },
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert_allclose(u.ravel(), best.x, atol=5e-3)
