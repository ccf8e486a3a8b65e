"""Drawn errors of a year that does not fit in memory, made slab by slab.

A draw of Z is kept in single precision, half as large as Z, in a temporary file where
that is too large too: products with it are a part of every derivative.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ...kernels.errors import delta as table_errors
from ...kernels.errors.import_shares import (
    ImportShareErrors,
    along_shares,
    shares_in_cells,
)
from ...kernels.perimeters import Blocks, Inside
from ...kernels.row_slabs import buyers, times, transposed_times
from ..core import aligned_empty
from ..streaming import StreamedFlows, scratch
from .streamed_parts import StreamedPart, variances_of


class DrawnYear(NamedTuple):
    """A change of all cells and of output; ``inside`` is that of domestic blocks,
    ``columns`` that of the column sums of Z."""

    Z: Float[Array, "n n"]
    Y: Float[Array, "n c"]
    x: Float[Array, " n"]
    inside: Float[Array, "c s s"]
    columns: Float[Array, " n"]

    def inside_of(self, like: Inside) -> Inside:
        """Changes of Z inside the perimeters that ``like`` is of."""
        if not isinstance(like, Blocks):
            return self.inside
        cells = [self.Z[k[:, :, None], k[:, None, :]] for k in like.rows]
        return Blocks(tuple(k.astype(self.x.dtype) for k in cells), like.rows)

    def __matmul__(self, Q: Float[Array, "n k"]) -> Float[Array, "n k"]:
        return times(self.Z, Q.astype(self.Z.dtype)).astype(Q.dtype)

    def transposed_times(self, Q: Float[Array, "n k"]) -> Float[Array, "n k"]:
        """Z' Q."""
        return transposed_times(self.Z, Q.astype(self.Z.dtype)).astype(Q.dtype)

    def buyers(self, Q: Float[Array, " n *k c"]) -> Float[Array, " n *k c"]:
        """``StreamedFlows.buyers``."""
        regions = Q.shape[-1]
        weights = Q.reshape(len(Q), -1, regions).astype(self.Z.dtype)
        sold = buyers(self.Z, weights, jnp.asarray(0), regions=regions)
        return sold.astype(Q.dtype).reshape(Q.shape)


def draw_year(
    parts: Sequence[StreamedPart],
    flows: StreamedFlows,
    key: Key[Array, ""],
    *,
    mapped: bool,
) -> DrawnYear:
    """The sum of a draw of each part, as ``table_errors.draw``."""
    n, c, s = flows.shape[0], flows.regions, flows.sectors
    Z = scratch(n, n) if mapped else aligned_empty((n, n), np.float32)
    Z[:] = 0
    Y, x = np.zeros((n, c)), np.zeros(n)
    inside, columns = np.zeros((c, s, s)), np.zeros(n)
    for number, part in enumerate(parts):
        for at, cells, output in _drawn_slabs(
            part, flows, jax.random.fold_in(key, number)
        ):
            made = np.asarray(cells)
            Z[at] += made[:, :n]
            Y[at] += made[:, n:]
            x[at] += output
            columns += made[:, :n].sum(axis=0)
            for r in range(at.start // s, at.stop // s):
                own = slice(r * s, (r + 1) * s)
                inside[r] += made[r * s - at.start :][:s, own]
    return DrawnYear(*jax.device_put((Z, Y, x, inside, columns)))


def _drawn_slabs(
    part: StreamedPart, flows: StreamedFlows, key: Key[Array, ""]
) -> Iterator[tuple[slice, Float[Array, "r N"], np.ndarray]]:
    """Yield the rows of each slab, and the changes of cells and of output."""
    if part.shares is not None:
        yield from _drawn_shares(part.shares, flows, key)
        return
    held = None
    if part.columns:
        sums, C = jnp.zeros(()), jnp.zeros(())
        for at, errors, _ in part.read():
            some, more = _column_sums(key, errors, jnp.asarray(at.start))
            sums, C = sums + some, C + more
        held = sums / jnp.where(C > 0, C, 1)
    for at, errors, table in part.read():
        drawn = _drawn(key, errors, table, jnp.asarray(at.start), held)
        yield at, drawn.cells, np.asarray(drawn.output)


def _drawn_shares(
    shares: ImportShareErrors, flows: StreamedFlows, key: Key[Array, ""]
) -> Iterator[tuple[slice, Float[Array, "r N"], np.ndarray]]:
    c, s = flows.regions, flows.sectors
    each = flows.rows // s
    starts = range(0, c, each)

    def of(first: int) -> tuple[ImportShareErrors, Float[Array, "p s c u"]]:
        some = shares._replace(share=shares.share[first : first + each])
        shape = (*some.share.shape, shares.bought.shape[2])
        own = jax.random.fold_in(key, first)
        return some, table_errors.signs_of(own, shape, shares.share.dtype)

    along = sum((along_shares(*of(first)) for first in starts), jnp.zeros(()))
    for first in starts:
        cells = shares_in_cells(*of(first), along)
        at = slice(first * s, first * s + len(cells))
        yield at, cells, np.zeros(len(cells))


@jax.jit
def _drawn(
    key: Key[Array, ""],
    errors: table_errors.Errors,
    table: tuple[Float[Array, "r n"], Float[Array, "r c"]],
    first: Int[Array, ""],
    held: Float[Array, " N"] | None,
) -> table_errors.DrawnErrors:
    """A draw of some rows, less ``held`` times the variances: what columns miss."""
    drawn = table_errors.draw(key, errors, jnp.concatenate(table, axis=1), first)
    if held is None:
        return drawn
    S = variances_of(errors).astype(held.dtype)
    return drawn._replace(cells=drawn.cells - S * held[None, :])


@jax.jit
def _column_sums(
    key: Key[Array, ""], errors: table_errors.Errors, first: Int[Array, ""]
) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
    """Column sums of the drawn cells, before rows grow with their output, and of S."""
    S = variances_of(errors).astype(jnp.float64)
    drawn = table_errors.draw(key, errors, jnp.zeros_like(S), first)
    return drawn.cells.sum(axis=0), S.sum(axis=0)
