"""Scenarios: by hand, against literal solutions of the changed table, and identities."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.scenarios.run import make_plan
from tivax.engine.scenarios.shocks import SHOCKS

from helpers import error_of, hand_table, random_tables, system

# Two solves of well-conditioned tables of 20 industries: 1e-14 is usual.
RTOL = 1e-10
C, S = 5, 4
N = C * S
FLOWS = (
    "value_added", "output", "exports", "imports", "va_exports", "va_imports", "tbi",
    "final_demand", "inputs_lost",
)  # fmt: skip


# -------------------------------------------------------------------------- by hand


@pytest.fixture(scope="module")
def two():
    """A = [[.2, .1], [.1, .3]], v = (.7, .6), output 100 each; det(I - A) = .55."""
    return hand_table([[20, 10], [10, 30]], [[50, 20], [10, 50]], ["A", "B"])


def values(found, measure, variant=None):
    rows = found.table[found.table["measure"] == measure]
    if variant is not None:
        rows = rows[rows["variant"] == variant]
    return rows.set_index("region")["after"]


def test_two_regions_by_hand(two):
    found = tx.scenarios(
        two,
        {
            "cut": tx.shocks.Cut(exporters="A", importers="B"),
            "home": tx.shocks.Shift(exporters="A", importers="B", to="home"),
            "demand": tx.shocks.Demand(exporters="A", importers="B", percent=10),
        },
        measures=["value_added", "inputs_lost", "final_demand"],
    )
    made = values(found, "value_added", "cut")
    # x_A = 50 / .8, x_B = (60 + .1 x_A) / .7; B misses .1 x_B of inputs.
    x_B = (60 + 6.25) / 0.7
    assert_allclose(made, [0.7 * 62.5, 0.6 * x_B, 0.7 * 62.5 + 0.6 * x_B], rtol=RTOL)
    assert_allclose(values(found, "inputs_lost", "cut")["B"], 0.1 * x_B, rtol=RTOL)
    assert_allclose(values(found, "final_demand", "cut")["WLD"], 110, rtol=RTOL)
    # x_B = (10 + 70 + 6.25) / .6: B makes at home what it bought of A.
    assert_allclose(
        values(found, "value_added", "home"), [43.75, 86.25, 130], rtol=RTOL
    )
    # B Y grows by 2 (.7, .1) / .55.
    grown = [70 + 0.7 * 1.4 / 0.55, 60 + 0.6 * 0.2 / 0.55, 132]
    assert_allclose(values(found, "value_added", "demand"), grown, rtol=RTOL)


def test_prices_by_hand(two):
    """Leontief's prices: rows of B = [[.7, .1], [.1, .8]] / .55."""
    found = tx.scenarios(
        two,
        {
            "cost": tx.shocks.Price(exporters="A", percent=10),
            "price": tx.shocks.Price(exporters="A", percent=10, of="price"),
            "border": tx.shocks.Price(
                exporters="A", importers="B", percent=10, of="imports"
            ),
            "both": [
                tx.shocks.Price(exporters="B", percent=30),
                tx.shocks.Price(percent=10, of="price"),
                tx.shocks.Price(exporters="B", percent=20, of="price"),
            ],
        },
    )
    # A cost of .07 on A's product.
    cost = 1 + 0.07 * np.array([0.7, 0.1]) / 0.55
    assert_allclose(values(found, "price_output", "cost"), cost, rtol=RTOL)
    final = [(50 * cost[0] + 10 * cost[1]) / 60, (20 * cost[0] + 50 * cost[1]) / 70]
    assert_allclose(values(found, "price_final", "cost"), final, rtol=RTOL)
    assert_allclose(values(found, "terms_of_trade", "cost")["A"], cost[0] / cost[1])
    # A's price is 1.1: B's rises by .1 * .1 / .7.
    given = [1.1, 1 + 0.01 / 0.7]
    assert_allclose(values(found, "price_output", "price"), given, rtol=RTOL)
    # Given prices hold whatever else there is, the last word on each.
    assert_allclose(values(found, "price_output", "both"), [1.1, 1.2], rtol=RTOL)
    # B pays .1 * .1 more for inputs, and 2 more of 30 imported: inputs 10, final 20.
    border = 1 + 0.01 * np.array([0.1, 0.8]) / 0.55
    assert_allclose(values(found, "price_output", "border"), border, rtol=RTOL)
    paid = [(10 + 10) * border[1] / 20, border[0] + 0.1]
    assert_allclose(values(found, "price_imports", "border"), paid, rtol=RTOL)


