"""``tivax exposure``: a buyer's exposure to a supplier along supply chains."""

from pathlib import Path

from ..bundles import (
    Accounts,
    ErrorModelOption,
    Grouping,
    OutputOptions,
    Processor,
    Screen,
    Tables,
    command,
)


@command
def exposure(
    at: Tables,
    output: OutputOptions,
    buyer: str,
    supplier: str,
    accounts: Accounts,
    processor: Processor,
    screen: Screen,
    sectors: str = "",
    paths: int = 20,
    elasticities: Path | None = None,
    groups: str | None = None,
    *,
    drawn: ErrorModelOption,
) -> None:
    """A buyer's exposure to a supplier: look-through, face value, through whom.

    Writes exposure.csv for every year; for the last, by_industry, by_product,
    third_countries, paths, rounds, extraction and pairs, figures, report.html.

    Example: tivax exposure wiod16 --buyer DEU --supplier CHN --out exposed
    """
    processor.start()
    from ...chains import supply_exposure
    from ..inputs import split_codes
    from ..write import write_result
    from .subject import Subject

    terminal = screen.terminal()
    traced = accounts.read_one("has a result of its own")
    subject = Subject.read(at, Grouping(groups), accounts, terminal)
    files = [] if elasticities is None else [elasticities]
    run = subject.begin("exposure", output, [*files, *drawn.files])
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
            progress=progress,
        )
    if drawn.model is not None:
        with terminal.progress("errors", "years") as progress:
            found = found.with_errors(drawn.model, progress=progress)
    facts = subject.facts
    if drawn.model is not None:
        facts |= {"error": drawn.model.record}
    about = {"notes": subject.notes, "codes": subject.codes}
    write_result(found, run, output, terminal, **about, **facts)
