"""Draws of elasticities and trade-cost effects as a batch axis."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tivax as tx
from tivax.engine.core import Job, parts
from tivax.engine.equilibrium import parameter_draws, solving
from tivax.engine.papers.complex_europe import means
from tivax.kernels.equilibrium import changes
from tivax.kernels.equilibrium import parameter_draws as kernel

from helpers import error_of


def economy() -> tx.Economy:
    return tx.Economy.synthetic(regions=3, sectors=2, seed=1)


def made(simple: bool = False) -> parameter_draws.ParameterDraws:
    """An economy, a scenario with its new tariffs and without."""
    with jax.enable_x64(True):
        old = jax.device_get(solving.solve_old(economy(), "share, as published"))
    ended = np.zeros((1, 3, 3))
    ended[0, 0, 1] = ended[0, 1, 0] = -1
    shares, share = old.economy, old.surplus.share
    return tx.Economy.parameter_draws(
        shares=shares.shares,
        tariff=old.tariff,
        value_added=shares.value_added,
        inputs=shares.inputs,
        budget=shares.budget,
        spending=old.spending,
        income=shares.income,
        surplus=share,
        ended=ended,
        chosen=np.array([[0.0], [1.0]]),
        tariff_new=np.stack([economy().tariff_new, economy().tariff]),
        surplus_new=np.stack([share, share]),
        own_inputs=simple,
    )


def drawn(k: int = 5):
    rng = np.random.default_rng(0)
    return rng.uniform(1, 8, (k, 2)), rng.uniform(-0.1, 0.2, (k, 1, 2))


def test_a_draw_is_the_exact_hat_of_its_elasticities():
    """Nothing is taken out of the data, so that the base is the data."""
    theta, effects = drawn()
    found = made().solve(theta, effects)
    for k, own in enumerate(theta):
        costs = np.ones(economy().tariff.shape)
        costs[0, 1] = costs[1, 0] = np.exp(effects[k, 0])
        one = replace(economy(), theta=own)
        ended = {"tariff_new": one.tariff, "trade_costs": costs}
        for c, moved in enumerate(({}, ended)):
            expected = tx.exact_hat(one, **moved, deficits="share, as published")
            real = expected.changes["real_income"]
            assert_allclose(found.percent[k, c], real, atol=1e-6)
    assert found.clearing.max() < 1e-8


def test_a_draw_does_not_depend_on_the_others(monkeypatch):
    theta, effects = drawn()
    together = made().solve(theta, effects, near=economy().theta).percent
    some = [3, 1]
    apart = made().solve(theta[some], effects[some], near=economy().theta).percent
    assert_allclose(apart, together[some], atol=1e-11)
    monkeypatch.setattr(parameter_draws, "_TOGETHER", 2 * 18)  # batches of 2, and 1
    batches = made().solve(theta, effects, near=economy().theta).percent
    assert_allclose(batches, together, atol=1e-11)


def test_a_job_that_is_stopped_goes_on_with_the_draws_that_are_left(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(parameter_draws, "_TOGETHER", 2 * 18)
    monkeypatch.setattr(parts, "_SECONDS", -1.0)  # keep every batch
    theta, effects = drawn()
    whole = made().solve(theta, effects)
    begun: list[int] = []

    def solve(stop: int) -> parameter_draws.DrawnChanges:
        def progress(done: int, total: int) -> None:
            begun.append(done)
            if done == stop:
                raise KeyboardInterrupt

        job = Job(tmp_path / "out", "scenario", {"draws": 5})
        with job.resumed(print):
            return made().solve(theta, effects, progress=progress, keeper=job.keeper)

    with pytest.raises(KeyboardInterrupt):
        solve(4)
    again = solve(stop=-1)
    assert begun == [0, 2, 4, 4, 5]
    assert_array_equal(again.percent, whole.percent)
    assert_array_equal(again.clearing, whole.clearing)


def test_draws_without_a_result_are_dropped():
    theta, effects = drawn()
    effects[2] = np.nan
    found = made().solve(theta, effects).percent
    assert np.isnan(found[2, 1]).all() and np.isfinite(found[[0, 1, 3, 4]]).all()
    mean = np.nanmean(found[:, 1], axis=0)
    assert_allclose(mean, found[[0, 1, 3, 4], 1].mean(axis=0))
    none = np.full_like(effects, np.nan)
    line = error_of(made().solve, theta, none)
    assert "scenario 1 has no equilibrium in any of 5" in line


def test_own_inputs_keep_trade_shares_and_value_added():
    with jax.enable_x64(True):
        world = made()._world(economy().theta)
        own, spent, final = kernel.own_inputs(
            world.economy, world.base, world.start.spending
        )
        made_ = changes.output(own.shares / (1 + world.base.tariff), spent)
        assert_allclose((own.value_added * made_).sum(axis=1), own.income, atol=1e-10)
        bought = own.budget * final[:, None] + (1 - own.value_added) * made_
        assert_allclose(spent, bought, atol=1e-10)
    assert_array_equal(own.shares, world.economy.shares)


@pytest.mark.parametrize("simple", [False, True])
def test_control_variates_bring_the_mean_of_some_draws_near_that_of_all(simple):
    rng = np.random.default_rng(1)
    theta, effects = rng.uniform(3, 6, (200, 2)), rng.uniform(0, 0.2, (200, 1, 2))
    mean = theta.mean(axis=0), effects.mean(axis=0)
    own = made(simple).solve(theta, effects)
    control = made(simple).control_variates(mean, theta, effects)
    assert_allclose(control.mean(axis=0), 0, atol=1e-12)
    values = own.percent[:, 1]
    centre, errors = means.controlled_means(values[:30], control[:30, 1])
    plain = means.standard_errors(values[:30])
    assert (errors < plain / 3).all()
    assert (np.abs(centre - values.mean(axis=0)) < 4 * errors).all()
    # Of all draws the plain mean is what is sought.
    centre, _ = means.controlled_means(values, control[:, 1])
    assert_allclose(centre, values.mean(axis=0), atol=1e-12)


def test_controls_are_derivatives_at_the_mean():
    """Central differences of 1e-4 miss by about 1e-7 of the solver's tolerance."""
    theta, effects = np.array([[4.0, 5.0]]), np.array([[[0.1, 0.05]]])
    step = 1e-4 * np.array([[1.0, 0.0]])
    for by_theta, by_effects in ((step, 0 * step), (0 * step, step)):
        ends = [
            made()
            .solve(theta + sign * by_theta, effects + sign * by_effects[:, None])
            .percent
            for sign in (1, -1)
        ]
        given = theta + by_theta, effects + by_effects[:, None]
        moved = made().control_variates((theta[0], effects[0]), *given)
        assert_allclose(moved, (ends[0] - ends[1]) / 2, atol=2e-7)
