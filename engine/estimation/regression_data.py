"""Checks before every estimate: names, numbers, identification, standard errors.

Fixed effects, 2SLS, bootstraps, placebos and tests of instruments refuse the same
mistakes in the same words. Whatever is "zero up to rounding" is so relative to the
data's own size: no result depends on units.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from pandas.api import types

from ..core import NotFound, Phrase, TivaxError, close_names, show

# Share of a column of norm 1 that is left once others explain it. Rounding leaves
# 1e-15, of year dummies times levels of 1e4 about 1e-12.
COLLINEAR = 1e-9
# Estimates come from cross products, which have half of the digits of the columns: what
# a column adds to those before it, in sizes of the column, must be well above rounding.
SEPARATE = 1e-5
# Columns of entities and periods of run files that name none, and what to do without
ENTITY, TIME = "iso3", "year"
_TO_NAME = '; name yours: entity = "country", time = "yr", clusters = "country"'


# ------------------------------------------------------------------ names of columns


def column_name(argument: str, value: object) -> str:
    """The value, where it is the name of one column."""
    if not isinstance(value, str) or not value:
        raise TivaxError(
            f'{argument}: give the name of one column, such as "TBI", not {show(value)}'
        )
    return value


def require_column_names(**arguments: object) -> None:
    """``TivaxError`` unless each argument is the name of one column."""
    for argument, value in arguments.items():
        column_name(argument, value)


def column_names(argument: str, values: object) -> tuple[str, ...]:
    """The values as a tuple, where they are names of columns in a list."""
    if not isinstance(values, list | tuple | pd.Index | np.ndarray) or not all(
        isinstance(k, str) and k for k in values
    ):
        raise TivaxError(
            f'{argument}: give a list of names of columns, such as ["TBI"], not '
            f"{show(values)}"
        )
    return tuple(str(k) for k in values)


def repeated(
    outcome: str, regressors: Sequence[str], instruments: Sequence[str] = ()
) -> tuple[str, str] | None:
    """The first mistake in these names, as (argument, message); None without any."""
    names = [*regressors, *instruments]
    if outcome in names:
        return "outcome", f"{outcome} is a regressor as well"
    for name in names:
        if names.count(name) > 1:
            return "regressors", f"{name} is duplicated"
    return None


def require_names(
    outcome: str, regressors: Sequence[str], instruments: Sequence[str] = ()
) -> None:
    """``TivaxError`` for a duplicated name, or for a column called const."""
    if mistake := repeated(outcome, regressors, instruments):
        raise TivaxError(": ".join(mistake))
    if "const" in (*regressors, *instruments):
        raise TivaxError(
            "regressors: const is the name of the constant; rename the column"
        )


def regressor_names(outcome: str, regressors: object) -> tuple[str, ...]:
    """The regressors, at least one, where they are columns other than the outcome."""
    names = column_names("regressors", regressors)
    if not names:
        raise TivaxError("regressors: name at least one")
    require_names(outcome, names)
    return names


# -------------------------------------------------------------------- rows as numbers


def complete_rows(
    data: pd.DataFrame, columns: Sequence[str], keys: Sequence[str]
) -> pd.DataFrame:
    """The rows without a missing value in these columns.

    ``columns`` come as float64, whatever kind of number or truth value they hold;
    ``keys`` (countries, years, clusters) may hold words or numbers.

    Raises
    ------
    TivaxError
        Where ``data`` is no DataFrame, a column is missing or duplicated, holds no
        numbers or an infinite one, nothing is left, or a key has fewer than two values.
    """
    wanted = list(dict.fromkeys([*columns, *keys]))
    require_columns(data, wanted)
    if data.empty:
        raise TivaxError(f"{columns[0]}: no rows in this sample")
    parts = {k: numbers(data, k) if k in columns else data[k] for k in wanted}
    used = pd.DataFrame(parts, index=unnamed(data).index).dropna()
    finite = np.isfinite(used[list(dict.fromkeys(columns))].to_numpy())
    if not finite.all():
        name = next(k for k in columns if np.isinf(used[k].to_numpy()).any())
        raise TivaxError(f"column {name} holds an infinite value; fix the data")
    if used.empty and (empty := [k for k in wanted if parts[k].isna().all()]):
        raise TivaxError(f"column {empty[0]} has no values")
    for key in keys:
        used[key] = _labels(used[key])
        if used[key].nunique() < 2:
            raise TivaxError(
                f"{columns[0]}: fewer than two values of {key} are left; it takes two"
            )
    return used


def unnamed(data: pd.DataFrame) -> pd.DataFrame:
    """The rows without names of their labels, which may be those of columns."""
    return data.set_axis(data.index.set_names([None] * data.index.nlevels))


def require_columns(data: pd.DataFrame, names: Iterable[str]) -> None:
    """``TivaxError`` unless ``data`` has each of these columns, once."""
    if not isinstance(data, pd.DataFrame):
        raise TivaxError(f"data: give a pandas DataFrame, not {show(data)}")
    for name in names:
        if name not in data.columns:
            there = [str(k) for k in data]
            near = close_names(name, there)[:1]
            hint = f"; did you mean {near[0]}?" if near else ""
            if name in (ENTITY, TIME):
                hint = _TO_NAME
            raise NotFound(
                f"no column {name} in the data; it has {', '.join(there)}{hint}"
            )
        if not data.columns.is_unique and isinstance(data[name], pd.DataFrame):
            raise TivaxError(f"two columns of the data are called {name}; rename one")


def numbers(data: pd.DataFrame, name: str) -> pd.Series:
    """A column as float64, missing values as NaN.

    Integers, floats, truth values and pandas' nullable kinds are numbers. Words, dates,
    categories, complex numbers and objects are not: ``TivaxError`` says what to do.
    """
    column = data[name]
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return column.astype(float)
    if column.isna().all():
        return pd.Series(np.nan, data.index)
    if words := _no_numbers(column):
        raise TivaxError(
            f"column {name} holds {words} (first {show(_first_wrong(column))})"
        )
    return pd.Series(column.to_numpy(float, na_value=np.nan), data.index)


def _first_wrong(column: pd.Series) -> Any:
    """The first word that is no number, where there is one: all others may be."""
    held = column.dropna()
    words = held[[isinstance(k, str) for k in held]]
    wrong = words[pd.to_numeric(words, errors="coerce").isna().to_numpy()]
    return (held if wrong.empty else wrong).iloc[0]


def _no_numbers(column: pd.Series) -> str:
    """The kind of a column without numbers, and the remedy; empty for numbers."""
    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "categories, not numbers; write them as numbers or as effects"
    if types.is_complex_dtype(dtype):
        return "complex numbers; take their real part"
    if types.is_bool_dtype(dtype) or types.is_numeric_dtype(dtype):
        return ""
    if types.is_datetime64_any_dtype(dtype) or dtype.kind in "mM":
        return "dates, not numbers; write them as numbers"
    if types.infer_dtype(column, skipna=True) == "string":
        return "words, not numbers; fix the data or convert it with pandas.to_numeric"
    return "objects, not numbers; fix the data or convert it with pandas.to_numeric"


def _labels(column: pd.Series) -> pd.Series:
    """A key without missing values, as plain labels that can be sorted."""
    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype) or types.is_numeric_dtype(dtype):
        column = pd.Series(np.asarray(column), column.index)
    try:
        labels = sorted(column.unique())
    except TypeError:
        raise TivaxError(
            f"column {column.name} holds labels that cannot be sorted, such as words "
            "beside numbers; write them all alike"
        ) from None
    if any(isinstance(k, float) and np.isinf(k) for k in labels[:1] + labels[-1:]):
        raise TivaxError(f"column {column.name} holds an infinite value; fix the data")
    require_trimmed(str(column.name), labels)
    return column


def require_trimmed(name: str, labels: Iterable[object]) -> None:
    """``TivaxError`` for a label of a column that is there with blanks around it, too:
    one country would count as two."""
    words = {k for k in labels if isinstance(k, str)}
    if twice := sorted(k for k in words if k != k.strip() and k.strip() in words):
        raise TivaxError(
            f"column {name} holds {twice[0]!r} beside {twice[0].strip()!r}; take the "
            "blanks away"
        )


def require_one_row(data: pd.DataFrame, entity: str, time: str) -> None:
    """``TivaxError`` for an entity with two rows in a period, naming the first."""
    keys = [entity, time]
    try:
        again = data.duplicated(keys)
    except TypeError:  # cells that hold lists
        for key in keys:
            _labels(data[key].dropna())
        raise
    twice = data[again].dropna(subset=keys) if again.any() else data[:0]
    if len(twice):
        first = twice.iloc[0]
        raise TivaxError(
            f"{first[entity]} has two rows in {first[time]}; fix the panel"
        )


# --------------------------------------------------------------------------- sizes


def powers(values: Float[np.ndarray, "n m"]) -> Int[np.ndarray, " m"]:
    """k of each column: 2^-k times it has its largest absolute value in [1/2, 1).

    Scaling by powers of two loses no digit, and squares of scaled columns neither
    overflow nor vanish, in whatever unit the data are.
    """
    return np.frexp(np.abs(values).max(axis=0, initial=0.0))[1]


def times_power(values: Any, power: Any) -> Any:
    """values x 2^power; infinite or 0 beyond the range of 64 bits."""
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(values, power)


# ------------------------------------------------------------------- identification


class Spans(NamedTuple):
    """Gram and Schmidt's: an orthonormal basis, and the norm of each column without
    its projection on those before it; a column with too little left is no part of the
    basis (its column there is 0)."""

    basis: Float[np.ndarray, "n p"]
    left: Float[np.ndarray, " p"]


def orthonormal(X: Float[np.ndarray, "n p"], least: float = SEPARATE) -> Spans:
    """Gram-Schmidt, each step twice; ``X`` has columns of norm 1 (or 0).

    LAPACK's threads take a hundred times as long for so little.
    """
    rows = np.zeros(X.shape[::-1])  # a column of the basis side by side in memory
    left = np.zeros(X.shape[1])
    for j, column in enumerate(np.ascontiguousarray(X.T)):
        before = rows[:j]
        for _ in range(2):
            column = column - (before @ column) @ before
        left[j] = np.sqrt(column @ column)
        if left[j] >= least:
            rows[j] = column / left[j]
    return Spans(rows.T, left)


def net_of(
    columns: Float[np.ndarray, "n ..."], basis: Float[np.ndarray, "n p"]
) -> Float[np.ndarray, "n ..."]:
    """Columns less their projection on an orthonormal basis, twice: the second pass
    removes what rounding left in the first."""
    for _ in range(2):
        columns = columns - basis @ (basis.T @ columns)
    return columns


def of_norm_one(
    columns: Float[np.ndarray, "n p"], level: Float[np.ndarray, " p"] | None = None
) -> Float[np.ndarray, "n p"]:
    """Columns over their norms; 0 where nothing but rounding of ``level`` is left.

    ``level`` is the norm before effects were taken out.
    """
    size = np.linalg.norm(columns, axis=0)
    flat = size <= (0 if level is None else COLLINEAR * level)
    return np.where(flat, 0, columns) / np.where(flat, 1, size)


def independent(columns: Float[np.ndarray, "n p"]) -> Int[np.ndarray, " kept"]:
    """The columns that those before them do not explain."""
    return np.flatnonzero(orthonormal(of_norm_one(columns)).left >= SEPARATE)


def require_identified(
    columns: Float[np.ndarray, "n m"],
    outcome: str,
    *,
    controls: Sequence[str],
    treatments: Sequence[str],
    instruments: Sequence[str] = (),
) -> Float[np.ndarray, "n p"]:
    """Every column must add something to the effects and the columns before it.

    Parameters
    ----------
    columns
        Columns of norm 1 (``of_norm_one``): dummies of effects, then ``controls``,
        ``treatments`` (endogenous where there are instruments), ``instruments`` and the
        outcome, net of the effects that have no dummies.

    Returns
    -------
    basis
        An orthonormal basis of the dummies, controls and treatments, in this order.

    Raises
    ------
    TivaxError
        A regressor or instrument that others explain, fewer instruments than endogenous
        regressors, instruments that are the endogenous regressors or do not predict
        them, and an outcome that the effects alone explain.
    """
    c, q, e = len(controls), len(treatments), len(instruments)
    d = columns.shape[1] - c - q - e - 1
    W, X = columns[:, : d + c], columns[:, d + c : d + c + q]
    Z, y = columns[:, d + c + q : -1], columns[:, -1]
    regressors = (*controls, *treatments)
    spans = orthonormal(np.hstack([W, X]))
    if lacking := _explained(np.hstack([W, X]), regressors, spans):
        raise TivaxError(
            f"{outcome}: {', '.join(lacking)} is collinear with the other regressors "
            f"and the effects; leave it out ({_by(lacking)})"
        )
    if e:
        both = np.hstack([W, Z])
        if lacking := _explained(both, (*controls, *instruments), orthonormal(both)):
            raise TivaxError(
                f"{outcome}: instrument {', '.join(lacking)} is collinear with the "
                "controls, the effects or another instrument; leave it out "
                f"({_by(lacking)})"
            )
        if e < q:
            raise TivaxError(
                f"{outcome}: {q} endogenous regressors for {e} instrument"
                f"{'s' if e > 1 else ''}; name at least as many instruments"
            )
        first = orthonormal(np.hstack([W, Z, X]))
        if any(bad := first.left[-q:] < COLLINEAR):
            name = treatments[int(np.argmax(bad))]
            raise TivaxError(
                f"{outcome}: the instruments reproduce {name} exactly; treat it as "
                "exogenous"
            )
        basis = first.basis[:, : d + c + e]
        second = orthonormal(np.hstack([W, basis @ (basis.T @ X)]))
        if any(bad := second.left[-q:] < SEPARATE):
            name = treatments[int(np.argmax(bad))]
            raise TivaxError(
                f"{outcome}: the instruments say nothing of {name}; take others"
            )
    if np.linalg.norm(net_of(y, spans.basis[:, :d])) < COLLINEAR:
        raise explained(outcome, "the effects alone", len(y))
    return spans.basis


def explained(outcome: str, by: str, rows: int) -> TivaxError:
    """The error for an outcome without variation of its own."""
    return TivaxError(
        f"{outcome} is a linear combination of {by} ({rows} rows); drop one, or use "
        "more rows"
    )


def _explained(
    columns: Float[np.ndarray, "n p"], names: Sequence[str], spans: Spans
) -> dict[str, list[str]]:
    """The last columns, of these names, that those before them explain: by which."""
    d, left = columns.shape[1] - len(names), spans.left
    found = {}
    for j in np.flatnonzero(left[d:] < SEPARATE).tolist():
        kept = [k for k in range(d + j) if left[k] >= SEPARATE]
        share = np.linalg.lstsq(columns[:, kept], columns[:, d + j], rcond=None)[0]
        by = [k for k, size in zip(kept, np.abs(share), strict=True) if size > SEPARATE]
        found[names[j]] = [names[k - d] for k in by if k >= d]
        if not found[names[j]] or any(k < d for k in by):
            found[names[j]].append("the effects")
    return found


def _by(lacking: dict[str, list[str]]) -> str:
    """Text that names the columns with which others are collinear."""
    return "; ".join(
        f"{name} is collinear with {' and '.join(by)}" for name, by in lacking.items()
    )


# ------------------------------------------------------------------- standard errors


class Lost(NamedTuple):
    """Flags of coefficients without a standard error, and of a fit without errors."""

    terms: Bool[np.ndarray, " p"]
    perfect: bool

    def reason(self, outcome: str, clusters: int) -> str:
        if self.perfect:
            exact = "the regressors and the effects explain {outcome} without any error"
            return Phrase(exact, outcome=outcome)
        few = (
            "the errors of its {clusters} clusters cancel; too few clusters for its "
            "effects"
        )
        return Phrase(few, clusters=clusters)


def rounding_of(y: Float[np.ndarray, " n"], net: Float[np.ndarray, " n"]) -> float:
    """The norm below which residuals are rounding, of y that is ``net`` of effects."""
    noise = 16 * np.finfo(float).eps * np.linalg.norm(y)
    return float(np.linalg.norm(net) * COLLINEAR + noise)


def lost_to_rounding(
    H: Float[np.ndarray, "p n"],
    u: Float[np.ndarray, " n"],
    clusters: Sequence[Int[np.ndarray, " n"]],
    rounding: float,
) -> Lost:
    """The coefficients H y whose clustered variance is nothing but rounding.

    Each cluster contributes the sum of its scores H u to the error of a coefficient.
    With two clusters and effects of years these are all 0, and so they are where
    residuals are, of no more than ``rounding``: software prints the rounding, with
    stars. ``clusters`` are the numbers of the rows' clusters, each way of clustering.
    """
    perfect = bool(np.linalg.norm(u) <= rounding)
    floor = rounding * np.linalg.norm(H, axis=1) / np.sqrt(len(u))
    lost = np.full(len(H), perfect)
    for code in clusters:
        sums = np.stack([np.bincount(code, row) for row in H * u])
        lost |= np.linalg.norm(sums, axis=1) <= floor
    return Lost(lost, perfect)
