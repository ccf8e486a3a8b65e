import bz2
import gzip
import math
import re
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdata

from tivax.engine.core.errors import TivaxError
from tivax.engine.sources.panel import bis, kof, pwt, wdi, weo, wgi

import panel_files as pf
from helpers import error_of
from panel_files import value_of

CPI, EXPORTS, RATE = "FP.CPI.TOTL.ZG", "NE.EXP.GNFS.CD", "PA.NUS.FCRF"
NAN = float("nan")


def refusal(source, path, *series):
    """The message of the error, which must be one line that names the file."""
    message = error_of(source.read, path, series)
    assert path.name in message
    return message


def assert_rows(frame, *rows):
    """The frame holds these (code, year, values ...), in this order, exactly; a row may
    be written as words."""
    rows = [row if isinstance(row, tuple) else written(row) for row in rows]
    assert list(frame.columns[:2]) == ["code", "year"]
    assert frame["year"].dtype == "int64"
    assert all(dtype == "float64" for dtype in frame.dtypes.iloc[2:])
    assert [(c, y) for c, y, *_ in rows] == list(
        zip(frame["code"], frame["year"], strict=True)
    )
    assert all(type(code) is str for code in frame["code"])
    np.testing.assert_array_equal(
        frame.iloc[:, 2:].to_numpy(), [values for _, _, *values in rows]
    )


def assert_same(source, path, other, series):
    frames = (source.read(k, [series]) for k in (path, other))
    pd.testing.assert_frame_equal(*frames, check_exact=True)


def written(row):
    code, year, *values = row.split()
    return code, int(year), *map(float, values)


# ------------------------------------------------------------------- small files


def small_kof(folder, suffix=".xlsx", frame=None):
    frame = pf.kof() if frame is None else frame
    return pf.write_kof(folder / f"KOFGI_2020_public{suffix}", frame)


def small_pwt(folder, name="pwt9.0.rda", **more):
    frame = pf.pwt(ctfp=[0.5, 0.75, NAN], ck=[9.0, 8.0, 7.0], **more)
    return pf.write_pwt(folder / name, frame)


def small_wgi(folder, suffix=".xlsx", top=13):
    path = folder / f"wgidataset{suffix}"
    if suffix == ".dta":
        table = {"code": ["ROM", "ROM"], "countryname": ["Romania"] * 2}
        table |= {"year": np.array([1998, 1996], "int16")}
        for k, family in enumerate(pf.WGI_FAMILIES):
            for part in "esnrlu":
                table[family + part] = np.array([k + 0.1, NAN], "float32")
        return pf.write_stata(path, pd.DataFrame(table))
    rq = pf.wgi_sheet({"ROM": [0.1, "#N/A"], "ADO": [1.25, -2]}, [1996, 1998], top)
    pv = pf.wgi_sheet({"ADO": [1.5, 1]}, [1996, 1998])
    sheets = {"RegulatoryQuality": rq, "Political StabilityNoViolence": pv}
    return pf.write_wgi(path, sheets)


def api(folder, rows, name=CPI, years=(2000, 2001), **how):
    path = folder / f"API_{name}_DS2_en_csv_v2_1.csv"
    path.write_bytes(pf.api_csv(rows, years, **how))
    return path


def small_wdi(folder):
    return api(folder, [("ROU", CPI, ["45.7", "34.5"]), ("AFE", CPI, ["", "1.5"])])


def table(folder, text, encoding="utf-8"):
    path = folder / "table.csv"
    path.write_text(text, encoding=encoding, newline="")
    return path


def zipped(folder, members, name="API_download.zip"):
    return pf.zip_of(folder / name, members)


def small_weo(folder, name="WEOApr2021all.xls", encoding="latin-1", delimiter="\t"):
    rows = [
        ("UVK", "PCPIPCH", ["n/a", "1.5"]),
        ("CIV", "NGDPD", ["2,693.56", "--"]),
        ("CIV", "PCPIPCH", ["-2,000,000", ""]),
    ]
    path = folder / name
    text = pf.weo_text(rows, [2000, 2001], delimiter)
    data = text.encode(encoding)
    if path.suffix in (".bz2", ".gz"):
        data = {".bz2": bz2, ".gz": gzip}[path.suffix].compress(data)
    path.write_bytes(data)
    return path


