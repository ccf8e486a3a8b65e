"""Exposure to suppliers and markets: a literal power series, identities, blocs."""

from functools import partial

import jax
import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from tivax.engine import WorldTables, indicators
from tivax.engine.errors import IndicatorSet, indicator_values
from tivax.engine.measures.indicator_table import INDICATORS, SETS

from helpers import error_of

# Sums of some hundred terms in double precision, in per cent.
ATOL = 1e-12 * 100


class Literal:
    """L F by its power series F + A F + A A F + ..., in NumPy."""

    def __init__(self, world: WorldTables) -> None:
        Z, Y, x = (np.asarray(k[0], float) for k in (world.Z, world.Y, world.x))
        self.A = np.divide(Z, x, out=np.zeros_like(Z), where=x > 0)
        self.f = Y.reshape(len(x), -1).sum(axis=1)
        self.sides = len(world.regions), len(world.sectors)
        term = np.diag(self.f)
        self.face = term + self.A @ term
        self.through = np.zeros_like(term)
        for _ in range(2000):
            self.through += term
            term = self.A @ term
            if term.max() < 1e-18 * self.f.max():
                break
        self.hidden = self.through - self.face

    def blocks(self, name: str) -> np.ndarray:
        """[supplier s, i, buyer r, j]."""
        return getattr(self, name).reshape(*self.sides, *self.sides)


@pytest.fixture(scope="module")
def literal(small) -> Literal:
    return Literal(small)


@pytest.fixture(scope="module")
def found(small) -> xr.Dataset:
    return indicators(small, "exposure", "bilateral-sector").data.isel(year=0)


@pytest.mark.parametrize(
    "end, name", [("", "through"), ("_FACE", "face"), ("_HIDDEN", "hidden")]
)
def test_exposures_are_those_of_a_literal_power_series(literal, found, end, name):
    flows, every = literal.blocks(name), literal.blocks("through")
    bought = (
        100 * flows.sum(axis=1).transpose(1, 2, 0) / every.sum(axis=(0, 1))[..., None]
    )
    assert_allclose(found[f"FPEM{end}"], bought, rtol=0, atol=ATOL)
    sold = 100 * flows.sum(axis=3) / every.sum(axis=(2, 3))[..., None]
    assert_allclose(found[f"FPEX{end}"], sold, rtol=0, atol=ATOL)


def test_by_supplying_sector(literal, found):
    every = literal.blocks("through")
    of_region = every.sum(axis=(0, 1, 3))
    own = 100 * every.sum(axis=3).transpose(2, 1, 0) / of_region[:, None, None]
    assert_allclose(found["FPEM_ORIGIN"], own, rtol=0, atol=ATOL)


def test_aggregates_are_sums_of_flows_over_sums_of_inputs(literal, small):
    flows = literal.blocks("through").sum(axis=(1, 3)).T  # [buyer, supplier]
    own = indicators(small, ["FPEM"], "bilateral")["FPEM"][0]
    assert_allclose(own, 100 * flows / flows.sum(axis=1, keepdims=True), atol=ATOL)
    first, second, *others = small.regions
    bloc = indicators(small, ["FPEM"], "bilateral", groups={"G": [first, second]}).data
    both = flows[:2].sum(axis=0)
    to = bloc["FPEM"][0].sel(region="G", partner=["G", *others])
    expected = np.array([both[:2].sum(), *both[2:]]) / both.sum()
    assert_allclose(to, 100 * expected, atol=ATOL)
    towards = bloc["FPEM"][0].sel(region=others, partner="G")
    assert_allclose(towards, own[2:, :2].sum("partner"), atol=ATOL)


def test_concentration_of_suppliers_abroad(literal, small):
    flows = literal.blocks("through").sum(axis=(1, 3)).T
    abroad = np.where(np.eye(len(flows), dtype=bool), 0, flows)
    shares = abroad / abroad.sum(axis=1, keepdims=True)
    own = indicators(small, "exposure").data.isel(year=0)
    index = (shares**2).sum(axis=1)
    assert_allclose(own["FPEM_HHI"], index, rtol=1e-12)
    assert_allclose(own["FPEM_NUMBER"], 1 / index, rtol=1e-12)
    assert_allclose(own["FPEM_TOP"], 100 * shares.max(axis=1), rtol=1e-12)
    every = flows.sum(axis=1)
    assert_allclose(own["FIR"], 100 * abroad.sum(axis=1) / every, rtol=1e-12)


def test_multipliers_are_column_sums_of_the_inverse(literal, small):
    own = indicators(small, "multipliers", "bilateral-sector").data.isel(year=0)
    A, (c, s) = literal.A, literal.sides
    B, v = np.linalg.inv(np.eye(len(A)) - A), 1 - A.sum(axis=0)
    for name, weight in (("MULT_OUTPUT", np.ones_like(v)), ("MULT_VA", v)):
        sums = (weight[:, None] * B).reshape(c, s, c, s).sum(axis=1)
        assert_allclose(own[name], sums.transpose(1, 2, 0), rtol=1e-10)
    at_home = indicators(small, "multipliers", "sector").data.isel(year=0)
    for r in range(c):
        cut = slice(r * s, (r + 1) * s)
        L = np.linalg.inv(np.eye(s) - A[cut, cut])
        assert_allclose(at_home["MULT_OUTPUT_HOME"][r], L.sum(axis=0), rtol=1e-10)
        assert_allclose(at_home["MULT_VA_HOME"][r], v[cut] @ L, rtol=1e-10)
        assert_allclose(at_home["MULT_VA_TYPE1"][r], v[cut] @ L / v[cut], rtol=1e-10)


