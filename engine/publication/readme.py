"""README.md of a replication package, after the template of the data editors.

The template: Vilhuber, Koren, Llull, Connolly and Morrow, "A template README for social
science replication packages", doi:10.5281/zenodo.7293838. Its headings are kept, in its
order; statements that only an author can make are boxes to tick.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
    """The text of README.md: the template readme.md with what the package holds."""
    template = Path(__file__).with_name("readme.md").read_text(encoding="utf-8")
    first, last = content.results[0].manifest, content.results[-1].manifest
    exhibits = [k for result in content.results for k in exhibits_of(result)]
    seconds = sum(result.manifest["wall_s"] for result in content.results)
    written = (k["bytes"] for result in content.results for k in result.files)
    size = sum(k.bytes for k in content.inputs if k.provided) + sum(written)
    sources = [k.title for k in _databases(content.inputs)]
    text = template.format(
        tables=count_text(sum(k.kind == "table" for k in exhibits), "table"),
        figures=count_text(sum(k.kind == "figure" for k in exhibits), "figure"),
        made_of=f" from {', '.join(sources)}" if sources else "",
        version=first["tivax"],
        commands=count_text(len(content.results), "command"),
        time=duration_text(seconds),
        licences=_licences(content),
        availability=_availability(content),
        sources=_sources(content),
        datasets=_datasets(content),
        python=last["python"],
        version_run=last["tivax"],
        packages="\n".join(f"  - {k} {v}" for k, v in last["packages"].items()),
        wheel=f" `software/{content.wheel}` is installed." * bool(content.wheel),
        seeds=_seeds(content),
        times=_boxes(_within(seconds, _TIMES)),
        sizes=_boxes(_within(size, _SIZES)),
        machine=_machine(last),
        runs=_runs(content),
        programs=_programs(content),
        steps=_steps(content),
        details="\n".join(
            f"- `results/{k.name}`:\n\n      {_line(content.commands[k.name])}"
            for k in content.results
        ),
        exhibits=_exhibits(content),
        references="\n".join(f"- {work.to_text()}" for work in content.works),
    )
    return re.sub(r"\n{3,}", "\n\n", text)  # what is empty leaves no gap


# ------------------------------------------------------------------------------ parts


def _licences(content: Content) -> str:
    lines = [
        f"- {k.title}: {k.licence} ({k.terms})" for k in _databases(content.inputs)
    ]
    if own := [f"`{k.place}`" for k in content.inputs if k.is_own and k.provided]:
        lines.append(f"- {', '.join(own)}: by the authors; [state a licence]")
    return "\n".join(lines) or "No external data are used."


def _availability(content: Content) -> str:
    out, every = sum(not k.provided for k in content.inputs), len(content.inputs)
    return _boxes(
        {
            "All data **are** publicly available.": not out,
            "Some data **cannot be made** publicly available.": 0 < out < every,
            "**No data can be made** publicly available.": 0 < out == every,
        }
    )


def _sources(content: Content) -> str:
    parts = [_details(content, rights) for rights in _databases(content.inputs)]
    if own := [k for k in content.inputs if k.is_own]:
        inside = sum(k.provided for k in own)
        names = ", ".join(f"`{k.place}`" for k in own)
        parts += [
            "#### Data of the authors",
            f"{names}: made or chosen by the authors; {inside} of {len(own)} are in "
            "this package.",
        ]
    return "\n\n".join(parts)


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


def _datasets(content: Content) -> str:
    known = references()
    rows = []
    for one in content.inputs:
        keys = dict.fromkeys(key for k in one.rights for key in k.references)
        titles = ", ".join(k.title for k in one.rights) or "the authors"
        cited = "; ".join(known[key].short for key in keys) or "n.a."
        licences = "; ".join(dict.fromkeys(k.licence for k in one.rights)) or "n.a."
        about = titles, cited, licences, "yes" if one.provided else "no"
        rows.append((f"`{one.place}`", *about, f"{one.bytes:,}", f"`{one.sha256}`"))
    size = sum(k.bytes for k in content.inputs if k.provided)
    notes = [f"Data in this package: {_size(size)} before compression."]
    for store in (k for k in content.inputs if k.is_store):
        how = "is not in the package"
        if store.provided:
            how = "is in the package as it was read"
        elif store.raw:
            how = "is imported from its raw files by `run_all.py`"
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
    return "\n\n".join([_table(header, rows), *notes])


def _seeds(content: Content) -> str:
    seeds = [(k.name, k.manifest["seed"]) for k in content.results]
    return "\n".join(
        f"- `{name}`: {'no random numbers' if seed is None else f'seed {seed}'}"
        for name, seed in seeds
    )


def _runs(content: Content) -> str:
    rows = [
        (
            result.name,
            duration_text(result.manifest["wall_s"]),
            _memory(result.manifest),
            result.manifest["device"],
        )
        for result in content.results
    ]
    return _table(("result", "run time", "most memory used", "device"), rows)


def _programs(content: Content) -> str:
    known, commands = programs(), (k.command for k in content.results)
    return "\n".join(
        f"- `tivax {name}` ({known[name]['code']}) {known[name]['does']}."
        for name in dict.fromkeys(commands)
        if name in known
    )


def _steps(content: Content) -> str:
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
    return "\n".join(f"{k}. {step}" for k, step in enumerate(steps, 1))


def _exhibits(content: Content) -> str:
    rows = []
    for result in content.results:
        program = f"`tivax {result.command}` ({result.name})"
        for exhibit in exhibits_of(result):
            files = [f"results/{result.name}/{k}" for k in exhibit.files]
            told = ", ".join(f"`{k}`" for k in files)
            if files[0] in content.withheld:
                told += " (not provided: holds data that are left out)"
            rows.append((exhibit.title, exhibit.kind, program, told))
    return _table(("exhibit", "kind", "program", "output files"), rows)


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


def _memory(manifest: Mapping[str, Any]) -> str:
    value = (manifest.get("system") or {}).get("peak_memory_bytes")
    return _size(value) if value else "not recorded"


def _size(number: float | int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number:.0f} bytes"
