"""Variances from low-rank gradients against sums over all cells."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.kernels.errors import import_shares, margins
from tivax.kernels.errors.cells import SharedErrors, independent
from tivax.kernels.errors.margins import HeldSums
from tivax.kernels.sensitivity import Gradients

from helpers import compiled

C, S = 4, 3
N = C * S
# The same sums in another order: 1e-16 a term, 200 terms, and cancellation of the terms
# of a gradient, which are random here and no larger than their sum by much.
RTOL = 1e-10


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def gradients(rng):
    """Two measures for three cases, of two terms and one; the first has value added."""
    added = np.zeros((2, 3, N + C))
    added[0, :, :N] = rng.normal(size=(3, N))
    left, right = rng.normal(size=(3, 3, N)), rng.normal(size=(3, N + C))
    of = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    return Gradients(*jax.device_put((left, right, added, of)))


@pytest.fixture(scope="module")
def variances(rng):
    S2 = rng.lognormal(size=(N, N + C))
    S2[rng.random(S2.shape) < 0.2] = 0  # cells that are known
    return S2


def cells(gradients):
    """Every cell, by NumPy: (measure, case, n, N)."""
    left, right, added, of = map(np.asarray, gradients)
    result = -np.repeat(added[:, :, None, :], N, axis=2)
    for p in range(len(left)):
        for g in range(of.shape[1]):
            result[g] += of[p, g] * left[p][:, :, None] * right[p][None, None, :]
    return result


def test_independent_errors_add_their_squares(gradients, variances):
    G = cells(gradients)
    wanted = np.einsum("fmij,gmij,ij->fgm", G, G, variances)
    found = compiled(independent)(variances, gradients)
    assert_allclose(found, wanted, rtol=RTOL)
    assert_allclose(compiled(Gradients.cells)(gradients), G, rtol=RTOL)


def test_a_shared_error_adds_up_before_it_is_squared(gradients, variances):
    G, sigma = cells(gradients), np.sqrt(variances)
    group = np.repeat(np.eye(C), S, axis=0)
    total = np.einsum("fmij,ij,ik->fmk", G, sigma, group)
    wanted = np.einsum("fmk,gmk->fgm", total, total)
    errors = SharedErrors(*jax.device_put((sigma, group)), HeldSums())
    found = compiled(lambda k, G: k.covariance(k.effects(G)))(errors, gradients)
    assert_allclose(found, wanted, rtol=RTOL, atol=RTOL * np.abs(wanted).max())


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("columns", [True, False])
def test_held_margins_are_conditions_on_normal_errors(
    gradients, variances, rows, columns
):
    """Cov(G'e | M e = 0) = G'S G - G'S M'(M S M')^+ M S G, with every cell of M."""
    G = cells(gradients).reshape(2, 3, -1)
    s = variances.ravel()
    conditions: list[np.ndarray] = [np.zeros((0, s.size))]
    if rows:
        conditions.append(np.kron(np.eye(N), np.ones(N + C)))
    if columns:
        conditions.append(np.kron(np.ones(N), np.eye(N + C)))
    M = np.vstack(conditions)
    inner = np.linalg.pinv(M * s @ M.T) if len(M) else np.zeros((0, 0))
    kept = np.einsum("fmk,k,gmk->fgm", G, s, G)
    held = np.einsum("fmk,k,ak->fma", G, s, M)
    wanted = kept - np.einsum("fma,ab,gmb->fgm", held, inner, held)

    @compiled
    def covariance(S2, gradients):
        held = margins.held_sums(S2, rows=rows, columns=columns)
        return independent(S2, margins.balanced(S2, held, gradients)[0])

    found = covariance(variances, gradients)
    # The ridge of the system of both margins is 1e-12.
    assert_allclose(found, wanted, rtol=1e-8, atol=1e-8 * np.abs(wanted).max())


def test_import_shares_are_those_of_a_dirichlet_given_the_sellers_totals(gradients):
    """The covariance of every good and region, cell by cell."""
    F = np.random.default_rng(5).lognormal(size=(N, N + C))

    @compiled
    def covariance(F, gradients):
        sums = import_shares.imports(F, jnp.asarray(0), regions=C)
        errors = import_shares.shares_of_imports(*sums, jnp.asarray(9.0))
        return errors.covariance(errors.effects(gradients))

    found = covariance(F, gradients)
    G = cells(gradients)
    wanted = np.zeros((2, 2, 3))
    for good in range(S):
        for d in range(C):
            sellers = [r * S + good for r in range(C) if r != d]
            users = [d * S + j for j in range(S)] + [N + d]
            block = F[np.ix_(sellers, users)]
            p = block.sum(axis=1) / block.sum()
            w = block.sum(axis=0) ** 2
            between = (np.diag(p) - np.outer(p, p)) / 10
            within = np.diag(w) - np.outer(w, w) / w.sum()
            part = G[:, :, sellers][:, :, :, users].reshape(2, 3, -1)
            wanted += np.einsum("fma,ab,gmb->fgm", part, np.kron(between, within), part)
    assert_allclose(found, wanted, rtol=RTOL, atol=RTOL * np.abs(wanted).max())


def test_row_totals_are_sums_of_cells(gradients, variances):
    found = compiled(margins.of_row_totals)(gradients, variances)
    wanted = np.einsum("fmij,ij->fmi", cells(gradients), variances)
    assert_allclose(found, wanted, rtol=RTOL, atol=RTOL * np.abs(wanted).max())
