"""``tivax exposure``: a buyer's exposure to a supplier along supply chains."""

from pathlib import Path
from typing import Annotated

import typer

from ..bundles import (
    Accounts,
    Grouping,
    OutputOptions,
    Processor,
    Screen,
    Tables,
    command,
)
from ..options import ErrorOption, GroupsOption


@command
def exposure(
    at: Tables,
    output: OutputOptions,
    buyer: Annotated[
        str, typer.Option("--buyer", help="Who buys: a region or group, such as DEU.")
    ],
    supplier: Annotated[
        str, typer.Option("--supplier", help="Who supplies: a region or group.")
    ],
    accounts: Accounts,
    processor: Processor,
    screen: Screen,
    sectors: Annotated[
        str,
        typer.Option(
            "--sectors", help="The buyer's industries: C26,C29; by default all."
        ),
    ] = "",
    paths: Annotated[
        int, typer.Option("--paths", min=1, help="Number of supply paths.")
    ] = 20,
    elasticities: Annotated[
        Path | None,
        typer.Option(
            "--elasticities",
            help="A csv (sector, elasticity) of substitution between suppliers.",
        ),
    ] = None,
    groups: GroupsOption = None,
    error: ErrorOption = None,
) -> None:
    """A buyer's exposure to a supplier: look-through, face value, through whom.

    Writes exposure.csv for every year; for the last, by_industry, by_product,
    third_countries, paths, rounds, extraction and pairs, figures, report.html.

    Example: tivax exposure wiod16 --buyer DEU --supplier CHN --out exposed
    """
    processor.start()
    from ...chains import supply_exposure
    from ...core import require_format
    from ..inputs import error_files, read_error, split_codes
    from ..write import require_place, write_result
    from .subject import Subject

    terminal = screen.terminal()
    require_format(output.format)
    traced = accounts.read_one("has a result of its own")
    subject = Subject.read(at, Grouping(groups), accounts, terminal)
    model = read_error(error)
    files = [*([] if elasticities is None else [elasticities])]
    run = subject.begin("exposure", output, [*files, *error_files(error, model)])
    require_place(output, run)
    with terminal.progress("solving", "years") as progress:
        found = supply_exposure(
            subject.tables,
            buyer,
            supplier,
            sectors=split_codes(sectors),
            groups=subject.groups.members,
            value_added=traced,
            paths=paths,
            elasticities=elasticities,
            error=model,
            progress=progress,
        )
    facts = subject.facts
    if model is not None:
        facts |= {"error": model.record}
    about = {"notes": subject.notes, "codes": subject.codes}
    write_result(found, run, output, terminal, **about, **facts)
