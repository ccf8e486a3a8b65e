"""Whether a streamed year is productive, and which industries make it unproductive."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np

from ...kernels.solve import TOLERANCE
from ..core import TivaxError, TivaxWarning, in_float64
from ..tables import (
    WorldTable,
    WorldTables,
    require_productive,
    unproductive_in_words,
)
from .flows import StreamedFlows
from .memory import is_mapped, is_too_large
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
        tables = WorldTables(
            table.Z[None],
            table.Y[None],
            table.x[None],
            table.regions,
            table.sectors,
            [table.year],
        )
        x = jax.device_put(table.x)
        year = StreamedYear(StreamedFlows(tables, 0), x, mapped=is_mapped(n))
        require_productive_year(year, table.where)


def require_productive_year(year: StreamedYear, where: str = "") -> None:
    """Raise ``TivaxError`` unless the year is productive, naming industries."""
    if not is_productive_year(year):
        raise TivaxError(
            f"{where or year.flows.year}: the table is not productive, the spectral "
            f"radius of A is not below 1; {name_unproductive(year)}"
        )


def is_productive_year(year: StreamedYear) -> bool:
    """Whether multipliers of output, p = 1'B, are positive: then A >= 0 is productive
    (``leontief.output_multipliers``). Where the iteration stalls, p > 0 and A'p < p is
    enough, which a rough p can show."""
    if bool(jnp.max(year.input_shares) < 1):
        return True  # the largest column sum bounds the spectral radius
    found = year.solve_contents(jnp.ones((len(year.x), 1), year.x.dtype))
    if not bool(jnp.min(found.X) > 0):
        return False
    if bool(found.residual <= TOLERANCE):
        return True
    inputs = year.scale[:, None] * year.flows.transposed_times(found.X)
    return bool(jnp.min(found.X - inputs) > 0)


def name_unproductive(year: StreamedYear) -> str:
    """Which industries to look at, in words (``tables.unproductive_in_words``).

    A block is solved for as a year of its own, its coefficients in a file.
    """

    def is_productive(members: np.ndarray) -> bool:
        flows = year.flows.among(members)
        return is_productive_year(StreamedYear(flows, year.x, mapped=True))

    x, shares = np.asarray(year.x), np.asarray(year.input_shares)
    flows = year.flows
    return unproductive_in_words(x, shares, flows.slabs, is_productive, flows.industry)
