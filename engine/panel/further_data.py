"""``tx.panel.FurtherData``: editions, trade, tables of a data folder beside a panel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from ..core import Progress, no_progress, require_kind
from ..files import TableFile
from ..sources import get_source
from ..tables import WorldTables, open_store, stack_years
from .blocks import (
    effective_exchange_rate,
    gross_balance_index,
    inflation_block,
    kof_block,
    pwt_block,
    real_exchange_rate,
    tbi_block,
    wgi_block,
)
from .data_files import DataFiles
from .published_files import Edition, files_below, inflation_source
from .recipe import EXPORTS, IMPORTS, Fill

_RULES: tuple[Fill, ...] = ("mean-1996-2014", "linear")


@dataclass(frozen=True, eq=False)
class FurtherData:
    """Other editions and definitions, gross trade, world tables of a data folder.

    Attributes
    ----------
    files
        The choices of its ``data.toml``.

    Raises
    ------
    TivaxError
        In one line, by each method, where a file does not serve.

    Examples
    --------
    >>> further = tx.panel.FurtherData(tx.panel.read_data_files("raw"))
    >>> further.options["2001"]
    ('mean-1996-2014', 'linear')
    >>> chosen = {name: names[0] for name, names in further.options.items()}
    >>> float(further.columns(chosen).loc[("AUS", 2000), "KOFGIdj"])
    12.0
    """

    files: DataFiles

    def __post_init__(self) -> None:
        require_kind(
            "files", self.files, DataFiles, "what tx.panel.read_data_files returns"
        )

    # ------------------------------------------------------- editions and definitions

    @cached_property
    def options(self) -> dict[str, tuple[str, ...]]:
        """Names of what can be chosen, the choice of ``data.toml`` first: editions of
        KOF, PWT and WGI, the rule for 2001, the exchange rate (nominal, real by price
        levels of the PWT edition, real effective), inflation."""
        files, more = self.files, self.files.alternatives

        def names(first: Edition, others: Sequence[Edition]) -> tuple[str, ...]:
            return tuple(dict.fromkeys([first.name, *(k.name for k in others)]))

        effective = ["real effective"] if more.get("reer") else []
        return {
            "KOF": names(files.kof, more.get("kof", ())),
            "PWT": names(files.pwt, more.get("pwt", ())),
            "WGI": names(files.wgi, more.get("wgi", ())),
            "2001": tuple(dict.fromkeys([files.fill_2001, *_RULES])),
            "exchange rate": ("nominal", "real", *effective),
            "inflation": tuple(self._inflations),
        }

    def columns(self, chosen: Mapping[str, str]) -> pd.DataFrame:
        """Outcomes and controls by (iso3, year), of one option of each choice."""
        names = ["KOF", "PWT", "inflation"]
        blocks = [self._block(name, chosen[name]) for name in names]
        governance = self._block("WGI", chosen["WGI"])
        found = pd.concat([*blocks, governance[[chosen["2001"]]]], axis=1)
        found = found.rename(columns={chosen["2001"]: "RQ"})
        if chosen["exchange rate"] == "real":
            found["lnEXR"] = self._block("real", chosen["PWT"])["lnEXR"]
        elif chosen["exchange rate"] == "real effective":
            found["lnEXR"] = self._block("exchange rate", "")["lnEXR"]
        return found

    @cached_property
    def _read(self) -> dict[tuple[str, str], pd.DataFrame]:
        return {}

    def _block(self, choice: str, name: str) -> pd.DataFrame:
        """Columns of an edition, each file read once."""
        key = (choice, name)
        if key not in self._read:
            self._read[key] = self._columns_of(choice, name)
        return self._read[key]

    def _columns_of(self, choice: str, name: str) -> pd.DataFrame:
        codes = self.files.codes
        if choice == "inflation":
            return inflation_block(self._inflations[name])
        if choice == "exchange rate":
            path = self.files.alternatives["reer"][0].path
            return effective_exchange_rate(path).to_frame()
        source = "pwt" if choice == "real" else choice.lower()
        first = getattr(self.files, source)
        others = self.files.alternatives.get(source, ())
        edition = next(k for k in (first, *others) if k.name == name)
        if choice == "KOF":
            return kof_block(edition, codes)
        if choice == "PWT":
            return pwt_block(edition, codes)
        if choice == "real":
            return real_exchange_rate(edition).to_frame()
        filled = [wgi_block(edition, codes, k)["RQ"].rename(k) for k in _RULES]
        return pd.concat(filled, axis=1)

    @cached_property
    def _inflations(self) -> dict[str, DataFiles]:
        """Consumer prices by name: as chosen, without the override, and the others."""
        files = self.files
        source, plain = files.inflation_source, replace(files, inflation_override={})
        found = {source: plain}
        if files.inflation_override:
            codes = ", ".join(files.inflation_override)
            found = {f"{source}, {codes} older": files, source: plain}
        for edition in files.alternatives.get("inflation", ()):
            other = inflation_source(edition.path)
            found[f"{other} {edition.name}"] = replace(
                plain, inflation=edition, inflation_source=other
            )
        return found

    # --------------------------------------------------- the index, trade, the tables

    def index_of_file(self) -> pd.Series | None:
        """The index of the folder's file by (iso3, year); None without a file."""
        if self.files.tbi is None:
            return None
        return tbi_block(replace(self.files, store=None))[0]["TBI"]

    def gross_balance_index(self) -> pd.Series | None:
        """(exports - imports) / (exports + imports) of goods and services by (iso3,
        year), named GBI, in current US$ of the World Bank; None without the series."""
        paths = self.trade_files
        return gross_balance_index(paths) if paths else None

    @cached_property
    def trade_files(self) -> list[Path]:
        """Exports and imports: the files named, or fetched, or the one of inflation."""
        files = self.files
        if named := files.alternatives.get("trade"):
            return [edition.path for edition in named]
        below = sorted(files_below(files.folder))
        starts = [f"API_{series}" for series in (EXPORTS, IMPORTS)]
        fetched = [[p for p in below if p.name.startswith(k)][:1] for k in starts]
        if all(fetched):
            return [*fetched[0], *fetched[1]]
        if files.inflation_source != "wdi":
            return []
        with files.inflation.path.open("rb") as stream:
            start = stream.read(4096)
        return [files.inflation.path] if b"Exports_USD_current" in start else []

    @property
    def table_files(self) -> list[Path]:
        """The files of WIOD 2013 in the folder for the panel's years."""
        return list(dict.fromkeys(file.path for file in self._tables()))

    def world_tables(self, *, progress: Progress = no_progress) -> WorldTables | None:
        """The world tables of the panel's years: of the store, else WIOD 2013; None
        without."""
        if self.files.store is not None:
            return open_store(self.files.store, years=self.files.years, lazy=True)
        return self.tables_of_2013(progress=progress)

    def tables_of_2013(self, *, progress: Progress = no_progress) -> WorldTables | None:
        """The tables of WIOD 2013 in the folder for the panel's years, in memory; None
        without."""
        found = self._tables()
        if not found:
            return None
        source, tables = get_source("wiod2013"), []
        progress(0, len(found))
        for file in found:
            tables.append(next(iter(source.read(file))))
            progress(len(tables), len(found))
        return replace(stack_years(tables), source=source.title)

    def _tables(self) -> list[TableFile]:
        if self.files.tables is None:
            return []
        first, last = self.files.years
        return [
            file
            for file in get_source("wiod2013").find([self.files.tables])
            if file.year is not None and first <= file.year <= last
        ]
