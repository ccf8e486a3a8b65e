"""Standard errors against sums over cells of differences, and against drawn tables."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import tivax.engine as tx
from tivax.engine.errors import standard_errors
from tivax.engine.errors.models import error_model
from tivax.engine.errors.tbi_errors import errors_of_tbi
from tivax.engine.measures import trade_benefit_index
from tivax.engine.reporting.intervals import with_intervals

from helpers import error_of, small_world

C, S = 4, 3
N = C * S
A, B = 0.3, 0.1
LOGNORMAL = tx.table_errors.Lognormal(a=A, b=B)
TRADE = "va_exports va_imports gross_exports gross_imports tbi vax_ratio".split()

# Central differences of step 1e-4, and variances in single precision: the worst of all
# here is 2e-6.
RTOL = 2e-5


@pytest.fixture(scope="module")
def world():
    return small_world(C, S, 2)


@pytest.fixture(scope="module")
def found(world):
    return standard_errors(world, LOGNORMAL, [*TRADE, "va_absorbed"])


def literal(Z, x, Y, sectors=False, inside=None, row=None):
    """Measures of trade by NumPy, by region (or by sector of origin and region).

    ``inside`` (perimeters, regions) adds regions up. ``row`` is value added.
    """
    inside = np.eye(C) if inside is None else inside
    active = x > 0
    A = np.where(active, Z / np.where(active, x, 1), 0)
    v = 1 - A.sum(axis=0) if row is None else row / np.where(active, x, 1)
    X = np.linalg.solve(np.eye(N) - A, Y)
    T = (np.where(active, v, 0)[:, None] * X).reshape(C, S, C)
    E = (A * X.sum(axis=1)).reshape(N, C, S).sum(axis=2) + Y
    E = (E * active[:, None]).reshape(C, S, C)
    abroad = 1 - np.eye(len(inside))
    result = {}
    for name, flow in (("va", T), ("gross", E)):
        flow = np.einsum("pr,ris,qs->piq", inside, flow, inside) * abroad[:, None]
        exports, imports = flow.sum(axis=2), flow.sum(axis=0).T
        if not sectors:
            exports, imports = exports.sum(axis=1), imports.sum(axis=1)
        result |= {f"{name}_exports": exports, f"{name}_imports": imports}
    M = result["va_exports"], result["va_imports"]
    result["tbi"] = (M[0] - M[1]) / (M[0] + M[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        result["vax_ratio"] = M[0] / result["gross_exports"]
    result["va_absorbed"] = inside @ T.sum(axis=1) @ inside.T
    return result


def by_differences(measure, Z, x, Y, sigma, sigma_x=None):
    """The root of the sum over cells (and output) of (difference x deviation)^2."""
    total = {}

    def add(up, down, share):
        for name in up:
            slope = (up[name] - down[name]) / 2 * share
            total[name] = total.get(name, 0) + slope**2

    F = np.hstack([Z, Y])
    for i, j in np.argwhere(sigma > 0):
        step = 1e-4 * F[i, j]
        moved = [F.copy(), F.copy()]
        moved[0][i, j] += step
        moved[1][i, j] -= step
        up, down = (measure(k[:, :N], x, k[:, N:]) for k in moved)
        add(up, down, sigma[i, j] / step)
    sigma_x = np.zeros(len(x)) if sigma_x is None else sigma_x
    for i in np.flatnonzero(sigma_x):
        step = 1e-4 * x[i] * np.eye(N)[i]
        add(measure(Z, x + step, Y), measure(Z, x - step, Y), sigma_x[i] / step.max())
    return {name: np.sqrt(k) for name, k in total.items()}


def cells(world, k=0):
    return world.Z[k], world.x[k], world.final_demand()[k]


def deviations(Z, Y):
    return A * np.abs(np.hstack([Z, Y])) ** (1 - B)


def test_every_measure_of_trade_is_the_sum_over_all_cells(world, found):
    Z, x, Y = cells(world)
    wanted = by_differences(literal, Z, x, Y, deviations(Z, Y))
    values = literal(Z, x, Y)
    for name in (*TRADE, "va_absorbed"):
        assert_allclose(found[name].values[0], values[name], rtol=1e-9)
        assert_allclose(found[f"{name}_se"].values[0], wanted[name], rtol=RTOL)


def test_what_tivax_tbi_writes_has_the_same_errors_and_those_of_sectors(world, found):
    errors = errors_of_tbi(world, trade_benefit_index(world), error_model(LOGNORMAL))
    for name in TRADE:
        assert_allclose(errors.regions[name], found[f"{name}_se"], rtol=1e-5)
    assert_allclose(errors.absorbed, found["va_absorbed_se"], rtol=1e-5)
    Z, x, Y = cells(world)
    of_sectors = partial(literal, sectors=True)
    wanted = by_differences(of_sectors, Z, x, Y, deviations(Z, Y))
    for name in TRADE:
        of_name = errors.by_sector[name].sel(year=world.years[0])
        of_name = of_name.transpose("region", "sector").values
        known = np.isfinite(of_name)
        assert known.sum() > 0.9 * known.size  # idle industries have no ratio
        size = np.nanmax(wanted[name])
        assert_allclose(
            of_name[known], wanted[name][known], rtol=RTOL, atol=1e-6 * size
        )


def test_groups_and_dropped_regions_have_errors_of_their_own(world):
    """R01 and R02 together; and R03 left out, as reporter and as partner."""
    codes = world.regions
    groups = {"G": [codes[0], codes[1]]}
    Z, x, Y = cells(world)
    grouped = np.array([[1.0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    for options, inside in (
        ({"groups": groups}, grouped),
        ({"drop": [codes[2]]}, np.eye(C)[[0, 1, 3]]),
    ):
        names = ["tbi", "vax_ratio"]
        got = standard_errors(world, LOGNORMAL, names, **options)  # type: ignore[arg-type]
        added = partial(literal, inside=inside)
        wanted = by_differences(added, Z, x, Y, deviations(Z, Y))
        for name in ("tbi", "vax_ratio"):
            assert_allclose(got[f"{name}_se"].values[0], wanted[name], rtol=RTOL)
    # Each group by itself: the same numbers for its row.
    result = trade_benefit_index(world, groups=groups, apart=True)
    each = errors_of_tbi(world, result, error_model(LOGNORMAL), groups=groups)
    alone = standard_errors(world, LOGNORMAL, "tbi", groups=groups)
    assert each.regions["region"].values.tolist() == ["G"]
    assert_allclose(
        each.regions["tbi"].sel(region="G"), alone["tbi_se"].sel(region="G"), rtol=1e-5
    )
    among_others = each.absorbed.sel(origin=codes[2], absorber=codes[3])
    assert among_others.isnull().all()


@pytest.fixture(scope="module")
def rounded(world):
    """The table in units in which cells are 0, small or large whole numbers."""
    Z, x, Y = (np.rint(k / 1000) for k in (world.Z, world.x, world.Y))
    return replace(world, Z=Z, Y=Y, x=x, value_added=None)


@pytest.mark.parametrize("net", [False, True])
def test_rounding_counts_cells_output_and_inventories(rounded, net):
    """Net of inventories, rows grow by x / (x - N): N and x are rounded, too."""
    tables = tx.net_of_inventories(rounded) if net else rounded
    got = standard_errors(tables, "rounding", [*TRADE, "va_absorbed"])
    Z, x, demand = rounded.Z[0], rounded.x[0], rounded.Y[0]
    kept = x - demand[..., -1].sum(axis=1) > 1e-6 * x
    cats = demand.shape[2]

    def measure(Z, x, Y):
        Y = Y.reshape(N, C, cats)
        if net:
            N_i = Y[..., -1].sum(axis=1)
            factor = np.where(kept, x / np.where(kept, x - N_i, 1), 1)
            Z, Y = Z * factor[:, None], Y * factor[:, None, None]
            Y = Y * np.where(kept[:, None, None] & (np.arange(cats) == cats - 1), 0, 1)
        return literal(Z, x, Y.sum(axis=2))

    F = np.hstack([Z, demand.reshape(N, -1)])
    sigma = np.where(F != 0, np.sqrt(1 / 12), 0)
    wanted = by_differences(
        measure, Z, x, F[:, N:], sigma, np.where(x > 0, np.sqrt(1 / 12), 0)
    )
    for name in (*TRADE, "va_absorbed"):
        assert_allclose(got[f"{name}_se"].values[0], wanted[name], rtol=RTOL)


def test_value_added_that_is_a_row_does_not_move_with_inputs(world):
    got = standard_errors(world, LOGNORMAL, "va_exports", value_added="basic")
    Z, x, Y = cells(world)
    with_row = partial(literal, row=world.value_added[0])
    wanted = by_differences(with_row, Z, x, Y, deviations(Z, Y))
    assert_allclose(got["va_exports_se"].values[0], wanted["va_exports"], rtol=RTOL)


# --------------------------------------------------------------- held margins, by identity


def test_known_margins_fix_what_they_determine(world):
    """Sales and inputs of every industry known: so is value added, and with what every
    region spends, its balance. Exports and imports then err alike."""
    held = tx.table_errors.Lognormal(a=A, b=B, margins=("row", "column"))
    got = standard_errors(world, held, ["va_exports", "va_imports", "tbi"])
    assert_allclose(got["va_exports_se"], got["va_imports_se"], rtol=1e-6)
    free = standard_errors(world, LOGNORMAL, "tbi")
    assert (got["tbi_se"] < free["tbi_se"]).all()


def test_an_error_that_all_cells_share_is_one_number(world):
    """All of a year: sigma times the derivative along (z^(1 - b))."""
    shared = tx.table_errors.Lognormal(a=A, b=B, shared="year")
    got = standard_errors(world, shared, "tbi")["tbi_se"].values[0]
    Z, x, Y = cells(world)
    F = np.hstack([Z, Y])
    h = 1e-5
    # Of cells below 0 the deviation is that of their size, of one sign with the others.
    along = np.abs(F) ** (1 - B)
    up, down = (
        literal(k[:, :N], x, k[:, N:])["tbi"]
        for k in (F + h * A * along, F - h * A * along)
    )
    assert_allclose(got, np.abs(up - down) / (2 * h), rtol=RTOL)


def test_errors_of_several_sources_add_their_squares(world):
    shares = tx.table_errors.Shares(concentration=20)
    each = [standard_errors(world, k, "tbi")["tbi_se"] for k in (LOGNORMAL, shares)]
    both = standard_errors(world, [LOGNORMAL, shares], "tbi")["tbi_se"]
    assert_allclose(both, np.hypot(each[0], each[1]), rtol=1e-6)


# -------------------------------------------------------------------------- indicators


MODELS = {
    "independent": LOGNORMAL,
    "margins": tx.table_errors.Lognormal(a=A, b=B, margins=("row", "column")),
    "row": tx.table_errors.Lognormal(a=A, b=B, margins=("row",)),
    "country": tx.table_errors.Lognormal(a=A, b=B, shared="country"),
    "shares": tx.table_errors.Shares(concentration=20),
}
PROBES = 1000


@pytest.mark.parametrize("name", MODELS)
def test_drawn_derivatives_agree_with_the_closed_form(world, name):
    """Two ways to the same standard errors: 1,000 draws, right to 2.2 % each; 4 regions
    and 2 years are 8, the worst of which is within 4 deviations."""
    world = world.select(world.years[0], world.years[0])
    closed = standard_errors(world, MODELS[name], ["tbi", "gross_exports"])
    drawn = standard_errors(world, MODELS[name], ["TBI", "EXGR"], probes=PROBES)
    both = {"tbi": "TBI", "gross_exports": "EXGR"}
    if name == "shares":
        # Sums of rows and columns stay, and with them output and what a region sells.
        del both["gross_exports"]
        for found, its in ((closed, "gross_exports"), (drawn, "EXGR")):
            assert (found[f"{its}_se"] < 1e-6 * found[its]).all()
    for mine, its in both.items():
        ratio = drawn[f"{its}_se"].values / closed[f"{mine}_se"].values
        assert np.abs(ratio - 1).max() < 4 * (2 * PROBES) ** -0.5


def test_a_ratio_without_a_base_has_no_standard_error(world):
    names = ["EXGR_DVASH", "UPSTREAM"]
    got = standard_errors(world, LOGNORMAL, names, "sector", probes=2)
    for name in names:
        missing = got[name].isnull().values
        assert (got[f"{name}_se"].isnull().values == missing).all()
        assert (got[f"{name}_se"].values[~missing] >= 0).all()


# ----------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    "names, options, told",
    [
        ("tbl", {}, "no measure tbl: did you mean tbi"),
        ([], {}, "names: give one or more of va_exports"),
        (["tbi", "TBI"], {}, "tbi and TBI: give measures of trade and indicators in calls of their own"),
        ("tbi", {"level": "sector"}, "level sector: tbi has no level; leave it out"),
        ("TBI", {"drop": ["R01"]}, "drop: indicators are of all regions; leave out R01"),
        ("tbi", {"drop": ["R09"]}, "no region R09"),
        ("TBI", {"probes": 1}, "probes: give a whole number from 2, not 1"),
        ("UPSTREAM", {"level": "bilateral"}, "indicator UPSTREAM has no level bilateral"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(world, names, options, told):
    line = error_of(standard_errors, world, LOGNORMAL, names, **options)
    assert line.startswith(told)


def test_errors_stand_beside_their_variable():
    """Of two variables one has an error; what the dataset says of itself is kept."""
    value = xr.DataArray([1.0, 2.0], dims="region")
    values = xr.Dataset({"b": value, "a": value + 1}, attrs={"source": "made"})
    found = with_intervals(values, xr.Dataset({"b": 0 * value + 0.5}))
    assert list(found) == ["b", "b_se", "b_ci_low", "b_ci_high", "a"]
    assert found.attrs == {"source": "made"}
    assert_allclose(found["b_ci_high"] - found["b"], 1.959964 * 0.5, rtol=1e-6)
    assert_allclose(found["b"] - found["b_ci_low"], 1.959964 * 0.5, rtol=1e-6)


def test_a_table_with_many_cells_rounded_to_0_is_warned_of(rounded):
    few = rounded.Z * (rounded.Z > np.quantile(rounded.Z, 0.5))
    doubted = replace(rounded, Z=few)
    with pytest.warns(tx.TivaxWarning, match="of the cells of Z are 0.*--derounded"):
        standard_errors(doubted, "rounding", ["tbi"])
