"""WIOD 2016 rebuilt from national tables: the layouts, and the real pieces."""

import json
import zipfile
from itertools import product

import numpy as np
import pandas as pd
import pytest
from national_pieces import cube_bytes, name_all, national_csv, true_pieces
from numpy.testing import assert_allclose

from tivax.engine import import_tables, open_store
from tivax.engine.errors import draw_flows
from tivax.engine.files import TableFile
from tivax.engine.measures import trade_benefit_index
from tivax.engine.publication import cite
from tivax.engine.rebuilding import COUNTRIES, REGIONS, YEARS
from tivax.engine.rebuilding.pieces import GROUP_MEMBERS
from tivax.engine.sources.tables import wiod2016_national as national

from commands import good, mistake
from helpers import error_of

pytestmark = pytest.mark.usefixtures("optimised")

SOURCE = "wiod2016-national"


# ------------------------------------------------------------------ finding the pieces


def test_every_piece_is_found_by_its_name(tmp_path):
    files = national.find([name_all(tmp_path)])
    assert [file.year for file in files] == list(YEARS)
    parts = files[0].parts
    assert parts["national tables AUS"].name == "niot.zip:AUS_NIOT_nov16.csv"
    assert parts["trade by 16 groups 2007"].name == "tariffwar_WIOD2007.mat"
    assert len(parts) == 43 + 8 + 15


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("niot.zip", "no national tables of AUS, AUT, BEL and 40 more"),
        ("trade_goods_services.dta", "who sells to whom each year"),
    ],
)
def test_a_piece_that_is_needed_is_named(tmp_path, name, told):
    folder = name_all(tmp_path / "raw")
    (folder / name).unlink()
    out = tmp_path / "S"
    assert told in mistake("import", SOURCE, folder, "--out", out)
    assert not out.exists()


def test_a_country_that_is_missing_is_named(tmp_path):
    folder = name_all(tmp_path)
    with zipfile.ZipFile(folder / "niot.zip", "w") as archive:
        for code in COUNTRIES:
            if code != "MLT":
                archive.writestr(f"{code}_NIOT_nov16.csv", "\n")
    message = error_of(national.find, [folder])
    assert "no national tables of MLT; MLT_NIOT_nov16.csv" in message


def test_two_files_of_a_piece_are_refused(tmp_path):
    folder = name_all(tmp_path)
    (folder / "schengen_new_agg_notau.dta").write_text("\n")
    message = error_of(national.find, [folder])
    assert "both hold trade between countries; give only one" in message


def test_shares_of_fifty_products_are_taken_not_those_of_three(tmp_path):
    folder = name_all(tmp_path)
    (folder / "Din2014.txt").write_text("1\n" * 2200)
    (folder / "three").mkdir()
    (folder / "three" / "Din2014.txt").write_text("1\n" * 132)
    found = national.find([folder])[0].parts["partners of 2014"]
    assert found.path.parent == folder


# -------------------------------------------------------------------- reading a piece


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return TableFile(path)


def test_a_national_table_is_read_exactly(tmp_path):
    file = written(tmp_path, "AUS_NIOT_nov16.csv", "\ufeff" + national_csv())
    assert np.array_equal(national.read_national(file), true_pieces().national[0])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda k: k[:2] + k[3:], "2000 has 119 rows, a national table has 120"),
        (lambda k: [*k[:2], k[3], k[2], *k[4:]], "rows of 2000 are in another order"),
        (lambda k: [k[0].replace("A02", "A2"), *k[1:]], "columns lack A02"),
        (lambda k: [*k[:2], k[2][:-1] + "x", *k[3:]], "AUS.csv: cannot be read"),
        (lambda k: k[: 2 + 120 * 14], "2014 has 0 rows"),
    ],
)
def test_a_damaged_national_table_is_refused(tmp_path, change, told):
    lines = national_csv().splitlines()
    file = written(tmp_path, "AUS.csv", "\n".join(change(lines)) + "\n")
    assert told in error_of(national.read_national, file)


