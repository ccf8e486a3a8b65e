"""``Simulation``: how often each method rejects, by design."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ....kernels.resampling import LEVEL
from ...reporting import Told
from .panels import Study


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Told):
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
    in_print = "tivax.engine.present.simulation"

    def findings(self) -> dict[str, Any]:
        """The ``usual`` p, and the ``best``, which is nearest to 5 % in its worst
        design: the sizes of both, least and most."""
        sizes = self.table.pivot(index="method", columns="design", values="size")
        apart = (sizes.dropna() - LEVEL).abs().max(axis=1)
        best, usual = str(apart.idxmin()), "CV1 t(G-1)"
        ends = sizes.agg(["min", "max"], axis=1).loc[[usual, best]].to_numpy(float)
        own = {"usual": tuple(ends[0]), "best": tuple(ends[1])}
        return {"method": best, "designs": sizes.shape[1], **own}

    def tables(self) -> dict[str, pd.DataFrame]:
        return {"simulation": self.table}

    @property
    def with_power(self) -> pd.DataFrame:
        """The rows of designs that have an effect."""
        return self.table[self.table.groupby("design")["power"].transform("count") > 0]

    def facts(self) -> dict[str, Any]:
        about = {k: v for k, v in self.study.facts.items() if k != "seed"}
        return {"residual_max": self.residual_max, **about}
