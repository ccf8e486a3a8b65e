"""One solve, two methods, all years: X = (I - A)^-1 Y.

    import-share   the fast default (``kernels.import_share``)
    lu             factorise and solve (``kernels.leontief``)

``solve`` does one year inside compiled code. ``map_years`` runs a one-year function
over many years, as the platform likes it. ``solve_years`` is both, with the years
that an iteration could not finish solved again by LU.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from . import import_share, leontief

Years = Sequence[Any] | np.ndarray | jax.Array
Method = Literal["import-share", "lu"]

# The residual an iteration must reach, or the year is solved by LU.
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
) -> Solution:
    """X = (I - A)^-1 Y for one year, residual measured. To be called compiled.

    With ``scale``, the matrix is A diag(scale): flows Z and 1 / x need not be made
    into coefficients first (see ``import_share.solve``).
    """
    if method == "import-share":
        answer = import_share.solve(A, Y, regions=regions, tol=TOLERANCE, scale=scale)
        return Solution(*answer)
    A = A if scale is None else A * scale[None, :]
    X = leontief.solve_output(leontief.factor(A), Y)
    return Solution(X, leontief.relative_residual(A, X, Y), jnp.zeros((), int))


@cache
def _compiled(one_year: Callable, batch: bool) -> Callable:
    return jax.jit(jax.vmap(one_year) if batch else one_year)


def map_years(one_year: Callable, *arrays: Years | None) -> Any:
    """``one_year`` on every year; each of ``arrays`` has years first, or is None.

    On a GPU all years are one batch (vmap). On a CPU one compiled program is called
    year after year: a batch, or lax.map, would first copy each year's matrix out of
    the array of all years, a fifth of the whole time. There, give a list with an array
    for each year where you can. ``one_year`` must be the same object in every call to
    be compiled only once.
    """
    if jax.default_backend() != "cpu":
        batch = [None if a is None else jnp.stack(list(a)) for a in arrays]
        return _compiled(one_year, batch=True)(*batch)
    run = _compiled(one_year, batch=False)
    count = next(len(a) for a in arrays if a is not None)
    years = [run(*(None if a is None else a[k] for a in arrays)) for k in range(count)]
    return jax.tree.map(lambda *year: jnp.stack(year), *years)


def with_fallback(one_year: Callable[[Method], Callable], *arrays: Years | None) -> Any:
    """Run ``one_year("import-share")`` on every year, and LU where it did not finish.

    ``one_year(method)`` returns a one-year function whose result is a NamedTuple with
    a field ``residual``. Years whose residual is above ``TOLERANCE`` (or not a
    number) are computed again by ``one_year("lu")``. LU is outside the compiled
    iteration on purpose: in one program both branches would run under vmap.
    """
    result = map_years(one_year("import-share"), *arrays)
    late = np.flatnonzero(~(np.asarray(result.residual) <= TOLERANCE)).tolist()
    if late:
        again = map_years(
            one_year("lu"),
            *(None if a is None else [a[k] for k in late] for a in arrays),
        )
        result = jax.tree.map(
            lambda every, some: jnp.asarray(every).at[jnp.asarray(late)].set(some),
            result,
            again,
        )
    return result


@cache
def _solve_year(regions: int, method: Method) -> Callable:
    return partial(solve, regions=regions, method=method)


def solve_years(A: Years, Y: Years, *, regions: int) -> Solution:
    """X = (I - A)^-1 Y for all years, to ``TOLERANCE`` or to what LU reaches.

    A (t, n, n) and Y (t, n, k), or lists of t arrays. Returns X (t, n, k) and the
    residual and passes of each year (t,); ``passes`` is 0 where it fell back to LU.
    """
    return with_fallback(partial(_solve_year, regions), A, Y)