def test_a_border_cost_on_every_import_raises_their_price_by_at_least_that():
    """An industry without output sells nothing: what its row holds all the same is no
    import, in the cost as in the weights, so that the indices fit together."""
    made = random_tables(regions=3, sectors=2, years=1, seed=1)
    Z, Y, x = (np.array(k) for k in (made.Z, made.Y, made.x))
    x[0, 0] = 0  # its sales stay in the table
    Z[:, :, 0] = 0
    world = replace(made, Z=Z, Y=Y, x=x, value_added=None)
    border = tx.shocks.Price(percent=10, of="imports")
    found = tx.scenarios(world, border, industries=True)
    A, flows = system(world)
    prices = found.industries["after"].to_numpy() - 1
    users = np.repeat(np.arange(3), 2)
    by_buyer = np.stack([(A * x[0])[:, users == q].sum(axis=1) for q in range(3)], 1)
    sold = (by_buyer + flows) * (x[0] > 0)[:, None]
    sold[users[:, None] == np.arange(3)[None, :]] = 0
    expected = 1.1 + (prices @ sold) / sold.sum(axis=0)
    assert_allclose(values(found, "price_imports", "variant 1"), expected, rtol=RTOL)


def test_linkages_by_hand(two):
    found = tx.linkages(two)
    assert_allclose(found["backward"], [0.8 / 0.85, 0.9 / 0.85], rtol=RTOL)
    assert_allclose(found["forward"], [0.8 / 0.85, 0.9 / 0.85], rtol=RTOL)
    assert found["key"].tolist() == [False, True]
    # Without A, B makes 100 - B_BA 100 / B_AA; the world loses 100 / B_AA of 130.
    assert_allclose(found["output_lost"], [0.1 / 0.7, 0.1 / 0.8], rtol=RTOL)
    lost = [55 / 0.7 / 130, 55 / 0.8 / 130]
    assert_allclose(found["value_added_lost"], lost, rtol=RTOL)


# ----------------------------------------------------------------- literal solutions


@pytest.fixture(scope="module")
def world():
    """Five regions and four sectors, one of them without output somewhere."""
    made = random_tables(regions=C, sectors=S, years=2, seed=3)
    Z, Y, x = (np.array(k) for k in (made.Z, made.Y, made.x))
    idle = 2 * S + 1
    x -= Z[:, :, idle]
    Z[:, :, idle] = Z[:, idle] = Y[:, idle] = x[:, idle] = 0
    return replace(made, Z=Z, Y=Y, x=x, value_added=None)


def test_where_nothing_is_sold_a_cut_changes_no_region(world):
    region, sector = world.regions[2], world.sectors[1]
    cut = tx.shocks.Cut(exporters=region, sectors=sector, percent=50)
    found = tx.scenarios(world, {"cut": cut}, measures=["value_added"])
    year = world.years[-1]
    assert found.sentence == f"In {year} value added changes in no region."


