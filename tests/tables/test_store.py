import json
import shutil
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from tivax.engine import TivaxError, WorldTables, open_store, save_store
from tivax.engine.tables import Tolerance
from tivax.engine.tables.store import StoreWriter, store_attributes
from tivax.engine.tables.store_files import checksum

from commands import run_python
from helpers import error_of, random_tables, without_checksums

REGIONS, SECTORS, YEARS = 3, 2, (2000, 2001, 2002)
N = REGIONS * SECTORS


@pytest.fixture(scope="module")
def tables():
    made = random_tables(regions=REGIONS, sectors=SECTORS, years=len(YEARS))
    about = {"unit": "million PPP$", "source": "made up"}
    return replace(made, tolerance=Tolerance(3.0, 1e-7), **about)


@pytest.fixture(scope="module")
def saved(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "store"
    save_store(tables, folder)
    return folder


@pytest.fixture
def store(saved, tmp_path):
    return Path(shutil.copytree(saved, tmp_path / "store"))


def attributes(unit, source, tolerance):
    given = {"unit": unit, "source": source, "tolerance": tolerance}
    return store_attributes(**given, title="", citation="")


def refusal(path, **options):
    """The message of the error, which must be one line that names the store."""
    message = error_of(open_store, path, **options)
    assert message.startswith(f"{path}: ")
    return message


def assert_same(a, b):
    assert (a.regions, a.sectors, a.years) == (b.regions, b.sectors, b.years)
    assert (a.unit, a.source, a.tolerance) == (b.unit, b.source, b.tolerance)
    assert a.categories == b.categories
    for name in ("Z", "Y", "x", "value_added"):
        assert_array_equal(getattr(a, name)[:], getattr(b, name)[:], err_msg=name)


def only_child(folder):
    """Nothing hidden or partial stands beside the one thing in a folder."""
    (child,) = folder.iterdir()
    return child


# ------------------------------------------------------------------- round trips


@pytest.mark.parametrize("lazy", [False, True])
def test_what_is_saved_is_what_is_opened(tables, store, lazy):
    assert_same(open_store(store, lazy=lazy), tables)
    assert_same(open_store(str(store), lazy=lazy), tables)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    "years, kept", [((2001, 2002), slice(1, 3)), ((1990, 2000), slice(0, 1))]
)
def test_years_of_a_store_are_those_between_both_ends(tables, store, years, kept, lazy):
    part = open_store(store, years=years, lazy=lazy)
    assert part.years == YEARS[kept]
    assert_same(part, tables.select(*years))
    for year in part.years:
        assert_array_equal(part.table(year).Z, tables.table(year).Z)


def test_lazy_years_are_indexed_as_arrays_are(tables, store):
    lazy = open_store(store, lazy=True)
    assert lazy.Z.shape == (3, N, N) and len(lazy.Z) == 3 and lazy.Z.dtype == float
    assert_array_equal(lazy.Z[-1], tables.Z[-1])
    assert_array_equal(lazy.Y[1:], tables.Y[1:])
    assert_array_equal(lazy.x[3:], tables.x[3:])
    assert_array_equal(np.asarray(lazy.Y), tables.Y)
    with pytest.raises(IndexError):
        lazy.Z[3]
    assert_array_equal(lazy.Z[::2], tables.Z[::2])
    assert_same(lazy.select(2001, 2001), tables.select(2001, 2001))


def test_a_lazy_store_reads_only_the_year_asked_for(tables, store):
    lazy = open_store(store, lazy=True)
    for year in (0, 2):
        (chunk,) = (p for p in (store / f"Z/c/{year}").rglob("*") if p.is_file())
        chunk.write_text("cut")
    assert_array_equal(lazy.table(2001).Z, tables.Z[1])
    assert "store: Z of 2002 is damaged" in error_of(lazy.table, 2002)