def pairs_frame(pairs):
    years, kinds, sellers, buyers = pairs.shape
    at = product(range(years), range(kinds), range(sellers), range(buyers))
    frame = pd.DataFrame(at, columns=["year", "sec", "iso1", "iso2"])
    frame["imp_int"] = pairs.ravel() / 1e4
    for side in ("iso1", "iso2"):
        frame[side] = frame[side].map(dict(enumerate(COUNTRIES)))
    frame["year"], frame["sec"] = frame["year"] + 2000, frame["sec"] + 1
    return frame[["iso1", "iso2", "year", "sec", "imp_int"]]


def test_trade_between_countries_is_read_in_million(tmp_path):
    pairs = true_pieces().pairs
    path = tmp_path / "trade.dta"
    pairs_frame(pairs).to_stata(path, write_index=False)
    assert_allclose(national.read_pairs(TableFile(path)), pairs, rtol=1e-14)


def test_trade_of_a_pair_that_is_missing_is_counted(tmp_path):
    path = tmp_path / "trade.dta"
    pairs_frame(true_pieces().pairs)[1:].to_stata(path, write_index=False)
    message = error_of(national.read_pairs, TableFile(path))
    assert "trade of pairs lack 1 numbers" in message


def test_a_cube_is_read_exactly_and_in_its_order_only(tmp_path):
    flows = true_pieces().cubes[3]
    file = written(tmp_path, "WIOD2003.mat", cube_bytes(list(REGIONS), flows))
    assert np.array_equal(national.read_cube(file), flows)
    swapped = [REGIONS[1], REGIONS[0], *REGIONS[2:]]
    file = written(tmp_path, "WIOD2003.mat", cube_bytes(swapped, flows))
    message = error_of(national.read_cube, file)
    assert "countries are in another order, first at position 1" in message


# ------------------------------------------------------------------------- real pieces

EXACT = (2002, 2005, 2008, 2011, 2014)
# Mean distance of the index of 43 countries, and errors of value added between pairs
# over its sum, as a prototype of the recipe reached them, with room for rounding.
INDEX = dict(zip(EXACT, (2e-4, 1e-4, 1e-4, 1e-4, 5e-5), strict=True))
PAIRS = dict(zip(EXACT, (0.0105, 0.011, 0.0115, 0.0095, 0.0034), strict=True))


@pytest.fixture(scope="module")
def imported(shared, tmp_path_factory):
    """All years, rebuilt once: half a minute."""
    data = shared / "data"
    paths = [data / "wiod2016", data / "trade_models" / "complex_europe"]
    path = tmp_path_factory.mktemp("rebuilt") / "store"
    return import_tables(SOURCE, paths, path)


@pytest.fixture(scope="module")
def tables(imported):
    return open_store(imported.path, lazy=True)


@pytest.fixture(scope="module")
def result(tables):
    return trade_benefit_index(tables)


@pytest.fixture(scope="module")
def exact(shared):
    """Computed by others from the published tables."""
    frame = pd.read_csv(shared / "data" / "wiod2016" / "tbi_from_icio_5years.csv")
    return frame.rename(columns=str.lower).set_index(["year", "country"])


@pytest.mark.slow
def test_all_years_are_stored_and_nothing_is_missing(imported, tables):
    assert imported.years == tables.years == YEARS
    assert imported.pieces_missing == ()


@pytest.mark.parametrize("year", EXACT)
def test_the_index_is_that_of_the_published_tables(result, exact, year):
    true = exact.loc[year].reindex(COUNTRIES)
    found = result.tbi.sel(year=year, region=list(COUNTRIES))
    off = np.abs(found["tbi"].values - true["tbi"])
    assert off.mean() <= INDEX[year]
    assert off.max() <= 1e-3
    assert np.abs(found["va_exports"].values / true["vax"] - 1).mean() <= 4e-4


@pytest.mark.parametrize("year", EXACT)
def test_value_added_between_pairs_is_near_the_published_one(shared, result, year):
    flows = pd.read_stata(shared / "data" / "wiod2016" / "dva_gtrade.dta")
    flows = flows[(flows["year"] == year) & (flows["exporter"] != flows["importer"])]
    true = flows.set_index(["exporter", "importer"])["dva"]
    found = result.absorbed.sel(year=year).to_series().loc[true.index]
    assert np.abs(found - true).sum() / true.sum() <= PAIRS[year]