def literal(world, change, k=-1):
    """Every measure from the changed table, written out with NumPy."""
    A, Y = system(world, k)
    v = np.where(world.x[k] > 0, 1 - A.sum(axis=0), 0)
    new_A, new_Y = A.copy(), Y.copy()
    change(new_A, new_Y)
    X = np.linalg.solve(np.eye(N) - new_A, new_Y)
    x = X.sum(axis=1)
    T = (v[:, None] * X).reshape(C, S, C).sum(axis=1)
    gross = (new_A * x[None, :]).reshape(C, S, C, S).sum(axis=(1, 3))
    gross = gross + new_Y.reshape(C, S, C).sum(axis=1)
    off = ~np.eye(C, dtype=bool)
    out, into = (T * off).sum(axis=1), (T * off).sum(axis=0)
    return {
        "value_added": T.sum(axis=1),
        "output": x.reshape(C, S).sum(axis=1),
        "exports": (gross * off).sum(axis=1),
        "imports": (gross * off).sum(axis=0),
        "va_exports": out,
        "va_imports": into,
        "tbi": (out - into) / (out + into),
        "final_demand": new_Y.sum(axis=0),
        "inputs_lost": ((A - new_A).sum(axis=0) * x).reshape(C, S).sum(axis=1),
    }


def rows_of(region):
    return slice(region * S, region * S + S)


def cut(seller, buyer, share, goods=tuple(range(S))):
    def change(A, Y):
        for i in goods:
            A[seller * S + i, rows_of(buyer)] *= 1 - share
            Y[seller * S + i, buyer] *= 1 - share

    return change


def shift(seller, buyer, share, goods, targets, world):
    """Cell by cell, in proportion to what the user buys of the targets."""
    x = world.x[-1]

    def change(A, Y):
        old_A, old_Y = A.copy(), Y.copy()
        users = [(A, j) for j in range(buyer * S, buyer * S + S)] + [(Y, buyer)]
        for table, j in users:
            old = old_A if table is A else old_Y
            for i in goods:
                moved = share * old[seller * S + i, j]
                able = [r for r in targets if x[r * S + i] > 0]
                bought = np.array([max(old[r * S + i, j], 0) for r in able])
                if bought.sum() == 0:
                    continue
                table[seller * S + i, j] -= moved
                for r, weight in zip(able, bought / bought.sum(), strict=True):
                    table[r * S + i, j] += moved * weight

    return change


def extract(rows, share=1.0):
    def change(A, Y):
        outside = [k for k in range(N) if k not in rows]
        A[np.ix_(rows, range(N))] *= 1 - share
        A[np.ix_(outside, rows)] *= 1 - share
        Y[rows] *= 1 - share

    return change


def both(*changes):
    def change(A, Y):
        for one in changes:
            one(A, Y)

    return change


def without_inputs(sellers, users):
    def change(A, Y):
        A[np.ix_(sellers, users)] = 0

    return change


def grown(A, Y):
    Y[[0, S, 2 * S, 3 * S, 4 * S], 1] *= 1.3