def small_bis(folder, months=None, codes=("DZ", "XM")):
    months = months or [(2000, m) for m in range(1, 13)] + [(2001, 1), (2001, 2)]
    sheets = {t: pf.bis_sheet(t, codes, months) for t in ("Nominal", "Real")}
    return pf.write_sheets(folder / "broad.xlsx", sheets)


# --------------------------------------------------------------------------- KOF


def test_a_kof_workbook_is_read_exactly_sorted_and_with_its_own_codes(tmp_path):
    frame = kof.read(small_kof(tmp_path), ["KOFPoGIdj", "KOFTrGIdj"])
    # Index 27 of 27 is KOFPoGIdj, index 9 KOFTrGIdj; 2001 is the first row.
    assert_rows(frame, "ROM 2000 36.1 18.1", "ROM 2001 36.0 nan")


def test_a_kof_stata_file_gives_the_values_of_its_float32(tmp_path):
    frame = kof.read(small_kof(tmp_path, ".dta"), ["KOFPoGIdj"])
    # 36.1 is 36 + 838861 / 2**23 in binary of 24 digits: 0x42106666.
    (exact,) = struct.unpack(">f", bytes.fromhex("42106666"))
    assert_rows(frame, ("ROM", 2000, exact), ("ROM", 2001, 36.0))


def test_rows_without_a_code_are_dropped_and_a_year_that_is_none_refused(tmp_path):
    frame = pf.kof([("ABW", 2000), ("", 2001), (" ", 2001)])
    assert_rows(kof.read(small_kof(tmp_path, frame=frame), ["KOFGI"]), "ABW 2000 10.0")
    frame = pf.kof().astype({"year": object})
    for wrong in ("later", 2000.5, "", 20):
        frame.loc[1, "year"] = wrong
        message = refusal(kof, small_kof(tmp_path, frame=frame), "KOFGI")
        assert "a row of ROM has no year that can be read" in message


def test_the_kof_archive_of_2019_is_read_in_place(tmp_path):
    table = pf.write_kof(tmp_path / "KOFGI_2019_data.dta", pf.kof())
    others = {"readme.txt": "x", "__MACOSX/._KOFGI_2019_data.dta": "x"}
    path = zipped(
        tmp_path, {table.name: table.read_bytes(), **others}, "KOFGI_2019.zip"
    )
    assert_same(kof, path, table, "KOFGIdj")
    message = refusal(kof, path, "KOFXXdj")
    assert "KOFGI_2019.zip:KOFGI_2019_data.dta: lacks KOFXXdj" in message


def test_an_archive_with_another_name_two_tables_or_none_is_told(tmp_path):
    table = small_kof(tmp_path, ".dta").read_bytes()
    one = zipped(tmp_path, {"a.dta": table})
    assert len(kof.read(one, ["KOFGI"])) == 2
    first = zipped(tmp_path, {"a.dta": b"", "x/KOFGI_2019_data.dta": table})
    assert len(kof.read(first, ["KOFGI"])) == 2
    two = zipped(tmp_path, {"a.dta": table, "b.dta": table})
    message = refusal(kof, two, "KOFGI")
    assert "2 tables in it and none is KOFGI_2019_data.dta; unpack" in message
    none = zipped(tmp_path, {"a.txt": "x"})
    message = refusal(kof, none, "KOFGI")
    assert "no table in it; expected KOFGI_2019_data.dta" in message


# --------------------------------------------------------------------------- PWT


@pytest.mark.parametrize(
    "name", ["pwt9.0.rda", "pwt10.01.rda", "pwt90.xlsx", "pwt90.dta", "pwt110.csv"]
)
def test_every_form_of_the_penn_world_table_is_read_exactly(tmp_path, name):
    frame = pwt.read(small_pwt(tmp_path, name), ["ck", "ctfp"])
    assert_rows(frame, "AGO 2000 7.0 nan", "ROU 2000 9.0 0.5", "ROU 2001 8.0 0.75")


