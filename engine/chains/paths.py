"""``tx.supply_paths``: the largest supply paths of a demand, and the rest."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Array, Float

from ...kernels import exposure
from ...kernels.import_share import solve_contents
from ...kernels.leontief import per_dollar, relative_norm, residual_value_added
from ...kernels.solve import Method, solve
from ..core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_kind,
    require_whole,
)
from ..measures import Account, compute_years
from ..tables import AnyGroups, WorldTables, as_float64, year_of
from .sides import BuyerAndSupplier

# Paths and remainder are sums of at most some million products of double precision.
_CERTIFIED = 1e-10


@dataclass(frozen=True, eq=False)
class SupplyPaths:
    """The largest supply paths of a demand, in falling order.

    Attributes
    ----------
    table
        ``path`` (from the supplying to the selling industry), ``length`` (inputs on the
        way), ``value`` (in the unit of the tables), ``percent`` of the total.
    total
        All that the demand takes of the supplier, w'B f, by a solve from the demand.
    remainder
        The sum of all other paths, by what contents from the supplier say of each
        branch that was left: not the difference.
    gap
        Distance of paths + remainder from the total, over the total: at most 1e-10.
    length
        The average propagation length.

    Examples
    --------
    >>> found = tx.supply_paths(world, "R01", "R02", count=3)
    >>> bool(abs(found.table["value"].sum() + found.remainder - found.total) < 1e-4)
    True
    >>> round(found.length, 2)
    1.76
    """

    table: pd.DataFrame
    total: float
    remainder: float
    gap: float
    length: float


@in_float64
def supply_paths(
    tables: WorldTables,
    buyer: str,
    supplier: str,
    *,
    sectors: Sequence[str] = (),
    demand: xr.DataArray | None = None,
    year: int | None = None,
    count: int = 20,
    groups: AnyGroups | None = None,
    progress: Progress = no_progress,
) -> SupplyPaths:
    """The largest paths by which a demand takes inputs of a supplier.

    A path is a term w_i A_ij ... A_kl f_l of the power series of w'B f (structural path
    analysis; Defourny and Thorbecke 1984, Economic Journal 94). Branch and bound with
    an exact bound of each branch (``kernels.exposure.best_paths``) finds the largest
    without looking at others.

    Parameters
    ----------
    tables
        In memory or lazy; the year must fit in memory.
    buyer, supplier
        Regions, by code or name, or groups. The demand is the final sales of the
        buyer's industries.
    sectors
        The buyer's industries that count; by default all.
    demand
        Another demand, (region, sector) in the unit of the tables; the buyer's
        industries and ``sectors`` choose from it.
    year
        By default the last.
    count
        Number of paths.
    groups
        As in :func:`indicators`.

    Returns
    -------
    SupplyPaths
        ``table``, ``total``, ``remainder``, ``gap``, ``length``.

    Raises
    ------
    TivaxError
        An unknown region, sector or year; a table that is not productive; paths that
        with their remainder miss the total by more than 1e-10 of it.

    Examples
    --------
    >>> found = tx.supply_paths(world, "R01", "R02", count=3)
    >>> found.table[["path", "percent"]].round(2)
                              path  percent
    0            R02 S04 > R01 S01    39.65
    1  R02 S04 > R02 S04 > R01 S01     9.29
    2            R02 S04 > R01 S02     7.49
    """
    require_whole("count", count, 1)
    sides = BuyerAndSupplier.of(tables, buyer, supplier, sectors, groups)
    chosen = year_of(tables, year)
    one = tables.select(chosen, chosen)
    given = one.final_demand(slice(0, 1))[0].sum(axis=1)
    if demand is not None:
        given = _demand(demand, tables)
    f, w = sides.buying * given, sides.industries(sides.supplier)
    ((_, part),) = compute_years(
        _bounds,
        one,
        Account("residual"),
        progress,
        constants=(f, w),
        regions=len(tables.regions),
    )
    found = jax.tree.map(lambda a: np.asarray(a[0]), part)
    if not found.settled:
        raise TivaxError(
            f"{chosen}: paths of single inputs grow with their length; "
            "`tivax check` shows whether the table is productive"
        )
    Z, x = as_float64(one.Z[0]), np.asarray(one.x[0], float)
    per_unit = np.divide(1, x, out=np.zeros_like(x), where=x > 0)

    def column(j: int) -> Float[np.ndarray, " n"]:
        return Z[:, j] * per_unit[j]

    paths, remainder = largest_paths(column, f, w, found.content, found.best, count)
    total = float(w @ found.output)
    values = np.array([value for value, _ in paths])
    size = abs(total) or 1.0
    gap = float(abs(values.sum() + remainder - total) / size)
    if not gap <= _CERTIFIED:
        raise TivaxError(
            f"{chosen}: paths and their remainder miss the total by {gap:.1e} of it; "
            "`tivax check` shows how well the table adds up"
        )
    names = [f"{r} {s}" for r in tables.regions for s in tables.sectors]
    table = pd.DataFrame(
        {
            "path": [" > ".join(names[k] for k in nodes) for _, nodes in paths],
            "length": [len(nodes) - 1 for _, nodes in paths],
            "value": values,
            "percent": 100 * values / size,
        }
    )
    return SupplyPaths(table, total, remainder, gap, float(found.length))


def _demand(demand: xr.DataArray, tables: WorldTables) -> Float[np.ndarray, " n"]:
    require_kind("demand", demand, xr.DataArray, "a DataArray by region and sector")
    labels = {"region": list(tables.regions), "sector": list(tables.sectors)}
    if set(demand.dims) != set(labels):
        raise TivaxError(f"demand: its dims are {demand.dims}, not region and sector")
    given = demand.reindex(labels).fillna(0.0).transpose(*labels)
    lost = float(np.abs(demand).sum() - np.abs(given).sum())
    if not lost <= 1e-9 * float(np.abs(demand).sum()):
        raise TivaxError("demand: it has regions or sectors that the tables have not")
    return given.to_numpy().astype(float).ravel()


class PathYear(NamedTuple):
    """A year's output for a demand, contents of the supplier, and bounds of paths."""

    output: Float[Array, " n"]
    content: Float[Array, " n"]
    best: Float[Array, " n"]
    settled: Array
    length: Float[Array, ""]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]


