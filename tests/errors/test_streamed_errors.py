"""Standard errors of a year that is read in row slabs are those in memory."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

import tivax.engine as tx
from tivax.engine.errors import Slabs, standard_errors, trade_errors
from tivax.engine.errors.kinds import kinds_of
from tivax.engine.errors.models import error_model
from tivax.engine.errors.moved import draw_in_slabs, moved_table
from tivax.engine.errors.parts import parts_of
from tivax.engine.errors.solved import open_year
from tivax.engine.errors.tbi_errors import errors_of_tbi
from tivax.engine.measures import trade_benefit_index
from tivax.engine.measures.perimeters import perimeters_of
from tivax.engine.streaming import flows, streamed_borders
from tivax.kernels.inverted_table import differentiable_table
from tivax.kernels.perimeters import Perimeters, equal_regions

from helpers import error_of, small_world

C, S = 4, 3
N = C * S
TRADE = "va_exports va_imports gross_exports gross_imports tbi vax_ratio va_absorbed"
# Variances are in single precision, contents are solved to 1e-7; measured 1e-6.
RTOL = 1e-5
OWN = {"a": 0.3, "b": 0.1}
MODELS = {
    "independent": [tx.table_errors.Lognormal(**OWN)],
    "rows": [tx.table_errors.Lognormal(margins=["row"], **OWN)],
    "columns": [tx.table_errors.Lognormal(margins=["column"], **OWN)],
    "country": [tx.table_errors.Lognormal(shared="country", **OWN)],
    "product": [tx.table_errors.Lognormal(shared="product", margins=["column"], **OWN)],
    "year": [tx.table_errors.Lognormal(shared="year", margins=["row"], **OWN)],
    "shares": [tx.table_errors.Shares(concentration=20)],
    "several": [
        tx.table_errors.Lognormal(**OWN),
        tx.table_errors.Shares(concentration=20),
    ],
}


@pytest.fixture(autouse=True)
def small_slabs(monkeypatch):
    """Two selling regions in a slab, two perimeters at once."""
    monkeypatch.setattr(flows, "SLAB_BYTES", 2 * 8 * S * N)
    monkeypatch.setattr(trade_errors, "_AT_ONCE", 2 * 8 * 2 * N)


@pytest.fixture(scope="module")
def world():
    return small_world(C, S, 1)


def whole_numbers(world, filled=False):
    """Filled cells, of the second slab only, hold the rows of both to their output."""
    Z, x, Y = (np.rint(k / 1000) for k in (world.Z, world.x, world.Y))
    if filled:
        last = Z[:, 2 * S :]
        last[last == 0] = 0.25
        assert (last == 0.25).any()
    return replace(world, Z=Z, Y=Y, x=x, value_added=None)


def assert_same_bars(tables, model, **options):
    names = [*TRADE.split()]
    usual = standard_errors(tables, model, names, **options)
    found = standard_errors(tables, model, names, memory=1, **options)
    assert set(found) == set(usual)
    for name in names:
        assert_allclose(found[name], usual[name], rtol=1e-10)
        # Some errors are 0: those of sums that shares leave as they are.
        assert_same_se(found, usual, name, RTOL)


def assert_same_se(found, usual, name, rtol):
    atol = 1e-6 * np.nanmax(np.abs(usual[name]))
    assert_allclose(found[f"{name}_se"], usual[f"{name}_se"], rtol=rtol, atol=atol)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_error_has_the_same_bars_in_slabs(world, name):
    assert_same_bars(world, MODELS[name])


def test_the_last_perimeters_may_be_fewer_than_those_before(world, monkeypatch):
    """Three at once, of four."""
    monkeypatch.setattr(trade_errors, "_AT_ONCE", 3 * 8 * 2 * N)
    of = partial(standard_errors, world, MODELS["independent"], "tbi")
    usual, found = (of(memory=k)["tbi_se"] for k in (None, 1))
    assert_allclose(found, usual, rtol=RTOL)


@pytest.mark.parametrize("name", ["independent", "shares"])
def test_errors_of_sectors_are_those_of_the_inverse(world, name):
    result, model = trade_benefit_index(world), error_model(MODELS[name])
    usual = errors_of_tbi(world, result, model)
    found = errors_of_tbi(world, result, model, memory=1)
    for part, at in (("regions", result.vax), ("by_sector", result.vax_by_sector)):
        for measure, values in getattr(usual, part).items():
            top = float(abs(at.get(measure, values)).max())
            same = getattr(found, part)[measure]
            assert_allclose(same, values, rtol=RTOL, atol=1e-6 * top)
    assert_allclose(found.absorbed, usual.absorbed, rtol=RTOL, atol=1e-7)


def test_groups_and_value_added_that_is_a_row_have_the_same_bars(world):
    groups = {"G": [world.regions[0], world.regions[2]]}
    options = {"groups": groups, "drop": [world.regions[3]], "value_added": "basic"}
    assert_same_bars(world, MODELS["independent"], **options)


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("net", [False, True])
def test_rounding_has_the_same_bars_in_slabs(world, net, filled):
    tables = whole_numbers(world, filled)
    assert_same_bars(tx.net_of_inventories(tables) if net else tables, "rounding")


def test_rounding_with_known_columns_and_inventories_left_out_is_the_same(world):
    """Inventories move rows beside their balanced cells, which columns hold."""
    net = tx.net_of_inventories(whole_numbers(world))
    assert_same_bars(net, tx.table_errors.Rounding(margins=["column"]))


def test_published_deviations_are_read_by_slab(world, tmp_path):
    path = tmp_path / "deviations.npz"
    labels = {k: np.array(getattr(world, k)) for k in ("regions", "sectors", "years")}
    np.savez(path, Z=0.1 * world.Z, Y=0.2 * world.final_demand(), **labels)
    assert_same_bars(world, tx.table_errors.Given(file=path))


def test_a_lazy_store_is_never_read_whole(world, tmp_path, monkeypatch):
    tx.save_store(world, tmp_path / "store")
    lazy = tx.open_store(tmp_path / "store", lazy=True)
    usual = standard_errors(world, MODELS["independent"], "tbi")

    read = type(lazy.Z).__getitem__

    def small_only(values, key):
        assert values.shape != lazy.Z.shape, "Z was read whole"
        return read(values, key)

    monkeypatch.setattr(type(lazy.Z), "__getitem__", small_only)
    found = standard_errors(lazy, MODELS["independent"], "tbi", memory=1)
    assert_allclose(found["tbi_se"], usual["tbi_se"], rtol=RTOL)


@pytest.mark.parametrize("name, model", [("tbi", "shares"), ("TBI", "year")])
def test_each_year_errs_in_its_own_cells(name, model):
    """By the closed form, and by drawn derivatives: where all cells err together every
    draw is the same but for its sign, so that two are enough."""
    of = partial(standard_errors, small_world(C, S, 2), MODELS[model], name)
    usual, found = (of(probes=2, memory=k)[f"{name}_se"] for k in (None, 1))
    assert np.abs(usual.values[1] / usual.values[0] - 1).max() > 0.01
    assert_allclose(found, usual, rtol=1e-4)


def test_both_margins_are_one_line(world):
    held = tx.table_errors.Lognormal(margins=["row", "column"], **OWN)
    told = error_of(standard_errors, world, held, memory=1)
    assert told.startswith(f"{world.years[0]}: errors that leave sums of rows and of")
    assert 'write margins = ["row"] or ["column"]' in told


# -------------------------------------------------------------------------- indicators


def groups_of(world, members):
    """These regions as one perimeter."""
    return {"G": [world.regions[k] for k in members]} if members else None


ONE_DRAW = tx.table_errors.Lognormal(shared="year", **OWN)


@pytest.mark.slow
@pytest.mark.parametrize(
    "level, members", [("country", (0, 2)), ("bilateral-sector", ())]
)
def test_indicators_move_with_a_draw_as_they_do_in_memory(world, level, members):
    """All cells err together: every draw is the same but for its sign."""
    names = [
        k for k in tx.catalogue.INDICATORS if tx.catalogue.INDICATORS[k].has(level)
    ]
    options = {"level": level, "probes": 2, "groups": groups_of(world, members)}
    usual = standard_errors(world, ONE_DRAW, names, **options)
    found = standard_errors(world, ONE_DRAW, names, memory=1, **options)
    for name in names:
        assert_same_se(found, usual, name, 1e-4)


def opened_with_draws(tables, errors, count=1):
    """A year in slabs, and draws of its errors."""
    opened = open_year(tables, 0, 1)
    flows = opened.year.flows
    parts = parts_of(kinds_of(errors, tables), Slabs(tables, 0, flows.rows))
    return opened, [
        draw_in_slabs(parts, flows, jax.random.key(k), mapped=k % 2 == 1)
        for k in range(count)
    ]


def draws(tables, name, count=1):
    """Cells (Z, Y) of draws."""
    for drawn in opened_with_draws(tables, MODELS[name], count)[1]:
        assert_allclose(drawn.columns, np.sum(drawn.Z, axis=0), rtol=1e-4, atol=1)
        assert_allclose(drawn.inside[1], drawn.Z[S : 2 * S, S : 2 * S], rtol=1e-6)
        yield np.hstack([drawn.Z, drawn.Y])


def deviations(tables):
    F = np.hstack([tables.Z[0], tables.final_demand()[0]])
    return OWN["a"] * np.abs(F) ** (1 - OWN["b"])


def test_drawn_cells_are_signs_of_their_deviations(world):
    """Each cell has its own sign, whatever the slab that it is in."""
    sigma = deviations(world)
    signs = [k / np.where(sigma > 0, sigma, 1) for k in draws(world, "independent", 2)]
    for k in signs:
        assert_allclose(np.abs(k), sigma > 0, rtol=1e-5)
    both = sigma > 0
    assert 0.3 < (signs[0] == signs[1])[both].mean() < 0.7
    first, second = signs[0][: 2 * S], signs[0][2 * S :]
    assert 0.3 < (np.sign(first) == np.sign(second)).mean() < 0.7


def test_drawn_cells_of_a_group_have_one_sign(world):
    sigma = deviations(world)
    (cells,) = draws(world, "country")
    signs = cells / np.where(sigma > 0, sigma, 1)
    for r in range(C):
        own = slice(r * S, (r + 1) * S)
        mine = signs[own][sigma[own] > 0]
        assert_allclose(mine, mine[0], rtol=1e-5)


@pytest.mark.parametrize("name, kept", [("rows", 1), ("columns", 0), ("product", 0)])
def test_drawn_cells_leave_known_sums_as_they_are(world, name, kept):
    (cells,) = draws(world, name)
    size = np.abs(cells).sum(axis=kept)
    assert size.max() > 0
    assert_allclose(cells.sum(axis=kept) / size.max(), 0, atol=1e-6)


def test_drawn_shares_leave_what_is_imported_and_sold(world):
    """Imports of a good by each user, and sales of each partner to each region."""
    (cells,) = draws(world, "shares")
    top = np.abs(cells).max()
    flows = cells[:, :N].reshape(C, S, C, S)
    assert top > 0
    assert_allclose(flows.sum(axis=0), 0, atol=1e-5 * top)
    sold = flows.sum(axis=3) + cells[:, N:].reshape(C, S, C)
    assert_allclose(sold, 0, atol=1e-5 * top)


def test_drawn_rounding_agrees_with_the_closed_form(world):
    """80 draws are right to 8 %; the worst of four regions within 4 deviations."""
    net = tx.net_of_inventories(whole_numbers(world, filled=True))
    closed = standard_errors(net, "rounding", "tbi", memory=1)
    drawn = standard_errors(net, "rounding", "TBI", probes=80, memory=1)
    ratio = drawn["TBI_se"].values / closed["tbi_se"].values
    assert np.abs(ratio - 1).max() < 4 * (2 * 80) ** -0.5


@pytest.mark.parametrize("members", [(), (0, 2)])
def test_a_drawn_change_of_output_moves_products_as_in_memory(world, members):
    """B from either side, for one draw of cells and output."""
    tables = whole_numbers(world)
    opened, (drawn,) = opened_with_draws(tables, [tx.table_errors.Rounding()])
    assert np.abs(drawn.x).max() > 0

    perimeters = perimeters_of(tables, groups_of(world, members))
    member = jnp.asarray(perimeters.member) if members else None
    _, inside = streamed_borders(opened.year, member)

    def streamed(t):
        found, _ = moved_table(opened, None, drawn, t, inside, member)
        return found.X, found.content, found.exports

    def in_memory(t):
        dZ = drawn.Z.astype(opened.Y.dtype)
        Z, x = tables.Z[0] + t * dZ, opened.year.x + t * drawn.x
        Y, borders = opened.Y + t * drawn.Y, equal_regions(N, C, opened.Y.dtype)
        if member is not None:
            Y, borders = Y @ member, Perimeters(jnp.repeat(member, S, axis=0))
        found = differentiable_table(Z, x, Y, None, borders)
        return found.X, found.content, found.exports

    _, changes = jax.jvp(streamed, (0.0,), (1.0,))
    _, usual = jax.jvp(in_memory, (0.0,), (1.0,))
    for change, same in zip(changes, usual, strict=True):
        top = float(np.abs(same).max())
        assert_allclose(change, same, rtol=1e-4, atol=1e-5 * top)
