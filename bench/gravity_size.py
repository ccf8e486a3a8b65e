"""Does gravity by PPML (`tx.gravity`) reject a true null in 5 % of panels?

    y = mu omega,  mu = exp(x + a_ti + c_tj + d_ij),  x = x(t-1) / 2 + a + c + d + v

Weidner and Zylkin's design (2021, section 5): effects N(0, 1/16), v N(0, 1/2), log
omega normal with mean 1 of omega and correlation 0.3 of its neighbour year, of variance
of y mu ("mean") or mu^2 ("mean squared"). Three-way effects; every error that is
offered, at the 5 % level, t(G - 1).

    python -m tivax.bench.gravity_size --out study --panels 1000 --draws 99
"""

import argparse
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float
from scipy import stats

from ..engine.core import in_float64
from ..kernels.gravity import draws as draws_of
from ..kernels.gravity.poisson import fit_poisson
from ..kernels.gravity.weidner_zylkin import short_panel

VARIANCES = {"mean": 1.0, "mean squared": 0.0}
_BURN, _SPLITS, _SCORES = 5, 5, 999


def panel(key: Array, n: int, years: int, power: Array) -> tuple[Array, Array, Array]:
    """Flows, the regressor and the cells of a panel, whose effect is one."""
    k = jax.random.split(key, 5)
    span = years + _BURN
    a = jax.random.normal(k[0], (span, n, 1)) / 4
    c = jax.random.normal(k[1], (span, 1, n)) / 4
    d = jax.random.normal(k[2], (n, n)) / 4
    v = jax.random.normal(k[3], (span, n, n)) * jnp.sqrt(0.5)
    step = lambda x, now: (x / 2 + now, x / 2 + now)  # noqa: E731
    _, x = jax.lax.scan(step, jnp.zeros((n, n)), a + c + d + v)
    mu = jnp.exp(x + a + c + d)
    z = jax.random.normal(k[4], (span, n, n))
    again = lambda e, now: (  # noqa: E731
        (f := 0.3 * e + jnp.sqrt(1 - 0.09) * now),
        f,
    )
    _, z = jax.lax.scan(again, z[0], z)
    scale = jnp.sqrt(jnp.log1p(mu**-power))
    y = mu * jnp.exp(scale * z - scale**2 / 2)
    there = jnp.broadcast_to(1 - jnp.eye(n), (years, n, n))
    return y[_BURN:] * there, x[None, _BURN:], there


def clustered(own: Float[Array, "i j"]) -> dict[str, Array]:
    """Standard errors from the influence of directed pairs, but for G/(G-1)."""
    both, of_cells = own + own.T, (own**2).sum()
    sums = (own.sum(1) ** 2).sum(), (own.sum(0) ** 2).sum()
    return {
        "by directed pair": of_cells,
        "by pair, both directions": (both**2).sum() / 2,
        "by exporter": sums[0],
        "by exporter and importer": jnp.maximum(sum(sums) - of_cells, 0),
    }


