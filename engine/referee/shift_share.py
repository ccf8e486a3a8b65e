"""Shift-share regressions: errors that shares of the same shocks tie together.

Adao, Kolesar and Morales (2019, Quarterly Journal of Economics 134: 1949-2010). Rows i
have shares w_is of shocks s; X is what is built of them, the instrument, or the
treatment where there is none. y, D (the treatment) and X are net of controls, by least
squares with row weights q:

    beta    = sum q X y / sum q X D,          u = y - beta D
    h       = coefficients of X on the shares, with weights q; or the shocks, where they
              are given, less their mean
    R_s     = h_s sum_i q_i w_is u_i          summed in clusters of shocks
    AKM     : se = sqrt(sum R_s^2) / |sum q X D|
    AKM0    : all b with (sum q X D)^2 (beta - b)^2 <= z^2 sum [R_s + (beta - b) T_s]^2
              T_s = h_s sum_i q_i w_is D_i, R_s at b in place of beta

so that an AKM0 set is an interval, the line but for an interval, or the whole line.
Errors of rows by themselves are the usual ones, with N / (N - k) and the factor of
clusters for least squares and none for two stages, as in the package ShiftShareSE.
All intervals are from the normal distribution.

Borusyak, Hull and Jaravel (2022, Review of Economic Studies 89: 181-213): with weights
s_n = sum_i q_i w_in and averages of y and D over rows by q_i w_in, the same beta is
that of a regression of shocks. Its error is robust, by clusters of shocks.
Goldsmith-Pinkham, Sorkin and Swift (2020, American Economic Review 110: 2586-2624):
beta is the average of beta_n, estimated by one share alone, with Rotemberg weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float, Int

from ..core import TivaxError, require_kind, require_whole, show
from ..estimation import (
    COLLINEAR,
    CV1,
    HC1,
    IID,
    LinearFit,
    Model,
    Vcov,
    column_name,
    column_names,
    complete_rows,
    net_of,
    normal_sf,
    of_norm_one,
    orthonormal,
    require_column_names,
    require_names,
)
from ..reporting import Z95
from ..resampling import placebo_p_values
from .diagnosis import Diagnosis

# Sums of the same numbers in another order differ by rounding.
_TIE = 1e-9
_MADE = 1e-6  # of X: what published shares and shocks of seven digits leave


@dataclass(frozen=True, eq=False, repr=False)
class ShiftShare(Diagnosis):
    """A shift-share estimate, and its errors by several methods.

    Attributes
    ----------
    table
        A row for each method: method, estimate, se, p_value (of no effect), ci_low,
        ci_high (95 %), shape: ``interval``, ``union`` of two half-lines that exclude
        what lies between ci_low and ci_high, or ``line``. The standard error of AKM0 is
        the length of its interval over that of a standard normal, NaN without one.
    shocks
        A row for each shock: shock, share (its weight in all), value (of the shock;
        NaN in every row where X is not made of the shares), rotemberg_weight,
        estimate (by this share alone).
    shock_level
        The estimate of Borusyak, Hull and Jaravel: one row with estimate, se,
        p_value, ci_low, ci_high, shocks, effective_shocks (1 over the sum of squared
        shares). No row where X is not made of the shares.
    first_stage
        F of the instrument with errors of AKM; NaN for least squares.
    n
        Rows used.
    residual_max
        What rounding leaves of X'u = 0, columns of length one.
    made
        R2 of X on shares and controls; 1 where it is made of them or shocks are given.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> W = rng.dirichlet(np.ones(8), size=60)
    >>> data = pd.DataFrame({"x": W @ rng.normal(size=8)})
    >>> data["y"] = 2 * data["x"] + rng.normal(size=60)
    >>> found = tx.shift_share(data, "y", "x", shares=W)
    >>> found.table["method"].tolist()
    ['homoskedastic', 'EHW', 'AKM', 'AKM0']
    """

    table: pd.DataFrame
    shocks: pd.DataFrame
    shock_level: pd.DataFrame
    outcome: str
    treatment: str
    instrument: str | None
    first_stage: float
    n: int
    residual_max: float
    made: float
    _numerator: Float[np.ndarray, " s"]

    program = "shift-share"

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return {
            "shift_share": self.table,
            "shocks": self.shocks,
            "shock_level": self.shock_level,
        }

    def facts(self) -> Mapping[str, Any]:
        return {"residual_max": self.residual_max, "made": self.made}

    def findings(self) -> dict[str, Any]:
        """The row of AKM0 with the ends of EHW (``low``, ``high``), and the ``shock``
        that counts most with its ``weight``, where there is one."""
        by = self.table.set_index("method")
        heavy, names = self.shocks["rotemberg_weight"].to_numpy(), self.shocks["shock"]
        most = int(np.argmax(np.abs(heavy)))
        counts = {"shock": names.iloc[most], "weight": heavy[most]}
        return {
            **by.loc["AKM0"],
            "low": by.loc["EHW", "ci_low"],
            "high": by.loc["EHW", "ci_high"],
            "instrument": self.instrument or self.treatment,
            "percent": 100 * self.made,
            **(counts if np.isfinite(heavy).all() else {}),
        }

    def placebo(self, *, draws: int = 999_999, seed: int = 0) -> float:
        """p-value of no effect by shocks that change places among the shares.

        The statistic is the absolute value of sum q X y, y net of controls: exact where
        shocks could as well have come in any other order (Borusyak and Hull 2023,
        Econometrica 91: 2155-2185). All orders are taken where they are no more than
        ``draws``. Draw k depends on (seed, k) alone.

        Raises ``TivaxError`` where X is not made of the shares.
        """
        require_whole("draws", draws, 1)
        require_whole("seed", seed, 0)
        value = self.shocks["value"].to_numpy(float)
        if np.isnan(value).any():
            raise TivaxError("the instrument is not made of the shares: no placebo")
        weight = self._numerator
        tie = _TIE * np.linalg.norm(weight) * np.linalg.norm(value)
        least = np.array([abs(weight @ value) - tie])
        of = {"draws": draws, "seed": seed, "sizes": (len(value),)}
        return float(placebo_p_values(_of_shocks, (value, weight), least, **of)[0])


def _of_shocks(value: Array, weight: Array, path: Array) -> Float[Array, "1"]:
    return jnp.dot(weight, value[path])[None]


def shift_share(
    data: pd.DataFrame,
    outcome: str,
    treatment: str,
    *,
    shares: pd.DataFrame | np.ndarray,
    instrument: str | None = None,
    controls: Sequence[str] = (),
    effects: Sequence[str] = (),
    weights: str | None = None,
    clusters: str | None = None,
    shock_clusters: Sequence[object] | np.ndarray | None = None,
    shocks: Sequence[float] | np.ndarray | None = None,
) -> ShiftShare:
    """Regress an outcome on a treatment that is built of shares and shocks.

    Parameters
    ----------
    data
        A row for each unit (or unit and period).
    outcome, treatment, instrument
        Columns; with an ``instrument`` by two-stage least squares, and the instrument
        is what shares and shocks make.
    shares : (row, shock)
        A DataFrame has the index of ``data``, in any order, and names of shocks; an
        array has the rows of ``data`` in their order. Where shares do not add to
        one, give their sum as a control (Borusyak, Hull and Jaravel 2022).
    controls, effects
        Columns of numbers (a categorical one is taken as effects), and of labels with a
        constant each. There is a constant.
    weights
        Column of row weights, above 0.
    clusters
        Column of clusters of rows, for one more method.
    shock_clusters
        Cluster of each shock; by default shocks are independent. A Series, as one of
        ``shocks``, goes by the columns of ``shares``.
    shocks
        The shocks, where there are more of them than rows, or X is only nearly made of
        the shares, as with shocks that leave the row's own part out. Their mean, by
        weight in all rows, is taken off.

    Returns
    -------
    ShiftShare
        Rows with a missing value are left out. Its sentence says where X is not made
        of the shares and no shocks are given: errors of AKM then cover nothing.

    Raises
    ------
    TivaxError
        For columns that are missing or no numbers, shares that are of other rows,
        no numbers or collinear (errors of shocks are then not identified), and an
        instrument that controls explain.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> W = rng.dirichlet(np.ones(8), size=60)
    >>> data = pd.DataFrame({"x": W @ rng.normal(size=8)})
    >>> data["y"] = 2 * data["x"] + rng.normal(size=60)
    >>> found = tx.shift_share(data, "y", "x", shares=W)
    >>> float(found.shock_level["estimate"][0] - found.table["estimate"][0]) < 1e-9
    True
    """
    require_column_names(outcome=outcome, treatment=treatment)
    controls = column_names("controls", controls)
    effects = column_names("effects", effects)
    made = [column_name("instrument", instrument)] if instrument is not None else []
    weighted = [column_name("weights", weights)] if weights is not None else []
    grouped = [column_name("clusters", clusters)] if clusters is not None else []
    require_kind("data", data, pd.DataFrame, "a pandas DataFrame")
    labels = [k for k in controls if k in data and _is_label(data[k])]
    numbers = [k for k in controls if k not in labels]
    keys = [*effects, *labels]
    require_names(outcome, [treatment, *numbers], made)
    W, shocks_of = _shares(shares, data.index)
    used = complete_rows(
        data.reset_index(drop=True),
        [outcome, treatment, *made, *numbers, *weighted],
        [*keys, *grouped],
    )
    W = W[used.index.to_numpy()]
    lone = W.any(axis=0)
    of = "that of the columns of shares", shocks_of
    shock_clusters = _in_order("shock_clusters", shock_clusters, *of)
    groups = _shock_clusters(shock_clusters, lone)
    given = _given_shocks(_in_order("shocks", shocks, *of), lone)
    W, names = W[:, lone], [str(k) for k in shocks_of[lone]]
    if W.shape[1] < 2:
        raise TivaxError("shares: give those of two shocks or more, other than zero")
    model = Model(
        "",
        outcome,
        [*numbers, treatment],
        treatment,
        instruments=made,
        effects=keys,
        clusters=clusters or "",
    )
    fit = LinearFit.of(used, model, weights=weights or "", drawn=False)
    q = used[weights].to_numpy() if weights else np.ones(len(used))
    X = used[made[0] if made else treatment].to_numpy()
    basis = fit.basis[:, : fit.layout.exogenous]
    places = fit.places([outcome, treatment, *(made or [treatment])])
    net = net_of(fit.rows[:, places], basis) * fit.size[places]
    y, D, x = (net / fit.effects.root[:, None])[fit.back].T
    crossing, beta = float((q * x) @ D), float(fit.coef[0])
    u = y - beta * D
    mass, share = q @ W, 1.0
    if given is None:
        h, g = _on_shares(W, x, q, names), _shock_values(W, X)
        if np.isnan(g).any():
            both = np.hstack([basis[fit.back], W * np.sqrt(q)[:, None]])
            both = orthonormal(of_norm_one(both), COLLINEAR).basis
            left = net_of(x * np.sqrt(q), both)
            if left @ left > _MADE**2 * (q @ X**2):
                share = 1 - float(left @ left / (q @ x**2))
    else:
        h, g = given - mass @ given / mass.sum(), given
    kinds: dict[str, Vcov] = {"homoskedastic": IID(), "EHW": HC1()}
    if clusters:
        kinds["region clusters"] = CV1("plm" if made else "lsdv")
    errors = {k: float(np.sqrt(fit.covariance(v)[0, 0])) for k, v in kinds.items()}
    if made:  # no small-sample factor
        shrunk = 1 - (len(fit.names) + fit.effects.count) / fit.n
        for kind in ("homoskedastic", "EHW"):
            errors[kind] *= np.sqrt(shrunk)
    R = np.bincount(groups, h * ((q * u) @ W))
    T = np.bincount(groups, h * ((q * D) @ W))
    errors["AKM"] = float(np.sqrt(R @ R)) / abs(crossing)
    table = [_row(k, beta, v) for k, v in errors.items()]
    table.append(_null_imposed(beta, crossing, R, T))
    pi = crossing / float((q * x) @ x)
    of_first = np.bincount(groups, h * ((q * (D - pi * x)) @ W))
    stage = crossing**2 / float(of_first @ of_first) if made else float("nan")
    by_shock, level = _shock_tables(W, g, q, x, y, D, names, groups)
    return ShiftShare(
        pd.DataFrame(table),
        by_shock,
        level,
        outcome,
        treatment,
        instrument,
        stage,
        fit.n,
        float(abs(x @ (q * u)) / (np.linalg.norm(q * x) * np.linalg.norm(u))),
        share,
        (q * y) @ W,
    )


def _is_label(column: object) -> bool:
    return isinstance(column, pd.Series) and isinstance(
        column.dtype, pd.CategoricalDtype
    )


def _in_order(argument: str, given: Any, of: str, labels: pd.Index) -> Any:
    """In the order of these labels, which must be its own where it has any."""
    if not isinstance(given, pd.Series | pd.DataFrame) or given.index.equals(labels):
        return given
    both = given.index, labels
    if all(k.is_unique for k in both) and set(both[0]) == set(both[1]):
        return given.reindex(labels)
    raise TivaxError(
        f"{argument}: its index must be {of}, each label once; or give "
        f"{argument}.to_numpy(), for its order"
    )


def _shares(
    shares: object, rows: pd.Index
) -> tuple[Float[np.ndarray, "n s"], pd.Index]:
    """Shares in the order of the data's rows, and names of the shocks."""
    if not isinstance(shares, pd.DataFrame | np.ndarray):
        raise TivaxError(f"shares: give a DataFrame or an array, not {show(shares)}")
    if shares.ndim != 2 or len(shares) != len(rows):
        raise TivaxError(
            f"shares has the shape {shares.shape}; it must be ({len(rows)}, shocks), a "
            "row for each row of data"
        )
    W = _numbers("shares", _in_order("shares", shares, "that of data", rows))
    if not np.isfinite(W).all():
        i, s = np.argwhere(~np.isfinite(W))[0]
        raise TivaxError(f"shares: row {i}, shock {s} is {W[i, s]:g}; give a number")
    return W, pd.DataFrame(shares).columns


