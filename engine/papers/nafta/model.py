"""NAFTA's tariffs: Caliendo and Parro (2015), from their text files or an economy."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import tivax as tx

from ...core import TivaxError, load_toml
from ..archives import read_numbers
from ..result import Published, equilibria_of, table_of

_FACTS = load_toml(__package__, "labels.toml")
FILES: tuple[str, ...] = tuple(_FACTS["files"])
REGIONS: list[str] = _FACTS["regions"]
SECTORS: tuple[str, ...] = tuple(_FACTS["sectors"])
_MEASURES: dict[str, str] = _FACTS["measures"]
# What the three members may be called in an economy of the user's.
_MEMBERS: dict[str, list[str]] = _FACTS["members"]
_Cell = tuple[str, str, str, float]


def solve_paper(folder: Path) -> Published:
    """Solve NAFTA's tariff cuts from a folder with their text files, or one .npz.

    ``tables``: Table 2 (total, terms of trade, volume of trade, real wages), Table 3
    (terms and volume of trade with the other members and with the rest of the world),
    and what imports from the other members grow by, in per cent: trade is balanced
    first. Table 2 once more, with the deficits of 1993.
    """
    economy, inputs = _economy(folder)
    members = _members(economy)
    found = tx.exact_hat(economy, deficits="zero")
    kept = tx.exact_hat(economy, deficits="kept")
    rows = _tables(found, members) + _table_2(kept, members, "Table 2, deficits kept")
    clearing = {"NAFTA": found, "NAFTA, deficits kept": kept}
    residuals = {name: float(each.clearing.max()) for name, each in clearing.items()}
    return Published(
        "Caliendo and Parro (2015), NAFTA",
        {"tables": table_of(rows), "equilibria": equilibria_of(residuals)},
        max(residuals.values()),
        inputs,
        found.page().notes,
    )


def _economy(folder: Path) -> tuple[tx.Economy, Sequence[Path]]:
    found = sorted(folder.glob("*.npz"))
    if len(found) > 1:
        raise TivaxError(f"{folder}: {len(found)} .npz files; leave one there")
    if found:
        return tx.Economy.read(found[0]), found
    if not (folder / FILES[0]).is_file():
        raise TivaxError(
            f"{folder}: neither an .npz nor {FILES[0]}; unpack Caliendo and Parro's "
            "archive there, or save an economy with Economy.save"
        )
    return read_text_files(folder), [folder / name for name in FILES]


def read_text_files(folder: Path) -> tx.Economy:
    """Caliendo and Parro's files, as they compute with them.

    Rows are importers by sector (20 with trade), columns exporters; rates in per cent.
    Sales at home are output less exports, where output is at least exports; final
    demand what is left of purchases, not below 0, scaled to income.
    """
    r, s, traded = len(REGIONS), len(SECTORS), 20
    shapes = [(traded * r, r)] * 3 + [(s, r)] * 2 + [(r * s, s), (traded, 1)]
    imports, old, new, output, added, coefficients, dispersion = (
        read_numbers(folder / name, shape, separator=r"\s+")
        for name, shape in zip(FILES, shapes, strict=True)
    )

    def by_pair(values: np.ndarray) -> np.ndarray:
        pairs = np.zeros((r, r, s))
        pairs[:, :, :traded] = values.reshape(traded, r, r).transpose(1, 2, 0)
        return pairs

    trade = by_pair(imports * 1000)
    tariff, later = by_pair(old / 100), by_pair(new / 100)
    members = np.isin(REGIONS, ["CAN", "MEX", "USA"])
    inside = (members[:, None] & members[None, :])[:, :, None]
    home = np.arange(r)
    trade[home, home] = 0
    exports = trade.sum(axis=0)
    output = np.maximum(output.T, exports)
    trade[home, home] = output - exports
    tariff[home, home] = later[home, home] = 0
    inputs = coefficients.reshape(r, s, s) * ((1 - added.T) * output)[:, None, :]
    bought = (trade * (1 + tariff)).sum(axis=1)
    deficit = trade.sum(axis=(1, 2)) - trade.sum(axis=(0, 2))
    income = (
        (added.T * output).sum(axis=1) + (trade * tariff).sum(axis=(1, 2)) + deficit
    )
    final = np.maximum(bought - inputs.sum(axis=2), 0)
    return tx.Economy(
        regions=REGIONS,
        sectors=SECTORS,
        trade=trade,
        tariff=tariff,
        tariff_new=np.where(inside, later, tariff),
        intermediate=inputs,
        final=final * (income / final.sum(axis=1))[:, None],
        value_added=added.T * output,
        deficit=deficit,
        theta=np.append(dispersion[:, 0], np.full(s - traded, _FACTS["untraded"])),
        name=str(folder),
    )


def _members(economy: tx.Economy) -> dict[str, int]:
    labels = [name.casefold() for name in economy.regions]
    places = {}
    for name, spellings in _MEMBERS.items():
        found = [labels.index(k) for k in spellings if k in labels]
        if not found:
            raise TivaxError(f"{economy.name}: no region {name}, nor {spellings[0]}")
        places[name] = found[0]
    return places


def _table_2(
    found: tx.results.ExactHat, members: dict[str, int], title: str
) -> list[_Cell]:
    return [
        (title, name, column, float(found.changes[measure].iloc[k]))
        for name, k in members.items()
        for column, measure in _MEASURES.items()
    ]


def _tables(found: tx.results.ExactHat, members: dict[str, int]) -> list[_Cell]:
    inside = np.isin(np.arange(len(found.economy.regions)), [*members.values()])
    pairs = {name: k.to_numpy() for name, k in found.by_partner().items()}
    parts = {"terms of trade": pairs["tot"], "volume of trade": pairs["vot"]}
    trade, later = pairs["before"], pairs["after"]
    rows = _table_2(found, members, "Table 2")
    for name, k in members.items():
        away = np.arange(len(inside)) != k
        for where, chosen in (("NAFTA", inside & away), ("rest of world", ~inside)):
            for column, part in parts.items():
                value = float(100 * part[k, chosen].sum())
                rows.append(("Table 3", name, f"{column}, {where}", value))
    for name, k in members.items():
        chosen = inside & (np.arange(len(inside)) != k)
        growth = later[k, chosen].sum() / trade[k, chosen].sum() - 1
        rows.append(("imports from members", name, "change", float(100 * growth)))
    return rows
