"""Which published file serves which variable of the panel: ``data.toml``.

The file stands in the data folder and its paths are relative to it::

    [tbi]        file = csv of year, iso3, tbi    or  store = path of a store
    [kof]        edition, file
    [pwt]        edition, file
    [wgi]        edition, file, fill_2001 = "mean-1996-2014" | "linear"
    [inflation]  source = "wdi" | "weo", file, override = { GBR = file }
    [recipe]     codes = "paper" | "fixed", drop = [countries], years = "2000:2014"
    [alternatives]  kof, pwt, wgi, inflation, reer, trade = [files]
    [tables]     files = folder of world tables, for the index from DVA

Every key is optional. What is not named is looked for by its published names below
the folder, so a folder of downloads does without ``data.toml``. Links to folders are
followed.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from ..core import TivaxError, local_path, parse_toml

FILE = "data.toml"
Codes = Literal["paper", "fixed"]
Fill = Literal["mean-1996-2014", "linear"]
InflationSource = Literal["wdi", "weo"]


@dataclass(frozen=True)
class Edition:
    """One published file of a source and the name of its edition."""

    name: str
    path: Path


@dataclass(frozen=True)
class DataFiles:
    """The choices of one ``data.toml``, with absolute paths.

    Attributes
    ----------
    tbi, store
        A csv with columns year, iso3 (or region) and tbi, or a store; one of the two.
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

    def places(self) -> list[Path]:
        """The folder and all that is named in it: no place for results."""
        return [
            self.folder,
            *self.inputs(),
            *(each.path for some in self.alternatives.values() for each in some),
            *([self.tables] if self.tables else []),
        ]