def _numbers(argument: str, given: object) -> np.ndarray:
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise TivaxError(f"{argument}: not all of them are numbers") from None


def _shock_clusters(
    given: Sequence[object] | np.ndarray | None, kept: np.ndarray
) -> np.ndarray:
    if given is None:
        return np.arange(int(kept.sum()))
    labels = np.asarray(given)
    if labels.shape != kept.shape:
        raise TivaxError(
            f"shock_clusters has the shape {labels.shape}; give one label for each of "
            f"the {len(kept)} shocks"
        )
    code, names = pd.factorize(labels[kept])
    if (code < 0).any() or len(names) < 2:
        raise TivaxError("shock_clusters: give two clusters or more, none missing")
    return code


def _given_shocks(
    given: Sequence[float] | np.ndarray | None, kept: np.ndarray
) -> Float[np.ndarray, " s"] | None:
    if given is None:
        return None
    values = _numbers("shocks", given)
    if values.shape != kept.shape or not np.isfinite(values).all():
        raise TivaxError(f"shocks: give a number for each of the {len(kept)} shocks")
    return values[kept]


def _on_shares(
    W: Float[np.ndarray, "n s"],
    x: Float[np.ndarray, " n"],
    q: Float[np.ndarray, " n"],
    names: Sequence[str],
) -> Float[np.ndarray, " s"]:
    """Coefficients of x on the shares; ``TivaxError`` where these are collinear."""
    root = np.sqrt(q)
    size = np.linalg.norm(W * root[:, None], axis=0)
    Q, triangle = np.linalg.qr(W * root[:, None] / size)
    left = np.abs(np.diag(triangle)) if len(W) >= len(size) else np.zeros(1)
    if left.min() < COLLINEAR:
        place = int(np.argmin(left)) if len(W) >= len(size) else len(W)
        raise TivaxError(
            f"shares: those of shock {names[place]} are made of the others' "
            f"({len(W)} rows, {len(size)} shocks); merge shocks, or leave some out"
        )
    return np.linalg.solve(triangle, Q.T @ (x * root)) / size


