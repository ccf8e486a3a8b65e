"""Errors correlated in space: distances, and the covariance of Conley (1999)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float

from ...kernels.covariance_factors import cluster_factor, kernel_of_years
from ..core import TivaxError, load_toml, require_choice, require_kind, show
from .linear_fits import Covariance, LinearFit, Vcov
from .vcov import calendar, kernel_lags, require_each, square_among

SpaceKernel = Literal["bartlett", "uniform"]
CAPITALS: dict[str, list[float]] = load_toml(__package__, "capitals.toml")
"""Latitude and longitude of capitals in degrees, by code of ISO 3166-1."""
_EARTH = 6371.0  # its mean radius in km


def great_circle(
    places: Float[np.ndarray, "G 2"],
) -> Float[np.ndarray, "G G"]:
    """Distances in km over a sphere between latitudes and longitudes in degrees:
    2 R arcsin of the root of sin^2(dlat/2) + cos cos sin^2(dlon/2)."""
    latitude, longitude = np.radians(places).T
    north = np.sin((latitude[:, None] - latitude[None, :]) / 2) ** 2
    east = np.sin((longitude[:, None] - longitude[None, :]) / 2) ** 2
    square = north + np.cos(latitude)[:, None] * np.cos(latitude)[None, :] * east
    return 2 * _EARTH * np.arcsin(np.sqrt(np.clip(square, 0, 1)))


def distances_among(
    names: Sequence[object],
    places: pd.DataFrame | None = None,
    distances: pd.DataFrame | None = None,
) -> Float[np.ndarray, "G G"]:
    """Distances between these entities: as given, of given places, or of capitals, in
    km. ``TivaxError`` for one without a place, and for distances that have no sense."""
    if distances is not None:
        require_kind("distances", distances, pd.DataFrame, "a DataFrame, square")
        D = square_among(distances, names, "distances", "distance")
        if not np.allclose(D, D.T, rtol=1e-9, atol=0):
            i, j = np.argwhere(~np.isclose(D, D.T, rtol=1e-9, atol=0))[0]
            raise TivaxError(
                f"distances: from {names[i]} to {names[j]} it is not as far as back; "
                "give the same number twice"
            )
        return D * (1 - np.eye(len(D)))
    if places is None:
        for name in names:
            if str(name) not in CAPITALS:
                raise TivaxError(
                    f"no capital of {name} is known; give places, a DataFrame of "
                    "latitude and longitude by entity, or distances"
                )
        return great_circle(np.array([CAPITALS[str(name)] for name in names]))
    require_kind("places", places, pd.DataFrame, "a DataFrame of latitude, longitude")
    for column in ("latitude", "longitude"):
        if column not in places:
            raise TivaxError(f"places: no column {column}; degrees north and east")
    require_each("places: the rows", names, places.index)
    found = places.loc[[*names], ["latitude", "longitude"]].to_numpy(float)
    if not (sound := np.isfinite(found) & (np.abs(found) <= (90, 360))).all():
        i = int(np.argwhere(~sound)[0, 0])
        raise TivaxError(
            f"places: {names[i]} is at {show(found[i].tolist())}; give degrees north "
            "(-90 to 90) and east"
        )
    return great_circle(found)


def space_weights(
    distances: Float[np.ndarray, "G G"], cutoff: float, kernel: SpaceKernel
) -> Float[np.ndarray, "G G"]:
    """Weights of two entities' scores: 1 - d / cutoff (bartlett), 1 (uniform), 0 beyond
    the cut-off; 1 of each with itself."""
    if kernel == "uniform":
        near = (distances <= cutoff).astype(float)
    else:
        near = np.maximum(0, 1 - distances / cutoff) if cutoff else 0 * distances
    np.fill_diagonal(near, 1)
    return near


@dataclass(frozen=True, eq=False)
class Conley(Vcov):
    """Errors correlated in space (Conley 1999, Journal of Econometrics 92: 1-45), and
    over time.

    The covariance is the sum over all pairs of rows of the products of their scores,
    times a weight, with K(d) of the distance d of two entities:

        lags None   K(d), whichever the years: clusters by entity where the cut-off is
                    below all distances (as vcov_conley of R's fixest, uniform kernel)
        lags L      K(d) within a year, 1 - gap / (L + 1) within an entity, and 0 of
                    other entities in other years (Hsiang 2010, PNAS 107: 15367-72)

    The factor and t(G - 1) are those of clusters by entity, G / (G - 1) (N - 1) /
    (N - k). A variance can be negative: there is then no standard error.

    It is no safeguard: with effects of years, whose scores add up to zero, it falls
    where the cut-off grows. With errors correlated by exp(-d / 1,500 km) among 41
    countries in 15 years it rejects 17 to 21 % of true nulls at 5 %, clusters by
    country 20 to 22 % (2,000 panels, ``bench/studies/conley_size.py``).

    Parameters
    ----------
    cutoff
        Distance from which scores are taken as independent: km, or the unit of
        ``distances``.
    kernel
        ``bartlett``: 1 - d / cutoff; ``uniform``: 1 up to the cut-off.
    lags
        Years over which errors of an entity are correlated; by default all.
    places
        Degrees in the columns latitude and longitude by entity; by default the
        capitals of countries, by code of ISO 3166-1.
    distances
        In place of these, a symmetric table by entity.

    Raises
    ------
    TivaxError
        An entity without a place or distance, and values that have no sense.

    Examples
    --------
    >>> names = sorted(panel["iso3"].unique())
    >>> line = pd.DataFrame({"latitude": 0.0, "longitude": range(len(names))}, names)
    >>> near = tx.Conley(cutoff=300, places=line)
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel, vcov=near)
    >>> fit.convention
    'Conley, bartlett to 300, factor of clusters, t(G-1)'
    """

    cutoff: float
    kernel: SpaceKernel = "bartlett"
    lags: int | None = None
    places: pd.DataFrame | None = None
    distances: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        cutoff = self.cutoff
        if not isinstance(cutoff, int | float | np.number) or not 0 <= cutoff < np.inf:
            raise TivaxError(f"cutoff {show(cutoff)}: give a distance, 0 or more")
        require_choice("kernel", self.kernel, get_args(SpaceKernel))

    def of(self, fit: LinearFit) -> Covariance:
        names = fit.entities
        D = distances_among(names, self.places, self.distances)
        K, G, over = space_weights(D, self.cutoff, self.kernel), len(names), ""
        if self.lags is None:
            sums = fit.sums(fit.entity)
            V = sums.T @ K @ sums
        else:
            year, years, span = calendar(fit)
            lags = kernel_lags(self.lags, span, 0)
            s = np.zeros((G, len(years), len(fit.names)))
            np.add.at(s, (fit.entity, year), fit.scores.T)
            later = kernel_of_years(years, lags).weights - np.eye(len(years))
            V = np.einsum("gtk,gh,htl->kl", s, K, s, optimize=True)
            V = V + np.einsum("gtk,ts,gsl->kl", s, later, s, optimize=True)
            over = f", {lags} lags"
        return Covariance(
            cluster_factor(G, fit.n, fit.k) * V,
            f"Conley, {self.kernel} to {self.cutoff:g}{over}, factor of clusters, "
            "t(G-1)",
            G,
            None,
            *fit.lost(fit.entity),
        )
