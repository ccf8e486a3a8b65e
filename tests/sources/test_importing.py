import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from tivax.engine import TivaxError, import_tables, open_store
from tivax.engine.core.manifest import describe_input
from tivax.engine.files import TableFile
from tivax.engine.sources import importing
from tivax.engine.sources.source import Source
from tivax.engine.tables import Tolerance
from tivax.engine.tables.countries import normalise

from helpers import error_of, random_table, write_arrays

YEARS = (2000, 2001, 2002)


def table(year=2000, **changes):
    """A balanced table of 3 regions x 2 sectors with something else in it."""
    made = random_table(regions=3, sectors=2, seed=year, year=year)
    return replace(made, regions=("AUT", "DEU", "ROW"), **changes)


def cell(name, at, value, year=2001):
    """A table with one cell changed."""
    values = getattr(table(year), name).copy()
    values[at] = value
    return table(year, **{name: values})


def archive(folder, table, name=None, layout=np.ascontiguousarray, **changes):
    folder.mkdir(exist_ok=True)
    path = folder / (name or f"table_{table.year}.npz")
    changes = {"Z": layout(table.Z), "Y": layout(table.Y)} | changes
    return write_arrays(path, table, **changes)


@pytest.fixture
def raw(tmp_path):
    """Three good years."""
    for year in YEARS:
        archive(tmp_path / "raw", table(year))
    return tmp_path / "raw"


def refusal(raw, **options):
    """The message of a failed import, one line; nothing is left of the store."""
    store = raw.parent / "store"
    line = error_of(import_tables, "arrays", [raw], store, **options)
    assert [path.name for path in raw.parent.iterdir()] == ["raw"]
    return line


# ---------------------------------------------------------------------- it imports


def test_every_year_is_stored_as_it_is_in_its_file(raw, tmp_path):
    done = import_tables("arrays", [raw], tmp_path / "store")
    assert (done.path, done.years) == (tmp_path / "store", YEARS)
    assert (done.regions, done.sectors) == (3, 2)
    store = open_store(tmp_path / "store")
    assert (store.source, store.unit) == ("arrays", "units of the file")
    for year in YEARS:
        for name in ("Z", "Y", "x", "value_added"):
            stored, own = getattr(store.table(year), name), getattr(table(year), name)
            assert_array_equal(stored, own)


def test_the_store_tells_what_it_was_made_from(raw, tmp_path):
    import_tables("arrays", [raw], tmp_path / "store")
    attrs = xr.open_zarr(tmp_path / "store", consolidated=False).attrs
    manifest = json.loads(attrs["manifest"])
    assert manifest["command"] == "import" and manifest["source"] == "arrays"
    assert manifest["inputs"] == [describe_input(p) for p in sorted(raw.iterdir())]
    assert manifest["outputs"] == ["store"]


def test_the_memory_order_of_a_file_does_not_matter(tmp_path):
    archive(tmp_path / "raw", table(), layout=np.asfortranarray)
    import_tables("arrays", [tmp_path / "raw"], tmp_path / "store")
    store = open_store(tmp_path / "store")
    assert_array_equal(store.Z[0], table().Z)
    assert_array_equal(store.Y[0], table().Y)


@pytest.mark.parametrize(
    "years, kept", [((2001, 2002), (2001, 2002)), ((1990, 2000), (2000,))]
)
def test_only_the_years_asked_for_are_read(raw, tmp_path, years, kept):
    bad = ({*YEARS} - {*kept}).pop()
    archive(raw, cell("Z", (0, 0), np.nan, bad))
    import_tables("arrays", [raw], tmp_path / "store", years=years)
    assert open_store(tmp_path / "store").years == kept


def test_progress_counts_every_year_from_zero(raw, tmp_path):
    calls = []
    import_tables(
        "arrays", [raw], tmp_path / "store", progress=lambda *call: calls.append(call)
    )
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]


# ------------------------------------------------------- it refuses, in whole lines


@pytest.mark.parametrize("year", [2000, 2002])
@pytest.mark.parametrize(
    "name, at, value, message",
    [
        ("Z", (0, 3), np.nan, "Z has 1 cell without a number, first AUT:S0 to D"),
        ("Z", (0, 3), -1.0, "1 negative intermediate sales, first AUT:S0 to DEU:S1"),
        ("x", 2, 1e6, "1 of 6 industries do not balance, worst DEU:S0"),
    ],
)
def test_a_year_with_a_bad_cell_is_refused(raw, year, name, at, value, message):
    archive(raw, cell(name, at, value, year))
    told = refusal(raw)
    assert told.startswith(f"table_{year}.npz: {year}: ")
    assert message in told