def test_tables_without_value_added_and_without_categories(tables, tmp_path):
    plain = WorldTables(
        tables.Z[:1], tables.final_demand()[:1], tables.x[:1],
        tables.regions, tables.sectors, [2000],
    )  # fmt: skip
    save_store(plain, tmp_path / "store")
    opened = open_store(tmp_path / "store")
    assert opened.value_added is None
    assert opened.categories == ("FD",)
    assert_array_equal(opened.final_demand(), plain.Y)


def test_a_year_of_zeros_is_a_year(tables, tmp_path):
    """Zeros are zarr's fill value: such a chunk may be left out of the disk."""
    Z = tables.Z.copy()
    Z[1] = 0
    zero = replace(tables, Z=Z, value_added=0 * tables.x)
    save_store(zero, tmp_path / "store")
    assert_same(open_store(tmp_path / "store"), zero)


@pytest.mark.parametrize("name", ["Z", "Y", "x", "value_added"])
def test_a_year_without_any_number_is_a_year(tables, tmp_path, name):
    """Such as value added of a year that an edition does not have."""
    values = np.array(getattr(tables, name))
    values[1] = np.nan
    unknown = replace(tables, **{name: values})
    save_store(unknown, tmp_path / "unknown")
    assert_same(open_store(tmp_path / "unknown"), unknown)


def test_years_may_be_written_in_any_order(tables, tmp_path):
    about = attributes(tables.unit, tables.source, tables.tolerance)
    writer = StoreWriter(tmp_path / "store", tables, YEARS, attributes=about)
    for year in (2002, 2000, 2001):
        writer.write(tables.table(year))
    assert not (tmp_path / "store").exists()
    writer.finish({"command": "test"})
    writer.discard()
    assert_same(open_store(tmp_path / "store"), tables)
    assert only_child(tmp_path).name == "store"


# --------------------------------------------------------------- xarray and zarr


def test_xarray_opens_a_store_with_labels_units_and_dims(tables, store):
    data = xr.open_zarr(store, consolidated=False)
    assert data["Z"].dims == ("year", "origin", "sector", "user", "user_sector")
    assert data["Y"].dims == ("year", "origin", "sector", "absorber", "category")
    assert data["x"].dims == data["value_added"].dims == ("year", "origin", "sector")
    assert data["year"].values.tolist() == list(YEARS)
    for axis in ("origin", "user", "absorber"):
        assert data[axis].values.tolist() == list(tables.regions)
    for axis in ("sector", "user_sector"):
        assert data[axis].values.tolist() == list(tables.sectors)
    assert data["category"].values.tolist() == list(tables.categories)
    assert {data[name].attrs["units"] for name in data} == {"million PPP$"}
    assert all(data[name].attrs["long_name"] for name in data)
    assert data.attrs["source"] == "made up"
    sold = data["Z"].sel(
        year=2001, origin="R1", sector="S0", user="R2", user_sector="S1"
    )
    assert float(sold) == tables.Z[1, 2, 5]
    absorbed = data["Y"].sel(
        year=2002, origin="R2", sector="S1", absorber="R0", category="inventories"
    )
    assert float(absorbed) == tables.Y[2, 5, 0, 2]


def test_xarray_needs_no_tivax_and_gives_no_warning(store):
    code = (
        "import json, sys, warnings, xarray, zarr\n"
        "warnings.simplefilter('error')\n"
        "data = xarray.open_zarr(sys.argv[1], consolidated=False).load()\n"
        "assert not [name for name in sys.modules if name.startswith('tivax')]\n"
        "print(json.dumps(dict(data.sizes)))"
    )
    done = run_python(code, store)
    assert (done.code, done.err) == (0, "")
    sizes = {"year": 3, "origin": 3, "sector": 2, "user": 3, "user_sector": 2}
    assert json.loads(done.out) == sizes | {"absorber": 3, "category": 3}


