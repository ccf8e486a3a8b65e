"""Value added of 1000 times what it should be: refused at import, or a fault of check.

The row of every source that has one, written into a file in its layout.
"""

from dataclasses import replace

import numpy as np
import pytest
import zarr

from tivax.engine import TivaxError, check_tables, import_tables, open_store, save_store
from tivax.engine.sources.catalogue import get_source

from helpers import error_of, hand_table, write_arrays
from mrio_files import (
    adb_cells,
    adb_world,
    eora_texts,
    eora_world,
    exiobase_texts,
    exiobase_world,
    figaro_flat,
    figaro_matrix,
    figaro_world,
    write_adb,
    write_eora,
    write_exiobase,
    write_lines,
)
from oecd_files import oecd_table, write_oecd
from source_files import (
    DEMAND_2013,
    DEMAND_2016,
    DEMAND_LONG_RUN,
    frame_2016,
    long_run,
    sheet,
    small_table,
    write_r_frame,
    write_sheet,
)


def times_1000(table, k=1):
    added = table.value_added.copy()
    added[k] *= 1000
    return replace(table, value_added=added)


# Each writes a table to a folder with the value-added row of ``wrong``, but for the
# taxes of the right one.


def wiod2013_sheet(folder, world, wrong):
    cells = sheet(world, 2013)
    put_row(cells, "Value added at basic prices", wrong)
    return write_sheet(folder / "WIOT00_ROW_Apr12.xlsx", "WIOT_2000", cells)


def wiod2016_sheet(folder, world, wrong):
    cells = sheet(world, 2016)
    put_row(cells, "Value added at basic prices", wrong)
    return write_sheet(folder / "WIOT2000_Nov16_ROW.xlsx", "2000", cells)


def put_row(cells, name, wrong):
    row = next(row for row in cells if row[1] == name)
    row[4 : 4 + wrong.x.size] = wrong.value_added.tolist()


def in_frame(world, wrong):
    frame = frame_2016(world)
    row = frame.index[frame["IndustryCode"] == "VA"][0]
    frame.iloc[row, 5 : 5 + wrong.x.size] = wrong.value_added
    return frame


def wiod2016_r(folder, world, wrong):
    return write_r_frame(
        folder / "WIOT2000_October16_ROW.RData", in_frame(world, wrong)
    )


def lrwiod(folder, world, wrong):
    frame = long_run([wrong])
    path = folder / "lr_wiod_wiot_final_filled.csv"
    frame.to_csv(path, index=False)
    return path


def oecd(folder, world, wrong):
    path = write_oecd(folder / "2018_SML.csv", world, "2025")
    lines = path.read_text().splitlines()
    k = next(k for k, line in enumerate(lines) if line.startswith("VA,"))
    parts = lines[k].split(",")
    parts[1 : 1 + wrong.x.size] = map(repr, wrong.value_added.tolist())
    lines[k] = ",".join(parts)
    path.write_text("\n".join(lines) + "\n")
    return path


def adb(folder, world, wrong):
    return write_adb(folder, adb_cells(wrong), "ADB-MRIO-2019.xlsx", 2019)


def exiobase(folder, world, wrong):
    return write_exiobase(folder / "IOT_2011_ixi", exiobase_texts(wrong))


def eora(folder, world, wrong):
    write_eora(folder, eora_texts(wrong))
    return folder


def figaro(folder, world, wrong):
    name = "matrix_eu-ic-io_ind-by-ind_26ed_2019.csv"
    return write_lines(folder / name, figaro_matrix(wrong))


def figaro_long(folder, world, wrong):
    name = "flatfile_eu-ic-io_ind-by-ind_26ed_2019.csv"
    return write_lines(folder / name, figaro_flat(wrong))


def arrays(folder, world, wrong):
    return write_arrays(folder / "t.npz", world, va=wrong.value_added)