def test_a_region_missing_in_one_year_is_named(raw):
    small = random_table(regions=2, sectors=2, year=2001)
    archive(raw, replace(small, regions=("AUT", "ROW")))
    message = refusal(raw)
    assert message.startswith("table_2001.npz: 2001 lacks region DEU, which 2000 has")


def test_a_year_without_the_value_added_row_of_the_others_is_refused(raw):
    archive(raw, table(2001), va=None)
    assert "table_2001.npz: 2001 has no value-added row, 2000 has one" in refusal(raw)
    archive(raw, table(2000), va=None)
    archive(raw, table(2001))
    assert "table_2000.npz: 2000 has no value-added row, 2001 has one" in refusal(raw)


def test_a_table_that_is_not_productive_is_refused(raw):
    """Every industry of 2002 buys 1.1 times what it makes."""
    t = table(2002)
    Z = 1.1 * t.Z / t.Z.sum(axis=0) * t.x
    archive(raw, replace(t, Z=Z))
    message = refusal(raw, unbalanced=True)
    assert "table_2002.npz: 2002: the table is not productive" in message
    assert "not below 1" in message and "1.100 of its output" in message


def test_years_that_no_file_holds_are_told(raw):
    message = refusal(raw, years=(1995, 1999))
    assert "no table of the years 1995 to 1999" in message


def test_a_source_that_does_not_exist_is_told(raw, tmp_path):
    assert "no source wiod: did you mean wiod2016 or wiod2013" in error_of(
        import_tables, "wiod", [raw], tmp_path / "store"
    )


def test_unbalanced_rows_are_accepted_when_asked_for(raw, tmp_path):
    archive(raw, cell("x", 2, 1e6))
    assert "unbalanced=True imports the table as it is" in refusal(raw)
    import_tables("arrays", [raw], tmp_path / "store", unbalanced=True)
    assert open_store(tmp_path / "store").x[1, 2] == 1e6


@pytest.mark.parametrize("name, value", [("Z", np.nan), ("Z", -1.0), ("x", -1.0)])
def test_unbalanced_does_not_accept_cells_that_no_table_can_hold(raw, name, value):
    archive(raw, cell(name, 0, value))
    refusal(raw, unbalanced=True)


# ------------------------------------------------------------ whole or not at all


def test_an_import_that_fails_leaves_the_old_store_as_it_was(raw, tmp_path):
    import_tables("arrays", [raw], tmp_path / "store", years=(2000, 2001))
    archive(raw, cell("Z", (0, 0), np.nan, 2002))
    with pytest.raises(TivaxError, match="without a number"):
        import_tables("arrays", [raw], tmp_path / "store", force=True)
    assert open_store(tmp_path / "store").years == (2000, 2001)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["raw", "store"]


def test_a_store_is_replaced_only_by_force_and_refused_before_anything_is_read(
    raw, tmp_path
):
    import_tables("arrays", [raw], tmp_path / "store", years=(2000, 2000))
    assert "store: exists already; force=True replaces it" in error_of(
        import_tables, "arrays", [tmp_path / "none"], tmp_path / "store"
    )
    import_tables("arrays", [raw], tmp_path / "store", force=True)
    assert open_store(tmp_path / "store").years == YEARS
    assert sorted(p.name for p in tmp_path.iterdir()) == ["raw", "store"]


def test_force_does_not_replace_the_files_it_reads(raw):
    assert "raw: " in error_of(import_tables, "arrays", [raw], raw, force=True)
    assert len(list(raw.glob("*.npz"))) == 3


def test_an_import_that_fails_leaves_no_reader_behind(raw, tmp_path):
    archive(raw, cell("Z", (0, 0), np.nan, 2000))
    before = set(threading.enumerate())
    with pytest.raises(TivaxError) as error:
        import_tables("arrays", [raw], tmp_path / "store")
    # The traceback keeps what was suspended, unless that was ended in time.
    assert error.tb is not None and set(threading.enumerate()) <= before


# ----------------------------------- sources that cannot tell their years by a name


def database(monkeypatch, files, tolerance=None, name="made up"):
    """A source of the given files, name to its tables; returns the names read."""
    read = []

    def tables_of(file):
        read.append(file.path.name)
        yield from files[file.path.name]

    source = Source(
        name=name, title="", unit="t", citation="",
        tolerance=tolerance or Tolerance(),
        find=lambda paths: [
            TableFile(paths[0] / name, year=tables[0].year if len(tables) == 1 else None)
            for name, tables in files.items()
        ],
        read=tables_of,
    )  # fmt: skip
    monkeypatch.setattr(importing, "get_source", lambda name: source)
    return read


