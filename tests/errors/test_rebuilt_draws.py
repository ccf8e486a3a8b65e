"""Draws of rebuilt tables, against a literal second implementation and first order."""

from copy import deepcopy
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from rebuilt_worlds import ERRORS, REGIONS, SECTORS, YEARS, rebuilt_world

import tivax.engine as tx
from tivax.engine.errors import (
    DrawnErrors,
    ErrorModel,
    Slabs,
    draw_flows,
    standard_errors,
)
from tivax.engine.tables import aggregate
from tivax.kernels.errors import rebuilt_draws as kernel
from tivax.kernels.random_draws import block_key

from helpers import error_of

C, S = len(REGIONS), len(SECTORS)
MODEL = ErrorModel((tx.table_errors.Rebuilt(),))


def draw_index(tables, error, **options) -> np.ndarray:
    """(X - M) / (X + M) of every region, draw by draw."""
    flows = draw_flows(tables, error, **options)
    home = np.diagonal(flows, axis1=-2, axis2=-1)
    sold, bought = flows.sum(-1) - home, flows.sum(-2) - home
    return (sold - bought) / (sold + bought)


@pytest.fixture(scope="module")
def world():
    return rebuilt_world()


def without_rounding():
    errors = deepcopy(ERRORS)
    errors["rounding"] = {"cell": 0.0, "balance": 0.0}
    return rebuilt_world(errors)


def drawn(world, k=1, number=3):
    """The errors of a year, its drawn table, and the changes."""
    with jax.enable_x64(True):
        errors = DrawnErrors(world, MODEL).of(Slabs(world, k))[0].year
        key = jax.random.fold_in(block_key(0, number), 0)
        table = jax.jit(kernel.draw_table)(key, errors)
        blocks, _ = jax.jit(kernel.rebuilt)(key, errors)
        changes = np.asarray(blocks.Z), np.asarray(blocks.Y)
    return errors, jax.tree.map(np.asarray, table), changes, key


def normals(key, shape, kept, year):
    """An autoregression, year by year."""
    z = None
    for t in range(year + 1):
        e = np.asarray(jax.random.normal(jax.random.fold_in(key, t), shape, "float32"))
        z = e if z is None else kept * z + np.sqrt(1 - kept**2) * e
    return z.astype(float)


def literal_draw(errors, key, year):
    """One draw without rounding, written out: trade, sales by users, home factors."""
    e = jax.tree.map(lambda k: np.asarray(k, float), errors)
    of_partners, of_users, of_rest, _ = jax.random.split(key, 4)
    of_common, of_own = jax.random.split(of_partners)
    trade = e.trade.copy()
    for sigma, name in ((e.common[:, :, None], of_common), (e.own, of_own)):
        shape = sigma.shape if sigma.shape[2] > 1 else (S, C, C)
        z = normals(name, shape, 0.86, year).reshape(sigma.shape)
        trade = trade * np.exp(sigma * z - sigma**2 / 2)
    rest = C - 1
    for turn in range(400):
        if turn < 20:
            for group in e.groups:
                at = group > 0
                now, want = (k[at].sum((0, 2)) for k in (trade, e.trade))
                factor = np.where(now > 0, want / np.where(now > 0, now, 1), 0)
                trade[at] *= factor[None, :, None]
        for kind in e.kinds:
            for r in range(rest):
                for d in range(rest):
                    if r == d:
                        continue
                    now = trade[kind > 0, r, :-1, d].sum()
                    want = e.trade[kind > 0, r, :-1, d].sum()
                    trade[kind > 0, r, :-1, d] *= want / now
        for i in range(S):
            for r in range(rest):
                trade[i, r] *= e.trade[i, r].sum() / trade[i, r].sum()
        for i in range(S):
            for u in range(3):
                for d in range(rest):
                    now, want = trade[i, :, u, d].sum(), e.trade[i, :, u, d].sum()
                    trade[i, :, u, d] *= want / now if now > 0 else 0
    used = np.asarray(errors.used)
    of_pair, of_seller = jax.random.split(of_users)
    z = normals(of_pair, (S, C, C, 2), 0.95, year) * e.mixes[:, None, None, None]
    z = z - e.mixes[:, None, None, None] ** 2 / 2
    w = normals(of_seller, (S, C, 2), 0.95, year) * e.sellers[:, None, None]
    w = w - e.sellers[:, None, None] ** 2 / 2
    sold = np.zeros((S, C, C, 2))
    for i in range(S):
        for d in range(C):
            bought = e.kinds @ used[d, i]
            q = np.outer(trade[i, :, 0, d], bought / bought.sum())
            wanted = q.sum(0)
            q = q * np.exp(z[i, :, d] + w[i])
            for _ in range(6):
                q *= (trade[i, :, 0, d] / np.maximum(q.sum(1), 1e-300))[:, None]
                q *= wanted / q.sum(0)
            q *= (trade[i, :, 0, d] / np.maximum(q.sum(1), 1e-300))[:, None]
            sold[i, :, d] = q
    z = normals(of_rest, (S, S), 0.95, year)
    sigma = float(e.coefficients)
    return trade, sold, np.exp(sigma * z - sigma**2 / 2)


