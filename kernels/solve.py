"""One year's Leontief system, by either of two methods: X = (I - A)^-1 Y.

    import-share   the fast default (``kernels.import_share``)
    lu             factorise and solve (``kernels.leontief``)

Years in which the iteration stalls are solved again by LU, outside of the compiled
program: under vmap, one program would run both branches.
"""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from . import import_share, leontief

Method = Literal["import-share", "lu"]

# The residual an iteration must reach; otherwise the year is solved by LU.
TOLERANCE = 1e-12


class Solution(NamedTuple):
    """X = (I - A)^-1 Y of one year.

    ``residual`` is the worst column of |Y - (I - A) X|_2 / |Y|_2; ``passes`` counts
    products with A, and is 0 for LU.
    """

    X: Float[Array, "n k"]
    residual: Float[Array, ""]
    passes: Int[Array, ""]


def solve(
    A: Float[Array, "n n"],
    Y: Float[Array, "n k"],
    *,
    regions: int,
    method: Method = "import-share",
    scale: Float[Array, " n"] | None = None,
    goods: Float[Array, "s n"] | None = None,
) -> Solution:
    """X = (I - A)^-1 Y for one year, residual measured. Call it compiled.

    With ``scale``, the matrix is A diag(scale): flows Z and 1 / x need not be made
    into coefficients first (see ``import_share.solve``, for ``goods`` too).
    """
    if method == "import-share":
        answer = import_share.solve(
            A, Y, regions=regions, tol=TOLERANCE, scale=scale, goods=goods
        )
        return Solution(*answer)
    A = A if scale is None else A * scale[None, :]
    X = leontief.solve_output(A, Y)
    return Solution(X, leontief.relative_residual(A, X, Y), jnp.zeros((), int))
