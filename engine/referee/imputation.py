"""Effects of a policy that units adopt one after the other and keep, by imputation.

Borusyak, Jaravel and Spiess (2024, Review of Economic Studies 91: 3253-3285). Effects
of units and periods and the controls are fitted where nobody is treated; the effect in
a treated cell is its outcome less what that fit says of it. The error of a mean effect
is their equation 7, by cluster, without a small-sample factor; p is that of t(G - 1).
It is of effects less an average (equation 8) over ``averages``:

    cohorts   cells of one adoption date and period, as in ``did_imputation``: treated
              cells of a cohort of one cluster then count as without error
    all       all treated cells

The wild bootstrap imposes no effect on residuals of all cells, by Webb's weights, and
makes mean and error again. The placebo gives each unit the treatment of another one
with rows in the same periods, and imputes again: it compares t, or the means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Bool, Float

from ...kernels import imputation as kernel
from ...kernels.imputation import ImputationCells, TreatedCells
from ...kernels.resampling import WildLoadings
from ..core import Phrase, TivaxError, in_float64, require_choice, require_whole
from ..estimation import (
    CV1,
    Estimate,
    LinearFit,
    LowRank,
    Model,
    WildForm,
    column_name,
    column_names,
    t_row,
)
from ..resampling import AT_ONCE, placebo_p_values, wild_p_values
from .diagnosis import Diagnosis, panel_rows

Averages = Literal["cohorts", "all"]
_ROUNDING = 1e-8  # of a dummy
_STAYS = (
    "{treatment} is {value} for {unit} in {time}: give a policy of 0 and 1 that stays "
    "1 once a unit has it"
)


@dataclass(frozen=True, eq=False, repr=False)
class Imputation(Diagnosis):
    """Mean effects of a policy on those who have it.

    Attributes
    ----------
    table
        horizon (``all``, or periods since adoption), estimate, se, p_value, ci_low,
        ci_high, wild_p_value, placebo_p_value (of t), placebo_coef_p_value, cells. NaN
        without draws, and placebos where clusters are not the units.
    untreated
        The fit of the untreated cells; None without controls.
    n, clusters, adopters
        Rows, clusters, units that are treated.
    wild_form, cluster_labels
        Loadings of the wild draws of the mean of all effects, and clusters.

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
        return self.table.to_dict("records")[0]


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
    averages: Averages = "cohorts",
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
        Further columns of the fit of the untreated cells.
    clusters
        Column of clusters, by default the entities.
    horizons
        Periods since adoption, from 0 on, that have a mean of their own.
    averages
        Cells over which the error averages effects.
    draws
        Of the wild bootstrap and the placebo, all patterns where these are no more; 0:
        none. Draw k depends on (seed, k) alone.

    Raises
    ------
    TivaxError
        For columns that are missing or no numbers, two rows of an entity in a period, a
        treatment that is not 0 and then 1, and cells that cannot be imputed.

    Examples
    --------
    >>> late = panel.assign(policy=(panel["iso3"] < "C03") & (panel["year"] > 2004))
    >>> keys = {"entity": "iso3", "time": "year", "draws": 0}
    >>> tx.referee.imputation(late, "growth", "policy", **keys).adopters
    3
    """
    controls = column_names("controls", controls)
    by = entity if clusters is None else column_name("clusters", clusters)
    require_choice("averages", averages, get_args(Averages))
    for name, value in (("horizons", horizons), ("draws", draws), ("seed", seed)):
        require_whole(name, value, 0)
    if isinstance(data, pd.DataFrame):
        data = data.reset_index(drop=True)
    names = [column_name("treatment", treatment), *controls]
    rows = panel_rows(data, outcome, names, entity, time, [by])
    since = _since(data, treatment, entity, time)[rows.index]
    fit = None
    if controls:
        keys = {"entity": entity, "time": time, "clusters": by}
        model = Model("", outcome, controls, **keys)
        fit = Estimate.of(LinearFit.of(rows[~(since >= 0)], model), CV1())
    own = [since == h for h in range(horizons)]
    treats = np.array([since >= 0, *(k for k in own if k.any())]).T
    if not treats.any():
        raise TivaxError(
            f"{treatment} is 0 in every row: name a policy that some adopt"
        )
    unit, when = (pd.factorize(rows[k], sort=True)[0] for k in (entity, time))
    # Units with rows in the same periods side by side: they exchange paths.
    seen = pd.crosstab(unit, when).to_numpy(float)
    stratum = np.unique(seen, axis=0, return_inverse=True)[1].ravel()
    unit = np.argsort(np.argsort(stratum, kind="stable"))[unit]

    def grid(values: np.ndarray) -> np.ndarray:
        made = np.zeros((*seen.shape, *values.shape[1:]), values.dtype)
        made[unit, when] = values
        return made

    labels, code = np.unique(rows[by].astype(str), return_inverse=True)
    cluster, seen, d = (
        grid(code).max(axis=1),
        grid(np.ones(len(rows))),
        grid(treats[:, 0]),
    )
    if (cluster[unit] != code).any():
        raise TivaxError(f"clusters: {by} changes within {entity}; give one a unit")
    group = rows.groupby([since, when], dropna=False).ngroup().to_numpy() * (averages == "cohorts")
    inverse, lost = _inverse(seen * ~d)
    if (lost := lost[unit, when] & treats[:, 0]).any():
        first = rows[lost].iloc[0]
        raise TivaxError(
            f"{lost.sum()} treated rows cannot be imputed, {first[entity]} in "
            f"{first[time]} the first: untreated rows give its {entity} or {time} no "
            "effect; leave them out"
        )
    cells = ImputationCells(
        grid(rows[[*controls, outcome]].to_numpy()),
        seen,
        inverse,
        cluster,
        np.zeros((len(labels), group.max() + 1)),
    )
    weights = np.moveaxis(grid(treats / treats.sum(axis=0)), 2, 0)
    treated = TreatedCells(d.astype(float), weights, grid(group))
    found = _solved(*jax.device_put((cells, treated, _inverse(seen)[0])))
    b, v, s, a, L = map(np.asarray, found)
    G, se = len(labels), np.sqrt((s**2).sum(axis=1))
    se[se <= _ROUNDING * np.abs(L).max(axis=(1, 2))] = np.nan
    table = pd.DataFrame([t_row(*k, G) for k in zip(b, se, strict=True)])
    wild, placebo = np.full(len(b), np.nan), np.full((2, len(b)), np.nan)
    if draws:
        exact = 6**G <= draws
        loadings = [
            WildLoadings(*k, np.float64(1))
            for k in zip(a[:, None], L[:, None], strict=True)
        ]
        parts = [
            wild_p_values(
                loadings[k : k + AT_ONCE],
                (b / se)[k : k + AT_ONCE],
                clusters=G,
                position=np.arange(G),
                draws=6**G if exact else draws,
                seed=seed,
                exact=exact,
            )
            for k in range(0, len(b), AT_ONCE)
        ]
        wild = np.concatenate(parts) + 0 * se
    if draws and len(seen) == G:
        placebo = (
            placebo_p_values(
                kernel.placebo_effects,
                (cells, treated),
                np.concatenate([b, b / se]),
                tuple(np.bincount(stratum).tolist()),
                draws=draws,
                seed=seed,
            ).reshape(2, -1)
            + 0 * se
        )
    table.insert(0, "horizon", ["all", *(str(h) for h, k in enumerate(own) if k.any())])
    return Imputation(
        table.assign(
            wild_p_value=wild,
            placebo_p_value=placebo[1],
            placebo_coef_p_value=placebo[0],
            cells=treats.sum(axis=0),
        ),
        outcome,
        treatment,
        entity,
        fit,
        len(rows),
        G,
        int(d.any(axis=1).sum()),
        WildForm(1.0, LowRank(a[0], np.diag(a[0]) - L[0], np.eye(G))),
        tuple(labels),
        float(np.abs(v[0].sum(axis=0)).max() / np.linalg.norm(v[0])),
    )


def _since(data: pd.DataFrame, treatment: str, entity: str, time: str) -> pd.Series:
    """Periods since adoption, NaN for units without, of the rows where it is known."""
    known = panel_rows(data, treatment, (), entity, time)
    period = pd.Series(pd.factorize(known[time], sort=True)[0], known.index)
    adopted = period[known[treatment] == 1].groupby(known[entity]).min()
    since = period - known[entity].map(adopted)
    wrong = known[known[treatment] != (since >= 0)]
    if len(wrong):
        first = wrong.iloc[0]
        found = {"treatment": treatment, "value": f"{first[treatment]:g}"}
        raise TivaxError(Phrase(_STAYS, unit=first[entity], time=first[time], **found))
    return since


def _inverse(
    w: Float[np.ndarray, "n T"],
) -> tuple[Float[np.ndarray, "T T"], Bool[np.ndarray, "n T"]]:
    """Of cells with w = 1: the pseudo-inverse of periods net of units; and which cells
    their effects do not reach."""
    share = w / np.maximum(w.sum(axis=1, keepdims=True), 1)
    A = np.diag(w.sum(axis=0)) - w.T @ share
    inverse = np.linalg.pinv(A, _ROUNDING, hermitian=True)
    beyond = np.eye(len(A)) - A @ inverse
    gap = np.abs(beyond[None] - (share @ beyond)[:, None]).max(axis=2)
    return inverse, gap > _ROUNDING


@jax.jit
def _solved(
    cells: ImputationCells, treated: TreatedCells, every: Array
) -> tuple[Array, ...]:
    """Mean effects with v and s, and the loadings of their wild draws."""
    b, v, s = kernel.mean_effects(cells, treated)
    restricted = cells._replace(inverse=every)
    u = kernel.imputed(restricted, 0 * treated.d, cells.columns[..., -1])
    wild = partial(kernel.wild_scores, cells, treated, u)
    return b, v, s, *jax.lax.map(wild, v)
