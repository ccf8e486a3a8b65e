"""``tivax decompose``: files, columns, numbers, figures, mistakes."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.core import frames
from tivax.engine.figures.decompositions import bars, over_years, size_of
from tivax.engine.measures import decompose, years
from tivax.engine.measures.methods import METHODS
from tivax.engine.measures.results.decomposition import totals_of
from tivax.engine.reporting import long_tables
from tivax.engine.reporting.long_tables import LongPart, LongWriter
from tivax.engine.tables.shown_regions import largest

from commands import good, mistake, names
from helpers import random_tables, read_table

TABLES = random_tables(regions=3, sectors=2, years=2, seed=5)
RTOL = 1e-12  # the same numbers, written and read


def test_parquet_holds_every_term_of_every_flow(store, tmp_path):
    out = tmp_path / "out"
    answer = good("decompose", store, "--method", "wwz", "--out", out)
    frame = pd.read_parquet(out / "decomposition.parquet")
    assert len(frame) == 2 * 3 * 2 * 3 * 16
    own = decompose(TABLES, "wwz").data
    for term, part in frame.groupby("term", observed=True):
        assert_allclose(part["value"], own[str(term)].values.ravel(), rtol=RTOL)
    first = frame.iloc[0]
    assert (first["year"], first["sector"]) == (2000, TABLES.sectors[0])
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["residual_max"] < 1e-12 and manifest["identity_max"] < 1e-10
    assert "level bilateral-sector: 576 rows, 2 years" in answer.out


@pytest.mark.parametrize("more", [(), ("--groups", "AB,AC", "--each-group")])
def test_rows_do_not_depend_on_how_many_years_devices_take_at_once(
    store, tmp_path, monkeypatch, more
):
    a, b, c = TABLES.regions
    groups = tmp_path / "groups.toml"
    groups.write_text(f'AB = ["{a}", "{b}"]\nAC = ["{a}", "{c}"]\n')
    more = [groups if k == "AB,AC" else k for k in more]
    words = ["--method", "wwz", "--no-figures", "--format", "csv", *more]
    rows = []
    for at_once in (1, 2):
        monkeypatch.setattr(years, "_years_at_once", lambda *_, k=at_once: k)
        out = tmp_path / f"of-{at_once}"
        good("decompose", store, *words, "--out", out)
        rows.append((out / "decomposition.csv").read_text().splitlines())
    # What two years of a batch differ by is in the last digits.
    labels = [[row.rsplit(",", 1)[0] for row in table] for table in rows]
    assert labels[0] == labels[1]


def test_years_at_once_are_not_counted_twice(store, tmp_path, monkeypatch):
    """Both years are 576 rows, whether they are one part or two."""
    monkeypatch.setattr(years, "_years_at_once", lambda *_: 2)
    monkeypatch.setitem(frames._MOST_ROWS, "xlsx", 576)
    words = ("--method", "wwz", "--no-figures", "--format", "xlsx")
    good("decompose", store, *words, "--out", tmp_path / "out")


@pytest.mark.parametrize(
    "method, level, columns",
    [
        ("bm-importer", "country", ["year", "importer", "term", "value"]),
        ("production", "sector", ["year", "exporter", "sector", "term", "value"]),
    ],
)
def test_columns_that_a_level_does_not_have_are_left_out(
    store, tmp_path, method, level, columns
):
    out = tmp_path / "out"
    words = ("--method", method, "--level", level, "--format", "csv", "--out", out)
    good("decompose", store, *words, "--no-figures")
    frame = pd.read_csv(out / "decomposition.csv")
    assert list(frame) == columns
    own = decompose(TABLES, method, level).data
    for term, part in frame.groupby("term"):
        assert_allclose(part["value"], own[term].values.ravel(), rtol=RTOL)


def test_details_and_sectors_of_origin_are_written(store, tmp_path):
    words = ("decompose", store, "--method", "bm-source", "--level", "sector")
    good(*words, "--detail", "--no-figures", "--out", tmp_path / "d")
    table = pd.read_parquet(tmp_path / "d" / "decomposition.parquet")
    parts = table[table["term"].str.fullmatch("VAX[1-4]")]["value"].sum()
    assert_allclose(parts, table[table["term"] == "VAX"]["value"].sum(), rtol=1e-10)
    good(*words, "--by-origin", "--no-figures", "--out", tmp_path / "o")
    origin = pd.read_parquet(tmp_path / "o" / "decomposition.parquet")
    assert set(table["term"]) - set(origin["term"]) >= {"GEXP", "VAX1"}
    for term in ("DAVAX", "GVC", "GVCF"):
        found, whole = (k[k["term"] == term]["value"] for k in (origin, table))
        assert_allclose(found.sum(), whole.sum(), rtol=1e-10)
        assert not np.allclose(found, whole, rtol=1e-3)
    line = mistake(*words[:3], "wwz", "--detail", "--out", tmp_path / "w")
    assert line == "method wwz has no details: choose from bm-source, bm-sink"


def test_importers_count_what_they_buy(store):
    own = decompose(TABLES, "bm-importer", "country").data
    exports = decompose(TABLES, "bm-source", "bilateral")["GEXP"].sum("exporter")
    assert_allclose(own["GIMP"], exports, rtol=RTOL)
    by_origin = decompose(TABLES, "bm-importer", "bilateral")["VA"].sum("exporter")
    assert_allclose(own["VA"], by_origin, rtol=RTOL)
    assert (own["DC"] > 0).all()


def test_a_group_of_a_file_is_an_exporter(store, tmp_path):
    groups = tmp_path / "groups.toml"
    groups.write_text(f"G = {json.dumps(list(TABLES.regions[:2]))}\n")
    words = ("--method", "bm-source", "--level", "country", "--groups", groups)
    good("decompose", store, *words, "--out", tmp_path / "out", "--no-figures")
    frame = pd.read_parquet(tmp_path / "out" / "decomposition.parquet")
    assert set(frame["exporter"]) == {"G", TABLES.regions[2]}


def test_a_method_without_the_default_level_says_so_before_work(store, tmp_path):
    out = tmp_path / "out"
    assert mistake("decompose", store, "--out", out, "--method", "ltv") == (
        "method ltv has no level bilateral-sector, the default; give --level country or "
        "--level bilateral"
    )
    assert not out.exists()


@pytest.mark.parametrize("format", ["feather", "dta", "xlsx"])
def test_every_format_holds_the_long_table(store, tmp_path, format):
    words = ("--method", "bm-source", "--level", "country", "--format", format)
    words += ("--out", tmp_path / "out", "--no-figures", "--quiet")
    good("decompose", store, *words)
    path = tmp_path / "out" / f"decomposition.{format}"
    frame = read_table(path)
    assert list(frame) == ["year", "exporter", "term", "value"]
    own = decompose(TABLES, "bm-source", "country").data
    for term, part in frame.groupby("term"):
        assert_allclose(part["value"], own[str(term)].values.ravel(), rtol=RTOL)
    if format == "dta":
        with pd.read_stata(path, iterator=True) as file:
            labels = file.variable_labels()
        # Not that of the terms of a regression.
        assert labels["term"] == "term of the decomposition"


def test_a_table_too_long_for_the_format_ends_after_the_first_year(
    store, tmp_path, monkeypatch
):
    monkeypatch.setitem(frames._MOST_ROWS, "xlsx", 50)
    words = ("--method", "bm-source", "--level", "country", "--format", "xlsx")
    line = mistake("decompose", store, *words, "--out", tmp_path / "out")
    assert line.startswith("--format xlsx: 78 rows, but it holds 50; choose parquet")
    line = mistake("indicators", store, "--format", "xlsx", "--out", tmp_path / "out")
    assert "rows, but it holds 50" in line
    assert names(tmp_path) == ["store"] or not (tmp_path / "out").exists()


@pytest.mark.parametrize("format", ["parquet", "feather", "csv"])
def test_rows_are_the_same_however_many_are_written_together(
    tmp_path, monkeypatch, format
):
    parts = (
        decompose(TABLES, "bm-source", "country").data,
        decompose(TABLES, "wwz", "country").data,
    )
    for name, most in (("one", 1), ("some", 20), ("all", 10**9)):
        monkeypatch.setattr(long_tables, "_ROWS", most)
        with LongWriter(tmp_path / f"{name}.{format}") as writer:
            for part in parts:
                writer.write(LongPart(part))
    one, some, every = (
        read_table(tmp_path / f"{k}.{format}") for k in ("one", "some", "all")
    )
    assert list(dict.fromkeys(one["term"])) == [
        k for part in parts for k in part if k not in ("residual", "identity")
    ]
    pd.testing.assert_frame_equal(some, one)
    pd.testing.assert_frame_equal(every, one)
    if format == "parquet":
        groups = pq.ParquetFile(tmp_path / "all.parquet").metadata.num_row_groups
        assert groups == len(parts)


def test_what_the_thread_cannot_write_is_told(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(long_tables, "_labels_of", fail)
    part = decompose(TABLES, "bm-source", "country").data
    with pytest.raises(OSError, match="no space left"):
        with LongWriter(tmp_path / "x.parquet") as writer:
            writer.write(LongPart(part))


# ----------------------------------------------------------------------------- figures


@pytest.fixture(scope="module")
def totals():
    return totals_of(decompose(TABLES, "bm-source", "country").data, "bm-source")


def test_shown_parts_add_up_to_the_whole(totals):
    own = decompose(TABLES, "bm-source", "country").data
    total = totals.sum("part").transpose("year", "region")
    assert_allclose(total, own["GEXP"], rtol=1e-10)
    assert totals["part"].values.tolist() == [*METHODS["bm-source"].shown]


def test_bars_are_shares_of_the_last_year(totals):
    figure = bars(totals, "gross exports")
    (ax,) = figure.axes
    regions = largest(size_of(totals), 20)
    last = totals.isel(year=-1).sel(region=regions)
    share = 100 * last / last.sum("part")
    widths = [[bar.get_width() for bar in part] for part in ax.containers]
    assert_allclose(widths, share.transpose("part", "region").values, rtol=RTOL)
    assert [k.get_text() for k in ax.get_yticklabels()] == regions
    assert ax.get_xlabel() == "% of gross exports, 2001"


def test_of_a_single_region_no_order_is_told(totals):
    alone = totals.isel(region=[0])
    assert bars(alone, "gross exports").get_suptitle() == ""
    told = bars(totals, "gross exports").get_suptitle()
    assert told == "by the share of the first part"


def test_years_have_a_panel_for_each_region(totals):
    figure = over_years(totals, "gross exports")
    shown = [ax.get_title(loc="left") for ax in figure.axes if ax.get_visible()]
    assert shown == largest(size_of(totals), 8, rest=False)
    path = figure.axes[0].collections[-1].get_paths()[0]
    top = np.asarray(path.vertices)[:, 1].max()
    region = shown[0]
    share = totals.sel(region=region) / totals.sel(region=region).sum("part")
    expected = 100 * float((1 - share.isel(part=0)).max())
    assert_allclose(top, expected, rtol=1e-10)
    assert np.isfinite(top)


def test_parts_of_exports_are_not_told_where_nobody_trades(tmp_path):
    rows = pd.MultiIndex.from_product([["AUT", "DEU"], ["goods"]])
    Z, Y = np.diag([10.0, 20.0]), np.diag([30.0, 40.0])
    flows = (pd.DataFrame(Z, rows, rows), pd.DataFrame(Y, rows, ["AUT", "DEU"]))
    alone = tx.from_frames(*flows, pd.Series([40.0, 60.0], rows), year=2000)
    tx.save_store(alone, tmp_path / "store")
    words = ("--method", "bm-source", "--level", "country", "--no-figures")
    answer = good("decompose", tmp_path / "store", *words, "--out", tmp_path / "out")
    assert "the parts of" not in answer.out