@partial(jax.jit, static_argnames=("n", "years", "draws"))
def estimates(
    keys: Array, seeds: Array, power: Array, *, n: int, years: int, draws: int
) -> dict[str, Any]:
    """Estimates and squares of errors of panels, one by one."""

    def one(of: tuple[Array, Array]) -> dict[str, Any]:
        y, x, there = panel(of[0], n, years, power)
        fit = fit_poisson(y, x, there, pairs="directed")
        cells = (fit.net * (fit.flow - fit.expected))[0] / fit.information[0, 0]
        short = short_panel(fit, pairs="directed")
        found = {"b": fit.slopes[0], "bias": short.bias[0]}
        squares = {"robust": (cells**2).sum(), **clustered(cells.sum(0))}
        squares["adjusted"] = short.covariance[0, 0]
        # The score bootstrap, at the estimate where the effect is the true one.
        offset = jnp.exp(x[0])
        none = x[:0]
        held = fit_poisson(y / offset, none, there * offset, pairs="directed")
        net = draws_of.net_of(held.expected, x, pairs="directed")[0]
        own = (net * (held.flow - held.expected)).sum(0).ravel()
        signs = draws_of.score_sums(
            own, of[1], blocks=-(-_SCORES // draws_of.draws_of_block(n * n))
        )
        found["score p"] = (jnp.abs(signs) >= jnp.abs(own.sum())).mean()
        if draws:
            pair = jnp.where(
                jnp.eye(n) > 0, -1, jnp.cumsum(1 - jnp.eye(n)).reshape(n, n) - 1
            )
            pair = pair.astype(int)
            again = draws_of.drawn_pairs(
                y,
                x,
                there,
                pair,
                fit,
                of[1],
                jnp.asarray(0),
                pairs="directed",
                draws=draws,
            )
            squares["pairs bootstrap"] = jnp.nanvar(again[:, 0], ddof=1)
            halves = _halves(of[0], n)
            parts = draws_of.of_parts(y, x, there, fit, halves, pairs="directed")
            found["jackknife"] = 2 * fit.slopes[0] - parts.mean()
        return found | {"squares": squares}

    return jax.lax.map(one, (keys, seeds))


def _halves(key: Array, n: int) -> Array:
    """Quarters of random halves of exporters and importers."""
    one = jax.vmap(lambda k: jax.random.permutation(k, n) < n // 2)
    rows, columns = (
        one(jax.random.split(jax.random.fold_in(key, k), _SPLITS)) for k in (7, 8)
    )
    both = [
        a[:, :, None] & b[:, None] for a in (rows, ~rows) for b in (columns, ~columns)
    ]
    return jnp.concatenate(both)


@in_float64
def rates(
    variance: str, n: int, years: int, panels: int, draws: int, seed: int
) -> pd.DataFrame:
    """A row for each error: how often p is below 0.05, and its mean over the spread of
    the estimates."""
    keys = jax.random.split(jax.random.key(seed), panels)
    seeds = jnp.arange(panels) + seed * panels
    power = jnp.asarray(VARIANCES[variance])
    found = jax.tree.map(
        np.asarray, estimates(keys, seeds, power, n=n, years=years, draws=draws)
    )
    b, squares = found["b"], found["squares"]
    degrees = dict.fromkeys(squares, n * (n - 1) - 1) | {
        "robust": n * (n - 1) * years - 1,
        "by pair, both directions": n * (n - 1) // 2 - 1,
        "by exporter": n - 1,
        "by exporter and importer": n - 1,
    }
    own = {"adjusted", "pairs bootstrap"}
    rows = []

    def row(method: str, estimate: Any, name: str) -> None:
        G = degrees[name]
        factor = 1.0 if name in own else (G + 1) / G
        se = np.sqrt(squares[name] * factor)
        p = 2 * stats.t.sf(np.abs(estimate - 1) / se, G)
        rows.append((method, np.mean(p < 0.05), se.mean() / np.std(estimate, ddof=1)))

    for name in squares:
        row(name, b, name)
    row("adjusted, less the bias", b - found["bias"], "adjusted")
    if draws:
        row("adjusted, jackknife", found["jackknife"], "adjusted")
    rows.append(("score bootstrap", np.mean(found["score p"] < 0.05), np.nan))
    table = pd.DataFrame(rows, columns=["error", "size", "se_ratio"])
    about = {"variance": variance, "countries": n, "years": years, "panels": panels}
    table = table.assign(**about, bias=b.mean() - 1)
    return table.assign(mc_error=np.sqrt(0.05 * 0.95 / panels))


def main() -> None:
    """Print and write the table, a design at a time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--panels", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=99)
    parser.add_argument("--countries", type=int, nargs="+", default=[20, 40, 80])
    parser.add_argument("--years", type=int, nargs="+", default=[5, 10])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    tables: list[pd.DataFrame] = []
    for n in given.countries:
        for years in given.years:
            for variance in VARIANCES:
                begun = process_time()
                more = given.panels, given.draws, given.seed
                tables.append(rates(variance, n, years, *more))
                print(
                    tables[-1].round(3).to_string(index=False),
                    process_time() - begun,
                    flush=True,
                )
                pd.concat(tables).to_csv(given.out / "gravity_size.csv", index=False)


if __name__ == "__main__":
    main()
