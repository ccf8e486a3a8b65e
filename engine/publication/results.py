"""Results of earlier commands: their manifest, their files, unchanged since."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core import (
    MANIFEST,
    TivaxError,
    read_manifest,
    read_store_attributes,
    require_as_written,
    sha256,
    show,
)

# What others run and what names their files: nothing else of a manifest gets there.
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+!_-]{0,60}")
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_PART = re.compile(r"(?!\.\.?$)[^/\\\x00-\x1f\x7f]{1,255}")


@dataclass(frozen=True)
class StoredResult:
    """Output of one command.

    Attributes
    ----------
    path
        The result folder; of a panel, the folder that it lies in.
    name
        Name of what the command wrote.
    manifest_path, manifest
        Its record.
    base
        The folder from which relative paths of the record lead to its inputs.
    """

    path: Path
    name: str
    manifest_path: Path
    manifest: Mapping[str, Any]
    base: Path

    @property
    def command(self) -> str:
        return self.manifest["command"]

    @property
    def argv(self) -> list[str]:
        """The command line, without the program."""
        return self.manifest["argv"][1:]

    @property
    def files(self) -> list[dict[str, Any]]:
        """Name, bytes and SHA-256 of every file."""
        return self.manifest["files"]

    @property
    def paths(self) -> list[Path]:
        """Every file."""
        return [self.path / entry["name"] for entry in self.files]

    @property
    def inputs(self) -> dict[Path, dict[str, Any]]:
        """The entries of the manifest by path: absolute, links not followed."""
        return {self.absolute(k["path"]): k for k in self.manifest["inputs"]}

    def absolute(self, recorded: str) -> Path:
        """Absolute form of a path of the command line."""
        return Path(os.path.abspath(self.base / recorded))

    def holds_data(self, name: str) -> bool:
        """True if an output repeats data of the inputs: a panel does."""
        panel = self.command == "panel" and not name.endswith(".codebook.csv")
        own = self.command == "replicate" and name.rpartition(".")[0] == "panel"
        return panel or own


def read_result(path: Path) -> StoredResult:
    """The result in a folder, or a panel by its file or manifest.

    Raises ``TivaxError`` where there is no manifest, or it is none of a command.
    """
    manifest = find_manifest(path)
    if manifest is None:
        if path.is_file():
            raise TivaxError(
                f"{path}: a file without {_beside(path).name} beside it; name a folder "
                "that tivax tbi, replicate, bootstrap ... wrote, or the file of a "
                "panel of `tivax panel`"
            )
        raise TivaxError(
            f"{path}: no result of tivax (no {MANIFEST}); name a folder that tivax "
            "tbi, replicate, bootstrap ... wrote"
        )
    content = read_manifest(manifest, _is_complete)
    _require_plain(manifest, content)
    if not _is_complete(content):
        raise TivaxError(
            f"{manifest}: does not record the command line of `tivax "
            f"{content['command']}`; run it from the shell"
        )
    if path.is_file() and path != manifest:
        if path.name not in [k["name"] for k in content["files"]]:
            raise TivaxError(
                f"{path}: not one of the files that {manifest.name} beside it lists; "
                "name the file of a panel of `tivax panel`"
            )
    its_name = manifest.name.removesuffix(f".{MANIFEST}").removesuffix(MANIFEST)
    return StoredResult(
        path=manifest.parent,
        name=its_name or Path(os.path.abspath(manifest.parent)).name,
        manifest_path=manifest,
        manifest=content,
        base=_base_of(manifest, [k["path"] for k in content["inputs"]]),
    )


def find_manifest(path: Path) -> Path | None:
    """The manifest of a result folder or beside a panel; None where there is none."""
    own = [path] if path.name.endswith(MANIFEST) else []
    candidates = [*own, path / MANIFEST, _beside(path)]
    return next((k for k in candidates if k.is_file()), None)


def _beside(path: Path) -> Path:
    """Path of the manifest of a panel. (``with_suffix`` fails for "." and "/".)"""
    return path.parent / f"{path.stem}.{MANIFEST}"


def _is_complete(content: Mapping[str, Any]) -> bool:
    """True for a record of a command line; an error for one of another form."""
    files, inputs = content["files"], content["inputs"]
    return not inputs or bool(
        [k["path"] + k["sha256"] for k in inputs]
        and all(k["name"] + k["sha256"] and k["bytes"] >= 0 for k in files)
        and content["argv"][1] == content["command"]
        and content["tivax"] + content["python"]
    )


def _require_plain(path: Path, content: Mapping[str, Any]) -> None:
    """Raise ``TivaxError`` for a manifest that says what no command writes: others
    run a package, and its manifests may come from anybody."""
    installed = {**content.get("packages", {}), **content.get("installed", {})}
    numbers = [content["tivax"], content["python"], *installed.values()]
    parts = [part for k in content["files"] for part in str(k["name"]).split("/")]
    for pattern, texts in (_VERSION, numbers), (_PACKAGE, installed), (_PART, parts):
        for text in texts:
            if not (isinstance(text, str) and pattern.fullmatch(text)):
                raise TivaxError(
                    f"{path}: {show(text)} is no version, package or file of a result; "
                    "it may have been tampered with, ask where it comes from"
                )


def _base_of(manifest: Path, inputs: list[str]) -> Path:
    """The current folder, or one above the result in which all inputs are found."""
    here = Path.cwd()
    above = Path(os.path.abspath(manifest.parent)).parents
    for base in (here, *above):
        if all((base / path).exists() for path in inputs):
            return base
    return here


def require_whole(result: StoredResult) -> None:
    """Raise ``TivaxError`` unless every file is as the command wrote it."""
    for entry in result.files:
        path = result.path / entry["name"]
        if not path.is_file():
            raise TivaxError(f"{path}: missing; run `tivax {result.command}` again")
        require_as_written(path, entry, result.command)


def require_unchanged(path: Path, entry: Mapping[str, Any], command: str) -> None:
    """Raise ``TivaxError`` unless an input is what the command read."""
    if sha256(path) != entry["sha256"]:
        raise TivaxError(
            f"{path}: changed since `tivax {command}` read it; run the command again"
        )


def input_sources(result: StoredResult) -> Iterator[str]:
    """The databases that a result is made of, through panels and stores."""
    for path, entry in result.inputs.items():
        yield from sources_of(path, entry)


def sources_of(path: Path, entry: Mapping[str, Any]) -> list[str]:
    """The databases of an input; of a panel or an index, those of its own inputs."""
    if "source" in entry:
        return [entry["source"]]
    maker = maker_of(path)
    return list(dict.fromkeys(input_sources(maker))) if maker else []


def maker_of(path: Path) -> StoredResult | None:
    """The result that a file is part of, unchanged; None for others."""
    for manifest in (_beside(path), path.parent / MANIFEST):
        if path.is_file() and manifest.is_file():
            with suppress(TivaxError):  # of downloads, or none of ours
                result = read_result(manifest)
                sums = {k["name"]: k["sha256"] for k in result.files}
                if result.command != "fetch" and sums.get(path.name) == sha256(path):
                    return result
    return None


def store_manifest(path: Path) -> dict[str, Any]:
    """The record of the command that made a store; empty if it was made in Python."""
    return json.loads(read_store_attributes(path).get("manifest") or "{}")
