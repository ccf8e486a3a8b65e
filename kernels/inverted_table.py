"""The inverted table: quantities shared by all decompositions of one year.

Symbols as in ``kernels.leontief`` and ``kernels.absorption``; besides, for perimeters
s (exporter), r (buyer) and t (any),

    E_sr   exports of the model-consistent table, Y_sr + A_sr x*_r    [million US$]
    L_s    Leontief inverse inside the borders of s, (I - A_ss)^-1
    u_s    value added of s per US$ of its exports, counted once, v_s L_s
    h_s    the same with what passes its border again, v_s B_ss
    f_s    foreign value added per US$, sum over t != s of v_t B_ts
    F_s    (I - A_ss) B_ss: what crosses the border of s, each time it does

h + f = 1 for industries with output where v is the residual, 1 - column sum of A.

Some decompositions need the inverse B. For others products with three columns for each
perimeter are enough, which takes half the time (``kernels.import_share``): B Y, V_t B
and, with B~ the inverse of the table in which s sells no inputs abroad,

    f_s F_s^-1 = sum over t != s of v_t B~_ts.

Exports of industries without output are left out, as in ``kernels.absorption``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from . import cells, leontief, operators, perimeters
from .import_share import solve, solve_contents
from .leontief import per_dollar, relative_norm, residual_value_added
from .operators import Flows, Inside, Matrix, lazy_inverse, of_coefficients
from .perimeters import Perimeters
from .solve import Method

# Two digits below what a year must reach (``solve.TOLERANCE``), at the price of one
# pass: small differences of large terms (FDC, DDC) are then right to 1e-12 as well.
TOLERANCE = 1e-14


class InvertedTable(NamedTuple):
    """One year's table with its Leontief inverse, or the products needed of it.

    ``scale`` is 1 / x, 0 for industries without output: A = Z diag(scale).
    ``content`` is V_t B by perimeter of origin: value added of t in a US$ of final
    demand for each industry. ``dva_multiplier`` is u; ``fva_multiplier`` is f F^-1,
    foreign value added in a US$ of exports at its first crossing. ``active`` is 1 for
    industries with output. ``residual`` is that of the solve, the worst column;
    ``cell_error`` and ``cell_backward_error`` are those of the inverse
    (``kernels.cells``), NaN unless cells are certified.
    """

    borders: Perimeters
    Z: Matrix
    scale: Float[Array, " n"]
    v: Float[Array, " n"]
    Y: Float[Array, "n c"]
    X: Float[Array, "n c"]
    exports: Float[Array, "n c"]
    L: Inside
    content: Float[Array, "n c"]
    dva_multiplier: Float[Array, " n"]
    fva_multiplier: Float[Array, " n"]
    active: Float[Array, " n"]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]
    inverse: Matrix | None
    cell_error: Float[Array, ""]
    cell_backward_error: Float[Array, ""]

    @property
    def A(self) -> Matrix:
        """Input coefficients; see ``inputs`` for products."""
        return of_coefficients(self.Z, self.scale)

    def inputs(self, *outputs: Float[Array, " n"]) -> list[Float[Array, "n c"]]:
        """Inputs sold to each perimeter for its output, A_sr q_r, for each q. A is not
        formed: at n = 2464 that takes as long as three products."""
        return self.borders.by_buyer(self.Z, *(self.scale * q for q in outputs))

    def to_others(self, Q: Float[Array, " n *k"]) -> Float[Array, " n *k"]:
        """Inputs sold abroad for output Q, the sum over j != r of A_rj Q_j."""
        return self.A @ Q - operators.multiply(self.borders.inside(self.A), Q)

    @property
    def sold_to_others(self) -> Float[Array, "n c"]:
        """``to_others(X)``, from A X = X - Y: without a product with A."""
        at_home = operators.multiply(self.borders.inside(self.A), self.X)
        return self.X - self.Y - at_home

    def in_imports(self, q: Float[Array, " n"]) -> Float[Array, " n"]:
        """q per US$ of inputs, in those bought abroad for a US$ of exports: the sum
        over t != s of q_t A_ts L_s."""
        abroad = q @ self.A - operators.left_multiply(q, self.borders.inside(self.A))
        return operators.left_multiply(abroad, self.L)

    @property
    def B(self) -> Matrix:
        """The Leontief inverse.

        Raises ``ValueError`` if the table was inverted without it.
        """
        if self.inverse is None:
            raise ValueError("there is no B: invert_table(..., inverse=True)")
        return self.inverse

    def requirements(self, Q: Float[Array, "n k"]) -> Float[Array, "n k"]:
        """B Q; where there is no B, solved for."""
        if self.inverse is not None:
            return self.inverse @ Q
        Z, c = operators.dense(self.Z), self.borders.count
        return solve(Z, Q, regions=c, tol=TOLERANCE, scale=self.scale).X

    def contents(self, R: Float[Array, "n k"]) -> Float[Array, "n k"]:
        """B'R; where there is no B, solved for."""
        if self.inverse is not None:
            return (R.T @ self.inverse).T
        return solve_contents(
            operators.dense(self.Z),
            R,
            regions=self.borders.count,
            size=per_dollar(self.scale),
            tol=TOLERANCE,
            scale=self.scale,
        ).X

    @property
    def first_crossing(self) -> Inside:
        """F_s^-1 = B_ss^-1 L_s."""
        return _first_crossing(self.borders, self.B, self.L)

    @property
    def domestic_content(self) -> Float[Array, " n"]:
        """h: value added at home in a US$ of exports, double counting included."""
        return self.borders.own(self.content)

    @property
    def foreign_content(self) -> Float[Array, " n"]:
        """f: value added of all others in a US$ of exports."""
        return self.content.sum(axis=1) - self.domestic_content

    @property
    def multipliers(self) -> tuple[Array, Array, Array]:
        """h, f and u as columns (n, 1)."""
        h, f, u = self.domestic_content, self.foreign_content, self.dva_multiplier
        return h[:, None], f[:, None], u[:, None]

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
        at_home = operators.multiply(self.L, self.borders.own(self.Y))
        (used,) = self.inputs(at_home)
        return self.final_exports + used * self.borders.abroad