@pytest.mark.parametrize(
    "name, numbers",
    [("Z", N * N), ("Y", N * REGIONS * 3), ("x", N), ("value_added", N)],
)
def test_a_year_is_one_uncompressed_chunk_and_its_checksum(store, name, numbers):
    metadata = json.loads((store / name / "zarr.json").read_text())
    chunk = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    assert chunk == [1, *metadata["shape"][1:]]
    assert [codec["name"] for codec in metadata["codecs"]] == ["bytes", "crc32c"]
    assert metadata["data_type"] == "float64"
    files = [path for path in (store / name / "c").rglob("*") if path.is_file()]
    assert [path.stat().st_size for path in files] == [8 * numbers + 4] * len(YEARS)


# ------------------------------------------------------------- what is not a store


def test_a_path_with_nothing_there_is_told(tmp_path):
    assert "no such store; make one with `tivax import`" in refusal(tmp_path / "none")


def test_a_foreign_folder_or_file_is_no_store(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("{}")
    for name in ("folder", "file"):
        assert "not a tivax store" in refusal(tmp_path / name)


def test_the_zarr_group_of_another_program_is_no_store(tmp_path):
    xr.Dataset({"Z": ("year", [1.0])}).to_zarr(tmp_path / "other", consolidated=False)
    assert "not a tivax store" in refusal(tmp_path / "other")


@pytest.mark.parametrize("name", ["Y", "origin", "category"])
def test_an_array_that_is_gone_is_told(store, name):
    shutil.rmtree(store / name)
    refusal(store)


@pytest.mark.parametrize("key", ["tivax_format", "unit", "tolerance", "source"])
def test_an_attribute_that_is_gone_is_told(store, key):
    with metadata(store) as document:
        del document["attributes"][key]
    refusal(store)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("name", ["Z", "Y", "x", "value_added", "origin"])
def test_a_year_whose_numbers_are_gone_is_not_a_year_of_zeros(store, name, lazy):
    """zarr fills a chunk that is not there: numbers would be wrong, and look right."""
    chunk = max(path for path in (store / name / "c").rglob("*") if path.is_file())
    chunk.unlink()
    refusal(store, lazy=lazy)


def test_a_store_of_another_format_is_told_with_both_numbers(store):
    change_attribute(store, "tivax_format", 99)
    assert "store format 99, this tivax reads 3" in refusal(store)


def test_years_that_a_store_does_not_hold_are_told(store):
    with pytest.raises(TivaxError, match="no year from 1990 to 1999"):
        open_store(store, years=(1990, 1999))


@contextmanager
def metadata(folder):
    """The document of a store or an array, to be changed."""
    document = json.loads((folder / "zarr.json").read_text())
    yield document
    (folder / "zarr.json").write_text(json.dumps(document))


def change_attribute(store, key, value):
    with metadata(store) as document:
        document["attributes"][key] = value


# ------------------------------------------------------------------------- damage


def files_of(store):
    """Every file of a store, in order."""
    return sorted(path for path in store.rglob("*") if path.is_file())


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def read_or_refuse(store):
    """What a store holds, or the one line that refuses it."""
    try:
        return open_store(store)
    except TivaxError as error:
        assert "\n" not in str(error) and str(error).startswith(f"{store}: ")
        return str(error)


def test_the_checksum_is_that_of_the_standard():
    """RFC 3720, B.4: 32 bytes of zeros, of ones, of 0 to 31."""
    for data, crc in (
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ):
        assert checksum(data) == crc
        assert checksum(np.frombuffer(data)) == crc


def test_a_single_bit_that_is_flipped_is_noticed_in_any_file(tables, store):
    """Six bits of every file. JSON may say the same with another bit: 1e-06, 1E-06."""
    rng = np.random.default_rng(1)
    for path in files_of(store):
        whole = path.read_bytes()
        for bit in rng.integers(8 * len(whole), size=6):
            flip(path, int(bit))
            if not isinstance(read_or_refuse(store), str):
                assert path.suffix == ".json"
                assert json.loads(path.read_bytes()) == json.loads(whole)
            path.write_bytes(whole)
    assert_same(open_store(store), tables)


def test_a_message_about_damage_names_store_array_and_year(store):
    flip(store / "Y/c/1/0/0/0/0", 100)
    open_store(store, years=(2002, 2002))
    assert refusal(store) == (
        f"{store}: Y of 2001 is damaged (its checksum differs); import it again"
    )


@pytest.mark.parametrize(
    "one, other",
    [
        ("Z/c/0/0/0/0/0", "Z/c/1/0/0/0/0"),
        ("x/c/2/0/0", "value_added/c/2/0/0"),
        ("origin/c/0", "sector/c/0"),
        ("sector/c/0", "category/c/0"),
        ("x", "value_added"),
    ],
)
def test_files_that_have_changed_places_are_noticed(store, one, other, tmp_path):
    (store / one).rename(tmp_path / "aside")
    (store / other).rename(store / one)
    (tmp_path / "aside").rename(store / other)
    refusal(store)


def test_a_year_of_another_store_is_noticed(tables, store, tmp_path):
    twice = {k: 2 * getattr(tables, k) for k in "ZYx"}
    save_store(replace(tables, **twice), tmp_path / "other")
    shutil.copy(tmp_path / "other/Z/c/0/0/0/0/0", store / "Z/c/0/0/0/0/0")
    message = refusal(store)
    assert "Z of 2000 is damaged (it holds another year or array)" in message
    shutil.rmtree(store / "Z")
    shutil.copytree(tmp_path / "other/Z", store / "Z")
    assert "the digest differs" in refusal(store)


@pytest.mark.parametrize(
    "name", ["Z/c/1/0/0/0/0", "x/c/0/0/0", "year/c/0", "sector/c/0"]
)
@pytest.mark.parametrize("size", [0, 3, -1, 1, 1000])
def test_files_of_another_length_are_told(store, name, size):
    path = store / name
    data = path.read_bytes()
    path.write_bytes(data[:size] if size in (0, 3, -1) else data + bytes(size))
    refusal(store)
    refusal(store, lazy=True)


METADATA = {
    "shape of a billion": lambda k: k.update(shape=[10**9, *k["shape"][1:]]),
    "negative shape": lambda k: k.update(shape=[-3, *k["shape"][1:]]),
    "shape of text": lambda k: k.update(shape="3"),
    "other dtype": lambda k: k.update(data_type="float32"),
    "large chunks": lambda k: k["chunk_grid"]["configuration"].update(
        chunk_shape=[10**9, *k["shape"][1:]]
    ),
    "other codecs": lambda k: k.update(codecs=[{"name": "gzip"}]),
    "no codecs": lambda k: k.update(codecs=[]),
    "big endian": lambda k: k["codecs"][0].update(configuration={"endian": "big"}),
    "other axes": lambda k: k.update(dimension_names=k["dimension_names"][::-1]),
}  # fmt: skip


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("change", METADATA)
@pytest.mark.parametrize("name", ["Z", "year"])
def test_metadata_that_are_not_of_tivax_are_refused(store, change, name, older):
    """In the format without checksums, too, and before any memory is taken."""
    if older:
        without_checksums(store)
    with metadata(store / name) as document:
        before = deepcopy(document)
        METADATA[change](document)
    if before == document:
        return  # the axes of a single dimension
    if older and change == "other axes":
        return  # nothing that is read
    refusal(store)


@pytest.mark.parametrize(
    "text", ["[]", "3", "{", "[" * 100_000, '{"a":' * 100_000, "\x00", "{}"]
)
@pytest.mark.parametrize("name", ["", "Z", "origin"])
def test_metadata_that_are_not_json_or_nested_too_deep_are_refused(store, name, text):
    (store / name / "zarr.json").write_text(text)
    refusal(store)


@pytest.mark.parametrize("key", ["title", "manifest", "unit", "tolerance", "parents"])
def test_attributes_that_were_changed_are_noticed(store, key):
    change_attribute(store, key, {"absolute": 1e9, "relative": 1.0})
    assert "the digest differs" in refusal(store)


def test_metadata_laid_out_otherwise_are_the_same(tables, store):
    for path in store.rglob("zarr.json"):
        document = json.loads(path.read_text())
        path.write_text(json.dumps(dict(reversed(document.items()))))
    assert_same(open_store(store), tables)


def test_zarr_itself_refuses_a_damaged_year(store):
    flip(store / "Z/c/1/0/0/0/0", 77)
    with pytest.raises(ValueError, match="checksum"):
        xr.open_zarr(store, consolidated=False).load()


# ------------------------------------------------------- stores without checksums


def test_a_store_without_checksums_opens_and_one_line_says_so(tables, store, caplog):
    without_checksums(store)
    assert_same(open_store(store), tables)
    assert_same(open_store(store, lazy=True), tables)
    assert caplog.messages == [
        f"{store}: written before stores had checksums; import it again"
    ]


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("x", 1e9, "is damaged (1 of 6 industries do not balance"),
        ("Z", np.nan, "is damaged (Z has 1 cell without a number"),
        ("Z", -1e-9, "is damaged (1 negative intermediate sales"),
    ],
)
def test_numbers_of_a_store_without_checksums_are_looked_at(store, name, value, told):
    without_checksums(store)
    path = next(p for p in files_of(store / name / "c/1"))
    path.write_bytes(np.float64(value).tobytes() + path.read_bytes()[8:])
    open_store(store, years=(2000, 2000))
    line = error_of(open_store, store, lazy=True)
    assert line.startswith(f"{store}: 2001, without checksums, {told}")
    assert line.endswith("; import it again")