# Published names, the identified edition first. The group is the edition.
_PUBLISHED = {
    "kof": (
        r"KOF_Data_(2018)\.dta",
        r"Data_(2018)(?:_\d+)?\.dta",
        r"KOFGI_(\d{4})(?:_public|_data)?\.(?:dta|xlsx|zip)",
    ),
    "pwt": (
        r"pwt(9\.?0)\.(?:rda|RData|dta|xlsx)",
        r"pwt(\d+\.?\d+)\.(?:rda|RData|dta|xlsx|csv)",
    ),
    "wgi": (
        r"(\d{4})_Worldwide_Governance_Indicators.*\.xlsx",
        r"wgidataset(?:\D*?(\d{4}))?\D*\.(?:dta|xlsx|zip)",
        r"API_RQ\.EST.*\.(?:csv|zip)",
    ),
    "wdi": (r"openness_wdi.*\.csv", r"API_FP\.CPI\.TOTL\.ZG.*\.(?:csv|zip)"),
    "weo": (
        r"(?i:WEO(.*)all)\.(?:xls|csv)(?:\.bz2|\.gz)?",
        r"(?i:WEO(.*?)(?:all)?)\.xlsx",
    ),
    "tbi": (r"tbi\.csv", r"tbi_reconstructed.*\.csv", r"tbi.*\.csv"),
}
_PUBLISHED["inflation"] = (*_PUBLISHED["wdi"], *_PUBLISHED["weo"])
_WHERE = {
    "kof": "tivax fetch kof",
    "pwt": "tivax fetch pwt",
    "wgi": "tivax fetch wgi",
    "inflation": "tivax fetch wdi",
    "wdi": "tivax fetch wdi",
    "weo": "tivax fetch weo",
    "tbi": "tivax tbi STORE",
}
# The 43 countries of the WIOD release of 2016, less the rest of the world.
WIOD_COUNTRIES = tuple(
    (
        "AUS AUT BEL BGR BRA CAN CHE CHN CYP CZE DEU DNK ESP EST FIN FRA GBR GRC HRV "
        "HUN IDN IND IRL ITA JPN KOR LTU LUX LVA MEX MLT NLD NOR POL PRT ROU RUS SVK "
        "SVN SWE TUR TWN USA"
    ).split()
)
_COUNTRIES = " ".join(WIOD_COUNTRIES)
_ISO3 = {"UK": "GBR", "GB": "GBR", "US": "USA", "ROM": "ROU", "GER": "DEU"}
_SECTION = {"wdi": "inflation", "weo": "inflation"}
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

    A ``store`` given here stands in place of what the file says of the index.

    Raises ``TivaxError`` for unknown keys or choices, and for files that are neither
    named nor found.
    """
    folder = local_path("folder", folder)
    store = None if store is None else local_path("store", store)
    if not folder.is_dir():
        if folder.exists():
            raise TivaxError(f"{folder}: a file; give --data its folder")
        raise TivaxError(f"{folder}: no such folder; give --data the raw files")
    toml = _Toml(folder / FILE)
    tbi = None
    if store is None:
        tbi, store = toml.file("tbi", "file"), toml.file("tbi", "store")
        if tbi and store:
            raise TivaxError(
                f"{toml.path}: [tbi] names file and store; keep one of them"
            )
        if not (tbi or store):
            tbi = _published(folder, "tbi", "").path
    inflation, source = _inflation(folder, toml)
    files = DataFiles(
        folder=folder,
        tbi=tbi,
        store=store,
        kof=_edition(folder, toml, "kof"),
        pwt=_edition(folder, toml, "pwt"),
        wgi=_edition(folder, toml, "wgi"),
        inflation=inflation,
        fill_2001=toml.choice("wgi", "fill_2001", Fill),
        inflation_source=source,
        inflation_override=toml.override(),
        codes=toml.choice("recipe", "codes", Codes),
        drop=toml.countries("recipe", "drop"),
        years=toml.years("recipe", "years"),
        alternatives={
            name: tuple(Edition(edition_name(path), path) for path in paths)
            for name, paths in toml.alternatives().items()
        },
        tables=toml.folder("tables", "files") or _tables(folder),
    )
    for name in ("kof", "pwt", "wgi"):
        _require_distinct(
            toml, name, [getattr(files, name), *files.alternatives.get(name, ())]
        )
    _require_distinct(toml, "inflation", files.alternatives.get("inflation", ()))
    return files


def _require_distinct(toml: "_Toml", name: str, editions: Sequence[Edition]) -> None:
    """Editions go by their names, so each name must stand for one file."""
    seen: dict[str, Path] = {}
    for edition in editions:
        other = seen.setdefault(edition.name, edition.path)
        if other.resolve() != edition.path.resolve():
            raise TivaxError(
                f"{toml.path}: [alternatives] {name}: {other} and {edition.path} are "
                f"both edition {edition.name}; keep one, or rename one of the files"
            )


class _Toml:
    """The file's content; every mistake in it is one line that names its place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._choices = _read_toml(path) if path.exists() else {}

    def _get(self, section: str, key: str, kind: type, wanted: str) -> Any:
        value = self._choices.get(section, {}).get(key)
        if value is not None and not (isinstance(value, kind) and value != ""):
            raise self.mistake(section, key, value, wanted)
        return value

    def mistake(self, section: str, key: str, value: object, wanted: str) -> TivaxError:
        return TivaxError(f"{self.path}: [{section}] {key} = {value!r}; {wanted}")

    def text(self, section: str, key: str) -> str:
        """The value as text; empty where there is none. Editions may be numbers."""
        value = self._choices.get(section, {}).get(key, "")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.mistake(section, key, value, 'write "..."')
        return str(value)

    def file(self, section: str, key: str) -> Path | None:
        named = self._get(section, key, str, "write the path of a file")
        return None if named is None else self._existing(section, key, named)

    def folder(self, section: str, key: str) -> Path | None:
        path = self.file(section, key)
        if path is not None and not path.is_dir():
            raise TivaxError(
                f"{self.path}: [{section}] {key}: {path} is no folder; name the folder "
                "of the tables"
            )
        return path

    def _existing(self, section: str, key: str, named: object) -> Path:
        if not isinstance(named, str) or not named:
            raise self.mistake(section, key, named, "write the path of a file")
        path = self.path.parent / named
        if not path.exists():
            raise TivaxError(
                f"{self.path}: [{section}] {key}: {path} does not exist; mend the path"
            )
        return path

    def override(self) -> dict[str, Path]:
        wanted = 'write { GBR = "path of a file" }'
        named = self._get("inflation", "override", dict, wanted) or {}
        for code in named:
            self._require_country("inflation", "override", code)
        return {
            code: self._existing("inflation", f"override {code}", file)
            for code, file in named.items()
        }

    def alternatives(self) -> dict[str, list[Path]]:
        wanted = 'write a list of files, ["..."]'
        named = {
            name: self._get("alternatives", name, list, wanted)
            for name in self._choices.get("alternatives", {})
        }
        if len(trade := named.get("trade", [])) > 2:
            wanted = "write one file with both, or exports, then imports"
            raise self.mistake("alternatives", "trade", trade, wanted)
        if len(rates := named.get("reer", [])) > 1:
            raise self.mistake("alternatives", "reer", rates, "write one file")
        return {
            name: [self._existing("alternatives", name, file) for file in files]
            for name, files in named.items()
        }

    def countries(self, section: str, key: str) -> tuple[str, ...]:
        wanted = 'write a list of codes, ["AUS", "AUT"]'
        codes = self._get(section, key, list, wanted) or []
        for code in codes:
            self._require_country(section, key, code)
        return tuple(codes)

    def _require_country(self, section: str, key: str, code: object) -> None:
        if code not in WIOD_COUNTRIES:
            iso3 = _ISO3.get(str(code))
            wanted = f"write {iso3}" if iso3 else f"choose from {_COUNTRIES}"
            raise self.mistake(section, key, code, wanted)

    def choice(self, section: str, key: str, choices: Any) -> Any:
        known = get_args(choices)
        value = self._choices.get(section, {}).get(key, known[0])
        if value not in known:
            raise self.mistake(section, key, value, f"choose from {', '.join(known)}")
        return value

    def years(self, section: str, key: str) -> tuple[int, int]:
        text = self._choices.get(section, {}).get(key, "2000:2014")
        match = re.fullmatch(r"(\d{4}):(\d{4})", str(text))
        if match is None or int(match[1]) > int(match[2]):
            raise self.mistake(section, key, text, 'write "FIRST:LAST"')
        return int(match[1]), int(match[2])


