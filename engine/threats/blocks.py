"""Blocks of units: left out, alone, with years of their own, and dated memberships."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from ..core import Phrase, TivaxError, load_toml, require_kind, require_list
from ..estimation import COMPLEMENTS
from ..panel import PEOPLE, PRODUCT
from ..tables import country_group
from .setting import Setting, refused
from .variants import Made

_FACTS = load_toml(__package__, "blocks.toml")
MEMBERSHIPS: dict[str, list[str]] = _FACTS["memberships"]
CONTINENTS: dict[str, frozenset[str]] = {
    name: frozenset(codes.split()) for name, codes in _FACTS["continents"].items()
}
CODES = frozenset[str]().union(*CONTINENTS.values())
LEFT_OUT: list[str] = _FACTS["left_out"]["groups"]
WIDER: dict[str, dict[str, Any]] = _FACTS["wider"]
THIRDS = ("lowest-income third", "middle-income third", "highest-income third")


def require_blocks(blocks: object) -> None:
    """``TivaxError`` unless these are lists of units by the names of their blocks."""
    if blocks is not None:
        require_kind("blocks", blocks, Mapping, 'a dict, such as {"north": ["DNK"]}')
        assert isinstance(blocks, Mapping)
        for name, members in blocks.items():
            require_list(f"blocks, {name}", members)


@cache
def memberships(name: str) -> dict[int, frozenset[str]]:
    """Members of a group that grew, by the year from which they are counted."""
    groups = [country_group(k) for k in MEMBERSHIPS[name]]
    return {int(k.since[:4]): frozenset(k.members) for k in groups}


def entrants(name: str, years: Sequence[int]) -> dict[int, list[str]]:
    """Who joined the group after the first of these years, by year."""
    found, before = {}, frozenset[str]()
    for since, members in memberships(name).items():
        if years[0] < since <= years[-1] and (new := members - before):
            found[since] = sorted(new)
        before = before | members
    return found


def is_member(name: str, units: pd.Series, years: pd.Series) -> pd.Series:
    """1 from the calendar year of accession on, also for who was there before."""
    dated = sorted(memberships(name).items())
    codes, when = units.astype(str).to_numpy(), years.to_numpy()
    inside = np.zeros(len(codes))
    for since, members in dated:
        inside = np.where(when >= since, np.isin(codes, list(members)), inside)
    return pd.Series(inside.astype(float), units.index)


def left_out(setting: Setting) -> Made:
    """The model without each block."""
    for name, units in named_blocks(setting):
        if isinstance(units, TivaxError):
            yield refused("left out", name, units)
            continue
        inside = setting.frame[setting.unit].astype(str).isin(list(units))
        if not inside.any():
            yield refused("left out", name, _absent(units, setting))
        elif inside.all():
            yield refused("left out", name, TivaxError("nothing is left without it"))
        else:
            yield setting.variant("left out", name, frame=setting.frame[~inside])


def alone(setting: Setting) -> Made:
    """The entrants of a dated group alone: with the model's controls, and the treatment
    by itself."""
    _require_codes(setting)
    for name, members in _waves(setting)[:1]:
        units = setting.frame[setting.unit].astype(str)
        inside = setting.frame[units.isin(members)]
        if inside.empty:
            yield refused("alone", name, _absent(members, setting))
            continue
        yield setting.variant("alone", name, frame=inside)
        if setting.model.controls and not setting.model.instruments:
            treatments = setting.model.treatments
            equation = setting.equation(regressors=treatments)
            named = Phrase("{block}, without controls", block=name)
            yield setting.variant("alone", named, frame=inside, model=equation)


def block_years(setting: Setting) -> Made:
    """Effects of years that each block has for itself."""
    frame, time = setting.frame, setting.time
    for name, block in partitions(setting):
        column = f"{name} by year"
        own = block.astype(str) + " " + frame[time].astype(str)
        made = {"frame": frame.assign(**{column: own})}
        made |= {"model": setting.equation(time=column)}
        yield setting.variant("block by year", name, **made)


def membership(setting: Setting) -> Made:
    """A dummy that turns to 1 in the year in which a unit joins."""
    _require_codes(setting)
    for name in MEMBERSHIPS:
        column = Phrase("member of {group}", group=name)
        joined = {k for new in entrants(name, setting.years).values() for k in new}
        if not joined & set(_units(setting)):
            none = "no {unit} joins between the years of the panel"
            error = TivaxError(Phrase(none, unit=setting.unit))
            yield refused("membership", name, error)
            continue
        dummy = is_member(
            name, setting.frame[setting.unit], setting.frame[setting.time]
        )
        yield setting.variant(
            "membership",
            name,
            frame=setting.frame.assign(**{column: dummy}),
            model=setting.with_controls(column),
        )


def _waves(setting: Setting) -> list[tuple[str, list[str]]]:
    """All entrants of each dated group, then those of each year."""
    found: list[tuple[str, list[str]]] = []
    for name in MEMBERSHIPS:
        joined = entrants(name, setting.years)
        if not joined:
            continue
        every = sorted(k for new in joined.values() for k in new)
        each = [
            (Phrase("{group} entrants of {year}", group=name, year=year), new)
            for year, new in joined.items()
        ]
        if len(joined) > 1:
            spanned = "{group} entrants of {first} to {last}"
            span = {"first": min(joined), "last": max(joined)}
            found.append((Phrase(spanned, group=name, **span), every))
        found += each
    return found


def named_blocks(
    setting: Setting,
) -> Iterator[tuple[str, Sequence[str] | TivaxError]]:
    """Names of blocks and their units, built-in ones first."""
    try:
        _require_codes(setting)
    except TivaxError as error:
        yield "built-in groups", error
    else:
        yield from _waves(setting)
        for name in LEFT_OUT:
            yield name, country_group(name).members
        there = set(_units(setting))
        for name, members in CONTINENTS.items():
            if there & members:
                yield name, sorted(members)
        for name, wider in WIDER.items():
            members = CONTINENTS[wider["continent"]]
            if there & members and there & set(wider["with"]):
                yield name, sorted(members | set(wider["with"]))
    frame, unit = setting.frame, setting.unit
    for name, column in _divisions(frame).items():
        for value, group in ((1, column), (0, name)):
            yield f"{group} countries", _units_of(frame, unit, frame[column] == value)
    if (third := _income_thirds(setting)) is not None:
        for name in THIRDS:
            yield name, _units_of(frame, unit, third == name)
    for name, members in setting.blocks.items():
        yield name, list(members)
    for name in setting.columns:
        try:
            values = setting.column(name)
        except TivaxError as error:
            yield name, error
            continue
        for value in sorted(values.dropna().unique()):
            yield f"{name} = {value}", _units_of(frame, unit, values == value)


def partitions(setting: Setting) -> Iterator[tuple[str, pd.Series]]:
    """Ways to part the units into blocks: name, and each row's block."""
    frame = setting.frame
    units = frame[setting.unit].astype(str)
    divided = [frame[column] for column in _divisions(frame).values()]
    for column in divided:
        yield str(column.name), column
    if set(units) & CODES:
        continent = {k: name for name, codes in CONTINENTS.items() for k in codes}
        yield "continent", units.map(continent).fillna("none")
        joined = {k: "entrants" for _, new in _waves(setting)[:1] for k in new}
        old = dict.fromkeys(country_group("EU15").members, "EU15")
        other = pd.Series("other", frame.index)
        for column in divided:
            other = other + " " + column.astype(str)
        block = units.map({**old, **joined})
        yield "EU15, entrants, others", block.where(block.notna(), other)
    if (third := _income_thirds(setting)) is not None:
        yield "income third", third
    for name in setting.columns:
        if name in frame:
            yield name, frame[name]


