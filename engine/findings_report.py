"""The sections of the report on the findings: summary, the hypotheses, caveats."""

import numpy as np
import pandas as pd

from tivax.engine import heterogeneity_report, paper
from tivax.engine.replication import Replication
from tivax.engine.replication_tables import coefficient_cells
from tivax.engine.report import Block, Heading, Points, Section, Table, Text
from tivax.engine.verdicts import LEVEL, Verdict


def summary(result: Replication, found: list[Verdict]) -> Section:
    """How near the print we are, the verdicts, and TBI in all 17 columns."""
    comparison = result.comparison
    gaps = paper.differences(comparison).abs()
    signs = np.sign(comparison["coef"]) == np.sign(comparison["paper_coef"])
    stars = comparison["stars"] == comparison["paper_stars"]
    worst = comparison.iloc[int(np.argmax(gaps))]
    sizes = comparison.drop_duplicates(["sample"]).set_index("sample")["n"]
    return Section(
        "What came out",
        [
            Points(
                [
                    f"{len(comparison)} printed coefficients were recomputed on "
                    f"{sizes['all']} rows ({sizes['developed']} developed, "
                    f"{sizes['developing']} developing), from the files of the "
                    f"institutes and an index {_index_note(result)}.",
                    f"They differ from the print by {gaps.mean():.3f} printed standard "
                    f"errors on average and {gaps.max():.3f} at most (Table "
                    f"{worst['table']}, column {worst['column']}, {worst['term']}). "
                    f"{int(signs.sum())} of {len(signs)} signs and {int(stars.sum())} "
                    f"of {len(stars)} star counts agree.",
                    *(
                        f"{k.hypothesis}: {k.conclusion} "
                        f"({sum(t.holds for t in k.tests)} of {len(k.tests)} tests "
                        "hold)."
                        for k in found
                    ),
                    heterogeneity_report.pooled_sentence(result),
                ]
            ),
            _beside_table(result),
        ],
    )


def _beside_table(result: Replication) -> Table:
    rows = result.comparison[result.comparison["term"] == "TBI"]
    frame = pd.DataFrame(
        {
            "column": paper.column_names(rows),
            "outcome": rows["outcome"].to_numpy(),
            "sample": rows["sample"].to_numpy(),
            "paper": coefficient_cells(rows, "paper_"),
            "tivax": coefficient_cells(rows),
            "gap": paper.differences(rows).to_numpy(),
            "R² paper": rows["paper_r2"].to_numpy(),
            "R²": rows["r2"].to_numpy(),
        }
    )
    return Table(
        frame,
        "The coefficient of TBI in all 17 columns, standard errors in parentheses. "
        "Gap: (tivax − paper) / standard error of the paper.",
        {"paper": "", "tivax": "", "gap": "+.3f", "R² paper": ".4f", "R²": ".4f"},
    )


def hypotheses(found: list[Verdict]) -> Section:
    """The rule of the verdicts, and the tests of each hypothesis."""
    blocks: list[Block] = [
        Text(
            "The tests are listed in one place, engine/verdicts.py; most of them are "
            "coefficients that the paper prints, so their results were known. A test "
            f"holds where the sign is the claimed one and p < {LEVEL}; a significant "
            "opposite sign counts only as not holding. A hypothesis is supported where "
            "all its tests hold, supported in part where at least half do, else not "
            "supported. Tests overlap (samples contain each other, indices their "
            "parts): their count is no weight of evidence. That one group's "
            "coefficient is significant and the other's is not is no test of a "
            "difference; the difference is tested by itself. None of this makes the "
            "association causal: see the caveats."
        )
    ]
    for verdict in found:
        blocks += [
            Heading(f"{verdict.hypothesis}: {verdict.conclusion}"),
            Text(verdict.statement),
            Table(
                verdict.frame(),
                f"Tests of {verdict.hypothesis}.",
                {"estimate": ".3f", "s.e.": ".3f", "p": ".3f"},
            ),
        ]
    return Section("The three hypotheses", blocks)


def caveats(result: Replication) -> Section:
    """What these numbers do not show."""
    points = [
        "The default sample, split and editions were inferred from the print. A match "
        "is strong evidence, not proof, that the authors used them; the mean gap of "
        f"this run is {paper.differences(result.comparison).abs().mean():.3f} printed "
        "standard errors.",
        "An association within countries is not an effect. Openness can move trade "
        "balances, and both can follow growth, commodity prices or accession to the "
        "European Union, which year effects common to all countries do not take out.",
        "Clusters are few in the subsamples, and t(G − 1) with cluster-robust errors "
        "can be too optimistic there; wild cluster bootstrap and randomisation "
        "inference are the next check.",
        "Five outcomes are tested in three samples. No p-value here is corrected for "
        "that, as none in the paper is.",
        "The exchange rate is nominal in the identified data although the paper calls "
        "it real; the section on editions shows the others.",
    ]
    if result.files.store is None:
        points.insert(
            1,
            f"TBI is {_index_note(result)}. Years that were estimated and not computed "
            "from world tables carry the error of the estimate into every table.",
        )
    return Section("Caveats", [Points(points)])


def _index_note(result: Replication) -> str:
    """Where the index comes from, in the words of the codebook."""
    return str(result.panel.codebook.set_index("variable").loc["TBI", "note"])
