"""Places of inputs in a package, and command lines that find them there."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from .results import StoredResult

DATA = "data"


class PackageLayout:
    """Places of inputs in a package: as they lie to each other on this machine.

    Run files and data.toml name other files relative to themselves, so all inputs keep
    their places below the folder that holds all of them, which becomes ``data``.
    """

    def __init__(self, results: Sequence[StoredResult]) -> None:
        paths = [path for result in results for path in result.inputs]
        words = [(k, part) for k in results for w in k.argv for part in _parts(w)]
        named = [path for k, part in words if (path := _named(part, k))]
        self.root = Path(os.path.commonpath([*paths, *named])) if paths else Path.cwd()
        if self.root in paths:
            self.root = self.root.parent

    def place(self, path: Path) -> str:
        """The place in the package of an input, or of a folder of inputs."""
        return str(PurePosixPath(DATA, path.relative_to(self.root).as_posix()))

    def argv(self, result: StoredResult, out: str) -> list[str]:
        """The command line of a result in the package: its inputs, and ``out``.

        Options of how, and not of what, are left out.
        """
        words, argv = iter(_split(result.argv)), []
        for word in words:
            if word in _OUTPUTS:
                next(words)
                argv += [word, f"{out}{_OUTPUTS[word](result)}"]
            elif word in _PROCESSES:
                next(words)
            elif word not in _FLAGS:
                paths = [(part, _named(part, result)) for part in _parts(word)]
                argv.append(",".join(self.place(k) if k else part for part, k in paths))
        return [*argv, "--quiet"]


def _out_of(result: StoredResult) -> str:
    """Path after the folder of a result: the file of a panel, a store beside."""
    if result.command == "panel":
        names = [k["name"] for k in result.files]
        return f"/{next(k for k in names if not k.endswith('.codebook.csv'))}"
    return ".store" if result.command == "aggregate" else ""


_OUTPUTS = {"--out": _out_of, "--compare": lambda result: ""}
_PROCESSES = ("--job",)
_FLAGS = ("--force", "--quiet")


def _split(argv: Iterable[str]) -> list[str]:
    """Words, those of --option=value apart."""
    return [
        part
        for word in argv
        for part in (word.split("=", 1) if word.startswith("--") else [word])
    ]


def _parts(word: str) -> list[str]:
    """An option may list files: --groups EU27,own.toml."""
    return word.split(",")


def _named(word: str, result: StoredResult) -> Path | None:
    """The input, or the folder of inputs, that a word names; None for other words."""
    path = result.absolute(word)
    inputs = result.inputs if word else ()
    return path if any(k == path or path in k.parents for k in inputs) else None
