"""What a reader should know of the clusters before trusting a p-value.

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

from tivax.engine.designs import Design
from tivax.engine.precision import in_float64
from tivax.kernels import clusters as kernel


def model_table(designs: Iterable[Design]) -> pd.DataFrame:
    """A row for each treatment of each model: CV1, CV2, CV3 and the clusters.

    Columns model, term, outcome, sample, n, clusters, effective_clusters, balanced,
    estimate; se, p of CV1 and CV3 with t(G-1), of CV2 with Bell and McCaffrey's degrees
    of freedom (cv2_df); without_min, without_max: the range of the estimate when each
    cluster is left out in turn. Where one cannot be left out, because the treatment is
    not identified without it, these and CV3 are empty.
    """
    return pd.DataFrame([row for design in designs for row in _model_rows(design)])


@in_float64
def _model_rows(design: Design) -> list[dict[str, object]]:
    fit = jax.tree.map(jnp.asarray, design.fit)
    left = design.left_out()
    V = {kind: design.covariance(kind) for kind in ("CV1", "CV2", "CV3")}
    G = len(design.labels)
    rows = []
    for k, term in enumerate(design.model.treatments):
        contrast = _contrast(design, k)
        share = kernel.partial_leverage(fit, contrast)
        b = float(design.coef[k])
        se = {kind: float(np.sqrt(V[kind][k, k])) for kind in V}
        df = {"CV1": G - 1, "CV2": float(kernel.degrees(fit, contrast)), "CV3": G - 1}
        row: dict[str, object] = {
            "model": design.model.name,
            "term": term,
            "outcome": design.model.outcome,
            "sample": design.model.sample,
            "n": design.observations,
            "clusters": G,
            "effective_clusters": float(kernel.effective_clusters(share)),
            "balanced": design.balanced,
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
        rows.append(row)
    return rows


@in_float64
def cluster_table(design: Design) -> pd.DataFrame:
    """A row for each cluster and treatment.

    Columns model, term, cluster, rows, leverage (its share of the parameters; they sum
    to 1), partial_leverage (its share of the variation that identifies the treatment)
    and estimate_without.
    """
    fit = jax.tree.map(jnp.asarray, design.fit)
    leverage = np.asarray(kernel.leverage(fit))
    left = design.left_out()
    tables = []
    for k, term in enumerate(design.model.treatments):
        share = kernel.partial_leverage(fit, _contrast(design, k))
        tables.append(
            pd.DataFrame(
                {
                    "model": design.model.name,
                    "term": term,
                    "cluster": design.labels,
                    "rows": np.asarray(design.moments.rows).astype(int),
                    "leverage": leverage / leverage.sum(),
                    "partial_leverage": np.asarray(share),
                    "estimate_without": left[:, k],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _contrast(design: Design, k: int) -> jax.Array:
    return jnp.eye(design.layout.regressors)[design.layout.exogenous + k]