def cases(world):
    of = tx.shocks
    goods = ["S0", "S1"]
    third = [q for q in range(C) if q not in (0, 3)]
    sector = [r * S + 2 for r in range(C)]
    own, other = range(S, 2 * S), [k for k in range(N) if k // S != 1]
    abroad = [q for q in range(C) if q != 1]
    links = {
        "backward": without_inputs(other, own),
        "forward": without_inputs(own, other),
        "exports": both(*(cut(1, q, 1.0) for q in abroad)),
        "imports": both(*(cut(q, 1, 1.0) for q in abroad)),
    }
    return {
        "cut": (of.Cut("R0", "R3", percent=30), cut(0, 3, 0.3)),
        "cut of goods": (
            of.Cut("R0", "R3", sectors=goods, both_ways=True),
            both(cut(0, 3, 1.0, (0, 1)), cut(3, 0, 1.0, (0, 1))),
        ),
        "third": (
            of.Shift("R0", "R3", percent=40),
            shift(0, 3, 0.4, range(S), third, world),
        ),
        "home": (
            of.Shift("R0", "R3", sectors=goods, to="home"),
            shift(0, 3, 1.0, (0, 1), [3], world),
        ),
        "named": (
            of.Shift("R0", "R3", to=["R1", "R4"]),
            shift(0, 3, 1.0, range(S), [1, 4], world),
        ),
        "sector": (of.Extract(sectors="S2"), extract(sector)),
        "half an industry": (
            of.Extract(regions="R1", sectors="S3", percent=50),
            extract([S + 3], 0.5),
        ),
        **{
            name: (of.Extract(regions="R1", links=name), change)
            for name, change in links.items()
        },
        "pair": (
            of.Extract(regions="R1", partners="R4", links="trade"),
            both(cut(1, 4, 1.0), cut(4, 1, 1.0)),
        ),
        "inputs": (
            of.Cut("R1", "R4", uses="intermediate"),
            without_inputs(own, range(4 * S, 5 * S)),
        ),
        "demand": (of.Demand(importers="R1", sectors="S0", percent=30), grown),
        "together": (
            [of.Cut("R0", "R3", percent=50), of.Cut("R0", percent=20)],
            both(cut(0, 3, 0.5), *(cut(0, q, 0.2) for q in range(1, C))),
        ),
        **{
            f"without R{r}": (
                of.Extract(regions=f"R{r}"),
                extract(range(r * S, r * S + S)),
            )
            for r in range(C)
        },
    }


def test_every_kind_is_the_literal_solution_of_the_changed_table(world):
    """Also each country extracted, all at once."""
    wanted = cases(world)
    shocks = {name: shock for name, (shock, _) in wanted.items()}
    found = tx.scenarios(world, shocks, measures=FLOWS)
    for name, (_, change) in wanted.items():
        answer = literal(world, change)
        for measure in FLOWS:
            right = answer[measure]
            assert_allclose(
                values(found, measure, name)[list(world.regions)],
                right,
                rtol=RTOL,
                atol=RTOL * max(1.0, np.abs(right).max()),
                err_msg=f"{name}: {measure}",
            )
    assert found.residual_max < 1e-12
    assert found.identity_max < 1e-12


def test_a_dense_solution_and_an_update_of_the_inverse_agree(world, monkeypatch):
    from tivax.engine.scenarios import evaluate

    shocks = [tx.shocks.Shift("R0", "R3", percent=40), tx.shocks.Extract(regions="R1")]
    plan = make_plan(world, shocks)
    by_update = np.concatenate(list(plan.rows()))
    monkeypatch.setattr(evaluate, "_HIGHEST_RANK", -1.0)
    by_solving = np.concatenate(list(plan.rows()))
    known = len(evaluate.FIELDS) * C
    assert_allclose(by_update[:, :known], by_solving[:, :known], rtol=RTOL, atol=1e-9)


# ------------------------------------------------------------------------- identities


def test_no_shock_changes_nothing(world):
    nothing = {
        kind: SHOCKS[kind](exporters="R0", percent=0)
        for kind in ("cut", "shift", "demand")
    } | {"extract": tx.shocks.Extract(regions="R0", percent=0)}
    found = tx.scenarios(world, nothing, measures=FLOWS)
    scale = found.table["before"].abs().clip(lower=1)
    assert (found.table["change"].abs() / scale).max() < 1e-12
    prices = tx.scenarios(world, tx.shocks.Price(exporters="R0", percent=0))
    assert (prices.table["change"] == 0).all()


def test_of_a_negative_base_there_is_no_change_in_per_cent(world):
    """An industry whose inputs cost more than it makes: less demand, a smaller loss."""
    Z = np.array(world.Z)
    Z[-1, :, 0] *= 1.5 * world.x[-1, 0] / Z[-1, :, 0].sum()
    loss = replace(world, Z=Z)
    less = tx.shocks.Demand(percent=-10)
    row = tx.scenarios(loss, less, industries=True).industries.iloc[0]
    assert row["before"] < 0 < row["change"]
    assert np.isnan(row["percent"])


def test_the_base_is_what_the_measures_say(world):
    found = tx.scenarios(
        world, tx.shocks.Cut("R0", "R1"), years=[2000, 2001], measures=FLOWS
    )
    names = {"gross_exports": "exports", "gross_imports": "imports"}
    wanted = tx.value_added_trade(world, by="region").data.rename(names)
    for measure in ("exports", "imports", "va_exports", "va_imports", "tbi"):
        rows = found.table[
            (found.table["measure"] == measure) & (found.table["region"] != "WLD")
        ]
        assert_allclose(
            rows["before"], wanted[measure].values.ravel(), rtol=RTOL, atol=1e-12
        )


def test_without_trade_what_is_absorbed_at_home_is_left(world):
    found = tx.scenarios(
        world,
        {"exports": tx.shocks.Extract(links="exports"), "cut": tx.shocks.Cut()},
        measures=["value_added", "va_exports", "exports"],
    )
    A, Y = system(world, -1)
    v = np.where(world.x[-1] > 0, 1 - A.sum(axis=0), 0)
    at_home = [
        v[rows_of(r)]
        @ np.linalg.solve(np.eye(S) - A[rows_of(r), rows_of(r)], Y[rows_of(r), r])
        for r in range(C)
    ]
    for name in ("exports", "cut"):
        made = values(found, "value_added", name)[list(world.regions)]
        assert_allclose(made, at_home, rtol=RTOL)
        assert_allclose(values(found, "va_exports", name), 0, atol=1e-9)
        assert_allclose(values(found, "exports", name), 0, atol=1e-9)


def test_linkages_are_the_extraction_of_each_industry(world):
    """Rank one for all industries at once, against a variant for each."""
    found = tx.linkages(world)
    each = {
        f"{r}:{i}": tx.shocks.Extract(regions=r, sectors=i)
        for r in world.regions[:2]
        for i in world.sectors
    }
    cut_off = tx.scenarios(world, each, measures=["value_added"])
    rows = cut_off.table[cut_off.table["region"] == "WLD"]
    lost = -rows["percent"].to_numpy() / 100
    assert_allclose(found["value_added_lost"][: 2 * S], lost, rtol=RTOL)


def test_flows_without_another_seller_stay(two):
    """B is the only other region: there is no third country."""
    found = tx.scenarios(two, tx.shocks.Shift("A", "B"), measures=["value_added"])
    assert (found.table["change"].abs() < 1e-10).all()
    assert_allclose(found.variants["unplaced"], 30, rtol=RTOL)
    assert_allclose(found.variants["moved"], 0)


def test_an_idle_industry_takes_nothing(world):
    """R2 does not make S1; what is to move there goes to nobody, or to the others."""
    found = tx.scenarios(
        world,
        {
            "alone": tx.shocks.Shift("R0", "R3", sectors="S1", to=["R2"]),
            "beside": tx.shocks.Shift("R0", "R3", sectors="S1", to=["R2", "R4"]),
        },
    )
    moved = found.variants.set_index("variant")[["moved", "unplaced"]]
    assert (moved > 0).to_numpy().tolist() == [[False, True], [True, False]]


def test_parts_of_a_region_are_at_home_with_each_other(world):
    """CN1 and CN2 of CHN: a cut between them is none, and the result is CHN's."""
    names = ("CHN", "CN1", "R2", "R3", "R4")
    split = replace(world, regions=names, parents={"CN1": "CHN"})
    found = tx.scenarios(
        split,
        {"all": tx.shocks.Cut("CHN", percent=100), "CN1": tx.shocks.Cut("CN1")},
        measures=["va_exports", "exports"],
    )
    assert set(found.table["region"]) == {"CHN", "R2", "R3", "R4", "WLD"}
    # A part has the name of its region: cutting either cuts all that is sold abroad.
    assert_allclose(values(found, "exports", "all")["CHN"], 0, atol=1e-9)
    wanted = tx.value_added_trade(split, by="region").data.sel(year=2001)
    base = found.table.query("variant == 'all' and measure == 'exports'")["before"]
    sold = wanted["gross_exports"].values
    assert_allclose(base, [*sold, sold.sum()], rtol=RTOL)


def test_value_added_may_be_the_row_of_the_table():
    made = random_tables(regions=C, sectors=S, years=1, seed=3)
    found = tx.scenarios(
        made, tx.shocks.Cut("R0", "R1"), measures=["value_added"], value_added="basic"
    )
    assert_allclose(
        found.table["before"][:C],
        np.reshape(np.array(made.value_added), (C, S)).sum(axis=1),
        rtol=1e-9,
    )


# --------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    "options, told",
    [
        ({"percent": 120}, "percent = 120: a cut takes 0 to 100 per cent"),
        ({"percent": -1}, "percent = -1: a cut takes 0 to 100 per cent"),
        ({"kind": "demand"}, "percent: give a number, such as 25, not None"),
        ({"kind": "demand", "percent": -101}, "percent = -101: final demand changes by"),
        ({"exporters": ["R0", "R0"]}, "exporters: R0 is given twice"),
        ({"kind": "price", "percent": 1, "importers": "R1"}, "importers: goes with of imports, not"),
        ({"kind": "shift", "to": "R0"}, "to: R0 is among the sellers that are left"),
        ({"kind": "shift", "to": ["home", "R1"]}, "to: home stands alone"),
        ({"exporters": ["all", "R1"]}, "exporters: all stands alone, without R1"),
    ],
)  # fmt: skip
def test_a_shock_that_is_none_is_refused(options, told):
    given = {"kind": "cut", "exporters": "R0", **options}
    line = error_of(SHOCKS[given.pop("kind")], **given)
    assert line.startswith(told)


