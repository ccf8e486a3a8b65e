"""Exports and production decomposed by value added, year by year, labelled.

A method (``methods.py``) is run once a year for one level of detail. Its terms add up
over industries and buyers, except where the level is part of the method (``bm-self``,
``ltv``).
"""

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ...kernels.inverted_table import InvertedTable
from ..core import (
    NOT_KEPT,
    Keeper,
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    shift_progress,
    source_in_words,
)
from ..tables import (
    AnyGroups,
    WorldTables,
    named_groups,
    whole_regions,
)
from .accounts import Account, ValueAdded
from .group_runs import require_new_names, rows_of
from .methods import (
    LEVELS,
    METHODS,
    WITHOUT_CONTENTS,
    WITHOUT_INVERSE,
    Kernel,
    Method,
    importer_totals,
    require_identity,
    require_method,
)
from .perimeters import NamedPerimeters, compute_inverted, perimeters_of

# Terms in the unit of the tables, also with a satellite account.
_GROSS = ("GEXP", "GIMP", "X")


class DecomposedYear(NamedTuple):
    """Terms of one year in full detail; see ``decompose``."""

    terms: dict[str, Array]
    identity: Float[Array, ""]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]


@in_float64
def decomposed_years(
    tables: WorldTables,
    method: str,
    level: str = "bilateral-sector",
    *,
    detail: bool = False,
    by_origin: bool = False,
    groups: AnyGroups | None = None,
    apart: bool = False,
    value_added: ValueAdded = "residual",
    memory: int | None = None,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> Generator[xr.Dataset, None, None]:
    """``decompose``, a run of years at a time: wwz has 14 MB a year of WIOD.

    ``apart``: the rows of each group in turn. Mistakes are reported before the first
    group is computed.
    """
    chosen = require_method(method, level, detail=detail, by_origin=by_origin)
    account = Account(value_added)
    if method == "tripartite-output" and account.satellite is not None:
        raise TivaxError(
            "method tripartite-output sets value added against output: it takes no "
            "satellite account"
        )
    about = {"account": account, "memory": memory}
    compute = partial(years_of_method, tables, chosen, method, level, **about)
    if not apart:
        return compute(groups=groups, progress=progress, keeper=keeper)
    named = named_groups(groups, whole_regions(tables))
    require_new_names(named, tables.regions)
    years = len(tables.years)
    runs = {
        name: compute(
            groups={name: members},
            progress=shift_progress(progress, k * years, len(named) * years),
            keeper=keeper.under(k),
        )
        for k, (name, members) in enumerate(named.items())
    }
    return (rows_of(part, name) for name, run in runs.items() for part in run)


def years_of_method(
    tables: WorldTables,
    chosen: Method,
    method: str,
    level: str,
    *,
    account: Account,
    groups: AnyGroups | None = None,
    memory: int | None = None,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> Generator[xr.Dataset, None, None]:
    """``decomposed_years`` with the terms of ``chosen``, called ``method``."""
    borders, kernel = perimeters_of(tables, groups), chosen.kernels[level]
    inverse = kernel not in WITHOUT_INVERSE
    program = "inverse" if inverse else "solves"
    if method == "ltv":
        program = "ltv"
    elif chosen is not METHODS.get(method):  # in detail, by origin
        program = "groups"
    parts = compute_inverted(
        _decompose_year,
        tables,
        borders,
        account,
        progress,
        inverse=inverse,
        contents=kernel not in WITHOUT_CONTENTS,
        memory=memory,
        keeper=keeper,
        program=program,
        method=chosen,
        kernel_of_terms=kernel,
        sectors=len(tables.sectors),
    )
    about = tables, borders, chosen, method, level, account.unit(tables)
    return (_labelled(part, tables.years[at], *about) for at, part in parts)


def _decompose_year(
    world: InvertedTable, *, method: Method, kernel_of_terms: Kernel, sectors: int
) -> DecomposedYear:
    """Terms of a year's inverted table, and their identity. Levels of a method that has
    one kernel for them share a compiled program."""
    terms = kernel_of_terms(world, *((sectors,) if method.by_origin else ()))
    gap = jnp.full((1,), jnp.nan, world.v.dtype)
    if method.check is not None:
        gap = method.check(world, terms)
    return DecomposedYear(
        {term: terms[term] for term in method.terms if term in terms},
        jnp.max(gap),
        world.largest_input_share,
        world.residual,
    )


def _at_level(
    term: np.ndarray,
    method: Method,
    level: str,
    sectors: int,
    member: Float[np.ndarray, "r p"] | None,
) -> np.ndarray:
    """(year, perimeter, sector, buyer) or less, from (year, industry, buyer).

    ``member`` says which perimeter a region belongs to, where these are not the same.
    """
    by_sector, by_buyer = LEVELS[level]
    if method.kernels[level] is importer_totals:
        return term
    if method.by_origin:  # by perimeter already
        return term if by_buyer else term.sum(axis=3)
    flows = term.reshape(len(term), -1, sectors, *term.shape[2:])
    if term.ndim == 3 and not by_buyer:
        flows = flows.sum(axis=3)
    if not by_sector:
        flows = flows.sum(axis=2)
    return flows if member is None else np.einsum("rp,tr...->tp...", member, flows)


def _labelled(
    part: DecomposedYear,
    years: Sequence[int],
    tables: WorldTables,
    borders: NamedPerimeters,
    method: Method,
    name: str,
    level: str,
    unit: str,
) -> xr.Dataset:
    if method.check is not None:
        what = f"the terms of {name} miss their identity"
        require_identity(np.asarray(part.identity), years, what)
    by_sector, by_buyer = LEVELS[level]
    who = "importer" if method.kernels[level] is importer_totals else "exporter"
    coords: dict[str, Any] = {"year": list(years), who: list(borders.names)}
    if by_sector:
        coords["sector"] = list(tables.sectors)
    if by_buyer:
        coords["importer"] = list(borders.names)
    # Only the perimeters that have a member.
    there = [slice(len(labels)) for labels in coords.values()]
    member = None if borders.are_regions else borders.member
    data: dict[str, Any] = {}
    for term, text in method.terms.items():
        if term in part.terms:
            found = np.asarray(part.terms[term])
            found = _at_level(found, method, level, len(tables.sectors), member)
            attrs = {"units": tables.unit if term in _GROSS else unit}
            dims, places = list(coords)[: found.ndim], tuple(there[: found.ndim])
            data[term] = (dims, found[places], attrs | {"long_name": text})
    exactness = {
        "residual": "relative residual of the solve",
        "identity": "largest relative gap of what must add up",
    }
    for key, text in exactness.items():
        data[key] = ("year", getattr(part, key), {"long_name": text})
    return xr.Dataset(
        data,
        coords,
        attrs={
            "source": source_in_words(tables.source),
            "method": name,
            "level": level,
            "reference": method.source,
        },
    )
