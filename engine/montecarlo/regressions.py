"""Estimates of a model in every draw, and what they say together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from ...kernels import random_draws
from ...kernels.clusters import Layout
from ...kernels.errors import regressions as kernel
from ..core import Progress, in_float64
from ..estimation import Model, t_pdf, t_ppf, t_sf
from ..resampling import LEVEL
from .corrections import (
    LAMBDAS,
    ErrorMoments,
    MomentSums,
    corrected,
    corrected_error,
    simex,
    simex_error,
)
from .moved_columns import MovedColumns

# Clusters are drawn so often in each draw of the tables.
RESAMPLES = 20
# Draws of the tables whose regressions are made together.
_WINDOW = 256
_KEY = 1 << 20  # apart from the keys of tables


@dataclass(frozen=True, eq=False)
class ModelDraws:
    """One model in every draw, in units of the panel.

    ``coef`` and ``se`` (CV1) by draw and treatment, ``resampled`` by draw, draw of
    clusters and treatment.
    """

    moved: MovedColumns
    coef: Float[np.ndarray, "D q"]
    se: Float[np.ndarray, "D q"]
    resampled: Float[np.ndarray, "D r q"]
    simex: Float[np.ndarray, " q"]
    simex_se: Float[np.ndarray, " q"]
    moments: ErrorMoments

    @property
    def model(self) -> Model:
        return self.moved.fitted.model


@in_float64
def regress(
    moved: MovedColumns,
    windows: Iterator[tuple[int, Float[np.ndarray, "D t c"]]],
    base: Float[np.ndarray, "t c"],
    mean: Float[np.ndarray, "t c"],
    *,
    seed: int,
    bayesian: bool = False,
    progress: Progress,
    draws: int,
) -> ModelDraws:
    """Estimate a model in every draw of the indices, window by window."""
    fitted = moved.fitted
    panel = kernel.DrawnPanel(
        jax.device_put(fitted.rows),
        jax.device_put(fitted.cluster),
        jax.device_put(np.array(moved.places)),
        jax.device_put(np.asarray(fitted.products.rows)),
        jnp.asarray(float(fitted.products.n_parameters)),
    )
    run = _estimate(fitted.layout, bayesian)
    sums, parts, window = MomentSums(moved), [], min(_WINDOW, draws)
    for first, drawn in windows:
        count = len(drawn)
        both = [moved.errors(drawn - k[None]) for k in (base, mean)]
        sums.add(both[1])
        # All windows are of one shape, and so of one compiled program.
        rest = ((0, window - count), (0, 0), (0, 0))
        padded = [jax.device_put(np.pad(k, rest)) for k in both]
        keys = _keys(seed, first, window)
        found = run(panel, *padded, keys, jnp.asarray(LAMBDAS))
        parts.append(jax.tree.map(lambda k, n=count: np.asarray(k)[:n], found))
        progress(first + count, draws)
    together = jax.tree.map(lambda *k: np.concatenate(k), *parts)
    unit, coef, added = fitted.unit, np.asarray(fitted.coef), together.simex
    return ModelDraws(
        moved=moved,
        coef=together.coef * unit,
        se=np.sqrt(together.variance) * unit,
        resampled=together.resampled * unit,
        simex=simex(coef, added.mean(axis=0) * unit),
        simex_se=simex_error(coef, added * unit, together.simex_resampled * unit),
        moments=sums.moments(),
    )


def windows_of(draws: int) -> Iterator[slice]:
    """Draws in windows."""
    for first in range(0, draws, _WINDOW):
        yield slice(first, min(first + _WINDOW, draws))


def _keys(seed: int, first: int, count: int) -> jax.Array:
    own = jax.random.fold_in(random_draws.block_key(seed, 0), _KEY)
    return jax.vmap(lambda k: jax.random.fold_in(own, k))(first + jnp.arange(count))


@lru_cache
def _estimate(layout: Layout, bayesian: bool) -> Callable[..., kernel.DrawnEstimates]:
    run = partial(
        kernel.estimate, layout=layout, resamples=RESAMPLES, bayesian=bayesian
    )
    return jax.jit(run)


def summarise(found: ModelDraws, scheme: str) -> pd.DataFrame:
    """A row for each treatment, with the columns of summary.csv.

    ``se_sampling`` is CV1 of the tables as they are, ``se_table`` the spread of the
    estimates over draws, ``se_total`` the root of the sum of their squares (law of
    total variance, with the sampling variance of the published tables: that of draws
    is of estimates that twice the errors pull towards 0), ``se_both`` the spread with
    clusters drawn anew in every draw as well. ``se``, p and the interval are of
    ``se_total`` with t(G - 1).
    """
    fitted, model = found.moved.fitted, found.model
    D, G = len(found.coef), len(fitted.labels)
    sampling = np.sqrt(np.diag(fitted.covariance()))
    table = found.coef.std(axis=0, ddof=1) if D > 1 else np.full(len(sampling), np.nan)
    total = np.hypot(sampling, table)
    right = corrected(found.moments) * fitted.unit
    right_error = corrected_error(found.moments) * abs(fitted.unit)
    reach = t_ppf(1 - LEVEL / 2, G - 1)
    rows = []
    for k, term in enumerate(model.treatments):
        b, se = float(fitted.coef[k]), float(total[k])
        t = abs(b) / se
        # Of the spread of D draws, relative 1 / sqrt(2 (D - 1)).
        se_error = float(table[k] ** 2 / se / np.sqrt(2 * max(D - 1, 1)))
        slope = 2 * t_pdf(t, G - 1) * t / se
        both = found.resampled[:, :, k]
        both = both[np.isfinite(both)]
        rows.append(
            {
                "model": model.name,
                "table": model.tags.get("table"),
                "column": model.tags.get("column"),
                "outcome": model.outcome,
                "sample": model.sample,
                "term": term,
                "scheme": scheme,
                "draws": D,
                "estimate": b,
                "se": se,
                "p_value": float(2 * t_sf(t, G - 1)),
                "ci_low": b - reach * se,
                "ci_high": b + reach * se,
                "mc_error": float(slope * se_error),
                "draws_per_s": None,
                "se_sampling": float(sampling[k]),
                "se_table": float(table[k]),
                "se_total": se,
                "se_both": float(both.std(ddof=1)) if len(both) > 1 else np.nan,
                "reliability": float(found.moments.reliability[k]),
                "coef_corrected": float(right[k]),
                "coef_simex": float(found.simex[k]),
                "coef_corrected_se": float(right_error[k]),
                "coef_simex_se": float(found.simex_se[k]),
            }
        )
    return pd.DataFrame(rows).astype(
        dict.fromkeys(("table", "column", "draws_per_s"), "Int64")
    )
