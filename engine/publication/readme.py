"""README.md of a replication package, after the template of the data editors.

The template: Vilhuber, Koren, Llull, Connolly and Morrow, "A template README for social
science replication packages", doi:10.5281/zenodo.7293838. Its headings are kept, in its
order; statements that only an author can make are boxes to tick.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core import count_text, duration_text, programs
from ..sources import Rights
from .data_files import DataFile
from .exhibits import exhibits_of
from .references import Reference, references
from .results import StoredResult

# Upper bounds of the template's boxes, in seconds and bytes.
_TIMES = {
    "< 10 minutes": 600, "10-60 minutes": 3600, "1-2 hours": 7200, "2-8 hours": 28800,
    "8-24 hours": 86400, "1-3 days": 259200, "3-14 days": 1209600, "> 14 days": None,
}  # fmt: skip
_SIZES = {
    "< 25 MBytes": 25e6, "25 MB - 250 MB": 250e6, "250 MB - 2 GB": 2e9,
    "2 GB - 25 GB": 25e9, "25 GB - 250 GB": 250e9, "> 250 GB": None,
}  # fmt: skip


@dataclass(frozen=True)
class Content:
    """Content of the README of a package.

    ``commands`` are command lines in the package by the name of the result;
    ``withheld``: outputs that repeat data which are left out; ``wheel``: the file of
    tivax in software/.
    """

    results: Sequence[StoredResult]
    inputs: Sequence[DataFile]
    works: Sequence[Reference]
    commands: Mapping[str, Sequence[str]]
    withheld: frozenset[str]
    wheel: str = ""


def readme_text(content: Content) -> str:
    """The text of README.md."""
    parts = [
        "# Replication package",
        *_overview(content),
        *_availability(content),
        *_datasets(content),
        *_requirements(content),
        *_programs(content),
        *_instructions(content),
        *_exhibits(content),
        *_references(content),
    ]
    return "\n\n".join(parts) + "\n"


# --------------------------------------------------------------------------- sections


def _overview(content: Content) -> list[str]:
    version = content.results[0].manifest["tivax"]
    exhibits = [k for result in content.results for k in exhibits_of(result)]
    figures = sum(k.kind == "figure" for k in exhibits)
    tables = sum(k.kind == "table" for k in exhibits)
    seconds = sum(result.manifest["wall_s"] for result in content.results)
    sources = [k.title for k in _databases(content.inputs)]
    made_of = f" from {', '.join(sources)}" if sources else ""
    return [
        "## Overview",
        f"The code in this package makes {count_text(tables, 'table')} and "
        f"{count_text(figures, 'figure')}{made_of}, with tivax {version} (Python). One "
        f"script, `run_all.sh`, runs {count_text(len(content.results), 'command')} and "
        "compares what they write with the results in `results/`. The replicator "
        f"should expect it to run for about {duration_text(seconds)}.",
    ]


def _availability(content: Content) -> list[str]:
    out = [k for k in content.inputs if not k.provided]
    licences = [
        f"- {k.title}: {k.licence} ({k.terms})" for k in _databases(content.inputs)
    ]
    own = [f"`{k.place}`" for k in content.inputs if k.is_own and k.provided]
    if own:
        licences.append(f"- {', '.join(own)}: by the authors; [state a licence]")
    boxes = {
        "All data **are** publicly available.": not out,
        "Some data **cannot be made** publicly available.": bool(out)
        and len(out) < len(content.inputs),
        "**No data can be made** publicly available.": bool(out)
        and len(out) == len(content.inputs),
    }
    return [
        "## Data availability and provenance statements",
        "### Statement about rights",
        "- [ ] I certify that the author(s) of the manuscript have legitimate access "
        "to and permission to use the data used in this manuscript.\n"
        "- [ ] I certify that the author(s) of the manuscript have documented "
        "permission to redistribute/publish the data contained within this replication "
        "package.",
        "### License for data",
        "\n".join(licences) or "No external data are used.",
        "### Summary of availability",
        _boxes(boxes) + "\n\nThis says what the package holds; a file that it leaves "
        "out can be had as described below.",
        "### Details on each data source",
        *(_details(content, rights) for rights in _databases(content.inputs)),
        *_own_details(content),
    ]


def _own_details(content: Content) -> list[str]:
    """The statement of what is of no database."""
    own = [k for k in content.inputs if k.is_own]
    if not own:
        return []
    inside = sum(k.provided for k in own)
    names = ", ".join(f"`{k.place}`" for k in own)
    return [
        "#### Data of the authors",
        f"{names}: made or chosen by the authors; {inside} of {len(own)} are in this "
        "package.",
    ]


def _details(content: Content, rights: Rights) -> str:
    """The data availability statement of one database."""
    files = [k for k in content.inputs if rights in k.rights]
    provided = sum(k.provided for k in files)
    known = references()
    cited = "; ".join(known[key].short for key in rights.references)
    lines = [
        f"#### {rights.title}",
        f"{count_text(len(files), 'file')}, {provided} of them in this package. "
        f"Licence: {rights.licence}. Terms: {rights.terms}. Cite {cited}.",
    ]
    if missing := [k for k in files if not k.provided]:
        why = "" if rights.redistribution else "No licence allows passing them on. "
        lines.append(
            f"{why}To run the commands, get these files and put them in the places "
            "named; `run_all.py` checks them by SHA-256:"
        )
        lines.append("\n".join(f"- `{k.place}`: {k.how_to_get}" for k in missing))
    return "\n\n".join(lines)


def _datasets(content: Content) -> list[str]:
    known = references()
    rows = []
    for one in content.inputs:
        keys = [key for k in one.rights for key in k.references]
        rows.append(
            (
                f"`{one.place}`",
                ", ".join(k.title for k in one.rights) or "the authors",
                "; ".join(known[key].short for key in dict.fromkeys(keys)) or "n.a.",
                "; ".join(dict.fromkeys(k.licence for k in one.rights)) or "n.a.",
                "yes" if one.provided else "no",
                f"{one.bytes:,}",
                f"`{one.sha256}`",
            )
        )
    size = sum(k.bytes for k in content.inputs if k.provided)
    stores = [k for k in content.inputs if k.is_store]
    notes = [f"Data in this package: {_size(size)} before compression."]
    for store in stores:
        how = (
            "is in the package as it was read"
            if store.provided
            else "is imported from its raw files by `run_all.py`"
            if store.raw
            else "is not in the package"
        )
        notes.append(
            f"`{store.place}` is a folder of world tables (zarr version 3), which {how}"
            "; its SHA-256 is that of the sorted names and sums of its files."
        )
        if store.made_by:
            command = " ".join(["tivax", *store.made_by])
            notes.append(f"It was made by `{command}` from:")
            raw = [(f"`{k['path']}`", f"`{k['sha256']}`") for k in store.raw]
            notes.append(_table(("raw file", "SHA-256"), raw))
    header = ("file", "source", "citation", "licence", "provided", "bytes", "SHA-256")
    return ["## Dataset list", _table(header, rows), *notes]


def _requirements(content: Content) -> list[str]:
    first = content.results[-1].manifest
    packages = "\n".join(f"  - {k} {v}" for k, v in first["packages"].items())
    seeds = [(k.name, k.manifest["seed"]) for k in content.results]
    randomness = [
        f"- `{name}`: {'no random numbers' if seed is None else f'seed {seed}'}"
        for name, seed in seeds
    ]
    seconds = sum(result.manifest["wall_s"] for result in content.results)
    size = sum(k.bytes for k in content.inputs if k.provided) + sum(
        entry["bytes"] for result in content.results for entry in result.files
    )
    rows = [
        (
            result.name,
            duration_text(result.manifest["wall_s"]),
            _memory(result, "peak_memory_bytes"),
            result.manifest["device"],
        )
        for result in content.results
    ]
    wheel = f" `software/{content.wheel}` is installed." if content.wheel else ""
    return [
        "## Computational requirements",
        "### Software requirements",
        f"- Python {first['python']}\n- tivax {first['tivax']}, with\n{packages}",
        "`requirements.txt` lists these versions. `run_all.py` uses an installed tivax "
        f"of this version, else installs it into `.venv`.{wheel}",
        "### Controlled randomness",
        "\n".join(randomness),
        "Random numbers are made by JAX; draw k depends on seed "
        "and k alone, not on the machine or the number of processes.",
        "### Memory, runtime, storage requirements",
        "#### Summary time to reproduce",
        f"Approximate time needed to reproduce the analyses on the machine below:\n\n"
        f"{_boxes(_within(seconds, _TIMES))}",
        "#### Summary of required storage space",
        _boxes(_within(size, _SIZES)),
        "#### Computational details",
        f"The code was last run on {_machine(first)}. Time and memory by command:",
        _table(("result", "run time", "most memory used", "device"), rows),
    ]


def _programs(content: Content) -> list[str]:
    commands = dict.fromkeys(result.command for result in content.results)
    lines = [
        f"- `tivax {command}` ({programs()[command]['code']}) "
        f"{programs()[command]['does']}."
        for command in commands
        if command in programs()
    ]
    lines += [
        "- `run_all.py`, started by `run_all.sh`, checks the inputs, installs tivax if "
        "needed, runs every command into `reproduced/` and compares the files with "
        "`results/`. `package.json` is its list.",
    ]
    return [
        "## Description of programs/code",
        "\n".join(lines),
        "### License for code",
        "tivax is licensed under Apache-2.0, and so are `run_all.py` and `run_all.sh`.",
    ]


def _instructions(content: Content) -> list[str]:
    steps = ["Unpack the archive into an empty folder."]
    if any(not k.provided for k in content.inputs):
        steps.append(
            "Get the files that are not provided, and put them in the places that the "
            "dataset list names."
        )
    steps += [
        "Run `sh run_all.sh` (or `python3 run_all.py`).",
        "Read `reproduced/comparison_of_files.csv`. Tables are the same to the byte on "
        "a machine of the same kind; elsewhere last digits can differ, and the script "
        "says by how much. Figures and reports hold fonts and dates of the machine.",
    ]
    details = [
        f"- `results/{result.name}`:\n\n      {_line(content.commands[result.name])}"
        for result in content.results
    ]
    return [
        "## Instructions to replicators",
        "\n".join(f"{k}. {step}" for k, step in enumerate(steps, 1)),
        "### Details on various programs",
        "The commands that the script runs, in the folder of the package:",
        "\n".join(details),
        "`SHA256SUMS` has the checksum of every other file: `sha256sum -c SHA256SUMS`.",
    ]


def _exhibits(content: Content) -> list[str]:
    rows = [
        (
            exhibit.title,
            exhibit.kind,
            f"`tivax {result.command}` ({result.name})",
            ", ".join(f"`results/{result.name}/{k}`" for k in exhibit.files)
            + (
                " (not provided: holds data that are left out)"
                if f"results/{result.name}/{exhibit.files[0]}" in content.withheld
                else ""
            ),
        )
        for result in content.results
        for exhibit in exhibits_of(result)
    ]
    header = ("exhibit", "kind", "program", "output files")
    return ["## List of tables and programs", _table(header, rows)]


def _references(content: Content) -> list[str]:
    lines = [f"- {work.to_text()}" for work in content.works]
    return [
        "## References",
        "\n".join(lines),
        "`references.bib` has them in BibTeX.",
        "---",
        "The structure follows L. Vilhuber, M. Koren, J. Llull, M. Connolly and P. "
        "Morrow, A template README for social science replication packages, "
        "https://doi.org/10.5281/zenodo.7293838.",
    ]


# -------------------------------------------------------------------------- small texts


def _databases(inputs: Iterable[DataFile]) -> list[Rights]:
    return list(dict.fromkeys(k for one in inputs for k in one.rights))


def _line(argv: Sequence[str]) -> str:
    return shlex.join(["tivax", *argv])


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _boxes(items: Mapping[str, bool]) -> str:
    return "\n".join(f"- [{'x' if k else ' '}] {text}" for text, k in items.items())


def _within(
    value: float | int, bounds: Mapping[str, float | int | None]
) -> dict[str, bool]:
    """The first of the boxes whose bound is not exceeded is ticked."""
    chosen = next(k for k, bound in bounds.items() if bound is None or value <= bound)
    return {name: name == chosen for name in bounds}


def _machine(manifest: Mapping[str, Any]) -> str:
    system = manifest.get("system") or {}
    memory = system.get("memory_bytes")
    parts = [
        system.get("processor"),
        f"{system['cores']} cores" if system.get("cores") else None,
        f"{_size(memory)} of memory" if memory else None,
        system.get("os"),
        f"device {manifest['device']}",
    ]
    return ", ".join(filter(None, parts))


def _memory(result: StoredResult, key: str) -> str:
    value = (result.manifest.get("system") or {}).get(key)
    return _size(value) if value else "not recorded"


def _size(number: float | int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number:.0f} bytes"