def _bounds(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: None,
    demand: Float[Array, " n"],
    wanted: Float[Array, " n"],
    *,
    regions: int,
    method: Method,
) -> PathYear:
    scale = per_dollar(x)
    right = solve(Z, demand[:, None], regions=regions, method=method, scale=scale)
    output = right.X[:, 0]
    if method == "lu":
        content = jnp.linalg.solve(jnp.eye(len(x)) - (Z * scale).T, wanted)
    else:
        content = solve_contents(
            Z, wanted[:, None], regions=regions, size=x, tol=1e-14, scale=scale
        ).X[:, 0]
    missed = wanted - content + (content @ Z) * scale
    best = exposure.best_paths(Z, scale, wanted)
    left = residual_value_added(Z, x)
    return PathYear(
        output=output,
        content=content,
        best=best.best,
        settled=best.settled,
        length=exposure.propagation_length(demand, wanted, output, content),
        largest_input_share=1 - jnp.min(jnp.where(x > 0, left, 1)),
        residual=jnp.maximum(
            right.residual, relative_norm(missed[:, None], wanted[:, None]).max()
        ),
    )


class _Branch(NamedTuple):
    """A path so far, or with ``ends`` a whole one; ``amount`` is the output that it
    takes of its first node, ``nodes`` lead from there to the industry that sells."""

    bound: float
    number: int
    ends: bool
    amount: float
    nodes: tuple[int, ...]


def largest_paths(
    column: Callable[[int], Float[np.ndarray, " n"]],
    demand: Float[np.ndarray, " n"],
    wanted: Float[np.ndarray, " n"],
    content: Float[np.ndarray, " n"],
    best: Float[np.ndarray, " n"],
    count: int,
) -> tuple[list[tuple[float, tuple[int, ...]]], float]:
    """The ``count`` largest paths (value, nodes) by size, and the sum of all others.

    ``column(j)`` is A_.j. The branch with the largest bound is followed first. Of its
    continuations only ``count`` can be among the largest: the content of the others
    goes to the remainder at once, that of the branches that are left at the end.
    """
    branches: list[_Branch] = []
    dropped: list[float] = []
    number = 0

    def follow(amounts: Float[np.ndarray, " n"], nodes: tuple[int, ...]) -> None:
        nonlocal number
        bounds = np.abs(amounts) * best
        kept = np.flatnonzero(bounds)
        if len(kept) > count:
            kept = np.argpartition(bounds, -count)[-count:]
        others = amounts.copy()
        others[kept] = 0
        dropped.append(float(others @ content))
        for i in kept.tolist():
            number += 1
            amount = float(amounts[i])
            branch = _Branch(-bounds[i], number, False, amount, (i, *nodes))
            heapq.heappush(branches, branch)

    follow(demand, ())
    found: list[tuple[float, tuple[int, ...]]] = []
    while branches and len(found) < count:
        branch = heapq.heappop(branches)
        first = branch.nodes[0]
        if branch.ends:
            found.append((branch.amount * wanted[first], branch.nodes))
            continue
        if wanted[first]:
            number += 1
            bound = -abs(branch.amount * wanted[first])
            whole = branch._replace(bound=bound, number=number, ends=True)
            heapq.heappush(branches, whole)
        follow(branch.amount * column(first), branch.nodes)
    left = [k.amount * (wanted if k.ends else content)[k.nodes[0]] for k in branches]
    return found, float(np.sum(dropped) + np.sum(left))
