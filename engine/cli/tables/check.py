"""Printed output of ``tivax check``."""

from collections import Counter
from pathlib import Path

from ... import sources
from ...core import Listing, Run, TivaxError, count_text, load_toml, source_in_words
from ...sources import with_sector_titles
from ...streaming import check_tables
from ...tables import WorldTables, YearCheck, check_frame
from ..terminal import Terminal, next_step


def run_check(store: Path, tables: WorldTables, terminal: Terminal) -> None:
    """Print the checks of every year; ``TivaxError`` where one has a fault."""
    run = Run("check", inputs=[store])
    with terminal.progress("checking") as progress:
        rows = check_tables(tables, progress=progress)
    print_checks(terminal, rows, tables)
    if faults := [f"{row.year}: {'; '.join(row.faults)}" for row in rows if row.faults]:
        told = with_sector_titles(faults[0], tables.sectors, tables.source)
        more = len(faults) - 1
        raise TivaxError(
            f"{store}: {told}"
            + (f" (and {count_text(more, 'more year')})" if more else "")
        )
    record = {}
    if terminal.json:
        record = run.manifest(
            residual_max=max(row.residual for row in rows),
            outputs=[],
            checks=check_frame(rows).to_dict("records"),
        )
    terminal.finish(record, next_step("tbi", store, "--out", "results"))


def print_checks(
    terminal: Terminal, rows: list[YearCheck], tables: WorldTables
) -> None:
    """Print three tables by year with the meaning of their columns, and a summary.

    Each is at most 80 columns wide.
    """
    terminal.print(
        f"{source_in_words(tables.source) or 'tables'}: "
        f"{count_text(len(tables.regions), 'region')} x "
        f"{count_text(len(tables.sectors), 'sector')}, {tables.unit}"
    )
    for table in load_toml(__package__, "check.toml")["tables"]:
        columns = table["columns"]
        names = ("year", *(heading for heading, _, _ in columns))
        cells = [
            (str(k.year), *(_cell(getattr(k, name), spec) for _, name, spec in columns))
            for k in rows
        ]
        notes = [f"  {line}" for line in table["legend"]]
        terminal.show(Listing(table["title"], names, cells, notes))
    for row in rows:
        for doubt in row.doubts:
            told = with_sector_titles(doubt, tables.sectors, tables.source)
            terminal.print(f"in doubt: {row.year}: {told}")
    terminal.print(check_summary(rows, tables))


def _cell(value: int | float | str, spec: str) -> str:
    return "-" if value != value else format(value, spec)


def check_summary(rows: list[YearCheck], tables: WorldTables) -> str:
    """One sentence: sound years, the largest gap of rows, the check of value added."""
    verdicts = Counter(row.verdict for row in rows)
    years = count_text(len(rows), "year")
    found = [f"{verdicts['sound']} of {years} sound"]
    for verdict, words in (("fault", "with a fault"), ("in doubt", "in doubt")):
        if many := verdicts[verdict]:
            found.append(f"{many} {words}")
    gap = max(row.row_gap for row in rows)
    share = 100 * max(row.row_gap_share for row in rows)
    missed = f"rows miss output by at most {gap:,.3g} {tables.unit} ({share:.2g} %)"
    if "rows" in tables.checked:
        missed += f", {tables.checked['rows']}"
    if bad := sum(bool(row.value_added_fault) for row in rows):
        added = f"is impossible in {bad} of {years}"
    elif tables.value_added is None:
        added = "cannot be checked: this edition has no value-added row"
    else:
        added = tables.checked.get("value added") or sources.VALUE_ADDED_ALONE
    return f"{', '.join(found)}; {missed}; value added {added}"
