"""The section of the report on the paper from world tables: intervals, and changes."""

from ....core import percent_text
from ....reporting import Block, Details, Section, Text
from ..columns import column_names
from ..from_tables import OtherIndex, TableErrors, changes, changes_sentence
from ..results import Replication
from ..tables import coefficient_cells
from .texts import REPORT, table_of

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
