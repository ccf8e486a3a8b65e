"""Layouts that came later, and label lists as their publishers print them."""

import math
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import python_calamine as calamine

from tivax.engine.files import TableFile, layout
from tivax.engine.sources.panel import kof, pwt, weo, wgi
from tivax.engine.sources.tables import adb, eora, oecd

import panel_files as pf
from helpers import error_of
from panel_files import value_of

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def newer(shared):
    return shared / "data" / "panel" / "newer"


def sheet(path, name):
    book = calamine.CalamineWorkbook.from_path(path)
    return book.get_sheet_by_name(name).to_python()


# ------------------------------------------------------------------------- panels


def test_governance_of_2024_is_one_long_sheet(newer):
    frame = wgi.read(newer / "wgidataset_2024update.xlsx", ["rqe", "cce"])
    # Rows AFGcc1996 and NIUrq1996 (missing, "..") of the sheet.
    assert value_of(frame, "AFG", 1996, "cce") == -1.291704773902893
    assert math.isnan(value_of(frame, "NIU", 1996, "rqe"))
    assert sorted(set(frame["year"])) == [1996, 1998, 2000, *range(2002, 2024)]
    assert {"ROM", "TWN"} <= set(frame["code"])


def governance_of_2025(folder, **columns):
    """A small workbook in the layout of the update of 2025."""
    names = {
        "code": "Economy (code)",
        "name": "Economy (name)",
        "year": "Year",
        "value": "Governance estimate (approx. -2.5 to +2.5)",
        **columns,
    }
    head = [*names.values(), "Standard error", "Governance score (0-100)"]
    rows = [["ROU", "Romania", 2014, 0.625, 0.2, 61.0], ["ROU", "Romania", 1996, ".."]]
    sheets = {family: [head, *rows] for family in ("va", "pv", "ge", "rq", "rl", "cc")}
    return pf.write_sheets(folder / "wgidataset_with_sourcedata-2025.xlsx", sheets)


def test_governance_of_2025_has_a_sheet_for_each_family(tmp_path):
    frame = wgi.read(governance_of_2025(tmp_path), ["rqe", "vae"])
    assert value_of(frame, "ROU", 2014, "rqe") == 0.625
    assert math.isnan(value_of(frame, "ROU", 1996, "vae"))


def test_a_column_that_governance_of_2025_lacks_is_named(tmp_path):
    path = governance_of_2025(tmp_path, code="Economy")
    told = "lacks Economy (code); get the file again if it was changed"
    assert told in error_of(wgi.read, path, ["rqe"])


def test_outlook_of_april_2020_names_the_eight_subjects_it_has(newer):
    path = newer / "WEOApr2020all.xls"
    frame = weo.read(path, ["PCPIPCH"])
    assert frame["code"].nunique() == 194
    assert (frame["year"].min(), frame["year"].max()) == (1980, 2021)
    line = error_of(weo.read, path, ["NGDPD"])
    assert re.search("lacks NGDPD; .* subjects BCA_NGDPD, .*PPPGDP$", line)


def outlook_of_2025(folder):
    """A small workbook in the layout from October 2025 on."""
    head = ["COUNTRY.ID", "INDICATOR.ID", "FREQUENCY", "LATEST_ACTUAL_ANNUAL_DATA"]
    rows = [
        [*head, 2023, 2024],
        ["KOS", "PCPIPCH", "A", 2024, 4.9, 1.5],
        ["IND", "PCPIPCH", "A", "FY2023/24", 5.4, ""],
        ["IND", "NGDPD", "A", "FY2023/24", 3500.5, 3800.25],
        ["IND", "PCPIPCH", "Q", "FY2023/24", 9.9, 9.9],
    ]
    sheets = {"Countries": rows, "Country Groups": [head], "Commodity Prices": [head]}
    return pf.write_sheets(folder / "WEOOct2025all.xlsx", sheets)


def test_outlook_from_october_2025_is_a_workbook(tmp_path):
    frame = weo.read(outlook_of_2025(tmp_path), ["PCPIPCH", "NGDPD"])
    assert value_of(frame, "KOS", 2024, "PCPIPCH") == 1.5
    assert value_of(frame, "IND", 2023, "PCPIPCH") == 5.4
    assert value_of(frame, "IND", 2024, "NGDPD") == 3800.25
    assert math.isnan(value_of(frame, "IND", 2024, "PCPIPCH"))


