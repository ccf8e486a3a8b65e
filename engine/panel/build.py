"""The country-year panel: trade benefit index, globalisation, controls.

``recipe`` says what each column is, ``data_files`` which edition of a source is read,
``blocks`` turns a source into columns; here they are merged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ..core import TivaxError, basis_of, count_text, require_kind
from .blocks import (
    countries_of,
    inflation_block,
    kof_block,
    other_outcomes_block,
    pwt_block,
    source_path,
    tbi_block,
    wgi_block,
)
from .data_files import DataFiles
from .recipe import (
    CODE_FIXES,
    COLUMNS,
    DEVELOPED,
    EXPECTED_LOSSES,
    INFLATION_SERIES,
    TITLES,
    VARIABLES,
    WIOD_COUNTRIES,
    Codes,
    Source,
    Variable,
)


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
    other_outcomes
        iso3, year and further de jure indices of globalisation: social, cultural,
        interpersonal, information; none where the edition lacks one.
    residual_max
        The worst relative residual of the solves, None where the index was read.
    index_sources
        Where the index was read: years by its column ``source``.

    Examples
    --------
    >>> built = tx.panel.build_panel(tx.panel.read_data_files("raw"))
    >>> built.losses[0].iso3
    'ROU'
    >>> built.codebook.columns.tolist()[:4]
    ['variable', 'meaning', 'source', 'edition']
    """

    frame: pd.DataFrame
    codebook: pd.DataFrame
    losses: tuple[Loss, ...]
    codes: Codes
    other_outcomes: pd.DataFrame
    residual_max: float | None = None
    index_sources: Mapping[str, int] = field(default_factory=dict)

    @property
    def countries(self) -> list[str]:
        """The countries in order."""
        return sorted(set(self.frame["iso3"]))


def build_panel(files: DataFiles) -> Panel:
    """Join the sources on country and year.

    Parameters
    ----------
    files : DataFiles
        Sources of the panel, from :func:`.read_data_files`.

    Returns
    -------
    Panel
        ``frame`` has a row for each country and year; its codebook and what a
        merge lost are beside it.

    Raises
    ------
    TivaxError
        In one line, where a source lacks a series, or a country that the recipe is
        not known to lose.

    Examples
    --------
    >>> built = tx.panel.build_panel(tx.panel.read_data_files("raw"))
    >>> built.frame[["iso3", "year", "TBI", "KOFGIdj"]].head(2)
      iso3  year       TBI  KOFGIdj
    0  AUS  2000 -0.328125    12.00
    1  AUS  2001 -0.327148    12.25
    """
    require_kind("files", files, DataFiles, "what tx.panel.read_data_files returns")
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
    columns = {v.name: blocks[v.source][v.name].reindex(grid) for v in VARIABLES}
    frame = pd.DataFrame(columns, grid, dtype=float).reset_index()
    _require_years(frame, files)
    frame.insert(2, "developed", frame["iso3"].isin(list(DEVELOPED)).astype(int))
    return Panel(
        frame=frame[list(COLUMNS)],
        codebook=_codebook(frame, files),
        losses=losses,
        codes=files.codes,
        other_outcomes=other_outcomes_block(files.kof, files.codes)
        .reindex(grid)
        .reset_index(),
        residual_max=residual,
        index_sources=_index_sources(files),
    )


def _countries(
    blocks: dict[Source, pd.DataFrame], files: DataFiles
) -> tuple[list[str], tuple[Loss, ...]]:
    """The countries that every source has, and the reasons for the others."""
    kept, losses, missing = [], [], []
    present: dict[Source, set[str]] = {k: countries_of(v) for k, v in blocks.items()}
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
    """The countries and years that a source lacks: both are fixed at once."""
    iso3, name = missing[0]
    block = blocks[name].dropna(how="all")
    first, last = files.years
    have = sorted(set(block.index.get_level_values("year")) & {*range(first, last + 1)})
    absent = sorted({*range(first, last + 1)} - set(have))
    what = f"{iso3}{_more(missing)}"
    codes = ", ".join(f'"{code}"' for code, _ in missing)
    leave = f"drop = [{codes}]"
    if absent and _is_run(have):
        what += f", none of {absent[0]}{_more(absent, 'year')}"
        leave += f' and years = "{have[0]}:{have[-1]}"'
    remedy = _again(files, name)
    if len(missing) <= 5:
        remedy += f", or leave out what is missing by [recipe] {leave} in data.toml"
    return TivaxError(f"{source_path(files, name)}: no rows for {what}; {remedy}")


