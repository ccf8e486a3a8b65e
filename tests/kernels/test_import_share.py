"""The import-share solve: NumPy, limiting cases, and where it must give up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.kernels import import_share
from tivax.kernels.leontief import domestic_blocks, inputs_by_good, sales_by_weights

from helpers import (
    assert_says,
    compiled,
    proportional_inputs,
    random_inputs,
    single_supplier_inputs,
    small_world,
    system,
    worst_residual,
)
from optimised_programs import Program

TOLERANCE = 1e-12  # asked for
# A column that misses by 1e-12 of its norm misses NumPy by up to |B| times that;
# measured 4e-13 of the largest entry over all tables of this file.
RTOL = 1e-11
# Matrix products in another order; measured 2e-15.
PRODUCT_RTOL = 1e-13


def demand(n, columns, seed=9):
    return np.random.default_rng(seed).lognormal(size=(n, columns))


def solve(A, Y, regions, **kwargs):
    A, Y = np.asarray(A), np.asarray(Y)
    return jax.device_get(import_share.solve(A, Y, regions=regions, **kwargs))


def assert_solves(answer, A, Y):
    """The answer is NumPy's, within tolerance, and its residual is the measured one."""
    expected = np.linalg.solve(np.eye(len(A)) - A, Y)
    assert_allclose(answer.X, expected, rtol=RTOL, atol=RTOL * expected.max())
    measured = worst_residual(A, np.asarray(answer.X), Y)
    assert_says(answer.residual, measured)
    assert answer.residual <= TOLERANCE


def shares(A, regions, weight=None):
    """The preconditioner of coefficients A, in float64."""
    weight = np.ones(len(A)) if weight is None else weight
    every_seller = A.reshape(regions, -1, len(A)).sum(axis=0)
    return import_share.import_shares(A, every_seller, weight, regions=regions)


apply_inverse, apply_transposed = (
    compiled(f) for f in (import_share.apply_inverse, import_share.apply_transposed)
)


# ---------------------------------------------------------------------- by hand


def test_two_regions_by_hand():
    """(I - A)^-1 = [[1, 0.2], [0, 1]] where region 2 buys 0.2 from region 1."""
    answer = solve([[0.0, 0.2], [0.0, 0.0]], [[1.0, 0.0], [0.0, 10.0]], regions=2)
    assert_allclose(answer.X, [[1, 2], [0, 10]], rtol=RTOL)


def test_import_shares_by_hand():
    """Region 3 buys good 1 from regions 1 and 2 at 3 to 1, its industries together.

    Its first industry buys 0.2 and 0.1, its second 0.1 and 0: in all 0.3 and 0.1.
    """
    A = np.zeros((3, 2, 3, 2))
    A[0, 0, 2] = [0.2, 0.1]
    A[1, 0, 2] = [0.1, 0.0]
    share = np.asarray(shares(A.reshape(6, 6), 3).share)  # [good, seller, user]
    assert_allclose(share[0, :, 2], [0.75, 0.25, 0], rtol=PRODUCT_RTOL)
    assert share.sum() == 1  # nobody else imports anything


# --------------------------------------------------------- a second implementation


@pytest.mark.parametrize("regions, sectors", [(1, 1), (1, 5), (5, 1), (4, 3), (8, 10)])
def test_agrees_with_numpy_without_any_structure(regions, sectors):
    A = random_inputs(regions * sectors)
    Y = demand(len(A), regions)
    assert_solves(solve(A, Y, regions), A, Y)


@pytest.mark.parametrize("regions, sectors, years", [(1, 5, 1), (5, 1, 1), (6, 8, 15)])
def test_agrees_with_numpy_on_a_synthetic_world(regions, sectors, years):
    A, Y = system(small_world(regions, sectors, years))
    answer = solve(A, Y, regions)
    assert_solves(answer, A, Y)
    assert answer.passes <= 8  # performance.md: six are usual, eight with more noise


