"""Published files that serve the variables of the panel: ``data.toml``.

Paths in the file are relative to its folder, the data folder::

    [tbi]        file = csv of year, iso3, tbi    or  store = path of a store
    [kof]        edition, file
    [pwt]        edition, file
    [wgi]        edition, file, fill_2001 = "mean-1996-2014" | "linear"
    [inflation]  source = "wdi" | "weo", file, override = { GBR = file }
    [recipe]     codes = "paper" | "fixed", drop = [countries], years = "2000:2014"
    [alternatives]  kof, pwt, wgi, inflation, reer, trade = [files]
    [tables]     files = folder of world tables, for the index from DVA

Every key is optional. Files that are not named are found by their published names
below the folder, so a folder of downloads needs no ``data.toml``. Links to folders are
followed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict, cast, get_args

from msgspec import Meta

from ..core import (
    NotFound,
    Text,
    Texts,
    TivaxError,
    TomlTable,
    choose_from,
    local_path,
    naming,
    parse_years,
    read_toml,
)
from .published_files import (
    FILE,
    Edition,
    InflationSource,
    edition_name,
    find_published,
    find_tables,
    inflation_source,
)
from .recipe import WIOD_COUNTRIES, Codes, Fill


@dataclass(frozen=True)
class DataFiles:
    """The choices of one ``data.toml``, with absolute paths.

    Attributes
    ----------
    tbi, store
        A csv with columns year, iso3 (or region) and tbi, or a store. With both the
        index is that of the store; the file is compared with it.
    kof, pwt, wgi, inflation
        The file of each source.
    fill_2001
        How the year 2001, which the governance indicators never published, is filled.
    inflation_source, inflation_override
        Database of consumer prices; countries taken from another file of it.
    codes
        ``paper`` merges the country codes as published, ``fixed`` repairs them.
    drop
        Countries left out on purpose.
    years
        First and last year of the panel.
    alternatives
        Other editions by source, for the specification curve.
    tables
        Folder of world tables, None where there is none.

    Examples
    --------
    >>> from dataclasses import replace
    >>> files = tx.panel.read_data_files("raw")
    >>> replace(files, codes="fixed").codes
    'fixed'
    """

    folder: Path
    tbi: Path | None
    store: Path | None
    kof: Edition
    pwt: Edition
    wgi: Edition
    inflation: Edition
    fill_2001: Fill = "mean-1996-2014"
    inflation_source: InflationSource = "wdi"
    inflation_override: Mapping[str, Path] = field(default_factory=dict)
    codes: Codes = "paper"
    drop: Sequence[str] = ()
    years: tuple[int, int] = (2000, 2014)
    alternatives: Mapping[str, Sequence[Edition]] = field(default_factory=dict)
    tables: Path | None = None

    def inputs(self) -> list[Path]:
        """The files that the panel itself is made of, for the manifest."""
        first = self.store or self.tbi
        editions = (self.kof, self.pwt, self.wgi, self.inflation)
        toml = self.folder / FILE
        return [
            *([toml] if toml.exists() else []),
            *([first] if first else []),
            *(edition.path for edition in editions),
            *self.inflation_override.values(),
        ]

    def databases(self) -> dict[Path, str]:
        """The database of each file, for the manifest.

        Not of the index: it was computed, from a store that says what it is made of.
        """
        found = {
            edition.path: _DATABASES.get(key, key)
            for key, some in self.alternatives.items()
            for edition in some
        }
        found |= {getattr(self, name).path: name for name in ("kof", "pwt", "wgi")}
        others = self.alternatives.get("inflation", ())
        found |= {edition.path: inflation_source(edition.path) for edition in others}
        prices = [self.inflation.path, *self.inflation_override.values()]
        return found | dict.fromkeys(prices, self.inflation_source)

    def places(self) -> list[Path]:
        """The folder and all that is named in it: no place for results."""
        return [
            self.folder,
            *self.inputs(),
            *(each.path for some in self.alternatives.values() for each in some),
            *([self.tables] if self.tables else []),
        ]


# Of alternatives whose keys are not names of databases.
_DATABASES = {"reer": "bis", "trade": "wdi"}
# Codes that are often written for those of ISO 3166-1 alpha-3.
_ISO3 = {"UK": "GBR", "GB": "GBR", "US": "USA", "ROM": "ROU", "GER": "DEU"}


@dataclass(frozen=True)
class _Index:
    file: Path | None = None
    store: Path | None = None


@dataclass(frozen=True)
class _Source:
    edition: Text | int | float = ""
    file: Path | None = None


@dataclass(frozen=True)
class _Governance(_Source):
    fill_2001: Fill = get_args(Fill)[0]


@dataclass(frozen=True)
class _Prices:
    source: InflationSource | None = None
    file: Path | None = None
    override: Annotated[
        Mapping[str, Path], Meta(description='write { GBR = "path of a file" }')
    ] = field(default_factory=dict)

    # As a file that was published, whose edition nobody names.
    edition = ""


@dataclass(frozen=True)
class _Recipe:
    codes: Codes = get_args(Codes)[0]
    drop: Texts = ()
    years: Text = "2000:2014"


_OneFile = Annotated[tuple[Path, ...], Meta(max_length=1, description="write one file")]
_Files = tuple[Path, ...]
_TwoFiles = Annotated[
    tuple[Path, ...],
    Meta(
        max_length=2, description="write one file with both, or exports, then imports"
    ),
]


class _Alternatives(TypedDict, total=False):
    kof: _Files
    pwt: _Files
    wgi: _Files
    inflation: _Files
    reer: _OneFile
    trade: _TwoFiles


@dataclass(frozen=True)
class _Tables:
    files: Path | None = None


_SECTIONS: dict[str, Any] = {
    "tbi": _Index,
    "kof": _Source,
    "pwt": _Source,
    "wgi": _Governance,
    "inflation": _Prices,
    "recipe": _Recipe,
    "alternatives": _Alternatives,
    "tables": _Tables,
}


def read_data_files(
    folder: str | Path, *, store: str | Path | None = None
) -> DataFiles:
    """The choices of ``folder/data.toml``, completed by published names.

    A ``store`` given here replaces the index that the file names.

    Raises ``TivaxError`` for unknown keys or choices, and for files that are neither
    named nor found.

    Parameters
    ----------
    folder : path
        Folder of the raw files.
    store : path, optional
        Store of world tables in place of a file of the index.

    Returns
    -------
    DataFiles
        The file and the choices of each source.

    Examples
    --------
    >>> files = tx.panel.read_data_files("raw")
    >>> files.kof.path.name, files.years
    ('KOF_Data_2018.dta', (2000, 2003))
    """
    folder = local_path("folder", folder)
    store = None if store is None else local_path("store", store)
    if not folder.is_dir():
        if folder.exists():
            raise TivaxError(f"{folder}: a file; give its folder")
        raise NotFound(f"{folder}: no such folder; give the folder of the raw files")
    path = folder / FILE
    toml = TomlTable(path, "", read_toml(path) if path.exists() else {}, _SECTIONS)
    given = {name: toml.section(name, schema) for name, schema in _SECTIONS.items()}
    tbi, own = given["tbi"], None
    if store is None or (tbi.file and tbi.file.exists()):
        own = _existing(toml, "tbi", "file", tbi.file)
    if store is None:
        store = _existing(toml, "tbi", "store", tbi.store)
        if own and store:
            raise toml.table("tbi").mistake(
                "store", "file is named, too; keep one of them"
            )
    _require_found(folder, given, with_tbi=store is None and own is None)
    if own is None and store is None:
        own = find_published(folder, "tbi", "").path
    for name in ("kof", "pwt", "wgi", "inflation"):
        _existing(toml, name, "file", given[name].file)
    prices, recipe = given["inflation"], given["recipe"]
    inflation = _edition(folder, prices.source or "inflation", prices)
    with naming(f"{path}: [recipe]"):
        years = cast(tuple[int, int], parse_years(recipe.years))
    tables = _existing(toml, "tables", "files", given["tables"].files)
    if tables is not None and not tables.is_dir():
        raise toml.table("tables").mistake("files", "name the folder of the tables")
    files = DataFiles(
        folder=folder,
        tbi=own,
        store=store,
        kof=_edition(folder, "kof", given["kof"]),
        pwt=_edition(folder, "pwt", given["pwt"]),
        wgi=_edition(folder, "wgi", given["wgi"]),
        inflation=inflation,
        fill_2001=given["wgi"].fill_2001,
        inflation_source=prices.source or inflation_source(inflation.path),
        inflation_override=prices.override,
        codes=recipe.codes,
        drop=recipe.drop,
        years=years,
        alternatives={
            key: tuple(
                Edition(edition_name(path), path)
                for path in paths
                if _existing(toml, "alternatives", key, path)
            )
            for key, paths in given["alternatives"].items()
        },
        tables=tables or find_tables(folder),
    )
    _require_countries(toml, "inflation", "override", prices.override)
    _require_countries(toml, "recipe", "drop", recipe.drop)
    for path in prices.override.values():
        _existing(toml, "inflation", "override", path)
    for name in ("kof", "pwt", "wgi"):
        editions = [getattr(files, name), *files.alternatives.get(name, ())]
        _require_distinct(path, name, editions)
    _require_distinct(path, "inflation", files.alternatives.get("inflation", ()))
    return files


def _require_found(folder: Path, given: Mapping[str, Any], *, with_tbi: bool) -> None:
    """One ``TivaxError`` about all files that are neither named nor found."""
    source = given["inflation"].source or "inflation"
    needed = [(name, name) for name in ("kof", "pwt", "wgi")] + [("inflation", source)]
    missing: list[TivaxError] = []
    for section, name in [("tbi", "tbi")] * with_tbi + needed:
        if given[section].file is None:
            edition = str(getattr(given[section], "edition", ""))
            try:
                find_published(folder, name, edition)
            except TivaxError as error:
                missing.append(error)
    if missing:
        each = [str(k).removeprefix(f"{folder}: ") for k in missing]
        raise TivaxError(f"{folder}: {'; '.join(each)}")


def _existing(
    toml: TomlTable, section: str, key: str, path: Path | None
) -> Path | None:
    """The path, where there is one; ``TivaxError`` where nothing is there."""
    if path is not None and not path.exists():
        raise toml.table(section).mistake(key, f"{path} does not exist; fix the path")
    return path


def _require_countries(
    toml: TomlTable, section: str, key: str, codes: Iterable[str]
) -> None:
    """``TivaxError`` for a code that is not of a country of the panel."""
    for code in codes:
        if code not in WIOD_COUNTRIES:
            iso3 = _ISO3.get(code)
            remedy = f"write {iso3}" if iso3 else choose_from(WIOD_COUNTRIES)
            raise toml.table(section).mistake(key, f"no country {code}; {remedy}")


def _require_distinct(path: Path, name: str, editions: Sequence[Edition]) -> None:
    """Editions go by their names, so each name must stand for one file."""
    seen: dict[str, Path] = {}
    for edition in editions:
        other = seen.setdefault(edition.name, edition.path)
        if other.resolve() != edition.path.resolve():
            raise TivaxError(
                f"{path}: [alternatives] {name}: {other} and {edition.path} "
                f"are both edition {edition.name}; keep one, or rename one of the files"
            )


def _edition(folder: Path, name: str, given: _Source | _Prices) -> Edition:
    edition = str(given.edition)
    if given.file is None:
        return find_published(folder, name, edition)
    return Edition(edition or edition_name(given.file), given.file)
