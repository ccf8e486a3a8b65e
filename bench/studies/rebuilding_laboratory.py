"""A laboratory for rebuilt tables: WIOD 2013, its partners thrown away and rebuilt.

What the pieces of WIOD 2016 tell is kept: home blocks, exports by product, imports by
product and use, trade by pair in goods, services and 16 groups, all partners of 2011
and those of final uses in 1997. Partners of inputs in other years, and which user buys
from whom, are rebuilt by the same steps (``engine.rebuilding``), and intervals
compared with the tables as they were. Both releases share no detail of users: what is
learned here are not the parameters but whether the model is right.

    python -m tivax.bench.studies.rebuilding_laboratory \\
        STORE2013 --out laboratory --draws 100

STORE2013 is of `tivax import wiod2013 --derounded` and has 1997 and 2011.
"""

import argparse
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

import tivax as tx

from ...engine.core import in_float64, load_toml
from ...kernels.rebuilding import trade as kernel
from .rebuilding import coverage, flows_of, parameters

FIRST, LAST = 1997, 2011
_PRODUCTS = {
    "primary": ["c1", "c2"],
    "manufactures": ["c3", "c16"],
    "refining": ["c8", "c8"],
    "services": ["c17", "c35"],
}
_GROUPS = [
    *([f"c{k}", f"c{k}"] for k in (1, 2, 3)),
    ["c4", "c5"],
    *([f"c{k}", f"c{k}"] for k in range(6, 17)),
    ["c17", "c35"],
]
_KINDS = [["c1", "c16"], ["c17", "c35"]]
_FOLLOW, _TRACE = 0.5, 1e-5
Trade = Float[np.ndarray, "s c u c"]
_fit = jax.jit(partial(kernel.fit_trade, classes=(1, 1, 1)))


