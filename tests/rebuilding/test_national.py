"""World tables from anybody's national tables: by hand, from a known truth, refused."""

import json
import shutil
import tomllib

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.rebuilding import write_national_example
from tivax.engine.sources import import_tables

from commands import good, mistake, names, tivax
from helpers import error_of

# ----------------------------------------------------------------- by hand: no choice

USES = pd.DataFrame(
    [
        ("AUT", "home", "goods", "goods", 20),
        ("AUT", "home", "goods", "services", 8),
        ("AUT", "home", "goods", "households", 30),
        ("AUT", "home", "goods", "exports", 14),
        ("AUT", "home", "services", "goods", 6),
        ("AUT", "home", "services", "households", 40),
        ("AUT", "home", "services", "exports", 2),
        ("AUT", "imported", "goods", "goods", 12),
        ("AUT", "imported", "goods", "households", 7),
        ("AUT", "imported", "services", "services", 3),
        ("DEU", "home", "goods", "goods", 50),
        ("DEU", "home", "goods", "households", 90),
        ("DEU", "home", "goods", "exports", 19),
        ("DEU", "home", "services", "goods", 15),
        ("DEU", "home", "services", "services", 25),
        ("DEU", "home", "services", "households", 110),
        ("DEU", "home", "services", "exports", 3),
        ("DEU", "imported", "goods", "goods", 4),
        ("DEU", "imported", "goods", "households", 10),
        ("DEU", "imported", "services", "households", 2),
    ],
    columns=["country", "origin", "product", "user", "value"],
)
TRADE = pd.DataFrame(
    [("AUT", "DEU", 16.0), ("DEU", "AUT", 22.0)], columns=["seller", "buyer", "value"]
)


def recipe(uses=USES, trade=TRADE, **others):
    return {
        "years": [2020],
        "countries": ["AUT", "DEU"],
        "sectors": ["goods", "services"],
        "final": ["households"],
        "uses": {"file": uses},
        "trade": [{"file": trade}],
    } | others


def test_two_countries_are_what_their_national_tables_say():
    """Each buys abroad from the other alone: nothing is left to a fit."""
    tables = tx.from_national(recipe())
    Z = [[20, 8, 4, 0], [6, 0, 0, 0], [12, 0, 50, 0], [0, 3, 15, 25]]
    Y = [[30, 10], [40, 2], [7, 90], [0, 110]]
    assert_allclose(tables.Z[0], Z, atol=1e-9)
    assert_allclose(tables.Y[0, :, :, 0], Y, atol=1e-9)
    assert tables.x.tolist() == [[72, 48, 159, 153]]
    assert (tables.unit, tables.source) == ("million US$", "national")


def test_other_years_of_a_file_are_left_out():
    uses = two_years(USES)
    uses.loc[uses["year"] == 2021, "value"] *= 3
    trade = TRADE.assign(year=2020.0)
    tables = tx.from_national(recipe(uses, trade))
    assert_allclose(tables.Z, tx.from_national(recipe()).Z, rtol=1e-12)


def test_users_of_a_country_share_its_partners():
    """AUT imports 10, 6 of it from DEU and 4 from CZE, for two users alike."""
    rows = [
        ("AUT", "home", "households", 50),
        ("AUT", "home", "exports", 1),
        ("AUT", "imported", "goods", 3),
        ("AUT", "imported", "households", 7),
        ("DEU", "home", "exports", 7),
        ("DEU", "imported", "households", 2),
        ("CZE", "home", "exports", 5),
        ("CZE", "imported", "households", 1),
    ]
    uses = pd.DataFrame(rows, columns=["country", "origin", "user", "value"])
    pairs = [("DEU", "AUT", 6), ("CZE", "AUT", 4), ("AUT", "DEU", 1)]
    pairs += [("CZE", "DEU", 1), ("DEU", "CZE", 1)]
    tables = tx.from_national(
        recipe(
            uses.assign(product="goods"),
            pd.DataFrame(pairs, columns=["seller", "buyer", "value"]),
            countries=["AUT", "DEU", "CZE"],
            sectors=["goods"],
        )
    )
    assert_allclose(tables.Z[0, :, 0], [0, 1.8, 1.2], atol=1e-8)
    assert_allclose(tables.Y[0, :, 0, 0], [50, 4.2, 2.8], atol=1e-8)