def test_years_that_are_floats_become_integers(tmp_path):
    frame = pf.pwt(cn=[1.0, 2.0, 3.0])
    path = pf.write_pwt(tmp_path / "pwt9.1.rda", frame, float_year=True)
    rows = ("AGO", 2000, 3.0), ("ROU", 2000, 1.0), ("ROU", 2001, 2.0)
    assert_rows(pwt.read(path, ["cn"]), *rows)


def test_ck_is_read_for_cn_only_where_there_is_no_cn(tmp_path):
    old = pwt.read(small_pwt(tmp_path), ["cn", "ck"])
    assert_rows(old, "AGO 2000 7 7", "ROU 2000 9 9", "ROU 2001 8 8")
    later = small_pwt(tmp_path, "pwt9.1.rda", cn=[1.0, 2.0, 3.0])
    rows = ("AGO", 2000, 3.0), ("ROU", 2000, 1.0), ("ROU", 2001, 2.0)
    assert_rows(pwt.read(later, ["cn"]), *rows)
    neither = pf.write_pwt(tmp_path / "pwt8.dta", pf.pwt(ctfp=[1.0, 1.0, 1.0]))
    assert "lacks cn; the published workbook" in refusal(pwt, neither, "cn")


def test_na_of_a_csv_is_a_missing_number(tmp_path):
    path = small_pwt(tmp_path, "pwt110.csv")
    assert ",NA\n" not in path.read_text()
    path.write_text(path.read_text().replace(",\n", ",NA\n").replace(",,", ",NA,"))
    assert math.isnan(value_of(pwt.read(path, ["ctfp"]), "AGO", 2000, "ctfp"))
    path.write_text("\n\n")
    assert "no names in row 1" in refusal(pwt, path, "ctfp")


# --------------------------------------------------------------------------- WGI


@pytest.mark.parametrize("top", [2, 13, 20])
def test_a_wgi_sheet_is_read_wherever_its_labels_stand(tmp_path, top):
    frame = wgi.read(small_wgi(tmp_path, top=top), ["rqe"])
    assert_rows(frame, "ADO 1996 1.25", "ADO 1998 -2.0", "ROM 1996 0.1", "ROM 1998 nan")


def test_two_sheets_give_the_rows_of_both(tmp_path):
    frame = wgi.read(small_wgi(tmp_path), ["pve", "rqe"])
    assert_rows(
        frame,
        "ADO 1996 1.5 1.25",
        "ADO 1998 1.0 -2.0",
        "ROM 1996 nan 0.1",
        "ROM 1998 nan nan",
    )


def test_the_stata_file_holds_all_families(tmp_path):
    frame = wgi.read(small_wgi(tmp_path, ".dta"), ["rqe", "vae"])
    rq, va = (float(np.float32(value)) for value in (3.1, 0.1))
    assert_rows(frame, ("ROM", 1996, NAN, NAN), ("ROM", 1998, rq, va))


def small_long_wgi(folder, **columns):
    """The Stata file from the update of 2023 on."""
    table = {
        "code": ["ROU", "ROU", "ABW", "ROU"],
        "year": np.array([1998, 1996, 1998, 1996], "int16"),
        "indicator": ["rq", "rq", "rq", "va"],
        "estimate": [0.25, NAN, -1.5, 0.75],
    }
    return pf.write_stata(folder / "wgidataset.dta", pd.DataFrame(table | columns))


@pytest.mark.parametrize("text", [False, True])
def test_the_later_stata_file_has_a_row_a_family(tmp_path, text):
    numbers = ["0.25", "..", "-1.5", "0.75"] if text else [0.25, NAN, -1.5, 0.75]
    path = small_long_wgi(tmp_path, estimate=numbers)
    assert_rows(
        wgi.read(path, ["vae", "rqe"]),
        "ABW 1998 nan -1.5",
        "ROU 1996 0.75 nan",
        "ROU 1998 nan 0.25",
    )
    assert "wgidataset.dta: lacks cce; get the" in refusal(wgi, path, "rqe", "cce")


