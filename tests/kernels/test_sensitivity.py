"""Gradients by cell: closed forms against differences, dense solves and each other."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.kernels import indicators, perimeters, sensitivity
from tivax.kernels.inverted_table import differentiable_table, invert_table
from tivax.kernels.sensitivity import Products, Sides

from helpers import compiled, random_table

C, S = 4, 3
N = C * S

# Central differences of step 1e-4 of a cell: truncation is the square of that, rounding
# 1e-16 / 1e-4; the worst seen is 3e-10 of the largest cell of the gradient.
DIFFERENCES = 1e-7


def literal(Z, x, Y, v=None):
    """T by region, U by industry and gross exports by region, by NumPy alone."""
    A = Z / x
    v = 1 - A.sum(axis=0) if v is None else v
    B = np.linalg.inv(np.eye(N) - A)
    X = B @ Y
    T = (v[:, None] * X).reshape(C, S, C).sum(axis=1)
    output = X.sum(axis=1)
    U = (B @ output) / output
    flows = (A * output).reshape(C, S, C, S).sum(axis=(1, 3)) + Y.reshape(C, S, C).sum(
        axis=1
    )
    return T, U, flows * (1 - np.eye(C))


@pytest.fixture(scope="module")
def table():
    t = random_table(regions=C, sectors=S, seed=3)
    return t.Z, t.x, t.Y.sum(axis=2)


@pytest.fixture(scope="module")
def products(table):
    Z, x, Y = table
    A = Z / x
    v = 1 - A.sum(axis=0)
    B = np.linalg.inv(np.eye(N) - A)
    member = np.repeat(np.eye(C), S, axis=0)
    content = ((member * v[:, None]).T @ B).T
    return Products(*jax.device_put((1 / x, v, B @ Y, content))), B


cells = compiled(sensitivity.Gradients.cells)


@partial(jax.jit, static_argnames=("r", "residual"))
def trade_gradients(products, B, r, Z, x, residual=True):
    """Of value added exports and imports, gross exports and imports of region r."""
    border = Sides(jnp.eye(C)[r], 1 - jnp.eye(C)[r])
    inside, partners = (sensitivity.of_industries(k, N)[None] for k in border)
    contents = [(products.content @ k)[None] for k in border]
    A = Z / x[None, :]
    used = [((k @ A) * o) @ B for k, o in ((inside, partners), (partners, inside))]
    added = sensitivity.value_added_gradients(
        products, border, tuple(contents), (inside, partners), residual=residual
    )
    gross = sensitivity.gross_gradients(
        products, border, tuple(used), (inside, partners)
    )
    return sensitivity.stack_gradients(added, gross)


def differences(measure, table, cells):
    """Central differences of a measure in some cells of F = (Z, Y)."""
    Z, x, Y = table
    found = []
    for i, j in cells:
        F = np.hstack([Z, Y])
        step = 1e-4 * abs(F[i, j])
        both = []
        for sign in (1, -1):
            moved = F.copy()
            moved[i, j] += sign * step
            both.append(measure(moved[:, :N], x, moved[:, N:]))
        found.append((both[0] - both[1]) / (2 * step))
    return np.array(found)


ALL_CELLS = [(i, j) for i in range(N) for j in range(N + C)]


def test_flows_of_value_added_and_gross_flows_against_central_differences(
    table, products
):
    Z, x, _ = table
    P, B = products
    r = 1

    def flows(Z, x, Y):
        T, _, E = literal(Z, x, Y)
        T = T - np.diag(np.diag(T))
        return np.array([T[r].sum(), T[:, r].sum(), E[r].sum(), E[:, r].sum()])

    found = cells(trade_gradients(P, B, r, Z, x))[:, 0]
    wanted = differences(flows, table, ALL_CELLS).T.reshape(4, N, N + C)
    for one, other in zip(found, wanted, strict=True):
        assert_allclose(one, other, atol=DIFFERENCES * np.abs(other).max())


@pytest.mark.parametrize("residual", [True, False])
def test_reported_output_moves_measures_through_the_coefficients(
    table, products, residual
):
    """x up: coefficients down; value added per US$ too where it is a row."""
    Z, x, Y = table
    P, B = products
    row = x - Z.sum(axis=0)
    r = 3

    def exports(x):
        T = literal(Z, x, Y, None if residual else row / x)[0]
        return T[r].sum() - T[r, r]

    flows = trade_gradients(P, B, r, Z, x, residual=residual)
    inside, own = np.eye(C)[r], np.zeros((4, 1, N))
    own[0, 0] = np.repeat(inside, S) * (np.asarray(P.X) @ (1 - inside))
    sums = sensitivity.of_column_totals(flows, jnp.asarray(Z))
    move = partial(sensitivity.by_reported_output, residual=residual)
    found = compiled(move)(sums, P.scale, P.v, own)[0, 0]
    wanted = []
    for k in range(N):
        step = 1e-4 * x[k] * np.eye(N)[k]
        wanted.append((exports(x + step) - exports(x - step)) / (2 * step.max()))
    assert_allclose(found, wanted, atol=DIFFERENCES * np.abs(wanted).max())


# ---------------------------------------------------------------- products with B


def indicator_flows(Z, x, Y, table_of):
    borders = perimeters.equal_regions(N, C, Y.dtype)
    return indicators.flows(table_of(Z, x, Y, None, borders), sectors=S)


def test_the_differentiable_table_has_the_flows_of_the_inverted_one(table):
    found, expected = (
        compiled(partial(indicator_flows, table_of=of))(*table)
        for of in (differentiable_table, invert_table)
    )
    for name, flow in expected.items():
        assert_allclose(found[name], flow, rtol=1e-9, atol=1e-9 * np.abs(flow).max())


def test_every_flow_of_the_indicators_moves_as_central_differences_say(table):
    Z, x, Y = table
    rng = np.random.default_rng(1)
    dZ, dx, dY = (k * rng.normal(size=k.shape) for k in (Z, x, Y))
    of = partial(indicator_flows, table_of=differentiable_table)
    flows = compiled(of)
    moves = compiled(lambda at, along: jax.jvp(of, at, along)[1])
    found = moves((Z, x, Y), (dZ, dx, dY))
    h = 1e-6
    up, down = (flows(Z + k * dZ, x + k * dx, Y + k * dY) for k in (h, -h))
    for name, moved in found.items():
        wanted = (up[name] - down[name]) / (2 * h)
        size = np.abs(up[name]).max() + np.abs(wanted).max()
        assert_allclose(moved, wanted, atol=1e-7 * size, err_msg=name)
