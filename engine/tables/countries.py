"""Countries of ISO 3166-1 and groups of them: names, codes, official members.

The facts are two tables beside this module, countries.toml and country_groups.toml.
A group is what it was at a date: each says since when it has these members and in
which document.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from ..core import (
    Listing,
    NotFound,
    TivaxError,
    load_toml,
    require_kind,
    require_list,
    suggest,
)


@dataclass(frozen=True)
class Country:
    """A country of ISO 3166-1 (or ROW): its two codes and its name in English.

    ``latitude`` and ``longitude`` of its middle are in degrees north and east; ROW has
    none.
    """

    alpha3: str
    alpha2: str
    name: str
    latitude: int | None = None
    longitude: int | None = None


@dataclass(frozen=True)
class CountryGroup:
    """A group of countries: the members it has had since a date, and the source."""

    name: str
    title: str
    since: str
    source: str
    members: tuple[str, ...]  # alpha-3, sorted


@cache
def countries() -> dict[str, Country]:
    """All officially assigned codes of ISO 3166-1 and ROW, by alpha-3."""
    table = load_toml(__package__, "countries.toml")
    return {code: Country(code, *entry) for code, entry in table.items()}


@cache
def country_groups() -> dict[str, CountryGroup]:
    """The built-in groups by name."""
    return {
        name: CountryGroup(
            name=name, **{**entry, "members": tuple(sorted(entry["members"]))}
        )
        for name, entry in load_toml(__package__, "country_groups.toml").items()
    }


def country_name(code: str) -> str:
    """The English name of an alpha-3 code; of any other code the code itself."""
    known = countries().get(code)
    return known.name if known else code


def country_in_text(code: str) -> str:
    """The name as a sentence has it: ``the United States``, ``the rest of the
    world``."""
    name = country_name(code)
    if not _WITH_ARTICLE.search(name):
        return name
    return f"the {name.replace('Rest', 'rest')}"


_WITH_ARTICLE = re.compile(
    "^(United|Rest|Netherlands|Philippines|Bahamas|Comoros|Congo|Gambia|Maldives|"
    "Seychelles|Isle|Holy|British)|Republic|Islands$|Territories$"
)


def listing_by_region(
    title: str,
    columns: Sequence[str],
    cells: Mapping[str, Sequence[str]],
    notes: Sequence[str] = (),
    *,
    world: str = "",
) -> Listing:
    """A row for each region, with the names of those that are countries; ``world`` is
    the code of all together."""
    names = {code: country_name(code) for code in cells}
    if all(name in (code, country_name(REST)) for code, name in names.items()):
        rows = [(code, *row) for code, row in cells.items()]
        return Listing(title, ("region", *columns), rows, notes)
    shown = {code: name if name != code else "" for code, name in names.items()}
    shown |= {world: "world"}
    rows = [(code, shown[code], *row) for code, row in cells.items()]
    return Listing(title, ("region", "name", *columns), rows, notes, words=2)


def find_region(name: str, known: Iterable[str]) -> str:
    """The code of a region among those known, or of the country of that name.

    Raises ``NotFound`` where there is none, with those like it.
    """
    codes, name = [str(k) for k in known], str(name)
    named = {k for k in codes if country_name(k).casefold() == name.casefold()}
    if name not in codes and not named:
        raise NotFound(f"no region {name}: {suggest_region(name, codes)}")
    return name if name in codes else named.pop()


def suggest_region(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown region: the codes of the country whose name
    it is, or begins, or nearly is; else those like it, or all."""
    codes = [str(k) for k in known]
    if name.upper() in country_groups() and name.upper() not in codes:
        group = name.upper()
        return (
            f"{group} is a group of countries: merge it by --groups {group} (in Python "
            "groups=)"
        )
    names = {k: country_name(_by_alpha2().get(k, k)) for k in codes}
    said = {name.casefold(): k for k, name in names.items() if name != k}
    small = name.casefold()
    found = [k for k in said if len(name) > 2 and k.startswith(small)]
    if not found and len(name) > 3:  # a slip in a name; three letters are a code
        found = get_close_matches(small, said, cutoff=0.7)
    same = any(code.casefold() == small for code in codes)
    if same or not 0 < len(found) <= _FEW:
        return suggest(name, codes)
    named = [f"{said[k]} ({names[said[k]]})" for k in found]
    return f"did you mean {' or '.join(named)}?"


_FEW = 3


def country_position(code: str) -> tuple[int, int] | None:
    """Latitude and longitude of a country's middle in degrees; None of other codes."""
    known = countries().get(code)
    if known is None or known.latitude is None or known.longitude is None:
        return None
    return known.latitude, known.longitude


@cache
def _by_alpha2() -> dict[str, str]:
    return {k.alpha2: k.alpha3 for k in countries().values() if k.alpha2}


def alpha3(code: str) -> str:
    """The alpha-3 code of an alpha-2 code, ``DE`` to ``DEU``.

    Raises ``TivaxError`` for a code that ISO 3166-1 does not assign (``UK``, ``EL``).
    """
    if code not in _by_alpha2():
        raise TivaxError(f"no country {code} in ISO 3166-1 (alpha-2)")
    return _by_alpha2()[code]


def country_group(name: str) -> CountryGroup:
    """The built-in group of that name, in upper or lower case.

    Raises ``TivaxError`` with the nearest names where there is none.
    """
    groups = country_groups()
    require_kind("name", name, str, "the name of a group, such as EU27")
    if (known := name.strip().upper()) not in groups:
        raise TivaxError(f"no group {name.strip()}: {suggest(known, groups)}")
    return groups[known]


def group_members(name: str, regions: Sequence[str]) -> list[str]:
    """The members of a built-in group that are among ``regions``, in their order.

    Raises ``TivaxError`` for an unknown group, and where none of its members is there.

    Parameters
    ----------
    name : str
        A built-in group, such as "EU27".
    regions : sequence of str
        ISO alpha-3 codes of the regions that there are.

    Returns
    -------
    list of str
        Codes of the members.

    Examples
    --------
    >>> tx.group_members("NAFTA", ["CHN", "MEX", "USA"])
    ['MEX', 'USA']
    """
    require_list("regions", regions)
    group = country_group(name)
    found = [code for code in regions if code in group.members]
    if not found:
        two = [k for k in regions if _by_alpha2().get(k) in group.members][:1]
        hint = "".join(f"; write {alpha3(k)} for {k}, and so on" for k in two)
        raise TivaxError(
            f"group {group.name}: none of its {len(group.members)} members is among "
            f"the regions {' '.join(regions)}{hint}"
        )
    return found


REST = "ROW"  # the rest of the world
# Codes in the files of the table databases -> codes in tivax
# (ISO 3166-1 alpha-3, and ROW for the rest of the world).
CODES = {"RoW": "ROW", "xROW": "ROW", "ROM": "ROU", "NDL": "NLD"}


def normalise(codes) -> tuple[str, ...]:
    """Region codes in the spelling of tivax: ROW, ROU, NLD.

    A country's code in lower or mixed case (``usa``, ``Aut``) becomes that country's;
    codes of no country stay as they are.
    """
    return tuple(_spelled(str(code).strip()) for code in codes)


def _spelled(code: str) -> str:
    for one in (code, code.upper()):
        one = CODES.get(one, one)
        if one in countries():
            return one
    return code