def test_the_index_is_that_of_the_printed_table(shared, result):
    """120 values; M73 of the rest of the world was chosen by them: one bit a year."""
    printed = pd.read_csv(shared / "paper" / "table1_tbi.csv")
    index = result.tbi["tbi"].to_series()
    found = index.loc[[*zip(printed["year"], printed["iso3"], strict=True)]]
    off = np.abs(found.to_numpy() - printed["tbi"].to_numpy())
    assert len(off) == 120
    assert off.mean() <= 1.2e-4
    assert off.max() <= 6e-4


def test_rows_add_up_to_output(tables):
    for table in tables:
        gap = np.abs(table.Z.sum(1) + table.Y.sum((1, 2)) - table.x)
        assert gap.max() <= 1e-7 * table.x.max()
        assert (gap <= 1e-7 * table.x + 1e-6).all()


def test_imports_by_product_and_use_are_those_of_the_national_tables(shared, tables):
    """Within rounding, product by product and use by use: half a million a cell."""
    table = tables.table(2007)
    raw = shared / "data" / "wiod2016" / "national" / "niot_nov16.zip"
    for code in ("DEU", "MLT"):
        d = REGIONS.index(code)
        printed = national.read_national(TableFile(raw, f"{code}_NIOT_nov16.csv"))[7]
        Y = table.Y.reshape(44, 56, 44, 5)[:, :, d]
        bought = Y.sum(0) - Y[d]
        assert np.abs(bought - printed[56:112, 56:61]).max() < 0.6
        Z = table.Z.reshape(44, 56, 44, 56)[:, :, d]
        inputs = (Z.sum(0) - Z[d]).sum(0)
        wanted = printed[112, :56] - Z[d].sum(0)
        assert np.abs(inputs - wanted).sum() / wanted.sum() < 1e-5


def test_the_balance_is_exports_less_imports_but_for_industries_without_output(
    tables, result
):
    """VAX - VAM = E - M + output of empty industries that a country absorbs.

    Value added does not count what industries without output sell.
    """
    for year in (2002, 2008):
        table = tables.table(year)
        n, c, s = table.x.size, 44, 56
        A = table.Z / np.where(table.x > 0, table.x, np.inf)
        absorbed = np.linalg.solve(np.eye(n) - A, table.Y.sum(2))
        empty = absorbed[table.x <= 0].sum(0)
        flows = table.Z.reshape(c, s, c, s).sum((1, 3))
        flows += table.Y.reshape(c, s, c, 5).sum((1, 3))
        balance = flows.sum(1) - flows.sum(0)
        # The rest of the world sells what is empty: there its sales count as exports.
        found = result.tbi.sel(year=year)
        gap = (found["va_exports"] - found["va_imports"]).values - balance
        assert_allclose(gap[:-1], empty[:-1], atol=1e-4)
        assert (empty[:-1].sum() > 1000) == (year == 2002)


@pytest.mark.parametrize("year", [2008, 2014])
def test_home_sales_are_those_of_the_cubes_which_no_step_uses(shared, tables, year):
    """16 groups of 43 countries, once outputs are raised as the cubes raise them."""
    folder = shared / "data" / "wiod2016" / "cubes"
    cube = national.read_cube(TableFile(folder / f"tariffwar_WIOD{year}.mat"))
    table = tables.table(year)
    made = np.where(table.x > 0.5, table.x, np.inf)
    wanted = np.maximum(table.Y, 0)
    raised = np.linalg.solve(np.eye(table.x.size) - table.Z / made, wanted.sum((1, 2)))
    inputs = (table.Z * np.where(table.x > 0.5, raised / made, 1)).reshape(
        44, 56, 44, 56
    )
    own = range(43)
    home = inputs[own, :, own].sum(2) + wanted.reshape(44, 56, 44, 5)[own, :, own].sum(
        2
    )
    off = np.abs(home @ GROUP_MEMBERS.T - cube[:, own, own].T)
    assert off.sum() / cube[:, own, own].sum() <= 3e-4


def test_value_added_at_basic_prices_is_that_of_the_national_tables(shared, tables):
    raw = shared / "data" / "wiod2016" / "national" / "niot_nov16.zip"
    printed = national.read_national(TableFile(raw, "DEU_NIOT_nov16.csv"))
    first = REGIONS.index("DEU") * 56
    for year in (2000, 2014):
        added = tables.table(year).value_added[first : first + 56]
        assert_allclose(added, printed[year - 2000, 117, :56], atol=0.51)
    basic = trade_benefit_index(tables.select(2014, 2014), "basic")
    assert np.isfinite(basic.tbi["tbi"].values).all()


