"""Multiply by one year's Z without holding it: slabs of rows, the next read ahead.

Each product reads all of Z once. On several devices each takes some rows of a slab, and
the rows of the product come together on the host.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...kernels import row_slabs as kernels
from ...kernels.leontief import sales_to_regions
from ...kernels.operators import Blocks, Flows, Inside
from ..core import TivaxError
from ..tables import WorldTables, row_slabs

# A slab is long enough for its product to run at full speed, and read in 0.1 s.
SLAB_BYTES = 1 << 28


def read_ahead(slabs: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The slabs, the next one read meanwhile; one is overwritten two slabs later."""
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(next, slabs, None)
        while (slab := ahead.result()) is not None:
            ahead = reader.submit(next, slabs, None)
            yield slab


class StreamedFlows:
    """Z of year number ``k`` of tables, n x n, in slabs of about ``slab_bytes``.

    ``shape`` and the products are those of an array, ``rows`` is the length of a slab;
    ``devices`` default to all local ones.
    """

    def __init__(
        self,
        tables: WorldTables,
        k: int,
        *,
        slab_bytes: int | None = None,
        devices: Sequence[Any] | None = None,
    ) -> None:
        self._Z, self._k = tables.Z, k
        self.year = tables.years[k]
        self.regions, self.sectors = len(tables.regions), len(tables.sectors)
        self._labels = tables.regions, tables.sectors
        self.shape = (tables.n, tables.n)
        region = 8 * self.sectors * tables.n
        self.rows = max(1, (slab_bytes or SLAB_BYTES) // region) * self.sectors
        self.devices = list(jax.local_devices() if devices is None else devices)

    def slabs(self) -> Iterator[tuple[int, np.ndarray]]:
        """The slabs and their first rows; one is overwritten two slabs later."""
        first = 0
        for slab in read_ahead(row_slabs(self._Z, self._k, self.rows)):
            yield first, slab
            first += len(slab)

    def industry(self, row: int) -> str:
        """The label of one row, such as ``DEU:C20``."""
        region, sector = divmod(int(row), self.sectors)
        return f"{self._labels[0][region]}:{self._labels[1][sector]}"

    def among(self, members: Bool[np.ndarray, " n"]) -> "StreamedFlows":
        """The flows among some industries, 0 elsewhere."""
        found = copy(self)

        def slabs() -> Iterator[tuple[int, np.ndarray]]:
            for first, slab in self.slabs():
                rows = members[first : first + len(slab)]
                yield first, slab * rows[:, None] * members[None, :]

        found.slabs = slabs
        return found

    def require_finite(self) -> None:
        """Raise ``TivaxError`` for a cell that is not a number, naming the first."""
        for first, slab in self.slabs():
            bad = ~np.isfinite(slab)
            if bad.any():
                row, column = np.argwhere(bad)[0].tolist()
                cell = f"{self.industry(first + row)} to {self.industry(column)}"
                raise TivaxError(
                    f"{self.year}: Z has cells that are not numbers, first {cell}; a "
                    "blank is one too: fill it with 0 where nothing is sold, or leave "
                    "the year out"
                )

    def __matmul__(self, Q: Float[Array, "n k"]) -> Float[Array, "n k"]:
        return self.products(jnp.asarray(Q))[0]

    def products(
        self, Q: Float[Array, "n k"], growth: Float[Array, " n"] | None = None
    ) -> tuple[Float[Array, "n k"], Float[Array, "n c"] | None]:
        """Z Q, and sales to each region with industries grown, from one read of Z."""
        n = len(Q)
        product = np.empty(Q.shape, Q.dtype)
        sold = None if growth is None else np.empty((n, self.regions), Q.dtype)
        everywhere = [jax.device_put((Q, growth), device) for device in self.devices]
        for first, slab in self.slabs():
            found = []
            for at, part, (q, factor) in self._parts(first, slab, everywhere):
                some = kernels.times(part, q)
                each = None
                if factor is not None:
                    each = sales_to_regions(part, factor, regions=self.regions)
                found.append((at, some, each))
            for at, some, each in found:
                product[at : at + len(some)] = some
                if sold is not None:
                    sold[at : at + len(some)] = each
        return jax.device_put(product), None if sold is None else jax.device_put(sold)

    def sold(self, growth: Float[Array, " n"]) -> Float[Array, "n c"]:
        """Sales to each region with industries grown."""
        found = self.products(growth[:, None], growth)[1]
        assert found is not None
        return found

    def transposed_times(self, Q: Float[Array, "n k"]) -> Float[Array, "n k"]:
        """Z' Q."""
        everywhere = [
            (d, jax.device_put(Q, device)) for d, device in enumerate(self.devices)
        ]
        zero = np.zeros(Q.shape, Q.dtype)
        total = [jax.device_put(zero, device) for device in self.devices]
        for first, slab in self.slabs():
            for at, part, (d, q) in self._parts(first, slab, everywhere):
                total[d] = kernels.add_transposed(total[d], part, q, np.int64(at))
            jax.block_until_ready(total)
        # By way of the host: an array on one device would not meet one on several.
        return jax.device_put(sum(np.asarray(part) for part in total))

    def buyers(self, Q: Float[Array, " n *k c"]) -> Float[Array, " n *k c"]:
        """Sales to each buying region with the weights of the seller, as
        ``kernels.perimeters.Perimeters.buyers`` where perimeters are regions."""
        weights = Q.reshape(len(Q), -1, self.regions)
        found = np.empty(weights.shape, Q.dtype)
        for first, slab in self.slabs():
            region = np.int64(first // self.sectors)
            some = kernels.buyers(slab, weights, region, regions=self.regions)
            found[first : first + len(slab)] = some
        return jax.device_put(found.reshape(Q.shape))

    def operator(self, inside: Inside, member: Float[Array, "c p"] | None) -> Flows:
        """Z for kernels; ``member`` of regions, unless perimeters are regions."""
        products = self.__matmul__, self.transposed_times
        return Flows(*products, inside, self.buyers).among(member)

    def inside(self, place: Sequence[int]) -> Blocks:
        """Flows that stay inside perimeters, ``place`` the number of each region's."""
        of = np.repeat(np.asarray(place), self.sectors)
        every = [np.flatnonzero(of == k) for k in sorted(set(place))]
        sizes = sorted({len(k) for k in every})
        rows = [np.array([k for k in every if len(k) == size]) for size in sizes]
        stacks = [np.empty((*k.shape, k.shape[1])) for k in rows]
        for first, slab in self.slabs():
            for stack, members in zip(stacks, rows, strict=True):
                for b, own in enumerate(members):
                    here = (own >= first) & (own < first + len(slab))
                    stack[b, here] = slab[np.ix_(own[here] - first, own)]
        return Blocks(tuple(jax.device_put(stacks)), tuple(jax.device_put(rows)))

    def _parts(
        self, first: int, slab: np.ndarray, given: Sequence[Any]
    ) -> Iterator[tuple[int, Array, Any]]:
        """Rows of a slab on each device, their first row, and what is given to it."""
        parts = np.array_split(slab, len(self.devices))
        for part, device, what in zip(parts, self.devices, given, strict=True):
            if len(part):
                yield first, jax.device_put(part, device), what
            first += len(part)
