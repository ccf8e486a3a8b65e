import errno
import os
import signal
from itertools import count

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from tivax.engine import TivaxError, open_store
from tivax.engine.tables import WorldTables, row_slabs, store, write_store

from commands import run_fork
from helpers import error_of, random_tables

REGIONS, SECTORS, YEARS = 6, 2, 2
N = REGIONS * SECTORS
REGION = 8 * SECTORS * N  # bytes that one region sells


@pytest.fixture(scope="module")
def tables():
    return random_tables(regions=REGIONS, sectors=SECTORS, years=YEARS)


def cut(tables, folder, *, regions):
    """A store with so many regions of Z in a file."""
    write_store(tables, folder, largest_year=0, largest_file=regions * REGION)
    return folder


def files(folder):
    return sorted(str(k.relative_to(folder)) for k in folder.rglob("0") if k.is_file())


def assert_same(a, b):
    for name in ("Z", "Y", "x", "value_added"):
        assert_array_equal(getattr(a, name)[:], getattr(b, name)[:], err_msg=name)


@pytest.mark.parametrize("regions, in_year", [(1, 6), (2, 3), (3, 2), (5, 2), (9, 1)])
def test_files_have_as_many_regions_as_fit_all_the_same(
    tables, tmp_path, regions, in_year
):
    folder = cut(tables, tmp_path / "store", regions=regions)
    assert files(folder / "Z") == [
        f"c/{year}/{part}/0/0/0" for year in range(YEARS) for part in range(in_year)
    ]
    assert_same(open_store(folder), tables)
    assert_same(open_store(folder, lazy=True), tables)


def test_a_year_below_the_limit_is_one_file_of_the_older_format(tables, tmp_path):
    size = REGIONS * REGION
    write_store(tables, tmp_path / "at", largest_year=size, largest_file=REGION)
    write_store(tables, tmp_path / "above", largest_year=size - 1, largest_file=REGION)
    formats = [
        xr.open_zarr(tmp_path / k, consolidated=False).attrs["tivax_format"]
        for k in ("at", "above")
    ]
    assert formats == [2, 3]
    assert len(files(tmp_path / "at" / "Z")) == YEARS


def test_xarray_opens_a_store_in_several_files(tables, tmp_path):
    folder = cut(tables, tmp_path / "store", regions=2)
    with xr.open_zarr(folder, consolidated=False) as found:
        assert_array_equal(found["Z"].values.reshape(YEARS, N, N), tables.Z)


@pytest.mark.parametrize("regions", [1, 2, 6])
@pytest.mark.parametrize("rows", [1, SECTORS, 3 * SECTORS, 4 * SECTORS, 99])
def test_slabs_one_after_another_are_the_year(tables, tmp_path, regions, rows):
    """Whatever the files; and each is still itself when the next one is there."""
    lazy = open_store(cut(tables, tmp_path / "store", regions=regions), lazy=True)
    first, before = 0, tables.Z[1, :0]
    for slab in row_slabs(lazy.Z, 1, rows):
        assert len(slab) % SECTORS == 0
        assert len(slab) <= max(rows, SECTORS)
        assert_array_equal(slab, tables.Z[1, first : first + len(slab)])
        assert_array_equal(before, tables.Z[1, first - len(before) : first])
        first, before = first + len(slab), slab
    assert first == N
    in_memory = np.concatenate(list(row_slabs(tables.Z, 1, rows)))
    assert_array_equal(in_memory, tables.Z[1])


def test_a_store_is_copied_into_files_of_another_size(tables, tmp_path):
    first = open_store(cut(tables, tmp_path / "a", regions=2), lazy=True)
    second = cut(first, tmp_path / "b", regions=3)
    assert_same(open_store(second), tables)
    write_store(open_store(second, lazy=True), tmp_path / "c")
    assert_same(open_store(tmp_path / "c"), tables)