def _edition(folder: Path, toml: _Toml, name: str) -> Edition:
    edition, path = toml.text(name, "edition"), toml.file(name, "file")
    if path is None:
        return _published(folder, name, edition)
    return Edition(edition or edition_name(path), path)


def _inflation(folder: Path, toml: _Toml) -> tuple[Edition, InflationSource]:
    """The file of consumer prices and its database, each as named or by the other."""
    path, named = toml.file("inflation", "file"), toml.text("inflation", "source")
    source = toml.choice("inflation", "source", InflationSource)
    if path is None:
        edition = _published(folder, source if named else "inflation", "")
    else:
        edition = Edition(edition_name(path), path)
    return edition, source if named else inflation_source(edition.path)


def inflation_source(path: Path) -> InflationSource:
    """The database of a file of consumer prices, by its name."""
    return "weo" if path.name.lower().startswith("weo") else "wdi"


def edition_name(path: Path) -> str:
    """The edition in a published name, such as 2018, 10.01, Apr2021; else the name."""
    for patterns in _PUBLISHED.values():
        for pattern in patterns:
            match = re.fullmatch(pattern, path.name)
            if match and match.groups() and match[1]:
                return _dotted(match[1]) if "pwt" in pattern else match[1]
    return path.name


def _dotted(edition: str) -> str:
    """``90`` and ``1001`` of the official file names as 9.0 and 10.01."""
    if "." in edition:
        return edition
    whole = 2 if edition[0] == "1" else 1
    return f"{edition[:whole]}.{edition[whole:]}"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TivaxError(f"{path}: not a text in UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise TivaxError(f"{path}: {error}; mend the file") from None
    choices = parse_toml(text, path)
    for name, section in choices.items():
        if name not in _KEYS or not isinstance(section, dict):
            raise TivaxError(
                f"{path}: unknown section [{name}]; choose from {', '.join(_KEYS)}"
            )
        if unknown := sorted(set(section) - _KEYS[name]):
            raise TivaxError(
                f"{path}: [{name}] has unknown key {unknown[0]}; "
                f"choose from {', '.join(sorted(_KEYS[name]))}"
            )
    return choices


def _published(folder: Path, name: str, edition: str) -> Edition:
    files = sorted(files_below(folder))
    for pattern in _PUBLISHED[name]:
        found = [path for path in files if re.fullmatch(pattern, path.name)]
        found = [p for p in found if edition in ("", edition_name(p))]
        if found:
            return Edition(edition_name(found[0]), found[0])
    which = f" of edition {edition}" if edition else ""
    raise TivaxError(
        f"{folder}: no file{which} for {name}; get it ({_WHERE[name]}), or name it "
        f"as file under [{_SECTION.get(name, name)}] in {FILE}"
    )


def _tables(folder: Path) -> Path | None:
    """The folder of the first world table that is found."""
    table = re.compile(r"wiot_[12]\d{3}\.RData")
    found = sorted(p for p in files_below(folder) if table.fullmatch(p.name))
    return found[0].parent if found else None


def files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder and below it, also behind links to folders."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        yield from (path for name in names if (path := Path(place, name)).is_file())
