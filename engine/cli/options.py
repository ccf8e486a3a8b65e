"""Options and arguments of commands by options.toml, and how their texts are read."""

import inspect
from collections.abc import Callable, Sequence
from inspect import Parameter
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from ..core import NotFound, TivaxError, load_toml
from .completion import COMPLETIONS

_WORDS: dict[str, dict[str, Any]] = load_toml(__package__, "options.toml")


def declared(command: str, parameter: Parameter) -> Parameter:
    """The parameter of a command, or of a bundle, as typer reads it.

    Its words are those of options.toml: the table of the command before ``shared``. One
    that is ``Annotated`` in the code, since a function is called for it, stays.
    """
    if get_origin(parameter.annotation) is Annotated:
        return parameter
    name = parameter.name
    own = _WORDS.get(command, {})
    found = own[name] if name in own else _WORDS["shared"][name]
    words: dict[str, Any] = {"help": found} if isinstance(found, str) else {**found}
    if "autocompletion" in words:
        words["autocompletion"] = COMPLETIONS[words["autocompletion"]]
    if words.pop("argument", False):
        info: Any = typer.Argument(**words)
    else:
        flags = words.pop("flags", [f"--{name.replace('_', '-')}"])
        info = typer.Option(*flags, **words)
    return parameter.replace(annotation=Annotated[parameter.annotation, info])


def require_store(path: Path | None) -> Path | None:
    """The store that is named, which must be there."""
    if path is not None and not path.exists():
        raise NotFound(f"{path}: no such store; make one with `tivax import`")
    return path


def split_names(text: str) -> list[str]:
    """Names separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


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


_NET = "--net-inventories"


def complete_words(words: Sequence[str]) -> list[str]:
    """The words, ``--net-inventories`` with an empty value where it has none."""
    return [
        f"{word}=" if word == _NET and (not after or after[0] == "-") else word
        for word, after in pairwise([*words, ""])
    ]


def _types(annotation: Any) -> tuple[Any, ...]:
    """The types in an annotation: ``Path`` in ``Annotated[list[Path] | None, ...]``."""
    inner = [each for part in get_args(annotation) for each in _types(part)]
    return (annotation, *inner)
