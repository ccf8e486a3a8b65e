"""MARIO's folders: what is refused, and the unit and codes of what is read."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tivax.engine import open_store

import frame_files as ff
import published_forms as forms
from commands import good, mistake
from helpers import error_of
from source_files import read_all, refusal, small_table


@pytest.fixture
def frames():
    return ff.mario_frames(forms.mario_world())


def test_a_supply_and_use_table_is_refused_with_the_remedy(tmp_path, frames):
    for name in ("U", "S"):
        (tmp_path / f"{name}.txt").write_text("a,b\n")
    assert "S.txt: a supply and use table" in error_of(read_all, "mario", tmp_path)
    frames["Z"] = frames["Z"].rename({"Sector": "Activity"}, level=1)
    path = ff.write_mario(tmp_path / "w", frames, "csv")
    assert "rows are of the level Activity, not Sector" in refusal("mario", path)


def test_without_output_it_is_the_sum_of_the_row(tmp_path, frames):
    del frames["X"]
    (table,) = read_all("mario", ff.write_mario(tmp_path / "w", frames, "csv"))
    assert table.output_is_row_sum
    assert_array_equal(table.x, forms.mario_world().x)


@pytest.mark.parametrize("name", ["Y", "units"])
def test_a_file_that_is_missing_is_named(tmp_path, frames, name):
    del frames[name]
    path = ff.write_mario(tmp_path / "w", frames, "txt")
    assert f"no {name}.txt beside it" in refusal("mario", path)


def test_the_year_must_be_told_and_units_be_one(tmp_path, frames):
    path = ff.write_mario(tmp_path / "w", frames, "txt")
    (tmp_path / "w" / "metadata.json").write_text('{"year": null}')
    assert "nothing tells the year; end the name" in refusal("mario", path)
    (tmp_path / "w" / "metadata.json").write_text('{"year": 2012}')
    units = path.with_name("units.txt")
    units.write_text(units.read_text().replace("M.EUR", "t", 1))
    assert "has the units M.EUR, t" in error_of(read_all, "mario", tmp_path)
    (tmp_path / "w").rename(tmp_path / "w_2011")
    line = error_of(read_all, "mario", tmp_path)
    assert "the name says 2011, the content is 2012" in line


def test_another_separator_is_seen(tmp_path, frames):
    flows = tmp_path / "mario_2011" / "flows"
    flows.mkdir(parents=True)
    for name, frame in frames.items():
        frame.to_csv(flows / f"{name}.txt", sep="\t")
    (table,) = read_all("mario", tmp_path)
    assert_array_equal(table.Z, forms.mario_world().Z)


def test_an_import_keeps_unit_and_codes_of_countries(tmp_path):
    """Two letters become three, unless they are no country's."""
    world = small_table(2011, ("FD", "Stocks"), regions=("AT", "ZZ", "RoW"))
    ff.write_mario(tmp_path / "mario_2011", ff.mario_frames(world), "parquet")
    ff.write_pymrio(tmp_path / "mrio_2011", ff.pymrio_frames(world), "txt")
    for source, folder in (("mario", "mario_2011"), ("pymrio", "mrio_2011")):
        store = tmp_path / f"store_{source}"
        good("import", source, tmp_path / folder, "--out", store, "--quiet")
        tables = open_store(store)
        assert tables.regions == ("AUT", "ZZ", "ROW") and tables.unit == "M.EUR"
        assert (tables.value_added is None) == (source == "mario")
        assert_array_equal(np.asarray(tables.Z)[0], world.Z)


def test_years_of_different_units_are_refused(tmp_path, frames):
    ff.write_mario(tmp_path / "raw" / "a_2011", frames, "txt")
    frames["units"].iloc[:] = "k.EUR"
    ff.write_mario(tmp_path / "raw" / "a", frames, "txt", year=2012)
    line = mistake("import", "mario", tmp_path / "raw", "--out", tmp_path / "store")
    assert "in k.EUR, but a_2011/flows/Z.txt: 2011 in M.EUR" in line
