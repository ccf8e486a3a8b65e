from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tivax.engine import import_tables, open_store
from tivax.engine.sources.tables import emerging

from helpers import error_of
from large_files import emerging_world, write_emerging
from source_files import assert_holds, read_all, refusal


def test_a_row_of_the_file_is_what_an_industry_buys(tmp_path):
    """By hand: the first industry sells 10 + 2 + 23 to the second, which sells it 44."""
    (table,) = read_all("emerging", write_emerging(tmp_path))
    assert (table.Z[0, 1], table.Z[1, 0]) == (35, 44)
    assert table.industry(1) == "AUS:99 Electricity"
    assert (table.year, table.categories[0]) == (2023, "household")


@pytest.mark.parametrize(
    "name, group",
    [("global_mrio_{year}.mat", "mrio"), ("EMERGING_V2_{year}.mat", "EMERGING_V2")],
)
def test_version_1_and_files_with_a_group_are_read(tmp_path, name, group):
    world = emerging_world(2018)
    path = write_emerging(tmp_path, world, name=name, group=group)
    (table,) = read_all("emerging", path)
    assert_holds(table, world)


def test_a_year_that_does_not_fit_is_turned_in_a_temporary_file(tmp_path, monkeypatch):
    monkeypatch.setattr(emerging, "is_too_large", lambda n: True)
    monkeypatch.setattr(emerging, "_TOGETHER", 8 * 6 * 4)  # 4 buyers, then 2
    (table,) = read_all("emerging", write_emerging(tmp_path))
    assert isinstance(table.Z, np.memmap)
    assert_holds(table, emerging_world())


def test_a_disk_without_room_for_the_temporary_file_is_told(tmp_path, monkeypatch):
    path = write_emerging(tmp_path)
    monkeypatch.setattr(emerging, "is_too_large", lambda n: True)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=100))
    message = error_of(read_all, "emerging", path)
    assert "has no place there; free space, or name another folder in TMPDIR" in message


def test_output_that_its_rows_do_not_add_up_to_is_told(tmp_path):
    world = emerging_world()
    X = world.x * np.array([1.0, 1.005, 1.2, 1, 1, 1])
    path = write_emerging(tmp_path, world, X=X)
    done = import_tables("emerging", [path], tmp_path / "store")
    (doubt,) = done.doubts
    assert "X of the file is not the sum of the row in 1 industries of 6, " in doubt
    assert_array_equal(open_store(tmp_path / "store").x[0], world.x)


@pytest.mark.parametrize("name", ["z", "va", "X", "country_list", "final_list"])
def test_a_variable_that_is_missing_is_named(tmp_path, name):
    assert f"lacks {name}, it has" in refusal(
        "emerging", write_emerging(tmp_path, without=name)
    )


def test_arrays_that_do_not_fit_the_lists_are_refused(tmp_path):
    world = emerging_world()
    path = write_emerging(tmp_path, replace(world, sectors=(*world.sectors, "3 Fish")))
    message = refusal("emerging", path)
    assert "f has shape (6, 9), but the labels make it" in message


def test_the_matlab_files_of_old_are_refused_in_one_line(tmp_path):
    path = tmp_path / "EMERGING_V2_2023_m.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(600))
    assert "not a .mat file by its first bytes" in refusal("emerging", path)
    assert not (tmp_path / "store").exists()