class Slabs:
    """Years that cannot be had whole."""

    def __init__(self, Z):
        self.Z, self.shape, self.dtype = Z, Z.shape, Z.dtype
        self.largest = 0

    def __len__(self):
        return len(self.Z)

    def __getitem__(self, key):
        raise AssertionError("a whole year was asked for")


def test_a_year_is_written_without_holding_it(tables, tmp_path, monkeypatch):
    bare = Slabs(tables.Z)
    labels = (tables.regions, tables.sectors, tables.years)
    large = WorldTables(bare, tables.Y, tables.x, *labels)
    asked = []

    def slabs(values, k, rows):
        asked.append(rows)
        return row_slabs(values.Z, k, rows)

    monkeypatch.setattr(store, "row_slabs", slabs)
    folder = cut(large, tmp_path / "store", regions=2)
    assert asked == [2 * SECTORS] * YEARS
    assert_array_equal(open_store(folder).Z, tables.Z)


# ------------------------------------------------------------------------ damage


def test_a_damaged_slab_is_named_by_year_and_part(tables, tmp_path):
    folder = cut(tables, tmp_path / "store", regions=2)
    file = folder / "Z/c/1/2/0/0/0"
    data = file.read_bytes()
    file.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    first, second = (f"{folder}: Z of {year}" for year in tables.years)
    lazy = open_store(folder, lazy=True)
    assert_array_equal(lazy.Z[0], tables.Z[0])
    for read in (lambda: lazy.Z[1], lambda: list(row_slabs(lazy.Z, 1, SECTORS))):
        assert error_of(read) == (
            f"{second}, part 3 of 3, is damaged (its checksum differs); import it again"
        )
    whole = file.with_name("1")
    file.rename(whole)
    assert "Z of 2001, part 3 of 3, is damaged" in error_of(open_store, folder)
    (folder / "Z/c/0/0/0/0/0").write_bytes(b"short")
    assert error_of(open_store, folder).startswith(f"{first}, part 1 of 3, is damaged")


def test_slabs_that_changed_places_are_noticed(tables, tmp_path):
    folder = cut(tables, tmp_path / "store", regions=2)
    one, other = folder / "Z/c/0/1/0/0/0", folder / "Z/c/0/2/0/0/0"
    swapped = one.read_bytes(), other.read_bytes()
    other.write_bytes(swapped[0])
    one.write_bytes(swapped[1])
    message = error_of(lambda: open_store(folder, lazy=True).Z[0])
    assert "Z of 2000, part 2 of 3, is damaged (it holds another year" in message


def test_a_full_disk_leaves_no_store_and_nothing_hidden(tables, tmp_path, monkeypatch):
    written, array = count(), store.StoreWriter._array

    def full(self, name):
        if next(written) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return array(self, name)

    monkeypatch.setattr(store.StoreWriter, "_array", full)
    with pytest.raises(TivaxError, match="store: No space left on device; free some"):
        cut(tables, tmp_path / "store", regions=2)
    assert not list(tmp_path.iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
from helpers import random_tables
from tivax.engine.tables import store
put, written = store.StoreWriter._put, []
def killed(self, *given):
    put(self, *given)
    written.append(given)
    if len(written) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
store.StoreWriter._put = killed
tables = random_tables(regions=6, sectors=2, years=2)
store.write_store(tables, Path(sys.argv[1]), largest_year=0, largest_file=400)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_writer_leaves_no_store_and_the_next_one_clears_up(
    request, tables, tmp_path
):
    place = tmp_path / "store"
    support = {"PYTHONPATH": str(request.path.parents[1] / "support")}
    killed = run_fork(KILLED, place, env=support)
    assert killed.code == -signal.SIGKILL
    assert not place.exists()
    assert list(tmp_path.iterdir())  # what it had written, hidden
    assert_same(open_store(cut(tables, place, regions=2)), tables)
    assert [k.name for k in tmp_path.iterdir()] == ["store"]
