"""Whether a streamed year is productive, and which industries make it unproductive."""

import jax.numpy as jnp
import numpy as np

from ...kernels.solve import TOLERANCE
from ..core import TivaxError
from ..tables import unproductive_in_words
from .year import StreamedYear


def require_productive_year(year: StreamedYear) -> None:
    """Raise ``TivaxError`` unless the year is productive, naming industries."""
    if not is_productive_year(year):
        raise TivaxError(
            f"{year.flows.year}: the table is not productive, the spectral radius of A "
            f"is not below 1; {name_unproductive(year)}"
        )


def is_productive_year(year: StreamedYear) -> bool:
    """Whether multipliers of output, 1'B, are found and positive: then A >= 0 is
    productive (``leontief.output_multipliers``)."""
    if bool(jnp.max(year.input_shares) < 1):
        return True  # the largest column sum bounds the spectral radius
    found = year.solve_contents(jnp.ones((len(year.x), 1), year.x.dtype))
    return bool((found.residual <= TOLERANCE) & (jnp.min(found.X) > 0))


def name_unproductive(year: StreamedYear) -> str:
    """Which industries to look at, in words (``tables.unproductive_in_words``).

    A block is solved for as a year of its own, its coefficients in a file.
    """

    def is_productive(members: np.ndarray) -> bool:
        flows = year.flows.among(members)
        return is_productive_year(
            StreamedYear(flows, year.x, jnp.ones_like(year.x), mapped=True)
        )

    x, shares = np.asarray(year.x), np.asarray(year.input_shares)
    flows = year.flows
    return unproductive_in_words(x, shares, flows.slabs, is_productive, flows.industry)
