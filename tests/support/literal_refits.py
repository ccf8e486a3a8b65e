"""Refits as one would do them by hand: every effect a dummy, every copy of a country its
own rows, NumPy's pseudo-inverse; and the same rows as a kernel's statistics."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import numpy as np
from scipy.linalg import null_space

from tivax.kernels.clusters import ClusterCrossProducts, Layout, cross_products

# Of two controls, then a treatment: R, r.
HYPOTHESES: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "the treatment is 0": (np.array([[0.0, 0.0, 1.0]]), np.zeros(1)),
    "the treatment is 0.7": (np.array([[0.0, 0.0, 1.0]]), np.array([0.7])),
    "a difference": (np.array([[1.0, 0.0, -2.0]]), np.array([-0.5])),
    "two": (np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), np.array([0.0, 0.3])),
}


@dataclass(frozen=True)
class Rows:
    """Rows of a panel. Countries, numbered from 0, are the clusters.

    C, X, Z, y
        Controls, treatments, excluded instruments, outcome.
    countries, years
        Whether the model has dummies of them.
    """

    country: np.ndarray
    year: np.ndarray
    C: np.ndarray
    X: np.ndarray
    Z: np.ndarray
    y: np.ndarray
    countries: bool = True
    years: bool = True

    @property
    def G(self) -> int:
        return int(self.country.max()) + 1

    @property
    def dummies(self) -> np.ndarray:
        """All of them: one is redundant where there are two kinds."""
        kinds = [label for label, used in self.effects if used]
        blocks = [(k[:, None] == np.unique(k)[None, :]).astype(float) for k in kinds]
        return np.column_stack([np.empty((len(self.y), 0)), *blocks])

    @property
    def effects(self) -> list[tuple[np.ndarray, bool]]:
        return [(self.country, self.countries), (self.year, self.years)]

    @property
    def n_parameters(self) -> int:
        """k of the correction: Stata's, nested effects count as one constant."""
        years = (len(np.unique(self.year)) - self.countries) * self.years
        return years + self.countries + self.C.shape[1] + self.X.shape[1]

    @property
    def layout(self) -> Layout:
        years = (len(np.unique(self.year)) - self.countries) * self.years
        return Layout(
            years, self.C.shape[1], self.X.shape[1], instruments=self.Z.shape[1]
        )

    def take(self, rows: np.ndarray, country: np.ndarray | None = None) -> "Rows":
        """Some rows, perhaps repeated, perhaps under other numbers."""
        fields = {name: getattr(self, name)[rows] for name in ("year", *"CXZy")}
        country = self.country[rows] if country is None else country
        return replace(self, country=country, **fields)

    def drawn(self, counts: np.ndarray) -> "Rows":
        """Each country so many times, every copy a country of its own."""
        copies = np.repeat(np.arange(self.G), counts.astype(int))
        own = [np.flatnonzero(self.country == g) for g in copies]
        numbers = [np.full(len(rows), k) for k, rows in enumerate(own)]
        return self.take(np.concatenate(own), np.concatenate(numbers))

    def without(self, g: int) -> "Rows":
        counts = np.ones(self.G)
        counts[g] = 0
        return self.drawn(counts)