def test_a_product_without_final_sales_has_its_multipliers(literal, small):
    """They are those of a world of the same inputs in which it has some."""
    Y = np.array(small.final_demand(slice(0, 1)))
    Y[:, 1] = 0
    x = np.linalg.solve(np.eye(len(literal.A)) - literal.A, Y[0].sum(axis=1))
    none = WorldTables(
        (literal.A * x)[None], Y, x[None], small.regions, small.sectors, [2000]
    )
    for level in ("bilateral-sector", "sector"):
        own, same = (indicators(k, "multipliers", level).data for k in (none, small))
        for name in (str(k) for k in own if k in INDICATORS):
            found, expected = own[name].values, same[name].isel(year=0).values[None]
            assert_allclose(found, expected, rtol=1e-10, err_msg=name)


def test_what_primary_inputs_enable_is_that_of_ghoshs_inverse(small):
    """The account of value added is all that they earn, whoever enables it."""
    Z, x = np.asarray(small.Z[0]), np.asarray(small.x[0])
    G = np.linalg.inv(np.eye(len(x)) - Z / x[:, None])
    primary = x - Z.sum(axis=0)
    own = indicators(small, ["INCOME_BASED"], "bilateral-sector")["INCOME_BASED"][0]
    c, s = len(small.regions), len(small.sectors)
    earned = primary / x
    expected = (primary[:, None] * G * earned).reshape(c, s, c, s).sum(axis=3)
    assert_allclose(own, expected, rtol=1e-8)


def test_inner_circulation_is_the_share_of_what_never_leaves(small):
    own = indicators(small, ["VA_D", "VALU", "VA_DSH", "FP_DSH"]).data.isel(year=0)
    assert_allclose(own["VA_DSH"], 100 * own["VA_D"] / own["VALU"], rtol=1e-12)
    names = [k for k in SETS["circulation"] if k.startswith("FP_")]
    every = indicators(small, names).data.isel(year=0)
    assert_allclose(sum(every[k] for k in names), 100, rtol=1e-12)


def test_a_set_stands_for_those_of_its_members_that_the_level_has(small):
    assert [*indicators(small, "exposure").data][:2] == ["FIR", "FPEM_HHI"]
    told = error_of(indicators, small, ["FPEM"])
    assert told.startswith("indicator FPEM has no level country: choose from bilateral")
    assert all(k in INDICATORS for names in SETS.values() for k in names)


def test_a_year_that_is_streamed_has_the_same_exposures(small):
    names = ["FPEM", "FPEM_HIDDEN", "FPEX", "FPEM_ORIGIN", "MULT_VA", "INCOME_BASED"]
    for groups in (None, {"G": list(small.regions[:2])}):
        ask = {"names": names, "level": "bilateral-sector", "groups": groups}
        whole = indicators(small, **ask).data
        streamed = indicators(small, **ask, memory=1).data
        for name in names:
            assert_allclose(streamed[name], whole[name], rtol=1e-9, err_msg=name)


def shares(Z: np.ndarray, x: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """FPEM by buyer and supplier, four regions of three sectors."""
    LF = np.linalg.inv(np.eye(len(x)) - Z / x) * Y.sum(axis=1)
    flows = LF.reshape(4, 3, 4, 3).sum(axis=(1, 3)).T
    return 100 * flows / flows.sum(axis=1, keepdims=True)


def test_error_bars_take_the_derivative_of_the_literal_shares(small):
    """Along a draw of changes of all cells, against a central difference."""
    Z, x = np.asarray(small.Z[0], float), np.asarray(small.x[0], float)
    Y = small.final_demand(slice(0, 1))[0]
    rng = np.random.default_rng(3)
    point = (Z, x, Y)
    step = tuple(k * rng.normal(size=k.shape) for k in point)
    asked = IndicatorSet(("FPEM",), ("bilateral",), sectors=3, borders=4, priced=True)
    about = {"row": None, "member": None, "uses": None, "B": None, "asked": asked}
    with jax.enable_x64(True):
        value, change = jax.jvp(partial(indicator_values, **about), point, step)
    found, slope = (k["bilateral"]["FPEM"].reshape(4, 4) for k in (value, change))
    assert_allclose(found, shares(*point), rtol=1e-10)
    ends = (
        shares(*(p + t * d for p, d in zip(point, step, strict=True)))
        for t in (1e-6, -1e-6)
    )
    assert_allclose(slope, np.subtract(*ends) / 2e-6, rtol=1e-5, atol=1e-6)