@pytest.mark.parametrize("write", [lambda f: small_wgi(f, ".dta"), small_long_wgi])
def test_the_archive_of_the_stata_file_is_read_in_place(tmp_path, write):
    table = write(tmp_path)
    members = {"a.dta": b"", table.name: table.read_bytes()}
    path = zipped(tmp_path, members, "wgidataset_stata.zip")
    assert_same(wgi, path, table, "rqe")
    none = zipped(tmp_path, {"readme.txt": "x"})
    assert "no table in it; expected wgidataset.dta" in refusal(wgi, none, "rqe")


def test_an_indicator_of_the_world_bank_skips_the_years_nobody_has(tmp_path):
    rows = [("ROU", "RQ.EST", [0.5, "", 0.25]), ("XKX", "RQ.EST", ["", "", -1])]
    path = api(tmp_path, rows, "RQ.EST", (1996, 1997, 1998))
    assert_rows(
        wgi.read(path, ["rqe"]),
        "ROU 1996 0.5",
        "ROU 1998 0.25",
        "XKX 1996 nan",
        "XKX 1998 -1.0",
    )
    archive = zipped(tmp_path, {path.name: path.read_bytes()})
    assert_same(wgi, archive, path, "rqe")
    assert "lacks VA.EST; get it from https://api" in refusal(wgi, path, "vae")


# --------------------------------------------------------------------- World Bank


@pytest.mark.parametrize("preface", [True, False])
def test_a_csv_of_the_api_is_read_with_and_without_its_preface(tmp_path, preface):
    rows = [("ROU", CPI, ["45.7", "34.5"]), ("AFE", CPI, ["", "1.5"])]
    frame = wdi.read(api(tmp_path, rows, preface=preface), [CPI])
    assert_rows(frame, "AFE 2000 nan", "AFE 2001 1.5", "ROU 2000 45.7", "ROU 2001 34.5")


def test_the_table_of_a_downloaded_archive_is_found_beside_its_metadata(tmp_path):
    path = small_wdi(tmp_path)
    other = f"Metadata_Country_{path.name}"
    archive = zipped(tmp_path, {other: '"Country Code"', path.name: path.read_bytes()})
    assert_same(wdi, archive, path, CPI)
    message = refusal(wdi, zipped(tmp_path, {other: ""}), CPI)
    assert "no files API_<CODE>_*.csv in it, not one" in message


def test_indicators_are_picked_from_a_bulk_csv(tmp_path):
    rows = [
        ("ROU", CPI, [1, 2]),
        ("ROU", f"{EXPORTS}.ZG", [8, 9]),
        ("ROU", EXPORTS, [3, ""]),
        ("AFE", EXPORTS, [5, 6]),
        ("AFE", "SP.POP.TOTL", [8, 9]),
    ]
    frame = wdi.read(api(tmp_path, rows, preface=False), [EXPORTS, CPI])
    assert_rows(
        frame,
        "AFE 2000 5.0 nan",
        "AFE 2001 6.0 nan",
        "ROU 2000 3.0 1.0",
        "ROU 2001 nan 2.0",
    )


@pytest.mark.parametrize("code", ["iso3c", "ISO3", "code", "Country Code"])
@pytest.mark.parametrize("inflation", ["inflation", CPI])
def test_a_table_of_ones_own_is_read_by_indicator_or_alias(tmp_path, code, inflation):
    text = f"Year,{inflation},{code},note\n2001,NA,ROU,\n2000,45.7,ROU,x\n2000,,,\n"
    frame = wdi.read(table(tmp_path, text), [CPI])
    assert_rows(frame, "ROU 2000 45.7", "ROU 2001 nan")


# Last year of the old currency, first of the euro, as the API gives them. The rate
# rises in Latvia and falls by less than half in Germany.
@pytest.mark.parametrize(
    "code, year, before, after",
    [("DEU", 1999, 1.7596676, 0.938283), ("LVA", 2014, 0.529392, 0.752728)],
)
def test_an_exchange_rate_that_turns_to_the_euro_is_refused(
    tmp_path, code, year, before, after
):
    path = api(tmp_path, [(code, RATE, [before, after])], RATE, (year - 1, year))
    message = refusal(wdi, path, RATE)
    assert re.search(
        f"{RATE} of {code} changes currency, from .* in {year - 1}", message
    )
    assert "take xr of the Penn World Table" in message

    rate = wdi.EURO[code][1]
    in_euro = [before / rate, after]
    path = api(tmp_path, [(code, RATE, in_euro)], RATE, (year - 1, year))
    assert_rows(
        wdi.read(path, [RATE]), (code, year - 1, in_euro[0]), (code, year, in_euro[1])
    )