def _row(method: str, beta: float, se: float) -> dict[str, object]:
    p = 2 * float(normal_sf(abs(beta) / se)) if se > 0 else float("nan")
    return {
        "method": method,
        "estimate": beta,
        "se": se,
        "p_value": p,
        "ci_low": beta - Z95 * se,
        "ci_high": beta + Z95 * se,
        "shape": "interval",
    }


def _null_imposed(
    beta: float,
    crossing: float,
    R: Float[np.ndarray, " g"],
    T: Float[np.ndarray, " g"],
) -> dict[str, object]:
    """AKM0: the b at which the test with R at b does not reject, by a quadratic."""
    at_zero = R + beta * T
    p = 2 * float(normal_sf(abs(beta * crossing) / np.sqrt(at_zero @ at_zero)))
    # In d = beta - b: a d^2 - 2 c d - R'R <= 0.
    a, c = crossing**2 / Z95**2 - T @ T, R @ T
    root = c**2 + a * (R @ R)
    row = _row("AKM0", beta, float("nan")) | {"p_value": p}
    if root < 0:
        return row | {"ci_low": -np.inf, "ci_high": np.inf, "shape": "line"}
    ends = sorted(float(beta - (c + sign * np.sqrt(root)) / a) for sign in (1, -1))
    row |= {"ci_low": ends[0], "ci_high": ends[1]}
    if a > 0:
        return row | {"se": (ends[1] - ends[0]) / (2 * Z95)}
    return row | {"shape": "union"}


