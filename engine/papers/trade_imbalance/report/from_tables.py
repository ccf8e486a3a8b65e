"""The sections of the report from world tables: intervals, changes, an instrument."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ....core import p_text
from ....present.words import Words
from ....reporting import Block, Details, Section, Text
from ..columns import agreement, column_names
from ..exposed import STRONG, Exposed
from ..from_tables import OtherIndex, TableErrors, changes
from ..results import Replication
from ..tables import coefficient_cells
from .texts import codes, not_computed, share_text, table_of

_LEAST = 0.0001  # a share that is told to two decimals


def sections(result: Replication, words: Words) -> list[Section]:
    """None where the index is of a file."""
    if result.files.store is None:
        return []
    blocks: list[Block] = []
    if result.table_errors is not None:
        blocks += _errors(result, result.table_errors, words)
    elif why := result.skipped.get("Errors of the tables"):
        blocks.append(Text(words.text("no errors", why=why)))
    if result.by_file is not None:
        blocks += _changes(result, result.by_file, words)
    return [Section(words.text("from world tables"), blocks)] if blocks else []


def _errors(result: Replication, errors: TableErrors, words: Words) -> list[Block]:
    rows = errors.coefficients
    printed = result.table_1.dropna(subset=["ours"])
    tbi = rows[rows["term"] == "TBI"]
    share = (rows["se_table"] / rows["se_total"]) ** 2
    tbi = tbi.assign(column=column_names(tbi)).reset_index(drop=True)
    shown = {"paper": "paper:.4f", "ours": "tivax:.4f"}
    shown |= {"ci_low": "from:.5f", "ci_high": "to:.5f", "covers": "covers"}
    table_1 = table_of(words, printed, "year iso3", shown)
    table_1 = replace(table_1, caption=words.text("index with intervals"))
    return words.blocks(
        "errors of the tables",
        draws=errors.draws,
        count=len(printed),
        covered=int(printed["covers"].sum()),
        share=share_text(words, float(share.max()), 2, _LEAST),
        coefficients=table_of(words, tbi, "column outcome sample", _COEFFICIENTS),
        table_1=[Details(words.text("table 1 with intervals"), [table_1])],
    )


_COEFFICIENTS = {
    "estimate": "estimate:.3f",
    "se": "se, sampling:.4f",
    "se_table": "se, tables:.4f",
    "se_total": "se, both:.4f",
    "ci_low": "from:.3f",
    "ci_high": "to:.3f",
}


def _changes(result: Replication, other: OtherIndex, words: Words) -> list[Block]:
    rows = changes(result.comparison, other)
    rows["column"] = column_names(rows)
    shown = {}
    whose = {"paper": "paper_", "from tables": "", other.name: "file_"}
    for name, prefix in whose.items():
        rows[name] = coefficient_cells(rows, prefix, estimate="coef")
        shown[name] = f"{name}:"
    shown["gap"] = "gap:+.3f"
    return words.blocks(
        "what the tables change",
        said=changes_sentence(result.comparison, other, words),
        coefficients=table_of(words, rows, "column outcome sample", shown),
        name=other.name,
    )


def changes_sentence(comparison: pd.DataFrame, other: OtherIndex, words: Words) -> str:
    """Sentence on the changes that tables make to results from the file's index."""
    rows = changes(comparison, other)
    starred = int(((rows["stars"] > 0) != (rows["file_stars"] > 0)).sum())
    name = {0: "none changes", 1: "one changes"}.get(starred, "some change")
    return words.text(
        "changes",
        name=other.name,
        distance=other.distance,
        largest=other.largest,
        where=other.where,
        own=agreement(comparison),
        theirs=agreement(other.rows),
        columns=len(rows),
        starred=words.text(name, count=starred),
    )


# ------------------------------------------------------------------ an instrument

INSTRUMENT = "An instrument from the tables"


def instrument(result: Replication, words: Words) -> list[Section]:
    """None without world tables."""
    if (found := result.exposed) is None:
        if INSTRUMENT not in result.skipped:
            return []
        return [not_computed(words, result, "exposure", INSTRUMENT)]
    rows = found.rows.assign(
        set=[_set(row, words) for row in found.rows.to_dict("records")],
        p=found.rows["p_value"].map(p_text),
    )
    strength = "strong instrument" if found.strong else "weak instrument"
    return [
        words.section(
            "exposure",
            base=found.base,
            strength=words.text(strength, f=found.f, strong=STRONG),
            estimates=table_of(words, rows, "outcome", _INSTRUMENT),
            verdict=_verdict(found, words),
            threats=_threats(found, words),
        )
    ]


_INSTRUMENT = {
    "estimate": "two stages:.2f",
    "se": "se, AKM:.2f",
    "set": "95 % set, AKM0",
    "p": "p, AKM0",
    "n": "n",
}


_SETS = {"line": "whole line", "union": "two half-lines", "interval": "from to"}


def _set(row: Mapping[Any, Any], words: Words) -> str:
    return words.text(_SETS[row["shape"]], low=row["ci_low"], high=row["ci_high"])


def _verdict(found: Exposed, words: Words) -> str:
    """Say what the instrument tells of the hypotheses, and what would overturn it."""
    rejected = found.rows.loc[found.rows["p_value"] < 0.05, "outcome"].tolist()
    name = "rejects" if rejected else "rejects nothing"
    said = words.text(name, outcomes=codes(words, rejected))
    against = "speaks against" if len(found.moved) else "speaks for"
    return words.text(against if found.strong else "says nothing", said=said)


_CHECKS = {"trend": ("no trend", "trend"), "balance": ("balance", "imbalance")}


def _threats(found: Exposed, words: Words) -> list[str]:
    checks = found.checks[np.isfinite(found.checks["p_value"])]
    return [
        words.text(
            _CHECKS[row["check"]][row["p_value"] < 0.05],
            name=row["column"],
            p=(row["p_value"],),
        )
        for row in checks.to_dict("records")
    ]
