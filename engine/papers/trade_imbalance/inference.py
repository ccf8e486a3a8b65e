"""The paper's 17 columns under every kind of inference, beside its own t(G-1).

Each column: CV1 as the paper, CV2 with Bell and McCaffrey's degrees of freedom, the
jackknife CV3, the restricted wild cluster bootstrap with Webb's weights, pairs, and two
placebos that move whole paths of the index among all countries, or among those of the
same level of development. Placebos compare t, not coefficients: moving the index breaks
its link with the controls, and only the studentised test then keeps its level. Channels
are tested together by the smallest p (Westfall and Young). The largest |t| (Romano and
Wolf) is beside it: columns with few countries have a t* of heavier tails than others,
which rules the maximum, so that its adjusted p can exceed Bonferroni's.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from ...core import Progress, no_progress
from ...estimation import Fit, fit_model, t_ppf
from ...resampling import LEVEL, Scheme, infer, make_plan, model_table, multiple_testing
from .columns import paper_models, printed_place

DRAWS = 999_999
# Verdicts hang on the wild bootstrap; a draw of the others costs several times
# as much, and their p has a Monte-Carlo error of at most 0.0016 with these.
FEWER_DRAWS = 99_999
SEED = 1
SCHEMES = {
    "wild": Scheme("wild", weights="webb"),
    "pairs": Scheme("pairs"),
    "placebo": Scheme("placebo", studentised=True),
    "placebo_within": Scheme("placebo", studentised=True, strata="developed"),
}
# The interval of each kind, in the order they are drawn.
INTERVALS = {
    "CV1, t(G-1): the paper's": "cv1",
    "CV3, jackknife": "cv3",
    "wild bootstrap, Webb": "wild",
    "pairs bootstrap, percentile": "pairs",
    "each country left out": "without",
}
Side = Literal["below", "at", "above"]
# Monte-Carlo errors within which a p-value is on neither side of the level.
WITHIN = 2.0


def side(p: float, mc_error: float, level: float = LEVEL) -> Side:
    """On which side of the level p is; ``at`` within ``WITHIN`` Monte-Carlo errors."""
    if mc_error > 0 and abs(p - level) <= WITHIN * mc_error:
        return "at"
    return "below" if p < level else "above"


def sides(rows: pd.DataFrame, kind: str) -> list[Side]:
    """``side`` of each row's p of a kind, such as ``wild``; t-tests have no error."""
    errors = rows[f"{kind}_mc"] if f"{kind}_mc" in rows else [0.0] * len(rows)
    pairs = zip(rows[f"{kind}_p_value"], errors, strict=True)
    return [side(float(p), float(error)) for p, error in pairs]


@dataclass(frozen=True, eq=False)
class PaperInference:
    """p-values and intervals of the 17 coefficients of the index.

    Attributes
    ----------
    rows
        A row for each column: table, column, outcome, sample, n, clusters,
        effective_clusters, coef; cv1_p_value, cv2_p_value, cv3_p_value, wild_p_value,
        pairs_p_value, placebo_p_value, placebo_within_p_value; of each drawn kind
        ``_mc``, the standard error of its p from the number of draws (0 where all
        patterns were enumerated), and ``_draws``; westfall_young, romano_wolf, holm
        (over the five outcomes of its sample), the same with ``_all`` (over all
        outcomes in all samples, columns with controls) and of the first two their
        ``_mc``; ends ``ci_low`` and ``ci_high`` of cv1, cv3, wild, pairs and without.
    draws, seed
        The most draws of a bootstrap or placebo.
    """

    rows: pd.DataFrame
    draws: int
    seed: int


