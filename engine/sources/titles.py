"""Titles of codes: countries, sectors and categories of final demand.

The facts are titles.toml; a code without a title there, such as those of Eora and
EXIOBASE, which are names, is its own.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache

import pandas as pd

from ..core import NotFound, choose_from, close_names, load_toml, suggest
from ..tables import WorldTables, country_group, country_groups, country_name

# Classification of the sectors of each database; the others have names.
_CLASSIFICATIONS = {
    "wiod2013": "isic3",
    "adb": "isic3",
    "wiod2016": "isic4",
    "wiod2016-pyp": "isic4",
    "rebuilt": "isic4",
    "oecd": "isic4",
    "figaro": "isic4",
}


@cache
def _titles() -> dict[str, dict[str, str]]:
    return load_toml(__package__, "titles.toml")


def sector_title(code: str, source: str) -> str:
    """The title of a sector of a database: C10-C12, C10T12 and 10T12 are the same."""
    known = _titles().get(_CLASSIFICATIONS.get(source, ""), {})
    plain = code.removeprefix("CPA_")
    divisions = "-".join(re.findall(r"\d+", plain))
    return known.get(plain) or known.get(divisions, code)


def goods_of(sectors: Sequence[str], source: str) -> list[str]:
    """Codes of agriculture, mining and manufacturing; all sectors where these are names
    that no classification has."""
    last = {"isic3": 16, "isic4": 33}.get(_CLASSIFICATIONS.get(source, ""), 0)
    numbers = {k: re.search(r"\d+", k) for k in sectors}
    found = [k for k, n in numbers.items() if n and int(n[0]) <= last]
    return found or [*sectors]


def find_sector(label: str, sectors: Sequence[str], source: str) -> str:
    """The code of a sector; ``electronic`` is that of Electronic equipment.

    Raises ``TivaxError`` for words that no title has, or several; it lists titles.
    """
    if label in sectors:
        return label
    titles = {k: sector_title(k, source) for k in sectors}
    words = label.casefold().rstrip("s")
    found = [k for k, title in titles.items() if words in title.casefold()]
    if len(found) == 1:
        return found[0]
    titled = {k: title for k, title in titles.items() if title != k}
    if not found:
        said = {k: title.casefold().split() for k, title in titled.items()}
        near = close_names(words, sorted({w for its in said.values() for w in its}))
        found = [k for k, its in said.items() if {*near[:1]} & {*its}]
    hint = suggest(label, sectors)
    if found or titled:
        named = [f"{k} ({titles[k]})" for k in found or titled]
        hint = f"did you mean {' or '.join(named)}?" if found else choose_from(named)
    raise NotFound(f"no sector {label}; {hint}")


def find_sectors(label: str, sectors: Sequence[str], source: str) -> list[str]:
    """The code of a sector, or those of all ``goods``."""
    if label == "goods" and label not in sectors:
        return goods_of(sectors, source)
    return [find_sector(label, sectors, source)]


def with_sector_titles(text: str, sectors: Sequence[str], source: str) -> str:
    """Add what sectors mean: ``DEU:c12`` becomes ``DEU:c12 (Basic metals ...)``.

    So are codes in lists that follow the word sector: ``sector c1, c2 left out``.
    """
    titles = {code: sector_title(code, source) for code in sectors}
    known = [re.escape(code) for code, title in titles.items() if title != code]
    if not known:
        return text
    code = rf"(?:{'|'.join(known)})(?![\w-])"
    in_label = re.compile(rf"(?<=\w:){code}")
    before = r"((?<=\bsector )|(?<=\bsectors \()|(?<=\bdid you mean ))"
    in_list = re.compile(rf"{before}{code}((, | or ){code})*")

    def with_title(found: re.Match[str]) -> str:
        return f"{found[0]} ({titles[found[0]]})"

    text = in_list.sub(lambda found: re.sub(code, with_title, found[0]), text)
    return in_label.sub(with_title, text)


def final_demand_title(code: str) -> str:
    """The title of a category of final demand."""
    return _titles()["final_demand"].get(code, code)


def region_title(code: str) -> str:
    """The name of a country, or the title of a built-in group, whole or not."""
    group, _, parts = code.partition(" (")
    if group in country_groups():
        return f"{country_group(group).title}{f' ({parts}' if parts else ''}"
    return country_name(code)


def label_table(
    tables: WorldTables, groups: Mapping[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    """Every code in results of these tables: ``code``, ``kind``, ``title``.

    Kinds are region (groups among them), sector and final demand. The title of a
    built-in group that is not whole says how many members there are.
    """
    rows = [(code, "region", region_title(code)) for code in tables.regions]
    for name, members in (groups or {}).items():
        group = country_groups().get(name)
        part = ""
        if group is not None and len(members) != len(group.members):
            part = f" ({len(members)} of {len(group.members)})"
        if name not in tables.regions:
            rows.append((name, "region", f"{region_title(name)}{part}"))
    rows += [(k, "sector", sector_title(k, tables.source)) for k in tables.sectors]
    rows += [(k, "final demand", final_demand_title(k)) for k in tables.categories]
    return pd.DataFrame(rows, columns=["code", "kind", "title"])
