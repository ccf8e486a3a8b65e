"""Options and arguments that several commands share, and how their texts are read."""

import inspect
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from ..core import NotFound, TivaxError
from .completion import complete_groups

Out = Annotated[Path, typer.Option("--out", help="Where to write the results.")]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace an older result, if this command wrote it and none of its files "
        "has changed.",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        rich_help_panel="On the screen",
        help="Print the results only, no progress.",
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        rich_help_panel="On the screen",
        help="Print one JSON object in place of text: what was written, residual, "
        "versions, as in manifest.json.",
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        rich_help_panel="On the screen",
        help="Log to stderr what is read, compiled, solved and written, and print "
        "where the time went.",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        rich_help_panel="Machines",
        help="Compute on the cpu or a gpu, or on so many of them: gpu:2; by default "
        "on all where JAX can.",
    ),
]
NoFigures = Annotated[
    bool,
    typer.Option(
        "--no-figures", help="Write no figures (SVG, PNG, PDF), which saves seconds."
    ),
]
Regions = Annotated[
    str,
    typer.Option(
        "--regions",
        help="Which regions the figures and the printed table show, in this order: "
        "CHN,USA,DEU; by default the largest.",
    ),
]
FormatOption = Annotated[
    str,
    typer.Option(
        "--format", help="Write csv, parquet, dta (Stata), xlsx or feather (R, Python)."
    ),
]
TitleOption = Annotated[
    str,
    typer.Option(
        "--title", help="Title of the figures, in place of the finding that they show."
    ),
]
LanguageOption = Annotated[
    str,
    typer.Option("--language", help="Language of report and figures, en or zh."),
]
Years = Annotated[
    str,
    typer.Option(
        "--years", help="First and last year, FIRST:LAST or FIRST-LAST, or one year."
    ),
]
Store = Annotated[Path, typer.Argument(help="A store made by `tivax import`.")]
ValueAddedOption = Annotated[
    str,
    typer.Option(
        "--value-added",
        help="residual (output less inputs) or basic (the row of the table).",
    ),
]
Satellites = Annotated[
    list[Path] | None,
    typer.Option(
        "--satellite",
        help="Trace jobs, emissions or other accounts in place of value added: a csv "
        "or parquet file (year, region, sector, NAME, ...); repeatable. With a column "
        "final (what final demand itself emits) tbi writes footprints.csv.",
    ),
]
GroupsOption = Annotated[
    str | None,
    typer.Option(
        "--groups",
        help='Merge regions into groups: EU27,NAFTA or a TOML file, NAME = ["AUT", '
        '"BEL"]. `tivax list groups` lists the built-in ones.',
        autocompletion=complete_groups,
    ),
]
CertifyOption = Annotated[
    str,
    typer.Option(
        "--certify",
        help="columns (the residual of each column is below 1e-12; small cells may be "
        "less exact) or cells (one more step, and an error bound for every cell).",
    ),
]
EachGroup = Annotated[
    bool,
    typer.Option(
        "--each-group",
        help="Compute each group separately, all other regions single; groups may "
        "overlap.",
    ),
]
ErrorOption = Annotated[
    str | None,
    typer.Option(
        "--error",
        help="Standard errors and 95 % intervals from errors of the tables: rounding, "
        "rebuilt (of rebuilt tables), "
        "or a RUN.toml with sections [\\[error]].",
    ),
]
_NET = "--net-inventories"
Net = Annotated[
    str | None,
    typer.Option(
        _NET,
        metavar="[CATEGORIES]",
        help="Leave inventories out: multiply the sales of each row by output / "
        "(output - inventories) (Antras and others 2012). CATEGORIES of final demand, "
        "INVNT or several with commas, where tivax does not know them.",
    ),
]
MaxSize = Annotated[
    float,
    typer.Option(
        "--max-size",
        envvar="TIVAX_MAX_SIZE",
        help="Largest size in GiB of a raw file, or of one in an archive, once "
        "unpacked; a line of text may have 1/1024 of it.",
    ),
]
Data = Annotated[
    Path, typer.Option("--data", help="Folder of raw files, with data.toml or without.")
]
PanelStore = Annotated[
    Path | None,
    typer.Option(
        "--tables",
        "--store",
        help="Compute the index from this store of world tables.",
    ),
]
Draws = Annotated[
    int | None,
    typer.Option("--draws", min=1, help="Number of draws, in place of the run file's."),
]
ErrorDraws = Annotated[
    int | None,
    typer.Option(
        "--draws",
        min=2,
        help="Number of draws of errors (200); with --example complex-europe the first "
        "so many of its 1,000.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="Random seed, in place of the run file's."),
]
JobOption = Annotated[
    str | None,
    typer.Option(
        "--job",
        rich_help_panel="Machines",
        help="HOST:PORT,N,K: the address of the first process, how many share the "
        "work, and the number of this one, from 0. SLURM and Open MPI need none.",
    ),
]


def require_store(path: Path | None) -> Path | None:
    """The store that is named, which must be there."""
    if path is not None and not path.exists():
        raise NotFound(f"{path}: no such store; make one with `tivax import`")
    return path


def parse_size(text: str, option: str = "--size") -> tuple[int, int, int]:
    """``44x56x15``: regions, sectors, years."""
    form = "REGIONSxSECTORSxYEARS, such as 44x56x15"
    regions, sectors, years = _sizes(text, 3, f"{option} {text}: write {form}")
    if regions < 2:
        raise TivaxError(f"{option} {text}: a world that trades needs two regions")
    return regions, sectors, years


def parse_table_size(text: str) -> tuple[int, int]:
    """``44x56``: regions, sectors."""
    mistake = f"--size {text}: write REGIONSxSECTORS, such as 44x56"
    regions, sectors = _sizes(text, 2, mistake)
    return regions, sectors


def _sizes(text: str, count: int, mistake: str) -> list[int]:
    parts = text.lower().split("x")
    if len(parts) != count or not all(k.isdigit() and int(k) for k in parts):
        raise TivaxError(mistake)
    return [int(k) for k in parts]


def require_named_files(command: Callable[..., None], words: Sequence[str]) -> None:
    """Raise ``TivaxError`` where a word for a file or a folder is empty.

    A path of it would be ".", the folder one is in: a variable of a script is not set.
    """
    kinds = {
        name: _types(parameter.annotation)
        for parameter in inspect.signature(command).parameters.values()
        for info in getattr(parameter.annotation, "__metadata__", ())
        # (Where typer reads Annotated, the first name is the default.)
        for name in (info.default, *(info.param_decls or ()))
    }
    for before, word in pairwise(["", *words]):
        option = before if word == "" else word.removesuffix("=")
        of_path = Path in kinds.get(option, ())
        if of_path and word in ("", f"{option}="):
            raise TivaxError(f"{option}: empty; give the name of a file or folder")
        takes_a_word = option in kinds and bool not in kinds[option]
        if word == "" and not takes_a_word:
            raise TivaxError("an argument is empty; give a name")


# What an option of an older version is called now.
_GONE = {
    "--inventories": f"{_NET} CATEGORIES",
    "--satellite-final": "a column final in the file of --satellite",
}


def complete_words(words: Sequence[str]) -> list[str]:
    """The words, ``--net-inventories`` with an empty value where it has none.

    Raises ``TivaxError`` for an option of an older version.
    """
    for word in words:
        if (name := word.partition("=")[0]) in _GONE:
            raise TivaxError(f"{name} is now {_GONE[name]}")
    return [
        f"{word}=" if word == _NET and (not after or after[0] == "-") else word
        for word, after in pairwise([*words, ""])
    ]


def _types(annotation: Any) -> tuple[Any, ...]:
    """The types in an annotation: ``Path`` in ``Annotated[list[Path] | None, ...]``."""
    inner = [each for part in get_args(annotation) for each in _types(part)]
    return (annotation, *inner)
