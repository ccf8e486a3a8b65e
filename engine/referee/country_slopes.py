"""Slopes that differ between countries: their mean, and t tests over blocks.

Mean group (Pesaran and Smith 1995, Journal of Econometrics 68: 79-113): a regression of
each country over time, of columns less their mean of a year, b_i; the mean of G slopes
has the variance sum (b_i - b)^2 / (G (G - 1)), and t has G - 1 degrees of freedom.

t over blocks (Ibragimov and Mueller 2010, Journal of Business & Economic Statistics 28:
453-468): the two-way regression of each of q blocks of countries, and Student's t of
the q slopes, q - 1 degrees of freedom. Countries of a block may be correlated in any
way and blocks may differ in precision: a two-sided test at 8.3 % or less, as 5 %, does
not reject too often if slopes of blocks are independent and normal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..core import TivaxError
from ..estimation import (
    COLLINEAR,
    LinearFit,
    Model,
    column_name,
    independent,
    regressor_names,
    t_row,
)
from .diagnosis import Diagnosis, panel_rows

MEANING = {
    "mean group": "average over countries of the slope of each over time",
    "t over blocks": "average over blocks of countries of the two-way slope of each",
}
_FEWEST = 3  # blocks or countries of a t test
_SLOPES = ["method", "group", "term", "estimate", "n"]


@dataclass(frozen=True, eq=False, repr=False)
class CountrySlopes(Diagnosis):
    """Means of slopes, and the slopes.

    Attributes
    ----------
    table
        method (``mean group``; ``t over blocks``), term, estimate, se, p_value, ci_low,
        ci_high, groups (countries or blocks), spread (standard deviation of the
        slopes), meaning.
    slopes
        method, group, term, estimate, n: each country's and each block's.
    entities
        Countries, those without a slope of their own among them.

    Examples
    --------
    >>> blocks = panel.assign(block=pd.factorize(panel["iso3"])[0] % 4)
    >>> found = tx.referee.country_slopes(
    ...     blocks, "growth", ["trade"], blocks="block", entity="iso3", time="year"
    ... )
    >>> found.table["method"].tolist()
    ['mean group', 't over blocks']
    """

    table: pd.DataFrame
    slopes: pd.DataFrame
    outcome: str
    entities: int
    residual: float

    program = "country-slopes"

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return {"country_slopes": self.table, "slopes": self.slopes}

    def findings(self) -> dict[str, Any]:
        """The means of the first regressor (``rows``), and of how many countries the
        slope is positive."""
        first = self.table["term"].iloc[0]
        own = self.slopes.query("method == 'mean group' and term == @first")
        return {
            "term": first,
            "rows": self.table[self.table["term"] == first].to_dict("records"),
            "above": int((own["estimate"] > 0).sum()),
            "countries": len(own),
            "left": self.entities - len(own),
        }


def country_slopes(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str,
    time: str,
    blocks: str | None = None,
) -> CountrySlopes:
    """Slopes of each country and of blocks of countries, and t tests over them.

    Parameters
    ----------
    data
        A row for each entity and time.
    outcome, regressors
        Columns.
    blocks
        A column of the block of each country, constant over time; by default none.

    Returns
    -------
    CountrySlopes
        Countries in which a regressor does not move have no slope in it, and further
        regressors with fewer than three slopes no row. Countries with no more periods
        than two beyond the regressors, or collinear ones, are left out, and blocks of
        which the regression cannot be computed.

    Raises
    ------
    TivaxError
        For columns that are missing or no numbers, a country with two rows of a period
        or in two blocks, and fewer than three slopes in the first regressor.

    Examples
    --------
    >>> found = tx.referee.country_slopes(
    ...     panel, "growth", ["trade", "gdp"], entity="iso3", time="year"
    ... )
    >>> int(found.table["groups"].iloc[0])
    12
    """
    names = regressor_names(outcome, regressors)
    labels = [] if blocks is None else [column_name("blocks", blocks)]
    rows = panel_rows(data, outcome, names, entity, time, labels)
    slopes, residual = _of_each(rows, outcome, names, entity, time)
    table = _means("mean group", slopes, names)
    if labels:
        pairs = rows[[entity, *labels]].drop_duplicates()
        if (twice := pairs[entity].duplicated()).any():
            name = pairs.loc[twice, entity].iloc[0]
            raise TivaxError(f"blocks: {name} is in two blocks of {blocks}; choose one")
        more = []
        for block, part in rows.groupby(labels[0], sort=True):
            try:
                model = Model("", outcome, names, names, entity=entity, time=time)
                fit = LinearFit.of(part, model, drawn=False)
            except TivaxError:
                continue
            more += [
                ("t over blocks", str(block), term, b, fit.n)
                for term, b in zip(names, fit.coef, strict=True)
            ]
        of_blocks = pd.DataFrame(more, columns=_SLOPES)
        table += _means("t over blocks", of_blocks, names)
        slopes = pd.concat([slopes, of_blocks], ignore_index=True)
    entities = rows[entity].nunique()
    return CountrySlopes(pd.DataFrame(table), slopes, outcome, entities, residual)


def _of_each(
    rows: pd.DataFrame, outcome: str, names: Sequence[str], entity: str, time: str
) -> tuple[pd.DataFrame, float]:
    """Each country's slopes, of columns less their mean of a year.

    A regressor that does not move in a country has no slope there: less the means of
    years it would have one, of what others do."""
    columns = [outcome, *names]
    values = rows[columns].to_numpy(float)
    net = (rows[columns] - rows.groupby(time)[columns].transform("mean")).to_numpy()
    level = np.maximum(np.abs(values).max(axis=0), 1e-300)
    found, residual = [], 0.0
    for label, places in sorted(rows.groupby(entity).indices.items()):
        own, cells = (k[places] - k[places].mean(axis=0) for k in (values, net))
        moves = np.linalg.norm(own, axis=0) > COLLINEAR * level
        kept = 1 + np.flatnonzero(moves[1:])
        size = np.linalg.norm(cells, axis=0)
        seen = (size > COLLINEAR * level)[[0, *kept]].all()
        if not len(kept) or not seen or len(cells) < len(kept) + 3:
            continue
        X = cells[:, kept] / size[kept]
        b, _, rank, _ = np.linalg.lstsq(X, cells[:, 0] / size[0], rcond=1e-10)
        if min(rank, len(independent(own[:, kept]))) < len(kept):
            continue
        u = cells[:, 0] / size[0] - X @ b
        residual = max(residual, float(np.abs(X.T @ u).max()))
        for j, value in zip(kept.tolist(), b * size[0] / size[kept], strict=True):
            row = ("mean group", str(label), names[j - 1], value, len(cells))
            found.append(row)
    return pd.DataFrame(found, columns=_SLOPES), residual


def _means(
    method: str, slopes: pd.DataFrame, names: Sequence[str]
) -> list[dict[str, Any]]:
    """A row of the first regressor, and of others that have enough slopes."""
    count = slopes["term"].value_counts()
    shown = [k for k in names if k == names[0] or count.get(k, 0) >= _FEWEST]
    return [_mean(method, slopes, term) for term in shown]


def _mean(method: str, slopes: pd.DataFrame, term: str) -> dict[str, Any]:
    b = slopes.loc[slopes["term"] == term, "estimate"].to_numpy(float)
    if (q := len(b)) < _FEWEST:
        of_countries = method == "mean group"
        what = "countries" if of_countries else "blocks of two countries or more"
        more = "more years" if of_countries else "other blocks"
        raise TivaxError(
            f"{q} {what} have a slope of their own in {term}, where it moves; it takes "
            f"{_FEWEST}, with {more} or fewer regressors"
        )
    spread = float(b.std(ddof=1))
    row = {"method": method, "term": term, **t_row(b.mean(), spread / np.sqrt(q), q)}
    return {**row, "groups": q, "spread": spread, "meaning": MEANING[method]}