def main() -> None:
    """Rebuild, draw, compare; write coverage.csv and parameters.csv."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--parameters", action="store_true")
    given = parser.parse_args()
    true = [without_negative_trade(k) for k in tx.open_store(given.store, lazy=True)]
    rebuilt, years = laboratory(true), [k.year for k in true[1:]]
    exact = flows_of(tx.stack_years(true), years)
    base = flows_of(rebuilt, years)
    given.out.mkdir(parents=True, exist_ok=True)
    drawn = tx.table_errors.draw_flows(
        rebuilt, "rebuilt", draws=given.draws, years=years
    )
    coverage(drawn, base, exact).to_csv(given.out / "coverage.csv", index=False)
    if given.parameters:
        found = parameters(rebuilt, base, exact)
        found.to_csv(given.out / "parameters.csv", index=False)


def without_negative_trade(table: tx.WorldTable) -> tx.WorldTable:
    """The truth: trade below 0, which inventories have, is 0; own inventories close."""
    c, n = len(table.regions), len(table.x)
    abroad = np.repeat(~np.eye(c, dtype=bool), n // c, axis=0)
    Y = np.where(abroad[..., None], np.maximum(table.Y, 0), table.Y)
    Z = np.maximum(table.Z, 0)
    rows = table.x - Z.sum(1) - Y.sum((1, 2))
    Y[np.arange(n), np.arange(n) // (n // c), -1] += rows
    return replace(table, Z=Z, Y=Y, value_added=None)


def trade_of(table: tx.WorldTable) -> Trade:
    """Trade by product, seller, use (inputs, final uses, inventories) and buyer."""
    c = len(table.regions)
    s = len(table.sectors)
    Y = table.Y.reshape(c, s, c, -1)
    inputs = table.Z.reshape(c, s, c, s).sum(3)
    trade = np.stack([inputs, Y[..., :-1].sum(3), Y[..., -1]], 2).transpose(1, 0, 2, 3)
    trade[:, np.arange(c), :, np.arange(c)] = 0
    return trade


def laboratory(true: list[tx.WorldTable]) -> tx.WorldTables:
    """All years rebuilt, with what they say of themselves."""
    ends = trade_of(true[0]), trade_of(true[-1])
    assert (true[0].year, true[-1].year) == (FIRST, LAST)
    first = fit(ends[1], ends[0], true[0].sectors)
    moved = _ratio(ends[0][:, :, 1], first[:, :, 1])
    seed = ends[0].copy()
    known = (ends[0][:, :, 1] > 1) & (first[:, :, 1] > 1)
    moved = np.where(known, np.clip(moved, 0.05, 20), 1)
    seed[:, :, 0] = first[:, :, 0] * moved**_FOLLOW
    first = fit(seed, ends[0], true[0].sectors)
    tables = []
    for table in true:
        trade = trade_of(table)
        if table.year < LAST:
            weight = (LAST - table.year) / (LAST - FIRST)
            trade = fit(_between(ends[1], first, weight), trade, table.sectors)
        tables.append(proportional(table, trade))
    world = tx.stack_years(tables, source="rebuilt")
    years = [k.year for k in true]
    return replace(world, rebuilt=about(years))


def proportional(table: tx.WorldTable, trade: Trade) -> tx.WorldTable:
    """The table with this trade, every user buying from the same partners."""
    c, s = len(table.regions), len(table.sectors)
    own = np.arange(c)
    Z = table.Z.reshape(c, s, c, s).copy()
    home = Z[own, :, own].copy()
    Z[own, :, own] = 0
    used = Z.sum(0)  # product, buyer, user
    used = _ratio(used, used.sum(2, keepdims=True))
    Z = trade[:, :, 0].transpose(1, 0, 2)[..., None] * used[None]
    Z[own, :, own] = home
    Y = table.Y.reshape(c, s, c, -1).copy()
    mine = Y[own, :, own].copy()
    Y[..., 0] = trade[:, :, 1].transpose(1, 0, 2)
    Y[..., 1:-1] = 0
    Y[..., -1] = trade[:, :, 2].transpose(1, 0, 2)
    Y[own, :, own] = mine
    rows = table.x.reshape(c, s) - Z.sum((2, 3)) - Y.sum((2, 3))
    Y[own, :, own, -1] += rows
    n = c * s
    return replace(table, Z=Z.reshape(n, n), Y=Y.reshape(n, c, -1))


@in_float64
def fit(seed: Trade, true: Trade, sectors: tuple[str, ...]) -> Trade:
    """The trade nearest to ``seed`` with the margins of the truth that are told."""
    c = seed.shape[1]
    free = np.arange(c) == c - 1
    groups, kinds = (members(k, sectors) for k in (_GROUPS, _KINDS))
    imports, exports = true.sum(1), true.sum((2, 3))
    pairs = np.einsum("ki,irud->krd", kinds, true[:, :, :-1])
    trace = _ratio(exports, exports.sum(1, keepdims=True))
    trace = trace[:, :, None, None] * imports[:, None]
    trace[:, np.arange(c), :, np.arange(c)] = 0
    put = jax.device_put
    margins = kernel.Margins(
        imports=put(np.where(free, np.nan, imports)),
        exports=put(np.where(free, np.nan, exports)),
        pairs=(
            kernel.PairFlows(
                flows=put(np.where(free[:, None] | free, np.nan, pairs)[:, None]),
                products=put(kinds),
                uses=put(np.array([[1.0, 1.0, 0.0]])),
            ),
        ),
    )
    flows = kernel.GroupFlows(
        flows=put(np.einsum("gi,irud->grd", groups, true)),
        lift=put(np.ones((len(sectors), c))),
        groups=put(groups),
        inputs_only=put(np.asarray(False)),
    )
    how = put(20), put(1e-6), put(400)
    found = _fit(put(seed + _TRACE * trace), margins, (flows,), *how)
    return np.asarray(found.trade)


def members(groups: list[list[str]], sectors: tuple[str, ...]) -> np.ndarray:
    """1 for the products from the first to the last of a group."""
    ends = [[sectors.index(k) for k in group] for group in groups]
    place = np.arange(len(sectors))
    return np.array([(place >= a) & (place <= b) for a, b in ends], float)


def about(years: list[int]) -> Mapping[str, Any]:
    """The attribute ``rebuilt``: the parameters of WIOD 2016 for these products."""
    facts = load_toml("tivax.engine.rebuilding", "facts.toml")
    errors = deepcopy(facts["errors"])
    errors["known"] = {"groups": _GROUPS, "kinds": _KINDS}
    errors["products"] = _PRODUCTS
    errors["fade"] |= {"merged_products": [], "merged_products_2014": 0.0}
    errors["rounding"] = {"cell": 0.0, "balance": 0.0}
    errors["rest_of_world"] = {"coefficients": 0.0}
    none = {"real": [], "printed": [], "estimated": []}
    blocks = {k: dict(none) for k in ("home", "imports", "output")}
    blocks["partners_of_inputs"] = {**none, "real": [LAST]}
    blocks["partners_of_final_uses"] = {**none, "printed": [FIRST]}
    blocks["users"] = {**none, "estimated": years}
    return {"words": "a laboratory", "blocks": blocks, "errors": errors}


def _between(last: Trade, first: Trade, weight: float) -> Trade:
    both = (last > 0) & (first > 0)
    logs = [np.log(np.where(both, k, 1)) for k in (last, first)]
    mean = np.exp((1 - weight) * logs[0] + weight * logs[1])
    return np.where(both, mean, (1 - weight) * last + weight * first)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(
        a, b, out=np.zeros(np.broadcast_shapes(a.shape, b.shape)), where=b > 0
    )


if __name__ == "__main__":
    main()
