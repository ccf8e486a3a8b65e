"""``tivax compare``: the same measures of several databases."""

from pathlib import Path

from ..bundles import OutputOptions, Processor, Screen, command


@command
def compare(
    stores: list[Path],
    output: OutputOptions,
    processor: Processor,
    screen: Screen,
    years: str = "",
    measure: str = "tbi",
    level: str = "country",
    regions: str = "",
    concordance: list[str] | None = None,
    error: list[str] | None = None,
) -> None:
    """One question, several databases: a measure where they overlap.

    Writes agreement, values and differences, figures by country, report.html.

    Example: tivax compare wiod13 wiod16 --years 2000:2011 --out compared
    """
    processor.start()
    from ... import errors
    from ...comparison import compare as compare_databases
    from ...core import Run, TivaxError
    from ..inputs import error_files, open_tables, read_error, split_codes
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
    models: dict[str, errors.ErrorModel] = {}
    files: list[Path] = []
    for name, text in zip(names, given, strict=False):
        if text != "none" and (model := read_error(text)) is not None:
            models[name] = model
            files += error_files(text, model)
    used = concordance or []
    mapped = [k for k in map(Path, used) if k.is_file()]
    run = Run("compare", [*stores, *mapped, *files])
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
            progress=progress,
        )
    write_result(found, run, output, terminal)