def random_rows(
    *,
    countries: int = 12,
    years: int = 8,
    controls: int = 2,
    treatments: int = 1,
    instruments: int = 0,
    missing: float = 0.0,
    effects: str = "country and year",
    seed: int = 0,
) -> Rows:
    """A panel with effects, errors that differ in size and last, endogenous treatments
    where there are instruments. Every country keeps its first two years.

    Without any effects the first control is a constant.
    """
    rng = np.random.default_rng(seed)
    n = countries * years
    g, t = np.divmod(np.arange(n), years)
    size = np.exp(0.4 * rng.normal(size=countries))[g]
    country, year = rng.normal(size=countries)[g], 0.3 * rng.normal(size=years)[t]
    error = size * (rng.normal(size=n) + rng.normal(size=countries)[g] * (t / years))

    def column() -> np.ndarray:
        return rng.normal(size=n) + 0.8 * country + year

    Z = np.array([column() for _ in range(instruments)]).reshape(instruments, n).T
    C = np.array([column() for _ in range(controls)]).reshape(controls, n).T
    shock = 0.5 * error[:, None] * (instruments > 0)
    X = np.array([column() for _ in range(treatments)]).T + shock
    X = X + Z @ rng.uniform(0.5, 1.0, size=(instruments, treatments))
    y = 0.4 * X.sum(axis=1) - 0.3 * C.sum(axis=1) + country + year + error
    if effects == "":
        C = np.column_stack([np.ones(n), C])
    rows = Rows(g, t, C, X, Z, y, "country" in effects, "year" in effects)
    return rows.take(np.flatnonzero((rng.uniform(size=n) >= missing) | (t < 2)))


class Refit(NamedTuple):
    """Coefficients of controls, then treatments, and their CV1.

    inverse
        Of all columns: coefficients are ``inverse @ y``.
    hat
        What projects on the columns; projected ones with instruments.
    scores
        By country; covariance is ``factor`` times their products.
    """

    coef: np.ndarray
    covariance: np.ndarray
    residuals: np.ndarray
    inverse: np.ndarray
    hat: np.ndarray
    scores: np.ndarray
    factor: float

    @property
    def errors(self) -> np.ndarray:
        return np.sqrt(np.diag(self.covariance))

    def joint(self, other: "Refit") -> float:
        """Covariance of the last coefficient with that of another outcome."""
        return float(self.factor * self.scores[:, -1] @ other.scores[:, -1])


def refit(rows: Rows, *, weights: np.ndarray | None = None) -> Refit:
    """Least squares or 2SLS on all rows, weighted by country."""
    root = np.sqrt(np.ones(rows.G) if weights is None else weights)[rows.country]
    D, C, X, Z, y = (
        root[:, None] * block
        for block in (rows.dummies, rows.C, rows.X, rows.Z, rows.y[:, None])
    )
    y = y[:, 0]
    if rows.Z.shape[1]:
        given = np.column_stack([D, C, Z])
        projected = given @ (pseudo_inverse(given) @ X)
    else:
        projected = X
    design = np.column_stack([D, C, projected])
    whole = pseudo_inverse(design)
    residuals = y - np.column_stack([D, C, X]) @ (whole @ y)
    inverse = whole[D.shape[1] :]
    scores = by_country(rows, inverse.T * residuals[:, None])
    G, N, k = rows.G, len(y), rows.n_parameters
    factor = G / (G - 1) * (N - 1) / (N - k)
    covariance = factor * scores.T @ scores
    return Refit(
        inverse @ y, covariance, residuals, inverse, design @ whole, scores, factor
    )


def by_country(rows: Rows, values: np.ndarray) -> np.ndarray:
    return np.array([values[rows.country == g].sum(axis=0) for g in range(rows.G)])


def pseudo_inverse(design: np.ndarray) -> np.ndarray:
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0] = 1
    return np.linalg.pinv(design / scale[None, :], rcond=1e-10) / scale[:, None]


def residuals_on(design: np.ndarray, y: np.ndarray) -> np.ndarray:
    return y - design @ (pseudo_inverse(design) @ y)


# --------------------------------------------------------------------- one wild draw


