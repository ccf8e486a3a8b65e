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
# Two exact forms in float64.
EXACT = 1e-10


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


def index(T):
    E = T - np.diag(np.diag(T))
    exports, imports = E.sum(axis=1), E.sum(axis=0)
    return (exports - imports) / (exports + imports)


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


def borders_of(r):
    inside = np.eye(C)[r]
    return Sides(*jax.device_put((inside, 1 - inside)))


cells = compiled(sensitivity.Gradients.cells)


@partial(jax.jit, static_argnames=("r", "residual"))
def trade_gradients(products, B, r, Z, x, residual=True):
    """Of value added exports and imports, gross exports and imports of region r."""
    border = borders_of(r)
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


def test_the_index_is_the_three_outer_products_of_its_flows(table, products):
    """a1 = C_r, a2 = -(C of all others), a3 = -1; and central differences."""
    Z, x, _ = table
    P, B = products
    r = 2
    flows = trade_gradients(P, B, r, Z, x)
    T, _, _ = literal(*table)
    T = T - np.diag(np.diag(T))
    E, M = T[r].sum(), T[:, r].sum()
    g, h = 2 * M / (E + M) ** 2, 2 * E / (E + M) ** 2
    weights = np.array([[g], [-h], [0.0], [0.0]])
    found = cells(jax.jit(sensitivity.weighted)(flows, weights))[0, 0]

    X, content = np.asarray(P.X), np.asarray(P.content)
    own = np.repeat(np.eye(C)[r], S)
    abroad = X.sum(axis=1) - X[:, r]
    b3 = np.where(own == 1, g * abroad, -h * X[:, r])
    dA = g * np.outer(content[:, r], abroad)
    dA -= h * np.outer(content.sum(axis=1) - content[:, r], X[:, r])
    dA -= b3[None, :]
    assert_allclose(found[:, :N], dA / x, rtol=EXACT, atol=EXACT * np.abs(found).max())

    wanted = differences(lambda *t: index(literal(*t)[0])[r], table, ALL_CELLS)
    wanted = wanted.reshape(N, N + C)
    assert_allclose(found, wanted, atol=DIFFERENCES * np.abs(wanted).max())


def test_the_cells_are_those_of_automatic_differentiation_of_a_dense_solve(
    table, products
):
    Z, x, Y = table
    P, B = products
    r = 0

    def dense(F):
        A = F[:, :N] / x[None, :]
        v = 1 - A.sum(axis=0)
        X = jnp.linalg.solve(jnp.eye(N) - A, F[:, N:])
        T = (v[:, None] * X).reshape(C, S, C).sum(axis=1)
        return T[r].sum() - T[r, r]

    wanted = compiled(jax.grad(dense))(np.hstack([Z, Y]))
    found = cells(trade_gradients(P, B, r, *table[:2]))[0, 0]
    assert_allclose(found, wanted, rtol=EXACT, atol=EXACT * np.abs(wanted).max())


def test_what_one_perimeter_absorbs_of_each_origin(table, products):
    P, _ = products
    absorber = np.array([0.0, 1.0, 1.0, 0.0])
    gradients = jax.jit(partial(sensitivity.absorbed_gradients, residual=True))
    found = cells(gradients(P, absorber, np.eye(C)))[0]
    wanted = differences(lambda *t: literal(*t)[0] @ absorber, table, ALL_CELLS)
    wanted = wanted.T.reshape(C, N, N + C)
    assert_allclose(found, wanted, atol=DIFFERENCES * np.abs(wanted).max())


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