def invert_table(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None = None,
    borders: Perimeters | None = None,
    *,
    method: Method = "import-share",
    inverse: bool = True,
    contents: bool = True,
    certify: bool = False,
) -> InvertedTable:
    """The year's table, inverted. ``Y`` has a column for each perimeter.

    ``v`` defaults to the residual; any row per US$ of output (jobs, emissions) may
    replace it. ``borders`` default to those of the regions. The inverse is that
    of ``leontief.inverse``, or LAPACK's with method ``lu``. Without ``inverse``, where
    no kernel asks for B, products with it are solved for instead, if perimeters are
    regions and the method is not ``lu``. ``inverse`` is static, and so is ``certify``,
    with which the inverse is refined once and its cells are certified, and
    ``contents``, without which ``content`` and ``fva_multiplier`` may be NaN.
    """
    n, c = Y.shape
    left = residual_value_added(Z, x)
    v = left if v is None else v
    if borders is None:
        borders = perimeters.equal_regions(n, c, Y.dtype)
    scale = per_dollar(x)
    inside = borders.inside(Z * scale[None, :])
    L = operators.inverse(operators.less(inside))
    if inverse or certify or method == "lu" or not borders.blocks:
        products = _by_inverse(Z, scale, v, Y, L, borders, method, certify)
    else:
        products = _by_solves(Z, scale, v, Y, borders, contents)
    (sold,) = borders.by_buyer(Z, scale * products.X.sum(axis=1))
    return assemble(Z, borders, x, scale, v, Y, L, left, products, sold)


class InverseProducts(NamedTuple):
    """Products with B, B itself where it was formed: fields of ``InvertedTable``."""

    X: Float[Array, "n c"]
    content: Float[Array, "n c"]
    fva_multiplier: Float[Array, " n"]
    residual: Float[Array, ""]
    inverse: Matrix | None
    cell_error: Float[Array, ""]
    cell_backward_error: Float[Array, ""]


def assemble(
    Z: Matrix,
    borders: Perimeters,
    x: Float[Array, " n"],
    scale: Float[Array, " n"],
    v: Float[Array, " n"],
    Y: Float[Array, "n c"],
    L: Inside,
    left: Float[Array, " n"],
    products: InverseProducts,
    sold: Float[Array, "n c"],
) -> InvertedTable:
    """The table of these products; ``left`` is output less inputs, per output, ``sold``
    inputs to each perimeter."""
    exports, dva, active, share = _beside(borders, x, v, Y, L, left, sold)
    return InvertedTable(
        borders=borders,
        Z=Z,
        scale=scale,
        v=v,
        Y=Y,
        exports=exports,
        L=L,
        dva_multiplier=dva,
        active=active,
        largest_input_share=share,
        **products._asdict(),
    )


@jax.jit
def _beside(
    borders: Perimeters,
    x: Float[Array, " n"],
    v: Float[Array, " n"],
    Y: Float[Array, "n c"],
    L: Inside,
    left: Float[Array, " n"],
    sold: Float[Array, "n c"],
) -> tuple[Array, Array, Array, Array]:
    active = (x > 0).astype(Y.dtype)
    exports = (Y + sold) * borders.abroad * active[:, None]
    share = 1 - jnp.min(jnp.where(x > 0, left, 1))
    return exports, operators.left_multiply(v, L), active, share