def test_labels_of_a_store_without_checksums_must_fit(store):
    without_checksums(store)
    path = store / "user/c/0"
    path.write_bytes(path.read_bytes().replace(b"R1", b"R7"))
    assert "the axis user is damaged (not the labels of origin)" in refusal(store)
    path = store / "category/c/0"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    refusal(store)


def test_checksums_are_not_lost_with_the_number_of_the_format(store):
    change_attribute(store, "tivax_format", 1)
    refusal(store)


# ------------------------------------------------------------ whole or not at all


def test_a_store_is_not_overwritten_unless_forced(tables, store):
    fewer = tables.select(2001, 2001)
    assert "store: exists already; force=True replaces it" in error_of(
        save_store, fewer, store
    )
    assert_same(open_store(store), tables)
    save_store(fewer, store, force=True)
    assert_same(open_store(store), fewer)
    assert only_child(store.parent) == store


def test_force_does_not_replace_what_is_no_store(tables, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "table.npz").write_bytes(b"precious")
    assert "raw: " in error_of(save_store, tables, tmp_path / "raw", force=True)
    assert (tmp_path / "raw" / "table.npz").read_bytes() == b"precious"
    assert only_child(tmp_path).name == "raw"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError("disk full")])
def test_a_save_that_is_interrupted_leaves_the_old_store(
    tables, store, monkeypatch, interruption
):
    write, written = StoreWriter.write_slabs, []

    def interrupted(self, year, *arrays):
        if written:
            raise interruption
        written.append(year)
        write(self, year, *arrays)

    monkeypatch.setattr(StoreWriter, "write_slabs", interrupted)
    with pytest.raises((KeyboardInterrupt, OSError)):
        save_store(tables.select(2001, 2002), store, force=True)
    assert written == [2001]
    assert_same(open_store(store), tables)
    assert only_child(store.parent) == store


def test_the_new_store_is_not_seen_before_it_is_whole(tables, store):
    about = attributes("t", "new", Tolerance())
    writer = StoreWriter(store, tables, [2001], attributes=about, force=True)
    writer.write(tables.table(2001))
    assert_same(open_store(store), tables)
    writer.finish({})
    assert open_store(store).source == "new"