# -------------------------------------------------------------- a world that is known


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("national") / "example"
    return write_national_example(folder).parent


@pytest.fixture(scope="module")
def found(example):
    return tx.from_national(example / "recipe.toml")


@pytest.fixture(scope="module")
def true(example):
    return tx.from_long(pd.read_csv(example / "truth.csv"))


def cells_of(tables):
    """Year, seller, product, buyer, user."""
    t, c, s = len(tables.years), len(tables.regions), len(tables.sectors)
    parts = tables.Z.reshape(t, c, s, c, s), tables.Y.reshape(t, c, s, c, -1)
    return np.concatenate(parts, 4)


def test_home_blocks_and_output_are_exact(found, true):
    a, b = cells_of(found), cells_of(true)
    for k in range(3):
        assert_allclose(a[:, k, :, k], b[:, k, :, k], rtol=1e-12)
    assert_allclose(found.x, true.x, rtol=1e-12, atol=1e-6)
    sold = found.Z.sum(2) + found.Y.sum((2, 3))
    assert_allclose(sold, found.x, rtol=1e-12, atol=1e-6)


def abroad(cells):
    """Flows between countries: the first three regions."""
    cells = cells[:, :3, :, :3].copy()
    cells[:, range(3), :, range(3)] = 0
    return cells


def missed(a, b):
    """Sum of errors over sum."""
    return np.abs(a - b).sum() / np.abs(b).sum()


def test_margins_are_met_and_partners_are_near(found, true):
    a, b = abroad(cells_of(found)), abroad(cells_of(true))
    groups = [slice(0, 3), slice(3, 6)]
    for k in groups:
        for use in (slice(0, 6), slice(6, 11)):
            sums = (x[:, :, k, :, use].sum((2, 4)) for x in (a, b))
            assert_allclose(*sums, rtol=1e-8, atol=1e-6)
    # Within goods and services partners are in proportion; the truth is not.
    assert 0.01 < missed(a, b) < 0.25
    bought = (cells_of(k)[:, :, :, :3] for k in (found, true))
    bought = [x.sum(1) for x in bought]
    assert_allclose(*bought, rtol=1e-8, atol=1e-4)


def test_balances_of_trade_are_exact_and_those_of_value_added_equal_them(found, true):
    a, b = (cells_of(k).sum((2, 4)) for k in (found, true))
    balance = [x.sum(2) - x.sum(1) for x in (a, b)]
    assert_allclose(balance[0][:, :3], balance[1][:, :3], rtol=1e-7)
    va = tx.value_added_trade(found)["va_absorbed"].sum("sector").values
    assert_allclose(va.sum(2) - va.sum(1), balance[0], rtol=1e-9)


def test_the_index_of_countries_is_near(found, true):
    index = [tx.trade_benefit_index(k)["tbi"].values[:, :3] for k in (found, true)]
    # Its distance comes from value added that goes in circles through the rest.
    assert np.abs(index[0] - index[1]).max() < 0.004


@pytest.mark.filterwarnings("ignore:.*more inputs than output")
def test_all_is_recovered_where_trade_by_product_and_use_tells_it(true):
    """Users share partners, and trade is told by product, for inputs and each use."""
    cells = cells_of(true)[:1, :3, :, :3]
    users = np.random.default_rng(1).dirichlet(np.ones(6), (6, 3))
    cells[..., :6] = cells[..., :6].sum(4)[..., None] * users[None, None]
    cells[..., 10] = np.abs(cells[..., 10])  # trade is not below 0
    labels = (true.regions[:3], true.sectors, true.regions[:3])
    labels = (*labels, (*true.sectors, *true.categories))
    index = pd.MultiIndex.from_product(
        labels, names=["seller", "product", "buyer", "user"]
    )
    flows = pd.Series(cells[0].ravel(), index, name="value").reset_index()
    home = flows["seller"] == flows["buyer"]
    by = {
        "home": flows[home].assign(country=flows["buyer"], origin="home"),
        "exports": flows[~home].assign(
            country=flows["seller"], origin="home", user="exports"
        ),
        "imported": flows[~home].assign(country=flows["buyer"], origin="imported"),
    }
    keys = ["country", "origin", "product", "user"]
    uses = pd.concat(by.values()).groupby(keys, as_index=False)["value"].sum()
    use = np.where(flows["user"].isin(true.sectors), "inputs", flows["user"])
    trade = flows.assign(use=use)[~home]
    keys = ["seller", "buyer", "product", "use"]
    trade = trade.groupby(keys, as_index=False)["value"].sum()
    told = ["inputs", *true.categories]
    world = recipe(
        uses,
        countries=list(true.regions[:3]),
        sectors=list(true.sectors),
        final=list(true.categories),
    ) | {"trade": [{"file": trade, "uses": {k: k for k in told}}]}
    again = cells_of(tx.from_national(world))[0]
    assert missed(again, cells[0]) < 1e-8