WORLD_2016 = small_table(2000, DEMAND_2016, sectors=("A01", "C10-C12"))
LONG_RUN = small_table(
    2000, DEMAND_LONG_RUN, regions=("AUS", "NLD", "ROW"), sectors=("AtB", "D15t16")
)
# Source, how it is written, what it holds, the industry, what the message says.
COLUMNS = "columns do not add up, worst"
CASES = [
    ("wiod2013", wiod2013_sheet, small_table(2000, DEMAND_2013), "AUS:c2", COLUMNS),
    ("wiod2016", wiod2016_sheet, WORLD_2016, "AUS:C10-C12", COLUMNS),
    ("wiod2016", wiod2016_r, WORLD_2016, "AUS:C10-C12", COLUMNS),
    ("lrwiod", lrwiod, LONG_RUN, "AUS:D15t16", COLUMNS),
    ("oecd", oecd, oecd_table("2025"), "AUS:C24A", COLUMNS),
    ("adb", adb, adb_world(), "CHN:c2", COLUMNS),
    ("exiobase", exiobase, exiobase_world(), "ROU:Mining of coal", COLUMNS),
    ("eora", eora, eora_world(), "AUS:Fishing", COLUMNS),
    ("figaro", figaro, figaro_world(), "FIN:C31_32", COLUMNS),
    ("figaro", figaro_long, figaro_world(), "FIN:C31_32", COLUMNS),
    ("arrays", arrays, WORLD_2016, "AUS:C10-C12", "impossible value added in 1 of 6"),
]
IDS = [case[1].__name__ for case in CASES]


@pytest.mark.parametrize("source, write, world, industry, message", CASES, ids=IDS)
def test_a_thousandfold_is_refused_and_the_industry_named(
    tmp_path, source, write, world, industry, message
):
    raw = tmp_path / "raw"
    raw.mkdir()
    path = write(raw, world, times_1000(world))
    told = error_of(import_tables, source, [path], tmp_path / "store")
    assert message in told
    assert f"worst {industry}" in told and "unbalanced=True imports" in told


def test_unbalanced_takes_the_row_as_it_is_and_the_store_says_so(tmp_path):
    wrong = times_1000(WORLD_2016)
    path = wiod2016_r(tmp_path, WORLD_2016, wrong)
    import_tables("wiod2016", [path], tmp_path / "store", unbalanced=True)
    store = open_store(tmp_path / "store")
    assert "not checked at import (--unbalanced)" in store.checked["value added"]
    (row,) = check_tables(store)
    assert row.faults[0].startswith("impossible value added, AUS:C10-C12: value added ")


@pytest.mark.parametrize(
    "source, write, world, said",
    [
        ("wiod2016", wiod2016_r, WORLD_2016, {"value added": "was checked at import"}),
        ("arrays", arrays, WORLD_2016, {"value added": "lies between minus inputs"}),
        (
            "figaro",
            figaro,
            figaro_world(),
            {"rows": "output is the sum of the row", "value added": "was checked at"},
        ),
    ],
)
def test_the_store_says_what_could_be_checked(tmp_path, source, write, world, said):
    import_tables(source, [write(tmp_path, world, world)], tmp_path / "store")
    recorded = zarr.open_group(tmp_path / "store", mode="r").attrs["checked"]
    assert isinstance(recorded, dict) and recorded.keys() == said.keys()
    store = open_store(tmp_path / "store")
    for what, words in said.items():
        assert words in store.checked[what]
    assert store.column_tolerance == get_source(source).column_tolerance
    save_store(store, tmp_path / "copy")
    assert open_store(tmp_path / "copy").checked == store.checked


@pytest.mark.parametrize("added, fault", [(1.0, False), (1.02, True), (-1.0, True)])
def test_check_knows_the_bounds_of_value_added(added, fault):
    """At most output, at least minus inputs; here inputs are a tenth of output."""
    x = np.array([100.0, 100.0])
    Z = [[5.0, 5.0], [5.0, 5.0]]
    tables = replace(
        hand_table(Z, [[60.0, 30.0], [30.0, 60.0]], ["A", "B"]),
        value_added=np.array([[90.0, 100 * added]]),
    )
    assert (tables.x[0] == x).all()
    (row,) = check_tables(tables)
    assert (row.verdict == "fault") == fault
    if fault:
        assert row.faults == [
            f"impossible value added, B:S: value added {100 * added:g}, inputs 10, "
            "output 100"
        ]


def test_without_all_rows_of_taxes_and_margins_value_added_is_held_within_bounds(
    tmp_path,
):
    world = small_table(2000, DEMAND_2013)
    cells = sheet(world, 2013)
    cells = [row for row in cells if row[1] != "International Transport Margins"]
    path = write_sheet(tmp_path / "WIOT00_ROW_Apr12.xlsx", "WIOT_2000", cells)
    import_tables("wiod2013", [path], tmp_path / "store")
    told = open_store(tmp_path / "store").checked["value added"]
    assert told.startswith("lies between minus inputs and output")
    put_row(cells, "Value added at basic prices", times_1000(world))
    write_sheet(path, "WIOT_2000", cells)
    with pytest.raises(TivaxError, match="impossible value added in 1 of 6 industries"):
        import_tables("wiod2013", [path], tmp_path / "other")