# --------------------------------------------------------------------------- IMF


@pytest.mark.parametrize(
    "name, encoding, delimiter",
    [
        ("WEOApr2021all.xls", "latin-1", "\t"),
        ("WEOApr2022all.xls", "utf-16", "\t"),
        ("WEOOct2020all.xls", "utf-16-le", "\t"),
        ("WEOApr2021all.csv", "utf-8", ","),
        ("WEOApr2021all.csv", "utf-8-sig", ","),
        ("WEOApr2021all.csv.bz2", "utf-8", ","),
        ("WEOApr2021all.xls.gz", "latin-1", "\t"),
    ],
)
def test_every_form_of_the_outlook_is_read_exactly(tmp_path, name, encoding, delimiter):
    frame = weo.read(
        small_weo(tmp_path, name, encoding, delimiter), ["PCPIPCH", "NGDPD"]
    )
    assert_rows(
        frame,
        "CIV 2000 -2000000.0 2693.56",
        "CIV 2001 nan nan",
        "UVK 2000 nan nan",
        "UVK 2001 1.5 nan",
    )


# --------------------------------------------------------------------------- BIS


def test_a_year_is_the_mean_of_its_twelve_months(tmp_path):
    frame = bis.read(small_bis(tmp_path), ["real", "nominal"])
    # (0 + 1 + ... + 11) / 12 = 5.5; the euro area keeps its code.
    assert_rows(
        frame,
        "DZA 2000 105.5 105.5",
        "DZA 2001 nan nan",
        "XM 2000 205.5 205.5",
        "XM 2001 nan nan",
    )


def test_a_month_that_repeats_and_a_blank_month_are_told_or_missing(tmp_path):
    months = [(2000, 1)] + [(2000, m) for m in range(1, 12)]
    path = small_bis(tmp_path, months)
    assert "sheet Real holds 2000-01 more than once" in refusal(bis, path, "real")
    rows = pf.bis_sheet("Real", ["DZ", "XM"], [(2000, m) for m in range(1, 13)])
    rows[8][1] = ""
    path = pf.write_sheets(tmp_path / "broad.xlsx", {"Real": rows})
    assert_rows(bis.read(path, ["real"]), "DZA 2000 nan", "XM 2000 205.5")


# ------------------------------------------------------- files that are refused


def without_de_jure(frame):
    return frame[[name for name in frame if not str(name).endswith("dj")]]


def with_text(frame):
    frame = frame.astype({"KOFGIdj": object})
    frame.loc[1, "KOFGIdj"] = "n.a."
    return frame


def of_kof(frame):
    return lambda folder: small_kof(folder, frame=frame)


def own(text):
    return lambda folder: table(folder, text)


def of_r(**objects):
    def write(folder):
        rdata.write_rda(path := folder / "pwt9.0.rda", objects)
        return path

    return write


def of_wgi(rows):
    return lambda folder: pf.write_wgi(folder / "wgi.xlsx", {"RegulatoryQuality": rows})


def of_weo(cell):
    return lambda folder: table(
        folder, pf.weo_text([("CIV", "LP", ["1", cell])], YEARS)
    )


def cut(write, text, more=0):
    """The file ends so many bytes after a text."""

    def written(folder):
        data = (path := write(folder)).read_bytes()
        path.write_bytes(data[: data.rindex(text) + more])
        return path

    return written


def of_bis(row, column, value):
    rows = pf.bis_sheet("Real", ["DZ", "XM"], [(2000, m) for m in range(1, 13)])
    rows[row][column] = value
    return lambda folder: pf.write_sheets(folder / "broad.xlsx", {"Real": rows})