def test_years_of_one_file_are_put_in_order(raw, tmp_path, monkeypatch):
    two = [table(2002), table(2000)]
    database(monkeypatch, {"table_2000.npz": two, "table_2001.npz": [table(2001)]})
    done = import_tables("made up", [raw], tmp_path / "store")
    assert done.years == YEARS
    assert_array_equal(open_store(tmp_path / "store").Z[2], table(2002).Z)


def test_a_year_in_two_files_is_refused(raw, tmp_path, monkeypatch):
    a, b = table(2000, origin="a.csv"), table(2000, origin="b.csv")
    database(monkeypatch, {"a.csv": [a, table(2001)], "b.csv": [b]})
    with pytest.raises(TivaxError, match="2000 is duplicated: a.csv, b.csv"):
        import_tables("made up", [raw], tmp_path / "store")


def test_the_tolerance_is_the_sources_own_and_the_store_keeps_it(
    raw, tmp_path, monkeypatch
):
    x = table(2001).x.copy()
    x[0] += 5.0
    files = {"table_2000.npz": [table(2000)], "table_2001.npz": [table(2001, x=x)]}
    database(monkeypatch, files, Tolerance(4.9, 0.0))
    with pytest.raises(TivaxError, match="do not balance, worst AUT:S0"):
        import_tables("made up", [raw], tmp_path / "store")
    database(monkeypatch, files, Tolerance(5.1, 0.0))
    import_tables("made up", [raw], tmp_path / "store")
    assert open_store(tmp_path / "store").tolerance == Tolerance(5.1, 0.0)


def test_an_industry_that_is_refused_is_named_by_code_and_title(
    raw, tmp_path, monkeypatch
):
    bad = replace(cell("x", 0, 1e6, 2000), sectors=("c1", "c12"))
    database(monkeypatch, {"table_2000.npz": [bad]}, name="wiod2013")
    line = error_of(import_tables, "wiod2013", [raw], tmp_path / "store")
    assert "worst AUT:c1 (Agriculture, hunting, forestry and fishing): sells" in line


def test_files_are_read_a_few_ahead_and_not_all_at_once(raw, tmp_path, monkeypatch):
    """The first of twenty years is bad: hardly any other has been read by then."""
    files = {f"{year}.npz": [table(year)] for year in range(2000, 2020)}
    files["2000.npz"] = [cell("Z", (0, 0), np.nan, 2000)]
    read = database(monkeypatch, files)
    with pytest.raises(TivaxError, match="2000: Z has 1 cell "):
        import_tables("made up", [raw], tmp_path / "store")
    assert len(read) <= 4


# ------------------------------------------------------- labels in doubt, rounding


def test_output_below_zero_by_rounding_is_stored_as_zero(raw, tmp_path):
    good = table(2001)
    Z, Y, x = good.Z.copy(), good.Y.copy(), good.x.copy()
    Z[2], Z[:, 2], Y[2], x[2] = 0, 0, 0, -1.7e-21
    archive(raw, replace(good, Z=Z, Y=Y, x=x), va=None)
    for year in (2000, 2002):
        archive(raw, table(year), va=None)
    import_tables("arrays", [raw], tmp_path / "store", unbalanced=True)
    assert open_store(tmp_path / "store").x[1, 2] == 0


def test_an_import_tells_what_speaks_against_a_table(tmp_path):
    """Final demand of four regions, each under the label of the next."""
    world = random_table(regions=4, sectors=2)
    Y = world.Y.copy()
    home = np.arange(8), np.repeat(np.arange(4), 2)
    Y[*home] *= 20
    x = world.Z.sum(axis=1) + Y.sum(axis=(1, 2))
    added = (x - world.Z.sum(axis=0)) / 2
    moved = replace(world, Y=np.roll(Y, 1, axis=1), x=x, value_added=added)
    archive(tmp_path / "raw", moved)
    done = import_tables("arrays", [tmp_path / "raw"], tmp_path / "store")
    assert done.doubts == [
        "table_2014.npz: 2014: the columns of Y seem to have their regions in another "
        "order: the column of R1 buys most from R0"
    ]


def test_codes_of_countries_are_read_in_any_letters():
    given = "Aut usa row rom RoW reg1 WWa CN1".split()
    codes = "AUT USA ROW ROU ROW reg1 WWa CN1".split()
    assert [normalise([k]) for k in given] == [(code,) for code in codes]
