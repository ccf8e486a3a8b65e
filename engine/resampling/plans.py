"""Resampling plans: fitted models under a scheme, compiled to make blocks of draws.

A :class:`ResamplingPlan` is arrays and a static description of the kernels to apply to
them. Models of equal shape share their compiled code.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...kernels import jackknife, placebo, resampling
from ...kernels.clusters import ClusterCrossProducts
from ...kernels.two_way import TwoWayLoadings, two_way_statistics
from ..core import Phrase, TivaxError, in_float64
from ..estimation import LinearFit
from .draw_source import DrawSource, Static, Stream, in_small_tiles, in_tiles
from .placebo import balanced_cells, placebo_arrays
from .schemes import Bayesian, Pairs, Placebo, Scheme, Type, Wild

# Of a studentised placebo: the coefficient of the treatment as it is on the moved one,
# the covariance of the two coefficients and its variance; see ``kernels.resampling``.
PLACEBO_OWN = ("own effect", "own covariance", "own variance")


# Draws worked on at a time where a draw needs a matrix of all columns, or a placebo the
# scores of all clusters: they then stay in a core's cache. A GPU has 64 blocks at work
# and starts some fifteen programs a tile.
_TILE, _TILE_GPU = 128, 1024
# Numbers of moved paths that are worked on at a time.
_MOVED = 1 << 27


_KEEP = (
    "{alone} of {clusters} {cluster} keep their own path, which costs power: no other "
    "has the same years"
)
_KEEP_WITHIN = (
    "{alone} of {clusters} {cluster} keep their own path, which costs power: no other "
    "of their {strata} has the same years"
)


@dataclass(frozen=True, eq=False)
class ResamplingPlan:
    """A fitted model under a resampling scheme.

    Attributes
    ----------
    columns
        Names of the values of a draw.
    draws
        Number of draws: all patterns where ``exact``.
    observed
        t (or the Wald F) of the sample that wild and t-type draws are compared with,
        else the coefficients; by treatment, in the units of the draws.
    unit
        Times this, a column of draws is in units of the panel.
    """

    fitted: LinearFit
    scheme: Scheme
    static: Static
    arrays: Any
    columns: tuple[str, ...]
    draws: int
    observed: Float[np.ndarray, " s"]
    unit: Float[np.ndarray, " s"]

    @property
    def exact(self) -> bool:
        return self.static.exact

    @property
    def random_draws(self) -> int | None:
        """The draws that a p-value of 0 is below one of; None where they are exact."""
        return None if self.exact else self.draws

    @property
    def label(self) -> str:
        """For the column ``scheme``: wild-wcr-webb, placebo-countries-t, ..."""
        scheme, parts = self.scheme, [self.scheme.kind]
        if isinstance(scheme, Wild):
            restricted = "wre" if self.fitted.layout.instruments else "wcr"
            kind = restricted if scheme.null else "wcu"
            parts += [kind + scheme.type.replace("11", ""), scheme.weights]
            parts += [f"two-way-{scheme.second}"] if scheme.second else []
        if isinstance(scheme, Placebo):
            parts += [scheme.method] if scheme.method != "treatment" else []
            parts.append(scheme.permute)
            parts += [f"within-{scheme.strata}"] if scheme.strata else []
        parts += ["joint"] if self.static.joint else []
        parts += ["t"] if self.static.studentised else []
        return "-".join(parts)

    @property
    def wild(self) -> Wild:
        """The scheme of wild draws."""
        assert isinstance(self.scheme, Wild), self.scheme
        return self.scheme

    @property
    def note(self) -> str:
        """Note on clusters that a placebo leaves in place; empty for none."""
        alone, cluster = self.static.sizes.count(1), self.fitted.model.clusters
        if not isinstance(self.scheme, Placebo) or not alone:
            return ""
        strata = self.scheme.strata
        given = {"alone": alone, "clusters": len(self.fitted.labels)}
        return Phrase(
            _KEEP_WITHIN if strata else _KEEP, cluster=cluster, strata=strata, **given
        )

    @property
    def blocks(self) -> int:
        return -(-self.draws // self.static.block)


@in_float64
def make_plan(fitted: LinearFit, scheme: Scheme, draws: int) -> ResamplingPlan:
    """The resampling plan of one model.

    All patterns are enumerated where there are at most ``draws`` of them.

    Raises ``TivaxError`` where a scheme does not serve the model.
    """
    layout, model = fitted.layout, fitted.model
    q = layout.treatments
    arrays: Any
    columns = list(model.treatments)
    unit = list(fitted.unit)
    observed = list(np.asarray(fitted.cluster_fit.coef)[layout.exogenous :])
    patterns, sizes, options = None, (), 0
    reweighted = isinstance(scheme, Pairs | Bayesian)
    balanced = fitted.balanced and not (reweighted and scheme.studentised)
    second, joint = "", False
    if isinstance(scheme, Pairs | Bayesian):
        if balanced:
            cells = balanced_cells(fitted)[:, :, layout.dummies :]
            arrays = {"rows": _balanced_rows(jax.device_put(cells))}
            layout = layout._replace(dummies=0)
        else:
            arrays = {
                "products": fitted.products,
                "center": fitted.cluster_fit.coef[-q:],
                "draws": np.int64(draws),
            }
        if scheme.studentised:
            columns += [f"t({k})" for k in columns]
            unit += [1.0] * q
            observed += [0.0] * q
    elif isinstance(scheme, Wild):
        arrays, observed = _wild_arrays(fitted, scheme)
        second, joint = scheme.second, scheme.joint and q > 1
        columns = ["F"] if joint else [f"t({k})" for k in columns]
        unit = [1.0] * len(columns)
        if base := {"rademacher": 2, "webb": 6}.get(scheme.weights):
            patterns = base ** len(arrays["position"])
    else:
        assert isinstance(scheme, Placebo), scheme
        arrays, sizes, patterns, options = placebo_arrays(fitted, scheme)
        columns, unit = ["coefficient", "own effect"], [float(fitted.unit[0]), 1.0]
        observed = [observed[0], 1.0]
        if scheme.studentised:
            columns = ["coefficient", "t", *PLACEBO_OWN]
            unit = [unit[0], 1.0, 1.0, unit[0], 1.0]
            t = observed[0] / float(fitted.se[0] / abs(fitted.unit[0]))
            observed = [observed[0], t, 1.0, 0.0, 0.0]
    exact = patterns is not None and patterns <= draws
    if patterns is not None and patterns == 1:
        raise TivaxError(
            f"model {model.name}: {scheme.name} has a single pattern, the data "
            "themselves; choose other strata or another scheme"
        )
    static = Static(
        kind=scheme.kind,
        # Of pairs only: wild draws and placebos of other layouts share their code.
        layout=layout if reweighted else None,
        balanced=balanced,
        clusters=len(arrays["position"]) if second else len(fitted.labels),
        all_clusters=_weight_labels(fitted, second)[0],
        **{name: getattr(scheme, name) for name in scheme.of_kernels},
        joint=joint,
        sizes=sizes,
        options=options,
        exact=exact,
    )
    return ResamplingPlan(
        fitted=fitted,
        scheme=scheme,
        static=static,
        arrays=jax.tree.map(np.asarray, arrays),
        columns=tuple(columns),
        draws=int(patterns) if exact and patterns else draws,
        observed=np.asarray(observed, float),
        unit=np.asarray(unit, float),
    )


_balanced_rows = jax.jit(resampling.balanced_rows)


def _wild_arrays(fitted: LinearFit, scheme: Wild) -> tuple[Any, list[float]]:
    """Loadings by treatment, the rows of the panel's weights, and the observed t of
    each treatment, in units of the panel, or their joint F."""
    layout, model, q = fitted.layout, fitted.model, fitted.layout.treatments
    position = _weight_labels(fitted, scheme.second)[1]
    if layout.instruments:
        said = ""
        if scheme.second:
            said = (
                f'second = "{scheme.second}" is of least squares; leave it out for '
                "two-stage least squares"
            )
        elif scheme.type != "11":
            said = (
                f'type "{scheme.type}" is of least squares; the wild bootstrap of 2SLS '
                '(WRE) has type "11" alone'
            )
        elif q > 1 or not scheme.null:
            said = (
                "the wild bootstrap of 2SLS (WRE) takes one endogenous regressor and "
                "null = true"
            )
        if said:
            raise TivaxError(f"model {model.name}: {said}")
        null = jnp.asarray(scheme.value / fitted.unit[0])
        run = resampling.instrument_loadings
        loadings = [run(fitted.products, null, layout=layout)]
    elif scheme.second:
        loadings = [
            fitted.two_way_loadings(
                k, scheme.second, scheme.value, restricted=scheme.null
            )
            for k in range(q)
        ]
    else:
        if scheme.type[1] == "3":
            # CV3 of every draw leaves out each cluster.
            without = np.isnan(fitted.left_out()).any(axis=1)
            if without.any():
                name = fitted.labels[int(np.argmax(without))]
                raise TivaxError(
                    f"model {model.name}: {', '.join(model.treatments)} is not "
                    f'identified without {name}, so that type "{scheme.type}" has no '
                    'CV3; take type "11" or "31"'
                )
        loadings = [
            wild_loadings(fitted, R, r, restricted=scheme.null, type=scheme.type)
            for R, r in _hypotheses(fitted, scheme)
        ]
    arrays = {"loadings": loadings, "position": position}
    V, gap = fitted.covariance(scheme.covariance), fitted.coef - scheme.value
    if not np.diag(V).min() > 0:  # which the two-way variance need not be
        raise TivaxError(
            f"model {model.name}: the variance with clusters of {scheme.second} too is "
            "not positive, so that there is no t; leave second out"
        )
    if scheme.joint and q > 1:
        return arrays, [float(gap @ np.linalg.solve(V, gap)) / q]
    return arrays, [float(k) for k in gap / np.sqrt(np.diag(V))]


def _weight_labels(fitted: LinearFit, second: str) -> tuple[int, np.ndarray]:
    """Number of clusters of the panel with weights, and positions of the model's."""
    if second and fitted.weighs_second(second):
        number, labels = fitted.second_clusters(second)
        return len(labels), np.unique(number)
    return len(fitted.all_labels), np.searchsorted(fitted.all_labels, fitted.labels)


