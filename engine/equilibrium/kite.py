"""KITE's baseline as csv, read into an economy and written: a file for each variable.

A file has columns of labels and ``value``, a row a cell (KITE.jl,
``read_baseline_csv``, and the R package's initial conditions):

===================== ============================ ==================================
file                  columns                      value
===================== ============================ ==================================
trade_share           origin, destination, sector  of what the destination spends
intermediate_share    country, input, output       of the inputs of ``output``
factor_share          country, sector              value added, of output
expenditure           country, sector              spending, tariffs included
trade_elasticity      sector                       theta
tariff, tariff_new    origin, destination, sector  1 + rate; need not be there
export_subsidy        origin, destination, sector  1, or the file is refused
===================== ============================ ==================================

A cell that is not there is 0, of tariffs 1, of factor_share nearly 1 and of
trade_elasticity 1, as KITE.jl has it.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import (
    TivaxError,
    partial_folder,
    replace_folder,
    require_new,
    require_writable,
)
from .from_tables import read_numbers

BILATERAL = ("origin", "destination", "sector")
COLUMNS = {
    "trade_share": BILATERAL,
    "intermediate_share": ("country", "input", "output"),
    "factor_share": ("country", "sector"),
    "expenditure": ("country", "sector"),
    "trade_elasticity": ("sector",),
    "tariff": BILATERAL,
    "tariff_new": BILATERAL,
    "export_subsidy": BILATERAL,
}
_NEEDED = tuple(COLUMNS)[:5]
_LEAST = 1e-4  # shares of value added are between it and 1 less it
_FILL = {"factor_share": 1 - _LEAST, "trade_elasticity": 1.0} | dict.fromkeys(
    ("tariff", "tariff_new", "export_subsidy"), 1.0
)
_PASSES = 1000


def accounts_of_kite(folder: Path) -> dict[str, Any]:
    """Fields of an ``Economy`` from a folder of KITE's csv.

    Shares are made to add up to 1 and negative ones are 0; a market without trade buys
    at home. Where inputs of a good exceed what is spent on it, final demand of it is 0
    and spending its inputs, again and again until no final demand is negative, as
    ``calibrate`` of KITE.jl does.
    """
    frames = {
        name: read_numbers(folder / f"{name}.csv", name, columns, ("value",))[1]
        for name, columns in COLUMNS.items()
        if name in _NEEDED or (folder / f"{name}.csv").exists()
    }
    regions, sectors = _labels(frames, True), _labels(frames, False)
    arrays = {
        name: _scattered(folder / f"{name}.csv", frame, name, regions, sectors)
        for name, frame in frames.items()
    }
    if "export_subsidy" in arrays and (arrays["export_subsidy"] != 1).any():
        raise TivaxError(
            f"{folder / 'export_subsidy.csv'}: export taxes and subsidies are not in "
            "an economy here; leave the file out where all are 1"
        )
    n = len(regions)
    shares = np.maximum(arrays["trade_share"], 0)  # [o, d, j]
    empty = shares.sum(axis=0) <= 0
    home = np.eye(n)[:, :, None]
    shares = np.where(empty, home, shares)
    shares /= shares.sum(axis=0)
    inputs = arrays["intermediate_share"]  # [d, k, j]
    total = inputs.sum(axis=1, keepdims=True)
    beta = np.clip(arrays["factor_share"], _LEAST, 1 - _LEAST)
    inputs = inputs / np.where(total > 0, total, 1) * (1 - beta)[:, None]
    paid = arrays.get("tariff", np.ones_like(shares))
    paid_new = arrays.get("tariff_new", paid)
    spending = _balanced(shares / paid, inputs, np.maximum(arrays["expenditure"], 0))
    trade = np.swapaxes(shares / paid * spending, 0, 1)  # [importer, exporter, sector]
    output = trade.sum(axis=0)
    intermediate = inputs * output[:, None]
    return dict(
        regions=regions,
        sectors=sectors,
        trade=trade,
        tariff=np.swapaxes(paid, 0, 1) - 1,
        tariff_new=np.swapaxes(paid_new, 0, 1) - 1,
        intermediate=intermediate,
        final=spending - intermediate.sum(axis=2),
        value_added=output - intermediate.sum(axis=1),
        deficit=trade.sum(axis=(1, 2)) - trade.sum(axis=(0, 2)),
        theta=arrays["trade_elasticity"],
        name=str(folder),
    )


def _balanced(
    net: Float[np.ndarray, "r r s"],
    inputs: Float[np.ndarray, "r s s"],
    spending: Float[np.ndarray, "r s"],
) -> Float[np.ndarray, "r s"]:
    """Spending that leaves no final demand below zero."""
    for _ in range(_PASSES):
        output = np.einsum("odj,dj->oj", net, spending)
        bought = np.einsum("dkj,dj->dk", inputs, output)
        final = spending - bought
        if final.min() >= 0:
            break
        spending = bought + np.maximum(final, 0)
    return spending


def _labels(frames: Mapping[str, pd.DataFrame], regional: bool) -> tuple[str, ...]:
    """Labels of regions or sectors, in order of the alphabet."""
    of_regions = ("origin", "destination", "country")
    found: set[str] = set()
    for name in _NEEDED[:3]:
        for column in COLUMNS[name]:
            if (column in of_regions) is regional:
                found |= set(frames[name][column])
    return tuple(sorted(found))


def _axes(
    name: str, regions: Sequence[str], sectors: Sequence[str]
) -> list[Sequence[str]]:
    """The labels of each column of a file."""
    of_sectors = ("sector", "input", "output")
    return [sectors if k in of_sectors else regions for k in COLUMNS[name]]


def _scattered(
    path: Path,
    frame: pd.DataFrame,
    name: str,
    regions: Sequence[str],
    sectors: Sequence[str],
) -> np.ndarray:
    """The array of a file, each value in the place of its labels."""
    columns = COLUMNS[name]
    known = _axes(name, regions, sectors)
    if twice := frame.duplicated(list(columns)).to_numpy().nonzero()[0].tolist():
        cell = ", ".join(frame[k].iloc[twice[0]] for k in columns)
        raise TivaxError(f"{path}: {cell} is duplicated")
    places = []
    for column, labels in zip(columns, known, strict=True):
        at = frame[column].map({label: k for k, label in enumerate(labels)})
        if at.isna().any():
            label = frame[column][at.isna()].iloc[0]
            raise TivaxError(
                f"{path}: {column} {label} is in none of trade_share, "
                "intermediate_share and factor_share"
            )
        places.append(at.to_numpy(int))
    values = np.full([len(labels) for labels in known], _FILL.get(name, 0.0))
    values[tuple(places)] = frame["value"]
    return values


def write_kite(economy: Any, folder: Path) -> None:
    """A new folder of KITE's csv, which ``accounts_of_kite`` reads again."""
    for label in (*economy.regions, *economy.sectors):
        if not re.fullmatch(r"\S(.*\S)?", label):
            raise TivaxError(f"{economy.name}: {label!r} begins or ends with a blank")
    spending, output = economy.spending, economy.output
    paid = 1 + economy.tariff
    spent = np.where(spending > 0, spending, 1)
    bought = economy.intermediate.sum(axis=1)
    turned = partial(np.swapaxes, axis1=0, axis2=1)
    arrays = {
        "trade_share": turned(economy.trade * paid / spent[:, None]),
        "intermediate_share": economy.intermediate
        / np.where(bought != 0, bought, 1)[:, None],
        "factor_share": economy.value_added / np.where(output > 0, output, 1),
        "expenditure": spending,
        "trade_elasticity": economy.theta,
        "tariff": turned(paid),
        "tariff_new": turned(1 + economy.tariff_new),
    }
    require_new(folder)
    require_writable(folder)
    with partial_folder(folder) as part:
        for name, values in arrays.items():
            labels = _axes(name, economy.regions, economy.sectors)
            rows = pd.MultiIndex.from_product(labels, names=COLUMNS[name])
            frame = pd.Series(values.ravel(), rows, name="value").reset_index()
            if len(labels) == 3:  # what is left out is filled again
                frame = frame[frame["value"] != _FILL.get(name, 0.0)]
            frame.to_csv(part / f"{name}.csv", index=False)
        replace_folder(part, folder)