def test_a_draw_is_that_of_a_literal_second_implementation():
    world = without_rounding()
    errors, table, (dZ, dY), key = drawn(world)
    trade, sold, factors = literal_draw(errors, key, 1)
    # A fit in single precision, closed at 1e-6 of imports.
    assert_allclose(table.trade, trade, rtol=2e-4, atol=1e-3)
    assert_allclose(table.sold, sold, rtol=2e-4, atol=1e-3)
    home = np.asarray(errors.home)[-1]
    assert_allclose(table.cells[-1, :S, :S], home * factors, rtol=1e-6)
    made = world.table(2001)
    Z = (made.Z + dZ).reshape(C, S, C, S)
    used = np.asarray(errors.used)
    for r, i, d, j in ((0, 1, 2, 3), (3, 0, 1, 1), (1, 2, 3, 0)):
        g = 0 if j < 2 else 1
        its = slice(0, 2) if g == 0 else slice(2, 4)
        share = used[d, i, j] / used[d, i, its].sum()
        assert_allclose(Z[r, i, d, j], sold[i, r, d, g] * share, rtol=3e-4)


def test_a_draw_keeps_what_the_table_was_rebuilt_from():
    world = without_rounding()
    errors, table, (dZ, dY), _ = drawn(world)
    base, now = np.asarray(errors.trade), table.trade
    assert np.abs(now / np.where(base > 0, base, 1) - 1).max() > 0.1
    rest = slice(0, C - 1)
    assert_allclose(now.sum((2, 3))[:, rest], base.sum((2, 3))[:, rest], rtol=1e-9)
    assert_allclose(now.sum(1)[..., rest], base.sum(1)[..., rest], rtol=1e-9)
    kinds = np.asarray(errors.kinds)
    pairs = [np.einsum("ki,irud->krd", kinds, k[:, :, :-1]) for k in (now, base)]
    pairs = [k[:, rest, rest] for k in pairs]
    assert_allclose(pairs[0], pairs[1], rtol=5e-6)
    made = world.table(2001)
    Z, Y = made.Z + dZ, made.Y.sum(2) + dY
    assert_allclose(Z.sum(1) + Y.sum(1), made.x, rtol=1e-10)
    # Users buy as much of each imported product as before, from whomever.
    foreign = [k.reshape(C, S, C, S) for k in (Z, made.Z)]
    own = np.arange(C)
    for k in foreign:
        k[own, :, own] = 0
    bought = [k.sum(0)[:, rest] for k in foreign]
    assert_allclose(bought[0], bought[1], rtol=1e-5)


