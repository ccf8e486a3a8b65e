"""The accounting rules of world tables, checked year by year."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float, Int

from ...kernels import absorption, leontief
from ...kernels.perimeters import equal_regions
from ...kernels.solve import TOLERANCE, Method, Solution, solve
from ..core import TivaxError, in_float64
from .plausibility import find_doubts
from .rules import impossible_value_added, unit_is_plausible
from .unproductive import unproductive_in_words
from .world_table import Tolerance, WorldTable


@dataclass(frozen=True)
class YearCheck:
    """The result of ``tivax check`` for one year. Flows in the unit of the tables.

    Attributes
    ----------
    year
        Calendar year.
    row_gap
        Largest ``|Z1 + Y1 - x|``, sales less reported output.
    row_gap_share
        The sum of these gaps over world output.
    row_gap_excess
        Excess of the worst row over the source's tolerance; 0 where none exceeds it.
    column_gap
        Largest output less inputs less value added at basic prices: taxes and
        margins; NaN where the table has no value-added row.
    negative_output, negative_sales, negative_demand, negative_value_added, zero_output
        Counts of cells, and of industries. Value added is the residual.
    largest_input_share
        Largest column sum of A; above 1 the residual value added is negative.
    spectral_radius
        Spectral radius of A, estimated.
    productive
        The spectral radius is surely below 1.
    output_gap_share, export_gap_share
        Sum of ``|x - x*|`` over output, and of ``|E - E*|`` over exports: reported
        against the model-consistent table (x* = B Y 1).
    output_identity, demand_identity, balance_identity
        On the model-consistent table, the largest relative misses of: sales = output,
        A x* + Y 1 = x*, by industry; value added absorbed in a region = its final
        demand (from industries with output); value-added balance = gross balance,
        relative to the region's trade.
    residual
        Relative residual of the solve.
    solver
        ``import-share``, or ``lu`` where that did not finish.
    finite
        All cells are finite.
    unproductive
        The industries that make a table unproductive, in words; empty where it is
        productive.
    value_added_fault
        The worst industry whose value added at basic prices is impossible beside its
        inputs and output, in words; empty where there is none, or no such row.
    unit_fault
        Why the numbers are implausible in any unit, in words.
    doubts
        Signs of wrong labels, in words (see ``plausibility``); not faults.
    """

    year: int
    finite: bool
    row_gap: float
    row_gap_share: float
    row_gap_excess: float
    column_gap: float
    negative_output: int
    negative_sales: int
    negative_demand: int
    negative_value_added: int
    zero_output: int
    largest_input_share: float
    spectral_radius: float
    productive: bool
    output_gap_share: float
    export_gap_share: float
    output_identity: float
    demand_identity: float
    balance_identity: float
    residual: float
    solver: str
    unproductive: str = ""
    value_added_fault: str = ""
    unit_fault: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """``fault``, ``in doubt`` or ``sound``."""
        return "fault" if self.faults else "in doubt" if self.doubts else "sound"

    @property
    def faults(self) -> list[str]:
        """The rules this year breaks, in words; empty for a sound table."""
        found = []
        if not self.finite:
            found.append("cells that are not numbers")
        if self.row_gap_excess > 0:
            found.append(f"a row misses its output by {self.row_gap:,.6g}")
        if self.value_added_fault:
            found.append(f"impossible value added, {self.value_added_fault}")
        if self.unit_fault:
            found.append(self.unit_fault)
        if self.negative_sales:
            found.append(f"{self.negative_sales} negative intermediate sales")
        if self.negative_output:
            found.append(f"{self.negative_output} industries of negative output")
        if not self.productive:
            look = f"; {self.unproductive}" if self.unproductive else ""
            found.append(
                f"spectral radius {self.spectral_radius:.4f}: not productive{look}"
            )
        if not self.residual <= WORST_RESIDUAL:
            found.append(f"not solved, relative residual {self.residual:.1e}")
            return found
        misses = (self.output_identity, self.demand_identity, self.balance_identity)
        if bad := [k for k in misses if not k <= IDENTITY_TOLERANCE]:
            found.append(f"an identity misses by {max(bad):.1e}")
        return found


# On the model-consistent table the identities hold as well as the solve does. The
# worst of 17 real years is 1e-11, in an industry that is a millionth of the largest.
IDENTITY_TOLERANCE = 1e-10
# A solve that misses by more than this is an error, whatever asked for it.
WORST_RESIDUAL = 1e-8


class Identities(NamedTuple):
    """Fields of ``YearCheck``, and the passes of the solve."""

    output_identity: Float[Array, ""]
    demand_identity: Float[Array, ""]
    balance_identity: Float[Array, ""]
    output_gap_share: Float[Array, ""]
    export_gap_share: Float[Array, ""]
    largest_input_share: Float[Array, ""]
    spectral_radius: Float[Array, ""]
    residual: Float[Array, ""]
    passes: Int[Array, ""]


OF_MODEL = Identities._fields[:5]
"""Identities that depend on model-consistent output."""


class Sold(NamedTuple):
    """Inputs that are sold, with A and x*: to all, to each region; and to each with
    reported output."""

    to_all: Float[Array, " n"]
    to_regions: Float[Array, "n c"]
    reported: Float[Array, "n c"]


@partial(jax.jit, static_argnames="method")
def _identities(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    *,
    method: Method,
) -> Identities:
    A = leontief.input_coefficients(Z, x)
    v = leontief.residual_value_added(Z, x)
    solved = solve(A, Y, regions=Y.shape[1], method=method)
    output = solved.X.sum(axis=1)
    sold = Sold(
        A @ output,
        *(leontief.sales_to_regions(A, k, regions=Y.shape[1]) for k in (output, x)),
    )
    radius = leontief.spectral_radius(A)
    return identities(x, Y, v, solved, sold, A.sum(axis=0).max(), radius)


@jax.jit
def identities(
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"],
    solved: Solution,
    sold: Sold,
    largest_input_share: Float[Array, ""],
    spectral_radius: Float[Array, ""],
) -> Identities:
    """The identities of one year on its model-consistent table, and the gaps to it."""
    X, residual, passes = solved
    output = X.sum(axis=1)
    T = v[:, None] * X
    n, c = Y.shape
    abroad = equal_regions(n, c, Y.dtype).abroad

    # An industry without output has no value added, but real tables let a few sell a
    # little. The identities are exact where that counts as theirs on both sides.
    idle = jnp.where(x > 0, 0, 1)[:, None] * X
    exports = (Y + sold.to_regions) * abroad
    va = absorption.trade_benefit_index(absorption.by_region(T + idle))
    gross = absorption.trade_benefit_index(absorption.by_region(exports))
    spent = (Y - idle).sum(axis=0)
    miss = (va.exports - va.imports) - (gross.exports - gross.imports)
    reported = (Y + sold.reported) * abroad
    return Identities(
        output_identity=_relative(
            sold.to_all + Y.sum(axis=1) - output, jnp.abs(X).sum(axis=1)
        ),
        demand_identity=_relative(T.sum(axis=0) - spent, spent),
        balance_identity=_relative(miss, gross.exports + gross.imports),
        output_gap_share=jnp.abs(x - output).sum() / x.sum(),
        export_gap_share=_relative(jnp.abs(reported - exports).sum(), exports.sum()),
        largest_input_share=largest_input_share,
        spectral_radius=spectral_radius,
        residual=residual,
        passes=passes,
    )


def _relative(
    miss: Float[Array | np.ndarray, "*k"], size: Float[Array | np.ndarray, "*k"]
) -> Float[Array, ""]:
    """Largest |miss| / |size|, absolute where size is 0."""
    return jnp.max(jnp.abs(miss) / jnp.where(size == 0, 1, jnp.abs(size)))


@in_float64
def require_productive(table: WorldTable) -> None:
    """Raise ``TivaxError`` unless the table is productive.

    Otherwise no output meets any demand: B = I + A + A^2 + ... does not exist.
    """
    shares = _input_shares(table)
    if not _is_productive(table, shares):
        raise TivaxError(
            f"{table.where}: the table is not productive, the spectral radius of A is "
            f"not below 1; {_unproductive(table)}"
        )


def _input_shares(table: WorldTable) -> np.ndarray:
    """The column sums of A."""
    inputs, x = table.Z.sum(axis=0), table.x
    return np.divide(inputs, x, out=np.zeros_like(inputs), where=x > 0)


def _is_productive(table: WorldTable, shares: np.ndarray) -> bool:
    if shares.max() < 1:
        return True  # the largest column sum bounds the spectral radius
    return _has_multipliers(
        leontief.input_coefficients(jax.device_put(table.Z), jax.device_put(table.x))
    )


def _has_multipliers(A: Float[Array, "n n"]) -> bool:
    """True if output multipliers are positive."""
    multipliers = np.asarray(leontief.output_multipliers(A))
    return bool((np.isfinite(multipliers) & (multipliers > 0)).all())


def _unproductive(table: WorldTable) -> str:
    """Name the industries to look at."""

    def is_productive(members: np.ndarray) -> bool:
        at = np.flatnonzero(members)
        Z, x = jax.device_put((table.Z[np.ix_(at, at)], table.x[at]))
        return _has_multipliers(leontief.input_coefficients(Z, x))

    return unproductive_in_words(
        table.x,
        _input_shares(table),
        lambda: iter([(0, table.Z)]),
        is_productive,
        table.industry,
    )


@in_float64
@np.errstate(invalid="ignore", divide="ignore")  # a fault, not a warning
def check_year(
    table: WorldTable,
    tolerance: Tolerance,
    *,
    column_tolerance: Tolerance | None = None,
    parents: Mapping[str, str] | None = None,
) -> YearCheck:
    """Check one year. Never raises: a broken rule is a fault of the result.

    ``column_tolerance`` and ``parents`` as in ``WorldTables``.
    """
    Z, x, Y = table.Z, table.x, table.Y.sum(axis=2)
    finite = all(np.isfinite(k).all() for k in (Z, x, Y))
    found = _identities(Z, x, Y, method="import-share")
    if not found.residual <= TOLERANCE:
        found = _identities(Z, x, Y, method="lu")
    productive = finite and _is_productive(table, _input_shares(table))
    return year_check(
        table,
        tolerance,
        column_tolerance or tolerance.for_columns(),
        parents,
        found,
        finite=finite,
        negative_sales=int((Z < 0).sum()),
        productive=productive,
        unproductive="" if productive or not finite else _unproductive(table),
    )


@np.errstate(invalid="ignore", divide="ignore")
def year_check(
    table: WorldTable,
    tolerance: Tolerance,
    column_tolerance: Tolerance,
    parents: Mapping[str, str] | None,
    found: Identities,
    *,
    finite: bool,
    negative_sales: int,
    productive: bool,
    unproductive: str,
) -> YearCheck:
    """The check of a table from the sums of its Z, and from what they do not say."""
    Z, x, Y, basic = table.Z, table.x, table.Y.sum(axis=2), table.value_added
    inputs = Z.sum(axis=0)
    gap = np.abs(Z.sum(axis=1) + Y.sum(axis=1) - x)
    number = {name: float(value) for name, value in found._asdict().items()}
    passes = number.pop("passes")
    return YearCheck(
        year=table.year,
        finite=finite,
        row_gap=float(gap.max()),
        row_gap_share=float(gap.sum() / x.sum()),
        row_gap_excess=float(max((gap - tolerance.allowed(x)).max(), 0.0)),
        column_gap=(
            math.nan if basic is None else float(np.abs(x - inputs - basic).max())
        ),
        negative_output=int((x < 0).sum()),
        negative_sales=negative_sales,
        negative_demand=int((table.Y < 0).sum()),
        negative_value_added=int((inputs > x)[x > 0].sum()),
        zero_output=int((x == 0).sum()),
        productive=productive,
        unproductive=unproductive,
        solver="import-share" if passes else "lu",
        value_added_fault=impossible_value_added(table, column_tolerance)[1],
        unit_fault=(
            ""
            if unit_is_plausible(x)
            else f"the largest output is {x.max():.1e}: no unit makes that"
        ),
        doubts=find_doubts(table, parents),
        **number,
    )


def check_frame(rows: list[YearCheck]) -> pd.DataFrame:
    """The checks as a table, a row for each year, with the faults in words."""
    frame = pd.DataFrame([asdict(row) for row in rows])
    frame["doubts"] = ["; ".join(row.doubts) for row in rows]
    frame["faults"] = ["; ".join(row.faults) for row in rows]
    return frame
