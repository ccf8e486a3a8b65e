"""The section of the report on threats: what would make the result go away."""

from typing import Any

import pandas as pd

import tivax as tx

from ....core import p_text
from ....reporting import (
    Block,
    Language,
    Section,
    Table,
    column_name,
    printed_place,
)
from ..columns import sentences_as_printed
from ..inference import mc_error, side
from ..other_indices import VINTAGE
from ..results import Replication
from ..verdicts import THREATS, declared_threats
from .plots import Figures, by_outcome
from .texts import REPORT, not_computed

TITLE = "What would make it go away"


def section(result: Replication, figures: Figures, language: Language) -> Section:
    """A sentence for each main test, the declared threats side by side, figures."""
    threats = result.threats
    if threats is None:
        return not_computed(result, TITLE)
    page = threats.page(language)
    return REPORT.section(
        "threats",
        draws=threats.draws,
        rows=len(threats.table),
        sentences=sentences_as_printed(threats.models, page.findings),
        declared=Table(_declared(result, page)),
        vintage=_vintage(threats, page),
        drawn=by_outcome(
            figures,
            "threats",
            "all countries, all controls: TBI under every threat, 95 % intervals, cut "
            "at arrows; in grey rows that ask another question.",
        ),
    )


def _declared(result: Replication, page: Any) -> pd.DataFrame:
    assert result.threats is not None
    rows = declared_threats(result.threats)
    first = result.threats.table.drop_duplicates("model").set_index("model")
    names = {
        model.name: f"{model.outcome}, {column_name(*place)}"
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


def _vintage(threats: tx.results.Threats, page: Any) -> list[Block]:
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
        name = f"{model.outcome}, {model.sample}"
        p = float(gap["wild_p_value"])
        if side(p, mc_error(p, threats.draws)) == "below":
            differing.append(name)
        note = page.said(other["note"])
        said.append(
            f"{name} countries ({own['n']} rows): {_cell(own, threats.draws)} with the "
            f"index as it is, {_cell(other, threats.draws)} with that of the other "
            f"release ({note}); difference {_cell(gap, threats.draws)}"
        )
    if not said:
        return []
    return REPORT.blocks(
        "vintage",
        vintage=VINTAGE,
        differing=len(differing),
        tests=len(said),
        named=f": {'; '.join(differing)}" if differing else "",
        said=said,
    )
