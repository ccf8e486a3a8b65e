"""Which published file serves which variable of the panel: ``data.toml``.

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

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from ..core import TivaxError, TomlTable, choose_from, local_path, read_toml
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
    >>> files = tx.read_data_files("raw")
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
        named = [(name, getattr(self, name)) for name in ("kof", "pwt", "wgi")]
        prices = [self.inflation.path, *self.inflation_override.values()]
        others = self.alternatives.get("inflation", ())
        return {
            **{
                edition.path: _DATABASES.get(key, key)
                for key, some in self.alternatives.items()
                for edition in some
            },
            **{edition.path: name for name, edition in named},
            **{edition.path: inflation_source(edition.path) for edition in others},
            **dict.fromkeys(prices, self.inflation_source),
        }

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
_KEYS = {
    "tbi": {"file", "store"},
    "kof": {"edition", "file"},
    "pwt": {"edition", "file"},
    "wgi": {"edition", "file", "fill_2001"},
    "inflation": {"source", "file", "override"},
    "recipe": {"codes", "drop", "years"},
    "alternatives": {"kof", "pwt", "wgi", "inflation", "reer", "trade"},
    "tables": {"files"},
}


def read_data_files(
    folder: str | Path, *, store: str | Path | None = None
) -> DataFiles:
    """The choices of ``folder/data.toml``, completed by published names.

    A ``store`` given here replaces the index that the file names.

    Raises ``TivaxError`` for unknown keys or choices, and for files that are neither
    named nor found.

    Examples
    --------
    >>> files = tx.read_data_files("raw")
    >>> files.kof.path.name, files.years
    ('KOF_Data_2018.dta', (2000, 2003))
    """
    folder = local_path("folder", folder)
    store = None if store is None else local_path("store", store)
    if not folder.is_dir():
        if folder.exists():
            raise TivaxError(f"{folder}: a file; give its folder")
        raise TivaxError(f"{folder}: no such folder; give the folder of the raw files")
    toml = _read_sections(folder / FILE)
    recipe, prices = toml["recipe"], toml["inflation"]
    tbi = None
    if store is None or (toml["tbi"].has("file") and toml["tbi"].path("file").exists()):
        tbi = _existing(toml["tbi"], "file")
    if store is None:
        store = _existing(toml["tbi"], "store")
        if tbi and store:
            raise toml["tbi"].mistake("store", "file is named, too; keep one of them")
    _require_found(folder, toml, with_tbi=store is None and tbi is None)
    if tbi is None and store is None:
        tbi = find_published(folder, "tbi", "").path
    inflation, source = _inflation(folder, prices)
    files = DataFiles(
        folder=folder,
        tbi=tbi,
        store=store,
        kof=_edition(folder, toml["kof"]),
        pwt=_edition(folder, toml["pwt"]),
        wgi=_edition(folder, toml["wgi"]),
        inflation=inflation,
        fill_2001=_choice(toml["wgi"], "fill_2001", Fill),
        inflation_source=source,
        inflation_override=_override(prices),
        codes=_choice(recipe, "codes", Codes),
        drop=_countries(recipe, "drop", recipe.texts("drop", ())),
        years=_years(recipe),
        alternatives=_alternatives(toml["alternatives"]),
        tables=_folder(toml["tables"]) or find_tables(folder),
    )
    for name in ("kof", "pwt", "wgi"):
        editions = [getattr(files, name), *files.alternatives.get(name, ())]
        _require_distinct(toml["alternatives"], name, editions)
    others = files.alternatives.get("inflation", ())
    _require_distinct(toml["alternatives"], "inflation", others)
    return files


def _require_found(
    folder: Path, toml: Mapping[str, TomlTable], *, with_tbi: bool
) -> None:
    """One ``TivaxError`` about all files that are neither named nor found."""
    prices = toml["inflation"]
    source = "inflation"
    if prices.has("source"):
        source = _choice(prices, "source", InflationSource)
    wanted = [(name, name) for name in ("kof", "pwt", "wgi")] + [("inflation", source)]
    wanted = [("tbi", "tbi")] * with_tbi + wanted
    missing: list[TivaxError] = []
    for section, name in wanted:
        if not toml[section].has("file"):
            edition = _named_edition(toml[section])
            try:
                find_published(folder, name, edition)
            except TivaxError as error:
                missing.append(error)
    if missing:
        each = [str(k).removeprefix(f"{folder}: ") for k in missing]
        raise TivaxError(f"{folder}: {'; '.join(each)}")


def _read_sections(path: Path) -> dict[str, TomlTable]:
    """The sections of the file, empty where it has none."""
    values = read_toml(path) if path.exists() else {}
    top = TomlTable(path, "", values, set(_KEYS))
    return {
        name: top.table(name, known)
        if top.has(name)
        else TomlTable(path, name, {}, known)
        for name, known in _KEYS.items()
    }


def _existing(section: TomlTable, key: str) -> Path | None:
    if not section.has(key):
        return None
    return _require_existing(section, key, section.path(key))


def _require_existing(section: TomlTable, key: str, path: Path) -> Path:
    if not path.exists():
        raise section.mistake(key, f"{path} does not exist; fix the path")
    return path


def _folder(section: TomlTable) -> Path | None:
    path = _existing(section, "files")
    if path is not None and not path.is_dir():
        raise section.mistake("files", "name the folder of the tables")
    return path


def _choice(section: TomlTable, key: str, choices: Any) -> Any:
    """One of the words of a ``Literal``, by default its first."""
    known = get_args(choices)
    return section.choice(key, known, known[0])


def _years(section: TomlTable) -> tuple[int, int]:
    text = section.values.get("years", "2000:2014")
    match = re.fullmatch(r"(\d{4}):(\d{4})", str(text))
    if match is None or int(match[1]) > int(match[2]):
        raise section.mistake("years", 'write "FIRST:LAST"')
    return int(match[1]), int(match[2])


def _countries(section: TomlTable, key: str, codes: Iterable[str]) -> tuple[str, ...]:
    """The codes; ``TivaxError`` for one that is not of a country of the panel."""
    for code in codes:
        if code not in WIOD_COUNTRIES:
            iso3 = _ISO3.get(code)
            wanted = f"write {iso3}" if iso3 else choose_from(WIOD_COUNTRIES)
            raise section.mistake(key, f"no country {code}; {wanted}")
    return tuple(codes)


def _override(section: TomlTable) -> dict[str, Path]:
    if not section.has("override"):
        return {}
    named = section.values["override"]
    if not isinstance(named, dict):
        raise section.mistake("override", 'write { GBR = "path of a file" }')
    _countries(section, "override", named)
    files = TomlTable(section.file, "inflation.override", named, set(named))
    return {k: _require_existing(files, k, files.path(k)) for k in named}


def _alternatives(section: TomlTable) -> dict[str, tuple[Edition, ...]]:
    named = {key: section.paths(key, []) for key in section.values}
    if len(named.get("trade", [])) > 2:
        wanted = "write one file with both, or exports, then imports"
        raise section.mistake("trade", wanted)
    if len(named.get("reer", [])) > 1:
        raise section.mistake("reer", "write one file")
    return {
        key: tuple(
            Edition(edition_name(path), _require_existing(section, key, path))
            for path in paths
        )
        for key, paths in named.items()
    }


def _require_distinct(
    section: TomlTable, name: str, editions: Sequence[Edition]
) -> None:
    """Editions go by their names, so each name must stand for one file."""
    seen: dict[str, Path] = {}
    for edition in editions:
        other = seen.setdefault(edition.name, edition.path)
        if other.resolve() != edition.path.resolve():
            raise TivaxError(
                f"{section.file}: [alternatives] {name}: {other} and {edition.path} "
                f"are both edition {edition.name}; keep one, or rename one of the files"
            )


def _named_edition(section: TomlTable) -> str:
    """The edition that a section names, empty where it names none."""
    number = section.values.get("edition")
    whole = isinstance(number, int | float) and not isinstance(number, bool)
    return str(number) if whole else section.text("edition", "")


def _edition(folder: Path, section: TomlTable) -> Edition:
    edition = _named_edition(section)
    path = _existing(section, "file")
    if path is None:
        return find_published(folder, section.name, edition)
    return Edition(edition or edition_name(path), path)


def _inflation(folder: Path, section: TomlTable) -> tuple[Edition, InflationSource]:
    """The file of consumer prices and its database, each as named or by the other."""
    path, source = (
        _existing(section, "file"),
        _choice(section, "source", InflationSource),
    )
    named = section.has("source")
    if path is None:
        edition = find_published(folder, source if named else "inflation", "")
    else:
        edition = Edition(edition_name(path), path)
    return edition, source if named else inflation_source(edition.path)
