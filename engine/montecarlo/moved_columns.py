"""Columns of a model's panel that come from the tables, and their places there.

The treatment ``TBI`` and its lag ``L.TBI`` move with a draw wherever a model has them:
as treatment, control or instrument. A column computed from the index beforehand (a
square, an interaction, another index) is only numbers, and stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..core import TivaxError
from ..estimation import LinearFit, Model

# Panel and tables must mean the same index. Other editions or another handling of
# rounding move it by little.
_LEAST_CORRELATION = 0.95
_LAG = "L."


@dataclass(frozen=True, eq=False)
class MovedColumns:
    """The columns of a fitted model that a draw moves.

    ``year`` and ``region`` are numbers of the tables' years and regions, by row and
    column; ``correlation`` and ``largest_gap`` compare the panel with the tables as
    they are.
    """

    fitted: LinearFit
    names: tuple[str, ...]
    year: Int[np.ndarray, "n p"]
    region: Int[np.ndarray, "n p"]
    correlation: float
    largest_gap: float

    @property
    def places(self) -> list[int]:
        """Columns of ``LinearFit.rows`` that move."""
        return [self.fitted.place_of(name) for name in self.names]

    def errors(self, drawn: Float[np.ndarray, "D t c"]) -> Float[np.ndarray, "D n p"]:
        """Errors by draw, year and region as errors of the fitted columns."""
        parts = []
        for k, name in enumerate(self.names):
            by_row = drawn[:, self.year[:, k], self.region[:, k]]
            parts.append(self.fitted.moved_columns(name, by_row.T).T)
        return np.stack(parts, axis=2)


def column_of(model: Model) -> str:
    """The column of the panel that is the tables' index: the treatment, without lag."""
    return model.treatments[0].removeprefix(_LAG)


def years_needed(fitted: LinearFit) -> set[int]:
    """Years of the tables that the rows of a model take, lags included."""
    year = _keys(fitted)["year"].to_numpy(int)
    lags = {name.startswith(_LAG) for name in _moved(fitted.model)}
    return {k - lag for lag in lags for k in year.tolist()}


def match_columns(
    fitted: LinearFit,
    base: Float[np.ndarray, "t c"],
    years: Sequence[int],
    regions: Sequence[str],
) -> MovedColumns:
    """Find the rows of a fitted model in the tables.

    Raises ``TivaxError`` for a country or year that the tables lack, and where the
    panel's values are not those of the tables.
    """
    keys, model = _keys(fitted), fitted.model
    names = _moved(model)
    places: dict[str, list[np.ndarray]] = {"region": [], "year": []}
    for name in names:
        when = keys["year"].to_numpy(int) - name.startswith(_LAG)
        for what, labels, known in (
            ("region", keys["iso3"].astype(str), regions),
            ("year", when, years),
        ):
            if lacking := sorted(set(labels) - set(known)):
                raise TivaxError(
                    f"model {model.name}: the tables lack {what} {lacking[0]}, which "
                    f"rows with {name} have; leave these rows out or take other tables"
                )
            places[what].append(pd.Index(known).get_indexer(pd.Index(labels)))
    at_year, at_region = (np.array(places[k]).T for k in ("year", "region"))
    there = fitted.source[[*names]].to_numpy(float)
    tables = base[at_year, at_region]
    gap = np.abs(there - tables)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = float(np.corrcoef(there.ravel(), tables.ravel())[0, 1])
    if not correlation >= _LEAST_CORRELATION:
        raise TivaxError(
            f"model {model.name}: {names[0]} of the panel and the index of the tables "
            f"correlate by {correlation:.3f} only; give the store that the panel was "
            "made of, and a treatment that is its trade benefit index"
        )
    return MovedColumns(
        fitted, names, at_year, at_region, correlation, float(np.nanmax(gap))
    )


def _moved(model: Model) -> tuple[str, ...]:
    """Columns of the model that are the index or its lag."""
    own = column_of(model)
    return tuple(k for k in model.columns if k in (own, _LAG + own))


def _keys(fitted: LinearFit) -> pd.DataFrame:
    """Country and year of each row, as iso3 and year: of these columns, else of the
    model's entity and time."""
    model, data, keys = fitted.model, fitted.data, dict[str, pd.Series]()
    for name, own in (("iso3", model.entity), ("year", model.time)):
        column = name if name in data.columns else own
        if column not in data.columns:
            raise TivaxError(
                f"model {model.name}: the panel has no column {name}, by which rows "
                "are found in the tables"
            )
        keys[name] = fitted.source[column]
    return pd.DataFrame(keys)