YEARS = [2000, 2001]
TWO = [("AFE", CPI, [1, 2]), ("ROU", CPI, [1, 2])]
MANY = [(2000, m) for m in range(1, 12)] + [(2908, 12)]
OWN = "iso3c,year,inflation\nROU,2000"


@pytest.mark.parametrize(
    "source, write, series, told",
    [
        (kof, small_kof, "KOFGIdj KOFXXdj", "lacks KOFXXdj; get the"),
        (kof, lambda f: small_kof(f, ".dta"), "KOFGIdj KOFXXdj", "lacks KOFXXdj; get the"),
        (kof, of_kof(without_de_jure(pf.kof())), "KOFGIdj", "lacks KOFGIdj and all other de jure indices; get edition 2018"),
        (kof, of_kof(with_text(pf.kof())), "KOFGIdj", "KOFGIdj of ROM 2000 holds 'n.a.', not a number"),
        (kof, of_kof(pf.kof([("ABW", 2000), ("ROM", 2001), ("ROM", 2001)])), "KOFGIdj", "ROM 2001 is in more than one row"),
        (kof, of_kof(pf.kof([("", 2000)])), "KOFGIdj", "no row with a country code"),
        (kof, lambda f: pf.write_sheets(f / "KOF.xlsx", {"A": [["code"]], "B": [[1]]}), "KOFGI", "no sheet 'Sheet1', its sheets are A, B"),
        (pwt, small_pwt, "ctfp cn rnna pl_n", "lacks rnna, pl_n; get version 9.1 or later, which has rnna, pl"),
        (pwt, small_pwt, "tfp", "lacks tfp; the published"),
        (pwt, lambda f: small_pwt(f, i_xr=["market", "market", "estimated"]), "i_xr", "i_xr of ROU 2000 holds 'market'"),
        (pwt, of_r(other=np.arange(3.0)), "ctfp", "lacks pwt9.0, it has other"),
        (pwt, of_r(**{"pwt9.0": np.arange(3.0)}), "ctfp", "pwt9.0 is not a data frame"),
        (wgi, small_wgi, "rqs", "no series rqs; choose from vae, pve, gee, rqe"),
        (wgi, of_wgi([["Code"]]), "rqe", "sheet RegulatoryQuality has no row with Code and Estimate"),
        (wgi, of_wgi(pf.wgi_sheet({"ROM": [0.1, "n.a."]}, [1996, 1998])), "rqe", "rqe of ROM 1998 holds 'n.a.'"),
        (wdi, own("iso3c,year\nROU,2000\n"), EXPORTS, f"no column has the name {EXPORTS} and Exports_USD_current"),
        (wdi, own("a,b\n1,2\n"), CPI, "no header with Country Code and Indicator Code, nor with"),
        (wdi, own(f"{OWN},many\n"), CPI, "of ROU 2000 holds 'many', not a"),
        (wdi, own(f"{OWN},inf\n"), CPI, "of ROU 2000 holds 'inf', not a"),
        (wdi, own(f"{OWN},1\nROU,2000,1\n"), CPI, "ROU 2000 is in more"),
        (wdi, own(f"{OWN},1\nROU,20"), CPI, "a row has 2 cells and the header"),
        (wdi, own("Country Code,Indicator Code,x\nROU,a,1\n"), CPI, "no columns of years such as"),
        (wdi, own(""), CPI, "empty file"),
        (wdi, lambda f: table(f, "iso3c,year,inflation,name\nCIV,2000,1,Côte\n", "latin-1"), CPI, "not a text in UTF-8"),
        (wdi, cut(lambda f: api(f, TWO), b'"country, ROU"', 11), CPI, "a row has 1 cells and the header 7"),
        (weo, small_weo, "PCPI", "lacks PCPI; this edition has the subjects NGDPD"),
        *((weo, of_weo(k), "LP", f"LP of CIV 2001 holds '{k}', not a number") for k in ("26,93", "1.2.3", "none")),
        (weo, cut(small_weo, b"2,000,000", 3), "PCPIPCH", "fewer than years; the file is damaged"),
        (weo, cut(small_weo, b"968", 3), "PCPIPCH", "fewer than years; the file is damaged"),
        (weo, lambda f: small_bis(f).rename(f / "WEOApr2021all.xls"), "LP", "not a text; get the IMF's file again"),
        (bis, of_bis(7, 2, "n.a."), "real", "sheet Real, 2000-03 of XM is not a number"),
        (bis, of_bis(7, 0, "March"), "real", "sheet Real, column A holds 'March', not a date"),
        (bis, of_bis(4, slice(1, 3), ["XXDZ", "XXXM"]), "real", "sheet Real has no row of codes such as RBAU"),
        (bis, lambda f: small_bis(f, MANY), "real", "sheet Real lacks months from 2000-01 to 2908-12"),
        (bis, small_bis, "narrow", "no series narrow; choose from real, nominal"),
    ],
)  # fmt: skip
def test_what_does_not_serve_is_refused_in_a_line(
    tmp_path, source, write, series, told
):
    assert told in refusal(source, write(tmp_path), *series.split())


