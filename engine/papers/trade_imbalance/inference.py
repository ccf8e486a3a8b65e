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

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import stdtrit

import tivax as tx

from ...core import Progress, no_progress
from ...reporting import printed_place
from .columns import LEVEL, paper_models

DRAWS = 999_999
# Verdicts hang on the wild bootstrap; a draw of the others costs several times
# as much, and their p has a Monte-Carlo error of at most 0.0016 with these.
FEWER_DRAWS = 99_999
SEED = 1
SCHEMES = {
    "wild": tx.schemes.Wild(weights="webb"),
    "pairs": tx.schemes.Pairs(),
    "placebo": tx.schemes.Placebo(studentised=True),
    "placebo_within": tx.schemes.Placebo(studentised=True, strata="developed"),
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


def side(p: float, mc_error: float) -> Side:
    """On which side of ``LEVEL`` p is; ``at`` within ``WITHIN`` Monte-Carlo errors."""
    if mc_error > 0 and abs(p - LEVEL) <= WITHIN * mc_error:
        return "at"
    return "below" if p < LEVEL else "above"


def mc_error(p: float, draws: int) -> float:
    """Standard error of a p-value from this many draws; 0 without any."""
    return float(np.sqrt(p * (1 - p) / draws)) if draws else 0.0


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
    se
        The paper's standard error of each, CV1.
    """

    rows: pd.DataFrame
    draws: int
    seed: int
    se: pd.Series | None = None


def infer_paper(
    frame: pd.DataFrame,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
    progress: Progress = no_progress,
) -> PaperInference:
    """All kinds of inference on a panel with the columns of ``engine.panel``."""
    models = paper_models()
    rows, diagnostics = pd.DataFrame(), []
    wild: list[tx.results.Inference] = []
    total = len(SCHEMES) * len(models)
    progress(0, total)
    for number, (name, scheme) in enumerate(SCHEMES.items()):
        summaries: list[pd.DataFrame] = []
        for k, model in enumerate(models, 1):
            if name == "placebo_within" and model.sample != "all":
                # One group alone: moving within it is moving among all.
                own = rows.iloc[[k - 1]].rename(columns=_OF_PLACEBO)
                summaries.append(own[[*_OF_PLACEBO.values()]])
            else:
                most = draws if name == "wild" else min(draws, FEWER_DRAWS)
                shown = {"intervals": name in INTERVALS.values(), "distribution": False}
                found = tx.resample(
                    frame, model, scheme, draws=most, seed=seed, **shown
                )
                summaries.append(found.tables()["summary"])
                if name == "wild":
                    wild.append(found)
            progress(number * len(models) + k, total)
        if name == "wild":
            diagnostics = [found.diagnostics.iloc[0] for found in wild]
            rows = pd.DataFrame(map(_t_tests, models, diagnostics))
        summary = pd.concat(summaries)
        kept = {"p_value": "p_value", "mc": "mc_error", "draws": "draws"}
        if name in INTERVALS.values():
            kept |= {"ci_low": "ci_low", "ci_high": "ci_high"}
        for ending, column in kept.items():
            rows[f"{name}_{ending}"] = summary[column].to_numpy()
        if name == "wild":
            _add_families(rows, wild)
    se = pd.Series([float(row["cv1_se"]) for row in diagnostics])
    return PaperInference(rows, draws, seed, se)


def _add_families(rows: pd.DataFrame, wild: list[tx.results.Inference]) -> None:
    """p of each model over the families that it is in, and their Monte-Carlo error."""
    alone, mc, count = rows[["wild_p_value", "wild_mc", "wild_draws"]].to_numpy(float).T
    controlled = [k for k in wild if k.plan.fitted.model.controls]
    together = tx.adjusted_p_values(controlled, family="all outcomes and samples")
    for ending, adjusted in (("", tx.adjusted_p_values(wild)), ("_all", together)):
        for method in ("westfall_young", "romano_wolf", "holm"):
            p = _by_model(adjusted, method, rows["model"])
            rows[method + ending] = p
            if method != "holm":
                # Westfall and Young count how often a p is as small as one that was
                # drawn.
                counted = method == "westfall_young"
                error = _family_error(p.to_numpy(float), alone, mc, count, counted)
                rows[f"{method}{ending}_mc"] = error


def _family_error(
    p: np.ndarray, alone: np.ndarray, mc: np.ndarray, draws: np.ndarray, counted: bool
) -> np.ndarray:
    """Monte-Carlo error of a p over a family; 0 where all patterns were enumerated.

    ``alone`` and ``mc`` are the p of the coefficient alone and its error; a p of which
    no draw was as large counts as one draw.
    """
    error = p * (1 - p) / draws
    if counted:
        error = error + (p / np.maximum(alone, 1 / draws) * mc) ** 2
    return np.sqrt(np.where(mc > 0, error, 0.0))


_OF_PLACEBO = {
    "placebo_p_value": "p_value",
    "placebo_mc": "mc_error",
    "placebo_draws": "draws",
}


def _by_model(adjusted: pd.DataFrame, method: str, models: pd.Series) -> pd.Series:
    """An adjusted p-value; empty for a model that is alone in its family."""
    sizes = adjusted.groupby("family")["model"].transform("size")
    values = adjusted[method].where(sizes > 1)
    return models.map(dict(zip(adjusted["model"], values, strict=True)))


def _t_tests(model: tx.Model, row: pd.Series) -> dict[str, object]:
    b = float(row["estimate"])
    table, column = printed_place(model.tags) or (None, None)
    found: dict[str, object] = {
        "table": table,
        "column": column,
        "model": model.name,
        "outcome": model.outcome,
        "sample": model.sample,
        "n": int(row["n"]),
        "clusters": int(row["clusters"]),
        "effective_clusters": float(row["effective_clusters"]),
        "estimate": b,
    }
    t = float(stdtrit(int(row["clusters"]) - 1, 0.975))
    for kind in ("cv1", "cv2", "cv3"):
        found[f"{kind}_p_value"] = float(row[f"{kind}_p_value"])
        if kind != "cv2":
            found[f"{kind}_ci_low"] = b - t * float(row[f"{kind}_se"])
            found[f"{kind}_ci_high"] = b + t * float(row[f"{kind}_se"])
    found["without_ci_low"] = float(row["without_min"])
    found["without_ci_high"] = float(row["without_max"])
    return found