def test_intervals_cover_what_the_published_tables_say(shared, tables, result):
    """One year, 20 draws: `tivax.bench.studies.rebuilding` has all, with 200."""
    year, codes = 2008, list(REGIONS)
    drawn = draw_flows(tables, "rebuilt", draws=20, years=[year])[:, 0]
    flows = pd.read_stata(shared / "data" / "wiod2016" / "dva_gtrade.dta")
    flows = flows[flows["year"] == year]
    true = flows.pivot(index="exporter", columns="importer", values="dva")
    true = true.loc[codes, codes].to_numpy()
    found = result.absorbed.sel(year=year, origin=codes, absorber=codes).values
    abroad = ~np.eye(44, dtype=bool)

    def index(flows):
        flows = np.where(abroad, flows, 0)
        out, into = flows.sum(-1), flows.sum(-2)
        return (out - into) / (out + into)

    # t(19); 44 indices and 1,892 pairs.
    for of, least in ((index, 0.9), (lambda k: k[..., abroad], 0.9)):
        se = of(drawn).std(axis=0, ddof=1)
        assert least <= (np.abs(of(found) - of(true)) <= 2.09 * se).mean()
    assert index(drawn).std(axis=0, ddof=1).mean() < 1e-4


# ------------------------------------------------------- it never looks like the published


def test_the_store_says_that_it_is_rebuilt(imported, tables):
    about = json.loads((imported.path / "zarr.json").read_text())["attributes"]
    assert (about["source"], tables.source) == ("rebuilt", "rebuilt")
    assert "rebuilt from national tables" in about["title"]
    assert "rebuilt from national tables" in str(tables)
    assert about["rebuilt"]["errors"]["partners"]["manufactures"]["inputs"] == 50
    assert about["rebuilt"]["blocks"]["users"]["estimated"] == list(YEARS)
    assert json.loads(about["manifest"])["rebuilt"] == about["rebuilt"]
    assert "rebuilt2016" in cite(imported.path)
    assert "Rebuilt from National Tables" in cite(imported.path, "text")


def test_results_figures_and_pages_say_it(imported, tmp_path):
    said = "Tables rebuilt from national tables: an estimate, not the published tables"
    out = tmp_path / "tbi"
    printed = good("tbi", imported.path, "--years", "2014", "--out", out, "--quiet").out
    assert said in printed
    assert json.loads((out / "manifest.json").read_text())["basis"] == said
    for name in ("tbi.svg", "va_balances.svg", "va_versus_gross.svg"):
        assert said in (out / "figures" / name).read_text()
    assert "rebuilt2016" in cite(out)
    page = tmp_path / "page.html"
    good("explore", out, "--out", page, "--quiet")
    assert said in page.read_text()  # beside the source, by the page's script


def test_what_is_missing_is_printed_with_its_cost(shared, exact, tmp_path):
    data = shared / "data" / "wiod2016"
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("national/niot_nov16.zip", "national/trade_goods_services.dta"):
        (raw / name.rpartition("/")[2]).symlink_to(data / name)
    out = tmp_path / "S"
    words = ("import", SOURCE, raw, "--years", "2014", "--out", out, "--quiet")
    lines = [k for k in good(*words).out.splitlines() if k.startswith("missing: ")]
    assert [k.removeprefix("missing: ").split(",")[0] for k in lines] == [
        "pieces.npz",
        "WIODyyyy.mat (tariffwar_WIODyyyy.mat)",
        "Din2014.txt and tariffs2014.txt",
        "WIOD.mat (imported_inputs_2014.mat)",
        "fin_demand.csv",
    ]
    poor = open_store(out)
    assert poor.years == (2014,)
    # The index hardly needs more than national tables: its balance is exact.
    index = trade_benefit_index(poor).tbi["tbi"].sel(year=2014, region=list(COUNTRIES))
    assert np.abs(index - exact.loc[2014].reindex(COUNTRIES)["tbi"]).mean() < 1e-3
