"""What every decomposition of one year needs, computed once.

Symbols as in ``kernels.leontief`` and ``kernels.absorption``; besides, for perimeters
s (exporter), r (buyer) and t (any),

    E_sr   exports of the model-consistent table, Y_sr + A_sr x*_r    [million US$]
    L_s    Leontief inverse inside the borders of s, (I - A_ss)^-1
    u_s    value added of s per US$ of its exports, counted once, v_s L_s
    h_s    the same with what passes its border again, v_s B_ss
    f_s    foreign value added per US$, sum over t != s of v_t B_ts

h + f = 1 for industries with output where v is the residual, 1 - column sum of A.
Exports of industries without output are left out, as in ``kernels.absorption``.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from tivax.kernels import perimeters
from tivax.kernels.leontief import (
    inverse,
    per_dollar,
    relative_residual,
    residual_value_added,
)
from tivax.kernels.perimeters import Inside, Perimeters
from tivax.kernels.solve import Method


class World(NamedTuple):
    """One year, ready to be decomposed.

    ``content`` is V_t B by perimeter of origin: value added of t in a US$ of final
    demand for each industry; ``residual`` of the solve, the worst column.
    """

    borders: Perimeters
    A: Float[Array, "n n"]
    B: Float[Array, "n n"]
    v: Float[Array, " n"]
    Y: Float[Array, "n c"]
    X: Float[Array, "n c"]
    exports: Float[Array, "n c"]
    L: Inside
    content: Float[Array, "n c"]
    once: Float[Array, " n"]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]

    @property
    def home(self) -> Float[Array, " n"]:
        """h: value added at home in a US$ of exports, double counting included."""
        return self.borders.own(self.content)

    @property
    def foreign(self) -> Float[Array, " n"]:
        """f: value added of all others in a US$ of exports."""
        return self.content.sum(axis=1) - self.home

    @property
    def output(self) -> Float[Array, " n"]:
        """Model-consistent output x*."""
        return self.X.sum(axis=1)

    @property
    def total_exports(self) -> Float[Array, " n"]:
        """e: exports of each industry to all others."""
        return self.exports.sum(axis=1)

    @property
    def final_at_home(self) -> Float[Array, "n c"]:
        """Y_ss in column s, 0 elsewhere."""
        return self.Y * self.borders.member

    @property
    def final_exports(self) -> Float[Array, "n c"]:
        """Y_sr, 0 at home."""
        return self.Y * self.borders.abroad

    @property
    def absorbed_by_buyer(self) -> Float[Array, "n c"]:
        """Exports that their direct buyer absorbs: Y_sr + A_sr L_r Y_rr."""
        used = self.A @ perimeters.times(self.L, self.final_at_home)
        return self.final_exports + used * self.borders.abroad


def make_world(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None = None,
    borders: Perimeters | None = None,
    *,
    method: Method = "import-share",
) -> World:
    """The year's table, inverted. ``Y`` has a column for each perimeter.

    ``v`` defaults to the residual; any row per US$ of output (jobs, emissions) may
    stand in its place. ``borders`` default to those of the regions. The inverse is that
    of ``leontief.inverse``, or LAPACK's with method ``lu``.
    """
    n, c = Y.shape
    left = residual_value_added(Z, x)
    v = left if v is None else v
    if borders is None:
        borders = perimeters.equal_regions(n, c, Y.dtype)
    A = Z * per_dollar(x)[None, :]
    if method == "lu":
        B = jnp.linalg.inv(jnp.eye(n, dtype=A.dtype) - A)
    else:
        B = inverse(A)
    X = B @ Y
    inside = borders.inside(A)
    L = perimeters.inverse(perimeters.identity(inside) - inside)
    active = x > 0
    sold = Y + A @ (borders.member * X.sum(axis=1)[:, None])
    return World(
        borders=borders,
        A=A,
        B=B,
        v=v,
        Y=Y,
        X=X,
        exports=sold * borders.abroad * active[:, None],
        L=L,
        content=((borders.member * v[:, None]).T @ B).T,
        once=perimeters.left(v, L),
        largest_input_share=1 - jnp.min(jnp.where(active, left, 1)),
        residual=relative_residual(A, X, Y),
    )


Terms = dict[str, Float[Array, "..."]]
"""Terms by name: selling industry by buying perimeter (n c) [million US$]."""


def abroad_only(world: World, terms: Terms) -> Terms:
    """Terms without entries at home, where nothing is exported."""
    return {name: term * world.borders.abroad for name, term in terms.items()}
