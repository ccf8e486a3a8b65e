"""Cluster diagnostics: which level, how many clusters matter, and what each one does.

Few clusters, or a few that carry the estimate, are where cluster-robust t-tests reject
too often (MacKinnon, Nielsen and Webb 2023b). Shown here: the effective number of
clusters, leverage, what each cluster does to the estimate, and the score-variance test
of the level of clustering.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Bool, Float

from ...kernels import clusters as kernel
from ...kernels import jackknife, random_draws, score_variance
from ...kernels.covariance_factors import cluster_factor
from ...kernels.low_rank import LowRankUpdate
from ..core import (
    Listing,
    Phrase,
    Printable,
    TivaxError,
    in_float64,
    number_text,
    p_text,
    require_choice,
    require_kind,
    require_whole,
    show,
)
from ..estimation import (
    LinearFit,
    Model,
    column_name,
    normal_sf,
    require_columns,
    t_sf,
    with_lags,
)

_TWICE = (
    "{fine} {name} is in two clusters of {coarse}; a coarse cluster holds whole fine "
    "ones"
)


def model_table(
    fitted_models: Iterable[LinearFit], *, jackknives: bool = True
) -> pd.DataFrame:
    """A row for each treatment of each model: its covariances and the clusters.

    Columns model, term, outcome, sample, n, clusters, effective_clusters, balanced,
    estimate; se, p_value of CV1, CV3, CV3J and V5 with t(G-1), of CV2 with Bell and
    McCaffrey's degrees of freedom (cv2_df); cv3j_df, cv3j_adjusted_p_value, v5_df and
    v5_adjusted_p_value: those two with degrees and a scale found alike
    (``kernels.jackknife.degrees``); without_min, without_max: the range of the estimate
    when each cluster is left out in turn; note: why some are NaN. CV3, CV3J and the
    range are where a cluster cannot be left out, because the treatment is not
    identified without it; CV2 and adjusted p where one alone identifies a part of it
    (leverage 1).
    V5, Hansen's (2025) jackknife, counts the whole estimate as that cluster's: |t| is
    at most 1. Without ``jackknives`` there are no columns of CV3J and V5.
    """
    rows = [row for fitted in fitted_models for row in _model_rows(fitted, jackknives)]
    notes = pd.Series([row["note"] for row in rows], dtype=object)  # phrases
    return pd.DataFrame(rows).assign(note=notes)


@in_float64
def _model_rows(fitted: LinearFit, jackknives: bool) -> list[dict[str, object]]:
    fit, left = jax.device_put(fitted.cluster_fit), fitted.left_out()
    kinds = _KINDS if jackknives else _KINDS[:3]
    V = {kind: _covariance(fitted, kind, left) for kind in kinds}
    G = len(fitted.labels)
    rows = []
    for k, term in enumerate(fitted.model.treatments):
        own = jax.device_get(_facts(fit, _contrast(fitted, k), jackknives=jackknives))
        b = float(fitted.coef[k])
        se = {kind: float(np.sqrt(V[kind][k, k])) for kind in V}
        df = dict.fromkeys(kinds, G - 1.0) | {"CV2": float(own.degrees)}
        row: dict[str, object] = {
            "model": fitted.model.name,
            "term": term,
            "outcome": fitted.model.outcome,
            "sample": fitted.model.sample,
            "n": fitted.n,
            "clusters": G,
            "effective_clusters": float(own.effective_clusters),
            "balanced": fitted.balanced,
            "estimate": b,
        }
        for kind in V:
            p = float(2 * t_sf(abs(b / se[kind]), df[kind]))
            row |= {f"{kind.lower()}_se": se[kind], f"{kind.lower()}_p_value": p}
        row["cv2_df"] = df["CV2"]
        for kind, (degrees, scale) in own.jackknives.items():
            t, name = abs(b / se[kind]) * np.sqrt(scale), kind.lower()
            row[f"{name}_df"] = float(degrees)
            row[f"{name}_adjusted_p_value"] = float(2 * t_sf(t, degrees))
        row["without_min"] = float(left[:, k].min())
        row["without_max"] = float(left[:, k].max())
        row["note"] = _note(fitted, term, own.alone, left[:, k])
        rows.append(row)
    return rows


@in_float64
def _covariance(
    fitted: LinearFit, kind: str, left: Float[np.ndarray, "G q"]
) -> Float[np.ndarray, "q q"]:
    """A covariance of the treatments, in units of the panel; ``left`` are the estimates
    without each cluster.

    V5 is Hansen's (2025) jackknife. With least squares it always exists: a treatment
    that the other clusters do not identify has the estimate 0 without this one. CV3 and
    CV3J are then NaN.
    """
    if kind == "CV1":
        return fitted.covariance()
    if kind == "CV2":
        x = slice(fitted.layout.exogenous, None)
        V = np.asarray(kernel.cv2(jax.device_put(fitted.cluster_fit)))[x, x]
        return V * np.outer(fitted.unit, fitted.unit)
    if kind == "V5" and np.isnan(left).any() and not fitted.layout.instruments:
        found = jackknife.left_out_estimates(fitted.products, layout=fitted.layout)
        left = np.asarray(found) * fitted.unit
    of = {"CV3": kernel.cv3, "CV3J": lambda _, k: jackknife.cv3j(k), "V5": jackknife.v5}
    return np.asarray(of[kind](*jax.device_put((fitted.coef, left))))


class _Facts(NamedTuple):
    """Cluster facts of one treatment: ``jackknives`` holds degrees and a scale,
    ``alone`` the clusters that alone identify a part of it."""

    effective_clusters: Float[Array, ""]
    degrees: Float[Array, ""]
    jackknives: dict[str, Float[Array, "2"]]
    alone: Bool[Array, " G"]


@partial(jax.jit, static_argnames="jackknives")
def _facts(
    fit: kernel.ClusterFit, contrast: Float[Array, " p"], *, jackknives: bool
) -> _Facts:
    """In one program: kernel by kernel, compiling takes twice as long."""
    spectrum = kernel.leverages(fit)
    return _Facts(
        kernel.effective_clusters(kernel.partial_leverage(fit, contrast)),
        kernel.degrees(fit, contrast, spectrum),
        {
            kind: jackknife.degrees(fit, contrast, spectrum, centred=centred)
            for kind, centred in (("CV3J", True), ("V5", False))
            if jackknives
        },
        kernel.singly_identified(spectrum, contrast),
    )


_KINDS: tuple[str, ...] = ("CV1", "CV2", "CV3", "CV3J", "V5")


def _note(fitted: LinearFit, term: str, alone: np.ndarray, left: np.ndarray) -> str:
    """Note on missing numbers, and the clusters that cause it; empty for none."""

    def named(which: np.ndarray) -> str:
        names = [name for name, k in zip(fitted.labels, which, strict=True) if k]
        return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")

    notes = []
    if alone.any():
        why = "no CV2: {names} alone identifies a part of {term}"
        notes.append(Phrase(why, names=named(alone), term=term))
    if (without := np.isnan(left)).any():
        why = "no CV3: {term} is not identified without {names}"
        notes.append(Phrase(why, names=named(without), term=term))
    return Phrase.listed(notes)


@in_float64
def cluster_table(fitted: LinearFit) -> pd.DataFrame:
    """A row for each cluster and treatment.

    Columns model, term, cluster, rows, leverage (its share of the parameters; they sum
    to 1), partial_leverage (its share of the variation that identifies the treatment)
    and estimate_without.
    """
    fit = jax.device_put(fitted.cluster_fit)
    leverage = np.asarray(kernel.leverage(fit))
    left = fitted.left_out()
    tables = []
    for k, term in enumerate(fitted.model.treatments):
        share = kernel.partial_leverage(fit, _contrast(fitted, k))
        table = {
            "model": fitted.model.name,
            "term": term,
            "cluster": fitted.labels,
            "rows": np.asarray(fitted.products.rows).astype(int),
            "leverage": leverage / leverage.sum(),
            "partial_leverage": np.asarray(share),
            "estimate_without": left[:, k],
        }
        tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)


def _contrast(fitted: LinearFit, k: int) -> jax.Array:
    each = np.eye(fitted.layout.regressors)
    return jax.device_put(each[fitted.layout.exogenous + k])


# ------------------------------------------------------------- the level of clustering


@dataclass(frozen=True, eq=False, repr=False)
class ClusteringLevel(Printable):
    """A score-variance test of fine against coarse clusters; it prints as a table.

    Attributes
    ----------
    model
        The model.
    fine, coarse
        Names of the levels; an empty ``fine`` means rows.
    fine_clusters, coarse_clusters
        Number of fine and of coarse clusters.
    tests
        A row for each treatment: term, theta (coarse less fine variance of the score),
        tau, p_one_sided (of correlation that is positive), p_two_sided, both from
        N(0, 1); p_one_sided_wild, p_two_sided_wild, from the draws, with their
        Monte-Carlo errors mc_error_one_sided, mc_error_two_sided.
    draws
        Number of draws.
    """

    model: Model
    fine: str
    coarse: str
    fine_clusters: int
    coarse_clusters: int
    tests: pd.DataFrame
    draws: int

    def _listings(self) -> Sequence[Listing]:
        rows = [
            (
                str(row["term"]),
                number_text(row["tau"]),
                *(p_text(row[f"p_{k}_sided"]) for k in ("one", "two")),
                *(p_text(row[f"p_{k}_sided_wild"], self.draws) for k in ("one", "two")),
            )
            for row in self.tests.to_dict("records")
        ]
        columns = ("", "tau", "p, one-sided", "p, two-sided", "p, wild", "two-sided")
        title = (
            f"{self.model.name}: are {self.fine or 'rows'} ({self.fine_clusters}) too "
            f"fine a level, {self.coarse} ({self.coarse_clusters}) the right one?"
        )
        notes = [
            self.model.equation,
            f"wild cluster bootstrap of {self.fine or 'rows'}, unrestricted, "
            f"{self.draws:,} draws",
        ]
        return [Listing(title, columns, rows, notes)]


@in_float64
def clustering_level(
    panel: pd.DataFrame,
    model: Model,
    *,
    coarse: str,
    fine: str = "",
    type: str = "11",
    draws: int = 9_999,
    seed: int = 0,
) -> ClusteringLevel:
    """``Inference.clustering_level`` of a model and its panel."""
    require_columns(panel, ())
    require_kind("model", model, Model, "a tx.Model")
    column_name("coarse", coarse)
    require_kind("fine", fine, str, "the name of a column")
    require_choice("type", type, ("11", "31"))
    require_whole("draws", draws, 1)
    require_whole("seed", seed, 0)
    if model.instruments:
        raise TivaxError(f"model {model.name}: the score-variance test takes no 2SLS")
    fine = fine or model.clusters
    if fine == "rows":
        fine, panel = "", panel.assign(**{_ROWS: np.arange(len(panel))})
    require_columns(panel, [coarse, fine or _ROWS])
    # Rows without a coarse cluster are in none.
    panel = with_lags(panel, [model]).dropna(subset=[coarse]).reset_index(drop=True)
    fitted = LinearFit.to_draw(panel, replace(model, clusters=fine or _ROWS))
    number, G = _coarse_numbers(fitted, panel, coarse, fine)
    H, N = len(fitted.labels), fitted.n
    k = fitted.layout.regressors + fitted.effects.absorbed
    factors = [np.asarray(cluster_factor(n, N, k)) for n in (H, G)]
    factors, fit = jax.device_put((factors, fitted.cluster_fit))
    p = fitted.layout.regressors
    T = fit.scores
    if type == "31":
        T = _jackknifed(fit, fitted.products.S, p)
    tests = []
    for j, term in enumerate(model.treatments):
        s, loadings = _treatment_scores(fit, _contrast(fitted, j), T)
        theta, own = (float(x) for x in _tau(s, number, *factors, clusters=G))
        blocks = range(-(-draws // random_draws.draws_of_block(H)))
        keys = (random_draws.block_key(seed, block) for block in blocks)
        drawn = [_drawn_tau(loadings, k, number, *factors, clusters=G) for k in keys]
        star = np.concatenate([np.asarray(x) for x in drawn])[:draws]
        unit = float(fitted.size[-1] * fitted.size[fitted.layout.exogenous + j])
        one, two = (star >= own).mean(), (np.abs(star) >= abs(own)).mean()
        tests.append(
            {
                "term": term,
                "theta": theta * unit**2,
                "tau": own,
                "p_one_sided": normal_sf(own),
                "p_two_sided": 2 * normal_sf(abs(own)),
                "p_one_sided_wild": one,
                "p_two_sided_wild": two,
                "mc_error_one_sided": np.sqrt(one * (1 - one) / draws),
                "mc_error_two_sided": np.sqrt(two * (1 - two) / draws),
            }
        )
    return ClusteringLevel(model, fine, coarse, H, G, pd.DataFrame(tests), draws)


_ROWS = "row of the panel"
# Of the module, so that panels of one shape share what is compiled.
_treatment_scores = jax.jit(score_variance.treatment_scores)


@partial(jax.jit, static_argnames="p")
def _jackknifed(fit: kernel.ClusterFit, S: Array, p: int) -> Float[Array, "H p"]:
    return score_variance.jackknifed_scores(fit, S[:, :p, -1])


@partial(jax.jit, static_argnames="clusters")
def _tau(
    s: Float[Array, " H"], number: Array, *factors: Array, clusters: int
) -> tuple[Array, Array]:
    """theta and tau of the sample."""
    theta, tau = score_variance.tau(s[:, None], number, *factors, clusters=clusters)
    return theta[0], tau[0]


@partial(jax.jit, static_argnames="clusters")
def _drawn_tau(
    loadings: LowRankUpdate, key: Array, number: Array, *factors: Array, clusters: int
) -> Float[Array, " B"]:
    """tau of a block of draws."""
    H = len(loadings.own)
    size = random_draws.draws_of_block(H)
    s = loadings.drawn(random_draws.rademacher(key, H, draws=size))
    return score_variance.tau(s, number, *factors, clusters=clusters)[1]


def _coarse_numbers(
    fitted: LinearFit, panel: pd.DataFrame, coarse: str, fine: str
) -> tuple[jax.Array, int]:
    """The coarse cluster of each fine one."""
    labels = fitted.source[coarse].astype(str).to_numpy()
    names, code = np.unique(labels, return_inverse=True)
    number = np.full(len(fitted.labels), -1)
    number[fitted.cluster] = code
    if (cut := number[fitted.cluster] != code).any():
        name = fitted.labels[int(fitted.cluster[cut][0])]
        raise TivaxError(Phrase(_TWICE, fine=fine, name=name, coarse=coarse))
    if len(names) in (1, len(fitted.labels)):
        raise TivaxError(
            f"coarse = {show(coarse)}: {len(names)} clusters for {len(fitted.labels)} "
            f"of {fine or 'rows'}; it takes two or more, and fewer than the fine ones"
        )
    return jax.device_put(number), len(names)
