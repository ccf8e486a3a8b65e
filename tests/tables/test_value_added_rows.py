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


def with_row(cells, wrong):
    """A sheet with the value-added row of ``wrong``."""
    row = next(row for row in cells if row[1] == "Value added at basic prices")
    row[4 : 4 + wrong.x.size] = wrong.value_added.tolist()
    return cells


def wiod2013_sheet(folder, world, wrong):
    cells = with_row(sheet(world, 2013), wrong)
    return write_sheet(folder / "WIOT00_ROW_Apr12.xlsx", "WIOT_2000", cells)


def wiod2016_sheet(folder, world, wrong):
    cells = with_row(sheet(world, 2016), wrong)
    return write_sheet(folder / "WIOT2000_Nov16_ROW.xlsx", "2000", cells)


def wiod2016_r(folder, world, wrong):
    frame = frame_2016(world)
    row = frame.index[frame["IndustryCode"] == "VA"][0]
    frame.iloc[row, 5 : 5 + wrong.x.size] = wrong.value_added
    return write_r_frame(folder / "WIOT2000_October16_ROW.RData", frame)


def lrwiod(folder, world, wrong):
    path = folder / "lr_wiod_wiot_final_filled.csv"
    long_run([wrong]).to_csv(path, index=False)
    return path


def oecd(folder, world, wrong):
    path = write_oecd(folder / "2018_SML.csv", world, "2025")
    cells = [line.split(",") for line in path.read_text().splitlines()]
    row = next(row for row in cells if row[0] == "VA")
    row[1 : 1 + wrong.x.size] = map(repr, wrong.value_added.tolist())
    return write_lines(path, map(",".join, cells))


def arrays(folder, world, wrong):
    return write_arrays(folder / "t.npz", world, va=wrong.value_added)


FIGARO = "eu-ic-io_ind-by-ind_26ed_2019.csv"
# Each writes a table to a folder with the value-added row of ``wrong``, but for the
# taxes of the right one.
WRITERS = {
    "wiod2013": wiod2013_sheet,
    "wiod2016 sheet": wiod2016_sheet,
    "wiod2016": wiod2016_r,
    "lrwiod": lrwiod,
    "oecd": oecd,
    "arrays": arrays,
    "adb": lambda at, _, wrong: write_adb(at, adb_cells(wrong), "ADB-MRIO-2019.xlsx", 2019),
    "exiobase": lambda at, _, wrong: write_exiobase(at / "IOT_2011_ixi", exiobase_texts(wrong)),
    "eora": lambda at, _, wrong: write_eora(at, eora_texts(wrong))[0],
    "figaro": lambda at, _, wrong: write_lines(at / f"matrix_{FIGARO}", figaro_matrix(wrong)),
    "figaro flat": lambda at, _, wrong: write_lines(at / f"flatfile_{FIGARO}", figaro_flat(wrong)),
}  # fmt: skip
WORLD_2016 = small_table(2000, DEMAND_2016, sectors=("A01", "C10-C12"))
LONG_RUN = small_table(
    2000, DEMAND_LONG_RUN, regions=("AUS", "NLD", "ROW"), sectors=("AtB", "D15t16")
)


@pytest.mark.parametrize(
    "form, world, industry",
    [
        ("wiod2013", small_table(2000, DEMAND_2013), "AUS:c2"),
        ("wiod2016 sheet", WORLD_2016, "AUS:C10-C12"),
        ("wiod2016", WORLD_2016, "AUS:C10-C12"),
        ("lrwiod", LONG_RUN, "AUS:D15t16"),
        ("oecd", oecd_table("2025"), "AUS:C24A"),
        ("adb", adb_world(), "CHN:c2"),
        ("exiobase", exiobase_world(), "ROU:Mining of coal"),
        ("eora", eora_world(), "AUS:Fishing"),
        ("figaro", figaro_world(), "FIN:C31_32"),
        ("figaro flat", figaro_world(), "FIN:C31_32"),
        ("arrays", WORLD_2016, "AUS:C10-C12"),
    ],
    ids=lambda k: k if isinstance(k, str) else "",
)
def test_a_thousandfold_is_refused_and_the_industry_named(
    tmp_path, form, world, industry
):
    path = WRITERS[form](tmp_path, world, times_1000(world))
    told = error_of(import_tables, form.split()[0], [path], tmp_path / "store")
    reason = "columns do not add up, worst"
    if form == "arrays":
        reason = "impossible value added in 1 of 6"
    assert reason in told
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
    "source, world, said",
    [
        ("wiod2016", WORLD_2016, {"value added": "was checked at import"}),
        ("arrays", WORLD_2016, {"value added": "lies between minus inputs"}),
        ("figaro", figaro_world(), {"rows": "output is the sum of the row", "value added": "was checked at"}),
    ],
)  # fmt: skip
def test_the_store_says_what_could_be_checked(tmp_path, source, world, said):
    path = WRITERS[source](tmp_path, world, world)
    import_tables(source, [path], tmp_path / "store")
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
    write_sheet(path, "WIOT_2000", with_row(cells, times_1000(world)))
    with pytest.raises(TivaxError, match="impossible value added in 1 of 6 industries"):
        import_tables("wiod2013", [path], tmp_path / "other")
