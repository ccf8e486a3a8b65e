"""Tables in long form: names of columns, years, and the mistakes they invite."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import tivax as tx

from commands import good, mistake
from helpers import error_of
from published_forms import long_frame, long_world

FLOWS = long_frame(long_world())


def with_cell(column, value):
    frame = FLOWS.astype({column: object})
    frame.loc[3, column] = value
    return frame


def test_rows_in_any_order_and_under_any_name_are_the_table():
    names = {"region": "Exporter", "user_region": "importer", "user_sector": "user"}
    for frame in (FLOWS, FLOWS.rename(columns=names), FLOWS.iloc[::-1]):
        made = tx.from_long(frame).table(2000)
        assert made.x.sum() == pytest.approx(long_world().x.sum(), rel=1e-12)
        back = long_frame(made).sort_values([*FLOWS])
        wanted = FLOWS.sort_values([*FLOWS])
        assert_array_equal(back.to_numpy(object), wanted.to_numpy(object))


def test_several_years_and_a_unit_go_into_a_store(tmp_path):
    both = pd.concat([FLOWS, FLOWS.assign(year=2001, value=2 * FLOWS["value"])])
    both.assign(unit="million EUR").to_csv(tmp_path / "flows.csv", index=False)
    good("import", "long", tmp_path / "flows.csv", "--out", tmp_path / "store")
    store = tx.open_store(tmp_path / "store")
    assert (store.years, store.unit) == ((2000, 2001), "million EUR")
    assert_array_equal(2 * np.asarray(store.Z[0]), np.asarray(store.Z[1]))
    good("check", tmp_path / "store")
    FLOWS.to_csv(tmp_path / "again.csv", index=False)
    files = (tmp_path / "flows.csv", tmp_path / "again.csv")
    line = mistake("import", "long", *files, "--out", tmp_path / "o")
    assert line == "2000 is duplicated: again.csv, flows.csv"


@pytest.mark.parametrize("codes", [("01", "02"), ("09", "10"), ("10.10", "1E2")])
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_codes_keep_their_zeros(tmp_path, codes, ending):
    """Two regions of 2 x 2 sectors sell 1 to each industry and 5 to each household."""
    users = [*((code, 1) for code in codes), ("households", 5)]
    rows = [
        (2000, a, i, b, j, value)
        for a in ("AA", "BB")
        for i in codes
        for b in ("AA", "BB")
        for j, value in users
    ]
    names = ["year", "region", "sector", "user_region", "user_sector", "value"]
    frame = pd.DataFrame(rows, columns=names)
    path = tmp_path / f"flows.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_excel(path, index=False)
    good("import", "long", path, "--out", tmp_path / "store")
    for read in (tx.open_store(tmp_path / "store"), tx.from_long(frame)):
        assert (read.sectors, read.categories) == (codes, ("households",))
        assert np.asarray(read.Z[0]).sum() == 4 * 4 * 1


def test_numbers_beside_codes_are_refused():
    names = FLOWS["sector"].unique()
    codes = {name: f"{k:02}" for k, name in enumerate(names, 1)}
    frame = FLOWS.replace({"sector": codes, "user_sector": codes})
    line = error_of(tx.from_long, frame.assign(sector=frame["sector"].astype(int)))
    assert "a number loses the zeros of a code: write all labels as text" in line


def test_flows_that_are_not_there_are_counted(tmp_path):
    FLOWS.iloc[:-2].to_csv(tmp_path / "flows.csv", index=False)
    words = ("import", "long", tmp_path / "flows.csv", "--out", tmp_path / "store")
    assert (
        f"in doubt: flows.csv: 2000: 2 of {len(FLOWS)} flows are not"
        in good(*words).out
    )
    (tmp_path / "flows.csv").write_text(FLOWS.to_csv(index=False)[:-3])
    line = mistake(*words, "--force")
    assert line.startswith("flows.csv: cannot be read (it ends within a line)")


def test_the_name_of_a_file_tells_its_year(tmp_path):
    frame = FLOWS.drop(columns="year")
    for name in ("mine_2020.csv", "mine.csv"):
        frame.to_csv(tmp_path / name, index=False)
    words = ("import", "long", tmp_path / "mine_2020.csv", "--out", tmp_path / "store")
    good(*words)
    assert tx.open_store(tmp_path / "store").years == (2020,)
    line = mistake("import", "long", tmp_path / "mine.csv", "--out", tmp_path / "o")
    assert line.startswith("mine.csv: nothing tells the year; add a column year, or ")


def test_semicolons_are_told(tmp_path):
    FLOWS.to_csv(tmp_path / "flows.csv", sep=";", index=False)
    line = mistake("import", "long", tmp_path / "flows.csv", "--out", tmp_path / "o")
    assert "separated by ';'; separate them by commas" in line
    flows = FLOWS.to_csv(index=False) + "2001,a,b,c,d,1,000\n"
    (tmp_path / "flows.csv").write_text(flows)
    line = mistake("import", "long", tmp_path / "flows.csv", "--out", tmp_path / "o")
    assert line.startswith(f"flows.csv: line {len(FLOWS) + 2} has 7 cells, those above")


@pytest.mark.parametrize(
    "frame, told",
    [
        (FLOWS.drop(columns="value"), "frame: no column value; a row is a flow with"),
        (FLOWS.drop(columns="year"), "frame: nothing tells the year; add a column"),
        (FLOWS.iloc[:0], "frame: no rows below the names of the columns"),
        (pd.concat([FLOWS, FLOWS.iloc[:1]]), "frame: 2000: the flow "),
        (with_cell("value", np.nan), "frame: row 4 has no value"),
        (with_cell("value", "n/a"), "frame: row 4 holds n/a as value, not a number"),
        (with_cell("value", np.inf), "frame: row 4 holds inf as value, not a number"),
        (with_cell("user_region", None), "frame: row 4 has no user_region"),
        (with_cell("user_region", "XXX"), "frame: XXX sells nothing; every region"),
        (with_cell("region", "XXX"), "frame: XXX buys nothing; every region"),
        (with_cell("user_sector", "c144"), "frame: c144 is no sector of a seller"),
        (with_cell("year", "now"), "frame: column year must hold years such as 2014"),
        (FLOWS.assign(use="a"), "frame: two columns are called user_sector"),
    ],
)
def test_a_mistake_is_one_line(frame, told):
    assert error_of(tx.from_long, frame).startswith(told)


def test_a_sector_that_nobody_buys_from_but_once_is_taken_for_a_mistake():
    """One letter of one row: its flow would go missing where it belongs."""
    line = error_of(tx.from_long, with_cell("sector", "c1e"), year=2000)
    assert line.startswith(
        "frame: sector c1e buys nothing, and one region alone sells it: "
    )
    sold = FLOWS.iloc[[0]].assign(sector="c1e", value=2.0)
    used = FLOWS.iloc[[0]].assign(user_sector="c1e", value=0.0)
    with pytest.warns(tx.TivaxWarning, match="1 of 3 sectors with output buy nothing"):
        made = tx.from_long(pd.concat([FLOWS, sold, used]))
    assert "c1e" in made.sectors
