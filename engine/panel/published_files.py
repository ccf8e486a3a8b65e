"""Published files of the panel, found by their names in a folder."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..core import TivaxError, load_toml

FILE = "data.toml"
InflationSource = Literal["wdi", "weo"]


@dataclass(frozen=True)
class Edition:
    """One published file of a source and the name of its edition."""

    name: str
    path: Path


_FACTS = load_toml(__package__, "published_files.toml")
_NAMES: dict[str, list[str]] = {name: facts["names"] for name, facts in _FACTS.items()}
_NAMES["inflation"] = _NAMES["wdi"] + _NAMES["weo"]


def inflation_source(path: Path) -> InflationSource:
    """The database of a file of consumer prices, by its name."""
    return "weo" if path.name.lower().startswith("weo") else "wdi"


def edition_name(path: Path) -> str:
    """The edition in a published name, such as 2018, 10.01, Apr2021; else the name."""
    for patterns in _NAMES.values():
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


def find_published(folder: Path, name: str, edition: str) -> Edition:
    """The file of a source; ``TivaxError`` says how to get it where there is none."""
    files = sorted(files_below(folder))
    for pattern in _NAMES[name]:
        found = [path for path in files if re.fullmatch(pattern, path.name)]
        found = [p for p in found if edition in ("", edition_name(p))]
        if found:
            return Edition(edition_name(found[0]), found[0])
    which = f" of edition {edition}" if edition else ""
    facts = _FACTS["wdi" if name == "inflation" else name]
    raise TivaxError(
        f"{folder}: no file{which} for {name}; get it ({facts['get']}), or name it "
        f"as file under [{facts.get('section', name)}] in {FILE}"
    )


def find_tables(folder: Path) -> Path | None:
    """The folder of the first world table found, None where there is none."""
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
