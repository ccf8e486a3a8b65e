"""National tables of all countries and years, as arrays in the common sectors."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ...core import TivaxError, suggest
from ...tables import normalise, read_concordance
from ..countries import Countries
from .recipe import Piece, Recipe, Uses, in_years

TOTALS = ("exports", "imports", "output", "value added")
Totals = Mapping[tuple[str, str], Float[np.ndarray, "t s"]]
"""Totals by region and name; NaN where the file has no row."""


class Rest(NamedTuple):
    """Output and value added of the rest of the world; NaN where nothing tells them."""

    output: Float[np.ndarray, " s"]
    added: Float[np.ndarray, " s"]


class Nations(NamedTuple):
    """Countries and the rest of the world by year. ``added`` of a country is NaN where
    it does not report value added."""

    countries: Mapping[int, Countries]
    rest: Mapping[int, Rest]


def read_nations(recipe: Recipe) -> Nations:
    """Raise ``TivaxError`` for a country, a year or a label that is missing, a row that
    does not add up to its output, a cell below 0 that cannot be."""
    files, totals = _Files(), _totals(recipe)
    found = [_Reader(recipe, k, files, totals).read() for k in recipe.countries]
    none = np.full((len(recipe.years), len(recipe.sectors)), np.nan)
    rest = [totals.get((recipe.rest, k), none) for k in ("output", "value added")]
    return Nations(
        {
            year: Countries(
                *(np.stack([k[part][t] for k in found]) for part in range(5))
            )
            for t, year in enumerate(recipe.years)
        },
        {year: Rest(*(k[t] for k in rest)) for t, year in enumerate(recipe.years)},
    )


@dataclass
class _Files:
    """A file that countries share is read once."""

    last: tuple[object, pd.DataFrame] | None = None

    def read(
        self, piece: Piece, needed: Sequence[str], optional: Sequence[str]
    ) -> pd.DataFrame:
        file = piece.given if isinstance(piece.given, Path) else id(piece.given)
        key = file, dict(piece.columns), piece.scale
        if self.last is None or self.last[0] != key:
            self.last = key, piece.read(needed, optional)
        return self.last[1]


def labels_at(
    frame: pd.DataFrame,
    column: str,
    known: Mapping[str, int],
    name: str,
    remedy: str,
) -> Int[np.ndarray, " rows"]:
    """The place of each row's label; ``TivaxError`` for one that is not known."""
    codes, labels = pd.factorize(frame[column])
    if unknown := [k for k in labels if k not in known]:
        raise TivaxError(
            f"{name}: {column} {unknown[0]} {remedy}: {suggest(unknown[0], known)}"
        )
    return np.array([known[k] for k in labels], int)[codes]


def places(labels: Iterable[object]) -> dict[str, int]:
    """The place of each label, as text."""
    return {str(k): i for i, k in enumerate(labels)}


def array_of(
    frame: pd.DataFrame, axes: Mapping[str, Sequence[object]], name: str, empty: float
) -> Float[np.ndarray, "..."]:
    """Values by the labels of columns, an axis each; ``empty`` where there is no row.

    Raises ``TivaxError`` for a label that is not the recipe's.
    """
    place = tuple(
        labels_at(frame, column, places(labels), name, "is not in the recipe")
        for column, labels in axes.items()
    )
    values = np.full([len(k) for k in axes.values()], empty)
    values[place] = frame["value"]
    return values


def summed(
    frame: pd.DataFrame, place: Sequence[Int[np.ndarray, " rows"]], shape: Sequence[int]
) -> tuple[Float[np.ndarray, "..."], Int[np.ndarray, "..."]]:
    """Sums of values by place, and how many rows each cell has."""
    flat, size = np.ravel_multi_index(place, shape), math.prod(shape)
    sums = np.bincount(flat, frame["value"], size).reshape(shape)
    return sums, np.bincount(flat, minlength=size).reshape(shape)


