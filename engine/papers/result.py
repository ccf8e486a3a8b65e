"""The result of a published model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ..figures import WELFARE, world_tiles
from ..reporting import Plot, Result, Section, Table, method_of


def table_of(cells: Iterable[tuple[str, str, str, float]]) -> pd.DataFrame:
    """Printed numbers: table, row, column, value."""
    return pd.DataFrame([*cells], columns=["table", "row", "column", "value"])


def equilibria_of(
    residuals: Mapping[str, float],
    dropped: str = "world value added",
    missed: float | Sequence[float] = 0.0,
) -> pd.DataFrame:
    """The largest miss of each equilibrium, and that of the market that was dropped."""
    frame = pd.DataFrame(residuals.items(), columns=["equilibrium", "residual"])
    return frame.assign(dropped=dropped, dropped_residual=missed)


@dataclass(frozen=True, eq=False, repr=False)
class Published(Result):
    """A published model's tables, from its authors' data.

    Attributes
    ----------
    title
        Authors, year, size.
    frames
        Tables by the name of their file: ``tables`` (table, row, column, value) in the
        words of the paper, and others alike; ``equilibria`` (equilibrium, residual,
        dropped, dropped_residual) has the largest miss of an equation, the market that
        the numeraire stands for, and what it misses of its income.
    residual
        The largest of all that should be zero.
    inputs
        Files that were read.
    lines
        Notes that a reader needs, in sentences.
    """

    title: str
    frames: Mapping[str, pd.DataFrame]
    residual: float
    inputs: Sequence[Path]
    lines: Sequence[str] = ()

    program = "replicate"
    report_title = "A published trade model"
    method = method_of("published")

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return self.frames

    def sections(self, figures: Mapping[str, Any]) -> list[Section]:
        """A table for each of the paper's."""
        cells = self.frames["tables"]
        tables = []
        for name, part in cells.groupby("table", sort=False):
            order = [part[k].unique() for k in ("row", "column")]
            wide = part.pivot_table("value", "row", "column", "first", sort=False)
            wide = wide.reindex(index=order[0], columns=order[1])
            tables.append(Table(wide.rename_axis(None, axis=1), str(name)))
        return [Section("Tables", tables)]

    def plots(self) -> dict[str, Plot]:
        """A map of welfare, of a model with a table for every country."""
        if "map" not in self.frames:
            return {}
        rows = self.frames["map"]
        first = rows["table"] == rows["table"].iloc[0]
        values = rows[first & (rows["column"] == "welfare")].set_index("row")["value"]
        return {"world": partial(world_tiles, values, WELFARE)}

    def facts(self) -> dict[str, Any]:
        return {"residual_max": self.residual, "published": self.title}

    @property
    def subtitle(self) -> str:
        return self.title

    @property
    def sentence(self) -> str:
        count = len(self.frames["tables"])
        solved = f"{count:,} cells; largest residual {self.residual:.1e}"
        return "\n".join([f"{self.title}: {solved}", *self.lines])
