"""Gravity: flows between pairs by Poisson pseudo maximum likelihood, with its errors.

At the estimate b, least squares of

    z = log mu + (y - mu) / mu   on regressors and effects, with weights mu

has the slopes b and the scores of the likelihood. So a gravity fit is the linear fit of
this last step, and takes every covariance of one; PPML counts no parameters, and the
factors are G/(G-1) and N/(N-1), as in ppmlhdfe and ppml_fe_bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

import jax
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ...kernels.gravity import draws as draws_of
from ...kernels.gravity.effects import Pairs
from ...kernels.gravity.poisson import PoissonFit, fit_poisson, trading
from ...kernels.gravity.separation import separated_cells
from ...kernels.gravity.weidner_zylkin import ShortPanel, short_panel
from ..core import (
    TivaxError,
    in_float64,
    require_choice,
    require_kind,
)
from ..estimation import (
    Covariance,
    LinearFit,
    Model,
    Vcov,
    column_name,
    column_names,
    complete_rows,
    orthonormal,
    repeated,
    require_columns,
    sums_by,
    two_ways,
)

Adjust = Literal["none", "weidner-zylkin"]
Negative = Literal["refuse", "zero"]

# Columns of the last step.
STEP, WEIGHT = "working outcome", "expected flow"

# Exporter-years and importer-years whose information is inverted: 300 MB, 10 s.
MOST_EFFECTS = 6000

# Share of a regressor that effects leave of it where they explain it: nine digits.
EXPLAINED = 1e-7

_fit = jax.jit(fit_poisson, static_argnames=("pairs", "most"))
_trading = jax.jit(trading, static_argnames=("pairs",))
_separated = jax.jit(separated_cells, static_argnames=("pairs", "most"))


@dataclass(frozen=True)
class Gravity:
    """A gravity equation of flows, with effects of exporter-years and importer-years.

    Attributes
    ----------
    outcome
        Column of the flows, from 0.
    regressors
        Columns that vary within exporter-years, importer-years and pairs.
    exporter, importer, time
        Columns of a row's place: at most one row a year and pair.
    pair
        Effects of pairs: "directed", "symmetric" (one for both directions), or "none".
    home
        True where flows of countries with themselves are in the data on purpose.
    clusters
        "pair" joins both directions; or a column, or two for two-way clusters.
        By default those of the errors.
    adjust
        "weidner-zylkin": errors by directed pair that know how many effects there are,
        the default where pairs are not symmetric and there are no ``clusters``; "none".
    negative
        "refuse" flows below 0, or take them as "zero".

    Raises
    ------
    TivaxError
        A name that is no name of a column, or is given twice; errors of Weidner and
        Zylkin with symmetric pairs or clusters of another kind.

    Examples
    --------
    >>> tx.Gravity("trade", ["fta"], pair="symmetric").adjusted
    False
    """

    outcome: str
    regressors: Sequence[str]
    exporter: str = "exporter"
    importer: str = "importer"
    time: str = "year"
    pair: Pairs = "directed"
    home: bool = False
    clusters: str | Sequence[str] | None = None
    adjust: Adjust | None = None
    negative: Negative = "refuse"

    def __post_init__(self) -> None:
        for name in ("outcome", "exporter", "importer", "time"):
            column_name(name, getattr(self, name))
        regressors = column_names("regressors", self.regressors)
        if not regressors:
            raise TivaxError("regressors: name at least one")
        object.__setattr__(self, "regressors", regressors)
        if mistake := repeated(self.outcome, (*regressors, *self.keys)):
            raise TivaxError(": ".join(mistake))
        require_choice("pair", self.pair, get_args(Pairs))
        require_choice("negative", self.negative, get_args(Negative))
        require_kind("home", self.home, bool, "True or False")
        if self.adjust is not None:
            require_choice("adjust", self.adjust, get_args(Adjust))
        if self.adjust != "weidner-zylkin":
            return
        if self.pair == "symmetric":
            raise TivaxError(
                'adjust: Weidner-Zylkin needs directed pairs; adjust="none"'
            )
        if self.clusters not in (None, self.directed):
            raise TivaxError(
                f"adjust: Weidner-Zylkin clusters by {self.directed}; leave out "
                'clusters, or adjust="none"'
            )

    @property
    def keys(self) -> tuple[str, str, str]:
        """Columns of a row's place."""
        return self.time, self.exporter, self.importer

    @property
    def directed(self) -> str:
        """The column of directed pairs."""
        return f"{self.exporter}^{self.importer}"

    @property
    def adjusted(self) -> bool:
        """True where errors are Weidner and Zylkin's."""
        usual = self.pair != "symmetric" and self.clusters is None
        return usual if self.adjust is None else self.adjust == "weidner-zylkin"

    @property
    def model(self) -> Model:
        """The linear model of the last step."""
        sides = [f"{k}^{self.time}" for k in (self.exporter, self.importer)]
        own = {"directed": self.directed, "symmetric": "pair", "none": sides[0]}
        entity = own[self.pair]
        effects = [k for k in sides if k != entity]
        return Model("", STEP, self.regressors, entity=entity, effects=effects)


