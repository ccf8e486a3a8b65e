"""Rebuilt tables by hand: three countries and the rest of the world, four products."""

import numpy as np

import tivax.engine as tx

REGIONS = ("AAA", "BBB", "CCC", "ROW")
SECTORS = ("G1", "G2", "S1", "S2")
YEARS = (2000, 2001, 2002)
ERRORS = {
    "rest_of_world_is": "ROW",
    "known": {
        "groups": [["G1", "G1"], ["G2", "G2"], ["S1", "S2"]],
        "kinds": [["G1", "G2"], ["S1", "S2"]],
    },
    "products": {"manufactures": ["G1", "G2"], "services": ["S1", "S2"]},
    "partners": {
        "manufactures": {"inputs": 60, "final": 80},
        "services": {"inputs": 30, "final": 40},
        "kept_a_year": 0.86,
    },
    "fade": {
        "start": 0.4,
        "a_year_after_2000": 0.2,
        "years_before_2014": 3,
        "merged_products_2014": 0.4,
        "merged_products": ["S1", "S2"],
    },
    "users": {
        "manufactures": {"by_seller": 0.1, "by_pair": 0.05},
        "services": {"by_seller": 0.1, "by_pair": 0.1},
        "kept_a_year": 0.95,
    },
    "rest_of_world": {"coefficients": 0.05},
    "rounding": {"cell": 0.5, "balance": 1.0},
}


def _block(**years):
    kinds = ("real", "printed", "estimated")
    return {kind: list(years.get(kind, ())) for kind in kinds}


BLOCKS = {
    "home": _block(printed=YEARS),
    "imports": _block(printed=YEARS),
    "output": _block(printed=YEARS),
    "partners_of_final_uses": _block(printed=[2000], estimated=[2001, 2002]),
    "partners_of_inputs": _block(estimated=YEARS),
    "users": _block(estimated=YEARS),
}


def rebuilt_world(errors=ERRORS, seed=0):
    """Every user of a region buys a product from the same partners; rows add up."""
    rng = np.random.default_rng(seed)
    c, s, t = len(REGIONS), len(SECTORS), len(YEARS)
    own = np.arange(c)
    Z = np.empty((t, c, s, c, s))
    Y = np.empty((t, c, s, c, 2))
    for k in range(t):
        sold = 200 * rng.lognormal(size=(c, s, c))
        used = rng.lognormal(size=(c, s, s))
        used /= used.sum(2, keepdims=True)
        Z[k] = np.einsum("rid,dij->ridj", sold, used)
        Z[k][own, :, own] = 400 * rng.lognormal(sigma=0.5, size=(c, s, s))
        Y[k, ..., 0] = 150 * rng.lognormal(size=(c, s, c))
        Y[k, ..., 1] = 4 * rng.lognormal(size=(c, s, c))
        bought = Z[k].sum((0, 1)).ravel() * 1.6
        Y[k][own, :, own, 0] += np.maximum(
            bought.reshape(c, s) - Z[k].sum((2, 3)) - Y[k].sum((2, 3)), 100
        )
    x = Z.sum((3, 4)) + Y.sum((3, 4))
    n = c * s
    return tx.WorldTables(
        Z.reshape(t, n, n),
        Y.reshape(t, n, c, 2),
        x.reshape(t, n),
        REGIONS,
        SECTORS,
        YEARS,
        categories=("CONS_h", "INVEN"),
        source="rebuilt",
        rebuilt={"words": "by hand", "blocks": BLOCKS, "missing": [], "errors": errors},
    )
