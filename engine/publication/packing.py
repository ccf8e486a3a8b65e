"""Replication packages: results, the data that may go in, README, run-all script."""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from typing import Any

from ..core import (
    MANIFEST,
    Seal,
    TivaxError,
    local_path,
    output_file,
    require_apart,
    require_choice,
    require_file_place,
    require_kind,
    require_no_folder,
    sha256,
    show,
)
from ..sources import SOURCES
from .citations import result_keys
from .data_files import INCLUDE, DataFile, collect
from .layout import DATA, PackageLayout
from .readme import Content, readme_text
from .references import select
from .results import StoredResult, read_result, require_whole

# The commands that write results; a package runs no other.
_COMMANDS = frozenset(
    "tbi decompose indicators scenario change compare exposure aggregate panel "
    "replicate bootstrap placebo simulate threats curve montecarlo gravity "
    "elasticities demo bench".split()
)
# Of every file in the archive: the earliest that zip knows.
_TIME = (1980, 1, 1, 0, 0, 0)
# The comment of the archive, with which the file ends.
_SEAL = Seal("package", "replication package of tivax, SHA-256 of all before: ")


@dataclass(frozen=True)
class Packed:
    """A replication package that was written.

    Attributes
    ----------
    path
        The zip archive.
    files, bytes
        Number of files in it, and its size.
    data_bytes
        Size of the data in it, before compression.
    left_out
        Places of inputs that it does not hold.
    """

    path: Path
    files: int
    bytes: int
    data_bytes: int
    left_out: tuple[str, ...]


def package(
    results: str | os.PathLike | Sequence[str | os.PathLike],
    out: str | os.PathLike,
    *,
    include_data: str = "allowed",
    wheel: str | os.PathLike | None = None,
    force: bool = False,
) -> Packed:
    """Write a replication package of one or more results to ``out``, a zip archive.

    It holds the results with their manifests, the input data, a README after the
    template of the social-science data editors, a script that runs every command again
    and compares (``run_all.py``), ``references.bib`` and checksums. The same results
    give the same bytes.

    Parameters
    ----------
    results
        Folders with a ``manifest.json``; a panel by its file. Relative inputs are
        looked for from the current folder, then from those above each result.
    include_data
        ``allowed``: data whose licence allows it; ``all``, where you have permission;
        ``none``. What is left out is listed with its checksum and where to get it.
    wheel
        A wheel of tivax to pack, for versions that no package index has.
    force
        Replace an older package.

    Returns
    -------
    Packed
        The archive that was written, and what was left out.

    Raises
    ------
    TivaxError
        A result or an input has changed since the command ran, or is missing; two
        results have one name; ``out`` is taken.

    Notes
    -----
    The template is Vilhuber and others, doi:10.5281/zenodo.7293838.

    Examples
    --------
    >>> packed = tx.package(["results"], "replication.zip")
    >>> packed.path, packed.left_out
    (PosixPath('replication.zip'), ())
    """
    require_choice("include_data", include_data, INCLUDE)
    out = local_path("out", out)
    results = [results] if isinstance(results, str | os.PathLike) else results
    require_kind("results", results, Sequence, "a list of result folders")
    found = [read_result(local_path("results", k)) for k in results]
    if not found:
        raise TivaxError("results: none given; name a folder that a command wrote")
    found.sort(key=lambda result: (result.manifest["started"], result.name))
    _require_names(found)
    _require_place(out, found, force=force)
    for result in found:
        if result.command not in _COMMANDS or result.argv[:1] != [result.command]:
            raise TivaxError(
                f"{result.manifest_path}: of `tivax {show(result.command)}`, which a "
                f"package does not run; it runs {', '.join(sorted(_COMMANDS))}"
            )
        require_whole(result)
    layout = PackageLayout(found)
    inputs = collect(found, layout, include_data)
    software = None if wheel is None else local_path("wheel", wheel)
    if software and not (software.is_file() and software.suffix == ".whl"):
        raise TivaxError(f"{software}: no wheel; give the file tivax-VERSION-....whl")
    members = dict(_members(found, inputs, layout, software))
    with output_file(out, _SEAL, force=force) as part:
        _write_zip(part, members)
    return Packed(
        path=out,
        files=len(members) + 1,
        bytes=out.stat().st_size,
        data_bytes=sum(k.bytes for k in inputs if k.provided),
        left_out=tuple(k.place for k in inputs if not k.provided),
    )


def _require_names(results: Sequence[StoredResult]) -> None:
    manifests = [result.manifest_path.resolve() for result in results]
    for k, one in enumerate(manifests):
        if one in manifests[:k]:
            raise TivaxError(f"{results[k].path}: is given twice; name it once")
    names = [result.name for result in results]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TivaxError(
            f"two results are called {twice[0]}; rename the folder of one of them"
        )
    versions = sorted({result.manifest["tivax"] for result in results})
    if len(versions) > 1:
        raise TivaxError(
            f"the results come from tivax {' and '.join(versions)}; run all commands "
            "with one version"
        )


def _require_place(out: Path, results: Sequence[StoredResult], *, force: bool) -> None:
    """Raise ``TivaxError`` unless the archive can be written, before reading data."""
    read = [path for result in results for path in result.inputs]
    for result in results:
        # A panel lies in a folder that need not be its own.
        whole = result.manifest_path.name == MANIFEST
        read += [result.path] if whole else result.paths
    require_apart({"output": out}, read)
    require_no_folder(out)
    if out.suffix.lower() != ".zip":
        raise TivaxError(
            f"output {out}: a package is a zip archive; call it {out}.zip",
            argument="output",
        )
    require_file_place(out, _SEAL, force=force)


Bytes = bytes | Path


