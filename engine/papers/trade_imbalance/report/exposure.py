"""The section of the report on the instrument from the tables."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....core import p_text
from ....reporting import Section
from ..exposed import STRONG, Exposed
from ..results import Replication
from .texts import REPORT, not_computed, table_of

TITLE = "An instrument from the tables"


def sections(result: Replication) -> list[Section]:
    """None without world tables."""
    if (found := result.exposed) is None:
        return [not_computed(result, TITLE)] if TITLE in result.skipped else []
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
            estimates=table_of(rows, "outcome", _SHOWN),
            verdict=_verdict(found),
            threats=_threats(found),
        )
    ]


_SHOWN = {
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
        passes = row["p_value"] >= 0.05
        verb, mark = ("does not go", "passes") if passes else ("goes", "fails")
        instrument, what = words[row["check"]]
        lines.append(
            f"{row['column']}: {instrument} {verb} with {what}, "
            f"p = {p_text(row['p_value'])} ({mark})"
        )
    return lines
