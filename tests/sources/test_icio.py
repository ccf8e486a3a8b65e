from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tivax as tx
from tivax.engine import import_tables, open_store

from helpers import error_of
from large_files import icio_world, write_icio
from source_files import assert_holds, read_all, refusal, small_table


def test_a_table_of_wiod_is_the_range_that_the_manual_names(tmp_path):
    """By hand: 44 x 56 industries and 5 uses are 2,464 rows of 2,684 numbers; here 3
    regions, 2 sectors and 2 uses are 6 rows of 12."""
    path = write_icio(tmp_path)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    assert (len(rows), {len(row) for row in rows}) == (6, {12})
    (table,) = read_all("icio", path)
    assert table.Z[1, 0] == float(rows[1][0]) and table.Y[1, 2, 1] == float(rows[1][11])
    assert_holds(table, icio_world())


def test_tables_come_back_to_the_last_digit_with_their_names(tmp_path):
    rng = np.random.default_rng(0)
    world = tx.synthetic_world(regions=4, sectors=3, years=2, seed=1)
    world = replace(world, Z=world.Z[:] * (1 + 1e-3 * rng.random(world.Z.shape)))
    folder = tx.to_icio(world, tmp_path / "icio", name="world")
    again = import_tables("icio", [folder], tmp_path / "store")
    read = open_store(again.path)
    for name in ("years", "regions", "sectors", "categories"):
        assert getattr(read, name) == getattr(world, name)
    for name in ("Z", "Y"):
        assert_array_equal(getattr(read, name), getattr(world, name))


def test_quoted_numbers_with_thousands_separators_are_refused(tmp_path):
    """Else "1,000.5" is two cells, and a row of 12 one of 24: final demand."""
    path = write_icio(tmp_path)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    quoted = [",".join(f'"{float(k):,.1f}"' for k in row) for row in rows]
    path.write_text("\n".join(quoted) + "\n")
    assert "write numbers without separators of thousands" in refusal("icio", path)


def test_the_list_of_its_name_is_taken_where_there_are_several(tmp_path):
    path = write_icio(tmp_path)
    (tmp_path / "adb_countrylist.csv").write_text("AUS\n")
    (table,) = read_all("icio", path)
    assert table.regions == ("AUS", "ROU", "ROW")


@pytest.mark.parametrize(
    "regions, words",
    [
        (["AUS", "ROU", "ROW", "USA", "DEU"], "6 rows and 12 columns are no table of"),
        (["AUS", "AUS", "ROW"], "hold AUS more than once"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(tmp_path, regions, words):
    path = write_icio(tmp_path, regions=regions)
    message = refusal("icio", path, tmp_path / "EM_countrylist.csv")
    assert words in message


def test_a_table_without_a_list_of_regions_is_refused(tmp_path):
    path = write_icio(tmp_path)
    (tmp_path / "EM_countrylist.csv").unlink()
    assert "no countrylist.csv beside it" in refusal("icio", path)


def test_a_csv_with_labels_is_refused(tmp_path):
    path = write_icio(tmp_path)
    path.write_text("AUS_c1" + path.read_text()[4:])
    assert "a cell holds 'AUS_c1" in refusal("icio", path)


@pytest.mark.parametrize("name", ["2015", "a/b", "", "w_2015"])
def test_a_name_that_is_none_writes_nothing(tmp_path, name):
    world = tx.synthetic_world(regions=3, sectors=2, years=1, seed=0)
    assert "cannot begin a file's name" in error_of(
        tx.to_icio, world, tmp_path / "out", name=name
    )
    assert not (tmp_path / "out").exists()


def test_a_folder_that_exists_is_kept(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    world = tx.synthetic_world(regions=3, sectors=2, years=1, seed=0)
    told = error_of(tx.to_icio, world, tmp_path / "out")
    assert told.endswith("out: exists already; give a new folder")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_a_label_with_a_comma_is_refused(tmp_path):
    table = small_table(2000, ("F1",), sectors=("a, b", "c"))
    world = tx.WorldTables(
        years=(2000,),
        regions=table.regions,
        sectors=table.sectors,
        categories=table.categories,
        Z=table.Z[None],
        Y=table.Y[None],
        x=table.x[None],
    )
    assert "no comma or quote, as in a, b" in error_of(
        tx.to_icio, world, tmp_path / "o"
    )
