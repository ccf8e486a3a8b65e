"""Coefficients corrected for errors of a column: from moments, and by SIMEX.

x is a row's columns that move with a draw, Z and y the others that matter, all net of
effects and of the controls that do not move, d the errors of a draw, likewise net:

    reliability   1 - E d'd / x'x
    corrected     the estimate with E d'd subtracted from the cross products of moved
                  columns (errors in variables; Fuller 1987, Measurement Error Models)
    SIMEX         the mean estimate with errors of variance l more, l = 1/2 ... 2,
                  extrapolated by a parabola to l = -1 (Cook and Stefanski 1994,
                  Journal of the American Statistical Association 89)

Both assume that drawn errors behave like the real ones: independent of the true values
and of the errors of the regression.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .moved_columns import MovedColumns

LAMBDAS = (0.5, 1.0, 1.5, 2.0)
"""Variances of added errors, in those of the tables."""


@dataclass(frozen=True, eq=False)
class ErrorMoments:
    """Cross products net of everything exogenous that does not move.

    ``products`` is of [moved and others, instruments, y], ``errors`` the mean of d'd
    over the draws, 0 in columns that do not move; ``by_cluster`` their difference by
    cluster; ``treatments`` and ``instruments`` are places in them. ``alone`` are the
    errors and the values of each moved column net of all other regressors: two rows.
    """

    products: Float[np.ndarray, "m m"]
    errors: Float[np.ndarray, "m m"]
    by_cluster: Float[np.ndarray, "G m m"]
    regressors: list[int]
    instruments: list[int]
    treatments: list[int]
    reliability: Float[np.ndarray, " q"]
    within: Float[np.ndarray, " q"]
    error_sd: Float[np.ndarray, " q"]


class MomentSums:
    """Sums over windows of draws, then ``ErrorMoments``."""

    def __init__(self, moved: MovedColumns) -> None:
        self._moved = moved
        fitted, places = moved.fitted, moved.places
        layout = fitted.layout
        fixed = [k for k in range(layout.exogenous) if k not in places]
        self._kept = [k for k in range(fitted.rows.shape[1]) if k not in fixed]
        self._effects = _projection(fitted.rows[:, : layout.dummies])
        self._fixed = _projection(fitted.rows[:, fixed])
        regressors = range(layout.regressors)
        self._others = {
            k: _projection(fitted.rows[:, [q for q in regressors if q != k]])
            for k in range(layout.exogenous, layout.regressors)
        }
        p = len(places)
        self._rows = np.zeros((len(fitted.rows), p, p))
        self._alone = np.zeros(p)
        self._within = np.zeros(p)
        self._draws = 0

    def add(self, errors: Float[np.ndarray, "D n p"]) -> None:
        """Errors with mean 0 over the draws."""
        self._draws += len(errors)
        net = _net(self._fixed, errors)
        self._rows += np.einsum("dnp,dnq->npq", net, net)
        within = _net(self._effects, errors)
        self._within += np.einsum("dnp,dnp->p", within, within)
        for k, place in enumerate(self._moved.places):
            basis = self._others.get(place)
            if basis is not None:
                alone = _net(basis, errors[:, :, k : k + 1])
                self._alone[k] += np.einsum("dnp,dnp->", alone, alone)

    def moments(self) -> ErrorMoments:
        fitted, places = self._moved.fitted, self._moved.places
        layout, rows = fitted.layout, fitted.rows
        net = _net_of(self._fixed, rows[:, self._kept])
        where = [*map(self._kept.index, places)]
        # The mean over the draws was taken from them.
        degrees = max(self._draws - 1, 1)
        errors = np.zeros((len(fitted.labels), *(len(self._kept),) * 2))
        products = np.zeros_like(errors)
        of_rows = np.zeros((len(rows), *errors.shape[1:]))
        np.add.at(products, fitted.cluster, net[:, :, None] * net[:, None, :])
        of_rows[np.ix_(np.arange(len(rows)), where, where)] = self._rows / degrees
        np.add.at(errors, fitted.cluster, of_rows)
        reliability, within, sd = [], [], []
        n = len(rows)
        for place, basis in self._others.items():
            x, own = (_net_of(k, rows[:, place]) for k in (basis, self._effects))
            k = places.index(place) if place in places else None
            share = 0.0 if k is None else self._alone[k] / degrees / (x @ x)
            size = fitted.size[place]
            reliability.append(1 - share)
            within.append(size * np.sqrt(own @ own / n))
            spread = 0.0 if k is None else self._within[k] / degrees / n
            sd.append(size * np.sqrt(spread))
        end, q, place_of = layout.regressors, layout.treatments, self._kept.index
        last = end + layout.instruments
        return ErrorMoments(
            products=net.T @ net,
            errors=errors.sum(axis=0),
            by_cluster=products - errors,
            regressors=[k for k, place in enumerate(self._kept) if place < end],
            instruments=[k for k, at in enumerate(self._kept) if end <= at < last],
            treatments=[*map(place_of, range(end - q, end))],
            reliability=np.array(reliability),
            within=np.array(within),
            error_sd=np.array(sd),
        )


def corrected(moments: ErrorMoments) -> Float[np.ndarray, " q"]:
    """Estimates from cross products without those of errors, in units of the fit.

    In 2SLS the exogenous moved columns are their own instruments. NaN where the errors
    are as large as what the other columns leave.
    """
    return _corrected(moments, moments.products - moments.errors)


def corrected_error(moments: ErrorMoments) -> Float[np.ndarray, " q"]:
    """Jackknife standard errors of ``corrected``: without each cluster in turn, around
    their mean, (G - 1) / G times the sum of squares. The errors in a cluster's rows are
    among what it brings, so that they count."""
    S = moments.by_cluster.sum(axis=0)
    left = np.array([_corrected(moments, S - own) for own in moments.by_cluster])
    G = len(left)
    return np.sqrt((G - 1) / G * ((left - left.mean(axis=0)) ** 2).sum(axis=0))


def _corrected(
    moments: ErrorMoments, S: Float[np.ndarray, "m m"]
) -> Float[np.ndarray, " q"]:
    X = Z = moments.regressors
    if moments.instruments:
        Z = [k for k in X if k not in moments.treatments] + moments.instruments
    first = S[np.ix_(Z, Z)]
    if not _definite(first, moments.products[np.ix_(Z, Z)]):
        return np.full(len(moments.treatments), np.nan)
    A, b = first, S[X, -1]
    if moments.instruments:
        Pi = np.linalg.solve(first, S[np.ix_(Z, X)])
        A, b = Pi.T @ S[np.ix_(Z, X)], Pi.T @ S[Z, -1]
    beta = np.linalg.solve(A, b)
    return beta[[X.index(k) for k in moments.treatments]]


def simex(
    estimate: Float[np.ndarray, " q"], by_lambda: Float[np.ndarray, "l q"]
) -> Float[np.ndarray, " q"]:
    """A parabola through the estimates by added variance, at -1.

    It goes through the estimate without added errors, which is exact.
    """
    at = np.array(LAMBDAS)
    powers = np.stack([at, at**2], axis=1)
    slopes = np.linalg.lstsq(powers, by_lambda - estimate[None, :], rcond=None)[0]
    return estimate - slopes[0] + slopes[1]


def simex_error(
    estimate: Float[np.ndarray, " q"],
    by_draw: Float[np.ndarray, "D l q"],
    resampled: Float[np.ndarray, "D l+1 q"],
) -> Float[np.ndarray, " q"]:
    """Standard errors of ``simex``: the spread over draws of clusters, whose rows bring
    the errors that the tables have as well as those of sampling.

    Each draw of the tables draws clusters anew and is extrapolated by itself; what the
    draw alone adds, which is the spread with the clusters as they are, is taken off.
    NaN where nothing is left.
    """
    both = np.array([simex(k[0], k[1:]) for k in resampled])
    alone = np.array([simex(estimate, k) for k in by_draw])
    left = np.nanvar(both, axis=0, ddof=1) - alone.var(axis=0, ddof=1)
    return np.sqrt(np.where(left > 0, left, np.nan))


def _definite(S: np.ndarray, whole: np.ndarray) -> bool:
    """True if the errors leave a twentieth of every direction's variation."""
    root = np.sqrt(np.diag(whole))
    scaled, full = (k / np.outer(root, root) for k in (S, whole))
    L = np.linalg.cholesky(full)
    inner = np.linalg.solve(L, np.linalg.solve(L, scaled).T)
    return bool(np.linalg.eigvalsh(inner).min() > 0.05)


def _net_of(basis: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return columns - basis @ (basis.T @ columns)


def _projection(columns: np.ndarray) -> np.ndarray:
    """An orthonormal basis of columns."""
    return np.linalg.qr(columns)[0] if columns.shape[1] else columns


def _net(basis: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Errors by draw, row and column net of a basis."""
    return errors - np.einsum(
        "nk,dkp->dnp", basis, np.einsum("nk,dnp->dkp", basis, errors)
    )
