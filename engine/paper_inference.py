"""The paper's 17 columns under every kind of inference, beside its own t(G-1).

Each column: CV1 as the paper, CV2 with Bell and McCaffrey's degrees of freedom, the
jackknife CV3, the restricted wild cluster bootstrap with Webb's weights, pairs, and two
placebos that move whole paths of the index among all countries, or among those of the
same level of development. Channels are tested together (Romano and Wolf).
"""

from dataclasses import dataclass

import pandas as pd
from scipy import stats

from tivax.engine import multiple_testing
from tivax.engine.cluster_reports import model_table
from tivax.engine.designs import Design, make_design
from tivax.engine.inference import infer
from tivax.engine.progress import Progress, no_progress
from tivax.engine.run_files import paper_models
from tivax.engine.schemes import Scheme, make_program

DRAWS = 19_999
SEED = 1
SCHEMES = {
    "wild": Scheme("wild", weights="webb"),
    "pairs": Scheme("pairs"),
    "placebo": Scheme("placebo"),
    "placebo_within": Scheme("placebo", strata="developed"),
}
# The interval of each kind, in the order they are drawn.
INTERVALS = {
    "CV1, t(G-1): the paper's": "cv1",
    "CV3, jackknife": "cv3",
    "wild bootstrap, Webb": "wild",
    "pairs bootstrap, percentile": "pairs",
    "placebo, inverted": "placebo",
    "each country left out": "without",
}


@dataclass(frozen=True, eq=False)
class PaperInference:
    """Everything about the 17 coefficients of the index.

    Attributes
    ----------
    rows
        A row for each column: table, column, outcome, sample, n, clusters,
        effective_clusters, coef; cv1_p, cv2_p, cv3_p, wild_p, pairs_p, placebo_p,
        placebo_within_p; romano_wolf (over the outcomes of its table and sample); ends
        ``low`` and ``high`` of cv1, cv3, wild, pairs, placebo and without.
    draws, seed
        Of every bootstrap and placebo.
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
    designs = [make_design(frame, model) for model in paper_models()]
    rows = pd.DataFrame([_t_tests(design) for design in designs])
    total = len(SCHEMES) * len(designs)
    progress(0, total)
    for number, (name, scheme) in enumerate(SCHEMES.items()):
        members: list[multiple_testing.Member] = []
        for k, design in enumerate(designs, 1):
            program = make_program(design, scheme, draws)
            found, drawn = infer(program, seed)
            members.append((program, drawn, found))
            progress(number * len(designs) + k, total)
        summary = pd.concat([found.summary for _, _, found in members])
        rows[f"{name}_p"] = summary["p_value"].to_numpy()
        if name != "placebo_within":
            rows[f"{name}_low"] = summary["ci_low"].to_numpy()
            rows[f"{name}_high"] = summary["ci_high"].to_numpy()
        if name == "wild":
            adjusted = multiple_testing.adjust(members)
            rows["romano_wolf"] = _by_model(adjusted, rows["model"])
    return PaperInference(rows, draws, seed)


def _by_model(adjusted: pd.DataFrame, models: pd.Series) -> pd.Series:
    """Romano and Wolf's p-value; empty for a model that is alone in its family."""
    sizes = adjusted.groupby("family")["model"].transform("size")
    values = adjusted["romano_wolf"].where(sizes > 1)
    return models.map(dict(zip(adjusted["model"], values, strict=True)))


def _t_tests(design: Design) -> dict[str, object]:
    row = model_table([design]).iloc[0]
    b = float(row["estimate"])
    found: dict[str, object] = {
        "table": design.model.table,
        "column": design.model.column,
        "model": design.model.name,
        "outcome": design.model.outcome,
        "sample": design.model.sample,
        "n": int(row["n"]),
        "clusters": int(row["clusters"]),
        "effective_clusters": float(row["effective_clusters"]),
        "coef": b,
    }
    t = float(stats.t.ppf(0.975, int(row["clusters"]) - 1))
    for kind in ("cv1", "cv2", "cv3"):
        found[f"{kind}_p"] = float(row[f"{kind}_p"])
        if kind != "cv2":
            found[f"{kind}_low"] = b - t * float(row[f"{kind}_se"])
            found[f"{kind}_high"] = b + t * float(row[f"{kind}_se"])
    found["without_low"] = float(row["without_min"])
    found["without_high"] = float(row["without_max"])
    return found
