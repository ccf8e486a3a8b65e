import numpy as np
import pytest
from numpy.testing import assert_array_equal

from helpers import write_arrays
from source_files import assert_holds, read_all, refusal, small_table, zipped


def world(year=2000, categories=("household", "other")):
    return small_table(year, categories)


def write(folder, of=2000, name="table_{}.npz", **changes):
    """The archive of a year; a change to None leaves the key out."""
    return write_arrays(folder / name.format(of), world(of), **changes)


# ------------------------------------------------------------------ what is read


def test_final_demand_without_categories_is_one_category(tmp_path):
    Y = world().Y.sum(axis=2)
    (table,) = read_all("arrays", write(tmp_path, Y=Y, categories=None))
    assert table.categories == ("FD",)
    assert_array_equal(table.Y[:, :, 0], Y)


def test_categories_without_names_are_numbered(tmp_path):
    (table,) = read_all("arrays", write(tmp_path, categories=None))
    assert table.categories == ("F1", "F2")


def test_value_added_may_be_absent(tmp_path):
    (table,) = read_all("arrays", write(tmp_path, va=None))
    assert table.value_added is None


def test_integers_single_precision_and_numbered_sectors_are_converted(tmp_path):
    path = write(
        tmp_path, Z=world().Z.astype("int32"), x=world().x.astype("float32"),
        sectors=np.array([15, 16]), year=np.array([2000.0]),
    )  # fmt: skip
    (table,) = read_all("arrays", path)
    assert table.sectors == ("15", "16") and table.year == 2000
    assert table.Z.dtype == table.x.dtype == np.float64


def test_region_codes_are_those_of_tivax(tmp_path):
    (table,) = read_all(
        "arrays", write(tmp_path, regions=np.array(["AUS", "ROM", "RoW"]))
    )
    assert table.regions == ("AUS", "ROU", "ROW")


def test_a_folder_and_an_archive_are_read_in_order_of_year(tmp_path):
    """The year is the one in the file, whatever the name."""
    folder = tmp_path / "tables"
    folder.mkdir()
    write(folder, 2005, name="a.npz")
    write(folder, 1999, name="b.npz")
    archive = zipped(tmp_path / "more.zip", write(tmp_path, 2001))
    tables = read_all("arrays", archive, folder)
    assert [table.year for table in tables] == [1999, 2001, 2005]
    assert_holds(tables[0], world(1999))
    assert_holds(tables[1], world(2001))


# ---------------------------------------------------------------- damaged files


def test_an_archive_with_a_changed_byte_is_refused(tmp_path):
    path = write(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.index(world().Z.tobytes()) + 9] ^= 0xFF
    path.write_bytes(data)
    assert "damaged or incomplete" in refusal("arrays", path)


def test_numbers_that_are_no_letters_are_no_label(tmp_path):
    damaged = np.array([0x110000, 49], np.uint32).view("U1")
    told = refusal("arrays", write(tmp_path, sectors=damaged))
    assert "sectors holds what is no letter" in told


# ---------------------------------------------------------------- wrong contents


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"year": 2001}, "name says 2000, the content is 2001"),
        ({"year": np.array([2000, 2001])}, "year is [2000, 2001], not one whole number"),
        ({"year": 0}, "year is 0, not one whole number from 1 to 9999"),
        ({"year": None}, "lacks year, it has"),
        ({"x": None}, "lacks x, it has"),
        ({"value_added": np.ones(6)}, "unknown value_added; the keys are Z, Y, x"),
        ({"Z": np.ones((6, 5))}, "Z has shape (6, 5), but"),
        ({"Y": np.ones((6, 3))}, "Y has shape (6, 3, 1), but"),
        ({"Y": np.ones(6)}, "Y has shape (6,), but"),
        ({"Y": np.ones((3, 6, 2))}, "Y has shape (3, 6, 2), but"),
        ({"x": np.ones(5)}, "x has shape (5,), but"),
        ({"va": np.ones((6, 1))}, "va has shape (6, 1), but"),
        ({"Z": np.full((6, 6), "1")}, "Z has dtype <U1, not numbers"),
        ({"x": np.ones(6, complex)}, "x has dtype complex128, not numbers"),
        ({"regions": np.array(["AUS", "ROU"])}, "Z has shape (6, 6), but"),
        ({"regions": np.array(["AUS", "ROW", "RoW"])}, "regions hold ROW more than once"),
        ({"sectors": np.array(["c1", "c1"])}, "sectors hold c1 more than once"),
        ({"sectors": np.array([], str)}, "no sectors"),
        ({"sectors": np.array([["c1", "c2"]])}, "sectors is no list of labels"),
        (
            {"regions": np.array(["AUS", "ROU", "ROW"], object)},
            "regions is an array of Python objects, which are not read",
        ),
        ({"Z": np.ones((6, 6), object)}, "Z is an array of Python objects"),
        ({"parents": np.array(["ROU", "AUS"])}, "parents has shape (2,) and dtype <U3"),
        ({"parents": np.array([["CN1", "AUS"]])}, "CN1 is a part of AUS, but there is no region CN1"),
        ({"parents": np.array([["ROU", "AUS"], ["ROU", "ROW"]])}, "parts in parents hold ROU more than once"),
    ],
)  # fmt: skip
def test_an_archive_that_is_not_a_whole_table_is_refused(tmp_path, changes, message):
    assert message in refusal("arrays", write(tmp_path, **changes))