@pytest.mark.parametrize(
    "shocks, options, told",
    [
        (tx.shocks.Cut("R9"), {}, "exporters: no region R9: did you mean"),
        (tx.shocks.Cut(importers="EU27"), {}, "importers: the tables have no member of EU27"),
        (tx.shocks.Cut(sectors="S9"), {}, "sectors: no sector S9"),
        (tx.shocks.Cut("R1", "R1"), {}, "cut of R1 to R1: sales at home only"),
        (tx.shocks.Shift("R1", to=["R8"]), {}, "to: no region R8"),
        ([], {}, "shocks: there is none; give at least one of tx.shocks"),
        ([[]], {}, "shocks: a variant without any shock"),
        (tx.shocks.Cut("R0"), {"years": 1999}, "no year 1999: the tables hold 2000"),
        (tx.shocks.Cut("R0"), {"measures": ["gdp"]}, "no measure gdp: choose from"),
        ([tx.shocks.Cut("R0"), tx.shocks.Price("R0", percent=1)], {}, "shocks: price shocks change no flows"),
        (tx.shocks.Price("R0", percent=1), {"measures": ["value_added"]}, "no measure value_added: did you mean"),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_the_tables_do_not_have_is_named(world, shocks, options, told):
    line = error_of(tx.scenarios, world, shocks, **options)
    assert line.startswith(told), line


@pytest.mark.filterwarnings("ignore:.*more inputs than output:tivax.TivaxWarning")
def test_a_table_that_is_not_productive_is_refused(two):
    """Column sums of A above 1."""
    bad = replace(two, Z=two.Z * 0 + [[[60.0, 50.0], [50.0, 60.0]]], Y=two.Y * 0 - 5)
    line = error_of(tx.scenarios, bad, tx.shocks.Cut("A", "B"))
    assert line.startswith("2000: ") and "spectral radius" in line


def test_the_last_year_is_the_latest_in_whatever_order_years_are_given():
    cut = tx.shocks.Cut(exporters=["R0"], importers=["R1"])
    world = random_tables(regions=4, sectors=3, years=2, seed=2)
    one, other = (
        tx.scenarios(world, {"cut": cut}, years=k) for k in ((2000, 2001), (2001, 2000))
    )
    assert one.sentence == other.sentence and "2001" in one.sentence
    assert one.titles() == other.titles()
    assert one.changes().equals(other.changes())


def test_names_of_countries_stand_for_their_codes(world):
    tables = replace(world, regions=("CHN", "DEU", "FRA", "USA", "ROW"))
    codes = tx.shocks.Shift("CHN", "USA", percent=50, to=["DEU"], name="s")
    words = tx.shocks.Shift(
        "China", "United States", percent=50, to=["germany"], name="s"
    )
    one, other = (tx.scenarios(tables, shock) for shock in (codes, words))
    np.testing.assert_array_equal(one.table["after"], other.table["after"])
    assert one.named == other.named == ("CHN", "USA", "DEU")