def test_a_seed_that_is_the_truth_comes_back(example, true, tmp_path):
    for name in ("uses", "concordances"):
        shutil.copytree(example / name, tmp_path / name)
    for name in ("trade.csv", "totals.csv"):
        shutil.copy(example / name, tmp_path / name)
    import_tables("long", [example / "truth.csv"], tmp_path / "truth")
    text = (example / "recipe.toml").read_text()
    (tmp_path / "recipe.toml").write_text(text + '\n[seed]\nstore = "truth"\n')
    tables = tx.from_national(tmp_path / "recipe.toml")
    a, b = cells_of(tables), cells_of(true)
    # At home in the rest output and value added alone are known.
    a[:, 3, :, 3], b[:, 3, :, 3] = 0, 0
    # Of proportions a trace of 1e-5 is in the seed.
    assert missed(a, b) < 1e-4


def test_approximate_trade_need_not_be_met():
    trade = with_value(TRADE, 20.0, seller="DEU")
    near = recipe() | {"trade": [{"file": trade, "approximate": True}]}
    assert_allclose(tx.from_national(near).Z, tx.from_national(recipe()).Z, atol=1e-8)


def test_approximate_trade_moves_what_margins_leave_open():
    """Two countries and a rest: how much of its trade is theirs only trade tells."""
    totals = pd.DataFrame(
        [("ROW", "output", k, 900.0) for k in ("goods", "services")]
        + [("ROW", "value added", k, 500.0) for k in ("goods", "services")],
        columns=["country", "total", "product", "value"],
    ).assign(year=2020)
    world = recipe() | {"rest": {}, "totals": {"file": totals}}

    def sold(**how):
        trade = {"file": TRADE.assign(value=TRADE["value"] / 2), **how}
        cells = cells_of(tx.from_national(world | {"trade": [trade]}))
        return cells[0, 0, :, 1].sum()

    assert sold() == pytest.approx(8, rel=1e-8)
    assert sold(approximate=True) == pytest.approx(8, rel=0.01)
    assert sold(approximate=True, scale=0.5) == pytest.approx(4, rel=0.01)


def test_trade_with_the_rest_of_the_world_is_met_under_any_code(example, true):
    """Its partners are countries that the recipe does not name."""
    flows = pd.read_csv(example / "truth.csv").rename(
        columns={"region": "seller", "user_region": "buyer", "sector": "product"}
    )
    flows = flows[flows["seller"] != flows["buyer"]].replace({"ROW": "BRA"})
    trade = flows.groupby(["year", "seller", "buyer", "product"])["value"].sum()
    trade = trade.clip(lower=0).reset_index()
    told = in_memory(example)
    told["trade"] = [{"file": trade, "others": True}]
    a, b = (cells_of(k).sum(4) for k in (tx.from_national(told), true))
    a[:, 3, :, 3], b[:, 3, :, 3] = 0, 0
    assert missed(a, b) < 1e-7


def in_memory(example):
    """The recipe of the example as a mapping; files by their whole paths."""
    told = tomllib.loads((example / "recipe.toml").read_text())
    own = [told["uses"][k] for k in ("R01", "R02")]
    for section in (told["uses"], told["totals"], *own):
        for key in {"file", "concordance"} & set(section):
            section[key] = str(example / section[key])
    return told


# ------------------------------------------------------------------------- the store