def test_without_groups_pairs_are_kept_alone():
    errors = deepcopy(ERRORS)
    errors["known"]["groups"], errors["rounding"] = [], {"cell": 0.0, "balance": 0.0}
    held, table, _, _ = drawn(rebuilt_world(errors))
    members = np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    base, rest = np.asarray(held.trade), slice(0, C - 1)
    for weights, kept in ((members, False), (np.asarray(held.kinds), True)):
        now, then = (
            np.einsum("gi,irud->grd", weights, k[:, :, :-1])[:, rest, rest]
            for k in (table.trade, base)
        )
        off = np.abs(now - then).max() / then.max()
        assert (off < 1e-5) == kept


def test_rounded_cells_keep_rows_and_columns(world):
    errors, table, _, _ = drawn(world)
    off = table.cells - np.asarray(errors.rounding.cells)
    assert 0.1 < np.abs(off[:-1, S:]).max() < 0.8
    assert_allclose(off[:-1].sum(1), 0, atol=1e-9)
    assert_allclose(off[:-1, :S].sum(2), 0, atol=0.05)


def test_indices_are_those_of_the_drawn_table(world):
    _, _, (dZ, dY), _ = drawn(world, number=1)
    made = world.table(2001)
    Y = (made.Y.sum(2) + dY)[:, :, None]
    other = replace(made, Z=made.Z + dZ, Y=Y, categories=("FD",))
    true = tx.trade_benefit_index(tx.stack_years([other]))["tbi"].values[0]
    assert_allclose(draw_index(world, "rebuilt", draws=2)[1, 1], true, atol=1e-6)


def test_first_order_is_the_spread_of_draws(world):
    """200 draws are right to 5 %, and errors of 5 to 30 % are not quite linear."""
    flows = draw_flows(world, "rebuilt", draws=200)
    abroad = np.where(np.eye(C, dtype=bool), 0, flows)
    out, into = abroad.sum(3), abroad.sum(2)
    flows_of = {"va_exports": out, "va_imports": into}
    measures = {**flows_of, "tbi": (out - into) / (out + into)}
    found = standard_errors(world, "rebuilt", [*measures, "va_absorbed"])
    for name, values in measures.items():
        spread = values.std(axis=0, ddof=1)
        ratio = found[f"{name}_se"].values / spread
        assert 0.85 < np.median(ratio) < 1.15
        assert ratio.min() > 0.7 and ratio.max() < 1.4
    pairs = found["va_absorbed_se"].values / flows.std(axis=0, ddof=1)
    assert 0.85 < np.median(pairs) < 1.15


def test_tbi_has_errors_of_regions_sectors_and_pairs(world):
    from tivax.engine.errors import errors_of_tbi
    from tivax.engine.measures import trade_benefit_index

    found = errors_of_tbi(world, trade_benefit_index(world), MODEL)
    of_regions = found.regions["va_exports"].sel(year=2001)
    of_sectors = found.by_sector["va_exports"].sel(year=2001)
    assert (of_sectors.values > 0).all()
    # Sectors are correlated: their total errs by less than the sum, more than nothing.
    assert (of_regions.values < of_sectors.sum("sector").values).all()
    assert (found.absorbed.values > 0).all()


def test_a_draw_depends_on_its_number_and_year_alone(world):
    every = draw_index(world, "rebuilt", draws=4, seed=5)
    some = draw_index(world.select(2001, 2002), "rebuilt", draws=2, seed=5)
    assert_array_equal(every[:2, 1:], some)
    with pytest.raises(AssertionError):
        assert_allclose(every[:2, 0], draw_index(world, "rebuilt", draws=2)[:, 0])


def test_deviations_stay_from_year_to_year():
    with jax.enable_x64(True):
        sigma, kept = jnp.ones(20_000), jnp.asarray(0.86)
        logs = [
            np.log(kernel._factors(jax.random.key(1), sigma, kept, jnp.asarray(t)))
            for t in (0, 1, 3)
        ]
    for k, lag in ((1, 1), (2, 3)):
        # The standard error of a correlation of 20,000 is .003.
        assert_allclose(np.corrcoef(logs[0], logs[k])[0, 1], 0.86**lag, atol=0.015)
        assert_allclose(logs[k].std(), 1, atol=0.02)
        assert_allclose(np.exp(logs[k]).mean(), 1, atol=0.05)


