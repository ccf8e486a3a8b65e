"""Errors of rebuilt tables, from what their store says of itself.

Parameters are in the attribute ``rebuilt`` of a store (``WorldTables.rebuilt``), below
``errors``, and which years of a block are real in ``blocks``. All else is in the table:
what it was rebuilt from are its own sums.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from ...kernels.errors import rebuilt_draws as kernel
from ...kernels.errors.random_cells import rates_of_rounded
from ..core import TivaxError
from ..tables import Weighted, WorldTables, inventory_categories

# Of the factor of a partner who sells next to nothing: its variance is not above this.
_LARGEST = 100.0


def require_rebuilt(tables: WorldTables) -> Mapping[str, Any]:
    """The parameters of the errors of rebuilding.

    Raises ``TivaxError`` for tables that were not rebuilt, or not as they are.
    """
    if not tables.rebuilt:
        raise TivaxError(
            "error rebuilt: these tables were not rebuilt from national tables; it is "
            "for a store of `tivax import wiod2016-national`"
        )
    if "errors" not in tables.rebuilt:
        raise TivaxError(
            "error rebuilt: these tables hold no parameters of their errors; a store "
            "of `tivax import wiod2016-national` does, until it is aggregated"
        )
    if "known" not in tables.rebuilt["errors"]:
        raise TivaxError(
            "error rebuilt: the store is of an older tivax and lacks which sums are "
            "known; import it again"
        )
    if lacking := tables.rebuilt.get("missing", ["which pieces it was built from"]):
        raise TivaxError(
            "error rebuilt: its intervals were measured with all pieces, and the store "
            f"lacks {lacking[0]}; add the files and import again"
        )
    if isinstance(tables.Z, Weighted):
        raise TivaxError(
            "error rebuilt: the errors are of tables with their inventories; leave out "
            "the correction for them"
        )
    return tables.rebuilt["errors"]


def rebuilt_year(
    tables: WorldTables,
    k: int,
    Z: Float[np.ndarray, "n n"],
    Y: Float[np.ndarray, "n c f"],
) -> kernel.RebuiltYear:
    """The errors of year number ``k``, whose cells are Z and Y."""
    about = require_rebuilt(tables)
    year, c, s = tables.years[k], len(tables.regions), len(tables.sectors)
    names = inventory_categories(tables.categories)
    stocks = [tables.categories.index(k) for k in names]
    Z = Z.reshape(c, s, c, s)
    Y = np.concatenate([np.delete(Y, stocks, 2), Y[..., stocks]], 2)
    Y = Y.reshape(c, s, c, -1)
    own, rest = np.arange(c), _rest(tables, about)
    inputs = Z.sum(3)
    uses = [inputs, Y[..., :-1].sum(3), Y[..., -1]]
    trade = np.stack(uses, 2).transpose(1, 0, 2, 3)  # product, seller, use, buyer
    trade[:, own, :, own] = 0
    trade = np.maximum(trade, 0)
    foreign = Z.sum(0).transpose(1, 0, 2) - Z[own, :, own]  # buyer, product, user
    bought = Y.sum(0).transpose(1, 0, 2) - Y[own, :, own]
    home = np.concatenate([Z[own, :, own], Y[own, :, own]], 2)
    cells = np.concatenate([home, np.concatenate([foreign, bought], 2)], 1)
    share = _fade(tables, about, year)
    ki, kf = (by_product(tables, about, "partners", k) for k in ("inputs", "final"))
    of_uses = _ratio(share, 2 * np.stack([ki, kf, kf]))
    p = _ratio(trade, trade.sum(1, keepdims=True))
    total = trade.sum(2)
    of_all = _ratio(total, total.sum(1, keepdims=True))
    # Its size is known where final uses by partner are.
    known = "partners_of_final_uses"
    free = year in (*_years(tables, known, "real"), *_years(tables, known, "printed"))
    left = 0.0 if free else float(about["rest_of_world"]["coefficients"])
    kept = (float(about[k]["kept_a_year"]) for k in ("partners", "users"))
    # The first of all years that were rebuilt, also where some are selected.
    rebuilt = ("real", "printed", "estimated")
    first = min(k for kind in rebuilt for k in _years(tables, "users", kind)[:1])
    made = dict(
        trade=trade,
        common=_log_deviations(of_uses[0][:, None, None], of_all),
        own=_log_deviations(of_uses.T[:, None, :, None], p),
        mixes=by_product(tables, about, "users", "by_pair"),
        sellers=by_product(tables, about, "users", "by_seller"),
        groups=_members(tables, about["known"]["groups"]),
        kinds=_members(tables, about["known"]["kinds"]),
        rest=rest,
        coefficients=left,
    )
    return kernel.RebuiltYear(
        **jax.device_put(made),
        rounding=_rounding(tables, about, year, cells, trade, rest),
        kept=kernel.KeptDeviations(*jax.device_put((*kept, year - first))),
    )


def by_product(
    tables: WorldTables, about: Mapping[str, Any], section: str, key: str
) -> Float[np.ndarray, " s"]:
    """A parameter of each product, from those of groups of them."""
    values = np.zeros(len(tables.sectors))
    for kind, ends in about["products"].items():
        if kind in about[section]:
            values[_range(tables, ends)] = about[section][kind][key]
    return values


def _range(tables: WorldTables, ends: Sequence[str]) -> slice:
    first, last = (tables.sectors.index(k) for k in ends)
    return slice(first, last + 1)


def _members(
    tables: WorldTables, groups: Sequence[Sequence[str]]
) -> Float[np.ndarray, "g s"]:
    members = np.zeros((max(1, len(groups)), len(tables.sectors)))
    for k, ends in enumerate(groups):
        members[k, _range(tables, ends)] = 1
    return members


def _rest(tables: WorldTables, about: Mapping[str, Any]) -> Float[np.ndarray, " c"]:
    return np.array([float(k == about["rest_of_world_is"]) for k in tables.regions])


def _years(tables: WorldTables, block: str, kind: str) -> list[int]:
    return list(tables.rebuilt["blocks"][block].get(kind, ()))


def _fade(
    tables: WorldTables, about: Mapping[str, Any], year: int
) -> Float[np.ndarray, " s"]:
    """Degree to which partners of a product are unknown: 0 where they are real, 1 far
    from it."""
    fade = about["fade"]
    share = np.ones(len(tables.sectors))
    for real in _years(tables, "partners_of_inputs", "real"):
        if year == real:
            merged = [tables.sectors.index(k) for k in fade["merged_products"]]
            share[:] = 0
            share[merged] = fade["merged_products_2014"]
            return share
        share = np.minimum(share, abs(year - real) / fade["years_before_2014"])
    for printed in _years(tables, "partners_of_final_uses", "printed"):
        away = fade["start"] + fade["a_year_after_2000"] * abs(year - printed)
        share = np.minimum(share, away)
    return share


def _log_deviations(
    unknown: Float[np.ndarray, "..."], share: Float[np.ndarray, "..."]
) -> Any:
    """Deviation of the log of a lognormal factor of a partner's share p. Its variance
    is b / (k p), as of a gamma of shape k p / b; ``unknown`` is b / k."""
    variance = np.minimum(_ratio(unknown, share), _LARGEST)
    return np.sqrt(np.log1p(variance)).astype(np.float32)


def _rounding(
    tables: WorldTables,
    about: Mapping[str, Any],
    year: int,
    cells: Float[np.ndarray, "c m b"],
    trade: Float[np.ndarray, "s c u c"],
    rest: Float[np.ndarray, " c"],
) -> kernel.RoundingOfPieces:
    s, half = len(tables.sectors), float(about["rounding"]["cell"])
    printed = np.zeros(cells.shape)
    for block, rows in (("home", slice(0, s)), ("imports", slice(s, None))):
        printed[:, rows] = year in _years(tables, block, "printed")
    printed[rest > 0] = 0
    # A printed 0 became a cell of half a unit at most.
    filled = (np.abs(cells) <= half) & (cells != 0) & (printed > 0)
    filled[..., -1] = False
    whole = (printed > 0) & (cells != 0) & ~filled
    variance = np.where(filled, cells**2, np.where(whole, half**2 / 3, 0))
    rate = rates_of_rounded(np.where(filled, cells, 1), variance)
    exports = year in _years(tables, "output", "printed")
    made = (
        cells,
        rate.astype(np.float32),
        variance,
        np.full(trade.shape[:2], half if exports else 0.0),
        float(about["rounding"]["balance"]) * (1 - rest),
    )
    return kernel.RoundingOfPieces(*jax.device_put(made))


def _ratio(a: Any, b: Any) -> np.ndarray:
    empty = np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b)))
    return np.divide(a, b, out=empty, where=np.asarray(b) > 0)
