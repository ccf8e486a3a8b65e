"""Printed output of ``tivax check``."""

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
    source = source_in_words(tables.source) or "tables"
    terminal.print(
        f"{source}: {count_text(len(tables.regions), 'region')} x "
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
    count = len(rows)
    sound = sum(row.verdict == "sound" for row in rows)
    found = [f"{sound} of {count} year{'s' if count > 1 else ''} sound"]
    for verdict, words in (("fault", "with a fault"), ("in doubt", "in doubt")):
        if many := sum(row.verdict == verdict for row in rows):
            found.append(f"{many} {words}")
    gap = max(row.row_gap for row in rows)
    share = 100 * max(row.row_gap_share for row in rows)
    missed = f"rows miss output by at most {gap:,.3g} {tables.unit} ({share:.2g} %)"
    if "rows" in tables.checked:
        missed += f", {tables.checked['rows']}"
    added = _value_added_summary(rows, tables)
    return f"{', '.join(found)}; {missed}; value added {added}"


def _value_added_summary(rows: list[YearCheck], tables: WorldTables) -> str:
    """Summary of value added from these checks, and from those at import."""
    if bad := sum(bool(row.value_added_fault) for row in rows):
        return f"is impossible in {bad} of {count_text(len(rows), 'year')}"
    if tables.value_added is None:
        return "cannot be checked: this edition has no value-added row"
    return tables.checked.get("value added") or sources.VALUE_ADDED_ALONE