def importers_and_sellers(regions, sectors):
    """Half of the regions sell and import nothing; each industry of the others has its
    own suppliers among them. Demand is for products of one's own and of the sellers."""
    A = proportional_inputs(regions=regions, sectors=sectors, noise=1)
    blocks = A.reshape(regions, sectors, regions, sectors)
    Y = demand(len(A), regions).reshape(regions, sectors, regions)
    half = regions // 2
    for r in range(regions):
        for d in range(regions):
            if r != d and (r >= half or d < half):
                blocks[r, :, d] = 0
                Y[r, :, d] = 0
        Y[r, :, r] *= regions
    return A, Y.reshape(len(A), regions)


def test_imports_for_own_demand_are_right_from_the_start():
    """However much the suppliers of its industries differ: F~ h = F h, with h what a
    region does for its own demand. By the shares of its exports 8e-3 would be left."""
    A, Y = importers_and_sellers(8, 6)
    F = import_share.without_domestic(jnp.asarray(A, jnp.float32), regions=8)
    D = jnp.asarray(domestic_blocks(A, regions=8), jnp.float32)
    P, own = import_share.by_use(F, D, jnp.asarray(Y), regions=8)
    left = []
    for start in (own, own._replace(more=0 * own.more)):
        z = np.asarray(apply_inverse(P, jnp.asarray(Y, jnp.float32), start), float)
        left.append(worst_residual(A, z, Y))
    assert left[0] < 1e-4 < 5e-3 < left[1]  # 5e-5, by the inner equation
    answer = solve(A, Y, 8)
    assert_solves(answer, A, Y)
    assert answer.passes == 5


def test_proportional_imports_take_four_passes():
    """P is I - A, but for its rough inner equation: three Chebyshev steps suffice."""
    A = proportional_inputs(regions=6, sectors=5)
    answer = solve(A, demand(len(A), 6), 6)
    assert_solves(answer, A, demand(len(A), 6))
    assert answer.passes == 4


def test_columns_that_fill_a_tile_are_dropped_again():
    """12 columns are solved as 16: as many passes and the same numbers as three."""
    A, Y = proportional_inputs(regions=3, sectors=4), demand(12, 12)
    many, few = solve(A, Y, 3), solve(A, Y[:, :3], 3)
    assert_solves(many, A, Y)
    assert many.passes == few.passes
    assert_allclose(many.X[:, :3], few.X, rtol=1e-12)


def test_inputs_by_good_that_are_known_change_rounding_alone():
    A, Y = random_inputs(12, seed=1, share=0.5), demand(12, 4)
    scale = np.linspace(0.5, 1, 12)
    goods = inputs_by_good(A, regions=4)
    known = solve(A, Y, 4, scale=scale, goods=goods)
    assert_solves(known, A * scale, Y)
    assert known.passes == solve(A, Y, 4, scale=scale).passes


def test_the_columns_of_a_region_are_read_in_place():
    """JAX 0.12 copies them for a product by region, and takes three times as long."""
    regions, s = 20, 11
    n = regions * s
    table, weights = np.ones((n, n), np.float32), np.ones((2, n), np.float32)
    lowered = sales_by_weights.lower(table, weights, regions=regions)
    options = {"xla_backend_optimization_level": 3}
    shapes = [k.shape for k in Program(lowered.compile(options).as_text()).kernels]
    assert shapes
    assert not [k for k in shapes if f"[{n},{s}]" in k]


@pytest.mark.parametrize("factors", [1, 2, 5])
def test_truncated_inverse_is_that_many_terms_of_the_series(factors):
    """The first 2^factors terms of I + D + D^2 + ..."""
    D = np.stack([random_inputs(4, seed=k) for k in range(3)])
    powers = [np.linalg.matrix_power(D, k) for k in range(2**factors)]
    L = compiled(import_share.truncated_inverse, "factors")(D, factors=factors)
    assert_allclose(L, sum(powers), rtol=PRODUCT_RTOL)


