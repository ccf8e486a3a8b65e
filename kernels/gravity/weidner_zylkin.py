"""Bias and errors of three-way gravity in short panels (Weidner and Zylkin 2021).

Bias and consistency in three-way gravity models, J. of International Economics 132,
equations 10 to 16 as the authors' ppml_fe_bias 1.1 computes them. Years of a pair are a
vector; I, J count exporters and importers, N pairs:

    x       regressors net of effects                                        [T x K]
    e       y - mu                                                           [T]
    H       diag(mu) - mu mu'/sum mu: minus the second derivative of the multinomial
            likelihood of a pair; diag(mu) without effects of pairs          [T x T]
    W       mean of x'diag(mu)x over pairs                                   [K x K]

Scores have leverage: S = (I - H (x W^-1 x'/N + d V d'))^-1 e e', V the inverse
information of the effects of exporter-years and importer-years.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .effects import Pairs, reciprocal
from .poisson import PoissonFit

# Eigenvalues of a positive matrix below this share of the largest are rounding.
SINGULAR = 1e-12
# A pivot below this share of its diagonal is 0 but for rounding.
PIVOT = 1e-10


class ShortPanel(NamedTuple):
    """The bias of the slopes, and their covariance with scores of full leverage."""

    bias: Float[Array, " k"]
    covariance: Float[Array, "k k"]


def _pseudo_inverse(M: Float[Array, "*b n n"]) -> Float[Array, "*b n n"]:
    values, vectors = jnp.linalg.eigh(M)
    kept = jnp.abs(values) > SINGULAR * jnp.abs(values).max(-1, keepdims=True)
    inverse = jnp.where(kept, 1 / jnp.where(kept, values, 1), 0)
    return (vectors * inverse[..., None, :]) @ jnp.swapaxes(vectors, -1, -2)


def _inverse(M: Float[Array, "n n"], null: Float[Array, "n r"]) -> Float[Array, "n n"]:
    """The pseudo-inverse plus a matrix of ``null``, whose columns M takes to 0.

    By Cholesky's factor, ten times as fast as eigenvectors, which serve where M takes
    more to 0: countries in groups that do not trade with each other.
    """
    own = jnp.diag(M)
    null = jnp.where((own > 0)[:, None], null, 0) * jnp.sqrt(own.mean())
    filled = M + null @ null.T + jnp.diag(jnp.where(own > 0, 0, 1))
    root = jnp.linalg.cholesky(filled)
    whole = (jnp.diag(root) ** 2 > PIVOT * jnp.diag(filled)).all()

    def by_root() -> Array:
        return jax.scipy.linalg.cho_solve((root, True), jnp.eye(len(M), dtype=M.dtype))

    return jax.lax.cond(whole, by_root, lambda: _pseudo_inverse(M))


@partial(jax.jit, static_argnames=("pairs",))
def short_panel(fit: PoissonFit, *, pairs: Pairs) -> ShortPanel:
    """Bias (three-way, directed; 0 without pairs) and adjusted covariance by pair."""
    mu = jnp.transpose(fit.expected, (1, 2, 0))
    x = jnp.transpose(fit.net, (2, 3, 1, 0))
    e = jnp.transpose(fit.flow - fit.expected, (1, 2, 0))
    here = (mu > 0).any(2)
    counts = here.sum(), here.any(1).sum(), here.any(0).sum()
    n, sells, buys = (k.astype(mu.dtype) for k in counts)
    W = jnp.einsum("ijtk,ijt,ijtl->kl", x, mu, x) / n
    inverse = jnp.linalg.inv(W)
    eye = jnp.eye(mu.shape[2], dtype=mu.dtype)
    H = mu[..., None] * eye[None, None]
    if pairs != "none":
        total = reciprocal(mu.sum(2))[..., None, None]
        H = H - mu[..., :, None] * mu[..., None, :] * total
    leverage = jnp.einsum("ijtk,kl,ijsl->ijts", x, inverse / n, x)
    leverage += _of_effects(H, pairs)
    square = e[..., :, None] * e[..., None, :]
    adjusted = jnp.linalg.solve(eye[None, None] - H @ leverage, square)
    meat = jnp.einsum("ijtk,ijts,ijsl->kl", x, adjusted, x) / n
    V = inverse @ meat @ inverse / (n - 1)
    bias = jnp.zeros(len(inverse), mu.dtype)
    if pairs != "none":
        G = -jnp.einsum("ijtk,ijts->kijts", x, H)
        G = G + jnp.swapaxes(G, -1, -2)
        crossed = jnp.einsum("ijs,ijtk->kijst", e, jnp.einsum("ijts,ijsk->ijtk", H, x))
        bias = inverse @ (
            _one_side(H, crossed, G, square, 1, sells) * buys / (sells - 1) * sells
            + _one_side(H, crossed, G, square, 0, buys) * sells / (buys - 1) * buys
        )
        bias = bias / n
    return ShortPanel(bias, (V + V.T) / 2)


def _one_side(
    H: Array, crossed: Array, G: Array, square: Array, over: int, count: Array
) -> Float[Array, " k"]:
    """The bias that effects of one side make: sums over the other side's countries."""
    P = _pseudo_inverse(H.sum(over))
    h, g, s = crossed.sum(over + 1), G.sum(over + 1), square.sum(over)
    first = jnp.einsum("kast,ats->k", h, P)
    second = jnp.einsum("atu,kauv,avw,awt->k", P, g, P, s)
    return (second / 2 - first) / count


def _of_effects(H: Float[Array, "i j t t"], pairs: Pairs) -> Float[Array, "i j t t"]:
    """d V d' of each pair: V the inverse information of exporter- and importer-years.

    The information has the sums of H by exporter and by importer as diagonal blocks.
    """
    n, m, T, _ = H.shape
    top, bottom = _block_diagonal(H.sum(1)), _block_diagonal(H.sum(0))
    across = jnp.transpose(H, (0, 2, 1, 3)).reshape(n * T, m * T)
    M, eye = jnp.block([[top, across], [across.T, bottom]]), jnp.eye(T, dtype=H.dtype)
    # Of a year, what moves from exporters to importers; of a side, all its years.
    moved = jnp.concatenate([jnp.tile(eye, (n, 1)), -jnp.tile(eye, (m, 1))])
    always = jnp.kron(jnp.eye(n + m, dtype=H.dtype), jnp.ones((T, 1), H.dtype))
    V = _inverse(M, moved if pairs == "none" else jnp.hstack([moved, always]))
    own = jnp.einsum("itis->its", V[: n * T, : n * T].reshape(n, T, n, T))
    other = jnp.einsum("jtjs->jts", V[n * T :, n * T :].reshape(m, T, m, T))
    mixed = jnp.transpose(V[: n * T, n * T :].reshape(n, T, m, T), (0, 2, 1, 3))
    return own[:, None] + other[None] + mixed + jnp.swapaxes(mixed, -1, -2)


def _block_diagonal(blocks: Float[Array, "n t t"]) -> Float[Array, "nt nt"]:
    n, t, _ = blocks.shape
    eye = jnp.eye(n, dtype=blocks.dtype)
    return jnp.einsum("its,ik->itks", blocks, eye).reshape(n * t, n * t)