def infer_paper(
    frame: pd.DataFrame,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
    progress: Progress = no_progress,
) -> PaperInference:
    """All kinds of inference on a panel with the columns of ``engine.panel``."""
    fitted_models = [fit_model(frame, model) for model in paper_models()]
    rows = pd.DataFrame([_t_tests(fitted) for fitted in fitted_models])
    total = len(SCHEMES) * len(fitted_models)
    progress(0, total)
    for number, (name, scheme) in enumerate(SCHEMES.items()):
        members: list[multiple_testing.Member] = []
        summaries: list[pd.DataFrame] = []
        for k, fitted in enumerate(fitted_models, 1):
            if name == "placebo_within" and fitted.model.sample != "all":
                # One group alone: moving within it is moving among all.
                own = rows.iloc[[k - 1]]
                summaries.append(
                    own.rename(columns=_OF_PLACEBO)[[*_OF_PLACEBO.values()]]
                )
            else:
                count = draws if name == "wild" else min(draws, FEWER_DRAWS)
                plan = make_plan(fitted, scheme, count)
                inverted = name in INTERVALS.values()
                found, drawn = infer(plan, seed, invert=inverted, distribution=False)
                summaries.append(found.summary)
                if name == "wild":
                    members.append((plan, drawn, found))
            progress(number * len(fitted_models) + k, total)
        summary = pd.concat(summaries)
        kept = {"p_value": "p_value", "mc": "mc_error", "draws": "draws"}
        if name in INTERVALS.values():
            kept |= {"ci_low": "ci_low", "ci_high": "ci_high"}
        for ending, column in kept.items():
            rows[f"{name}_{ending}"] = summary[column].to_numpy()
        if name == "wild":
            for ending, chosen in (("", members), ("_all", _one_family(members))):
                adjusted = multiple_testing.adjust(chosen)
                for method in ("westfall_young", "romano_wolf", "holm"):
                    p = _by_model(adjusted, method, rows["model"])
                    rows[method + ending] = p
                    if method != "holm":
                        error = p * (1 - p) / rows["wild_draws"]
                        if method == "westfall_young":
                            # It counts how often a p is as small as one that was drawn.
                            error += (p / rows["wild_p_value"] * rows["wild_mc"]) ** 2
                        error = np.where(rows["wild_mc"] > 0, error, 0.0 * p)
                        rows[f"{method}{ending}_mc"] = np.sqrt(error)
    return PaperInference(rows, draws, seed)


_OF_PLACEBO = {
    "placebo_p_value": "p_value",
    "placebo_mc": "mc_error",
    "placebo_draws": "draws",
}


def _one_family(
    members: list[multiple_testing.Member],
) -> list[multiple_testing.Member]:
    """The columns with controls: all outcomes in all samples together."""
    together = []
    for plan, drawn, found in members:
        if plan.fitted.model.controls:
            model = replace(plan.fitted.model, family="all outcomes and samples")
            fitted = replace(plan.fitted, model=model)
            together.append((replace(plan, fitted=fitted), drawn, found))
    return together


def _by_model(adjusted: pd.DataFrame, method: str, models: pd.Series) -> pd.Series:
    """An adjusted p-value; empty for a model that is alone in its family."""
    sizes = adjusted.groupby("family")["model"].transform("size")
    values = adjusted[method].where(sizes > 1)
    return models.map(dict(zip(adjusted["model"], values, strict=True)))


def _t_tests(fitted: Fit) -> dict[str, object]:
    row = model_table([fitted], jackknives=False).iloc[0]
    b = float(row["estimate"])
    table, column = printed_place(fitted.model) or (None, None)
    found: dict[str, object] = {
        "table": table,
        "column": column,
        "model": fitted.model.name,
        "outcome": fitted.model.outcome,
        "sample": fitted.model.sample,
        "n": int(row["n"]),
        "clusters": int(row["clusters"]),
        "effective_clusters": float(row["effective_clusters"]),
        "estimate": b,
    }
    t = float(t_ppf(0.975, int(row["clusters"]) - 1))
    for kind in ("cv1", "cv2", "cv3"):
        found[f"{kind}_p_value"] = float(row[f"{kind}_p_value"])
        if kind != "cv2":
            found[f"{kind}_ci_low"] = b - t * float(row[f"{kind}_se"])
            found[f"{kind}_ci_high"] = b + t * float(row[f"{kind}_se"])
    found["without_ci_low"] = float(row["without_min"])
    found["without_ci_high"] = float(row["without_max"])
    return found