def test_preconditioner_is_the_one_of_the_docstring():
    """apply_inverse solves P z = r, P = I - D - F~, with F~ built cell by cell.

    Two inner Chebyshev steps leave 0.2 %. Without F~ it would be 10 %.
    """
    c, s = 4, 3
    A = proportional_inputs(regions=c, sectors=s, noise=0.5)
    blocks = A.reshape(c, s, c, s)
    weight = np.random.default_rng(0).uniform(0.5, 2, size=(c, s))
    P = np.eye(c * s).reshape(c, s, c, s)
    for d in range(c):
        P[d, :, d, :] -= blocks[d, :, d, :]
        for i in range(s):
            sellers = [r for r in range(c) if r != d]
            bought = {r: blocks[r, i, d] @ weight[d] for r in sellers}
            for r in sellers:
                for j in range(s):
                    imported = sum(blocks[q, i, d, j] for q in sellers)
                    share = bought[r] / sum(bought.values())
                    P[r, i, d, j] -= share * imported
    P = P.reshape(c * s, c * s)
    r = demand(c * s, 5)
    z = apply_inverse(shares(A, c, weight.ravel()), r)
    exact = np.linalg.solve(P, r)
    assert_allclose(z, exact, rtol=0, atol=0.01 * exact.max())


def test_coefficients_in_two_parts_and_their_preconditioner():
    c, s = 5, 3
    A = proportional_inputs(regions=c, sectors=s, noise=0.5)
    size = np.random.default_rng(0).uniform(0.5, 2, size=c * s)
    half = jnp.full(c * s, 0.5)
    by_region = size.reshape(c, s)
    weight = (by_region / by_region.mean(axis=1, keepdims=True) + 1e-3).ravel()
    F, D, P = import_share.in_float32(
        jnp.array(2 * A), jnp.array(size), regions=c, scale=half
    )
    for r in range(c):
        home = slice(r * s, (r + 1) * s)
        assert_array_equal(D[r], A[home, home].astype(np.float32))
        assert not np.asarray(F)[home, home].any()
    abroad = np.kron(1 - np.eye(c), np.ones((s, s)))
    assert_array_equal(F, (A * abroad).astype(np.float32))
    for part, expected in zip(P, shares(A, c, weight), strict=True):
        assert_allclose(part, expected, rtol=1e-5, atol=1e-7)  # float32
    X = demand(c * s, 2).astype(np.float32)
    assert_allclose(import_share.product(F, D, jnp.array(X)), A @ X, rtol=1e-5)


def test_shares_by_use_by_hand():
    """Region 3 buys good 1 from regions 1 and 2: 0.2 and 0.1 a unit of its industry 1,
    0.1 and 0 of its industry 2. For itself it makes 5 and 1, for region 1 nothing and 4.

    Inputs of 0.3 x 5 + 0.1 x 1 = 1.6 of good 1, of which nobody exports final goods,
    are taken to come from each region alike.
    """
    A = np.zeros((3, 2, 3, 2))
    A[0, 0, 2], A[1, 0, 2] = [0.2, 0.1], [0.1, 0.0]
    Y = np.zeros((3, 2, 2))
    Y[2, :, 1] = [5, 1]
    Y[0, 0, 0], Y[2, 1, 0] = 10, 4
    P, own = jax.device_get(
        import_share.by_use(
            jnp.asarray(A.reshape(6, 6), jnp.float32),
            jnp.zeros((3, 2, 2), jnp.float32),
            jnp.asarray(Y.reshape(6, 2)),
            regions=3,
        )
    )

    def of_region_1(industry_1, industry_2):
        """Its share in what region 3 buys of good 1."""
        weight = np.array([industry_1, industry_2])
        weight = weight / weight.mean() + 1e-3
        sold = [np.dot(a, weight) for a in ([0.2, 0.1], [0.1, 0.0])]
        return sold[0] / sum(sold)

    for_export, for_itself = of_region_1(1.6 / 3, 4), of_region_1(5, 1)
    assert_allclose(P.share[0, :, 2], [for_export, 1 - for_export, 0], rtol=1e-6)
    assert_array_equal(own.of, [[1, 0], [0, 0], [0, 1]])
    more = for_itself - for_export
    assert_allclose(own.more[0, :, 1], [more, -more, 0], rtol=1e-5, atol=1e-7)
    assert not own.more[:, :, 0].any()  # region 1 imports nothing


def test_purchases_below_0_make_no_share():
    """Of sums that cancel shares would be of any size: this took 20 passes."""
    A = proportional_inputs(regions=10, sectors=8, noise=0.5)
    A = A - A.mean() * np.random.default_rng(0).random(A.shape)
    answer = solve(A, demand(80, 10), 10)
    assert_solves(answer, A, demand(80, 10))
    assert answer.passes <= 14  # 12
    nothing = jnp.zeros((3, 1, 1), jnp.float32)
    for sold, share in ((1.0, 0.25), (-1.0, 0.0)):
        F = jnp.array([[0, 0, sold], [0, 0, 3], [0, 0, 0]], jnp.float32)
        P = import_share.from_imports(nothing, nothing, F.reshape(3, 1, 3))
        assert_allclose(P.share[0, :, 2], [share, 1 - share, 0])


