"""Regions and groups of regions as perimeters: labels, and arrays for kernels."""

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels import perimeters as kernels
from ...kernels.inverted_table import invert_table
from ...kernels.solve import Method as Solver
from ..core import NOT_KEPT, Keeper, Progress
from ..streaming import streamed_inverted
from ..tables import AnyGroups, WorldTables
from ..tables import groups as groups_module
from .accounts import Account
from .years import Options, compute_years

# With groups, the number of perimeters is rounded up to a multiple of this.
_PROGRAM_SIZES = 8


@dataclass(frozen=True)
class NamedPerimeters:
    """Perimeters by name; ``place`` is the number of each region's perimeter.

    A perimeter is a region, a split region with its parts, or a group of regions.
    """

    names: tuple[str, ...]
    place: tuple[int, ...]

    @property
    def are_regions(self) -> bool:
        """True if every region is its own perimeter, in order."""
        return self.place == tuple(range(len(self.place)))

    @property
    def member(self) -> Float[np.ndarray, "r c"]:
        """1 where a region belongs to a perimeter.

        With groups some perimeters at the end are empty, so that groups of similar size
        share a compiled program: cut results to the length of ``names``.
        """
        count = len(self.names)
        if not self.are_regions:
            count = -(-count // _PROGRAM_SIZES) * _PROGRAM_SIZES
        return np.eye(count)[list(self.place)]


def perimeters_of(
    tables: WorldTables, groups: AnyGroups | None = None
) -> NamedPerimeters:
    """Perimeters of tables; errors as in ``tables.perimeters``."""
    of_region = groups_module.perimeters(tables, groups=groups)
    names = list(dict.fromkeys(of_region.values()))
    return NamedPerimeters(
        tuple(names), tuple(names.index(k) for k in of_region.values())
    )


Kernel = Callable[..., Any]
"""From a year's inverted table, final demand by use (n, c, u) where it is asked for,
and static options, to a result with the fields
``residual`` and ``largest_input_share``. A function of a module."""


def compute_inverted(
    kernel: Kernel,
    tables: WorldTables,
    borders: NamedPerimeters,
    account: Account,
    progress: Progress,
    *,
    inverse: bool = True,
    contents: bool = True,
    products: bool = False,
    certify: bool = False,
    uses: Sequence[Sequence[str]] = (),
    memory: int | None = None,
    keeper: Keeper = NOT_KEPT,
    program: str = "groups",
    **options: Hashable,
) -> Generator[tuple[slice, Any], None, None]:
    """Chunks of years and ``kernel`` of their inverted tables, years first, in float64.

    Without ``inverse`` the table has no B, without ``contents`` perhaps no value added
    by origin (``kernels.inverted_table``); ``products`` says that the kernel takes B in
    products only; with ``certify`` its B is exact in every cell; ``uses`` are lists of
    categories of final demand, each a use by itself, for the kernel. ``memory``,
    ``keeper`` and ``program`` as in ``compute_years``: with products only years that
    are too large are streamed.
    """
    member = borders.member

    def final_demand(tables: WorldTables, years: slice) -> Float[np.ndarray, "t n c u"]:
        parts = [tables.final_demand(years, k) for k in (None, *uses)]
        if not borders.are_regions:
            parts = [Y @ member for Y in parts]
        return np.stack(parts, axis=-1)

    if not borders.are_regions:
        program = "groups"
    streamed = None
    if (products or not inverse) and not certify:
        streamed = partial(
            streamed_inverted,
            kernel=kernel,
            options=tuple(options.items()),
            inverse=inverse or products,
        )
    with jax.enable_x64(True):
        yield from compute_years(
            _one_year,
            tables,
            account,
            progress,
            streamed=streamed,
            memory=memory,
            keeper=keeper,
            final_demand=final_demand,
            constants=() if borders.are_regions else (member,),
            program=program,
            kernel=kernel,
            options=tuple(options.items()),
            regions=len(borders.place),
            inverse=inverse,
            contents=contents,
            certify=certify,
        )


def _one_year(
    Z: Array,
    x: Array,
    Y: Array,
    v: Array | None,
    member: Array | None = None,
    *,
    kernel: Kernel,
    options: Options,
    regions: int,
    inverse: bool,
    contents: bool,
    certify: bool,
    method: Solver,
) -> Any:
    """``kernel`` of one year; unless perimeters are regions, ``member`` is given."""
    each = jnp.eye(regions, dtype=Y.dtype) if member is None else member
    n = len(x)
    borders = kernels.Perimeters(
        jnp.repeat(each, n // regions, axis=0, total_repeat_length=n),
        blocks=member is None,
    )
    world = invert_table(
        Z,
        x,
        Y[..., 0],
        v,
        borders,
        method=method,
        inverse=inverse,
        contents=contents,
        certify=certify,
    )
    by_use = (Y[..., 1:],) if Y.shape[-1] > 1 else ()
    return kernel(world, *by_use, **dict(options))
