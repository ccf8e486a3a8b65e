"""Cluster diagnostics: how many clusters matter, and how much each one does.

Few clusters, or a few that carry the estimate, are where cluster-robust t-tests reject
too often (MacKinnon, Nielsen and Webb 2023b). Shown here: the effective number of
clusters, leverage, and what each cluster does to the estimate.
"""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy import stats

from ...kernels import clusters as kernel
from ..core import in_float64
from .fitted_models import FittedModel


def model_table(fitted_models: Iterable[FittedModel]) -> pd.DataFrame:
    """A row for each treatment of each model: its covariances and the clusters.

    Columns model, term, outcome, sample, n, clusters, effective_clusters, balanced,
    estimate; se, p of CV1, CV3, CV3J and V5 with t(G-1), of CV2 with Bell and
    McCaffrey's degrees of freedom (cv2_df); without_min, without_max: the range of the
    estimate when each cluster is left out in turn; note: why some are NaN. CV3, CV3J
    and the range are where a cluster cannot be left out, because the treatment is not
    identified without it; CV2 where one alone identifies a part of it (leverage 1).
    V5, Hansen's (2025) jackknife, counts the whole estimate as that cluster's: |t| is
    at most 1.
    """
    return pd.DataFrame(
        [row for fitted in fitted_models for row in _model_rows(fitted)]
    )


@in_float64
def _model_rows(fitted: FittedModel) -> list[dict[str, object]]:
    fit = jax.tree.map(jnp.asarray, fitted.fit)
    left = fitted.left_out()
    spectrum = kernel.leverages(fit)
    V = {kind: fitted.covariance(kind) for kind in _KINDS}
    G = len(fitted.labels)
    rows = []
    for k, term in enumerate(fitted.model.treatments):
        contrast = _contrast(fitted, k)
        share = kernel.partial_leverage(fit, contrast)
        b = float(fitted.coef[k])
        se = {kind: float(np.sqrt(V[kind][k, k])) for kind in V}
        df: dict[str, float] = dict.fromkeys(_KINDS, G - 1.0)
        df["CV2"] = float(kernel.degrees(fit, contrast, spectrum))
        row: dict[str, object] = {
            "model": fitted.model.name,
            "term": term,
            "outcome": fitted.model.outcome,
            "sample": fitted.model.sample,
            "n": fitted.observations,
            "clusters": G,
            "effective_clusters": float(kernel.effective_clusters(share)),
            "balanced": fitted.balanced,
            "estimate": b,
        }
        for kind in V:
            row[f"{kind.lower()}_se"] = se[kind]
            row[f"{kind.lower()}_p"] = float(
                2 * stats.t.sf(abs(b / se[kind]), df[kind])
            )
        row["cv2_df"] = df["CV2"]
        row["without_min"] = float(left[:, k].min())
        row["without_max"] = float(left[:, k].max())
        alone = np.asarray(kernel.singly_identified(spectrum, contrast))
        row["note"] = _note(fitted, term, alone, left[:, k])
        rows.append(row)
    return rows


_KINDS: tuple[str, ...] = ("CV1", "CV2", "CV3", "CV3J", "V5")


def _note(fitted: FittedModel, term: str, alone: np.ndarray, left: np.ndarray) -> str:
    """Which numbers are missing, and because of which clusters."""

    def named(which: np.ndarray) -> str:
        found = [name for name, k in zip(fitted.labels, which, strict=True) if k]
        return ", ".join(found[:3]) + (" and others" if len(found) > 3 else "")

    said = []
    if alone.any():
        said.append(f"no CV2: {named(alone)} alone identifies a part of {term}")
    if (without := np.isnan(left)).any():
        said.append(f"no CV3: {term} is not identified without {named(without)}")
    return "; ".join(said)


@in_float64
def cluster_table(fitted: FittedModel) -> pd.DataFrame:
    """A row for each cluster and treatment.

    Columns model, term, cluster, rows, leverage (its share of the parameters; they sum
    to 1), partial_leverage (its share of the variation that identifies the treatment)
    and estimate_without.
    """
    fit = jax.tree.map(jnp.asarray, fitted.fit)
    leverage = np.asarray(kernel.leverage(fit))
    left = fitted.left_out()
    tables = []
    for k, term in enumerate(fitted.model.treatments):
        share = kernel.partial_leverage(fit, _contrast(fitted, k))
        tables.append(
            pd.DataFrame(
                {
                    "model": fitted.model.name,
                    "term": term,
                    "cluster": fitted.labels,
                    "rows": np.asarray(fitted.products.rows).astype(int),
                    "leverage": leverage / leverage.sum(),
                    "partial_leverage": np.asarray(share),
                    "estimate_without": left[:, k],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _contrast(fitted: FittedModel, k: int) -> jax.Array:
    return jnp.eye(fitted.layout.regressors)[fitted.layout.exogenous + k]