def test_demand_that_nobody_exports_is_solved():
    """One industry's own demand, and none at all: no region is known to export."""
    A = proportional_inputs(regions=6, sectors=5)
    unit = np.zeros((30, 2))
    unit[7, 0] = 1
    answer = solve(A, unit, 6)
    assert_solves(answer, A, unit + [0, 1e-300])
    assert answer.passes <= 5
    assert not answer.X[:, 1].any()


def test_a_column_of_any_size_is_solved_as_well_as_the_others():
    """Squares of its residual are 0 or infinite: it said 2e-14 where 1e-7 was true."""
    A = proportional_inputs(regions=6, sectors=5, noise=1)
    ordinary = demand(30, 4)
    units = np.array([1e-300, 1e-150, 1, 1e200])
    answer = solve(A, ordinary * units, 6)
    assert_solves(answer._replace(X=answer.X / units), A, ordinary)


# ------------------------------------------------------- contents, the other side


def contents(A, R, regions, **kwargs):
    A, R = np.asarray(A), np.asarray(R)
    options = dict(regions=regions, size=np.ones(len(A)), **kwargs)
    return jax.device_get(import_share.solve_contents(A, R, **options))


def test_contents_of_two_regions_by_hand():
    """Region 2 buys 0.2 from region 1 and adds 0.8; with exports of 1 cut only 0.8."""
    A, v = [[0.0, 0.2], [0.0, 0.0]], np.array([[1.0, 1.0], [0.8, 0.8]])
    exporting = np.array([[1.0, 0.0], [1.0, 1.0]])
    answer = contents(A, v, 2, exporting=exporting)
    assert_allclose(answer.X, [[1, 1], [1, 0.8]], rtol=RTOL)


@pytest.mark.parametrize("regions, sectors", [(1, 5), (5, 1), (4, 3), (8, 10)])
@pytest.mark.parametrize("structure", ["none", "proportional"])
def test_contents_are_those_of_numpy_with_some_exports_cut(regions, sectors, structure):
    """Column k without the exports of region k; the last column with all of them."""
    n = regions * sectors
    A = random_inputs(n)
    if structure == "proportional" and regions > 1:
        A = proportional_inputs(regions=regions, sectors=sectors, noise=0.5)
    R = demand(n, regions + 1)
    region = np.arange(n) // sectors
    exporting = np.ones(R.shape)
    exporting[np.arange(n), region] = 0
    answer = contents(A, R, regions, exporting=exporting)
    for k in range(regions + 1):
        cut = (region == k)[:, None] & (region != k)[None, :]
        expected = np.linalg.solve(np.eye(n) - np.where(cut, 0, A).T, R[:, k])
        assert_allclose(answer.X[:, k], expected, rtol=RTOL)
    assert answer.residual <= TOLERANCE


def test_contents_of_all_are_one_and_take_as_many_passes_as_outputs():
    """v'B = 1 with the residual v, from flows and a scale."""
    world = small_world(6, 8, 15)
    A, _ = system(world)
    x, region = world.x[0], np.arange(48) // 8
    scale = np.divide(1, x, out=np.zeros_like(x), where=x > 0)
    v = np.where(x > 0, 1 - A.sum(axis=0), 0)
    R = v[:, None] * (region[:, None] == np.arange(6)[None, :])
    answer = contents(world.Z[0], R, 6, scale=scale)
    assert_allclose(answer.X.sum(axis=1), np.where(x > 0, 1, 0), rtol=RTOL)
    measured = worst_residual(A.T, np.asarray(answer.X), R)
    assert_says(answer.residual, measured)
    assert answer.passes <= 8


def test_transposed_preconditioner_is_the_transpose():
    """r'P^-1 q = q'P'^-1 r."""
    A = proportional_inputs(regions=4, sectors=3, noise=0.5)
    P, r, q = shares(A, 4), demand(12, 5), demand(12, 5, seed=1)
    assert_allclose(
        r.T @ apply_inverse(P, q), (q.T @ apply_transposed(P, r)).T, rtol=PRODUCT_RTOL
    )