def test_kof_of_2025_and_penn_world_table_10_0_are_read(newer):
    index = kof.read(newer / "KOFGI_2025_public.xlsx", ["KOFGI", "KOFEcGIdj"])
    assert value_of(index, "BHR", 1997, "KOFGI") == 54.71139907836914
    assert index["year"].max() == 2023
    frame = pwt.read(newer / "pwt100.dta", ["ctfp", "cn", "xr", "pop"])
    official = pd.read_stata(newer / "pwt100.dta").set_index(["countrycode", "year"])
    assert value_of(frame, "ROU", 2014, "ctfp") == official.loc[("ROU", 2014), "ctfp"]
    assert frame["code"].nunique() == 183


# ------------------------------------------------------------------- label lists


def oecd_labels(path, letter):
    """Columns but the last, and rows, of the readme; ``letter`` precedes a sector."""
    found = []
    for name in ("ColItems", "RowItems"):
        rows = [row for row in sheet(path, name) if isinstance(row[0], float)]
        found.append([re.sub(r"_D(?=\d)", f"_{letter}", str(row[1])) for row in rows])
    columns, rows = found
    return [label for label in columns if label not in ("OUT", "TOTAL")], rows


OECD = [
    ("ReadMe_ICIO2021_CSV.xlsx", "2021", (67 + 4, 45, 67), "TOTAL"),
    ("ReadMe_ICIO_small_2023.xlsx", "2023", (77, 45, 77), "OUT"),
    ("ReadMe_ICIO_small_2025.xlsx", "2025", (81, 50, 81), "OUT"),
]


@pytest.mark.parametrize("name, edition, size, total", OECD)
def test_the_oecd_reader_takes_the_published_label_lists(
    shared, name, edition, size, total
):
    columns, rows = oecd_labels(shared / "labels" / name, "D")
    layout = oecd.read_layout(TableFile(shared / name), [*columns, total], rows)
    assert layout.edition == edition
    assert (len(layout.regions), len(layout.sectors), len(layout.whole)) == size


def test_oecd_sectors_of_2021_are_the_same_with_and_without_their_letter(shared):
    path = shared / "labels" / "ReadMe_ICIO2021_CSV.xlsx"
    layouts = []
    for letter in ("D", ""):
        columns, rows = oecd_labels(path, letter)
        layouts.append(oecd.read_layout(TableFile(path), [*columns, "TOTAL"], rows))
    assert layouts[0] == layouts[1]
    assert layouts[0].sectors[:2] == ("01T02", "03")


@pytest.fixture(scope="module")
def eora_labels(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("eora")
    parts = {}
    for what in ("T", "FD"):
        path = folder / f"labels_{what}.txt"
        shutil.copyfile(shared / "labels" / f"eora26_labels_{what}.txt", path)
        parts[f"labels of {what}"] = TableFile(path)
    return TableFile(folder / "Eora26_2015_bp_T.txt", year=2015, parts=parts)


def test_eora_labels_as_published_give_189_regions_and_the_rest_of_the_world(
    eora_labels,
):
    regions, sectors, at = eora._industries(eora_labels)
    assert len(regions) == 190 and len(sectors) == 27
    assert (regions[-1], sectors[-1]) == ("ROW", "Total")
    # 189 * 26 industries, and the one of the rest of the world in the last place.
    assert len(at) == 4915 and at[-1] == 190 * 27 - 1
    assert len(np.unique(at)) == 4915
    assert len(eora._categories(eora_labels, regions)) == 6


def test_adb_codes_are_those_of_its_own_list_of_countries(shared):
    path = shared / "labels" / "adb_countries.xlsx"
    economies = [row for row in sheet(path, "MRIO")[1:] if row[2]]
    iso3 = {row[0]: row[2] for row in sheet(path, "Consolidated")[1:]}
    wanted = [iso3.get(row[5], "ROW") for row in economies]
    codes = [str(row[2]) for row in economies]
    assert len(codes) == 73
    assert list(layout.region_codes(TableFile(path), codes, adb.CODES)) == wanted
