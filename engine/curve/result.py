"""``SpecificationCurve``: the table, the joint tests, and the sentence made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ..core import (
    Listing,
    count_text,
    long_table_of,
    number_text,
    p_text,
    percent_text,
)
from ..estimation import Model
from ..figures import joint_curve
from ..reporting import CV1, Drawn, Section, Table, Text, method_of, variable_name
from ..reporting import Figure as Shown
from ..resampling import LEVEL, never_zero
from ..threats import ModelsResult

UNWEIGHTED = "none"
_ERRORS = 2  # of Monte-Carlo, within which p is not told from 5 %


@dataclass(frozen=True, eq=False, repr=False)
class SpecificationCurve(ModelsResult):
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
    report_title = "Specification curve"
    method = method_of("curve")

    def tables(self) -> dict[str, pd.DataFrame]:
        return {
            "specifications": self._written,
            "tests": self.tests,
            "options": self.by_option,
            "null": self.null,
        }

    def _title(self, model: Model) -> str:
        return self._headline(model, self.drawn_curve(model.name))

    def _figure(self, model: str) -> Figure:
        """The curve of a model with the band of no effect."""
        null = self.null[self.null["model"] == model]
        return joint_curve(self.drawn_curve(model), self.choices, null)

    def _section(self, model: Model, figure: Drawn) -> Section:
        tests, options, rows = (
            k[k["model"] == model.name].drop(columns="model").reset_index(drop=True)
            for k in (self.tests, self.by_option, self.table)
        )
        random = None if self.exact else self.draws
        tests = tests.assign(
            p_value=[p_text(p, random) for p in tests["p_value"]],
            mc_error=[p_text(p) for p in tests["mc_error"]],
        ).rename(
            columns={
                "null_low": "null 2.5 %",
                "null_median": "null 50 %",
                "null_high": "null 97.5 %",
                "mc_error": "error of p",
            }
        )
        rows = rows.assign(
            p_value=[p_text(p) for p in rows["p_value"]],
            wild_p_value=[p_text(p, random) for p in rows["wild_p_value"]],
        ).rename(columns={"wild_p_value": "wild p"})
        return Section(
            f"{variable_name(model.treatments[0])} on {variable_name(model.outcome)}",
            [
                Shown(
                    figure,
                    "Estimates by size with 95 % intervals, estimate +- t(G - 1) se; "
                    "the band holds 95 % of the draws without an effect, rank by rank; "
                    "below, what each specification chooses.",
                ),
                Table(
                    tests,
                    "The curve as a whole, and 95 % of draws without effect.",
                    {"p_value": "", "error of p": ""},
                ),
                Table(
                    options,
                    "The curve by option of each choice.",
                    {"significant": ".0%"},
                ),
                Table(rows, "Every specification.", {"p_value": "", "wild p": ""}),
                Text(model.equation),
            ],
        )

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

    def _headline(self, model: Model, rows: pd.DataFrame) -> str:
        bare = _weights_of(rows) == UNWEIGHTED
        rows, without = rows[bare], "" if bare.all() else " without weights"
        own = rows[rows["significant"]]
        up = int((own["estimate"] > 0).sum())
        share = max(up, len(own) - up) / len(rows)
        sign = "positive" if 2 * up >= len(own) else "negative"
        found = f"{sign} and significant in {percent_text(share)}"
        return (
            f"The effect of {variable_name(model.treatments[0])} on "
            f"{variable_name(model.outcome)} is "
            f"{found if len(own) else 'significant in none'} of "
            f"{count_text(len(rows), 'specification')}{without}"
        )

    def _found(self, model: Model) -> str:
        """``The effect of X on Y is positive and significant in 19 % of 116 ...``"""
        every = self.drawn_curve(model.name)
        weights = _weights_of(every)
        others = [k for k in weights.unique() if k != UNWEIGHTED]
        rows, tests = every[weights == UNWEIGHTED], self._tests_of(model, UNWEIGHTED)
        own, effects = rows[rows["chosen"]].iloc[0], rows["estimate"]
        median, share, z = tests.values()
        p = [self._p(k["p_value"]) for k in (median, share, z)]
        said = [
            f"{self._headline(model, every)}, "
            f"with a median of {number_text(median['estimate'])}",
            f"Estimates go from {number_text(effects.min())} to "
            f"{number_text(effects.max())}; the model gives "
            f"{number_text(own['estimate'])}, p {self._p(own['wild_p_value'])}",
            *self._left(model),
            "Without an effect, 97.5 % of draws have at most "
            f"{percent_text(share['null_high'])} significant with one sign",
            f"Against draws without any effect: p {p[0]} for the median, p {p[1]} for "
            f"the share, p {p[2]} for the sum of all (Stouffer's Z): "
            f"{self._conclusion(list(tests.values()))}",
        ]
        for name in others:
            weighted = every.loc[weights == name, "estimate"]
            p = [self._p(k["p_value"]) for k in self._tests_of(model, name).values()]
            said.append(
                f"Weighted by {name}, a curve of its own whose tests can reject too "
                f"often, {len(weighted)} have the median "
                f"{number_text(weighted.median())} and p {', '.join(p)}"
            )
        said.append(self._most_moving(every))
        return ". ".join(filter(None, said)) + "."

    def _left(self, model: Model) -> Iterator[str]:
        """Count combinations beside the specifications with numbers, in words."""
        rows = self.table[self.table["model"] == model.name]
        if self.combinations > len(rows):
            every = f"{self.combinations:,} combinations"
            yield f"The specifications are drawn at random from {every}"
        rows = rows[_weights_of(rows) == UNWEIGHTED]
        same = int(rows["same_as"].notna().sum())
        lost = int(rows["estimate"].isna().sum()) - same
        if same:
            are = "is" if same == 1 else "are"
            yield f"{same} more {are} the same regression as another"
        if lost:
            yield f"{lost} more cannot be estimated"

    def _p(self, p: float) -> str:
        return p_text(p, None if self.exact else self.draws)

    def _conclusion(self, tests: Sequence[dict[str, Any]]) -> str:
        """Number of tests that reject, in words, and of those within simulation error
        of 5 %."""
        near = [abs(k["p_value"] - LEVEL) <= _ERRORS * k["mc_error"] for k in tests]
        below = sum(
            k["p_value"] <= LEVEL and not at for k, at in zip(tests, near, strict=True)
        )
        if below == len(tests):
            return "chance is an unlikely explanation"
        close = "is" if sum(near) == 1 else "are"
        at = f"; {sum(near)} {close} too near 5 % for these draws" if any(near) else ""
        verb = "reject" if below > 1 else "rejects"
        count = f"{below} of {len(tests)} tests" if below else "no test"
        return f"{count} {verb} at 5 % that there is no effect{at}"

    def _most_moving(self, rows: pd.DataFrame) -> str:
        """The choice whose options have medians furthest apart, of a model's rows."""
        options = self._options_of(rows)
        medians = options.groupby("choice", sort=False)["median"]
        apart = medians.max() - medians.min()
        if not (apart > 0).any():
            return ""
        own = options[options["choice"] == apart.idxmax()].reset_index(drop=True)
        medians = own["median"].to_numpy()
        ends = own.iloc[[medians.argmax(), medians.argmin()]].to_dict("records")
        said = [f"{number_text(k['median'])} where it is {k['option']}" for k in ends]
        return (
            f"The choice that moves the median most is {apart.idxmax()}: "
            f"{', '.join(said)}"
        )

    def _listing(self, model: Model) -> Listing:
        rows = [
            (
                str(k["statistic"])
                + ("" if k["weights"] == UNWEIGHTED else f", {k['weights']}"),
                number_text(k["estimate"]),
                number_text(k["null_low"]),
                number_text(k["null_median"]),
                number_text(k["null_high"]),
                self._p(k["p_value"]),
                p_text(k["mc_error"]),
            )
            for k in self.tests[self.tests["model"] == model.name].to_dict("records")
        ]
        title = (
            f"{model.name}: specification curve of {model.treatments[0]} on "
            f"{model.outcome}, {self.draws:,} {'patterns' if self.exact else 'draws'}"
        )
        return Listing(title, _PRINTED, rows, [self._sentence(model)])


def _weights_of(rows: pd.DataFrame) -> pd.Series:
    return rows["weights"] if "weights" in rows else pd.Series(UNWEIGHTED, rows.index)


_PRINTED = ("", "observed", "null 2.5 %", "50 %", "97.5 %", "p", "error of p")
_BY_OPTION = (
    "model choice option specifications median lowest highest significant".split()
)


@long_table_of.register(SpecificationCurve)
def _(result: SpecificationCurve) -> pd.DataFrame:
    return result._written
