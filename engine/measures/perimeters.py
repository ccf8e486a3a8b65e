"""Regions and groups of them as perimeters: the labels, and the arrays kernels take."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels.perimeters import Perimeters
from ...kernels.solve import Method as Solver
from ...kernels.world import make_world
from ..core import Progress
from ..tables import Groups, WorldTables
from ..tables import groups as groups_module
from . import trade as measures
from .trade import ValueAdded

# With groups, the number of perimeters is rounded up to a multiple of this.
_PROGRAM_SIZES = 8
# A, B, flows by buyer, products with several columns for each buyer.
_MATRICES = 12


@dataclass(frozen=True)
class Borders:
    """Perimeters by name, and the place of each region's among them.

    A perimeter is a region, a split region with its parts, or a group of regions.
    """

    names: tuple[str, ...]
    place: tuple[int, ...]

    @property
    def are_regions(self) -> bool:
        """Whether every region is its own perimeter, in order."""
        return self.place == tuple(range(len(self.place)))

    @property
    def member(self) -> Float[np.ndarray, "r c"]:
        """1 where a region belongs to a perimeter.

        With groups some perimeters at the end stay empty, so that groups of like size
        share a compiled program: results are to be cut to the length of ``names``.
        """
        count = len(self.names)
        if not self.are_regions:
            count = -(-count // _PROGRAM_SIZES) * _PROGRAM_SIZES
        return np.eye(count)[list(self.place)]


def borders_of(tables: WorldTables, groups: Groups | None = None) -> Borders:
    """Perimeters of tables; errors as in ``measures.perimeters``."""
    of_region = groups_module.perimeters(tables, groups=groups)
    names = list(dict.fromkeys(of_region.values()))
    return Borders(tuple(names), tuple(names.index(k) for k in of_region.values()))


Kernel = Callable[..., Any]
"""From a year's world, the regions' membership (r, c) and, where it is asked for, final
demand by use (n, c, u) to a result with the fields ``residual`` and
``largest_input_share``."""


def computed_worlds(
    kernel: Kernel,
    tables: WorldTables,
    borders: Borders,
    value_added: ValueAdded,
    progress: Progress,
    *,
    inverse: bool = True,
    certify: bool = False,
    uses: Sequence[Sequence[str]] = (),
) -> Generator[tuple[slice, Any], None, None]:
    """Runs of years and ``kernel`` of their worlds, years first, in double precision.

    ``kernel`` must be the same object for the same work, or it is compiled anew;
    without ``inverse`` its world has no B, with ``certify`` one that is right in every
    cell; ``uses`` are categories of final demand,
    each use of which the kernel is given.
    """
    member = borders.member

    def final_demand(tables: WorldTables, years: slice) -> Float[np.ndarray, "t n c u"]:
        parts = [tables.final_demand(years, k) for k in (None, *uses)]
        if not borders.are_regions:
            parts = [Y @ member for Y in parts]
        return np.stack(parts, axis=-1)

    with jax.enable_x64(True):
        yield from measures.computed_years(
            _one_year(
                kernel,
                len(borders.place),
                len(tables.sectors),
                borders.are_regions,
                inverse,
                certify,
            ),
            tables,
            value_added,
            progress,
            final_demand=final_demand,
            constants=() if borders.are_regions else (member,),
            matrices=_MATRICES,
        )


@lru_cache(maxsize=256)
def _one_year(
    kernel: Kernel,
    regions: int,
    sectors: int,
    are_regions: bool,
    inverse: bool,
    certify: bool,
) -> Callable[[Solver], Callable]:
    """A one-year function for each solver, the same object each time.

    Unless perimeters are regions, its last argument is their membership.
    """

    @lru_cache
    def with_solver(solver: Solver) -> Callable:
        def one_year(
            Z: Array, x: Array, Y: Array, v: Array | None, member: Array | None = None
        ) -> Any:
            each = jnp.eye(regions, dtype=Y.dtype) if member is None else member
            perimeters = Perimeters(
                jnp.repeat(each, sectors, axis=0, total_repeat_length=len(x)),
                blocks=are_regions,
            )
            world = make_world(
                Z,
                x,
                Y[..., 0],
                v,
                perimeters,
                method=solver,
                inverse=inverse,
                certify=certify,
            )
            by_use = Y[..., 1:]
            return kernel(world, each, by_use) if by_use.size else kernel(world, each)

        return one_year

    return with_solver
