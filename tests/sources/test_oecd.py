import pytest
import zarr
from numpy.testing import assert_array_equal

from tivax.engine import import_tables, open_store
from tivax.engine.sources.tables.oecd import EDITIONS, PARENTS

from commands import tivax
from helpers import error_of
from oecd_files import VARIANTS, cells, oecd_table, write_csv, write_oecd
from source_files import assert_holds, cell, read_all, refusal, zipped


def small(folder, name="2019_SML.csv"):
    """A small file of the edition of 2025."""
    return write_oecd(folder / name, oecd_table("2025"), "2025")


# ------------------------------------------------------------------ what is read


@pytest.mark.parametrize("edition, sectors", [("2021", 45), ("2023", 45), ("2025", 50)])
def test_editions_have_the_published_number_of_sectors(edition, sectors):
    assert len(set(EDITIONS[edition].sectors.split())) == sectors


def test_the_name_does_not_decide_the_edition(tmp_path):
    world = oecd_table("2025", extended=True)
    (table,) = read_all("oecd", write_oecd(tmp_path / "2018_SML.csv", world, "2025"))
    assert table.edition == "edition 2025, extended"


def test_taxes_may_be_a_row_for_each_region_that_levies_them(tmp_path):
    world = oecd_table("2023", extended=True)
    path = write_oecd(tmp_path / "2018.csv", world, "2023", taxes_by_region=True)
    assert_holds(read_all("oecd", path)[0], world)


def test_direct_purchases_abroad_go_by_their_older_code_too(tmp_path):
    world = oecd_table("2021", extended=True)
    rows = cells(world, "2021")
    rows[0] = [label.replace("DPABR", "P33") for label in rows[0]]
    (table,) = read_all("oecd", write_csv(tmp_path / "ICIO2021_2018.csv", rows))
    assert_holds(table, world)


def test_a_blank_cell_is_zero(tmp_path):
    rows = cells(oecd_table("2025"), "2025")
    rows[1][2] = ""
    (table,) = read_all("oecd", write_csv(tmp_path / "2018_SML.csv", rows))
    expected = oecd_table("2025").Z
    expected[0, 1] = 0
    assert_array_equal(table.Z, expected)


# ------------------------------------------------------------------ where it is read


@pytest.mark.parametrize("name", ["ICIO2021.csv", "table.csv", "2016-2018.csv"])
def test_a_name_without_one_year_is_refused(tmp_path, name):
    message = refusal("oecd", small(tmp_path, name))
    assert message.startswith(f"{name}: the name does not tell the year; give the file")


def test_archives_in_an_archive_are_read(tmp_path):
    """As the extended tables of November 2023 came."""
    inner = []
    for year in (2016, 2017):
        path = small(tmp_path, f"{year}.csv")
        inner.append(zipped(tmp_path / f"{year}.zip", path))
        path.unlink()
    outer = zipped(tmp_path / "2016-2020.zip", *inner, folder="ICIO/")
    tables = read_all("oecd", outer)
    assert [table.year for table in tables] == [2016, 2017]
    assert tables[1].origin == "2016-2020.zip:ICIO/2017.zip:2017.csv"
    assert_array_equal(tables[1].Z, oecd_table("2025").Z)


@pytest.mark.parametrize("at", [0.5, 0.999])
def test_a_damaged_archive_in_an_archive_is_refused(tmp_path, at):
    inner = zipped(tmp_path / "2016.zip", small(tmp_path, "2016.csv"))
    data = bytearray(inner.read_bytes())
    data[int(at * len(data))] ^= 0xFF
    inner.write_bytes(data[: int(len(data) * (1 if at == 0.5 else 0.9))])
    outer = zipped(tmp_path / "2016-2020.zip", inner)
    assert "the file is damaged or incomplete, get it again" in refusal("oecd", outer)


# ---------------------------------------------------------------- wrong contents


def swap_rows(rows):
    rows[2][0], rows[3][0] = rows[3][0], rows[2][0]


def swap_columns(rows):
    rows[0][2], rows[0][3] = rows[0][3], rows[0][2]


def rename_sector(rows):
    for row in rows:
        row[0] = row[0].replace("_A01", "_01T03")
    rows[0] = [label.replace("_A01", "_01T03") for label in rows[0]]