def _shock_values(
    W: Float[np.ndarray, "n s"],
    X: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " s"]:
    """The shocks of which X is made, NaN where it is not made of the shares."""
    g, *_ = np.linalg.lstsq(W, X, rcond=None)
    gap = np.linalg.norm(W @ g - X)
    return g if gap <= _MADE * np.linalg.norm(X) else np.full(W.shape[1], np.nan)


def _shock_tables(
    W: Float[np.ndarray, "n s"],
    g: Float[np.ndarray, " s"],
    q: Float[np.ndarray, " n"],
    x: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " n"],
    D: Float[np.ndarray, " n"],
    names: Sequence[str],
    groups: Int[np.ndarray, " s"],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rotemberg weights by shock, and the regression of shocks."""
    mass = q @ W
    share = mass / mass.sum()
    of_y, of_D = (q * y) @ W, (q * D) @ W  # sums over rows
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = of_y / of_D
    crossing = (q * x) @ D
    shocks = pd.DataFrame(
        {
            "shock": names,
            "share": share,
            "value": g,
            "rotemberg_weight": g * of_D / crossing,
            "estimate": alone,
        }
    )
    columns = "estimate se p_value ci_low ci_high shocks effective_shocks".split()
    if np.isnan(g).any():
        return shocks, pd.DataFrame(columns=columns)
    denominator = float(g @ of_D)
    beta = float(g @ of_y) / denominator
    # Shocks net of a constant, weighted by shares, times what is left of the outcome.
    score = np.bincount(groups, (g - share @ g) * (of_y - beta * of_D))
    row = _row("", beta, float(np.sqrt(score @ score)) / abs(denominator))
    effective = 1 / float((share**2).sum())
    row |= {"shocks": len(g), "effective_shocks": effective}
    return shocks, pd.DataFrame([{k: row[k] for k in columns}])