# ------------------------------------------------------------------ the real files


@pytest.fixture(scope="module")
def panel(shared: Path) -> Path:
    return shared / "data" / "panel"


@pytest.mark.shared
@pytest.mark.parametrize(
    "file, rows, last, romania",
    [
        ("KOF_Data_2018.dta", 10_105, 2016, (72.148933, 60.163429)),
        ("KOFGI_2020_public.xlsx", 10_535, 2018, (71.429207, 58.235500)),
        ("KOFGI_2023_public.xlsx", 11_180, 2021, (70.880920, 59.729580)),
    ],
)
def test_the_real_kof_editions_hold_215_codes_but_no_taiwan(
    panel, file, rows, last, romania
):
    """Romania in 2000 as pandas and openpyxl print it."""
    frame = kof.read(panel / "kof" / file, ["KOFGIdj", "KOFTrGIdj"])
    assert (len(frame), frame["code"].nunique()) == (rows, 215)
    assert (frame["year"].min(), frame["year"].max()) == (1970, last)
    assert not {"ROU", "TWN"} & set(frame["code"])
    for name, value in zip(["KOFGIdj", "KOFTrGIdj"], romania, strict=True):
        assert value_of(frame, "ROM", 2000, name) == pytest.approx(value, abs=1e-6)


@pytest.mark.shared
@pytest.mark.parametrize(
    "file, rows, codes",
    [("9.0", 11_830, 182), ("9.1", 12_376, 182), ("10.01", 12_810, 183)],
)
def test_the_real_penn_world_tables_are_whole(panel, file, rows, codes):
    frame = pwt.read(panel / "pwt" / f"pwt{file}.rda", ["ctfp", "xr", "pop"])
    assert (len(frame), frame["code"].nunique()) == (rows, codes)
    assert {"ROU", "TWN"} < set(frame["code"])
    for year in (1960, 2014):
        for name in ("ctfp", "xr"):
            assert value_of(frame, "USA", year, name) == 1
    # The euro also before 1999: 4.2 marks a dollar in 1960, 1.95583 marks a euro.
    assert value_of(frame, "DEU", 1960, "xr") == pytest.approx(4.2 / 1.95583, rel=1e-3)


@pytest.mark.shared
def test_ck_is_a_stock_in_version_9_0_and_an_index_from_9_1_on(panel):
    old = pwt.read(panel / "pwt" / "pwt9.0.rda", ["ck"])
    new = pwt.read(panel / "pwt" / "pwt9.1.rda", ["ck", "cn"])
    assert value_of(old, "USA", 2010, "ck") == 48_876_336
    assert value_of(new, "USA", 2010, "ck") == 1
    assert value_of(new, "USA", 2010, "cn") == 51_439_596
    as_cn = pwt.read(panel / "pwt" / "pwt9.0.rda", ["cn"])
    assert value_of(as_cn, "USA", 2010, "cn") == 48_876_336


