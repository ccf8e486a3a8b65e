"""The columns of the panel, one block for each source."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from ..core import TivaxError, require_different_columns
from ..sources.panel import bis, kof, pwt, wdi, weo, wgi
from .data_files import DataFiles
from .published_files import Edition
from .recipe import (
    CODE_FIXES,
    EXPORTS,
    IMPORTS,
    INFLATION_SERIES,
    OTHER_OUTCOMES,
    OUTCOMES,
    VARIABLES,
    Codes,
    Fill,
    Source,
    Variable,
)

# The governance indicators exist for these years only until 2014 (there is no survey
# of 1997, 1999 and 2001).
_WGI_YEARS = (1996, 1998, 2000, *range(2002, 2015))


def countries_of(block: pd.DataFrame | pd.Series) -> set[str]:
    """The countries with a number: some sources have rows of blanks."""
    return set(block.dropna(how="all").index.get_level_values("iso3"))


def source_path(files: DataFiles, source: Source) -> Path:
    """The file that serves a source."""
    if source == "tbi":
        path = files.store or files.tbi
        assert path is not None, "one of the two is set"
        return path
    edition: Edition = getattr(files, source)
    return edition.path


Read = Callable[[Path, Sequence[str]], pd.DataFrame]
"""Reader of some series of a file."""


def _read_block(
    read: Read,
    path: Path,
    series: Sequence[str],
    source: Source = "tbi",
    codes: Codes = "paper",
) -> pd.DataFrame:
    """Series of a file by (iso3, year), codes of the source repaired if ``fixed``."""
    frame = read_whole_path(read, path, series)
    fixes = CODE_FIXES[source] if codes == "fixed" else {}
    frame["iso3"] = frame.pop("code").replace(fixes)
    return _by_country_and_year(frame, path)


def read_whole_path(read: Read, path: Path, series: Sequence[str]) -> pd.DataFrame:
    """``read(path, series)``; a mistake names the file by its whole path.

    Content is kept while the file is as it was: panels of other rules and editions ask
    for it again.
    """
    try:
        state = path.stat()
    except OSError:
        return read(path, series)  # which says what is wrong
    try:
        kept = _read(read, path, tuple(series), state.st_mtime_ns, state.st_size)
        return kept.copy()
    except TivaxError as error:
        # Readers know a file by its name; a data folder may hold two of one name.
        if str(error).startswith(path.name):
            folder = str(path).removesuffix(path.name)
            raise TivaxError(f"{folder}{error}") from error
        raise


@lru_cache(maxsize=64)
def _read(
    read: Read, path: Path, series: tuple[str, ...], changed: int, size: int
) -> pd.DataFrame:
    return read(path, series)


def _by_country_and_year(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    twice = frame[frame.duplicated(["iso3", "year"])]
    if len(twice):
        raise TivaxError(
            f"{path}: {twice['iso3'].iloc[0]} {twice['year'].iloc[0]} is duplicated, "
            "perhaps under an old code; keep one of the rows"
        )
    return frame.set_index(["iso3", "year"]).sort_index()


def tbi_block(files: DataFiles) -> tuple[pd.DataFrame, float | None]:
    """The index by (iso3, year), column TBI, and ``Panel.residual_max``."""
    path = source_path(files, "tbi")
    frame, residual = _tbi_of_store(path) if files.store else (_tbi_of_csv(path), None)
    frame["iso3"] = frame["iso3"].replace(CODE_FIXES["tbi"])
    return _by_country_and_year(frame, path), residual


def _tbi_of_store(path: Path) -> tuple[pd.DataFrame, float]:
    from ..measures import trade_benefit_index
    from ..tables import open_store

    index = trade_benefit_index(open_store(path, lazy=True))
    frame = index["tbi"].to_series().rename("TBI").reset_index()
    return frame.rename(columns={"region": "iso3"}), index.residual_max or 0.0


def _tbi_of_csv(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path)
    except Exception as error:  # pandas raises of every kind for damaged bytes
        reason = str(error).strip().partition("\n")[0]
        raise TivaxError(
            f"{path}: not a csv file ({reason}); rewrite the file"
        ) from None
    require_different_columns(path)
    if "iso3" not in frame:
        frame = frame.rename(columns={"region": "iso3"})
    for column in ("year", "iso3", "tbi"):
        if column not in frame:
            raise TivaxError(
                f"{path}: no column {column}; the index needs year, iso3, tbi"
            )
    if frame.empty:
        raise TivaxError(f"{path}: no rows below the names; rewrite the file")
    for column in ("year", "tbi"):
        if not pd.api.types.is_numeric_dtype(frame[column]):
            raise TivaxError(f"{path}: column {column} holds text, not numbers")
    if not (frame["year"] % 1 == 0).all():
        raise TivaxError(f"{path}: a year is blank or no whole number; fix the row")
    if np.isinf(frame["tbi"]).any():
        raise TivaxError(f"{path}: an index is infinite; it lies between -1 and 1")
    frame["year"] = frame["year"].astype(int)
    return frame[["iso3", "year", "tbi"]].rename(columns={"tbi": "TBI"})


def kof_block(edition: Edition, codes: Codes) -> pd.DataFrame:
    """The five de jure indices by (iso3, year)."""
    return _read_block(kof.read, edition.path, OUTCOMES, "kof", codes)


def other_outcomes_block(edition: Edition, codes: Codes) -> pd.DataFrame:
    """Further de jure indices by (iso3, year), none where the edition lacks one."""
    try:
        return _read_block(kof.read, edition.path, OTHER_OUTCOMES, "kof", codes)
    except TivaxError:  # no file of the paper's variables need have them
        keys = pd.MultiIndex.from_arrays([[], []], names=["iso3", "year"])
        return pd.DataFrame(index=keys)


def pwt_block(edition: Edition, codes: Codes) -> pd.DataFrame:
    """lnEXR, TFP, lnCK, lnGDP, lnPOP by (iso3, year)."""
    variables = [v for v in VARIABLES if v.source == "pwt"]
    series = [v.series for v in variables]
    block = _read_block(pwt.read, edition.path, series, "pwt", codes)
    return pd.DataFrame({v.name: transform(block[v.series], v) for v in variables})


def transform(values: pd.Series, variable: Variable) -> pd.Series:
    """The series, transformed as the recipe says."""
    return log(values) if variable.transformation == "log" else values


def log(values: pd.Series) -> pd.Series:
    """Natural logarithm; missing where the value is not positive."""
    return values.where(values > 0).map(np.log)


def wgi_block(edition: Edition, codes: Codes, fill: Fill) -> pd.DataFrame:
    """Regulatory quality by (iso3, year), with the year 2001 filled."""
    block = _read_block(wgi.read, edition.path, ["rqe"], "wgi", codes)
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

    def of(path: Path) -> pd.Series:
        return _read_block(read, path, [series], "inflation", files.codes)[series]

    values = of(files.inflation.path)
    for code, path in files.inflation_override.items():
        other = of(path)
        if code not in countries_of(other):
            raise TivaxError(f"{path}: no rows for {code}; fix [inflation] override")
        values = pd.concat(
            [values.drop(code, level="iso3", errors="ignore"), other.loc[[code]]]
        )
    return values.sort_index().to_frame("INFR")


def real_exchange_rate(edition: Edition) -> pd.Series:
    """Log real exchange rate against the US dollar by (iso3, year).

    The inverse of the price level of output (PPP over exchange rate) relative to that
    of the United States: a rise is a real depreciation.
    """
    levels = _read_block(pwt.read, edition.path, ["pl_gdpo"])["pl_gdpo"].unstack("year")
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
    return log(_read_block(bis.read, path, ["real"])["real"]).rename("lnEXR")


def gross_balance_index(paths: Sequence[Path]) -> pd.Series:
    """(exports - imports) / (exports + imports) of goods and services, current US$.

    By (iso3, year): the index of the paper in gross terms, from the World Bank's
    NE.EXP.GNFS.CD and NE.IMP.GNFS.CD: one file with both, or one of each, in this
    order.
    """
    if paths[0] == paths[-1]:
        both = _read_block(wdi.read, paths[0], [EXPORTS, IMPORTS])
        exports, imports = both[EXPORTS], both[IMPORTS]
    else:
        exports = _read_block(wdi.read, paths[0], [EXPORTS])[EXPORTS]
        imports = _read_block(wdi.read, paths[-1], [IMPORTS])[IMPORTS]
    return ((exports - imports) / (exports + imports)).rename("GBI")
