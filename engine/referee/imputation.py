"""Effects of a policy that units adopt one after the other and keep, by imputation.

Borusyak, Jaravel and Spiess (2024, Review of Economic Studies 91: 3253-3285). Effects
of units and periods and the controls are fitted where nobody is treated; an effect is
the outcome of a treated cell less what that fit says of it. The error of a mean effect
is their equation 7, by cluster and without a small-sample factor, with effects less
their mean over all treated cells (equation 8): ``avgeffectsby`` of ``did_imputation``
is the treatment. By cohort and period, its default, nothing would be left of a cohort
of one cluster. p is that of t(G - 1).

The wild bootstrap imposes no effect on residuals of all cells, with Webb's weights, and
makes the mean and its error again. The placebo gives each unit the treatment of another
one with rows in the same periods, and imputes again: it compares t, or the means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Bool, Float

from ...kernels import imputation as kernel
from ...kernels.imputation import ImputationCells
from ...kernels.resampling import TIE, WildLoadings
from ..core import Phrase, TivaxError, in_float64, require_whole
from ..estimation import (
    COLLINEAR,
    CV1,
    SEPARATE,
    Estimate,
    LinearFit,
    LowRank,
    Model,
    WildForm,
    column_name,
    column_names,
    t_row,
)
from ..resampling import TESTS, placebo_p_values, wild_t
from .diagnosis import Diagnosis, panel_rows

_STAYS = (
    "{treatment} is {value:g} for {unit} in {time}; imputation takes a policy of 0 "
    "that becomes 1 and stays 1"
)


@dataclass(frozen=True, eq=False, repr=False)
class Imputation(Diagnosis):
    """Mean effects of a policy on those who have it.

    Attributes
    ----------
    table
        horizon (``all``, or periods since adoption), estimate, se, p_value, ci_low,
        ci_high, wild_p_value, placebo_p_value (of t), placebo_mean_p_value, cells. NaN
        without draws, and placebos where clusters are not the units.
    untreated
        The fit of the untreated rows; None without controls.
    n, clusters, adopters
        Rows, clusters, units that are treated.
    wild_form, cluster_labels
        Loadings of the wild draws of the mean of all effects, and their clusters.

    Examples
    --------
    >>> late = panel.assign(policy=(panel["iso3"] < "C03") & (panel["year"] > 2004))
    >>> keys = {"entity": "iso3", "time": "year", "draws": 99}
    >>> found = tx.referee.imputation(late, "growth", "policy", horizons=2, **keys)
    >>> found.table["horizon"].tolist()
    ['all', '0', '1']
    """

    table: pd.DataFrame
    outcome: str
    treatment: str
    entity: str
    untreated: Estimate | None
    n: int
    clusters: int
    adopters: int
    wild_form: WildForm
    cluster_labels: tuple[str, ...]
    residual: float

    program = "imputation"

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return {"imputation": self.table}

    def findings(self) -> dict[str, Any]:
        """The mean of all effects."""
        return {str(k): v for k, v in self.table.iloc[0].items()}


@in_float64
def imputation(
    data: pd.DataFrame,
    outcome: str,
    treatment: str,
    *,
    controls: Sequence[str] = (),
    entity: str,
    time: str,
    clusters: str | None = None,
    horizons: int = 0,
    draws: int = 9_999,
    seed: int = 0,
) -> Imputation:
    """Mean effect of a treatment that units adopt at different times and keep.

    Parameters
    ----------
    data
        A row for each entity and time.
    outcome, treatment
        Columns; the treatment is 0, and 1 from a unit's adoption on.
    controls
        Further columns of the fit of the untreated rows.
    clusters
        Column of clusters, by default the entities.
    horizons
        Periods since adoption, from 0 on, that have a mean of their own.
    draws, seed
        Of the wild bootstrap and the placebo, all patterns where these are no more; 0:
        none. Draw k depends on (seed, k) alone.

    Raises
    ------
    TivaxError
        For columns that are missing or no numbers, two rows of an entity in a period, a
        treatment that is not 0 and then 1, and rows that cannot be imputed.

    Examples
    --------
    >>> late = panel.assign(policy=(panel["iso3"] < "C03") & (panel["year"] > 2004))
    >>> keys = {"entity": "iso3", "time": "year", "draws": 0}
    >>> tx.referee.imputation(late, "growth", "policy", **keys).adopters
    3
    """
    controls = column_names("controls", controls)
    by = entity if clusters is None else column_name("clusters", clusters)
    for name, value in (("horizons", horizons), ("draws", draws), ("seed", seed)):
        require_whole(name, value, 0)
    if isinstance(data, pd.DataFrame):
        data = data.reset_index(drop=True)
    names = [column_name("treatment", treatment), *controls]
    rows = panel_rows(data, outcome, names, entity, time, [by])
    since = _since(data, treatment, entity, time)[rows.index].to_numpy()
    fit = None
    if controls:
        model = Model("", outcome, controls, entity=entity, time=time, clusters=by)
        fit = Estimate.of(LinearFit.of(rows[~(since >= 0)], model), CV1())
    there = [h for h in range(horizons) if (since == h).any()]
    treats = np.stack([since >= 0, *(since == h for h in there)], axis=1)
    if not treats.any():
        raise TivaxError(f"{treatment} is 0 in every row; take a policy that some have")
    unit, when = (pd.factorize(rows[k], sort=True)[0] for k in (entity, time))
    # Units with rows in the same periods side by side: they change places.
    stratum = np.unique(pd.crosstab(unit, when), axis=0, return_inverse=True)[1].ravel()
    unit = np.argsort(np.argsort(stratum, kind="stable"))[unit]

    def grid(values: np.ndarray) -> np.ndarray:
        made = np.zeros((len(stratum), when.max() + 1, *values.shape[1:]))
        made[unit, when] = values
        return made

    labels, code = np.unique(rows[by].astype(str), return_inverse=True)
    members = np.zeros((len(labels), len(stratum)))
    members[code, unit] = 1
    if (members.sum(axis=0) > 1).any():
        raise TivaxError(f"clusters: {by} changes within {entity}; take one that stays")
    seen, d = grid(np.ones(len(rows))), grid(treats[:, 0])
    inverse, lost = _inverse(seen * (1 - d))
    if (alone := lost[unit, when] & treats[:, 0]).any():
        first = rows[alone].iloc[0]
        raise TivaxError(
            f"{first[entity]} in {first[time]} cannot be imputed: untreated rows say "
            f"nothing of its {entity} or {time}; leave out {alone.sum()} such rows"
        )
    columns = grid(rows[[*controls, outcome]].to_numpy())
    means = np.moveaxis(grid(treats / treats.sum(axis=0)), 2, 0)
    made = (columns, seen, d, means, members, inverse)
    *made, every = jax.device_put((*made, _inverse(seen)[0]))
    cells = ImputationCells(*made)
    b, v, s, a, L = map(np.asarray, _solved(cells, every))
    G, se = len(labels), np.sqrt((s**2).sum(axis=1))
    se[se <= COLLINEAR * np.abs(L).max(axis=(1, 2))] = np.nan  # rounding
    t = b / se
    table = pd.DataFrame([t_row(*k, G) for k in zip(b, se, strict=True)])
    table.insert(0, "horizon", ["all", *map(str, there)])
    p = np.full((3, len(t)), np.nan)
    if draws:
        p[0] = _wild_p(a, L, t, draws, seed)
    if draws and len(stratum) == G:
        moved = placebo_p_values(
            kernel.placebo_effects,
            (cells,),
            np.abs(np.append(t, b)),
            sizes=tuple(np.bincount(stratum).tolist()),
            draws=draws,
            seed=seed,
        )
        p[1:] = moved.reshape(2, -1)
    names = ["wild_p_value", "placebo_p_value", "placebo_mean_p_value"]
    table[names], table["cells"] = p.T + 0 * t[:, None], treats.sum(axis=0)
    adopters = int(d.any(axis=1).sum())
    form = WildForm(1.0, LowRank(a[0], np.diag(a[0]) - L[0], np.eye(G)))
    left = float(np.abs(v[0].sum(axis=0)).max() / np.linalg.norm(v[0]))
    equation = table, outcome, treatment, entity, fit
    return Imputation(*equation, len(rows), G, adopters, form, tuple(labels), left)


def _since(data: pd.DataFrame, treatment: str, entity: str, time: str) -> pd.Series:
    """Periods since adoption where the treatment is known, NaN of who never adopts."""
    known = panel_rows(data, treatment, (), entity, time)
    period = pd.Series(pd.factorize(known[time], sort=True)[0], known.index)
    adopted = period[known[treatment] == 1].groupby(known[entity]).min()
    since = period - known[entity].map(adopted)
    for _, row in known[known[treatment] != (since >= 0)].head(1).iterrows():
        place = {"unit": row[entity], "time": row[time]}
        given = {"treatment": treatment, "value": row[treatment], **place}
        raise TivaxError(Phrase(_STAYS, **given))
    return since


def _inverse(
    w: Float[np.ndarray, "n T"],
) -> tuple[Float[np.ndarray, "T T"], Bool[np.ndarray, "n T"]]:
    """The pseudo-inverse of dummies of periods net of units where w = 1, and the cells
    that effects of such cells do not reach."""
    share = w / np.maximum(w.sum(axis=1, keepdims=True), 1)
    A = np.diag(w.sum(axis=0)) - w.T @ share
    inverse = np.linalg.pinv(A, COLLINEAR, hermitian=True)
    beyond = np.eye(len(A)) - A @ inverse
    return inverse, np.abs(beyond - (share @ beyond)[:, None]).max(axis=2) > SEPARATE


@jax.jit
def _solved(cells: ImputationCells, every: Array) -> tuple[Array, ...]:
    """Means, v, s and loadings of wild draws; ``every``: the inverse of all cells."""
    b, v, s = kernel.mean_effects(cells)
    restricted = cells._replace(d=0 * cells.d, inverse=every)
    u = kernel.imputed(restricted, cells.columns[..., -1])
    return b, v, s, *jax.lax.map(partial(kernel.wild_scores, cells, u), v)


def _wild_p(
    a: Float[np.ndarray, "q G"],
    L: Float[np.ndarray, "q G G"],
    t: Float[np.ndarray, " q"],
    draws: int,
    seed: int,
) -> Float[np.ndarray, " q"]:
    """Share of |t*| above |t|."""
    p, patterns = [], 6 ** a.shape[1]
    of = {"draws": min(draws, patterns), "seed": seed, "exact": patterns <= draws}
    for k in range(0, len(t), TESTS):
        own = slice(k, k + TESTS)
        made: Any = a[own, None], L[own, None], np.ones(len(t[own]))
        loadings = WildLoadings(*made)
        p.append(np.abs(wild_t(loadings, **of)) > np.abs(t[own, None]) * (1 + TIE))
    return np.concatenate(p).mean(axis=1)
