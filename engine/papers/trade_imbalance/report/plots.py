"""The figures of a replication, each as soon as what it shows is there.

A plot is a function and its arguments: frames and texts, so that another process can
draw it.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

import tivax as tx

from .... import figures
from ....core import Call, stage, to_long
from ....present.words import Words
from ....reporting import Block, Drawn, Language, draw_plot, printed_place
from ....reporting import Figure as Shown
from .. import heterogeneity, specifications
from ..editions import CHOICES
from ..few_threats import few_threats
from ..inference import INTERVALS, PaperInference
from ..printed import TABLE_1
from ..results import Replication
from ..robustness import Lagged
from ..specifications import Curve, JointCurves
from .texts import report_words

CURVES = ("KOFGIdj", "KOFEcGIdj")  # outcomes whose specification curve is drawn
PARTS_OUTCOME = "KOFEcGIdj"  # whose pooled coefficient is drawn in parts

Plots = dict[str, Callable[[], Figure]]
Figures = Mapping[str, Figure | Drawn]


def by_outcome(
    words: Words, figures: Figures, name: str, caption: str, **given: object
) -> list[Block]:
    """The figure of each outcome of ``CURVES`` that is drawn; ``caption`` is a part."""
    drawn = ((outcome, figures.get(f"{name}_{outcome}")) for outcome in CURVES)
    return [
        Shown(figure, words.text(caption, outcome=k, **given))
        for k, figure in drawn
        if figure
    ]


def plots_of(result: Replication, language: Language = "en") -> Plots:
    """Every plot by its file name.

    ``table1_tbi`` is missing where the panel has none of Table 1's economies.
    """
    plots: Plots = {}
    for of, shown in _parts(result):
        plots |= of(language, *shown)
    return plots


def _parts(result: Replication) -> list[tuple[Callable[..., Plots], tuple[Any, ...]]]:
    """Functions that draw the plots, and their arguments."""
    frame, comparison = result.panel.frame, result.comparison
    return [
        (of_panel, (frame,)),
        (of_comparison, (comparison,)),
        (of_inference, (result.inference,)),
        (of_threats, (result.threats,)),
        (of_few_threats, (result.threats,)),
        (of_lagged, (result.lagged,)),
        (of_joint, (result.joint,)),
        (of_parts, (frame, result.parts)),
        (of_curve, (comparison, result.curve, result.left_out)),
    ]


class Drawing:
    """Figures that another process draws while this one computes.

    ``files``: also as PNG and PDF.
    """

    def __init__(
        self, helper: Call, language: Language = "en", *, files: bool = True
    ) -> None:
        self.helper, self._files = helper, files
        self.language: Language = language
        self._begun: dict[Callable[..., Plots], dict[str, Future[Drawn]]] = {}

    def begin(self, of: Callable[..., Plots], *shown: object) -> None:
        """Have drawn what a function of this module makes of these results."""
        draw = partial(draw_plot, files=self._files, language=self.language)
        plots = of(self.language, *shown)
        self._begun[of] = {k: self.helper(draw, plot) for k, plot in plots.items()}

    def of(self, result: Replication) -> dict[str, Drawn]:
        """Every figure of the result by its file name, waited for."""
        drawn: dict[str, Drawn] = {}
        for of, shown in _parts(result):
            if of not in self._begun:
                self.begin(of, *shown)
            drawn |= {name: k.result() for name, k in self._begun[of].items()}
        return drawn


@stage("figures")
def drawn_figures(
    result: Replication, language: Language, drawing: Drawing | None, *, files: bool
) -> Figures:
    """Every figure by its file name: what ``drawing`` has, else drawn here."""
    if drawing is not None:
        return drawing.of(result)
    draw = partial(draw_plot, files=files, language=language)
    return {name: draw(plot) for name, plot in plots_of(result, language).items()}


def of_panel(language: Language, frame: pd.DataFrame) -> Plots:
    """Figure 1 and the index of Table 1's economies."""
    plots: Plots = {"figure1": partial(figures.index_means, frame, language=language)}
    index = _index_dataset(frame)
    if regions := [str(k) for k in index["region"].values]:
        plots["table1_tbi"] = partial(figures.tbi_lines, index, regions)
    return plots


def of_comparison(language: Language, comparison: pd.DataFrame) -> Plots:
    """Coefficients beside the printed ones, by table."""
    plots: Plots = {
        "tbi_coefficients": partial(figures.tbi_coefficients, comparison, language)
    }
    for table, rows in comparison.groupby("table"):
        plots[f"table{table}_coefficients"] = partial(
            figures.coefficient_plot, rows, language
        )
    return plots