def _more(found: Sequence[object], what: str = "") -> str:
    """``" and 2 more"`` after the first of three."""
    more = len(found) - 1
    if not more:
        return ""
    return f" and {count_text(more, f'more {what}')}" if what else f" and {more} more"


def _is_run(years: Sequence[int]) -> bool:
    return len(years) > 0 and years[-1] - years[0] + 1 == len(years)


def _again(files: DataFiles, source: Source) -> str:
    """Remedy for a missing value: the file to get again, or another store."""
    if source != "tbi":
        return f"get the published file of the {TITLES[source]} again"
    return "take another store" if files.store else "add what is missing to the file"


def _why(iso3: str, absent: list[Source], present: dict[Source, set[str]]) -> str:
    reasons, remedy = [], ""
    for name in absent:
        old = [k for k, v in CODE_FIXES[name].items() if v == iso3]
        coded = next((k for k in old if k in present[name]), None)
        reasons.append(f"{f'coded {coded}' if coded else 'not'} in the {TITLES[name]}")
        remedy = '; [recipe] codes = "fixed" keeps it' if coded else remedy
    return ", ".join(reasons) + remedy


def _require_years(frame: pd.DataFrame, files: DataFiles) -> None:
    """Every variable must have some number in every year."""
    for variable in VARIABLES:
        empty = frame.groupby("year")[variable.name].count()
        years = [int(k) for k in empty.index[empty == 0]]
        if years:
            have = [int(k) for k in empty.index[empty > 0]]
            remedy = _again(files, variable.source)
            if _is_run(have):
                remedy = f'write [recipe] years = "{have[0]}:{have[-1]}" in data.toml'
            raise TivaxError(
                f"{source_path(files, variable.source)}: no {variable.series} in "
                f"{years[0]}{_more(years, 'year')}; {remedy}"
            )


def _codebook(frame: pd.DataFrame, files: DataFiles) -> pd.DataFrame:
    rows = []
    for variable in VARIABLES:
        values = frame[["year", variable.name]].dropna()
        filled = int((values["year"] == 2001).sum()) * (variable.source == "wgi")
        rows.append(
            {
                "variable": variable.name,
                "meaning": variable.meaning,
                "source": TITLES[variable.source],
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
                "filled": filled,
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
    if variable.source == "inflation":
        others = files.inflation_override.items()
        return "; ".join(f"{code} from {path.name}" for code, path in others)
    return ""


# What a source of the index is in words: in the paper's data it is a name.
_SOURCES = {"icio": "from world tables by Stata's icio"}


def _index_note(files: DataFiles) -> str:
    """Origin of the index: computed here, or read from a file, by its column
    ``source``."""
    if files.store is not None:
        note = "computed from the world tables of the store"
        basis = basis_of(files.store)
        return f"{note} ({basis[0].lower()}{basis[1:]})" if basis else note
    note = "read from a file"
    years = [
        f"{count_text(count, 'year')} {_SOURCES.get(source, source)}"
        for source, count in _index_sources(files).items()
    ]
    return f"{note}: {', '.join(years)}" if years else note


def _index_sources(files: DataFiles) -> dict[str, int]:
    """Years of the index by the column ``source`` of its file, if there is one."""
    frame = pd.DataFrame() if files.tbi is None else pd.read_csv(files.tbi)
    if files.store is not None or "source" not in frame:
        return {}
    years = frame[frame["year"].between(*files.years)].groupby("source")["year"]
    return {str(source): int(count) for source, count in years.nunique().items()}


def describe_losses(panel: Panel) -> list[str]:
    """One line for each country that the merge lost."""
    return [f"{loss.iso3} is not in the panel: {loss.why}" for loss in panel.losses]
