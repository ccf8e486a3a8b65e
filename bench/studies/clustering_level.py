"""Does WCU-S beat WCU-C in score-variance tests of the level of clustering?

MacKinnon (2026, section 5.1) conjectures it: the bootstrap of the test resamples the
scores of each fine cluster, those of the fit (WCU-C, type 11) or with residuals by a
fit to the other clusters (WCU-S, type 31). Here both answer the same panels with the
same signs, of many designs, where the fine level is right and where it is not.

    H, G    fine clusters, and coarse ones that hold them whole
    T       rows of a fine cluster, not all of them seen
    x, C    treatment and controls: shares of their variance are those of the coarse
            cluster and of the fine one, the rest is of the row
    u       errors: of the fine cluster and of the row; under the alternative a share is
            of the coarse cluster's

Parts of a cluster are AR(1) over its rows; with persistence 1 they are constant. With
``two_way`` there are effects of fine clusters and of years, as in a panel of countries
in regions; else a constant.

    python -m tivax.bench.studies.clustering_level --out study --panels 10000

keeps the panels of each design in a file of ``study`` and goes on where it was stopped;
the table is ``study/clustering_level.csv``.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float, Int, Key
from scipy import stats

from ...engine.core import in_float64
from ...kernels import clusters, random_draws, score_variance
from ...kernels.clusters import ClusterCrossProducts, Layout, cluster_factor
from ...kernels.panels.simulated import ar1

LEVEL, DRAWS = 0.05, 999
_BLOCK = 250  # panels of a call
# By outcome (null, alternative): tau, then draws at least as large as it, one-sided and
# two-sided, of WCU-C and of WCU-S.
COLUMNS = ("tau", "C one", "C two", "S one", "S two")


@dataclass(frozen=True)
class LevelDesign:
    """One kind of nested panel.

    Attributes
    ----------
    coarse, fine, rows, controls
        G, H, T and the number of controls.
    two_way
        Effects of fine clusters and of years.
    persistence
        Persistence of the clusters' parts, over rows.
    x_coarse, x_fine, c_coarse, c_fine
        Shares of the variance of the treatment, and of the controls.
    u_fine, u_coarse
        Share in the errors; share of the coarse clusters under the alternative.
    unequal_coarse
        Coarse cluster g holds a share of exp(unequal_coarse g / G) of the fine ones.
    shortest
        Rows of the smallest fine cluster; the largest has all.
    tails, x_tails
        Standard deviation of the log of a scale drawn for each row, of u and of x.
    by_x
        The errors are multiplied by exp(by_x times x).
    spread
        Standard deviation of the log size of a fine cluster's errors.
    treated
        Coarse clusters (the first) with a 0/1 treatment, with ``two_way`` from half
        way on; 0: it is continuous.
    """

    name: str
    coarse: int
    fine: int
    rows: int
    controls: int = 3
    two_way: bool = False
    persistence: float = 1.0
    x_coarse: float = 0.3
    x_fine: float = 0.3
    c_coarse: float = 0.3
    c_fine: float = 0.3
    u_fine: float = 0.3
    u_coarse: float = 0.2
    unequal_coarse: float = 0.0
    shortest: int | None = None
    tails: float = 0.0
    x_tails: float = 0.0
    by_x: float = 0.0
    spread: float = 0.0
    treated: int = 0

    @property
    def membership(self) -> Int[np.ndarray, " H"]:
        """The coarse cluster of each fine one: two at least, the rest by shares."""
        G = self.coarse
        share = np.exp(self.unequal_coarse * np.arange(1, G + 1) / G)
        left = self.fine - 2 * G
        ends = np.round(left * np.cumsum(share) / share.sum()).astype(int)
        return np.repeat(np.arange(G), 2 + np.diff(ends, prepend=0))

    @property
    def seen(self) -> Float[np.ndarray, "H T"]:
        """Rows that a fine cluster has; sizes are in no order."""
        shortest = self.rows if self.shortest is None else self.shortest
        size = np.round(np.linspace(shortest, self.rows, self.fine))
        size = np.random.default_rng(0).permutation(size)
        return (np.arange(self.rows)[None, :] < size[:, None]).astype(float)

    @property
    def arrays(self) -> "LevelArrays":
        numbers = (np.float64(getattr(self, k)) for k in LevelArrays._fields[2:])
        return LevelArrays(self.seen, self.membership, *numbers)


class LevelArrays(NamedTuple):
    """A design as arrays; see ``LevelDesign``."""

    seen: Any
    membership: Any
    persistence: Any
    x_coarse: Any
    x_fine: Any
    c_coarse: Any
    c_fine: Any
    u_fine: Any
    u_coarse: Any
    tails: Any
    x_tails: Any
    by_x: Any
    spread: Any
    treated: Any


# ------------------------------------------------------------------------ one panel


def nested_panel(
    key: Key[Array, ""],
    design: LevelArrays,
    *,
    coarse: int,
    controls: int,
    two_way: bool,
) -> Float[Array, "H T m"]:
    """[C, x, u under the null, u under the alternative], unseen cells among them."""
    H, T = design.seen.shape
    of_parts, of_rows, of_size = jax.random.split(key, 3)
    # Treatment and controls, then errors: of coarse clusters and of fine ones.
    each = ar1(of_parts, design.persistence, (controls + 2, coarse + H, T))
    shared, own = each[:, :coarse][:, design.membership], each[:, coarse:]
    rows = jax.random.normal(of_rows, (2, controls + 2, H, T))
    noise, log_scale = rows[0], rows[1]

    def heavy(of: Array, log_sd: Array) -> Array:
        # A row's scale, of mean square 1.
        return jnp.exp(log_sd * of - log_sd**2)

    of_x = jnp.stack([design.x_coarse, design.x_fine])
    of_c = jnp.stack([design.c_coarse, design.c_fine])
    shares = jnp.concatenate(
        [jnp.broadcast_to(of_c, (controls, 2)), of_x[None]], axis=0
    )
    rest = jnp.maximum(1 - shares.sum(axis=1), 0)
    of_coarse, of_fine, of_row = jnp.sqrt(jnp.stack([*shares.T, rest]))[
        :, :, None, None
    ]
    X = of_coarse * shared[:-1] + of_fine * own[:-1] + of_row * noise[:-1]
    X = X * heavy(log_scale[:-1], design.x_tails)
    first = design.membership.astype(X.dtype) < design.treated
    treated = jnp.broadcast_to(first[:, None], (H, T))
    if two_way:
        treated = treated & (jnp.arange(T) >= T // 2)[None, :]
    x = jnp.where(design.treated > 0, treated.astype(X.dtype), X[-1])

    size = jnp.exp(design.spread * jax.random.normal(of_size, (H,)))[:, None]
    size = size * jnp.exp(design.by_x * x) * heavy(log_scale[-1], design.tails)
    null = jnp.sqrt(design.u_fine) * own[-1] + jnp.sqrt(1 - design.u_fine) * noise[-1]
    other = jnp.sqrt(design.u_coarse) * shared[-1]
    other = other + jnp.sqrt(1 - design.u_coarse) * null
    return jnp.stack([*X[:-1], x, size * null, size * other], axis=-1)


def products_of(
    M: Float[Array, "H T m"], seen: Float[Array, "H T"], *, two_way: bool
) -> tuple[ClusterCrossProducts, Layout]:
    """Cross products of the fine clusters; every effect is counted in K."""
    H, T, m = M.shape
    if two_way:
        products, layout = clusters.two_way_products(M, seen, dummies=T - 1, outcomes=2)
        return products._replace(
            n_parameters=jnp.asarray(layout.regressors + H, M.dtype)
        ), layout
    M = jnp.concatenate([jnp.ones((H, T, 1), M.dtype), M], axis=2) * seen[:, :, None]
    layout = Layout(1, m - 3, 1)
    S = jnp.einsum("hti,htj->hij", M, M)
    K = jnp.asarray(layout.regressors, M.dtype)
    return ClusterCrossProducts(S, seen.sum(axis=1), K), layout


def test_panel(
    key: Key[Array, ""],
    design: LevelArrays,
    *,
    coarse: int,
    controls: int,
    two_way: bool,
    draws: int = DRAWS,
    draws_dtype: Any = jnp.float32,
) -> Float[Array, "2 5"]:
    """``COLUMNS`` of one panel, by outcome. Draws are made in ``draws_dtype``."""
    of_panel, of_signs = jax.random.split(key)
    M = nested_panel(
        of_panel, design, coarse=coarse, controls=controls, two_way=two_way
    )
    products, layout = products_of(M, design.seen, two_way=two_way)
    H, N = len(products.rows), products.rows.sum()
    m_f, m_c = (cluster_factor(n, N, products.n_parameters) for n in (H, coarse))
    R = jnp.zeros(layout.regressors).at[-1].set(1)
    statistic = partial(score_variance.tau, clusters=coarse)
    v = random_draws.rademacher(of_signs, H, draws=draws).astype(draws_dtype)

    def of_outcome(outcome: Array) -> tuple[Array, ...]:
        fit = clusters.fit(products, jnp.ones(H), layout=layout, outcome=outcome)
        b = jnp.take(products.S[:, : layout.regressors], outcome, axis=2)
        T = jnp.stack([fit.scores, score_variance.jackknifed_scores(fit, b)])
        s, loadings = jax.vmap(partial(score_variance.treatment_scores, fit, R))(T)
        own = statistic(s[:1].T, design.membership, m_f, m_c)[1][0]
        return own, loadings.own, loadings.P[0], T

    p = layout.regressors
    own, factor, P, T = jax.vmap(of_outcome)(jnp.array([p, p + 1]))
    # Four sets of draws side by side, in one product: P is of the regressors alone.
    small, few = jnp.asarray(P[0], draws_dtype), 4 * draws
    T, factor = (jnp.asarray(k.reshape(4, H, -1), draws_dtype) for k in (T, factor))
    inner = (T.transpose(2, 0, 1).reshape(4 * p, H) @ v).reshape(p, few)
    star = factor.transpose(1, 0, 2) * v[:, None, :]
    star = star.reshape(H, few) - small @ inner
    scale = (m.astype(draws_dtype) for m in (m_f, m_c))
    star = statistic(star, design.membership, *scale)[1].reshape(2, 2, draws)
    reach = own.astype(draws_dtype)[:, None, None]
    one = (star >= reach).sum(axis=2)
    two = (jnp.abs(star) >= jnp.abs(reach)).sum(axis=2)
    counts = jnp.stack([one, two], axis=2).reshape(2, 4)
    return jnp.concatenate([own[:, None], counts.astype(own.dtype)], axis=1)


@lru_cache
def _block(coarse: int, controls: int, two_way: bool) -> Callable[..., Array]:
    one = partial(test_panel, coarse=coarse, controls=controls, two_way=two_way)

    @jax.jit
    def block(design: LevelArrays, seed: Array, number: Array) -> Array:
        key = random_draws.block_key(seed, number)
        return jax.lax.map(lambda k: one(k, design), jax.random.split(key, _BLOCK))

    return block


# ------------------------------------------------------------------------ the designs


def designs() -> tuple[LevelDesign, ...]:
    """Three families, each with what is hard for the test."""
    found: list[LevelDesign] = []

    def family(base: LevelDesign, variants: dict[str, dict[str, Any]]) -> None:
        found.append(base)
        for name, changes in variants.items():
            found.append(replace(base, name=f"{base.name}, {name}", **changes))

    unequal = {"unequal_coarse": 2.0}
    hard = {"tails": 0.5, "by_x": 0.3, "x_tails": 0.5, **unequal}
    for G, H, share in ((4, 16, 0.5), (8, 32, 0.3), (16, 64, 0.2)):
        base = LevelDesign(f"rows in {H} of {G}", G, H, 10, u_coarse=share)
        family(
            base,
            {
                "unequal coarse": unequal,
                "unequal fine and coarse": {"shortest": 1, **unequal},
                "x coarse": {"x_coarse": 1.0, "x_fine": 0.0},
                "x coarse and fine": {"x_coarse": 0.5, "x_fine": 0.5},
                f"{G // 4} treated": {"treated": G // 4},
                "heavy tails": {"tails": 0.5},
                "variance by x": {"by_x": 0.5},
                "unequal errors": {"spread": 1.0},
                "correlated within fine": {"u_fine": 0.8},
                "x heavy tails": {"x_tails": 0.75},
                "10 controls": {"controls": 10},
                "all at once": {"shortest": 1, **hard},
            },
        )
    for G, H in ((5, 19), (8, 41)):
        base = LevelDesign(
            f"panel, {H} of {G}",
            G,
            H,
            10,
            controls=4,
            two_way=True,
            persistence=0.6,
            x_fine=0.7,
            c_fine=0.7,
            u_fine=1.0,
            u_coarse=0.4,
        )
        family(
            base,
            {
                "unequal coarse": unequal,
                "4 to 10 years": {"shortest": 4},
                "x coarse": {"x_coarse": 0.8, "x_fine": 0.2},
                "2 adopt": {"treated": 2},
                "heavy tails": {"tails": 0.5},
                "variance by x": {"by_x": 0.5},
                "unequal errors": {"spread": 1.0},
                "x heavy tails": {"x_tails": 0.75},
                "all at once": {"shortest": 4, **hard},
            },
        )
    # Fine clusters of one row: is there any clustering?
    base = LevelDesign(
        "120 single rows of 12",
        12,
        120,
        1,
        x_fine=0.0,
        c_fine=0.0,
        u_fine=0.0,
        u_coarse=0.1,
    )
    family(
        base,
        {
            "unequal coarse": unequal,
            "x coarse": {"x_coarse": 1.0},
            "3 treated": {"treated": 3},
            "heavy tails": {"tails": 0.5},
            "variance by x": {"by_x": 0.5},
            "x heavy tails": {"x_tails": 0.75},
            "all at once": hard,
        },
    )
    return tuple(found)


# -------------------------------------------------------------------------- the study


@in_float64
def run(
    design: LevelDesign, panels: int, seed: int, file: Path | None = None
) -> Float[np.ndarray, "n 2 5"]:
    """The panels of a design; those that ``file`` has are not made again."""
    kept = np.zeros((0, 2, len(COLUMNS)))
    if file is not None and file.exists():
        kept = np.load(file)
    if len(kept) >= panels:
        return kept[:panels]
    done = len(kept) - len(kept) % _BLOCK
    parts = [kept[:done]]
    block = _block(design.coarse, design.controls, design.two_way)
    arrays = jax.tree.map(jnp.asarray, design.arrays)
    for number in range(done // _BLOCK, -(-panels // _BLOCK)):
        parts.append(np.asarray(block(arrays, jnp.int64(seed), jnp.int64(number))))
    values = np.concatenate(parts)[:panels]
    if np.isnan(values).any():
        raise ValueError(f"{design.name}: a panel has no test")
    if file is not None:
        aside = file.with_suffix(".part.npy")
        np.save(aside, values)
        aside.replace(file)
    return values


def rates(design: LevelDesign, values: Float[np.ndarray, "n 2 5"]) -> dict[str, Any]:
    """Share rejected at 5 %: ``size`` under the null, ``power`` and ``adjusted`` power
    under the alternative, of N(0, 1), WCU-C and WCU-S; ``gap`` is the error in size of
    S less that of C, with the Monte-Carlo error of pairs, and ``gain`` the same of
    adjusted power."""
    found: dict[str, Any] = {**asdict(design), "panels": len(values)}
    for side in ("one", "two"):
        tau = values[:, :, 0]
        p = {
            "N": stats.norm.sf(tau) if side == "one" else 2 * stats.norm.sf(abs(tau)),
            "C": values[:, :, COLUMNS.index(f"C {side}")] / DRAWS,
            "S": values[:, :, COLUMNS.index(f"S {side}")] / DRAWS,
        }
        adjusted = {}
        for method, each in p.items():
            rejected = each <= LEVEL
            adjusted[method] = _size_adjusted(each[:, 0], each[:, 1])
            found[f"size_{method}_{side}"] = rejected[:, 0].mean()
            found[f"power_{method}_{side}"] = rejected[:, 1].mean()
            found[f"adjusted_{method}_{side}"] = adjusted[method].mean()
        size = {k: found[f"size_{k}_{side}"] for k in p}
        found[f"gap_{side}"] = abs(size["S"] - LEVEL) - abs(size["C"] - LEVEL)
        apart = 1.0 * (p["S"][:, 0] <= LEVEL) - (p["C"][:, 0] <= LEVEL)
        found[f"apart_{side}"] = apart.mean()
        found[f"apart_{side}_error"] = apart.std(ddof=1) / np.sqrt(len(apart))
        gain = adjusted["S"] - adjusted["C"]
        found[f"gain_{side}"] = gain.mean()
        found[f"gain_{side}_error"] = gain.std(ddof=1) / np.sqrt(len(gain))
    return found


def _size_adjusted(
    null: Float[np.ndarray, " n"], other: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Rejections of the alternative at the p-value that 5 % of the null's are below;
    panels at that value itself count by the share of ties that makes it 5 %."""
    cut = np.quantile(null, LEVEL, method="inverted_cdf")
    below, at = (null < cut).mean(), (null == cut).mean()
    share = (LEVEL - below) / at if at else 0.0
    return 1.0 * (other < cut) + share * (other == cut)


def main() -> None:
    """Make what is missing, design by design, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--panels", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, design in enumerate(designs()):
        file = given.out / f"{number:02d}.npy"
        values = run(design, given.panels, given.seed + number, file)
        rows.append(rates(design, values))
        print(
            f"{design.name}: {rows[-1]['size_C_one']:.4f} {rows[-1]['size_S_one']:.4f}"
        )
        pd.DataFrame(rows).to_csv(given.out / "clustering_level.csv", index=False)


if __name__ == "__main__":
    main()
