"""A threat yields variants to fit, or finished rows of the table."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ..estimation import LinearFit, Model, WildForm


@dataclass(frozen=True, eq=False)
class Variant:
    """A changed frame and a changed model.

    Attributes
    ----------
    threat, variant
        Names in the table.
    frame
        Its rows, those of the model's sample or fewer.
    weights
        A column of positive weights of rows; empty for none.
    slopes
        Columns that have a coefficient in each unit: trends, factors.
    note
        Note beside the numbers.
    comparable
        A coefficient of a treatment of the model is still its effect.
    same_units
        It is at least in the model's units.
    earlier
        Rows are differences from the row this many years before.
    biased
        Short panels bias it: it tells what goes away, and not that anything stays.
    """

    threat: str
    variant: str
    frame: pd.DataFrame
    model: Model
    weights: str = ""
    slopes: tuple[str, ...] = ()
    note: str = ""
    comparable: bool = True
    same_units: bool = True
    earlier: int = 0
    biased: bool = False

    def fit(self) -> LinearFit:
        """LinearFit it on the complete rows of its frame.

        Raises ``TivaxError`` for what ``Design.of`` refuses, and for no more clusters
        than regressors.
        """
        return LinearFit.of(
            self.frame,
            self.model,
            weights=self.weights,
            slopes=self.slopes,
            few_clusters=False,
        )


@dataclass(frozen=True)
class Row:
    """A row of the table that is no fit of a variant; ``wild``: what its wild draws
    take, and the labels of its clusters."""

    threat: str
    variant: str
    term: str = ""
    estimate: float = float("nan")
    se: float = float("nan")
    p_value: float = float("nan")
    n: int | None = None
    clusters: int | None = None
    note: str = ""
    comparable: bool = False
    same_units: bool = False
    biased: bool = False
    wild: tuple[WildForm, tuple[str, ...]] | None = None


Made = Iterator[Variant | Row]
"""What a threat yields."""