class Cube(NamedTuple):
    """Flows and regressors by year, exporter and importer, and each row's place."""

    y: Float[np.ndarray, "t i j"]
    x: Float[np.ndarray, "k t i j"]
    there: Float[np.ndarray, "t i j"]
    place: tuple[Int[np.ndarray, " n"], ...]

    @classmethod
    def of(cls, rows: pd.DataFrame, spec: Gravity) -> "Cube":
        years, year = np.unique(rows[spec.time].to_numpy(), return_inverse=True)
        both = pd.concat([rows[spec.exporter], rows[spec.importer]])
        number, countries = pd.factorize(both, sort=True)
        place = year, number[: len(rows)], number[len(rows) :]
        shape = len(years), len(countries), len(countries)

        def put(values: Any) -> Float[np.ndarray, "t i j"]:
            cube = np.zeros(shape)
            cube[place] = values
            return cube

        x = np.stack([put(rows[k].to_numpy(float)) for k in spec.regressors])
        return cls(put(rows[spec.outcome].to_numpy(float)), x, put(1.0), place)

    def at(self, cube: Any) -> Float[np.ndarray, " n"]:
        """The cells of the rows."""
        return np.asarray(cube)[self.place]


class LastStep(LinearFit):
    """The weighted regression at the estimate: no parameter is counted."""

    @property
    def k(self) -> int:
        return 1

    @property
    def parameters(self) -> int:
        return 1

    def counted(self, code: Int[np.ndarray, " N"]) -> int:
        return 1


@dataclass(frozen=True, eq=False)
class Adjusted(Vcov):
    """Errors by directed pair, scores with full leverage (Weidner and Zylkin 2021).

    Plain clusters by pair reject 12 to 14 % of true hypotheses at 5 % with 20 to 40
    countries: each of many effects fits some of its own residual.
    """

    solved: "SolvedGravity"

    def of(self, fit: LinearFit) -> Covariance:
        unit = fit.size[-1] / fit.size[fit.places(fit.names)]
        V = np.asarray(self.solved.short_panel.covariance) / np.outer(unit, unit)
        words = "clustered by pair, adjusted (Weidner and Zylkin), t(G-1)"
        pairs = len(np.unique(self.solved.pair[self.solved.pair >= 0]))
        return Covariance(V, words, pairs, None, *fit.lost())


