"""A model, its rows and its fit: what every threat starts from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd

from ..core import Phrase, TivaxError
from ..estimation import LinearFit, Model, lagged, require_columns, sample_rows
from .variants import Row, Variant

HEADLINE = "the model"

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Setting:
    """One model of a panel, and what was asked about it.

    Attributes
    ----------
    panel
        All rows, with the lags that the model names.
    blocks
        Units by the name of their block.
    columns
        Columns whose values are blocks.
    weights, placebos, vintages
        Columns: of weights (``lnX`` stands for exp of it), of outcomes that the
        treatment should not move, of other measures of the treatment.
    """

    panel: pd.DataFrame
    model: Model
    blocks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Sequence[str] = ()
    weights: Sequence[str] = ()
    placebos: Sequence[str] = ()
    vintages: Sequence[str] = ()

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows of the model's sample."""
        return sample_rows(self.panel, self.model)

    @property
    def given(self) -> Variant:
        """The model as it is."""
        return self.variant(HEADLINE, "as given")

    @cached_property
    def fit(self) -> LinearFit:
        """The model as it is, on rows without missing values."""
        return self.given.fit()

    @cached_property
    def used(self) -> pd.DataFrame:
        """The rows that the model uses, with all columns of the panel."""
        return self.fit.source

    @property
    def treatment(self) -> str:
        """The first treatment."""
        return self.model.treatments[0]

    @property
    def others(self) -> tuple[str, ...]:
        """The regressors but the first treatment."""
        return tuple(k for k in self.model.regressors if k != self.treatment)

    @cached_property
    def _keys(self) -> tuple[str, str]:
        """The columns of units and of years, where the model has effects of these."""
        entity, time, clusters = self.model.entity, self.model.time, self.model.clusters
        if len(self.model.all_effects) == 2 and entity and time:
            require_columns(self.panel, [entity, time, clusters])
            pairs = self.panel[list({entity, clusters})].drop_duplicates()
            nested = not pairs[entity].duplicated().any()
            if nested and pd.api.types.is_numeric_dtype(self.panel[time]):
                return entity, time
        raise TivaxError(
            "takes effects of entities, within clusters, and of years in numbers, such "
            'as entity = "iso3", time = "year"'
        )

    @property
    def unit(self) -> str:
        return self._keys[0]

    @property
    def time(self) -> str:
        return self._keys[1]

    @cached_property
    def years(self) -> list[int]:
        """The years of the rows that the model uses."""
        return sorted(int(k) for k in self.used[self.time].unique())

    def variant(self, threat: str, variant: str, **changes) -> Variant:
        """A variant of the model: by default its rows, its equation."""
        made = {"frame": self.frame, "model": self.model, **changes}
        return Variant(threat, variant, **made)

    def row(self, threat: str, variant: str, **changes) -> Row:
        """A row of numbers: by default of the treatment, on the rows of the model."""
        made = {"term": self.treatment, "n": self.fit.n, "clusters": self.fit.clusters}
        return Row(threat, variant, **{**made, **changes})

    def equation(
        self, *, swap: Mapping[str, Sequence[str]] | None = None, **changes
    ) -> Model:
        """The model with other fields; ``swap`` puts regressors for a regressor, as
        treatments where it was one."""
        swap = swap or {}

        def swapped(names: Sequence[str]) -> tuple[str, ...]:
            return tuple(new for k in names for new in swap.get(k, (k,)))

        model = replace(
            self.model,
            regressors=swapped(self.model.regressors),
            treatment=swapped(self.model.treatments),
        )
        return replace(model, **changes)

    def with_controls(self, *names: str, **changes) -> Model:
        return self.equation(regressors=(*self.model.regressors, *names), **changes)

    def earlier(self, column: str, years: int) -> pd.Series:
        """A column of the sample's rows ``years`` earlier, later where negative."""
        keys = {"entity": self.unit, "time": self.time}
        found = lagged(self.panel, column, years=years, **keys)
        return found.loc[self.frame.index]

    def of_referee(
        self, function: Callable[..., T], *names: Any, rows: Any = None, **options: Any
    ) -> T:
        """A table of a referee on the rows that the model uses, or on ``rows``."""
        data = self.used if rows is None else rows
        keys = {"entity": self.unit, "time": self.time}
        return function(data, self.model.outcome, *names, **keys, **options)

    def require_least_squares(self) -> None:
        """``TivaxError`` for a model with instruments."""
        if self.model.instruments:
            raise TivaxError("is made for least squares; the model has instruments")

    def require_balanced(self) -> tuple[int, int]:
        """Number of units and of years, if each unit has each year; else
        ``TivaxError``."""
        G, T = self.used[self.unit].nunique(), len(self.years)
        if len(self.used) != G * T:
            raise TivaxError(
                f"takes every year of every {self.unit}; {G * T - len(self.used)} of "
                f"{G * T} rows are missing"
            )
        return G, T

    def column(self, name: str) -> pd.Series:
        """A column of the sample's rows; ``TivaxError`` where there is none."""
        if name not in self.frame:
            raise TivaxError(Phrase("no column {column} in the panel", column=name))
        return self.frame[name]


def refused(threat: str, variant: str, error: TivaxError) -> Row:
    """The row that says why there are no numbers."""
    note = Phrase("not computed: {why}", why=error.args[0])
    return Row(threat, variant, note=note)
