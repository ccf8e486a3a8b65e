"""The section of the report on threats: what would make the result go away."""

from typing import Any

import pandas as pd

import tivax as tx

from ....core import p_text
from ....present.words import Words
from ....reporting import Block, Section, column_name, printed_place
from ..inference import mc_error, side
from ..other_indices import VINTAGE
from ..results import Replication
from ..verdicts import THREATS, declared_threats
from .plots import Figures, by_outcome
from .texts import not_computed, sentences_as_printed, table

STEP = "What would make it go away"


def section(result: Replication, figures: Figures, words: Words) -> Section:
    """A sentence for each main test, the declared threats side by side, figures."""
    threats = result.threats
    if threats is None:
        return not_computed(words, result, "threats", STEP)
    page = threats.page(words.language)
    return words.section(
        "threats",
        draws=threats.draws,
        rows=len(threats.table),
        sentences=sentences_as_printed(words, threats.models, page.findings),
        declared=table(words, _declared(result, page, words)),
        vintage=_vintage(threats, page, words),
        drawn=by_outcome(words, figures, "threats", "threats drawn"),
    )


def _declared(result: Replication, page: Any, words: Words) -> pd.DataFrame:
    assert result.threats is not None
    rows = declared_threats(result.threats)
    first = result.threats.table.drop_duplicates("model").set_index("model")
    names = {
        model.name: words.text(
            "model place", outcome=model.outcome, place=column_name(*place)
        )
        for model in result.threats.models
        if (place := printed_place(model.tags))
    }
    draws = result.threats.draws
    table = {"as given": {names[k]: _cell(first.loc[k], draws) for k in names}}
    for threat, variant in THREATS:
        own = rows[(rows["threat"] == threat) & (rows["variant"] == variant)]
        table[page.named(threat, variant)] = {
            names[row["model"]]: _cell(row, draws) for _, row in own.iterrows()
        }
    frame = pd.DataFrame(table, dtype=object).fillna("").T
    return frame.rename_axis("threat").reset_index()


def _cell(row: Any, draws: int) -> str:
    p = p_text(row["wild_p_value"], draws or None)
    return f"{row['estimate']:.2f} ({row['se']:.2f}) [{p}]"


def _vintage(threats: tx.results.Threats, page: Any, words: Words) -> list[Block]:
    """The main tests with the index of another release, on the same rows, and whether
    the two coefficients differ."""
    rows = threats.table[(threats.table["threat"] == "vintage")]
    rows = rows[rows["estimate"].notna()]
    said, differing = [], []
    for model in threats.models:
        found = rows[rows["model"] == model.name].to_dict("records")
        if len(found) != 3:
            continue
        own, other, gap = found
        p = float(gap["wild_p_value"])
        if side(p, mc_error(p, threats.draws)) == "below":
            of = {"outcome": model.outcome, "place": model.sample}
            differing.append(words.text("model place", **of))
        cells = (_cell(k, threats.draws) for k in found)
        told = dict(zip(("own", "other", "gap"), cells, strict=True))
        told |= {"note": page.said(other["note"]), "n": own["n"]}
        of = {"outcome": model.outcome, "sample": model.sample}
        said.append(words.text("vintages", **of, **told))
    if not said:
        return []
    named = words.listed(differing)
    return words.blocks(
        "vintage",
        vintage=VINTAGE,
        differing=len(differing),
        tests=len(said),
        named=words.text("named", models=named) if differing else "",
        said=said,
    )
