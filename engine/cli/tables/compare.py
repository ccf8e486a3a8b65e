"""``tivax compare``: the same measures of several databases."""

from pathlib import Path

from ..bundles import ErrorModelOption, OutputOptions, Processor, Screen, command


@command
def compare(
    stores: list[Path],
    output: OutputOptions,
    processor: Processor,
    screen: Screen,
    years: str = "",
    measure: str = "",
    level: str = "country",
    regions: str = "",
    concordance: list[str] | None = None,
    error: list[str] | None = None,
    published: Path | None = None,
) -> None:
    """One question, several databases: a measure where they overlap.

    Writes agreement, values and differences, figures by country, report.html. With
    --published one store beside the OECD's numbers: which cells agree within 0.1 %.

    Example: tivax compare wiod13 wiod16 --years 2000:2011 --out compared
    """
    processor.start()
    from ...comparison import compare as compare_databases
    from ...core import Run, TivaxError
    from ..inputs import open_tables, split_codes
    from ..write import require_place, write_result

    terminal = screen.terminal()
    tables = [open_tables(k, "") for k in stores]
    names = [k.source for k in tables]
    if len({*names}) < len(names):
        names = [k.name for k in stores]
    if len({*names}) < len(names):
        raise TivaxError("stores of the same name: give each once, or rename a folder")
    given = error or []
    if len(given) == 1:
        given = given * len(stores)
    if given and len(given) != len(stores):
        raise TivaxError(
            f"--error: {len(given)} for {len(stores)} stores; give one for all, or one "
            "for each"
        )
    each = [ErrorModelOption(None if text == "none" else text) for text in given]
    models = {name: k.model for name, k in zip(names, each, strict=False) if k.model}
    files = [file for k in each for file in k.files]
    used = concordance or []
    mapped = [k for k in map(Path, used) if k.is_file()]
    run = Run("compare", [*stores, *mapped, *files, *filter(None, [published])])
    require_place(output, run)
    with terminal.progress("solving") as progress:
        found = compare_databases(
            dict(zip(names, tables, strict=True)),
            split_codes(measure),
            level=level,
            years=years,
            regions=split_codes(regions),
            concordances=used,
            errors=models or None,
            published=published,
            progress=progress,
        )
    write_result(found, run, output, terminal)
