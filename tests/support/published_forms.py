"""One small valid file, or folder, in every form in which a database is published."""

import bz2
import gzip
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tivax.engine.sources.panel import bis, kof, pwt, wdi, weo, wgi
from tivax.engine.tables.world_table import WorldTable

import frame_files as ff
import large_files as lf
import mrio_files as mf
import oecd_files as of
import panel_files as pf
import source_files as sf
from helpers import write_arrays

# ---------------------------------------------------------------------- world tables

Change = Callable[[Any], object]  # of the content of a file, before it is written
AT_PREVIOUS_PRICES = sf.cell(1, 0, "43 countries, in previous year's prices")


def as_is(content: Any) -> None: ...


def world_2013(year: int = 2000) -> WorldTable:
    return sf.small_table(year, sf.DEMAND_2013)


def world_2016(year: int = 2000) -> WorldTable:
    return sf.small_table(year, sf.DEMAND_2016, sectors=("A01", "C10-C12"))


def long_run_world(year: int) -> WorldTable:
    return sf.small_table(year, sf.DEMAND_LONG_RUN, sectors=("AtB", "D15t16"))


def wiod2013_list(folder: Path, year: int = 2000, change: Change = as_is) -> Path:
    elements = sf.r_list(world_2013(year))
    change(elements)
    return sf.write_r_list(folder / f"wiot_{year}.RData", elements)


def wiod2013_sheet(
    folder: Path, year: int = 2000, change: Change = as_is, vintage: str = "Apr12"
) -> Path:
    cells = sf.sheet(world_2013(year), 2013)
    change(cells)
    path = folder / f"WIOT{year % 100:02d}_ROW_{vintage}.xlsx"
    return sf.write_sheet(path, f"WIOT_{year}", cells)


def wiod2016_frame(
    folder: Path,
    suffix: str,
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
) -> Path:
    path = folder / f"WIOT2000_October16_ROW{suffix}"
    write = sf.write_stata if suffix == ".dta" else sf.write_r_frame
    return write(path, change(sf.frame_2016(world_2016())))


def wiod2016_sheet(
    folder: Path, year: int = 2000, change: Change = as_is, name: str = "Nov16"
) -> Path:
    cells = sf.sheet(world_2016(year), 2016)
    change(cells)
    return sf.write_sheet(folder / f"WIOT{year}_{name}_ROW.xlsx", str(year), cells)


def lrwiod_csv(folder: Path, years: Sequence[int] = (1965, 1966)) -> Path:
    path = folder / "lr_wiod_wiot_final_filled.csv"
    sf.long_run([long_run_world(year) for year in years]).to_csv(path, index=False)
    return path


def oecd_csv(folder: Path, edition: str, extended: bool, name: str) -> Path:
    return of.write_oecd(
        folder / name, of.oecd_table(edition, extended=extended), edition
    )


def adb_sheet(
    folder: Path, year: int = 2019, change: Change = as_is, **options: Any
) -> Path:
    cells = mf.adb_cells(mf.adb_world(year), **options)
    change(cells)
    return mf.write_adb(folder, cells, f"ADB-MRIO-{year}_Mar2022.xlsx", year)


def eora_folder(folder: Path) -> Path:
    return mf.write_eora(folder, mf.eora_texts(mf.eora_world()))[0]


def exiobase_folder(folder: Path) -> Path:
    texts = mf.exiobase_texts(mf.exiobase_world())
    return mf.write_exiobase(folder / "IOT_2011_ixi", texts) / "Z.txt"


def figaro_csv(folder: Path, form: str, change: Change = as_is) -> Path:
    write = mf.figaro_matrix if form == "matrix" else mf.figaro_flat
    lines = write(mf.figaro_world())
    change(lines)
    name = f"{form}_eu-ic-io_ind-by-ind_26ed_2019.csv"
    return mf.write_lines(folder / name, lines)


def pymrio_world() -> WorldTable:
    return sf.small_table(2011, ("household", "inventories"))


def pymrio_folder(folder: Path, suffix: str) -> Path:
    frames = ff.pymrio_frames(pymrio_world())
    return ff.write_pymrio(folder / "mrio_2011", frames, suffix)


def mario_world() -> WorldTable:
    """Items with commas, which its text quotes."""
    table = sf.small_table(2011, ("Final demand", "Stocks"), sectors=("A, B", "C"))
    return replace(table, value_added=None)


def mario_folder(folder: Path, suffix: str) -> Path:
    frames = ff.mario_frames(mario_world())
    return ff.write_mario(folder / "mario_2011", frames, suffix)


def arrays_file(folder: Path, year: int = 2000) -> Path:
    table = sf.small_table(year, ("household", "other"))
    return write_arrays(folder / f"table_{year}.npz", table)


def long_world() -> WorldTable:
    return replace(sf.small_table(2000, ("household", "other")), value_added=None)