def differentiable_table(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None,
    borders: Perimeters,
    B: Float[Array, "n n"] | None = None,
) -> InvertedTable:
    """``invert_table`` for derivatives: products with B have a rule of their own.

    ``B`` is the inverse of the table at which derivatives are taken; without it, it is
    computed. ``fva_multiplier`` is NaN: no flow of ``kernels.indicators`` takes it.
    """
    left = residual_value_added(Z, x)
    A = Z * per_dollar(x)[None, :]
    B = leontief.inverse(jax.lax.stop_gradient(A)) if B is None else B
    return by_products(Z, lazy_inverse(A, B), x, Y, left, v, borders)


def by_products(
    Z: Matrix,
    B: Flows,
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    left: Float[Array, " n"],
    v: Float[Array, " n"] | None,
    borders: Perimeters,
) -> InvertedTable:
    """The table from products with Z and B alone, differentiable in what they are;
    ``left`` is output less inputs, per output."""
    v = left if v is None else v
    scale = per_dollar(x)
    A = of_coefficients(Z, scale)
    X = B @ Y
    by_origin, by_seller = _factors(borders, v, X)
    missing = jnp.full((), jnp.nan, Y.dtype)
    products = InverseProducts(
        X=X,
        content=(by_origin.T @ B).T,
        fva_multiplier=jnp.full_like(v, jnp.nan),
        residual=missing,
        inverse=B,
        cell_error=missing,
        cell_backward_error=missing,
    )
    L = _differentiable_inverse(borders.inside(A))
    return assemble(Z, borders, x, scale, v, Y, L, left, products, A @ by_seller)


@jax.jit
def _factors(
    borders: Perimeters, v: Float[Array, " n"], X: Float[Array, "n c"]
) -> tuple[Float[Array, "n c"], Float[Array, "n c"]]:
    """Value added by origin, output by the perimeter that makes it."""
    return borders.member * v[:, None], borders.member * X.sum(axis=1)[:, None]


@jax.jit
def _differentiable_inverse(inside: Inside) -> Inside:
    return operators.differentiable_inverse(operators.less(inside))


def _by_inverse(
    Z: Float[Array, "n n"],
    scale: Float[Array, " n"],
    v: Float[Array, " n"],
    Y: Float[Array, "n c"],
    L: Inside,
    borders: Perimeters,
    method: Method,
    certify: bool,
) -> InverseProducts:
    A = Z * scale[None, :]
    own = jnp.eye(len(A), dtype=A.dtype)
    B = jnp.linalg.inv(own - A) if method == "lu" else leontief.inverse(A)
    cell_error = cell_backward_error = jnp.full((), jnp.nan, A.dtype)
    if certify:
        first = B
        B, cell_error, cell_backward_error = cells.certify(
            lambda Q: A @ Q, lambda R: first @ R, own, B
        )
    X = B @ Y
    content = borders.by_origin(v, B)
    foreign = content.sum(axis=1) - borders.own(content)
    return InverseProducts(
        X=X,
        content=content,
        fva_multiplier=operators.left_multiply(foreign, _first_crossing(borders, B, L)),
        residual=jnp.max(relative_norm(Y - X + Z @ (scale[:, None] * X), Y)),
        inverse=B,
        cell_error=cell_error,
        cell_backward_error=cell_backward_error,
    )


def _by_solves(
    Z: Float[Array, "n n"],
    scale: Float[Array, " n"],
    v: Float[Array, " n"],
    Y: Float[Array, "n c"],
    borders: Perimeters,
    contents: bool,
) -> InverseProducts:
    """Three columns for each perimeter: its final demand and, with ``contents``, its
    value added and that of all others in the table where it exports nothing."""
    c, abroad = borders.count, borders.abroad
    X = solve(Z, Y, regions=c, tol=TOLERANCE, scale=scale)
    content, multiplier = jnp.full_like(Y, jnp.nan), jnp.full_like(v, jnp.nan)
    residual = X.residual
    if contents:
        found = solve_contents(
            Z,
            v[:, None] * jnp.concatenate([borders.member, abroad], axis=1),
            regions=c,
            size=per_dollar(scale),
            exporting=jnp.concatenate([jnp.ones_like(abroad), abroad], axis=1),
            tol=TOLERANCE,
            scale=scale,
        )
        content, multiplier = found.X[:, :c], borders.own(found.X[:, c:])
        residual = jnp.maximum(residual, found.residual)
    return InverseProducts(
        X=X.X,
        content=content,
        fva_multiplier=multiplier,
        residual=residual,
        inverse=None,
        cell_error=jnp.full((), jnp.nan, Y.dtype),
        cell_backward_error=jnp.full((), jnp.nan, Y.dtype),
    )


def _first_crossing(borders: Perimeters, B: Matrix, L: Inside) -> Inside:
    return operators.product(operators.inverse(borders.inside(B)), L)


Terms = dict[str, Float[Array, "..."]]
"""Terms by name: selling industry by buying perimeter (n c) [million US$]."""


def abroad_only(world: InvertedTable, terms: Terms) -> Terms:
    """Terms without entries at home, where nothing is exported."""
    return {name: term * world.borders.abroad for name, term in terms.items()}
