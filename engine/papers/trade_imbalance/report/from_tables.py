"""The section of the report on the paper from world tables: intervals, and changes."""

import pandas as pd

from ....core import percent_text
from ....reporting import Block, Details, Section, Table, Text
from ..columns import column_names
from ..from_tables import OtherIndex, TableErrors, changes, changes_sentence
from ..results import Replication
from ..tables import coefficient_cells
from .texts import REPORT

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
    frame = pd.DataFrame(
        {
            "column": column_names(tbi),
            "outcome": tbi["outcome"].to_numpy(),
            "sample": tbi["sample"].to_numpy(),
            "estimate": tbi["estimate"].to_numpy(),
            "se, sampling": tbi["se"].to_numpy(),
            "se, tables": tbi["se_table"].to_numpy(),
            "se, both": tbi["se_total"].to_numpy(),
            "from": tbi["ci_low"].to_numpy(),
            "to": tbi["ci_high"].to_numpy(),
        }
    )
    table_1 = Table(
        printed.drop(columns="difference").rename(
            columns={"ours": "tivax", "ci_low": "from", "ci_high": "to"}
        ),
        "The index: printed, from tables, and its 95 % interval.",
        dict.fromkeys(("paper", "tivax"), ".4f") | dict.fromkeys(("from", "to"), ".5f"),
    )
    return REPORT.blocks(
        "errors of the tables",
        draws=errors.draws,
        count=len(printed),
        covered=int(printed["covers"].sum()),
        share=_at_most(float(share.max())),
        coefficients=Table(
            frame,
            formats=dict.fromkeys(("estimate", "from", "to"), ".3f")
            | dict.fromkeys(("se, sampling", "se, tables", "se, both"), ".4f"),
        ),
        table_1=[Details("Table 1 with intervals", [table_1])],
    )


def _at_most(share: float) -> str:
    if share < _LEAST:
        return f"less than {percent_text(_LEAST, 2)}"
    return f"at most {percent_text(share, 2)}"


def _changes(result: Replication, other: OtherIndex) -> list[Block]:
    rows = changes(result.comparison, other)
    frame = pd.DataFrame(
        {
            "column": column_names(rows),
            "outcome": rows["outcome"],
            "sample": rows["sample"],
            "paper": coefficient_cells(rows, "paper_", estimate="coef"),
            "from tables": coefficient_cells(rows, estimate="coef"),
            other.name: coefficient_cells(rows, "file_", estimate="coef"),
            "gap": rows["gap"],
        }
    )
    formats = dict.fromkeys(("paper", "from tables", other.name), "") | {"gap": "+.3f"}
    return REPORT.blocks(
        "what the tables change",
        said=changes_sentence(result.comparison, other),
        coefficients=Table(frame, formats=formats),
        name=other.name,
    )
