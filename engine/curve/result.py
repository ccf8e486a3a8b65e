"""``SpecificationCurve``: the table, the joint tests, and the sentence made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..core import long_table_of
from ..estimation import Model
from ..reporting import CV1, Told
from ..resampling import LEVEL, never_zero

UNWEIGHTED = "none"
_ERRORS = 2  # of Monte-Carlo, within which p is not told from 5 %


@dataclass(frozen=True, eq=False)
class CurveFinding:
    """The curve of a model.

    Attributes
    ----------
    rows
        Its specifications with numbers, without weights.
    weighted
        By weights, the estimates of that curve and p of its tests.
    significant, positive
        The share of ``rows`` that is significant with the sign that more of them have;
        True for above 0.
    tests
        The joint tests of ``rows``: median, share, sum.
    drawn
        True if they are some of all combinations.
    same, lost
        Specifications that repeat another, and that cannot be estimated.
    moves
        The choice that moves the median most, and two options with their medians.
    """

    model: Model
    rows: pd.DataFrame
    weighted: Mapping[str, tuple[pd.Series, list[float]]]
    significant: float
    positive: bool
    tests: Sequence[Mapping[str, Any]]
    drawn: bool
    same: int
    lost: int
    moves: tuple[str, list[tuple[str, float]]]

    @property
    def near(self) -> int:
        """Tests within simulation error of 5 %."""
        return sum(map(_near, self.tests))

    @property
    def below(self) -> int:
        """Tests that reject."""
        return sum(k["p_value"] <= LEVEL and not _near(k) for k in self.tests)


def _near(test: Mapping[str, Any]) -> bool:
    return bool(abs(test["p_value"] - LEVEL) <= _ERRORS * test["mc_error"])


@dataclass(frozen=True, eq=False, repr=False)
class SpecificationCurve(Told):
    """Curves of models and their joint tests; they print as a table and a sentence.

    Attributes
    ----------
    table
        A row for each specification: model, outcome, the choices, estimate, se, ci_low,
        ci_high (CV1, t(G - 1), 95 %), p, wild_p_value (0 where no draw has a larger t,
        in files 1 / (draws + 1)), n, clusters, chosen (the model as given), same_as
        (the specification of this curve, counted from 1, that is the same regression)
        and note. What cannot be fitted or repeats another has no numbers.
    tests
        model, weights (``none``; each other weights are a curve of their own),
        statistic (``median effect``, ``share significant``, ``Stouffer Z``),
        estimate, null_low, null_median, null_high (2.5, 50 and 97.5 % of the draws
        without an effect), p, mc_error.
    null
        model, rank, null_low, null_median, null_high: what the sorted effects would be
        without any, by rank, over the first draws.
    choices
        Names of the choices, columns of ``table``.
    combinations
        Number of all combinations; rows are fewer where they were drawn at random.
    draws, exact
        Draws of the bootstrap; True if they are all patterns.
    residual_max
        The largest product of a regressor and the residuals, columns of length 1.

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"], entity="iso3", time="year")
    >>> choices = {"controls": "subsets"}
    >>> found = tx.specification_curve(panel, model, choices=choices, draws=99)
    >>> found.table["controls"].tolist()
    ['all', 'none']
    >>> found.by_option["specifications"].tolist()
    [1, 1]
    """

    table: pd.DataFrame
    tests: pd.DataFrame
    null: pd.DataFrame
    models: tuple[Model, ...]
    choices: tuple[str, ...]
    combinations: int
    draws: int
    exact: bool
    residual_max: float

    program = "curve"
    in_print = "tivax.engine.present.curve"

    def tables(self) -> dict[str, pd.DataFrame]:
        return {
            "specifications": self._written,
            "tests": self.tests,
            "options": self.by_option,
            "null": self.null,
        }

    def facts(self) -> dict[str, Any]:
        whole = self.tests[self.tests["weights"] == UNWEIGHTED]
        p = whole.set_index(["model", "statistic"])["p_value"]
        return {
            "residual_max": self.residual_max,
            "draws": self.draws,
            "models": len(self.models),
            "specifications": len(self.estimated),
            "p_value": {model.name: p[model.name].to_dict() for model in self.models},
            "covariance": CV1,
            "null": "no effect, imposed on each specification (WCR), Webb's weights",
        }

    @property
    def estimated(self) -> pd.DataFrame:
        """The rows with numbers."""
        return self.table[self.table["estimate"].notna()]

    @property
    def by_option(self) -> pd.DataFrame:
        """The curve by option of each choice.

        Columns model, choice, option, specifications, median, lowest, highest (the
        least and the largest effect), significant (share, either sign).
        """
        return self._options_of(self.estimated)

    def _options_of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """``by_option`` of some rows with numbers."""
        rows = rows.assign(significant=rows["wild_p_value"] <= LEVEL)
        parts = [
            curve.groupby(choice, sort=False)
            .agg(
                specifications=("estimate", "size"),
                median=("estimate", "median"),
                lowest=("estimate", "min"),
                highest=("estimate", "max"),
                significant=("significant", "mean"),
            )
            .rename_axis("option")
            .reset_index()
            .assign(model=model, choice=choice)
            for model, curve in rows.groupby("model", sort=False)
            for choice in self.choices
        ]
        empty = pd.DataFrame(columns=_BY_OPTION)
        return pd.concat(parts, ignore_index=True)[_BY_OPTION] if parts else empty

    def drawn_curve(self, model: str) -> pd.DataFrame:
        """Rows of a model that the figure shows: those with numbers. ``significant`` is
        True where the declared p is at most 5 %."""
        rows = self.estimated[self.estimated["model"] == model]
        return rows.assign(significant=rows["wild_p_value"] <= LEVEL).reset_index(
            drop=True
        )

    @property
    def _written(self) -> pd.DataFrame:
        p = never_zero(self.table["wild_p_value"], None if self.exact else self.draws)
        return self.table.assign(wild_p_value=p)

    def _tests_of(self, model: Model, weights: str) -> dict[Any, Any]:
        own = (self.tests["model"] == model.name) & (self.tests["weights"] == weights)
        return self.tests[own].set_index("statistic").to_dict("index")

    def findings(self) -> list[CurveFinding]:
        """The curve of each model in numbers."""
        return [self._found(model) for model in self.models]

    def _found(self, model: Model) -> CurveFinding:
        every = self.drawn_curve(model.name)
        weights = _weights_of(every)
        rows, table = every[weights == UNWEIGHTED], self.table
        table = table[table["model"] == model.name]
        bare = table[_weights_of(table) == UNWEIGHTED]
        same = int(bare["same_as"].notna().sum())
        up = int((rows.loc[rows["significant"], "estimate"] > 0).sum())
        down = int(rows["significant"].sum()) - up
        return CurveFinding(
            model=model,
            rows=rows,
            weighted={
                name: (every.loc[weights == name, "estimate"], self._p_of(model, name))
                for name in weights.unique()
                if name != UNWEIGHTED
            },
            significant=max(up, down) / len(rows),
            positive=up >= down,
            tests=[*self._tests_of(model, UNWEIGHTED).values()],
            drawn=self.combinations > len(table),
            same=same,
            lost=int(bare["estimate"].isna().sum()) - same,
            moves=self._most_moving(every),
        )

    def _p_of(self, model: Model, weights: str) -> list[float]:
        return [k["p_value"] for k in self._tests_of(model, weights).values()]

    def _most_moving(self, rows: pd.DataFrame) -> tuple[str, list[tuple[str, float]]]:
        """The choice whose options have medians furthest apart, of a model's rows, and
        the two options; nothing where none moves it."""
        options = self._options_of(rows)
        medians = options.groupby("choice", sort=False)["median"]
        apart = medians.max() - medians.min()
        if not (apart > 0).any():
            return "", []
        own = options[options["choice"] == apart.idxmax()].reset_index(drop=True)
        ends = own.loc[[own["median"].idxmax(), own["median"].idxmin()]]
        pairs = zip(ends["option"].astype(str), ends["median"], strict=True)
        return str(apart.idxmax()), [*pairs]


def _weights_of(rows: pd.DataFrame) -> pd.Series:
    return rows["weights"] if "weights" in rows else pd.Series(UNWEIGHTED, rows.index)


_BY_OPTION = (
    "model choice option specifications median lowest highest significant".split()
)


@long_table_of.register(SpecificationCurve)
def _(result: SpecificationCurve) -> pd.DataFrame:
    return result._written