@dataclass(frozen=True, eq=False, repr=False)
class SolvedGravity:
    """A gravity equation, estimated: rows, cube, and the fit of the likelihood.

    ``rows`` are those with an estimate, with the columns of the last step;
    ``separated`` those without, and why; ``below`` counts flows below 0 that are 0.
    """

    spec: Gravity
    rows: pd.DataFrame
    cube: Cube
    fit: PoissonFit
    separated: pd.DataFrame
    below: int

    @classmethod
    @in_float64
    def of(cls, data: pd.DataFrame, spec: Gravity) -> "SolvedGravity":
        """Estimate on the rows of a frame; ``TivaxError`` names what cannot be."""
        rows, below = _rows_of(data, spec)
        cube = Cube.of(rows, spec)
        there, why = _estimable(cube, spec)
        _require_variation(cube, there, spec)
        kept = cube.at(there)
        separated = rows.loc[~kept, [*spec.keys]].assign(reason=cube.at(why)[~kept])
        rows, weight = rows[kept], np.where(there, cube.there, 0)
        cube = cube._replace(there=weight, place=tuple(k[kept] for k in cube.place))
        fit = jax.tree.map(np.asarray, _fit(cube.y, cube.x, weight, pairs=spec.pair))
        if not fit.decrement <= 1e-20:
            raise TivaxError(
                f"{spec.outcome}: not converged after {fit.steps} steps: decrement "
                f"{fit.decrement:.0e}"
            )
        rows = with_last_step(rows, spec.outcome, cube.at(fit.expected))
        rows = rows.assign(**_groups(cube, spec))
        return cls(spec, rows, cube, fit, separated, below)

    @property
    def is_adjusted(self) -> bool:
        """True where its errors are adjusted; by default not with very many effects,
        among which none is of weight. ``TivaxError`` where that was asked for."""
        years, exporters, importers = self.cube.y.shape
        count = years * (exporters + importers)
        if count <= MOST_EFFECTS or not self.spec.adjusted:
            return self.spec.adjusted
        if self.spec.adjust is None:
            return False
        raise TivaxError(
            f"adjust: {count:,} exporter-years and importer-years, at most "
            f'{MOST_EFFECTS:,}; adjust="none"'
        )

    @cached_property
    @in_float64
    def short_panel(self) -> ShortPanel:
        """Bias and adjusted covariance."""
        return jax.tree.map(np.asarray, short_panel(self.fit, pairs=self.spec.pair))

    @property
    def pair(self) -> Int[np.ndarray, "i j"]:
        """Number of each pair with a row, one for both directions where effects are
        symmetric; -1 elsewhere."""
        held = self.cube.there.any(axis=0)
        if self.spec.pair == "symmetric":
            held |= held.T
            held = np.triu(held)
        number = np.where(held, held.cumsum().reshape(held.shape) - 1, -1)
        return np.maximum(number, number.T) if self.spec.pair == "symmetric" else number

    def pair_influence(self) -> pd.Series:
        """Contribution of each pair, both directions, to the error of the first slope,
        by names of the pair in their order."""
        own, n = pair_sums_of(self.fit)[0], self.cube.y.shape[1]
        cells = self.rows[[self.spec.exporter, self.spec.importer]].astype(str)
        place = self.cube.place[1] * n + self.cube.place[2]
        first = pd.Series(place).drop_duplicates().index
        low, high = cells.min(axis=1), cells.max(axis=1)
        names = (low + " " + high).to_numpy()[first]
        return pd.Series(own[place[first]], names).groupby(level=0).sum()

    # ------------------------------------------------------------------------- draws

    @in_float64
    def influence_at(self, term: str, value: float) -> Float[np.ndarray, " G"]:
        """Contribution of each pair to the error of a slope, at the estimate where that
        is held at ``value``: its part is an offset."""
        k, given = self.spec.regressors.index(term), {"pairs": self.spec.pair}
        offset = value * self.cube.x[k]
        y, weight = self.cube.y * np.exp(-offset), self.cube.there * np.exp(offset)
        fit = _fit(y, np.delete(self.cube.x, k, axis=0), weight, **given)
        net = np.asarray(draws_of.net_of(fit.expected, self.cube.x, **given))
        information = np.einsum("ktij,tij,ltij->kl", net, fit.expected, net)
        fit = fit._replace(net=net, information=information)
        own, pair = pair_sums_of(fit)[k], self.pair.ravel()
        return np.bincount(pair[pair >= 0], own[pair >= 0])

    @in_float64
    def score_draws(
        self, term: str, value: float, draws: int, seed: int
    ) -> tuple[float, Float[np.ndarray, " B"]]:
        """The sum of the influence of pairs, and those with random signs."""
        own = self.influence_at(term, value)
        size = draws_of.draws_of_block(len(own))
        found = draws_of.score_sums(own, seed, blocks=-(-draws // size))
        return own.sum(), np.asarray(found).ravel()[:draws]

    @in_float64
    def pair_draws(self, draws: int, seed: int) -> Float[np.ndarray, "B k"]:
        """Slopes of samples of pairs."""
        y, x, there, _ = self.cube
        found = draws_of.drawn_pairs(
            y, x, there, self.pair, self.fit, seed, 0, pairs=self.spec.pair, draws=draws
        )
        return np.asarray(found)

    @in_float64
    def quarters(self, splits: int, seed: int) -> Float[np.ndarray, "s 4 k"]:
        """Slopes of the quarters of random halves of exporters and importers."""
        random = np.random.default_rng(seed)
        n = self.cube.y.shape[1]
        kept = []
        for _ in range(splits):
            one, two = (random.permutation(n) < n // 2 for _ in range(2))
            kept += [np.outer(a, b) for a in (one, ~one) for b in (two, ~two)]
        y, x, there, _ = self.cube
        found = draws_of.of_parts(
            y, x, there, self.fit, np.stack(kept), pairs=self.spec.pair
        )
        return np.asarray(found).reshape(splits, 4, -1)


def pair_sums_of(fit: PoissonFit) -> Float[np.ndarray, "k ij"]:
    """Contribution of each directed pair to the errors of the slopes."""
    scores = (fit.net * np.asarray(fit.flow - fit.expected)).sum(axis=1)
    return np.linalg.solve(fit.information, scores.reshape(len(scores), -1))


def with_last_step(
    rows: pd.DataFrame, outcome: str, mu: Float[np.ndarray, " n"]
) -> pd.DataFrame:
    """Rows beside the outcome and the weight of the last step."""
    step = np.log(mu) + (rows[outcome].to_numpy(float) - mu) / mu
    return rows.assign(**{STEP: step, WEIGHT: mu})


def _rows_of(data: pd.DataFrame, spec: Gravity) -> tuple[pd.DataFrame, int]:
    """The complete rows of a frame, whose flows can be estimated, and how many flows
    below 0 are taken as 0."""
    extra = (
        spec.clusters if isinstance(spec.clusters, list | tuple) else [spec.clusters]
    )
    require_columns(data, spec.keys)
    further = [k for k in extra if k in data.columns]
    labels = [spec.exporter, spec.importer, *further]
    numbered = data.reset_index(drop=True)
    rows = complete_rows(numbered, [spec.outcome, *spec.regressors], labels)
    rows = rows.assign(**{spec.time: numbered[spec.time]}).dropna(subset=[spec.time])
    rows = rows.set_axis(data.index[rows.index])
    flow = rows[spec.outcome]
    if (below := flow < 0).any() and spec.negative == "refuse":
        first = int(np.flatnonzero(below)[0])
        raise TivaxError(
            f"{spec.outcome} in row {rows.index[first]} is {flow.iloc[first]:g}: "
            'PPML needs flows from 0; negative="zero" sets them to 0'
        )
    rows = rows.assign(**{spec.outcome: flow.clip(lower=0)})
    if (again := rows.duplicated([*spec.keys])).any():
        year, exporter, importer = rows.loc[again, [*spec.keys]].iloc[0]
        raise TivaxError(f"two rows for {year}, {exporter} to {importer}")
    own = rows[spec.exporter] == rows[spec.importer]
    if own.any() and not spec.home:
        first = rows.loc[own].iloc[0]
        raise TivaxError(
            f"{first[spec.exporter]} trades with itself in {first[spec.time]}; "
            "home=True takes home flows, else leave them out"
        )
    return rows, int(below.sum())


def _estimable(
    cube: Cube, spec: Gravity
) -> tuple[Bool[np.ndarray, "t i j"], np.ndarray]:
    """Cells with an estimate, and the reason of the others."""
    trades = np.asarray(_trading(cube.y, cube.there > 0, pairs=spec.pair))
    if not trades.any():
        raise TivaxError(f"{spec.outcome}: no trade between countries")
    without = "its exporter, importer or pair trades nothing"
    why = np.where((cube.there > 0) & ~trades, without, "").astype(object)
    found, ended = _separated(cube.y, cube.x, trades, pairs=spec.pair)
    if not ended:
        raise TivaxError(f"{spec.outcome}: the search for separated rows does not end")
    found = np.asarray(found)
    for name, x in zip(spec.regressors, cube.x, strict=True):
        alone = found & (x != 0) & (why == "")
        why[alone] = f"all 0 where {name} is not 0"
    why[found & (why == "")] = "regressors and effects explain that it is 0"
    there = np.asarray(_trading(cube.y, trades & ~found, pairs=spec.pair))
    why[trades & ~there & (why == "")] = without
    return there, why


def _require_variation(
    cube: Cube, there: Bool[np.ndarray, "t i j"], spec: Gravity
) -> None:
    """``TivaxError`` for a regressor that the effects, or others with them, explain."""
    net = draws_of.net_of(there.astype(float), cube.x, pairs=spec.pair)
    rows = np.asarray(net)[:, there].T
    size = np.linalg.norm(cube.x[:, there], axis=1)
    within = "exporter-year, importer-year" + " and pair" * (spec.pair != "none")
    left = orthonormal(rows / np.where(size > 0, size, 1), EXPLAINED).left
    for name, share in zip(spec.regressors, left, strict=True):
        if share < EXPLAINED:
            beside = ", beside the other regressors" * (len(spec.regressors) > 1)
            raise TivaxError(f"{name} does not vary within {within}{beside}")


def _groups(cube: Cube, spec: Gravity) -> dict[str, Int[np.ndarray, " n"]]:
    """Numbers of exporter-years, importer-years and pairs, of each row."""
    year, sells, buys = cube.place
    n = cube.y.shape[1]
    low, high = np.minimum(sells, buys), np.maximum(sells, buys)
    return {
        f"{spec.exporter}^{spec.time}": year * n + sells,
        f"{spec.importer}^{spec.time}": year * n + buys,
        spec.directed: sells * n + buys,
        "pair": low * n + high,
    }


def clustered_sums(
    influence: Float[np.ndarray, "n k"], ways: Sequence[pd.Series]
) -> tuple[Float[np.ndarray, "k k"], int]:
    """Products of sums by cluster, of two ways plus and minus their intersection
    (Cameron, Gelbach and Miller 2011), times G/(G-1) of the fewer; and how many."""
    codes = [pd.factorize(way)[0] for way in ways]
    fewest = min(int(code.max()) + 1 for code in codes)
    parts = [(1, codes[0])] if len(codes) == 1 else two_ways(*codes)
    V = np.zeros((influence.shape[1],) * 2)
    for sign, group in parts:
        sums = sums_by(group, influence)
        V += sign * sums.T @ sums
    return fewest / (fewest - 1) * V, fewest