@dataclass(frozen=True)
class _Reader:
    """Reads the national table of one country."""

    recipe: Recipe
    country: str
    files: _Files
    totals: Totals

    @property
    def uses(self) -> Uses:
        return self.recipe.uses[self.country]

    @property
    def name(self) -> str:
        return ", ".join(dict.fromkeys(k.name for k in self.uses.pieces.values()))

    def read(self) -> tuple[np.ndarray, ...]:
        """Home and imported uses (t, s, u), exports, output, value added (t, s)."""
        recipe, uses, frame = self.recipe, self.uses, self._rows()
        t, s, u = len(recipe.years), len(recipe.sectors), len(recipe.users)
        known = places(recipe.years)
        year = labels_at(frame, "year", known, self.name, "is not in the recipe")
        if absent := sorted({*range(t)} - {*year.tolist()}):
            raise TivaxError(
                f"{self.name}: no rows of {self.country} in {recipe.years[absent[0]]}; "
                "add them, or take the year out of the recipe's years"
            )
        users = places(recipe.users)
        place = (
            year,
            self._at(frame, "origin", {uses.home: 0, uses.imported: 1}, ()),
            self._at(frame, "product", users, (uses.value_added,), s),
            self._at(frame, "user", users, (uses.exports, uses.output)),
        )
        cells, rows = summed(frame, place, (t, 2, s + 1, u + 2))
        given = rows > 0
        cells[:, :, :, u:] = np.where(given[:, :, :, u:], cells[:, :, :, u:], np.nan)
        home, imported = cells[:, 0, :s, :u], cells[:, 1, :s, :u]
        exports, output = cells[:, 0, :s, u], cells[:, 0, :s, u + 1]
        added = np.where(given[:, 0, s, :s], cells[:, 0, s, :s], np.nan)
        again = np.nan_to_num(cells[:, 1, :s, u])
        if again.any():
            at = tuple(k[0] for k in np.nonzero(again))
            raise self._mistake(
                at,
                f"{again[at]:,.6g} of it is imported and exported again; take "
                "such re-exports out of exports and imports",
            )
        exports = self._told("exports", exports)
        output = self._told("output", output)
        self._told("imports", imported.sum(2))
        exports = _filled(exports, output - home.sum(2), recipe.tolerance * output)
        self._check(home, imported, exports, output)
        made = home.sum(2) + exports
        return home, imported, exports, made, self._told("value added", added)

    def _rows(self) -> pd.DataFrame:
        """The rows of the country, its wanted years alone."""
        recipe, uses, parts = self.recipe, self.uses, []
        wanted = {str(k) for k in recipe.years}
        for year, piece in uses.pieces.items():
            needed = ["origin", "product", "user", "value"]
            needed += ["country"] if uses.shared and len(recipe.countries) > 1 else []
            needed += ["year"] if year is None and len(wanted) > 1 else []
            optional = ["year", *(["country"] if uses.shared else [])]
            frame = self.files.read(piece, needed, optional)
            if "country" in frame:
                mine = [k == self.country for k in normalise(frame["country"])]
                frame = frame[mine]
            if "year" not in frame:
                frame = frame.assign(year=str(year or min(recipe.years)))
            parts.append(in_years(frame, recipe, self.name))
        frame = pd.concat(parts, ignore_index=True)
        if frame.empty:
            raise TivaxError(
                f"{self.name}: no rows of {self.country} in {min(wanted)}; add its "
                f"national table, or take {self.country} out of the recipe's countries"
            )
        return frame

    def _at(
        self,
        frame: pd.DataFrame,
        column: str,
        common: Mapping[str, int],
        own: Sequence[str],
        most: int | None = None,
    ) -> Int[np.ndarray, " rows"]:
        """Places of labels; those of the file itself, ``own``, come last."""
        known = dict(list(common.items())[:most])
        known |= {k: len(known) + i for i, k in enumerate(own)}
        remedy = f"of {self.country} is none of the recipe's labels"
        if self.uses.concordance and column != "origin":
            new = read_concordance(self.uses.concordance).new
            if wrong := [k for k in new.values() if k not in common]:
                raise TivaxError(
                    f"{self.uses.concordance}: to {wrong[0]}, which is no label of "
                    f"the recipe: {suggest(wrong[0], common)}"
                )
            mapped = {old: known[k] for old, k in new.items() if k in known}
            final = self.recipe.final if most is None else ()
            known = mapped | {k: known[k] for k in (*final, *own) if k not in mapped}
            remedy = (
                f"of {self.country} is not in {self.uses.concordance}; add a line from "
                "it to a common sector"
            )
        return labels_at(frame, column, known, self.name, remedy)

    def _told(
        self, what: str, found: Float[np.ndarray, "t s"]
    ) -> Float[np.ndarray, "t s"]:
        """With the totals of the recipe, which must not contradict."""
        total = self.totals.get((self.country, what))
        if total is None:
            return found
        off = np.abs(found - total) - self.recipe.tolerance * np.abs(total)
        if np.nanmax(off, initial=0) > 0:
            at = np.unravel_index(np.nanargmax(off), off.shape)
            raise self._mistake(
                at,
                f"{what} are {found[at]:,.6g}, but {total[at]:,.6g} in the totals; "
                "correct one of them",
            )
        return np.where(np.isnan(total), found, total)

    def _mistake(self, at: tuple[Any, ...], what: str) -> TivaxError:
        """The error of a year and a sector, by their places."""
        recipe, (t, i) = self.recipe, at
        return TivaxError(
            f"{self.name}: {self.country}, {recipe.years[t]}, {recipe.sectors[i]}: "
            f"{what}"
        )

    def _check(
        self,
        home: Float[np.ndarray, "t s u"],
        imported: Float[np.ndarray, "t s u"],
        exports: Float[np.ndarray, "t s"],
        output: Float[np.ndarray, "t s"],
    ) -> None:
        """Cells that no table has, and rows that do not make output."""
        s = len(self.recipe.sectors)
        if np.isnan(exports).any():
            raise self._mistake(
                tuple(k[0] for k in np.nonzero(np.isnan(exports))),
                "neither its exports nor its output are told; add rows of user "
                f"{self.uses.exports} or {self.uses.output}, or [totals]",
            )
        for what, cells in (
            ("inputs of home products", home[:, :, :s].min(2)),
            ("imported inputs", imported[:, :, :s].min(2)),
            ("exports", exports),
            ("output", np.nan_to_num(output)),
            ("all imports together", imported.sum(2)),
        ):
            if cells.min() < 0:
                raise self._mistake(
                    np.unravel_index(cells.argmin(), cells.shape),
                    f"{what} are {cells.min():,.6g}; only final uses "
                    "may be below 0: correct the file",
                )
        made = home.sum(2) + exports
        allowed = self.recipe.tolerance * np.maximum(np.abs(output), made.max() * 1e-6)
        off = np.nan_to_num(np.abs(made - output) - allowed, nan=-1)
        if off.max() > 0:
            at = np.unravel_index(off.argmax(), off.shape)
            raise self._mistake(
                at,
                f"uses and exports add up to {made[at]:,.6g}, output "
                f"is {output[at]:,.6g}; correct the table, or allow more by "
                f"tolerance, a share of output ({self.recipe.tolerance:g} now)",
            )