def drop_parent(rows):
    """CHN is renamed everywhere, its parts are not."""
    for row in (*rows[1:], rows[0]):
        row[0] = row[0].replace("CHN_", "CHX_")
    rows[0] = [label.replace("CHN_", "CHX_") for label in rows[0]]


def totals_of_2021(rows):
    rows[-2][0], rows[-1][0] = "VALU", "OUTPUT"


@pytest.mark.parametrize(
    "change, message",
    [
        (cell(4, 0, "CHN_C24A"), "rows lack CHN:A01"),
        (swap_rows, "rows are in another order, first at position 5 (CHN:C24A"),
        (swap_columns, "columns are in another order, first at position 2"),
        (rename_sector, "the sectors 01T03 are of no edition that is read here; those"),
        (cell(0, 3, "AUS_C24A"), "columns lack AUS:J62_63"),
        (cell(0, -1, "TOTAL"), "columns lack OUT"),
        (drop_parent, "holds CN1, a part of CHN, but not CHN"),
        (totals_of_2021, "rows below the industries lack VA, OUT"),
        (cell(-3, 0, "TXS"), "rows below the industries lack TLS"),
        (cell(5, 7, "n.a."), "a cell holds 'n.a.', not a number"),
    ],
    ids=lambda value: getattr(value, "__name__", "")[:20],
)
def test_a_file_with_other_contents_is_refused(tmp_path, change, message):
    extended = change is drop_parent
    rows = cells(oecd_table("2025", extended=extended), "2025")
    change(rows)
    assert message in refusal("oecd", write_csv(tmp_path / "2018_SML.csv", rows))


def import_refusal(folder):
    return error_of(import_tables, "oecd", [folder], folder.parent / "store")


def test_cells_that_lost_their_decimal_point_are_refused(tmp_path):
    """As a copy of the table of 2020 in circulation has them."""
    rows = cells(oecd_table("2025"), "2025")
    for row in rows[1:]:
        row[1:] = [f"{float(cell) / 8:.3f}" for cell in row[1:]]
    (tmp_path / "raw").mkdir()
    path = tmp_path / "raw" / "2020_SML.csv"
    import_tables("oecd", [write_csv(path, rows)], tmp_path / "whole")
    for row in rows[1:]:
        row[1:] = [
            cell.replace(".", "") if cell[-1] == "5" else cell for cell in row[1:]
        ]
    write_csv(path, rows)
    assert "industries do not balance" in import_refusal(tmp_path / "raw")


# ----------------------------------------------------------------------- the store


@pytest.mark.parametrize("edition, extended, name", VARIANTS)
def test_the_store_knows_the_edition_and_the_split_regions(
    tmp_path, edition, extended, name
):
    world = oecd_table(edition, extended=extended)
    path = write_oecd(tmp_path / name, world, edition)
    done = tivax("import", "oecd", path, "--out", tmp_path / "store")
    assert done.code == 0, done.err
    store = open_store(tmp_path / "store", lazy=True)
    whole = len(store.regions) - len(store.parents)
    assert f"store: {whole} regions x" in done.out
    for parent in set(store.parents.values()):
        parts = ", ".join(k for k, v in PARENTS.items() if v == parent)
        assert f"{parent} has the parts {parts}" in done.out
    assert store.parents == (PARENTS if extended else {})
    assert store.select(2018, 2018).parents == store.parents
    assert_array_equal(store.Z[0], world.Z)
    assert_array_equal(store.Y[0], world.Y)
    assert store.value_added is not None
    assert_array_equal(store.value_added[0], world.value_added)
    title = zarr.open_group(tmp_path / "store", mode="r").attrs["title"]
    assert title == f"OECD Inter-Country Input-Output Tables, {world.edition}"


def test_years_of_two_editions_are_not_imported_together(tmp_path):
    (tmp_path / "raw").mkdir()
    write_oecd(tmp_path / "raw" / "2018_SML.csv", oecd_table("2023"), "2023")
    small(tmp_path / "raw", "2019_SML.csv")
    message = import_refusal(tmp_path / "raw")
    assert "lacks sector A01_02" in message
    assert "import years of one edition together" in message