def of_inference(language: Language, found: PaperInference | None) -> Plots:
    """Intervals of every kind of inference, by table."""
    if found is None:
        return {}
    return {
        f"table{table}_inference": partial(figures.intervals, rows, INTERVALS, language)
        for table, rows in found.rows.groupby("table")
    }


def of_threats(language: Language, threats: tx.results.Threats | None) -> Plots:
    """The columns of Table 3 under every threat: drawn once their declared p is there,
    which the title tells; so are the joint curves."""
    plots: Plots = {}
    if threats is not None:
        page = threats.page(language)
        for model, title in zip(threats.models, page.titles().values(), strict=True):
            if (place := printed_place(model.tags)) and place[0] == 3:
                made = partial(page.figure, model)
                plots[f"threats_{model.outcome}"] = partial(_titled, title, made)
    return plots


def _titled(title: str, plot: Callable[[], Figure]) -> Figure:
    """The figure with its finding, which is drawn above it."""
    figure = plot()
    figure.set_label(title)
    return figure


def of_few_threats(language: Language, threats: tx.results.Threats | None) -> Plots:
    """The threats that matter most, side by side for the columns of Table 3: drawn once
    the declared p of the columns is there."""
    if threats is None:
        return {}
    shown = few_threats(threats, report_words(language))
    drawn = partial(figures.few_threats, shown, threats.page(language).said)
    return {"few_threats": drawn} if shown else {}


def of_lagged(language: Language, lagged: list[Lagged]) -> Plots:
    """Intervals where the lag has a direct effect."""
    pooled = pd.concat([to_long(k.bounds) for k in lagged if k.sample == "all"])
    return {"direct_effects": partial(figures.direct_effect_bounds, pooled, language)}


def of_joint(language: Language, joint: JointCurves | None) -> Plots:
    """The curves over contestable choices, beside no effect."""
    if joint is None:
        return {}
    plots, wide = Plots(), joint.wide
    titles = wide.page(language).titles().values()
    for model, title in zip(wide.models, titles, strict=True):
        if model.outcome in CURVES:
            null = wide.null[wide.null["model"] == model.name]
            curve = wide.drawn_curve(model.name)
            drawn = partial(figures.joint_curve, curve, wide.choices, null, language)
            plots[f"joint_curve_{model.outcome}"] = partial(_titled, title, drawn)
    return plots


def of_parts(language: Language, frame: pd.DataFrame, parts: pd.DataFrame) -> Plots:
    """The pooled coefficient in parts."""
    points = heterogeneity.partial_points(frame, PARTS_OUTCOME)
    own = parts[parts["outcome"] == PARTS_OUTCOME].set_index("part")
    groups = ("developed", "developing", "between")
    names = dict(zip(heterogeneity.PARTS, groups, strict=True))
    points["group"] = points["part"].map(names)
    slopes = {name: float(own["slope"][part]) for part, name in names.items()}
    slopes["pooled"] = float(own["contribution"].sum())
    # The countries of a group share their point between groups: once is enough.
    shown = points.round(12).drop_duplicates(["group", "year", "x", "y"])
    made = partial(figures.slopes, shown, slopes, language, y=PARTS_OUTCOME)
    return {"pooled_parts": made}


def of_curve(
    language: Language, comparison: pd.DataFrame, curve: Curve, left_out: pd.DataFrame
) -> Plots:
    """The curves over editions, and the fits without each country."""
    plots: Plots = {}
    for outcome in CURVES:
        printed = comparison[
            (comparison["outcome"] == outcome)
            & (comparison["sample"] == "all")
            & (comparison["term"] == "TBI")
        ].iloc[-1]
        rows = specifications.estimated(curve.rows)
        drawn = rows[(rows["outcome"] == outcome) & (rows["sample"] == "all")]
        plots[f"specification_curve_{outcome}"] = partial(
            figures.specification_curve,
            drawn,
            CHOICES,
            float(printed["paper_coef"]),
            float(printed["paper_se"]),
            language,
            name=curve.name,
        )
        of_table = left_out[left_out["table"] == 3]
        left = of_table[of_table["column"] == printed["column"]]
        whole = left["left_out"] == ""
        plots[f"leave_one_out_{outcome}"] = partial(
            figures.leave_one_out,
            specifications.estimated(left[~whole]),
            float(left.loc[whole, "estimate"].iloc[0]),
            language,
        )
    return plots


def _index_dataset(frame: pd.DataFrame) -> xr.Dataset:
    table = frame[frame["iso3"].isin(TABLE_1)]
    index = table.set_index(["year", "iso3"])["TBI"].unstack("iso3")
    return xr.Dataset(
        {"tbi": (("year", "region"), index.to_numpy())},
        coords={"year": index.index.to_numpy(), "region": list(index.columns)},
    )