def _filled(
    exports: Float[np.ndarray, "t s"],
    rest: Float[np.ndarray, "t s"],
    least: Float[np.ndarray, "t s"],
) -> Float[np.ndarray, "t s"]:
    """Exports of a product without a row: 0, or what is left of output in a year in
    which no product has one."""
    told = ~np.isnan(exports).all(1, keepdims=True)
    rest = np.where(np.abs(rest) <= least, 0, rest)
    return np.where(np.isnan(exports), np.where(told, 0, rest), exports)


def _totals(recipe: Recipe) -> Totals:
    """The totals by region and name."""
    if recipe.totals is None:
        return {}
    frame = recipe.totals.read(["country", "year", "total", "product", "value"])
    name = recipe.totals.name
    frame = in_years(frame, recipe, name)
    frame = frame.assign(country=list(normalise(frame["country"])))
    axes = {
        "country": recipe.regions,
        "total": TOTALS,
        "year": recipe.years,
        "product": recipe.sectors,
    }
    values = array_of(frame, axes, name, np.nan)
    found = {
        (region, what): values[r, k]
        for r, region in enumerate(recipe.regions)
        for k, what in enumerate(TOTALS)
        if not np.isnan(values[r, k]).all()
    }
    for what in ("exports", "imports"):
        if recipe.rest and (recipe.rest, what) in found:
            raise TivaxError(
                f"{name}: {what} of {recipe.rest} follow from those of the countries; "
                "leave them out, its output and value added can be given"
            )
    return found