@pytest.fixture(scope="module")
def imported(example, tmp_path_factory):
    store = tmp_path_factory.mktemp("national") / "store"
    return import_tables("national", [example / "recipe.toml"], store)


def test_the_store_says_that_it_is_rebuilt_and_what_margins_missed(imported):
    about = json.loads((imported.path / "zarr.json").read_text())["attributes"]
    assert about["source"] == "national"
    assert "a synthetic world, rebuilt" in about["title"]
    said = "Tables rebuilt from national tables: an estimate, not the published tables"
    assert imported.manifest["basis"] == said
    assert "rebuilt from national tables" in str(tx.open_store(imported.path))
    misses = about["rebuilt"]["misses"]
    names = ["exports of national tables", "imports of national tables", "trade.csv"]
    assert [k["margin"] for k in misses] == [n for n in names for _ in range(3)]
    assert {k["country"] for k in misses} == {"R01", "R02", "R03"}
    assert max(k["missed"] for k in misses) < 1e-8
    assert json.loads(about["manifest"])["rebuilt"] == about["rebuilt"]
    assert about["rebuilt"]["blocks"]["home"]["real"] == [2000, 2001]
    assert about["rebuilt"]["blocks"]["partners"]["estimated"] == [2000, 2001]
    assert len(imported.manifest["inputs"]) == 7


def test_value_added_of_national_tables_is_kept(imported, example):
    tables = tx.open_store(imported.path)
    uses = pd.read_csv(example / "uses/R03.csv")
    added = uses[uses["product"] == "value added"]["value"].to_numpy().reshape(2, 6)
    assert_allclose(tables.value_added[:, 12:18], added, rtol=1e-12)


# -------------------------------------------------------------------------- refusals


def without(frame, **labels):
    gone = np.logical_and.reduce([frame[k] == v for k, v in labels.items()])
    return frame[~gone]


def with_value(frame, value, **labels):
    which = np.logical_and.reduce([frame[k] == v for k, v in labels.items()])
    return frame.assign(value=frame["value"].where(~which, value))


def and_row(frame, *row):
    return pd.concat([frame, pd.DataFrame([row], columns=frame.columns)])


def two_years(frame):
    return pd.concat([frame.assign(year=k) for k in (2020, 2021)])


