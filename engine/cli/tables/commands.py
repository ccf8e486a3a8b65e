"""Commands on world tables: their options."""

from pathlib import Path

from ...core import start_jax
from ..bundles import (
    Accounts,
    ErrorModelOption,
    ErrorOptions,
    Grouping,
    LongOutput,
    MachineOptions,
    OutputOptions,
    Screen,
    Tables,
    command,
)
from ..options import split_names


@command
def check(store: Path, screen: Screen, years: str = "") -> None:
    """Check that every year of a store adds up; exit 1 where one does not.

    Also reports signs that labels are in another order than the numbers, which are no
    fault, and how far value added could be checked.

    Example: tivax check wiod16
    """
    start_jax()
    from ..inputs import open_tables
    from .check import run_check

    terminal = screen.terminal()
    run_check(store, open_tables(store, years), terminal)


@command
def aggregate(
    store: Path,
    out: Path,
    screen: Screen,
    concordance: list[str] | None = None,
    groups: str | None = None,
    only: str = "",
    compare: Path | None = None,
    format: str = "csv",
    years: str = "",
    no_figures: bool = False,
    force: bool = False,
) -> None:
    """Add up sectors or regions into a new store, and show what that changes.

    With --compare also writes comparison.csv (year, region, measure, before,
    after, change), va_absorbed.parquet, a figure, manifest.json.

    Example: tivax aggregate wiod16 --concordance wiod2016-sections --out sections
    """
    start_jax()
    from ...core import require_format
    from ...tables import choose_groups
    from ..inputs import open_tables, split_codes
    from .aggregate import run_aggregate

    require_format(format)
    tables = open_tables(store, years)
    chosen, kept = choose_groups(groups, tables.regions), split_codes(only)
    comparison = compare and OutputOptions(compare, format, no_figures, force=force)
    run_aggregate(
        store, tables, concordance or [], chosen, kept, out, comparison,
        screen.terminal(), force=force,
    )  # fmt: skip


@command
def tbi(
    at: Tables,
    output: OutputOptions,
    accounts: Accounts,
    grouping: Grouping,
    machines: MachineOptions,
    screen: Screen,
    drop: list[str] | None = None,
    certify: str = "columns",
    *,
    drawn: ErrorModelOption,
) -> None:
    """Trade benefit index and value-added trade of every year, with figures.

    Writes tbi, vax, vax_by_sector, va_absorbed.parquet, three figures, report.html.
    With several accounts, the first column of each table names the account. With
    --error, columns se, ci_low, ci_high stand beside values, and figures have bands.

    Example: tivax tbi wiod16 --out results
    """
    with machines.start() as first:
        from .subject import Subject
        from .tbi import run_tbi

        terminal = screen.terminal(first=first)
        subject = Subject.read(at, grouping, accounts, terminal)
        asked = subject.regions(grouping.regions, drop=drop or ())
        run_tbi(subject, output, terminal, asked, drop or [], certify, drawn)


@command
def decompose(
    at: Tables,
    output: LongOutput,
    method: str,
    accounts: Accounts,
    grouping: Grouping,
    machines: MachineOptions,
    screen: Screen,
    drawn: ErrorOptions,
    level: str | None = None,
    detail: bool = False,
    by_origin: bool = False,
    exporters: str = "",
    importers: str = "",
) -> None:
    """Decompose the exports of every year into value-added terms, by a known method.

    Writes decomposition.parquet, two figures of shares, report.html. With --error,
    columns se, ci_low, ci_high from draws of the tables.

    Example: tivax decompose wiod16 --method wwz --level bilateral --out wwz
    """
    with machines.start() as first:
        import pandas as pd

        from ...core import TivaxError
        from ...errors import DRAWS
        from ...measures import Decomposition
        from ...reporting import Context
        from .by_year import run_by_year
        from .subject import Subject

        terminal = screen.terminal(first=first)
        subject = Subject.read(at, grouping, accounts, terminal)
        sides = {
            "exporter": subject.regions(exporters, option="--exporters"),
            "importer": subject.regions(importers, option="--importers"),
        }
        found = Decomposition(
            **subject.fields,
            asked=subject.regions(grouping.regions),
            name=method,
            level=level or "",
            detail=detail,
            by_origin=by_origin,
            sides={side: codes for side, codes in sides.items() if codes},
        )
        model, facts = drawn.model, subject.facts
        drawn.require_model()
        if model is not None:
            if grouping.each_group:
                raise TivaxError("--error goes without --each-group")
            found = found.with_errors(model, draws=drawn.draws, seed=drawn.seed)
            draws = drawn.draws or DRAWS
            facts |= {"error": model.record, "draws": draws, "seed": drawn.seed or 0}
        codes = pd.concat([subject.codes, found.term_titles], ignore_index=True)
        context = Context(notes=subject.notes, codes=codes, facts=facts)
        run_by_year(subject, output, terminal, found, context, drawn.files)


@command
def indicators(
    at: Tables,
    output: LongOutput,
    accounts: Accounts,
    grouping: Grouping,
    machines: MachineOptions,
    screen: Screen,
    only: str = "",
    level: str = "country",
    certify: str = "columns",
    *,
    drawn: ErrorModelOption,
) -> None:
    """Indicators of trade in value added (OECD TiVA's and others) of every year.

    Writes indicators.parquet, a map of positions, participation over the years,
    report.html. With --only, just that is computed, and a figure is drawn if the
    indicators that it shows are among the names. With --error, columns se, ci_low,
    ci_high stand beside the values. `tivax list indicators` prints the codes and what
    they mean.

    Example: tivax indicators wiod16 --out tiva
    """
    with machines.start() as first:
        from ...measures import IndicatorsByYear, require_certify
        from .indicators import run_indicators
        from .subject import Subject

        terminal = screen.terminal(first=first)
        subject = Subject.read(at, grouping, accounts, terminal)
        found = IndicatorsByYear(
            **subject.fields,
            asked=subject.regions(grouping.regions),
            only=split_names(only),
            level=level,
            certify=require_certify(certify),
            drawn=output.figures,
            net=bool(subject.net.categories),
        )
        run_indicators(subject, output, terminal, found, drawn)
