"""``tivax change``: why a measure changed between two years."""

from pathlib import Path

from ...core import parse_years
from ..bundles import (
    Accounts,
    ErrorOptions,
    Grouping,
    OutputOptions,
    Processor,
    Screen,
    Tables,
    command,
)


@command
def change(
    at: Tables,
    output: OutputOptions,
    accounts: Accounts,
    processor: Processor,
    screen: Screen,
    drawn: ErrorOptions,
    start: int | None = None,
    end: int | None = None,
    measure: str = "tbi",
    region: str = "",
    sector: str = "",
    partner: str = "",
    chained: bool = False,
    nodes: int | None = None,
    volumes: Path | None = None,
    groups: str | None = None,
) -> None:
    """Why a measure changed between two years: its change by factor, with figures.

    Technology, sourcing, level, mix and origin of final demand, value-added shares.
    Writes change.csv, by_partner.parquet and by_sector.parquet, figures, report.html.
    With --error, change.csv has se, ci_low, ci_high of the effects, from draws.

    Example: tivax change wiod16 --from 2000 --to 2014 --out why
    """
    processor.start()
    from dataclasses import replace

    from ...change import change as decompose_change
    from ...change import drawn_effects
    from ...core import Job, Part, TivaxError
    from ...sources import find_sector
    from ...tables import (
        WorldTables,
        aggregate,
        deflated,
        find_region,
        regions_of_groups,
    )
    from ...tables.shown_regions import known_regions
    from ..draws import filled
    from ..inputs import split_codes
    from ..write import write_result
    from .subject import Subject

    terminal = screen.terminal()
    traced = accounts.read_one("changes for reasons of its own")
    if span := parse_years(at.years):
        if start is not None or end is not None:
            raise TivaxError(
                f"--years {at.years}: give it or --from and --to, not both"
            )
        start, end = span
    at = replace(at, years="")  # those between the two are read, too
    subject = Subject.read(at, Grouping(groups), accounts, terminal)
    other: WorldTables | None = None
    if volumes is not None and volumes.is_dir():
        other = replace(at, store=volumes).open(terminal).tables
    elif volumes is not None:
        other = deflated(subject.tables, volumes)
    notes = [_PRICES if other is None else _VOLUMES]
    if members := subject.groups.members:  # they are added up in the tables first
        tables = subject.tables
        merged = regions_of_groups(tables, members)
        tables = aggregate(tables, regions=merged)
        other = None if other is None else aggregate(other, regions=merged)
        subject = replace(subject, net=replace(subject.net, tables=tables))
        notes.insert(0, _ADDED_UP)
    asked = split_codes(region)
    asked = known_regions(asked, subject.tables.regions) if asked else None
    tables = subject.tables
    partner = find_region(partner, tables.regions) if partner else ""
    sector = find_sector(sector, tables.sectors, tables.source) if sector else ""
    model = drawn.model
    drawn.require_model()
    if model is not None and other is not None:
        raise TivaxError("--error: not of volumes; leave out --volumes, or the errors")
    prices = [] if volumes is None else [volumes]
    run = subject.begin("change", output, [*drawn.files, *prices])
    with terminal.progress("solving", "points") as progress:
        found = decompose_change(
            subject.tables,
            measure,
            start=start,
            end=end,
            region=asked,
            sector=sector or None,
            partner=partner or None,
            chained=chained,
            nodes=nodes,
            volumes=other,
            value_added=traced,
            progress=progress,
        )
    about = {"notes": [*subject.notes, *notes], "codes": subject.codes}
    if model is None:
        write_result(found, run, output, terminal, **about, **subject.facts)
        return
    given = traced, model, drawn.draws, drawn.seed
    draws = drawn_effects(subject.tables, found, *given)
    identity = {**found.identity, **draws.record, "years": [*draws.years]}
    job = Job(output.out, "change", identity, [Part(draws.count, draws.size)])
    with filled(job, [draws.rows], output, terminal) as (rows,):
        found = found.with_draws(rows, draws.record)
        facts = {**subject.facts, **draws.record}
        write_result(found, run, output, terminal, **about, **facts)


_PRICES = (
    "tables are at current prices: every effect holds changes of prices and of volumes"
)
_VOLUMES = (
    "effects are of volumes, each year at the prices of the year before; what prices "
    "do is a factor of its own"
)
_ADDED_UP = (
    "groups are added up in the tables first, as `tivax aggregate` does: their values "
    "differ a little from those of `tivax tbi --groups`"
)