REFUSED = {
    "a country that is missing": (
        recipe(without(USES, country="DEU")),
        "frame of [uses.DEU]: no rows of DEU in 2020; add its national table, or take "
        "DEU out of the recipe's countries",
    ),
    "a year that is missing": (
        recipe(
            without(two_years(USES), country="DEU", year=2021),
            two_years(TRADE),
            years=[2020, 2021],
        ),
        "no rows of DEU in 2021; add them, or take the year out of the recipe's years",
    ),
    "trade of a year that is missing": (
        recipe(two_years(USES), TRADE.assign(year=2020), years=[2020, 2021]),
        "frame of [trade]: AUT sells nothing in 2021; add its rows, or take it out of "
        "the recipe's countries or years",
    ),
    "rows that do not make output": (
        recipe(and_row(USES, "DEU", "home", "goods", "output", 170)),
        "DEU, 2020, goods: uses and exports add up to 159, output is 170; correct the "
        "table, or allow more by tolerance, a share of output (1e-06 now)",
    ),
    "a label that nobody knows": (
        recipe(and_row(USES, "DEU", "home", "goodz", "goods", 1)),
        "product goodz of DEU is none of the recipe's labels: did you mean goods?",
    ),
    "trade in another unit": (
        recipe(trade=TRADE.assign(value=TRADE["value"] * 1000)),
        "frame of [trade]: exports of AUT in 2020 are 16,000, 1e+03 times those of its "
        "national table; is one in another unit? Write scale in the recipe",
    ),
    "inputs below 0": (
        recipe(with_value(USES, -6, country="AUT", product="services", user="goods")),
        "AUT, 2020, services: inputs of home products are -6; only final uses may be "
        "below 0: correct the file",
    ),
    "trade below 0": (
        recipe(trade=with_value(TRADE, -1.0, seller="AUT")),
        "frame of [trade]: AUT to DEU in 2020 is -1; trade is not below 0: correct it",
    ),
    "a product that nobody sells": (
        recipe(with_value(USES, 0, country="AUT", product="services", user="exports")),
        "recipe: 2020: countries import 5 of services, and export 3; add a rest of the "
        "world, [rest], or correct a national table",
    ),
    "margins that contradict": (
        recipe(trade=with_value(TRADE, 20.0, seller="DEU")),
        "recipe: 2020: margins contradict: the fit misses frame of [trade] of DEU by "
        "10 %, most in to AUT (2); correct a table, mark trade that is only near the "
        "truth by approximate = true, or allow more by may_miss (1e-05 now)",
    ),
    "a flow that is there twice": (
        recipe(trade=and_row(TRADE, "DEU", "AUT", 1.0)),
        "frame of [trade]: DEU, AUT is there twice; add the rows up",
    ),
    "imports that are exported again": (
        recipe(and_row(USES, "DEU", "imported", "goods", "exports", 2)),
        "DEU, 2020, goods: 2 of it is imported and exported again; take such re-exports "
        "out of exports and imports",
    ),
    "a rest of the world of unknown output": (
        recipe(rest={"code": "ROW"}),
        "recipe: nothing tells the output of ROW, goods, in 2020; give it in [totals], "
        "or a seed that has ROW",
    ),
    "two tables of trade of one name": (
        recipe() | {"trade": [{"file": TRADE}, {"file": TRADE}]},
        "recipe: two [[trade]] are called frame of [trade]; give each a name",
    ),
    "an unknown key": (recipe(seeds=1), "recipe: unknown key seeds; did you mean seed"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_mistake_is_one_line(what):
    told, said = REFUSED[what]
    message = error_of(tx.from_national, told)
    assert said in message
    assert "\n" not in message


def test_a_label_that_the_concordance_lacks_is_named(example, tmp_path):
    folder = tmp_path / "example"
    shutil.copytree(example, folder)
    table = folder / "concordances/R01.csv"
    table.write_text(table.read_text().replace("01b,S01\n", ""))
    message = error_of(
        import_tables, "national", [folder / "recipe.toml"], tmp_path / "store"
    )
    assert "R01.csv: product 01b of R01 is not in" in message
    assert "concordances/R01.csv; add a line from it to a common sector" in message
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("file", ["uses/R01.csv", "trade.csv", "totals.csv"])
def test_a_year_that_is_none_is_named(example, tmp_path, file):
    """The row would be left out as one of another year."""
    folder = tmp_path / "example"
    shutil.copytree(example, folder)
    table = folder / file
    head, first, *rest = table.read_text().split("\n")
    broken = first.replace("2000", "2o00", 1)
    assert broken != first
    table.write_text("\n".join([head, broken, *rest]))
    message = error_of(
        import_tables, "national", [folder / "recipe.toml"], tmp_path / "store"
    )
    assert "year 2o00 is none; write whole numbers, such as 2014" in message
    assert not (tmp_path / "store").exists()


def test_a_file_that_is_missing_is_named(example, tmp_path):
    folder = tmp_path / "example"
    shutil.copytree(example, folder)
    (folder / "uses/R02.csv").unlink()
    message = error_of(tx.from_national, folder / "recipe.toml")
    assert "no such file" in message and "R02.csv; put it there" in message


def test_a_store_is_cited_as_an_estimate(imported):
    said = tx.cite(imported.path)
    assert "@misc{rebuiltnational" in said
    assert "An estimate by tivax" in said


def test_the_command_writes_its_example_and_rebuilds_it(tmp_path):
    said = good("import", "national", "--example", tmp_path / "mine").out
    assert "next: tivax import national" in said
    assert names(tmp_path / "mine") == sorted(
        "concordances recipe.toml totals.csv trade.csv truth.csv uses".split()
    )
    store = tmp_path / "store"
    said = good("import", "national", tmp_path / "mine", "--out", store, "--quiet").out
    assert "4 regions x 6 sectors, 2 years, 2000-2001" in said
    assert "trade.csv: missed by " in said
    assert "an estimate, not the published tables" in said
    again = mistake("import", "national", "--example", tmp_path / "mine")
    assert "exists already; choose another name" in again
    assert "--example writes that of national" in tivax(
        "import", "long", "--example", tmp_path / "other"
    ).err.replace("\n", " ").replace("│ ", "").replace(" │", "")
