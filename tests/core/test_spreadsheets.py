"""Text that Excel would run is written as text; numbers and other text as they are."""

import csv

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.csv as pc
import pytest
import xarray as xr

from tivax.engine.core.frames import write_frame
from tivax.engine.core.spreadsheets import escape_formula, unescape_formula, write_csv
from tivax.engine.panel.write import panel_format
from tivax.engine.reporting.long_tables import LongPart, LongWriter
from tivax.engine.sources.satellites import read_satellites
from tivax.engine.tables.aggregation import read_concordance

RUN = ["=1+1", "+A1", "-A1", "@SUM(1)", "\t=1", "\r=1", "=HYPERLINK(1)", "-"]
AS_IS = "AUT 'quoted' -0.127 -5.63*** +1 1e-9 -1.5E+3 a=1".split() + ["-12 %", ""]
CELLS = [k for k in RUN + AS_IS if k.strip("\r") == k != ""]


@pytest.mark.parametrize("cell", RUN)
def test_text_that_would_be_run_gets_an_apostrophe_and_loses_it_again(cell):
    assert escape_formula(cell) == f"'{cell}"
    assert unescape_formula(escape_formula(cell)) == cell


@pytest.mark.parametrize("cell", AS_IS)
def test_other_text_stays_as_it_is(cell):
    assert escape_formula(cell) == cell and unescape_formula(cell) == cell


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "year": 2000,
            "region": CELLS,
            "kind": pd.Categorical(CELLS[::-1]),
            "=value": [-0.1 * k for k in range(len(CELLS))],
        }
    )


def test_csv_holds_no_cell_that_is_run(tmp_path):
    written = frame()
    written.loc[0, "=value"] = float("nan")
    write_csv(written, tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["year", "region", "kind", "'=value"]
    assert [row[1] for row in rows[1:]] == [escape_formula(k) for k in CELLS]
    assert [row[2] for row in rows[1:]] == [row[1] for row in rows[:0:-1]]
    assert [float(row[3]) for row in rows[2:]] == list(written["=value"][1:])
    assert rows[1][3] == ""


def test_xlsx_holds_text_and_no_formula(tmp_path):
    write_frame(frame(), tmp_path, "x", "xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx")["x"]
    cells = {cell.value: cell for row in sheet.iter_rows() for cell in row}
    for text in ["=1+1", "+A1", "-A1", "@SUM(1)", "=value"]:
        assert cells[text].data_type == "s" and cells[text].quotePrefix
    assert not cells["AUT"].quotePrefix and cells[-0.1].data_type == "n"
    assert panel_format(tmp_path / "x.xlsx") == "xlsx"
    read = pd.read_excel(tmp_path / "x.xlsx", engine="calamine")
    assert read["region"].head(4).tolist() == CELLS[:4]


def test_a_long_csv_holds_no_label_that_is_run_and_parquet_the_labels(tmp_path):
    labels = {"year": [2000], "exporter": ["=A", "B"]}
    part = xr.Dataset({"GEXP": (("year", "exporter"), [[1.0, 2.0]])}, labels)
    for name in ("x.csv", "x.parquet"):
        with LongWriter(tmp_path / name) as writer:
            writer.write(LongPart(part))
    assert set(pc.read_csv(tmp_path / "x.csv")["exporter"].to_pylist()) == {"'=A", "B"}
    assert set(pd.read_parquet(tmp_path / "x.parquet")["exporter"]) == {"=A", "B"}


def test_what_tivax_wrote_is_read_with_its_own_names(tmp_path):
    write_csv(pd.DataFrame({"from": ["=A", "B"], "to": "+W"}), tmp_path / "c.csv")
    assert read_concordance(tmp_path / "c.csv").new == {"=A": "+W", "B": "+W"}
    rows = {"year": 2000, "region": ["=A", "B"], "sector": "-S", "jobs": [1.0, 2.0]}
    write_csv(pd.DataFrame(rows), tmp_path / "jobs.csv")
    account = read_satellites(tmp_path / "jobs.csv")[0]
    assert account["region"].values.tolist() == ["=A", "B"]
    assert account["sector"].values.tolist() == ["-S"]


def test_csv_has_the_bytes_of_pandas(tmp_path):
    """Missing cells, quotes, exact digits, more rows than are written at a time."""
    rng, rows = np.random.default_rng(0), 50_003
    numbers = rng.choice([0.1, 1e-300, 1e22, -0.0, 5.0, np.nan, np.inf], rows)
    texts = rng.choice(np.array(["AUT", 'a "b"', "a,b", "a\nb", "é", "", None]), rows)
    frame = pd.DataFrame({"x": numbers, "t": pd.array(texts, "str"), 'y,"z"': rows})
    objects = frame.assign(o=np.full(rows, None))
    for part in (frame, frame[["t"]], frame.iloc[:0], objects):
        write_csv(part, tmp_path / "ours.csv")
        part.to_csv(tmp_path / "pandas.csv", index=False)
        ours, theirs = (tmp_path / f"{k}.csv" for k in ("ours", "pandas"))
        assert ours.read_bytes() == theirs.read_bytes()