# ------------------------------------------------------------------ limiting cases


def test_without_trade_it_takes_two_passes_a_cycle():
    """P is exact up to the truncated inverse: one pass to see it, one to measure."""
    autarky = random_inputs(12, share=0.5) * np.kron(np.eye(4), np.ones((3, 3)))
    Y = demand(12, 4)
    answer = solve(autarky, Y, 4)
    assert_solves(answer, autarky, Y)
    assert answer.passes == 4


def test_the_less_proportional_the_imports_the_more_passes():
    """Exactly proportional, noisy, without structure, one supplier for each user."""
    c, s = 8, 10
    Y = demand(c * s, c)
    worlds = [
        proportional_inputs(regions=c, sectors=s, foreign=0.15),
        proportional_inputs(regions=c, sectors=s, foreign=0.15, noise=1.0),
        random_inputs(c * s, share=0.55),
        single_supplier_inputs(regions=c, sectors=s, home=0.3),
    ]
    passes = [int(solve(A, Y, c).passes) for A in worlds]
    assert passes[0] <= 6
    assert passes == sorted(passes)
    assert len(set(passes)) == 4


def test_negative_demand_is_kept():
    A, Y = proportional_inputs(regions=4, sectors=3), demand(12, 4)
    Y[::2] *= -1
    assert_solves(solve(A, Y, 4), A, Y)


def test_a_looser_tolerance_takes_fewer_passes():
    A, Y = system(small_world(6, 8, 15))
    loose, tight = solve(A, Y, 6, tol=1e-5), solve(A, Y, 6)
    assert loose.residual <= 1e-5
    assert loose.passes < tight.passes


# -------------------------------------------------------------- where it gives up


@pytest.mark.parametrize("home", [0.0, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_one_supplier_for_each_industry_stalls_it_and_the_residual_says_so(home, seed):
    """Built to fail. Measured 1e-9 to 1e+2, with more bought at home less."""
    A = single_supplier_inputs(regions=8, sectors=10, home=home, seed=seed)
    Y = demand(80, 8)
    answer = solve(A, Y, 8)
    assert answer.residual > TOLERANCE
    measured = worst_residual(A, np.asarray(answer.X), Y)
    assert_allclose(answer.residual, measured, rtol=0.01)


@pytest.mark.parametrize("side", [solve, contents])
def test_the_residual_is_the_true_one_where_inputs_are_98_per_cent(side):
    """Reached or not: errors of A grow fifty times on the way to X."""
    A, Y = random_inputs(80, share=0.98), demand(80, 8)
    answer = side(A, Y, 8)
    of_side = A if side is solve else A.T
    measured = worst_residual(of_side, np.asarray(answer.X), Y)
    # To rounding: |X| is fifty times |Y|.
    assert_says(answer.residual + 5e-14, measured)
    expected = np.linalg.solve(np.eye(80) - of_side, Y)
    reached = float(answer.residual)
    assert (
        np.abs(answer.X - expected).max() < 100 * max(reached, 1e-14) * expected.max()
    )


def test_an_iteration_that_does_not_gain_stops_after_its_second_cycle():
    A = single_supplier_inputs(regions=8, sectors=10, home=0.0, seed=2)
    # One for the start; in float32 the second cycle misses, so that its residual is
    # measured too.
    assert solve(A, demand(80, 8), 8).passes == 1 + 2 * (12 + 1) + 1


def test_a_table_of_nan_ends_with_a_residual_that_is_no_number():
    A = random_inputs(12)
    A[3, 4] = np.nan
    assert np.isnan(solve(A, demand(12, 4), 4).residual)


def test_answer_has_the_dtype_of_the_demand():
    """In float32 it reaches what float32 can (measured 4e-7) and reports that."""
    A, Y = proportional_inputs(regions=5, sectors=4), demand(20, 5)
    answer = solve(A.astype("float32"), Y.astype("float32"), 5)
    assert answer.X.dtype == answer.residual.dtype == np.float32
    assert TOLERANCE < answer.residual < 2e-6