def long_frame(table: WorldTable) -> pd.DataFrame:
    """A row for each flow that is not 0, final demand last."""
    sellers = [(r, s) for r in table.regions for s in table.sectors]
    buyers = [*sellers, *((r, k) for r in table.regions for k in table.categories)]
    flows = np.hstack([table.Z, table.Y.reshape(len(sellers), -1)])
    columns = ["year", "region", "sector", "user_region", "user_sector", "value"]
    rows = [
        (table.year, *sellers[i], *buyers[j], flows[i, j])
        for i, j in zip(*np.nonzero(flows), strict=True)
    ]
    return pd.DataFrame(rows, columns=columns)


def long_file(folder: Path, suffix: str) -> Path:
    path, frame = folder / f"flows.{suffix}", long_frame(long_world())
    write = {"csv": frame.to_csv, "parquet": frame.to_parquet, "xlsx": frame.to_excel}
    write[suffix](path, index=False)
    return path


@dataclass(frozen=True)
class Form:
    """How a table is published: ``write(folder)`` returns the file of its numbers.

    ``other_year`` is the same file's name for another year than its content tells.
    """

    source: str
    name: str
    write: Callable[[Path], Path]
    worlds: Sequence[WorldTable]
    other_year: str = ""
    packed: bool = False  # compressed, or with checksums: any cut shows

    def __str__(self) -> str:
        return f"{self.source} {self.name}"


OECD = (
    ("2021", True, "ICIO2021_2018.csv"),
    ("2023", False, "2018_SML.csv"),
    ("2025", True, "2018.csv"),
)
_2013, _2016 = world_2013(), world_2016()
TABLE_FORMS = [
    Form("wiod2013", "RData", wiod2013_list, [replace(_2013, value_added=None)], "wiot_2001.RData", True),
    Form("wiod2013", "xlsx", wiod2013_sheet, [_2013], "WIOT01_ROW_Apr12.xlsx", True),
    Form("wiod2016", "RData", partial(wiod2016_frame, suffix=".RData"), [_2016], "WIOT2001_October16_ROW.RData", True),
    Form("wiod2016", "dta", partial(wiod2016_frame, suffix=".dta"), [_2016], "WIOT2001_October16_ROW.dta", True),
    Form("wiod2016", "xlsx", wiod2016_sheet, [_2016], "WIOT2001_Nov16_ROW.xlsx", True),
    Form("wiod2016-pyp", "xlsx", partial(wiod2016_sheet, change=AT_PREVIOUS_PRICES, name="PYP_Nov16"), [_2016], "WIOT2001_PYP_Nov16_ROW.xlsx", True),
    Form("lrwiod", "csv", lrwiod_csv, [long_run_world(1965), long_run_world(1966)]),
    *(
        Form("oecd", f"{edition} {name}", partial(oecd_csv, edition=edition, extended=extended, name=name), [of.oecd_table(edition, extended=extended)])
        for edition, extended, name in OECD
    ),
    Form("adb", "xlsx", adb_sheet, [mf.adb_world()], "ADB-MRIO-2018.xlsx", True),
    Form("eora", "txt", eora_folder, [mf.eora_world()]),
    Form("exiobase", "txt", exiobase_folder, [mf.exiobase_world()]),
    Form("emerging", "mat", lf.write_emerging, [lf.emerging_world()], packed=True),
    Form("gloria", "csv", lf.write_gloria, [lf.gloria_world()]),
    Form("icio", "csv", lf.write_icio, [lf.icio_world()]),
    *(
        Form("figaro", form, partial(figaro_csv, form=form), [mf.figaro_world()])
        for form in ("matrix", "flatfile")
    ),
    *(
        Form("pymrio", suffix, partial(pymrio_folder, suffix=suffix), [pymrio_world()], packed=suffix == "parquet")
        for suffix in ("txt", "parquet")
    ),
    *(
        Form("mario", suffix, partial(mario_folder, suffix=suffix), [mario_world()], packed=suffix == "parquet")
        for suffix in ("txt", "parquet")
    ),
    Form("arrays", "npz", arrays_file, [sf.small_table(2000, ("household", "other"))], "table_2001.npz", True),
    *(
        Form("long", suffix, partial(long_file, suffix=suffix), [long_world()])
        for suffix in ("csv", "parquet", "xlsx")
    ),
]  # fmt: skip


