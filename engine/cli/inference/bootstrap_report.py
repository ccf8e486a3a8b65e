"""Words of an ``Experiment``: its report and its findings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...core import (
    capital,
    count_text,
    number_text,
    p_equals,
    p_text,
    percent_text,
)
from ...estimation import Model
from ...reporting import (
    Document,
    Drawn,
    Section,
    Table,
    column_name,
    printed_place,
    variable_name,
)
from ...reporting import Figure as Shown
from ...resampling import (
    LEVEL,
    TIE_RULES,
    Placebo,
    ResamplingPlan,
    Scheme,
    Wild,
    drawn_text,
)

_REPORT = Document(Path(__file__).with_name("bootstrap.md"))
_FEW = (
    "model term n clusters effective_clusters cv1_p_value cv2_p_value cv2_df "
    "cv3_p_value without_min without_max"
).split()


def sections(
    experiment: Any,
    tables: dict[str, pd.DataFrame],
    figures: Mapping[str, Drawn],
) -> list[Section]:
    """The report of a run: method, results, figures, diagnostics of clusters."""
    plan = experiment.plans[0]
    kind = plan.scheme.kind

    def shown(frame: pd.DataFrame) -> pd.DataFrame:
        return _named(experiment, _readable(experiment, frame))

    summary = experiment.summary.drop(
        columns=["table", "column", "scheme", "draws", "draws_per_s"]
    )
    adjusted = tables["multiple_testing"]
    found = [
        _REPORT.section(
            "results",
            summary=Table(shown(summary), formats=_P_FORMATS),
            scheme=capital(plan.scheme.words),
            ties=TIE_RULES[kind],
            se=_standard_error(plan.scheme),
            left_out=_left_out(experiment),
            drawn=[
                Shown(figure, f"Draws of {_figure_name(name, len(figures))}.")
                for name, figure in figures.items()
            ],
        ),
        _REPORT.section(
            "intervals",
            intervals=Table(shown(experiment.intervals), formats=_P_FORMATS),
            none=_NO_INTERVAL if kind == "placebo" else "",
        ),
    ]
    if len(adjusted) > adjusted["family"].nunique():
        family = Table(_in_words(shown(adjusted)), formats=_IN_WORDS)
        found.append(_REPORT.section("together", adjusted=family))
    models = _in_words(shown(tables["models"][_FEW]))
    return [
        *found,
        _REPORT.section(
            "clusters",
            models=Table(models, formats=_IN_WORDS),
            notes=_notes(experiment),
        ),
        _REPORT.section("models", equations=_equations(experiment)),
    ]


def finding(experiment: Any) -> list[str]:
    """Each effect in words: its size, the p to report, the usual one beside it."""
    usual = experiment.models.set_index(["model", "term"])["cv1_p_value"]
    lines = []
    for plan, inference in experiment.pairs:
        for _, row in inference.summary.iterrows():
            model = plan.fitted.model
            p = p_equals(row["p_value"], plan.random_draws)
            if plan.static.joint:
                lines.append(f"{_tested(plan, row)}: p {p}.")
                continue
            told = "differs" if row["p_value"] <= LEVEL else "cannot be told"
            null = plan.scheme.value if isinstance(plan.scheme, Wild) else 0
            given = (model.name, row["term"])
            beside = ""
            if given in usual:
                beside = f"; the usual clustered p is {p_text(usual[given])}"
            lines.append(
                f"A unit more of {variable_name(row['term'])} goes with "
                f"{number_text(row['estimate'])} in {variable_name(model.outcome)} "
                f"({_range(row).removesuffix(', ')}): it {told} from {null or 0:g} at "
                f"5 %. Report p {p}{beside}."
            )
    return lines


def _named(experiment: Any, table: pd.DataFrame) -> pd.DataFrame:
    """Columns of the paper by their printed names."""
    names = {k.model.name: _name(k.model) for k in experiment.fitted_models}
    return table.assign(model=table["model"].replace(names))


def _name(model: Model) -> str:
    place = printed_place(model.tags)
    return column_name(*place) if place else model.name


def title(experiment: Any) -> str:
    """The question asked: one effect by its names, else how many."""
    models = {k.model.name: k.model for k in experiment.fitted_models}
    if len(models) > 1:
        return f"How sure are {len(models)} effects?"
    (model,) = models.values()
    treatment, outcome = model.treatments[0], model.outcome
    return (
        f"How sure is the effect of {variable_name(treatment)} on "
        f"{variable_name(outcome)}?"
    )


def subtitle(experiment: Any) -> str:
    """``Wild cluster bootstrap, ...; 2 models, 9,999 draws each, seed 1``."""
    plans = experiment.plans
    many = len(plans) > 1
    made = count_text(plans[0].draws, "pattern" if plans[0].exact else "draw")
    return (
        f"{capital(plans[0].scheme.words)}; {len(plans)} model{'s' * many}, {made}"
        f"{' each' * many}, seed {experiment.run.seed}"
    )


def _equations(experiment: Any) -> list[str]:
    """Every model: regressors, effects, clusters, sample, rows."""
    return [
        f"{_name(k.model)}: {k.model.equation}; {k.n:,} observations, "
        f"{len(k.labels)} clusters"
        for k in experiment.fitted_models
    ]


_P_COLUMNS = (
    "p_value romano_wolf westfall_young holm cv1_p_value cv2_p_value cv3_p_value "
    "mc_error"
).split()
_P_FORMATS = dict.fromkeys(_P_COLUMNS, "")
_IN_WORDS = {k.replace("p_value", "p").replace("_", " "): "" for k in _P_COLUMNS}
_NO_INTERVAL = (
    " That of placebo draws is none of the effect: it holds the middle 95 % of them."
)


def _in_words(table: pd.DataFrame) -> pd.DataFrame:
    """Names of columns in words."""
    return table.rename(columns=lambda k: k.replace("p_value", "p").replace("_", " "))


def _readable(experiment: Any, table: pd.DataFrame) -> pd.DataFrame:
    """The p-values as texts, small ones as such."""
    random = experiment.plans[0].random_draws
    texts = {}
    for name in set(_P_COLUMNS) & set(table):
        # A p of clusters is not a share of draws, nor is a Monte-Carlo error.
        draws = None if name.startswith("cv") or name == "mc_error" else random
        texts[name] = [p_text(float(p), draws) for p in table[name]]
    return table.assign(**texts)


def _figure_name(name: str, figures: int) -> str:
    """``Table 3`` of table3_draws, ``models, part 2`` of draws_2."""
    if name.startswith("table"):
        return f"Table {name.removeprefix('table').removesuffix('_draws')}, by column"
    return "each model" + (
        f", part {name.removeprefix('draws_')}" if figures > 1 else ""
    )


def method(plan: ResamplingPlan) -> str:
    """Describe how the draws are made."""
    scheme = plan.scheme
    exact = f" All {plan.draws:,} patterns were enumerated." if plan.exact else ""
    holes: dict[str, str] = {}
    if isinstance(scheme, Wild):
        if scheme.value:
            exact += f" The null is not 0 but {scheme.value:g}."
        null = "under the null" if scheme.null else "unrestricted"
        holes = {"null": null, "jackknife": _JACKKNIVES[scheme.type]}
    if isinstance(scheme, Placebo):
        within = f" within {scheme.strata}" if scheme.strata else ""
        what = "residuals" if scheme.method == "freedman-lane" else "paths"
        of_t = _T if scheme.studentised else f"the coefficient: {COEFFICIENTS}"
        holes = {
            "moved": _REPORT.text(what, scheme=scheme, within=within),
            "compared": f"What is compared is {of_t}",
        }
    return _REPORT.text(scheme.kind, scheme=scheme, exact=exact, **holes)


_JACKKNIVES = {
    "11": "",
    "13": " with the jackknife CV3 as its variance (type 13)",
    "31": "; residuals are those of a fit to the other clusters (type 31)",
    "33": " with the jackknife CV3 as its variance; residuals are those of a fit to "
    "the other clusters (type 33)",
}


COEFFICIENTS = (
    "not a test of level 5 % where errors differ between countries or the treatment "
    "goes along with the controls"
)


_T = "t, not the coefficient (randomisation-t, standard errors CV1)"


def _standard_error(scheme: Scheme) -> str:
    if isinstance(scheme, Wild):
        second = f"two-way {scheme.second}" if scheme.second else ""
        kind = "CV3" if scheme.covariance else "CV1"
        return f"{second or kind}, of the estimate"
    placebo = "coefficients of the placebo " if isinstance(scheme, Placebo) else ""
    return f"the standard deviation of the {placebo}draws"


def _left_out(experiment: Any) -> str:
    each = ", ".join(
        f"{inference.failed:,} of {plan.fitted.model.name}"
        for plan, inference in experiment.pairs
        if inference.failed
    )
    return each and f" Left out because their design was singular: {each}."


def _tested(plan: ResamplingPlan, row: pd.Series) -> str:
    """Model, term and estimate, with the null where it is not the usual one."""
    value = plan.scheme.value if isinstance(plan.scheme, Wild) else 0
    if plan.static.joint:
        return f"{row['model']}: {row['term']} all {value:g}"
    null = f" (null {value:g})" if value else ""
    return f"{row['model']}: {row['term']} {row['estimate']:.4g}{null}"


def _notes(experiment: Any) -> list[str]:
    """Why numbers about the clusters are empty."""
    table = experiment.models
    noted = table[table["note"] != ""]
    return [f"{k}: {note}" for k, note in noted[["model", "note"]].to_numpy()]


def _range(row: pd.Series) -> str:
    ends = row["ci_low"], row["ci_high"]
    if any(k != k for k in ends):
        return ""
    return f"95 % [{ends[0]:.4g}, {ends[1]:.4g}], "


def sentence(experiment: Any) -> str:
    """Lines for the terminal."""
    lines = []
    for plan, inference in experiment.pairs:
        name = plan.fitted.model.name
        for _, row in inference.summary.iterrows():
            p = p_equals(row["p_value"], plan.random_draws)
            lines.append(
                f"{_tested(plan, row)}, p {p} "
                f"(+-{p_text(row['mc_error'])}), {_range(row)}"
                f"{drawn_text(plan, row['draws'])}"
            )
        if plan.exact and plan.draws * LEVEL < 2:
            lines.append(
                f"{name}: {plan.draws} patterns are too few for a test at "
                f"{percent_text(LEVEL)}"
            )
        if inference.ties and isinstance(plan.scheme, Wild):
            half = (inference.ties / 2) / plan.draws
            lines.append(
                f"{name}: {count_text(inference.ties, 'exact tie')}; counting half of "
                f"them adds {half:.4f}"
            )
        if inference.failed:
            lines.append(
                f"{name}: {count_text(inference.failed, 'draw')} left out, their "
                "design was singular"
            )
    scheme = experiment.plans[0].scheme
    if isinstance(scheme, Placebo) and not scheme.studentised:
        how = "" if scheme.permute == "years" else "; studentised = true compares t"
        lines.append(f"coefficients are compared: {COEFFICIENTS}{how}")
    return "\n".join([*lines, *_notes(experiment)])
