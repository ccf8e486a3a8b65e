"""Tables drawn around a true one with known errors, and whether intervals hold it."""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float

import tivax as tx

Z95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution
Cells = Float[np.ndarray, "n N"]

DRAWN = {
    "lognormal": tx.table_errors.Lognormal(a=0.5, b=0.1),
    "lognormal, rows held": tx.table_errors.Lognormal(a=0.5, b=0.1, margins=("row",)),
    "lognormal, both held": tx.table_errors.Lognormal(
        a=0.5, b=0.1, margins=("row", "column")
    ),
    "shares": tx.table_errors.Shares(concentration=50),
    "shares, RAS": tx.table_errors.Shares(concentration=50),
}
"""Errors by name; shares are balanced as the model has it, or by RAS."""


def draw_lognormal(
    F: Cells, error: tx.table_errors.Lognormal, rng: np.random.Generator
) -> Cells:
    """Cells times a lognormal factor of mean 1 and relative deviation a z^-b, balanced
    by least squares with weights 1 / variance to the margins that are held."""
    size = np.abs(F)
    sigma = error.a * np.where(size > 0, size, 1.0) ** -error.b
    width = np.sqrt(np.log1p(sigma**2))
    e = F * np.expm1(width * rng.standard_normal(F.shape) - width**2 / 2)
    S = np.where(size > 0, (sigma * size) ** 2, 0)
    R, C = S.sum(axis=1), S.sum(axis=0)
    R, C = np.where(R > 0, R, 1), np.where(C > 0, C, 1)
    if error.margins == ("row",):
        e = e - S * (e.sum(axis=1) / R)[:, None]
    elif error.margins == ("row", "column"):
        # Multipliers of columns, those of rows put in. One of them is free: the sums of
        # rows and of columns have one total.
        K = np.diag(C) - S.T @ (S / R[:, None])
        rhs = e.sum(axis=0) - S.T @ (e.sum(axis=1) / R)
        b = np.zeros(len(C))
        free = np.flatnonzero(S.any(axis=0))[1:]
        b[free] = np.linalg.solve(K[np.ix_(free, free)], rhs[free])
        e = e - S * ((e.sum(axis=1) - S @ b) / R)[:, None] - S * b[None, :]
    return F + e


def draw_shares(
    F: Cells,
    error: tx.table_errors.Shares,
    rng: np.random.Generator,
    regions: int,
    *,
    ras: bool = False,
) -> Cells:
    """Partners' shares redrawn, by gamma draws, for every good, region and user, then
    balanced to what each partner sells to the region: by least squares, with the
    squared imports of users as weights, or by RAS on each block."""
    n, c = len(F), regions
    s = n // c
    users = np.concatenate(
        [F[:, :n].reshape(c, s, c, s), F[:, n:].reshape(c, s, c, 1)], axis=3
    )
    home = np.eye(c, dtype=bool)[:, None, :, None]
    sold, bought = np.where(home, 0, users).sum(axis=3), np.where(home, 0, users).sum(0)
    # Imports below 0, which inventories make, count as none in the shares.
    sellers = np.maximum(sold, 0)
    share = sellers / np.where(sellers.sum(0) > 0, sellers.sum(0), 1)
    alpha = np.broadcast_to(error.concentration * share[..., None], users.shape)
    # Draws of small shares are 0 in double precision, and a row of them could not be
    # balanced: a thousandth of what is expected is added.
    draws = rng.standard_gamma(alpha) + 1e-3 * alpha
    total = draws.sum(axis=0)
    made = draws / np.where(total > 0, total, 1) * bought
    expected = share[..., None] * bought
    if ras:
        rows = expected.sum(axis=3)
        for _ in range(50):
            row = made.sum(axis=3)
            made *= (rows / np.where(row != 0, row, 1))[..., None]
            column = made.sum(axis=0)
            made *= bought / np.where(column != 0, column, 1)
        change = made - expected
    else:
        w = (
            bought**2
            / np.where(bought.any(axis=2), (bought**2).sum(axis=2), 1)[..., None]
        )
        change = made - expected
        change -= change.sum(axis=3)[..., None] * w
    # The errors are those of the draws around the proportional table.
    users = users + np.where(home, 0, change)
    return np.hstack([users[..., :s].reshape(n, n), users[..., s].reshape(n, c)])


def draw_and_judge(
    tables: tx.WorldTables, name: str, count: int, seed: int
) -> list[dict[str, Any]]:
    """The index of each region: how often its interval holds the true one.

    ``tables`` is the true year. One row: the share of all intervals, its least and
    greatest over regions, and by region the spread of the index between tables and its
    bias, both in standard errors.
    """
    error = DRAWN[name]
    c, n = len(tables.regions), tables.n
    x = np.asarray(tables.x[0])
    F = np.hstack([tables.Z[0], tables.final_demand()[0]])
    truth = tx.trade_benefit_index(tables).with_errors(error).data.isel(year=0)
    rng = np.random.default_rng(seed)
    found, errors = [], []
    labels = (tables.regions, tables.sectors, tables.years)
    # A drawn industry may use more than it makes.
    warnings.simplefilter("ignore", tx.TivaxWarning)
    for _ in range(count):
        if error.kind == "shares":
            drawn = draw_shares(F, error, rng, c, ras=name.endswith("RAS"))
        else:
            drawn = draw_lognormal(F, error, rng)
        one = tx.WorldTables(drawn[None, :, :n], drawn[None, :, n:], x[None], *labels)
        got = tx.trade_benefit_index(one).with_errors(error).data.isel(year=0)
        found.append(got["tbi"].values)
        errors.append(got["tbi_se"].values)
    value, se = np.array(found), np.array(errors)
    inside = np.abs(value - truth["tbi"].values) <= Z95 * se
    above = truth["tbi"].values - value > Z95 * se
    by_region = 100 * inside.mean(axis=0)
    spread = value.std(axis=0, ddof=1) / truth["tbi_se"].values
    shift = (value.mean(axis=0) - truth["tbi"].values) / truth["tbi_se"].values
    return [
        {
            "errors": name,
            "regions": c,
            "sectors": len(tables.sectors),
            "tables": count,
            "covered": 100 * inside.mean(),
            "over": 100 * above.mean(),
            "under": 100 * (~inside & ~above).mean(),
            "least": by_region.min(),
            "greatest": by_region.max(),
            "least_spread": spread.min(),
            "greatest_spread": spread.max(),
            "least_bias": shift.min(),
            "greatest_bias": shift.max(),
            "median_se": float(np.median(truth["tbi_se"].values)),
        }
    ]