def _hypotheses(fitted: LinearFit, scheme: Wild) -> list[tuple[np.ndarray, np.ndarray]]:
    """R and r of each hypothesis, in the units of ``fitted.products``."""
    p, q = fitted.layout.regressors, fitted.layout.treatments
    R, r = np.eye(p)[p - q :], scheme.value / fitted.unit
    if scheme.joint and q > 1:
        return [(R, r)]
    return [(R[k : k + 1], r[k : k + 1]) for k in range(q)]


def wild_loadings(
    fitted: LinearFit,
    R: np.ndarray | Array,
    r: np.ndarray | Array,
    *,
    restricted: bool = True,
    type: Type = "11",
) -> resampling.WildLoadings:
    """Loadings of H0 R beta = r, in the units of ``fitted.products``."""
    run = resampling.wild_loadings
    if type != "11":
        run = partial(
            jackknife.jackknife_loadings, scores=type[0] == "3", variance=type[1] == "3"
        )
    return run(
        fitted.products,
        jax.device_put(R),
        jax.device_put(r),
        layout=fitted.layout,
        restricted=restricted,
    )


def _tile() -> int:
    return _TILE if jax.default_backend() == "cpu" else _TILE_GPU


def block_of_draws(
    static: Static, arrays: Any, stream: Stream, block: Int[Array, ""] | int
) -> Float[Array, "s B"]:
    """The draws of one block: a row for each of ``ResamplingPlan.columns``."""
    source = DrawSource(static, stream, block)
    if static.kind in ("pairs", "bayesian"):
        w = source.weights()
        if static.balanced:
            assert static.layout is not None
            run = partial(resampling.reweighted_balanced, layout=static.layout)
            return in_small_tiles(run, arrays["rows"], w)
        left = arrays["draws"] - jnp.asarray(block, jnp.int64) * static.block
        return in_tiles(partial(_reweighted, static), arrays, w, left, size=_tile())
    if static.kind == "wild":
        return in_small_tiles(
            lambda each, v: jnp.stack([wild_statistics(k, v) for k in each]),
            arrays["loadings"],
            source.wild(arrays["position"]),
        )
    assignment = source.options()
    if not static.studentised:
        return placebo.placebo_estimates(arrays, assignment)
    run = placebo.placebo_t
    if static.method == "freedman-lane":
        run = placebo.freedman_lane_t
    every = jnp.asarray(static.block)
    size = _tile()
    if isinstance(getattr(arrays, "F", None), placebo.MovedPaths):
        # Powers of two, as a block is.
        most = max(_MOVED // arrays.F.own.size, 1)
        size = min(size, 1 << (most.bit_length() - 1))
    return in_tiles(run, arrays, assignment, every, size=size)


def wild_statistics(loadings: Any, v: Array) -> Array:
    """t of each draw, or the Wald F, by least squares or 2SLS."""
    if isinstance(loadings, resampling.InstrumentLoadings):
        return resampling.instrument_statistics(loadings, v)
    if isinstance(loadings, TwoWayLoadings):
        return two_way_statistics(loadings, v)
    return resampling.wild_statistics(loadings, v)


def _reweighted(static: Static, arrays: Any, w: Array) -> Array:
    assert static.layout is not None
    products: ClusterCrossProducts = arrays["products"]
    if not static.studentised:
        return resampling.reweighted(products.S, w, layout=static.layout)
    both = resampling.reweighted_t(products, w, arrays["center"], layout=static.layout)
    return jnp.concatenate(both)