@pytest.mark.parametrize(
    "missing", [["pieces.npz, final uses of 2014: the index misses more"], None]
)
def test_intervals_measured_with_all_pieces_are_refused_without_one(missing):
    world = rebuilt_world()
    about = {k: v for k, v in world.rebuilt.items() if k != "missing"}
    about |= {} if missing is None else {"missing": missing}
    told = error_of(standard_errors, replace(world, rebuilt=about), "rebuilt")
    assert (missing or ["which pieces it was built from"])[0] in told
    assert told.endswith("; add the files and import again")


def test_a_year_whose_partners_are_real_has_errors_of_merged_products_only():
    world = rebuilt_world()
    blocks = deepcopy(world.rebuilt["blocks"])
    blocks["partners_of_inputs"]["real"] = [2002]
    real = replace(world, rebuilt={**world.rebuilt, "blocks": blocks})
    errors = drawn(real, k=2)[0]
    assert_array_equal(np.asarray(errors.own)[:2], 0)
    assert np.asarray(errors.own)[2:].max() > 0
    nearer = drawn(real, k=1)[0]
    farther = drawn(world, k=1)[0]
    assert np.asarray(nearer.own).max() < np.asarray(farther.own).max()


def test_draws_go_through_to_a_regression(world):
    index = tx.trade_benefit_index(world)["tbi"].to_series().rename("TBI")
    panel = index.reset_index().rename(columns={"region": "iso3"})
    panel["y"] = panel["TBI"] + np.random.default_rng(1).normal(size=len(panel))
    model = tx.Model("m", "y", ["TBI"], entity="iso3", time="year")
    found = tx.monte_carlo(panel, model, world, "rebuilt", draws=20)
    assert found.gap_max < 1e-5
    drawn = draw_index(world, "rebuilt", draws=20)
    spread = found.index.pivot(index="year", columns="region", values="se")
    assert_allclose(spread[list(REGIONS)], drawn.std(axis=0, ddof=1), rtol=1e-9)


def test_indicators_take_errors_of_rebuilding(world):
    found = standard_errors(world, "rebuilt", "UPSTREAM", probes=8)
    assert (found["UPSTREAM_se"].values > 0).all()


# --------------------------------------------------------------------------- refusals


def older(world):
    errors = {k: v for k, v in ERRORS.items() if k != "known"}
    return replace(world, rebuilt={**world.rebuilt, "errors": errors})


REFUSED = {
    "these tables were not rebuilt from national tables": lambda world: replace(
        world, rebuilt={}
    ),
    "hold no parameters of their errors; a store of `tivax import wiod2016-national` "
    "does, until it is aggregated": lambda world: aggregate(
        world, sectors=dict.fromkeys(SECTORS, "all")
    ),
    "leave out the correction": tx.net_of_inventories,
    "import it again": older,
}


@pytest.mark.parametrize("told", REFUSED)
def test_tables_that_do_not_serve_are_refused(world, told):
    other = REFUSED[told](world)
    message = error_of(draw_flows, other, "rebuilt", draws=2)
    assert told in message
    assert message == error_of(standard_errors, other, "rebuilt")


def test_aggregated_tables_keep_how_they_were_rebuilt(world):
    small = aggregate(world, sectors=dict.fromkeys(SECTORS, "all"))
    assert small.rebuilt["words"] == "by hand"


def test_a_store_keeps_what_it_says_of_itself(world, tmp_path):
    tx.save_store(world, tmp_path / "S")
    tx.save_store(tx.open_store(tmp_path / "S"), tmp_path / "again")
    again = tx.open_store(tmp_path / "again", lazy=True)
    assert again.rebuilt == world.rebuilt
    assert again.years == YEARS
    drawn = (draw_index(k, "rebuilt", draws=1) for k in (again, world))
    assert_array_equal(*drawn)
