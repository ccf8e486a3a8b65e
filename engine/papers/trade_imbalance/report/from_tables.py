"""The sections of the report from world tables: intervals, changes, an instrument."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....core import p_text, percent_text
from ....reporting import Block, Details, Section, Text
from ..columns import column_names
from ..exposed import STRONG, Exposed
from ..from_tables import OtherIndex, TableErrors, changes, changes_sentence
from ..results import Replication
from ..tables import coefficient_cells
from .texts import REPORT, not_computed, table_of

TITLE = "From world tables"
_LEAST = 0.0001  # a share that is told to two decimals


def sections(result: Replication) -> list[Section]:
    """None where the index is of a file."""
    if result.files.store is None:
        return []
    blocks: list[Block] = []
    if result.table_errors is not None:
        blocks += _errors(result, result.table_errors)
    elif why := result.skipped.get("Errors of the tables"):
        blocks.append(Text(f"Errors of the tables were not computed: {why}."))
    if result.by_file is not None:
        blocks += _changes(result, result.by_file)
    return [Section(TITLE, blocks)] if blocks else []


def _errors(result: Replication, errors: TableErrors) -> list[Block]:
    rows = errors.coefficients
    printed = result.table_1.dropna(subset=["ours"])
    tbi = rows[rows["term"] == "TBI"]
    share = (rows["se_table"] / rows["se_total"]) ** 2
    tbi = tbi.assign(column=column_names(tbi)).reset_index(drop=True)
    caption = "The index: printed, from tables, and its 95 % interval."
    shown = {"paper": "paper:.4f", "ours": "tivax:.4f"}
    shown |= {"ci_low": "from:.5f", "ci_high": "to:.5f", "covers": "covers"}
    table_1 = table_of(printed, "year iso3", shown, caption)
    return REPORT.blocks(
        "errors of the tables",
        draws=errors.draws,
        count=len(printed),
        covered=int(printed["covers"].sum()),
        share=_at_most(float(share.max())),
        coefficients=table_of(tbi, "column outcome sample", _COEFFICIENTS),
        table_1=[Details("Table 1 with intervals", [table_1])],
    )


_COEFFICIENTS = {
    "estimate": "estimate:.3f",
    "se": "se, sampling:.4f",
    "se_table": "se, tables:.4f",
    "se_total": "se, both:.4f",
    "ci_low": "from:.3f",
    "ci_high": "to:.3f",
}


def _at_most(share: float) -> str:
    if share < _LEAST:
        return f"less than {percent_text(_LEAST, 2)}"
    return f"at most {percent_text(share, 2)}"


def _changes(result: Replication, other: OtherIndex) -> list[Block]:
    rows = changes(result.comparison, other)
    rows["column"] = column_names(rows)
    shown = {}
    whose = {"paper": "paper_", "from tables": "", other.name: "file_"}
    for name, prefix in whose.items():
        rows[name] = coefficient_cells(rows, prefix, estimate="coef")
        shown[name] = f"{name}:"
    shown["gap"] = "gap:+.3f"
    return REPORT.blocks(
        "what the tables change",
        said=changes_sentence(result.comparison, other),
        coefficients=table_of(rows, "column outcome sample", shown),
        name=other.name,
    )


# ------------------------------------------------------------------ an instrument

INSTRUMENT = "An instrument from the tables"


def instrument(result: Replication) -> list[Section]:
    """None without world tables."""
    if (found := result.exposed) is None:
        return (
            [not_computed(result, INSTRUMENT)] if INSTRUMENT in result.skipped else []
        )
    rows = found.rows.assign(
        set=[_set(row) for row in found.rows.to_dict("records")],
        p=found.rows["p_value"].map(p_text),
    )
    return [
        REPORT.section(
            "exposure",
            base=found.base,
            word="strong" if found.strong else "weak",
            f=found.f,
            strong=STRONG,
            estimates=table_of(rows, "outcome", _INSTRUMENT),
            verdict=_verdict(found),
            threats=_threats(found),
        )
    ]


_INSTRUMENT = {
    "estimate": "two stages:.2f",
    "se": "se, AKM:.2f",
    "set": "95 % set, AKM0",
    "p": "p, AKM0",
    "n": "n",
}


def _set(row: Mapping[Any, Any]) -> str:
    if row["shape"] == "line":
        return "the whole line"
    low, high = (f"{row[k]:.1f}".replace("-", "−") for k in ("ci_low", "ci_high"))
    if row["shape"] == "union":
        return f"up to {low} and from {high}"
    return f"{low} to {high}"


def _verdict(found: Exposed) -> str:
    """Say what the instrument tells of the hypotheses, and what would overturn it."""
    rejected = found.rows.loc[found.rows["p_value"] < 0.05, "outcome"].tolist()
    if not rejected:
        said = "For no outcome does it reject that balance has no effect"
    else:
        said = f"It rejects no effect of balance for {', '.join(rejected)}"
    if not found.strong:
        return (
            f"{said}. With an instrument this weak that is no evidence for or against "
            "the hypotheses: the tables do not decide them."
        )
    if len(found.moved):
        return (
            f"{said}. The checks below speak against the instrument itself, and so "
            "against this answer."
        )
    return f"{said}, and no check below speaks against the instrument."


def _threats(found: Exposed) -> list[str]:
    words = {
        "trend": ("the instrument of a year later", "the outcome"),
        "balance": ("the instrument", "the control"),
    }
    lines = []
    for row in found.checks.to_dict("records"):
        if not np.isfinite(row["p_value"]):
            continue
        rejects = row["p_value"] < 0.05
        verb = "goes" if rejects else "is not seen to go"
        mark = "rejects" if rejects else "does not reject"
        instrument, what = words[row["check"]]
        lines.append(
            f"{row['column']}: {instrument} {verb} with {what}, "
            f"p = {p_text(row['p_value'])} ({mark})"
        )
    return lines