def wild_statistic(
    rows: Rows,
    v: np.ndarray,
    R: np.ndarray,
    r: np.ndarray,
    *,
    restricted: bool,
    type: str = "11",
) -> float:
    """Residuals times v by country, a new outcome, a refit: t, or Wald / h of several.

    R is on controls, then treatments. Under R b = r, b = b0 + N free. ``type``: 3x
    takes the residuals of each country from a fit to the others, x3 the jackknife.
    """
    K = np.column_stack([rows.C, rows.X])
    center, b0, N = r, np.zeros(K.shape[1]), np.eye(K.shape[1])
    if restricted:
        b0, N = np.linalg.lstsq(R, r)[0], null_space(R)
    else:
        center = R @ refit(rows).coef
    design, y = np.column_stack([rows.dummies, K @ N]), rows.y - K @ b0
    u = moved = residuals_on(design, y)
    if type[0] == "3":
        moved = residuals_of_others(rows, design, y)
    new = replace(rows, y=rows.y - u + moved * v[rows.country])
    star = refit(new)
    V = star.covariance if type[1] == "1" else jackknife(new, star.coef)
    gap, V = R @ star.coef - center, R @ V @ R.T
    if len(r) == 1:
        return float(gap[0] / np.sqrt(V[0, 0]))
    return float(gap @ np.linalg.solve(V, gap)) / len(r)


def residuals_of_others(rows: Rows, design: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Each country's by the fit to the others, which says nothing of its effect."""
    u = np.empty_like(y)
    for g in range(rows.G):
        own = rows.country == g
        u[own] = y[own] - design[own] @ (pseudo_inverse(design[~own]) @ y[~own])
    return within(rows, u[:, None])[:, 0] if rows.countries else u


def jackknife(rows: Rows, coef: np.ndarray) -> np.ndarray:
    """(G - 1)/G times the products of what leaving out each country changes."""
    gap = np.array([refit(rows.without(g)).coef - coef for g in range(rows.G)])
    return (rows.G - 1) / rows.G * gap.T @ gap


def wild_instrument_t(rows: Rows, v: np.ndarray, beta0: float) -> float:
    """WRE: y* and x* row by row from residuals under beta0, 2SLS, t of beta0.

    The first stage holds the structural residuals, its fit does not (the efficient
    version of Davidson and MacKinnon 2010).
    """
    x, v = rows.X[:, 0], v[rows.country]
    W = np.column_stack([rows.dummies, rows.C])
    u = residuals_on(W, rows.y - beta0 * x)
    WZ = np.column_stack([W, rows.Z])
    first = pseudo_inverse(np.column_stack([WZ, u])) @ x
    e = x - WZ @ first[:-1]
    x_star = x - e + e * v
    y_star = beta0 * x_star + (rows.y - beta0 * x - u) + u * v
    star = refit(replace(rows, X=x_star[:, None], y=y_star))
    return (star.coef[-1] - beta0) / np.sqrt(star.covariance[-1, -1])


# ------------------------------------------------------------- what the kernels read


def within(rows: Rows, M: np.ndarray) -> np.ndarray:
    """Less the mean of each country."""
    mean = by_country(rows, M) / np.bincount(rows.country)[:, None]
    return M - mean[rows.country]


def columns(rows: Rows) -> np.ndarray:
    """[W, X, Z, y]: dummies of years less the first one, nested effects taken out."""
    years = np.unique(rows.year)[int(rows.countries) :]
    dummies = (rows.year[:, None] == years[None, :]).astype(float)
    parts = [rows.C, rows.X, rows.Z, rows.y[:, None]]
    M = np.column_stack([dummies, *parts] if rows.years else parts)
    return within(rows, M) if rows.countries else M


_statistics = jax.jit(cross_products, static_argnames="clusters")


def products(rows: Rows) -> ClusterCrossProducts:
    S = _statistics(columns(rows), rows.country, clusters=rows.G)
    count = np.bincount(rows.country).astype(float)
    return ClusterCrossProducts(
        S, *jax.device_put((count, np.float64(rows.n_parameters)))
    )


def contrast(rows: Rows, R: np.ndarray) -> np.ndarray:
    """R on controls and treatments as one on [W, X]: zeros before it."""
    before = np.zeros((*R.shape[:-1], rows.layout.dummies))
    return np.concatenate([before, R], axis=-1)
