"""Errors of filled cells against sums over every cell and every effect."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.kernels.errors.kind import SlabRows
from tivax.kernels.errors.margins import held_sums
from tivax.kernels.errors.rounding import FilledErrors, RoundedErrors
from tivax.kernels.sensitivity import Gradients

from helpers import compiled

C, S, F = 3, 2, 2
N = C * S
K = N + C * F
USER, USE = 0.3, 0.8
# The same sums in another order.
RTOL = 1e-10


@pytest.fixture(scope="module")
def cells():
    """Two thirds of the cells are filled, and none of the last row."""
    rng = np.random.default_rng(1)
    m = rng.uniform(0, 0.5, size=(N, K)) * (rng.random((N, K)) < 0.67)
    m[-1] = 0
    return m


@pytest.fixture(scope="module")
def filled(cells):
    users = np.pad(np.tile(np.eye(S), (C, 1)), ((0, 0), (0, F)))
    final = np.pad(np.tile(np.eye(F), (C, 1)), ((0, 0), (S, 0)))
    goods = np.tile(np.eye(S), (C, 1))
    parts = (
        cells,
        goods,
        np.concatenate([users, final]),
        *map(np.float64, (USER, USE)),
    )
    return FilledErrors(*jax.device_put(parts))


@pytest.fixture(scope="module")
def gradients():
    rng = np.random.default_rng(2)
    sizes = ((3, 2, N), (3, N + C), (2, 2, N + C))
    parts = [*(rng.normal(size=k) for k in sizes), np.array([[1.0, 0], [0, 1], [0, 1]])]
    return Gradients(*jax.device_put(parts))


def moves(m):
    """Errors of all cells for one unit of each effect: users, then goods by use."""

    def held(errors):
        total = m.sum(axis=1, keepdims=True)
        mean = errors.sum(axis=1, keepdims=True) / np.where(total > 0, total, 1)
        return errors - m * mean

    use = [*list(range(S)) * C, *[S + k for k in range(F)] * C]
    for j in range(K):
        yield USER, held(m * (np.arange(K) == j))
    for g in range(S):
        for u in range(S + F):
            row = np.arange(N) % S == g
            yield USE, held(m * row[:, None] * (np.array(use) == u))


def test_the_covariance_adds_up_every_effect(filled, cells, gradients):
    G = compiled(Gradients.cells)(gradients)
    G = np.concatenate([G[..., :N], np.repeat(G[..., N:], F, axis=3)], axis=3)
    wanted = np.zeros((2, 2, 2))
    for deviation, e in moves(cells):
        assert_allclose(e.sum(axis=1), 0, atol=1e-14)
        moved = deviation * (G * e).sum(axis=(2, 3))
        wanted += np.einsum("fm,gm->fgm", moved, moved)
    found = compiled(lambda k, G: k.covariance(k.effects(G)))(filled, gradients)
    assert_allclose(found, wanted, rtol=RTOL)


def test_drawn_cells_are_those_effects(filled, cells):
    rng = np.random.default_rng(3)
    users, uses = rng.normal(size=K), rng.normal(size=(S, S + F))
    wanted = np.zeros((N, K))
    wanted += sum(
        z * deviation * e
        for z, (deviation, e) in zip([*users, *uses.ravel()], moves(cells), strict=True)
    )
    final = wanted[:, N:].reshape(N, C, F).sum(axis=2)
    wanted = np.hstack([wanted[:, :N], final])
    got = compiled(FilledErrors.in_cells)(filled, users, uses)
    assert_allclose(got, wanted, rtol=RTOL, atol=1e-14)
    # Of some rows alone: what a slab is.
    some = filled._replace(cells=filled.cells[:S], good=filled.good[:S])
    got = compiled(FilledErrors.in_cells)(some, users, uses)
    assert_allclose(got, wanted[:S], rtol=RTOL, atol=1e-14)


def test_a_row_with_its_output_in_the_balance_is_conditioned_on_its_sum():
    """One row, cells of variance 1/12 and 2/12, output of 1/12: given that they add up,
    the covariance is P - P h h'P / h'P h with h = (1, 1, -1)."""
    P, h = np.diag([1, 2, 1]) / 12, np.array([1.0, 1, -1])
    given = P - np.outer(P @ h, h @ P) / (h @ P @ h)
    g = np.array([0.7, -0.2, 0.4])

    def covariance(S, g):
        one = jnp.ones((1, 1))
        held = held_sums(S, one[0] / 12, rows=True, columns=False)
        errors = RoundedErrors(S, held, one[0] / 12, growth=one[0])
        gradients = Gradients(one[None], g[None, :2], jnp.zeros((1, 1, 2)), one)
        return errors.effects(gradients, SlabRows(g[2:][None, None], (one, one)))

    got = compiled(covariance)(np.array([[1.0, 2]]) / 12, g)
    assert_allclose(got[0, 0, 0], g @ given @ g, rtol=RTOL)
