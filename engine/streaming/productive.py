"""Check that a streamed year is productive, or name the industries that prevent it."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np

from ...kernels.solve import TOLERANCE
from ..core import TivaxError, TivaxWarning, in_float64
from ..tables import (
    NONE_FOUND,
    WorldTable,
    WorldTables,
    require_productive,
    unproductive_in_words,
)
from .flows import StreamedFlows
from .memory import is_mapped, is_too_large, stalled
from .year import StreamedYear


@in_float64
def require_productive_table(table: WorldTable) -> None:
    """``tables.require_productive``, in row slabs where the year is too large."""
    n = len(table.x)
    bought = table.Z.sum(axis=0)[table.x > 0]
    if not is_too_large(n) or (bought < table.x[table.x > 0]).all():
        require_productive(table)  # which needs no solve in the second case
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TivaxWarning)  # the import tells all doubts
        Z, Y, x = (k[None] for k in (table.Z, table.Y, table.x))
        tables = WorldTables(Z, Y, x, table.regions, table.sectors, [table.year])
        flows, x = StreamedFlows(tables, 0), jax.device_put(table.x)
        year = StreamedYear(flows, x, mapped=is_mapped(n))
        require_productive_year(year, table.where)


def require_productive_year(year: StreamedYear, where: str = "") -> None:
    """Raise ``TivaxError`` unless the year is productive, naming industries."""
    if told := name_unproductive(year):
        raise TivaxError(
            f"{where or year.flows.year}: the table is not productive, the spectral "
            f"radius of A is not below 1; {told}"
        )


def require_solved_year(
    year: StreamedYear, residual: float, tol: float = TOLERANCE
) -> None:
    """Raise ``TivaxError`` where the iteration has stalled at ``residual``: for a cell
    that is not a number, for industries that make the year unproductive, or for what LU
    would take."""
    if not residual <= tol:
        year.flows.require_finite()
        require_productive_year(year)
        share = float(year.input_shares.max())
        raise stalled(year.flows.year, len(year.x), residual, share)


def name_unproductive(year: StreamedYear) -> str:
    """Name the industries that make the year unproductive
    (``tables.unproductive_in_words``); empty where it is productive.

    A block is solved for as a year of its own, its coefficients in a file.
    """
    if shown := _multipliers_show(year):
        return ""

    def is_productive(members: np.ndarray) -> bool:
        flows = year.flows.among(members)
        block = StreamedYear(flows, year.x, mapped=True)
        shown = _multipliers_show(block)
        # Among industries that supply each other power iteration finds the radius.
        return bool(block.spectral_radius() < 1) if shown is None else shown

    x, shares = np.asarray(year.x), np.asarray(year.input_shares)
    flows = year.flows
    names = unproductive_in_words(x, shares, flows.slabs, is_productive, flows.industry)
    return "" if shown is None and names == NONE_FOUND else names


def _multipliers_show(year: StreamedYear) -> bool | None:
    """Check that multipliers of output, p = 1'B, are positive: then A >= 0 is
    productive (``leontief.output_multipliers``). Where the iteration stalls, p > 0 and
    A'p < p is enough, which a rough p can show; None where it does not."""
    if bool(jnp.max(year.input_shares) < 1):
        return True  # the largest column sum bounds the spectral radius
    solution = year.solve_contents(jnp.ones((len(year.x), 1), year.x.dtype))
    positive = bool(jnp.min(solution.X) > 0)
    if bool(solution.residual <= TOLERANCE):
        return positive
    inputs = year.scale[:, None] * year.flows.transposed_times(solution.X)
    return True if positive and bool(jnp.min(solution.X - inputs) > 0) else None