def _members(
    results: Sequence[StoredResult],
    inputs: Sequence[DataFile],
    layout: PackageLayout,
    wheel: Path | None,
) -> Iterator[tuple[str, Bytes]]:
    """Every file of the archive but the checksums: its name, its bytes or path."""
    withheld = _withheld(results, inputs)
    for result in results:
        folder = f"results/{result.name}"
        yield f"{folder}/{result.manifest_path.name}", result.manifest_path
        for entry in result.files:
            if (name := f"{folder}/{entry['name']}") not in withheld:
                yield name, result.path / entry["name"]
    for one in inputs:
        if one.provided and one.path.is_dir():
            for file in sorted(k for k in one.path.rglob("*") if k.is_file()):
                yield f"{one.place}/{file.relative_to(one.path).as_posix()}", file
        elif one.provided:
            yield one.place, one.path
    if wheel is not None:
        yield f"software/{wheel.name}", wheel
    works = select({key for result in results for key in result_keys(result)})
    plan = _plan(results, inputs, layout)
    content = Content(
        results, inputs, works, {k["name"]: k["argv"] for k in plan["runs"]},
        withheld=withheld, wheel=wheel.name if wheel else "",
    )  # fmt: skip
    yield "README.md", readme_text(content).encode()
    yield "references.bib", "\n".join(k.to_bibtex() for k in works).encode()
    yield "requirements.txt", _requirements(results).encode()
    if installed := results[-1].manifest.get("installed"):
        # As the last command had them; elsewhere pip leaves out what is not needed.
        yield "constraints.txt", _pins(installed).encode()
    yield "package.json", f"{json.dumps(plan, indent=1, ensure_ascii=False)}\n".encode()
    script = package_files(__package__ or "").joinpath("run_all.py").read_bytes()
    yield "run_all.py", script
    yield "run_all.sh", _RUN_ALL


def _withheld(
    results: Sequence[StoredResult], inputs: Sequence[DataFile]
) -> frozenset[str]:
    """Outputs that repeat data which the package leaves out, by their names in it."""
    left_out = {k.path for k in inputs if not k.provided}
    return frozenset(
        f"results/{result.name}/{entry['name']}"
        for result in results
        if left_out & result.inputs.keys()
        for entry in result.files
        if result.holds_data(entry["name"])
    )


_RUN_ALL = b"""#!/bin/sh
# Reproduce all results; see README.md.
cd "$(dirname "$0")" && exec python3 run_all.py
"""


def _plan(
    results: Sequence[StoredResult], inputs: Sequence[DataFile], layout: PackageLayout
) -> dict[str, Any]:
    """package.json: what run_all.py checks, runs and compares."""
    made = {
        entry["sha256"]: f"reproduced/{result.name}/{entry['name']}"
        for result in results
        for entry in result.files
    }
    given: list[tuple[str, str, str, bool]] = []
    imports = []
    for one in inputs:
        raw = [] if one.provided or one.made_by[:1] != ("import",) else one.raw
        folder = f"{DATA}/raw-{Path(one.place).name}"
        for k in raw:
            name = Path(k["path"]).name
            given.append((f"{folder}/{name}", k["sha256"], one.get_raw(name), False))
        if raw:
            imports.append(_import(one, folder))
        here = bool(raw) or (not one.provided and one.sha256 in made)
        given.append((one.place, one.sha256, one.how_to_get, here))
    about = ("place", "sha256", "get", "made")
    return {
        "tivax": results[0].manifest["tivax"],
        "inputs": [dict(zip(about, k, strict=True)) for k in given],
        "imports": imports,
        "runs": [
            {
                "name": result.name,
                "copies": [
                    [made[k.sha256], k.place]
                    for k in inputs
                    if not k.provided and k.sha256 in made and k.path in result.inputs
                ],
                "argv": layout.argv(result, f"reproduced/{result.name}"),
                "out": f"reproduced/{result.name}",
                "expected": f"results/{result.name}",
                "files": result.files,
            }
            for result in results
        ],
    }


def _import(store: DataFile, folder: str) -> list[str]:
    """The command that makes a store of raw files in a folder."""
    require_choice(f"{store.path}: source", store.made_by[1], SOURCES)
    options, words = [], iter(store.made_by[2:])
    for word in words:
        if word == "--years":
            options += [word, next(words)]
        elif word in ("--unbalanced", "--derounded"):
            options.append(word)
    return ["import", store.made_by[1], folder, "--out", store.place, *options]


def _requirements(results: Sequence[StoredResult]) -> str:
    """Versions of the packages that the last command ran with."""
    about = results[-1].manifest
    own = {"tivax": about["tivax"], **about["packages"]}
    return f"# Python {about['python']}\n{_pins(own)}"


def _pins(packages: Mapping[str, str]) -> str:
    return "".join(f"{name}=={number}\n" for name, number in packages.items())


def _write_zip(path: Path, members: dict[str, Bytes]) -> None:
    """The files in the order of their names, all of one time, and their checksums."""
    sums = {
        name: hashlib.sha256(k).hexdigest() if isinstance(k, bytes) else sha256(k)
        for name, k in sorted(members.items())
    }
    listed = "".join(f"{total}  {name}\n" for name, total in sums.items())
    members = {**members, "SHA256SUMS": listed.encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        archive.comment = _SEAL.blank.encode()
        for name, content in sorted(members.items()):
            info = zipfile.ZipInfo(name, _TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, whose permissions follow
            executable = name.startswith("run_all.")
            info.external_attr = (0o100755 if executable else 0o100644) << 16
            if isinstance(content, Path):
                info.file_size = content.stat().st_size
            source = (
                BytesIO(content) if isinstance(content, bytes) else content.open("rb")
            )
            with source, archive.open(info, "w") as target:
                copyfileobj(source, target, 1 << 20)
