"""A measure of tables: a result that holds its Dataset."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import pandas as pd
import xarray as xr

from ...core import Progress, TivaxError, long_table_of, no_progress, with_errors_of
from ...reporting import Told
from ...tables import Groups, WorldTables
from ..accounts import ValueAdded


class MeasuredTables(NamedTuple):
    """The tables that a measure was computed of, and how."""

    tables: WorldTables
    value_added: ValueAdded = "residual"
    drop: Sequence[str] = ()
    groups: Groups | None = None
    memory: int | None = None


class MeasureResult(Told):
    """A result that holds its numbers as a Dataset."""

    @property
    @abstractmethod
    def data(self) -> xr.Dataset:
        """The numbers with labels and units; with errors also se, ci_low, ci_high."""

    def __getitem__(self, name: str) -> xr.DataArray:
        return self.data[name]

    def with_errors(
        self,
        error: Any,
        *,
        draws: int | None = None,
        seed: int | None = None,
        progress: Progress = no_progress,
    ) -> Self:
        """The same with standard errors and 95 % intervals, from errors of the tables.

        Parameters
        ----------
        error
            The errors of cells: the name of a model (``rounding``), a file RUN.toml,
            a class of ``tx.table_errors`` or a list of these.
        draws, seed
            Of errors that are drawn, by default 200 from seed 0. Those of the trade
            benefit index and of footprints are in closed form and take none.
        progress
            Called with years done and years in all.

        Returns
        -------
        The same kind of result
            ``data`` has also NAME_se, NAME_ci_low and NAME_ci_high, and tables the
            columns se, ci_low, ci_high.

        Raises
        ------
        TivaxError
            An error model that does not fit the tables; a measure of flows that were
            given without their tables.

        Examples
        --------
        >>> error = tx.table_errors.Lognormal(a=0.3, b=0.1)
        >>> found = tx.trade_benefit_index(world).with_errors(error)
        >>> found["tbi_se"].sel(year=2000).to_series().round(4)
        region
        R01    0.0308
        R02    0.0227
        ROW    0.0233
        Name: tbi_se, dtype: float64
        """
        return with_errors_of(self, error, draws=draws, seed=seed, progress=progress)


def require_source(source: MeasuredTables | None) -> MeasuredTables:
    """Raise ``TivaxError`` for a measure that was not computed of tables."""
    if source is None:
        raise TivaxError(
            "errors: this was computed of flows; give tx.trade_benefit_index the tables"
        )
    return source


@long_table_of.register(MeasureResult)
def _(result: MeasureResult) -> pd.DataFrame:
    return long_table_of(result.data)
