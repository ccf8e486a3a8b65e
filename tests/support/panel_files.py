"""Small files in the exact layout of the published country-year databases."""

import datetime
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import rdata

KOF_INDICES = [
    f"KOF{index}{part}"
    for index in "GI EcGI TrGI FiGI SoGI IpGI InGI CuGI PoGI".split()
    for part in ("", "df", "dj")
]
WGI_SHEETS = (
    "VoiceandAccountability",
    "Political StabilityNoViolence",
    "GovernmentEffectiveness",
    "RegulatoryQuality",
    "RuleofLaw",
    "ControlofCorruption",
)
WGI_FAMILIES = ("va", "pv", "ge", "rq", "rl", "cc")


def write_sheets(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> Path:
    book = openpyxl.Workbook(write_only=True)
    for title, rows in sheets.items():
        page = book.create_sheet(title)
        for row in rows:
            page.append([None if cell == "" else cell for cell in row])
    book.save(path)
    return path


def sheet_of(frame: pd.DataFrame) -> list[list[Any]]:
    """Names in row 1, blanks for missing numbers."""
    cells = frame.astype(object).where(frame.notna(), "")
    return [list(frame.columns), *cells.to_numpy().tolist()]


def zip_of(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def write_stata(path: Path, frame: pd.DataFrame) -> Path:
    frame.to_stata(path, write_index=False, version=118)
    return path


# -------------------------------------------------------------------------- KOF


def kof(rows: Sequence[tuple[str, int]] = (("ROM", 2001), ("ROM", 2000))) -> Any:
    """Index k of row i is 10 + k + i / 10, but KOFTrGIdj of the first is missing."""
    i = np.arange(len(rows))[:, None]
    values = 10 + np.arange(len(KOF_INDICES))[None, :] + i / 10
    frame = pd.DataFrame(values, columns=KOF_INDICES)
    frame.loc[0, "KOFTrGIdj"] = np.nan
    frame.insert(0, "year", np.array([year for _, year in rows], "int16"))
    frame.insert(0, "country", [f"country {code}" for code, _ in rows])
    frame.insert(0, "code", [code for code, _ in rows])
    return frame


def write_kof(path: Path, frame: pd.DataFrame) -> Path:
    if path.suffix == ".xlsx":
        return write_sheets(path, {"Sheet1": sheet_of(frame)})
    indices = [name for name in frame if str(name).startswith("KOF")]
    return write_stata(path, frame.astype(dict.fromkeys(indices, "float32")))


# -------------------------------------------------------------------------- PWT


def pwt(**series: Sequence[float]) -> pd.DataFrame:
    """Rows ROU 2000, ROU 2001, AGO 2000, in that order."""
    return pd.DataFrame(
        {
            "country": ["Romania", "Romania", "Angola"],
            "isocode": ["ROU", "ROU", "AGO"],
            "year": [2000, 2001, 2000],
            "currency": ["Romanian Leu", "Romanian Leu", "Kwanza"],
            **series,
        }
    )


def write_pwt(path: Path, frame: pd.DataFrame, *, float_year: bool = False) -> Path:
    """In R with factors and the name pwt<version>, else with the official names."""
    frame = frame.astype({"year": "float64" if float_year else "int32"})
    if path.suffix == ".rda":
        texts = ["country", "isocode", "currency", "i_xr"]
        types = {name: "category" for name in texts if name in frame}
        frame = frame.astype(dict.fromkeys(types, object)).astype(types)
        frame.index = pd.Index(
            [
                f"{c}-{int(y)}"
                for c, y in zip(frame["isocode"], frame["year"], strict=True)
            ],
            dtype=object,
        )
        rdata.write_rda(path, {path.stem: frame})
        return path
    names = {"isocode": "countrycode", "currency": "currency_unit"}
    frame = frame.rename(columns=names)
    first = ["countrycode", "country", "currency_unit", "year"]
    frame = frame[first + [name for name in frame if name not in first]]
    if path.suffix == ".xlsx":
        info, legend = [["Penn World Table"]], [["Variable name"], ["countrycode"]]
        sheets = {"Info": info, "Legend": legend, "Data": sheet_of(frame)}
        return write_sheets(path, sheets)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
        return path
    return write_stata(path, frame)


# -------------------------------------------------------------------------- WGI


def wgi_sheet(
    estimates: Mapping[str, Sequence[Any]], years: Sequence[int], top: int = 13
) -> list[list[Any]]:
    """``top`` rows of text, the two rows of labels, a row a country."""
    columns = ["Estimate", "StdErr", "NumSrc", "Rank", "Lower", "Upper"]
    head: list[list[Any]] = [["Reflects perceptions"], *([[]] * (top - 1))]
    head.append(["", "", *(year for year in years for _ in columns)])
    head.append(["Country/Territory", "Code", *(columns * len(years))])
    for code, values in estimates.items():
        rest = [["#N/A" if v == "#N/A" else 0.25] * 5 for v in values]
        cells = [c for v, r in zip(values, rest, strict=True) for c in (v, *r)]
        head.append([f"country {code}", code, *cells])
    return head


def write_wgi(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> Path:
    """The six sheets and the introduction; families that are not given are empty."""
    empty = wgi_sheet({}, [1996])
    return write_sheets(
        path,
        {
            "Introduction": [["The Worldwide Governance Indicators"]],
            **{title: sheets.get(title, empty) for title in WGI_SHEETS},
        },
    )


# -------------------------------------------------------------------- World Bank


def api_csv(
    rows: Sequence[tuple[str, str, Sequence[Any]]],
    years: Sequence[int],
    *,
    preface: bool = True,
) -> bytes:
    """Rows of (code, indicator, values), as the API writes them."""
    lines = ['"Data Source","World Development Indicators",', ""]
    lines += ['"Last Updated Date","2025-07-01",', ""]
    labels = ["Country Name", "Country Code", "Indicator Name", "Indicator Code"]
    table = [[*labels, *years]]
    for code, indicator, values in rows:
        name = f"Name of {indicator} (a unit, period average)"
        table.append([f"country, {code}", code, name, indicator, *values])
    lines = lines if preface else []
    lines += ["".join(f'"{cell}",' for cell in row) for row in table]
    return b"\xef\xbb\xbf" + "\r\n".join([*lines, ""]).encode()


# -------------------------------------------------------------------------- IMF


def weo_text(
    rows: Sequence[tuple[str, str, Sequence[str]]],
    years: Sequence[int],
    delimiter: str = "\t",
) -> str:
    """Rows of (ISO, subject, cells), then a blank row and the citation."""
    labels = ["WEO Country Code", "ISO", "WEO Subject Code", "Country"]
    labels += ["Subject Descriptor", "Subject Notes", "Units", "Scale"]
    labels += ["Country/Series-specific Notes", *map(str, years)]
    table = [[*labels, "Estimates Start After"]]
    for iso, subject, cells in rows:
        texts = ["Côte, and others", "a subject", "Source: office; base, 2016"]
        row = ["968", iso, subject, *texts, "Percent change", "", "See notes", *cells]
        table.append([*row, "2019"])
    width = len(table[0])
    table.append([""] * width)
    table.append(["International Monetary Fund, World Economic Outlook, April 2021"])

    def quoted(cell: str) -> str:
        return f'"{cell}"' if "," in cell else cell

    return "".join(delimiter.join(map(quoted, row)) + "\r\n" for row in table)


# -------------------------------------------------------------------------- BIS


def bis_sheet(
    title: str, codes: Sequence[str], months: Sequence[tuple[int, int]]
) -> list[list[Any]]:
    """Month k of column j is 100 * (j + 1) + k."""
    head: list[list[Any]] = [
        ["BIS effective exchange rate"],
        [f"{title}, Broad Indices"],
        ["Monthly averages; 2010=100"],
        ["EER for:", *(f"country {code}" for code in codes)],
        ["", *(f"{title[0]}B{code}" for code in codes)],
    ]
    for k, (year, month) in enumerate(months):
        last = datetime.date(year + month // 12, month % 12 + 1, 1)
        day = last - datetime.timedelta(days=1)
        head.append([day, *(100.0 * (j + 1) + k for j in range(len(codes)))])
    return head


# ----------------------------------------------------------- a whole small panel

# Year t of country number i, numbers or arrays; t counts from 2000. All are exact in
# float32, so that a Stata file holds them as they are.
PANEL_YEARS = (2000, 2001, 2002, 2003)
PANEL_WGI_YEARS = (1996, 1998, 2000, 2002, 2003)
PANEL_PWT: dict[str, Any] = {
    "xr": lambda i, t: 1 + i / 8 + t / 4,
    "ctfp": lambda i, t: 0.5 + i / 64 + t / 8,
    "ck": lambda i, t: 1000.0 * (i + 1) + t,
    "rgdpna": lambda i, t: 2000.0 * (i + 1) + t,
    "pop": lambda i, t: (i + 1) / 4 + t,
}


def panel_tbi(i: Any, t: Any) -> Any:
    return (i - 21) / 64 + t / 1024


def panel_cpi(i: Any, t: Any) -> Any:
    return i + t / 8


def panel_rqe(i: Any, t: Any) -> Any:
    return (i + t) / 16


def panel_kof(k: int, i: Any, t: Any) -> Any:
    """Of index number k of ``KOF_INDICES``."""
    return 10 + k + i / 8 + t / 4


def kof_of(codes: Sequence[str], years: Sequence[int] = PANEL_YEARS) -> pd.DataFrame:
    """Romania is ROM, there is no Taiwan, and a group of countries stands among them."""
    rows = [
        ("ROM" if code == "ROU" else code, y, *_all_kof(i, y - 2000))
        for i, code in enumerate(codes)
        for y in years
        if code != "TWN"
    ]
    rows += [("WLD", y, *_all_kof(0, 0)) for y in years]
    frame = pd.DataFrame(rows, columns=["code", "year", *KOF_INDICES])
    frame.insert(1, "country", "country")
    return frame.astype({"year": "int16"})


def _all_kof(i: int, t: int) -> list[float]:
    return [panel_kof(k, i, t) for k in range(len(KOF_INDICES))]


def pwt_of(
    codes: Sequence[str],
    years: Sequence[int] = PANEL_YEARS,
    series: Mapping[str, Any] = PANEL_PWT,
) -> pd.DataFrame:
    """``series`` gives the number of a name, country number i and year t."""
    pairs = [(i, y) for i in range(len(codes)) for y in years]
    return pd.DataFrame(
        {
            "country": [f"country {codes[i]}" for i, _ in pairs],
            "isocode": [codes[i] for i, _ in pairs],
            "year": [y for _, y in pairs],
            "currency": "a currency",
            **{k: [f(i, y - 2000) for i, y in pairs] for k, f in series.items()},
        }
    )


def wgi_of(
    codes: Sequence[str], years: Sequence[int] = PANEL_WGI_YEARS
) -> list[list[Any]]:
    """The sheet of regulatory quality; Romania is ROM."""
    estimates = {
        "ROM" if code == "ROU" else code: [panel_rqe(i, y - 2000) for y in years]
        for i, code in enumerate(codes)
    }
    return wgi_sheet(estimates, years)


def long_wgi_of(codes: Sequence[str]) -> pd.DataFrame:
    """The same, in the Stata file from the update of 2023 on."""
    rows = [
        ("ROM" if code == "ROU" else code, y, "rq", panel_rqe(i, y - 2000))
        for i, code in enumerate(codes)
        for y in PANEL_WGI_YEARS
    ]
    frame = pd.DataFrame(rows, columns=["code", "year", "indicator", "estimate"])
    return frame.astype({"year": "int16"})


def cpi_of(
    codes: Sequence[str], years: Sequence[int] = PANEL_YEARS, plus: float = 0.0
) -> str:
    """A table of one's own of consumer prices; there is no Taiwan."""
    lines = [
        f"{code},{y},{panel_cpi(i, y - 2000) + plus}"
        for i, code in enumerate(codes)
        for y in years
        if code != "TWN"
    ]
    return "\n".join(["iso3c,year,inflation", *lines, ""])


def tbi_of(codes: Sequence[str], years: Sequence[int] = PANEL_YEARS) -> str:
    """The columns that ``tivax tbi`` writes; the rest of the world stands among them."""
    lines = [
        f"{y},{code},1.5,0.5,{panel_tbi(i, y - 2000)}"
        for y in years
        for i, code in enumerate([*codes, "ROW"])
    ]
    return "\n".join(["year,region,va_exports,va_imports,tbi", *lines, ""])


def write_panel_files(folder: Path, codes: Sequence[str]) -> Path:
    """A folder as the paper's: every source by a published name, and a data.toml."""
    (folder / "tbi.csv").write_text(tbi_of(codes))
    write_kof(folder / "KOF_Data_2018.dta", kof_of(codes))
    write_pwt(folder / "pwt9.0.rda", pwt_of(codes))
    write_wgi(
        folder / "2020_Worldwide_Governance_Indicators_1996-2019.xlsx",
        {"RegulatoryQuality": wgi_of(codes)},
    )
    (folder / "openness_wdi-data.csv").write_text(cpi_of(codes))
    (folder / "older.csv").write_text(cpi_of(codes, plus=100.0))
    (folder / "data.toml").write_text('[recipe]\nyears = "2000:2003"\n')
    return folder


def value_of(
    frame: pd.DataFrame, code: str, year: int, name: str, key: str = "code"
) -> float:
    """The one value of a country, a year and a series."""
    (value,) = frame.loc[(frame[key] == code) & (frame["year"] == year), name]
    return value