def _divisions(frame: pd.DataFrame) -> dict[str, str]:
    """Samples of a panel and the columns that they are the complements of."""
    known = {k: v for k, v in COMPLEMENTS.items() if v in frame}
    return {k: v for k, v in known.items() if frame[v].nunique() == 2}


def _income_thirds(setting: Setting) -> pd.Series | None:
    """Each row's third of the units by GDP per person in their first year, where the
    panel has both: what comes before the years that are explained."""
    frame, unit = setting.frame, setting.unit
    if not {PRODUCT, PEOPLE} <= {*frame}:
        return None
    income = frame[PRODUCT] - frame[PEOPLE]
    known = frame.assign(income=income).dropna(subset=["income"])
    first = known.sort_values(setting.time).groupby(unit)["income"].first()
    if first.nunique() < len(THIRDS):
        return None
    third = pd.qcut(first.rank(method="first"), len(THIRDS), labels=list(THIRDS))
    return frame[unit].map(third.astype(str))


def _absent(units: Sequence[str], setting: Setting) -> TivaxError:
    none = "none of its {members} members is in the column {unit}"
    return TivaxError(Phrase(none, members=len(units), unit=setting.unit))


def _units(setting: Setting) -> list[str]:
    return sorted(set(setting.frame[setting.unit].astype(str)))


def _units_of(frame: pd.DataFrame, unit: str, rows: pd.Series) -> list[str]:
    return sorted(set(frame.loc[rows, unit].astype(str)))


def _require_codes(setting: Setting) -> None:
    if not set(_units(setting)) & CODES:
        none = (
            "{unit} holds no codes of ISO 3166-1, such as DEU, by which the built-in "
            "groups go"
        )
        raise TivaxError(Phrase(none, unit=setting.unit))
