"""Placebo estimates, of moved treatments or moved residuals (Freedman and Lane 1983).

Symbols as in ``kernels.clusters``; besides,

    o   options: paths that a cluster can get
    B   draws, always the last axis

Every draw adds up one table entry for each cluster: no row is used again.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class MovedPaths(NamedTuple):
    """Paths of many clusters, whose products are made in each draw: a table of every
    cluster with every path would grow with the square of the clusters.

    paths
        Paths of the treatment and, for 2SLS, of its instrument, in every year used.
    own
        Columns that multiply a path: [y_g, x_g, W_g] by year, 0 in years that the
        cluster has no row in.
    seen
        1 where the cluster has a row, else 0.
    """

    paths: Float[Array, "G T k"]
    own: Float[Array, "G T m"]
    seen: Float[Array, "G T"]
    nested: Bool[Array, ""]

    def features(self, assignment: Int[Array, "G B"]) -> Float[Array, "G f B"]:
        """F of the paths that the draws give."""
        moved = self.paths[assignment]  # (G, B, T, k)
        seen = self.seen[:, None, :, None]
        mean = (moved * seen).sum(axis=2) / seen.sum(axis=2)
        mean = jnp.where(self.nested, mean, 0)
        net = (moved - mean[:, :, None, :]) * seen
        x, z = net[..., 0], net[..., -1]
        zx = jnp.einsum("gbt,gbt->gb", z, x)[:, None]
        with_x = jnp.einsum("gtm,gbt->gmb", self.own, x)
        if self.paths.shape[2] == 1:
            return jnp.concatenate([with_x[:, :2], zx, with_x[:, 2:]], axis=1)
        with_z = jnp.einsum("gtm,gbt->gmb", self.own, z)
        parts = [with_z[:, :2], zx, with_x[:, 2:], with_z[:, 2:]]
        return jnp.concatenate(parts, axis=1)


class PlaceboTables(NamedTuple):
    """Contributions of cluster g with path o of the treatment.

    W and y stay in place; everything is net of nested effects, y also of W.

    F
        [z_o'y, z_o'x_g, z_o'x_o, W_g'x_o, W_g'z_o], where x_g is the treatment as it
        is, net of W as y is; with least squares z is x and the last part is left out.
    inverse
        (W'W)^-1.
    left, ww
        W_g'[y_g, x_g] and W_g'W_g, for standard errors.
    correction
        G/(G-1) (N-1)/(N-k).
    lengths
        Options of each cluster, where these differ: numbers are taken modulo them.
    """

    F: Float[Array, "G o f"] | MovedPaths
    inverse: Float[Array, "w w"]
    left: Float[Array, "G w 2"]
    ww: Float[Array, "G w w"]
    correction: Float[Array, ""]
    lengths: Int[Array, " G"] | None = None

    def features(self, assignment: Int[Array, "G B"]) -> Float[Array, "G f B"]:
        """The entries of F that the draws give."""
        if isinstance(self.F, MovedPaths):
            return self.F.features(assignment)
        if self.lengths is not None:
            assignment = assignment % self.lengths[:, None]
        g = jnp.arange(len(assignment))[:, None]
        return jnp.moveaxis(self.F[g, assignment], 2, 1)


def placebo_estimates(
    tables: PlaceboTables, assignment: Int[Array, "G B"]
) -> Float[Array, "2 B"]:
    """Coefficients of the reassigned treatment in each draw: on y, and on x_g.

    b = z'y / (z'x - z'W (W'W)^-1 W'x), every product a sum over clusters.
    """
    w = len(tables.inverse)
    total = tables.features(assignment).sum(axis=0)
    hx = tables.inverse @ total[3 : 3 + w]
    variation = total[2] - (total[-w:] * hx).sum(axis=0) if w else total[2]
    return total[:2] / variation[None, :]


def placebo_t(
    tables: PlaceboTables, assignment: Int[Array, "G B"]
) -> Float[Array, "5 B"]:
    """Randomisation-t: the statistics of each draw, see ``of_scores``.

    With hx = (W'W)^-1 W'x and hz alike the score of cluster g is z'y - hz'W'y
    - b (z'x - hz'W'x - hx'W'z + hz'W'W hx), each product over its own rows.
    """
    G, w, _ = tables.left.shape
    # Made once, not again for everything that is made of them.
    each = jax.lax.optimization_barrier(tables.features(assignment))
    on, zx, xW, zW = each[:, :2], each[:, 2], each[:, 3 : 3 + w], each[:, -w:]
    if not w:
        xW = zW = each[:, :0]
    hx, hz = tables.inverse @ xW.sum(axis=0), tables.inverse @ zW.sum(axis=0)
    variation = zx.sum(axis=0) - (zW.sum(axis=0) * hx).sum(axis=0)
    b = on.sum(axis=0) / variation[None]
    outer = (hz[:, None, :] * hx[None, :, :]).reshape(w * w, assignment.shape[1])
    inner = zx + tables.ww.reshape(G, w * w) @ outer
    inner = inner - (xW * hz[None] + zW * hx[None]).sum(axis=1)
    scores = on - jnp.einsum("gwl,wB->glB", tables.left, hz)
    scores = scores - b[None] * inner[:, None]
    return of_scores(b, scores, variation, tables.correction)


def of_scores(
    b: Float[Array, "2 B"],
    scores: Float[Array, "G 2 B"],
    variation: Float[Array, " B"],
    correction: Float[Array, ""],
) -> Float[Array, "5 B"]:
    """[b, t, own, cov, var] of a placebo: all that any null needs.

    ``b`` and ``scores`` are of two outcomes, y and the treatment as it is. Under a
    constant effect n the outcome is y - n x: its placebo has the coefficient
    b - n own and the variance (b / t)^2 - 2 n cov + n^2 var (CV1).
    """
    # Made once: each of the three sums would make them again.
    y, x = jnp.moveaxis(jax.lax.optimization_barrier(scores), 1, 0)
    scale = correction / variation**2
    yy, yx, xx = ((p * q).sum(axis=0) * scale for p, q in ((y, y), (y, x), (x, x)))
    return jnp.stack([b[0], b[0] / jnp.sqrt(yy), b[1], yx, xx])


class FreedmanLaneTables(NamedTuple):
    """Contributions of cluster g with the residuals of cluster o.

    Everything is of a balanced panel, net of effects of clusters and years; residuals
    of y and x also of W, and so are z and x.

    F
        [z_g'y_o, z_g'x_o, W_g'y_o, W_g'x_o].
    inverse
        (W'W)^-1.
    zW, zx
        W_g'z_g and z_g'x_g.
    correction
        G/(G-1) (N-1)/(N-k).
    """

    F: Float[Array, "G o f"]
    inverse: Float[Array, "w w"]
    zW: Float[Array, "G w"]
    zx: Float[Array, " G"]
    correction: Float[Array, ""]


@jax.jit
def freedman_lane_tables(
    W: Float[Array, "G T w"],
    z: Float[Array, "G T"],
    residuals: Float[Array, "G T 2"],
    correction: Float[Array, ""],
) -> FreedmanLaneTables:
    """Tables of a balanced panel from its cells; with least squares z is x,
    residuals[..., 1].

    Everything is net of both effects, z and residuals also of W.
    """
    G, _, w = W.shape
    onto_z = jnp.einsum("gt,otl->gol", z, residuals)
    onto_W = jnp.einsum("gtw,otl->golw", W, residuals).reshape(G, G, 2 * w)
    return FreedmanLaneTables(
        F=jnp.concatenate([onto_z, onto_W], axis=2),
        inverse=jnp.linalg.inv(jnp.einsum("gtw,gtv->wv", W, W)),
        zW=jnp.einsum("gt,gtw->gw", z, W),
        zx=jnp.einsum("gt,gt->g", z, residuals[:, :, 1]),
        correction=correction,
    )


def freedman_lane_t(
    tables: FreedmanLaneTables, assignment: Int[Array, "G B"]
) -> Float[Array, "5 B"]:
    """Freedman and Lane's (1983) placebo, whole paths of residuals moved.

    The outcome of a draw is what the reduced model fits plus residuals e of other
    clusters. With h = (W'W)^-1 W'e its coefficient is b = z'e / z'x, and the score of
    cluster g z_g'(e_g - W_g h - b x_g): moving whole paths of a balanced panel keeps
    the residuals free of both effects, so that W alone is taken out of them again.
    See ``of_scores``.
    """
    G, w = tables.zW.shape
    each = jnp.moveaxis(tables.F[jnp.arange(G)[:, None], assignment], 2, 1)  # (G, f, B)
    ze, variation = each[:, :2], tables.zx.sum()
    h = each[:, 2:].sum(axis=0).reshape(2, w, assignment.shape[1])
    h = jnp.einsum("wv,lvB->lwB", tables.inverse, h)
    b = ze.sum(axis=0) / variation
    scores = ze - jnp.einsum("gw,lwB->glB", tables.zW, h)
    scores = scores - b[None] * tables.zx[:, None, None]
    same = jnp.broadcast_to(variation, b.shape[1:])
    return of_scores(b, scores, same, tables.correction)
