"""One year solved while its flows are read: coefficients in float32, Z in slabs.

The first read makes the coefficients and the preconditioner; the float64 residual is
another. A float32 matrix takes half of Z. Where it does not fit either, it is a file
that the system maps into memory. Several devices have some of its rows each.
"""

import math
import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from ...kernels import row_slabs as kernels
from ...kernels.import_share import transposed, user_weights
from ...kernels.leontief import per_dollar
from ...kernels.operators import Inside, of_columns
from ...kernels.refinement import IterativeSolution, refine, while_on_host
from ...kernels.solve import TOLERANCE
from ..core import GIB, TivaxError, aligned_empty
from .flows import StreamedFlows


class StreamedYear:
    """Coefficients and preconditioner of a year, made in one read of its flows.

    ``x`` is output, which also weighs using industries in the import shares; ``mapped``
    puts the coefficients into a temporary file. ``columns`` are the column sums of Z,
    ``D`` its domestic blocks.
    """

    def __init__(
        self, flows: StreamedFlows, x: Float[Array, " n"], *, mapped: bool = False
    ) -> None:
        n, c = len(x), flows.regions
        self.flows, self.x, self.scale = flows, x, per_dollar(x)
        weight = user_weights(x, regions=c)
        # As many rows for each device: the last ones are zeros.
        rows = -(-n // len(flows.devices)) * len(flows.devices)
        F = scratch(rows, n) if mapped else aligned_empty((rows, n), np.float32)
        F[n:] = 0
        D, bought = [], []
        inputs = columns = np.zeros(())
        for first, slab in flows.slabs():
            region = np.int64(first // flows.sectors)
            part = jax.device_get(
                kernels.read_slab(slab, self.scale, weight, region, regions=c)
            )
            F[first : first + len(slab)] = part.F
            D.append(part.D)
            bought.append(part.bought)
            inputs, columns = inputs + part.inputs, columns + part.columns
        self.columns, self.D, inputs, bought = jax.device_put(
            (columns, np.concatenate(D), inputs, np.concatenate(bought))
        )
        self._mesh, self._F = _placed(F, flows.devices)
        self._D, self._P = kernels.shares_of_slabs(self.D, inputs, bought, self.scale)

    @property
    def input_shares(self) -> Float[Array, " n"]:
        """Column sums of A."""
        return self.columns * self.scale

    def spectral_radius(self) -> Float[Array, ""]:
        """Spectral radius of A, estimated to four digits."""
        return kernels.spectral_radius(self._F, self._D)

    def solve(
        self, Y: Float[Array, "n k"], *, tol: float = TOLERANCE
    ) -> IterativeSolution:
        """X = (I - A)^-1 Y, as ``import_share.solve``."""
        low = partial(kernels.product, self._F, self._D, mesh=self._mesh)
        given = (self._F, self._D, self._P)
        correct = partial(kernels.correct, *given, mesh=self._mesh)
        return refine(self.inputs, low, correct, Y, tol, repeat=while_on_host)

    def inputs(self, X: Float[Array, "n k"]) -> Float[Array, "n k"]:
        """A X, from one read."""
        return self.flows @ (self.scale[:, None] * X)

    def solve_contents(
        self,
        R: Float[Array, "n k"],
        exporting: Float[Array, "n k"] | None = None,
        *,
        inside: Inside | None = None,
        tol: float = TOLERANCE,
    ) -> IterativeSolution:
        """C = (I - A')^-1 R, as ``import_share.solve_contents``; ``inside`` are flows
        that do not count as exports, by default those at home."""
        D, D32 = self.D, self._D
        if inside is not None:
            D, D32 = inside, jax.tree.map(_in_float32, of_columns(inside, self.scale))
        times = transposed(self.flows.transposed_times, D, exporting, self.scale)
        some = None if exporting is None else exporting.astype(jnp.float32)
        given = kernels.Contents(self._D, D32, some)
        of_year = {"mesh": self._mesh}
        low = partial(kernels.product_of_contents, self._F, given, **of_year)
        correct = partial(kernels.correct_contents, self._F, given, self._P, **of_year)
        return refine(times, low, correct, R, tol, repeat=while_on_host)


def _in_float32(values: Array) -> Array:
    return values.astype(jnp.float32) if values.dtype == jnp.float64 else values


def _placed(
    F: np.ndarray, devices: Sequence[Any]
) -> tuple[Mesh | None, Float[Array, "N n"]]:
    """The matrix, its rows divided among devices where there are several."""
    if len(devices) == 1:
        return None, jax.device_put(F, devices[0])
    mesh = Mesh(np.array(devices), ("rows",))
    return mesh, jax.device_put(F, NamedSharding(mesh, PartitionSpec("rows")))


def scratch(*shape: int, dtype: type = np.float32) -> np.ndarray:
    """A matrix in a temporary file without a name, gone with its last user.

    ``TivaxError`` where the disk has no place for it.
    """
    size, folder = math.prod(shape) * np.dtype(dtype).itemsize, tempfile.gettempdir()
    if shutil.disk_usage(folder).free < size:
        raise TivaxError(
            f"{folder}: a temporary file of {size / GIB:.1f} GiB has no place there; "
            "free space, or name another folder in TMPDIR"
        )
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)
