"""Arrays of a year larger than memory: mapped from the disk, and checked by rows."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tivax.engine import import_tables, open_store
from tivax.engine.core import limits
from tivax.engine.files import TableFile
from tivax.engine.sources.tables import arrays
from tivax.engine.streaming import flows, memory

from helpers import error_of, small_world, write_arrays

C, S = 4, 3
N = C * S


@pytest.fixture(scope="module")
def world():
    return small_world(C, S, 1)


@pytest.fixture
def little_memory(monkeypatch):
    """A machine that no year fits, two selling regions in a slab."""
    monkeypatch.setattr(memory, "machine_memory", lambda: 1)
    monkeypatch.setattr(flows, "SLAB_BYTES", 2 * 8 * S * N)


def table_of(world, **changes):
    table = world.table(world.years[0])
    for name, values in changes.items():
        object.__setattr__(table, name, values)
    return table


def in_folder(folder, table):
    """The arrays of a year as files of a folder."""
    archive = write_arrays(folder.with_suffix(".npz"), table)
    folder.mkdir()
    for key, values in np.load(archive).items():
        np.save(folder / f"{key}.npy", values)
    archive.unlink()
    return folder


def test_a_folder_of_arrays_is_a_year(world, tmp_path):
    folder = in_folder(tmp_path / "table_2000", table_of(world))
    imported = import_tables("arrays", [folder], tmp_path / "store")
    assert imported.years == (2000,)
    assert_array_equal(open_store(tmp_path / "store").Z, world.Z)
    (folder / "q.npy").write_bytes((folder / "x.npy").read_bytes())
    told = error_of(import_tables, "arrays", [folder], tmp_path / "again")
    assert told.startswith("table_2000/Z.npy: unknown q; the keys are Z, Y, x,")
    (folder / "q.npy").unlink()
    (folder / "x.npy").unlink()
    told = error_of(import_tables, "arrays", [folder], tmp_path / "again")
    assert told.startswith("table_2000/Z.npy: lacks x, it has Z, Y, regions")


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_a_year_larger_than_memory_is_mapped_and_written(
    world, tmp_path, form, little_memory
):
    if form == "folder":
        path = in_folder(tmp_path / "2000", table_of(world)) / "Z.npy"
    else:
        path = write_arrays(tmp_path / "2000.npz", table_of(world))
    (table,) = arrays.read(TableFile(path))
    assert isinstance(table.Z, np.memmap)
    assert_array_equal(table.Z, world.Z[0])
    import_tables("arrays", [path], tmp_path / "store")
    assert_array_equal(open_store(tmp_path / "store").Z, world.Z)


def test_what_cannot_be_mapped_says_what_to_do(world, tmp_path, little_memory):
    table = table_of(world)
    path = tmp_path / "2000.npz"
    for why, save, Z in (
        ("compressed, save it by np.savez", np.savez_compressed, table.Z),
        ("of dtype float32, save it as float64", np.savez, table.Z.astype("f4")),
        ("stored by column, save np.asc", np.savez, np.asfortranarray(table.Z)),
    ):
        whole = dict(np.load(write_arrays(path, table)))
        save(path, **(whole | {"Z": Z}))
        told = error_of(import_tables, "arrays", [path], tmp_path / "store")
        assert told.startswith(
            "2000.npz: Z is a matrix of 0.1 GiB, too large for memory"
        )
        assert f"it is {why}" in told


def test_a_damaged_archive_is_not_mapped(world, tmp_path, little_memory):
    path = write_arrays(tmp_path / "2000.npz", table_of(world))
    data = bytearray(path.read_bytes())
    at = data.find(world.Z[0, 5].tobytes())
    assert at > 0
    data[at + 7] ^= 1
    path.write_bytes(data)
    told = error_of(import_tables, "arrays", [path], tmp_path / "store")
    assert told.startswith("2000.npz: cannot be read (Bad CRC-32")


def test_a_mapped_year_that_is_not_productive_is_named(world, tmp_path, little_memory):
    Z = np.zeros((N, N))
    Z[1, 7] = Z[7, 1] = 120.0
    x = np.full(N, 100.0)
    path = write_arrays(tmp_path / "2000.npz", table_of(world, Z=Z, x=x))
    told = error_of(
        import_tables, "arrays", [path], tmp_path / "store", unbalanced=True
    )
    assert told.startswith("2000.npz: 2000: the table is not productive")
    assert "among 2 industries that supply each other" in told


def test_the_limit_of_a_file_does_not_hold_for_what_is_mapped(
    world, tmp_path, monkeypatch, little_memory
):
    monkeypatch.setattr(limits, "_limit", 4 * N * N / limits.GIB)  # half of Z
    one = world.table(2000).Y.sum(axis=2, keepdims=True)
    table = table_of(world, Y=one, categories=("FD",))
    folder = in_folder(tmp_path / "2000", table)
    import_tables("arrays", [folder], tmp_path / "store")
    assert_array_equal(open_store(tmp_path / "store").Z, world.Z)
