"""The panel as a file, with its codebook and manifest beside it."""

import json
from collections.abc import Iterable
from pathlib import Path

from ..core import (
    Column,
    Format,
    Run,
    TivaxError,
    clear_leftovers,
    columns_of,
    describe_outputs,
    partial_folder,
    place_files,
    read_listed,
    real_path,
    require_apart,
    require_as_listed,
    require_format,
    require_free,
    require_no_folder,
    require_writable,
    write_csv,
    write_do_file,
    write_frame,
)
from .build import Panel
from .recipe import CONTROLS, OUTCOMES, VARIABLES


def panel_format(path: Path) -> Format:
    """The format that the suffix of a file asks for; ``TivaxError`` lists them."""
    try:
        return require_format(path.suffix.lower().removeprefix("."))
    except TivaxError:
        raise TivaxError(
            f"{path}: end the name in .csv, .parquet, .dta, .xlsx or .feather"
        ) from None


def with_panel_format(path: Path, format: str) -> Path:
    """The file in the format of ``--format``, whose ending it gets if it has none.

    Raises ``TivaxError`` where the two contradict each other.
    """
    if not format:
        return path
    suffix = f".{require_format(format)}"
    if not path.suffix:
        return path.with_suffix(suffix)
    if path.suffix.lower() != suffix:
        raise TivaxError(
            f"--format {format}: {path} ends in {path.suffix}; leave one of them out"
        )
    return path


def require_panel_place(
    path: Path, run: Run, *, force: bool, folders: Iterable[Path] = ()
) -> None:
    """Raise ``TivaxError`` unless the panel can be written to ``path``, before work.

    ``folders`` are read besides the inputs of the run.
    """
    panel_format(path)
    codebook, manifest, *more = _beside(path)
    for one in (path, codebook, manifest, *more):
        require_apart({"output": one}, [*folders, *run.inputs])
        require_no_folder(one)
        require_free(one, force=force)
    clear_leftovers(path)
    there = [one for one in (path, codebook, *more) if one.exists()]
    if there and not manifest.exists():
        raise TivaxError(
            f"{there[0]}: not a panel of tivax (no {manifest.name} beside it); "
            "force=True does not replace it, choose another place",
            argument="force",
        )
    if manifest.exists():
        listed = read_listed(manifest, run.command)
        for name in sorted(listed):
            other = path.with_name(Path(name).name)
            if other not in (path, codebook, *more) and other.exists():
                raise TivaxError(
                    f"{path}: {manifest.name} beside it is the record of {other.name}; "
                    "choose another name, or remove that panel first"
                )
        for one in there:
            require_as_listed(one, listed.get(one.name), run.command)
    for one in (path, codebook, manifest, *more):
        require_writable(one)


def _beside(path: Path) -> list[Path]:
    """Codebook and manifest of a panel, and of one for Stata the do-file."""
    found = [path.with_suffix(".codebook.csv"), path.with_suffix(".manifest.json")]
    if panel_format(path) == "dta":
        found.append(path.with_name(f"rebuild_{path.stem}.do"))
    return found


def write_panel(panel: Panel, path: Path, run: Run, *, force: bool) -> list[Path]:
    """Write the panel with ``NAME.codebook.csv`` and ``NAME.manifest.json`` beside it.

    The suffix of ``path`` sets the format: csv, parquet, dta, xlsx or feather. Beside
    dta is ``rebuild_NAME.do``, with the regression of the index on the first outcome.
    """
    path = real_path(path)
    require_panel_place(path, run, force=force)
    format, (codebook, manifest, *more) = panel_format(path), _beside(path)
    with partial_folder(path) as part:
        write_frame(panel.frame, part, path.stem, format, _labels())
        (part / f"{path.stem}.{format}").rename(part / path.name)
        write_csv(panel.codebook, part / codebook.name)
        if more:
            write_do_file(part, path.stem, path.name, _DO_FILE)
        names = [path.name, codebook.name, *(one.name for one in more)]
        content = run.manifest(
            residual_max=panel.residual_max,
            outputs=names,
            files=describe_outputs(part, names),
            codes=panel.codes,
            losses={loss.iso3: loss.why for loss in panel.losses},
        )
        (part / manifest.name).write_text(json.dumps(content, indent=1) + "\n")
        require_panel_place(path, run, force=force)
        place_files(part, path)
    return [path, codebook, manifest, *more]


def _labels() -> dict[str, str | Column]:
    own = {v.name: f"{v.meaning} [{v.unit}]" for v in VARIABLES}
    return {**columns_of("panel"), **own}


# Country and year effects, errors clustered by country.
_DO_FILE = (
    "encode iso3, generate(country)",
    "xtset country year",
    f"xtreg {OUTCOMES[0]} TBI {' '.join(CONTROLS)} i.year, fe vce(cluster country)",
)
