"""The country-year panel: trade benefit index, globalisation, controls.

One declared recipe: ``VARIABLES`` says for every column the source, series,
transformation and unit; ``CODE_FIXES`` how each source spells countries that others
spell otherwise; ``engine.data_files`` which edition of a source is read. The default
is the combination that reproduces the paper.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from ..core import (
    Format,
    Run,
    TivaxError,
    clear_leftovers,
    describe_outputs,
    partial_folder,
    raise_pending,
    read_listed,
    real_path,
    require_apart,
    require_as_listed,
    require_format,
    require_free,
    require_kind,
    require_no_folder,
    require_writable,
    write_csv,
    write_frame,
)
from ..sources.panel import bis, kof, pwt, wdi, weo, wgi
from .data_files import WIOD_COUNTRIES, Codes, DataFiles, Edition, Fill

Source = Literal["tbi", "kof", "pwt", "wgi", "inflation"]

OUTCOMES = ("KOFGIdj", "KOFEcGIdj", "KOFTrGIdj", "KOFFiGIdj", "KOFPoGIdj")
CONTROLS = ("RQ", "lnEXR", "TFP", "INFR", "lnCK", "lnGDP", "lnPOP")

# The paper prints no list: this split reproduces its 330 and 285 rows and its tables.
DEVELOPED = frozenset(
    (
        "AUS AUT BEL CAN CHE DEU DNK ESP FIN FRA GBR GRC IRL ITA JPN KOR LUX NLD NOR "
        "PRT SWE USA"
    ).split()
)

# What a source writes -> ISO 3166-1 alpha-3. Old World Bank codes, mostly.
CODE_FIXES: dict[Source, dict[str, str]] = {
    "tbi": {"ROM": "ROU", "RoW": "ROW"},
    "kof": {"ROM": "ROU", "ZAR": "COD", "TMP": "TLS", "WBG": "PSE", "ADO": "AND"},
    "pwt": {},
    "wgi": {
        "ROM": "ROU",
        "ZAR": "COD",
        "TMP": "TLS",
        "WBG": "PSE",
        "KSV": "XKX",
        "ADO": "AND",
    },
    "inflation": {"UVK": "XKX", "WBG": "PSE"},
}
# Countries that a recipe is known to lose; any other loss is an error.
EXPECTED_LOSSES: dict[Codes, frozenset[str]] = {
    "paper": frozenset({"ROU", "TWN"}),
    "fixed": frozenset({"TWN"}),
}
_TITLE: dict[Source, str] = {
    "tbi": "trade benefit index",
    "kof": "KOF Globalisation Index",
    "pwt": "Penn World Table",
    "wgi": "Worldwide Governance Indicators",
    "inflation": "consumer price inflation",
}

# The governance indicators exist for these years only until 2014 (there is no survey
# of 1997, 1999 and 2001).
_WGI_YEARS = (1996, 1998, 2000, *range(2002, 2015))

EXPORTS, IMPORTS = "NE.EXP.GNFS.CD", "NE.IMP.GNFS.CD"
INFLATION_SERIES = {"wdi": "FP.CPI.TOTL.ZG", "weo": "PCPIPCH"}


@dataclass(frozen=True)
class Variable:
    """One column of the panel: where it comes from and what is done to it."""

    name: str
    source: Source
    series: str
    transformation: Literal["level", "log"]
    unit: str
    meaning: str


VARIABLES: tuple[Variable, ...] = (
    Variable(
        "TBI",
        "tbi",
        "tbi",
        "level",
        "-1 to 1 unless flows are negative",
        "trade benefit index: net value-added exports over value-added trade",
    ),
    *(
        Variable(name, "kof", name, "level", "1 to 100", f"{what}, de jure")
        for name, what in zip(
            OUTCOMES,
            (
                "globalisation",
                "economic globalisation",
                "trade globalisation",
                "financial globalisation",
                "political globalisation",
            ),
            strict=True,
        )
    ),
    Variable(
        "RQ",
        "wgi",
        "rqe",
        "level",
        "standard normal units",
        "regulatory quality (the paper: management quality), estimate",
    ),
    Variable(
        "lnEXR",
        "pwt",
        "xr",
        "log",
        "log of national currency per US$",
        "exchange rate, market and estimated",
    ),
    Variable(
        "TFP",
        "pwt",
        "ctfp",
        "level",
        "USA = 1",
        "total factor productivity at current purchasing power parities",
    ),
    Variable(
        "INFR", "inflation", "CPI", "level", "% a year", "consumer price inflation"
    ),
    Variable(
        "lnCK",
        "pwt",
        "cn",
        "log",
        "log of million US$",
        "capital stock at current purchasing power parities",
    ),
    Variable(
        "lnGDP",
        "pwt",
        "rgdpna",
        "log",
        "log of million US$",
        "GDP at constant national prices",
    ),
    Variable("lnPOP", "pwt", "pop", "log", "log of millions", "population"),
)
COLUMNS = ("iso3", "year", "developed", *(v.name for v in VARIABLES))


@dataclass(frozen=True)
class Loss:
    """A country of the index that is not in the panel, and why."""

    iso3: str
    why: str


@dataclass(frozen=True, eq=False)
class Panel:
    """Rows by country and year, and what they were made of.

    Attributes
    ----------
    frame
        Columns ``COLUMNS``, sorted by iso3 and year; missing cells are NaN.
    codebook
        A row for each variable: source, edition, file, series, transformation, unit,
        coverage, missing and filled cells.
    losses
        Countries that the merge lost.
    residual_max
        The worst relative residual of the solves, None where the index was read.
    """

    frame: pd.DataFrame
    codebook: pd.DataFrame
    losses: tuple[Loss, ...]
    codes: Codes
    residual_max: float | None = None

    @property
    def countries(self) -> list[str]:
        """The countries in order."""
        return sorted(set(self.frame["iso3"]))


def index_note(panel: Panel) -> str:
    """Where the index comes from, in the words of the codebook."""
    return str(panel.codebook.set_index("variable").loc["TBI", "note"])


# ------------------------------------------------------------------------ the merge


def build_panel(files: DataFiles) -> Panel:
    """Join the sources on country and year.

    Raises
    ------
    TivaxError
        In one line, where a source lacks a series, or a country that the recipe is
        not known to lose.
    """
    require_kind("files", files, DataFiles, "what tx.read_data_files returns")
    tbi, residual = tbi_block(files)
    blocks: dict[Source, pd.DataFrame] = {
        "tbi": tbi,
        "kof": kof_block(files.kof, files.codes),
        "pwt": pwt_block(files.pwt, files.codes),
        "wgi": wgi_block(files.wgi, files.codes, files.fill_2001),
        "inflation": inflation_block(files),
    }
    countries, losses = _countries(blocks, files)
    first, last = files.years
    grid = pd.MultiIndex.from_product(
        [countries, range(first, last + 1)], names=["iso3", "year"]
    )
    frame = pd.concat(
        [
            blocks[v.source][v.name].reindex(grid).astype(float).rename(v.name)
            for v in VARIABLES
        ],
        axis=1,
    ).reset_index()
    _require_years(frame, files)
    frame.insert(2, "developed", frame["iso3"].isin(list(DEVELOPED)).astype(int))
    return Panel(
        frame=frame[list(COLUMNS)],
        codebook=_codebook(frame, files),
        losses=losses,
        codes=files.codes,
        residual_max=residual,
    )


def _countries(
    blocks: dict[Source, pd.DataFrame], files: DataFiles
) -> tuple[list[str], tuple[Loss, ...]]:
    """The countries that every source has, and the reasons for the others."""
    kept, losses, missing = [], [], []
    present: dict[Source, set[str]] = {
        name: _countries_of(block) for name, block in blocks.items()
    }
    for iso3 in WIOD_COUNTRIES:
        absent: list[Source] = [k for k in blocks if iso3 not in present[k]]
        if iso3 in files.drop:
            losses.append(Loss(iso3, "left out by [recipe] drop"))
        elif not absent:
            kept.append(iso3)
        elif iso3 in EXPECTED_LOSSES[files.codes]:
            losses.append(Loss(iso3, _why(iso3, absent, present)))
        else:
            missing.append((iso3, absent[0]))
    if missing:
        raise _lacking(files, missing, blocks)
    if not kept:
        raise TivaxError(
            f"{files.folder}: [recipe] drop leaves no country; shorten it in data.toml"
        )
    return kept, tuple(losses)


def _lacking(
    files: DataFiles,
    missing: list[tuple[str, Source]],
    blocks: dict[Source, pd.DataFrame],
) -> TivaxError:
    """Which countries a source lacks, and which years, for both are mended at once."""
    iso3, name = missing[0]
    block = blocks[name].dropna(how="all")
    first, last = files.years
    have = sorted(set(block.index.get_level_values("year")) & {*range(first, last + 1)})
    absent = sorted({*range(first, last + 1)} - set(have))
    what = f"{iso3}{_more(missing)}"
    codes = ", ".join(f'"{code}"' for code, _ in missing)
    leave = f"drop = [{codes}]"
    if absent and _is_run(have):
        what += f", none of {absent[0]}{_more(absent, 'years')}"
        leave += f' and years = "{have[0]}:{have[-1]}"'
    return TivaxError(
        f"{source_path(files, name)}: no rows for {what}; {_again(files, name)}"
        + (
            f", or leave out what is missing by [recipe] {leave} in data.toml"
            if len(missing) <= 5
            else ""
        )
    )


def _more(found: Sequence[object], what: str = "") -> str:
    """``" and 2 more"`` after the first of three."""
    return f" and {len(found) - 1} more {what}".rstrip() if len(found) > 1 else ""


def _is_run(years: Sequence[int]) -> bool:
    return len(years) > 0 and years[-1] - years[0] + 1 == len(years)


def _again(files: DataFiles, source: Source) -> str:
    """How to get a file that has what is missing."""
    if source != "tbi":
        return f"get the published file of the {_TITLE[source]} again"
    return "take another store" if files.store else "add what is missing to the file"


def _countries_of(block: pd.DataFrame | pd.Series) -> set[str]:
    """The countries with a number: some sources have rows of blanks."""
    return set(block.dropna(how="all").index.get_level_values("iso3"))


def _why(iso3: str, absent: list[Source], present: dict[Source, set[str]]) -> str:
    reasons = []
    for name in absent:
        old = [k for k, v in CODE_FIXES[name].items() if v == iso3]
        coded = next((k for k in old if k in present[name]), None)
        reasons.append(
            f"coded {coded} in the {_TITLE[name]}"
            if coded
            else f"not in the {_TITLE[name]}"
        )
    recoded = any("coded" in reason for reason in reasons)
    return ", ".join(reasons) + (
        '; [recipe] codes = "fixed" keeps it' if recoded else ""
    )


def _require_years(frame: pd.DataFrame, files: DataFiles) -> None:
    """Every variable must have some number in every year."""
    for variable in VARIABLES:
        empty = frame.groupby("year")[variable.name].count()
        years = [int(k) for k in empty.index[empty == 0]]
        if years:
            have = [int(k) for k in empty.index[empty > 0]]
            remedy = (
                f'write [recipe] years = "{have[0]}:{have[-1]}" in data.toml'
                if _is_run(have)
                else _again(files, variable.source)
            )
            raise TivaxError(
                f"{source_path(files, variable.source)}: no {variable.series} in "
                f"{years[0]}{_more(years, 'years')}; {remedy}"
            )


def source_path(files: DataFiles, source: Source) -> Path:
    """The file that serves a source."""
    if source == "tbi":
        path = files.store or files.tbi
        assert path is not None, "one of the two is set"
        return path
    edition: Edition = getattr(files, source)
    return edition.path


def _codebook(frame: pd.DataFrame, files: DataFiles) -> pd.DataFrame:
    rows = []
    for variable in VARIABLES:
        values = frame[["year", variable.name]].dropna()
        rows.append(
            {
                "variable": variable.name,
                "meaning": variable.meaning,
                "source": _TITLE[variable.source],
                "edition": _edition(files, variable.source),
                "file": source_path(files, variable.source).name,
                "series": _series(files, variable),
                "transformation": variable.transformation,
                "unit": variable.unit,
                "note": _note(files, variable),
                "countries": frame.loc[values.index, "iso3"].nunique(),
                "first_year": int(values["year"].min()),
                "last_year": int(values["year"].max()),
                "cells": len(values),
                "missing": len(frame) - len(values),
                "filled": (
                    int((values["year"] == 2001).sum())
                    if variable.source == "wgi"
                    else 0
                ),
                "mean": values[variable.name].mean(),
                "sd": values[variable.name].std(),
                "min": values[variable.name].min(),
                "max": values[variable.name].max(),
            }
        )
    return pd.DataFrame(rows)


def _series(files: DataFiles, variable: Variable) -> str:
    if variable.source == "inflation":
        return INFLATION_SERIES[files.inflation_source]
    return variable.series


def _edition(files: DataFiles, source: Source) -> str:
    if source == "tbi":
        return source_path(files, source).name
    return getattr(files, source).name


def _note(files: DataFiles, variable: Variable) -> str:
    if variable.source == "tbi":
        return _index_note(files)
    if variable.series == "cn":
        return "called ck up to edition 9.0"
    if variable.source == "wgi":
        return f"2001, never published, filled by rule {files.fill_2001}"
    if variable.source == "inflation" and files.inflation_override:
        return "; ".join(
            f"{code} from {path.name}"
            for code, path in files.inflation_override.items()
        )
    return ""


def _index_note(files: DataFiles) -> str:
    """How the index came about: computed here, or what a column ``source`` says."""
    if files.tbi is None:
        return "computed from the world tables of the store"
    note, first, last = "read from a file", *files.years
    frame = pd.read_csv(files.tbi)
    if "source" not in frame:
        return note
    years = frame[frame["year"].between(first, last)].groupby("source")["year"]
    return f"{note}: " + ", ".join(
        f"{source} {_count(count, 'year')}" for source, count in years.nunique().items()
    )


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


# --------------------------------------------------------- one block for each source


def _block(
    read: Callable[[Path, Sequence[str]], pd.DataFrame],
    path: Path,
    series: Sequence[str],
    fixes: dict[str, str],
) -> pd.DataFrame:
    """Series of a file by (iso3, year), codes repaired by ``fixes``."""
    frame = read_whole_path(read, path, series)
    frame["iso3"] = frame.pop("code").replace(fixes)
    return _by_country_and_year(frame, path)


def read_whole_path(
    read: Callable[[Path, Sequence[str]], pd.DataFrame],
    path: Path,
    series: Sequence[str],
) -> pd.DataFrame:
    """``read(path, series)``; a mistake names the file by its whole path."""
    try:
        return read(path, series)
    except TivaxError as error:
        # Readers know a file by its name; a data folder may hold two of one name.
        if str(error).startswith(path.name):
            folder = str(path).removesuffix(path.name)
            raise TivaxError(f"{folder}{error}") from error
        raise


def _by_country_and_year(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    twice = frame[frame.duplicated(["iso3", "year"])]
    if len(twice):
        raise TivaxError(
            f"{path}: {twice['iso3'].iloc[0]} {twice['year'].iloc[0]} stands twice, "
            "perhaps under an old code too; keep one of the rows"
        )
    return frame.set_index(["iso3", "year"]).sort_index()


def _fixes(source: Source, codes: Codes) -> dict[str, str]:
    return CODE_FIXES[source] if codes == "fixed" else {}


def tbi_block(files: DataFiles) -> tuple[pd.DataFrame, float | None]:
    """The index by (iso3, year), column TBI, and ``Panel.residual_max``."""
    path, residual = source_path(files, "tbi"), None
    if files.store:
        frame, residual = _tbi_of_store(path)
    else:
        frame = _tbi_of_csv(path)
    frame["iso3"] = frame["iso3"].replace(CODE_FIXES["tbi"])
    return _by_country_and_year(frame, path), residual


def _tbi_of_store(path: Path) -> tuple[pd.DataFrame, float]:
    from ..measures import trade_benefit_index
    from ..tables import open_store

    index = trade_benefit_index(open_store(path, lazy=True))
    frame = index["tbi"].to_series().rename("TBI").reset_index()
    return frame.rename(columns={"region": "iso3"}), index.attrs["residual_max"]


def _tbi_of_csv(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path)
    except Exception as error:  # pandas raises of every kind for damaged bytes
        reason = str(error).strip().partition("\n")[0]
        raise TivaxError(f"{path}: not a csv file ({reason}); write it anew") from None
    if "iso3" not in frame:
        frame = frame.rename(columns={"region": "iso3"})
    for column in ("year", "iso3", "tbi"):
        if column not in frame:
            raise TivaxError(
                f"{path}: no column {column}; the index needs year, iso3, tbi"
            )
    if frame.empty:
        raise TivaxError(f"{path}: no rows below the names; write it anew")
    for column in ("year", "tbi"):
        if not pd.api.types.is_numeric_dtype(frame[column]):
            raise TivaxError(f"{path}: column {column} holds text; only numbers serve")
    if not (frame["year"] % 1 == 0).all():
        raise TivaxError(f"{path}: a year is blank or no whole number; mend the row")
    if np.isinf(frame["tbi"]).any():
        raise TivaxError(f"{path}: an index is infinite; it lies between -1 and 1")
    frame["year"] = frame["year"].astype(int)
    return frame[["iso3", "year", "tbi"]].rename(columns={"tbi": "TBI"})


def kof_block(edition: Edition, codes: Codes) -> pd.DataFrame:
    """The five de jure indices by (iso3, year)."""
    return _block(kof.read, edition.path, OUTCOMES, _fixes("kof", codes))


def pwt_block(edition: Edition, codes: Codes) -> pd.DataFrame:
    """lnEXR, TFP, lnCK, lnGDP, lnPOP by (iso3, year)."""
    variables = [v for v in VARIABLES if v.source == "pwt"]
    block = _block(
        pwt.read, edition.path, [v.series for v in variables], _fixes("pwt", codes)
    )
    return pd.DataFrame({v.name: transform(block[v.series], v) for v in variables})


def transform(values: pd.Series, variable: Variable) -> pd.Series:
    """The series as the recipe wants it."""
    return log(values) if variable.transformation == "log" else values


def log(values: pd.Series) -> pd.Series:
    """Natural logarithm; missing where the value is not positive."""
    return values.where(values > 0).map(np.log)


def wgi_block(edition: Edition, codes: Codes, fill: Fill) -> pd.DataFrame:
    """Regulatory quality by (iso3, year), with the year 2001 filled."""
    block = _block(wgi.read, edition.path, ["rqe"], _fixes("wgi", codes))
    return pd.DataFrame({"RQ": fill_2001(block["rqe"], fill)})


def fill_2001(values: pd.Series, rule: Fill) -> pd.Series:
    """Add the year 2001, which was never published, to a series by (iso3, year).

    ``mean-1996-2014``: the country's mean over the published years 1996, 1998, 2000,
    2002 to 2014, as the paper's figures show. ``linear``: halfway from 2000 to 2002.
    """
    table = values.unstack("year")
    years = _WGI_YEARS if rule == "mean-1996-2014" else (2000, 2002)
    known = table[[k for k in years if k in table.columns]]
    table[2001] = known.mean(axis=1, skipna=rule != "linear")
    filled = table.sort_index(axis=1).stack().dropna()
    assert isinstance(filled, pd.Series), "one level of columns"
    return filled


def inflation_block(files: DataFiles) -> pd.DataFrame:
    """Consumer price inflation by (iso3, year), column INFR, % a year."""
    read = {"wdi": wdi.read, "weo": weo.read}[files.inflation_source]
    series = INFLATION_SERIES[files.inflation_source]
    fixes = _fixes("inflation", files.codes)
    values = _block(read, files.inflation.path, [series], fixes)[series]
    for code, path in files.inflation_override.items():
        other = _block(read, path, [series], fixes)[series]
        if code not in _countries_of(other):
            raise TivaxError(f"{path}: no rows for {code}; mend [inflation] override")
        values = pd.concat(
            [values.drop(code, level="iso3", errors="ignore"), other.loc[[code]]]
        )
    return values.sort_index().to_frame("INFR")


def real_exchange_rate(edition: Edition) -> pd.Series:
    """Log real exchange rate against the US dollar by (iso3, year).

    The inverse of the price level of output (PPP over exchange rate) relative to that
    of the United States: a rise is a real depreciation.
    """
    levels = _block(pwt.read, edition.path, ["pl_gdpo"], {})["pl_gdpo"].unstack("year")
    if "USA" not in levels.index:
        raise TivaxError(
            f"{edition.path}: no rows for USA, the base of real exchange rates; get "
            "the published file again"
        )
    ratio = levels.loc["USA"] / levels
    ratios = ratio.stack()
    assert isinstance(ratios, pd.Series), "one level of columns"
    return log(ratios).rename("lnEXR")


def effective_exchange_rate(path: Path) -> pd.Series:
    """Log real effective exchange rate, 2010 = 100: a rise is an appreciation."""
    return log(_block(bis.read, path, ["real"], {})["real"]).rename("lnEXR")


def gross_balance_index(paths: Sequence[Path]) -> pd.Series:
    """(exports - imports) / (exports + imports) of goods and services, current US$.

    By (iso3, year): the index of the paper in gross terms, from the World Bank's
    NE.EXP.GNFS.CD and NE.IMP.GNFS.CD: one file with both, or one of each, in this
    order.
    """
    first, last = paths[0], paths[-1]
    exports = _block(wdi.read, first, [EXPORTS], {})[EXPORTS]
    imports = _block(wdi.read, last, [IMPORTS], {})[IMPORTS]
    return ((exports - imports) / (exports + imports)).rename("GBI")


def without_override(files: DataFiles) -> DataFiles:
    """The same files, inflation from one file for all countries."""
    return replace(files, inflation_override={})


def describe_losses(panel: Panel) -> list[str]:
    """One line for each country that the merge lost."""
    return [f"{loss.iso3} is not in the panel: {loss.why}" for loss in panel.losses]


def panel_format(path: Path) -> Format:
    """The format that the suffix of a file asks for; ``TivaxError`` lists them."""
    try:
        return require_format(path.suffix.lower().removeprefix("."))
    except TivaxError:
        raise TivaxError(
            f"{path}: end the name in .csv, .parquet, .dta or .xlsx"
        ) from None


def require_panel_place(
    path: Path, run: Run, *, force: bool, folders: Iterable[Path] = ()
) -> None:
    """Raise ``TivaxError`` unless the panel can be written to ``path``, before work.

    ``folders`` are read besides the inputs of the run.
    """
    panel_format(path)
    codebook, manifest = _beside(path)
    for one in (path, codebook, manifest):
        require_apart({"--out": one}, [*folders, *run.inputs])
        require_no_folder(one)
        require_free(one, force=force)
    clear_leftovers(path)
    there = [one for one in (path, codebook) if one.exists()]
    if there and not manifest.exists():
        raise TivaxError(
            f"{there[0]}: not a panel of tivax (no {manifest.name} beside it); --force "
            "does not replace it, choose another --out"
        )
    if manifest.exists():
        listed = read_listed(manifest, run.command)
        for one in there:
            require_as_listed(one, listed.get(one.name), run.command)
    require_writable(path)


def _beside(path: Path) -> tuple[Path, Path]:
    """Codebook and manifest of a panel."""
    return path.with_suffix(".codebook.csv"), path.with_suffix(".manifest.json")


def write_panel(panel: Panel, path: Path, run: Run, *, force: bool) -> list[Path]:
    """Write the panel with ``NAME.codebook.csv`` and ``NAME.manifest.json`` beside it.

    The suffix of ``path`` sets the format: csv, parquet, dta or xlsx.
    """
    path = real_path(path)
    require_panel_place(path, run, force=force)
    format, (codebook, manifest) = panel_format(path), _beside(path)
    with partial_folder(path) as part:
        write_frame(panel.frame, part, path.stem, format)
        (part / f"{path.stem}.{format}").rename(part / path.name)
        write_csv(panel.codebook, part / codebook.name)
        names = [path.name, codebook.name]
        content = run.manifest(
            residual_max=panel.residual_max,
            outputs=names,
            files=describe_outputs(part, names),
            codes=panel.codes,
            losses={loss.iso3: loss.why for loss in panel.losses},
        )
        (part / manifest.name).write_text(json.dumps(content, indent=1) + "\n")
        require_panel_place(path, run, force=force)
        raise_pending()
        for one in (manifest, codebook, path):
            os.replace(part / one.name, one)
    return [path, codebook, manifest]
