"""``Simulation``: how often each method rejects, by design."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ....kernels.panels.simulated import ANALYTIC, METHODS, WILD
from ....kernels.resampling import LEVEL
from ...core import Listing, count_text, percent_text
from ...figures import rejection_rates
from ...reporting import (
    Block,
    Drawn,
    Figure,
    Plot,
    Result,
    Section,
    Table,
    Text,
    method_of,
)
from .panels import Study


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Result):
    """Rejection rates of every method on the panels of a study.

    Attributes
    ----------
    table
        A row for each design and method: ``rejection_table``.
    study
        The study that was simulated.
    residual_max
        The largest residual of a least-squares fit.

    Examples
    --------
    >>> found = tx.simulate("study.toml")
    >>> found.table["method"].tolist()[:3]
    ['CV1 t(G-1)', 'CV2 BM', 'CV3 t(G-1)']
    """

    table: pd.DataFrame
    study: Study
    residual_max: float

    program = "simulate"
    report_title = "Which p-value to trust"
    method = method_of("simulate")

    @property
    def subtitle(self) -> str:
        return f"Two-way fixed effects, clustered; seed {self.study.seed}"

    @property
    def finding(self) -> list[str]:
        """The distance of the usual p from 5 %, and the p nearest to it."""
        sizes = self.table.pivot(index="method", columns="design", values="size")
        served = sizes.dropna()
        apart = (served - LEVEL).abs().max(axis=1)
        best = str(apart.idxmin())
        usual, nearest = (
            sizes.loc[[k]].to_numpy(float).ravel() for k in ("CV1 t(G-1)", best)
        )
        return [
            "The usual p-value (CV1, t(G-1)) rejects true nulls in "
            f"{_range(usual)} of the panels where it says 5 %. Nearest to 5 % in "
            f"{count_text(sizes.shape[1], 'design')} is {best}: "
            f"{_range(nearest)}."
        ]

    def tables(self) -> dict[str, pd.DataFrame]:
        return {"simulation": self.table}

    def plots(self) -> dict[str, Plot]:
        return {"sizes": partial(rejection_rates, self.table)}

    def sections(self, figures: Mapping[str, Drawn]) -> list[Section]:
        counted = (
            f"{self.study.panels:,} panels of each design, {self.study.draws:,} draws "
            "of each bootstrap in each panel."
        )
        caption = "Share of true nulls rejected, with 95 % intervals."
        sizes = _by_family(self.table, "size")
        shown = [Text(counted), Figure(figures["sizes"], caption), *sizes]
        found = [Section("Size of 5 % tests", shown)]
        if len(self.with_power):
            text = "Share of panels in which no effect is rejected, where there is one."
            blocks = [Text(text), *_by_family(self.with_power, "power")]
            found.append(Section("Power", blocks))
        every = Table(self.table, "By design and method.")
        return [*found, Section("All figures", [every])]

    @property
    def with_power(self) -> pd.DataFrame:
        """The rows of designs that have an effect."""
        return self.table[self.table.groupby("design")["power"].transform("count") > 0]

    def facts(self) -> dict[str, Any]:
        about = {k: v for k, v in self.study.facts.items() if k != "seed"}
        return {"residual_max": self.residual_max, **about}

    def _listings(self) -> list[Listing]:
        wide = self.table.pivot(index="design", columns="method", values="size")
        rows = [
            (str(name), *("-" if np.isnan(k) else f"{k:.3f}" for k in sizes))
            for name, sizes in zip(wide.index, wide.to_numpy(), strict=True)
        ]
        return [Listing("Share of true nulls rejected", ("", *wide.columns), rows)]


def _range(sizes: Float[np.ndarray, " designs"]) -> str:
    low, high = (percent_text(float(k), 1) for k in (sizes.min(), sizes.max()))
    return low if low == high else f"{low} to {high}"


_FAMILIES = {
    "Analytic": ANALYTIC,
    "Wild cluster bootstraps": WILD,
    "Other bootstraps and placebos": tuple(
        k for k in METHODS if k not in (*ANALYTIC, *WILD)
    ),
}


def _by_family(result: pd.DataFrame, column: str) -> list[Block]:
    """A row for each design, a column for each method, a table for each family."""
    few = result.drop_duplicates("design").set_index("design")
    wide = result.pivot(index="design", columns="method", values=column)
    counts = few[["clusters", "effective_clusters"]].set_axis(
        ["clusters", "G*"], axis=1
    )
    tables: list[Block] = []
    for family, methods in _FAMILIES.items():
        table = counts.join(wide[[*methods]])
        formats = {"G*": ".1f", **dict.fromkeys(methods, ".3f")}
        tables.append(Table(table.reset_index(), f"{family}: {column}.", formats))
    return tables