def pack(archive: Path, folder: Path, above: str = "") -> Path:
    """Move everything in a folder into a zip archive, below ``above``."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(k for k in folder.rglob("*") if k.is_file()):
            opened.write(path, above + path.relative_to(folder).as_posix())
    shutil.rmtree(folder)
    return archive


# --------------------------------------------------------------- country-year databases

CPI = "FP.CPI.TOTL.ZG"
COUNTRIES = "AUS AUT BEL BGR BRA CAN CHE CHN CYP CZE DEU ROU".split()
YEARS = (2000, 2001, 2002, 2003)
COMPRESSED = {".bz2": bz2, ".gz": gzip}


def write_kof(folder: Path, name: str) -> Path:
    path = pf.write_kof(folder / name.replace(".zip", ".dta"), pf.kof_of(COUNTRIES))
    if name.endswith(".zip"):
        sf.zipped(folder / name, path)
        path.unlink()
    return folder / name


def write_pwt(folder: Path, name: str) -> Path:
    return pf.write_pwt(folder / name, pf.pwt_of(COUNTRIES))


def write_wgi(folder: Path, form: str) -> Path:
    if form == "xlsx":
        rows = pf.wgi_of(COUNTRIES)
        return pf.write_wgi(folder / "wgidataset.xlsx", {"RegulatoryQuality": rows})
    if form == "zip":
        inner = write_wgi(folder, "dta")
        path = sf.zipped(folder / "wgidataset_stata.zip", inner)
        inner.unlink()
        return path
    if form == "long dta":
        return pf.write_stata(folder / "wgidataset.dta", pf.long_wgi_of(COUNTRIES))
    rows = len(COUNTRIES) * len(YEARS)
    table: dict[str, Any] = {
        "code": [code for code in COUNTRIES for _ in YEARS],
        "countryname": ["country"] * rows,
        "year": np.array([year for _ in COUNTRIES for year in YEARS], "int16"),
    }
    for k, family in enumerate(pf.WGI_FAMILIES):
        for part in "esnrlu":
            table[family + part] = np.arange(rows, dtype="float32") / 8 + k
    return pf.write_stata(folder / "wgidataset.dta", pd.DataFrame(table))


def write_api(folder: Path, packed: bool = False) -> Path:
    rows = [
        (code, CPI, ["", *(f"{3 * k + t}.{k}" for t in range(3))])
        for k, code in enumerate(COUNTRIES)
    ]
    name, data = f"API_{CPI}_DS2_en_csv_v2_1.csv", pf.api_csv(rows, YEARS)
    if packed:
        members = {f"Metadata_Country_{name}": b"x", name: data}
        return pf.zip_of(folder / f"API_{CPI}.zip", members)
    (folder / name).write_bytes(data)
    return folder / name


def write_weo(folder: Path, name: str, encoding: str, delimiter: str = "\t") -> Path:
    rows = [
        (code, subject, ["n/a", f"{k}.5", f"{k + 1},693.5{j}", "--"])
        for k, code in enumerate(COUNTRIES)
        for j, subject in enumerate(("PCPIPCH", "NGDPD"))
    ]
    data = pf.weo_text(rows, YEARS, delimiter).encode(encoding)
    library = COMPRESSED.get(Path(name).suffix)
    (folder / name).write_bytes(library.compress(data) if library else data)
    return folder / name


def write_bis(folder: Path) -> Path:
    months = [(2000, m) for m in range(1, 13)] + [(2001, 1)]
    codes = ("DZ", "XM", "AT", "BE", "CH", "CN", "DE", "RO")
    sheets = {t: pf.bis_sheet(t, codes, months) for t in ("Nominal", "Real")}
    return pf.write_sheets(folder / "broad.xlsx", sheets)


@dataclass(frozen=True)
class PanelForm:
    """How a country-year database is published, and the series to read."""

    source: str
    name: str
    write: Callable[[Path], Path]
    read: Callable[[Path, Sequence[str]], pd.DataFrame]
    series: Sequence[str]

    def __str__(self) -> str:
        return f"{self.source} {self.name}"


PANEL_FORMS = [
    *(
        PanelForm("kof", name, partial(write_kof, name=name), kof.read, ("KOFGIdj", "KOFTrGIdj"))
        for name in ("KOF_Data_2018.dta", "KOFGI_2023_public.xlsx", "KOFGI_2019.zip")
    ),
    *(
        PanelForm("pwt", name, partial(write_pwt, name=name), pwt.read, ("ctfp", "cn"))
        for name in ("pwt9.0.rda", "pwt90.dta", "pwt90.xlsx", "pwt90.csv")
    ),
    *(
        PanelForm("wgi", form, partial(write_wgi, form=form), wgi.read, ("rqe",))
        for form in ("xlsx", "dta", "long dta", "zip")
    ),
    PanelForm("wdi", "csv", write_api, wdi.read, (CPI,)),
    PanelForm("wdi", "zip", partial(write_api, packed=True), wdi.read, (CPI,)),
    *(
        PanelForm(
            "weo",
            f"{name}, {encoding}",
            partial(write_weo, name=name, encoding=encoding, delimiter=mark),
            weo.read,
            ("PCPIPCH", "NGDPD"),
        )
        for name, encoding, mark in (
            ("WEOApr2021all.xls", "latin-1", "\t"),
            ("WEOApr2022all.xls", "utf-16", "\t"),
            ("WEOApr2021all.csv", "utf-8", ","),
            ("WEOApr2021all.csv.bz2", "utf-8", ","),
            ("WEOApr2021all.xls.gz", "latin-1", "\t"),
        )
    ),
    PanelForm("bis", "xlsx", write_bis, bis.read, ("real", "nominal")),
]  # fmt: skip