@pytest.mark.shared
def test_the_real_governance_indicators_have_no_year_1997_1999_2001(panel):
    """Romania and Taiwan as openpyxl prints cells C, I and the last estimate."""
    book = panel / "wgi" / "2020_Worldwide_Governance_Indicators_1996-2019t.xlsx"
    frame = wgi.read(book, ["rqe", "pve"])
    assert (len(frame), frame["code"].nunique()) == (214 * 21, 214)
    assert sorted(set(frame["year"])) == [1996, 1998, 2000, *range(2002, 2020)]
    assert value_of(frame, "ROM", 1996, "rqe") == 0.02611813321709633
    assert value_of(frame, "ROM", 1998, "rqe") == 0.22479337453842163
    assert value_of(frame, "TWN", 2019, "rqe") == 1.4027597904205322
    assert value_of(frame, "TWN", 2019, "pve") == 0.7195976972579956
    assert np.isnan(value_of(frame, "ABW", 1996, "rqe"))

    later = wgi.read(panel / "wgi" / "wgidataset_2022ed.dta", ["rqe"])
    assert sorted(set(later["year"])) == [1996, 1998, 2000, *range(2002, 2022)]
    assert len(later) == 4922
    assert value_of(later, "ROM", 2021, "rqe") == pytest.approx(0.309020, abs=1e-6)


@pytest.mark.shared
def test_two_pulls_of_the_real_inflation_differ_for_the_united_kingdom(panel):
    new = wdi.read(panel / "wdi" / "openness_wdi-data.csv", [CPI, EXPORTS])
    old = wdi.read(panel / "wdi" / "wdi_older_econ-openness.csv", [CPI])
    assert (len(new), len(old)) == (12_900, 12_354)
    assert value_of(new, "GBR", 2000, CPI) == 1.18295624210404
    assert value_of(new, "GBR", 2000, EXPORTS) == 417751550915.418
    assert value_of(old, "GBR", 2000, CPI) == 0.785269429


@pytest.mark.shared
def test_the_real_official_exchange_rate_is_refused(panel):
    path = panel / "wdi" / "API_PA.NUS.FCRF_DS2_en_csv_v2_22859.csv"
    message = refusal(wdi, path, RATE)
    assert "AUT changes currency, from 12.3791 in 1998 to 0.938283 in 1999" in message


@pytest.mark.shared
def test_each_member_of_the_euro_is_told_in_the_real_exchange_rate(panel, monkeypatch):
    path = panel / "wdi" / "API_PA.NUS.FCRF_DS2_en_csv_v2_22859.csv"
    euro = dict(wdi.EURO)
    monkeypatch.setattr(wdi, "EURO", {})
    frame = wdi.read(path, [RATE])
    assert value_of(frame, "USA", 2014, RATE) == 1
    for code in euro.keys() - {"BGR"}:  # the file ends before 2026
        monkeypatch.setattr(wdi, "EURO", {code: euro[code]})
        with pytest.raises(TivaxError, match=f"{RATE} of {code} changes currency"):
            wdi.require_one_currency(frame, path)


@pytest.mark.shared
def test_the_real_outlook_holds_195_countries_with_taiwan(panel):
    path = panel / "weo" / "WEOApr2021all.csv.bz2"
    frame = weo.read(path, ["PCPIPCH", "NGDP_R"])
    assert (len(frame), frame["code"].nunique()) == (195 * 47, 195)
    assert value_of(frame, "TWN", 2000, "PCPIPCH") == 1.185
    # "1,092.12" and "1,602.59" in the first row.
    assert value_of(frame, "AFG", 2012, "NGDP_R") == 1092.12
    assert value_of(frame, "AFG", 2026, "NGDP_R") == 1602.59


@pytest.mark.shared
def test_the_real_effective_exchange_rates_are_means_of_months(panel):
    frame = bis.read(panel / "bis" / "broad.xlsx", ["real", "nominal"])
    assert (len(frame), frame["code"].nunique()) == (60 * 28, 60)
    assert [code for code in set(frame["code"]) if len(code) != 3] == ["XM"]
    # 74.65 + 72.46 + ... + 68.32, the months of RBAU in 2000, add up to 836.45.
    assert value_of(frame, "AUS", 2000, "real") == pytest.approx(836.45 / 12, rel=1e-14)
    whole = frame["year"] < 2021
    assert frame.loc[whole, ["real", "nominal"]].notna().all(axis=None)
    assert frame.loc[~whole, ["real", "nominal"]].isna().all(axis=None)
