"""The directive ``{generated} NAME``: parts of pages that are made from the code.

Every part is Markdown, written by a function of ``PARTS``. A part is sections or has
none: MyST puts sections into the page at once, before what a directive returns.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import typer
from docutils import nodes
from formulas import typeset
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tivax.engine.cli.app import app as commands
from tivax.engine.core import (
    column_title,
    columns_of,
    files_of,
    load_toml,
    outputs,
    programs,
)
from tivax.engine.measures.terms import terms_page
from tivax.engine.tables import country_groups, country_name
from tivax.engine.tables.aggregation import concordances


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# --------------------------------------------------------------------------- commands


def command_pages() -> str:
    """A section for each command, from what its --help prints."""
    group: Any = typer.main.get_command(commands)
    return "\n\n".join(
        _command(name, command) for name, command in group.commands.items()
    )


def _command(name: str, command) -> str:
    text, _, example = (command.help or "").partition("Example: ")
    words = [f"tivax {name}"]
    arguments, options = [], []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            arguments.append(parameter)
            words.append(_metavar(parameter))
        elif not parameter.hidden:
            options.append(parameter)
            if parameter.required:
                words.append(f"{parameter.opts[0]} {parameter.name.upper()}")
    parts = [f"## tivax {name}", text.strip(), f"```shell\n{' '.join(words)}\n```"]
    if arguments:
        rows = [[f"`{k.name.upper()}`", _help(k)] for k in arguments]
        parts.append(table(["argument", "meaning"], rows))
    rows = [[_names(k), _default(k), _help(k)] for k in options]
    parts.append(table(["option", "default", "meaning"], rows))
    if example:
        parts.append(f"Example:\n\n```shell\n{example.strip()}\n```")
    return "\n\n".join(parts)


def _metavar(argument) -> str:
    name = argument.name.upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _names(option) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    return names + (" (repeatable)" if option.multiple else "")


def _default(option) -> str:
    if option.required:
        return "required"
    default = option.default
    if callable(default) or default in (None, "", False) or option.is_flag:
        return ""
    return f"`{default}`"


def _help(parameter) -> str:
    return (parameter.help or "").replace("|", "\\|").replace("; repeatable.", ".")


# -------------------------------------------------------------------------------- files


def files() -> str:
    """A section for each command that writes a result: its files and their columns."""
    return "\n\n".join(_files(name, facts) for name, facts in programs().items())


def _files(command: str, facts: Mapping[str, Any]) -> str:
    own, known = {k: files_of(command)[k] for k in facts["files"]}, columns_of(command)
    columns = [name.rstrip("?") for one in own.values() for name in one.columns]
    titles = {name: column_title(name, known) for name in columns}
    meanings = [
        [f"`{name}`", title, known[name].unit if name in known else ""]
        for name, title in titles.items()
        if name != title
    ]
    rows = [
        [f"`{k}`", v.title, ", ".join(map(_shown, v.columns))] for k, v in own.items()
    ]
    beside = [
        f" It writes the files of `tivax {k}`, too." for k in facts.get("also", ())
    ]
    parts = [
        f"## tivax {command}",
        f"It {facts['does']}.{''.join(beside)}",
        table(["file", "holds", "columns"], rows),
        table(["column", "is", "unit"], meanings) * bool(meanings),
        facts.get("note", ""),
    ]
    return "\n\n".join(filter(None, parts))


def _shown(column: str) -> str:
    text = column.replace("*", r"\*")
    return f"({text[:-1]})" if text.endswith("?") else text


def words() -> str:
    """The word for each thing, and those that are not used for it."""
    rows = [
        [f"`{word}`", facts["means"], ", ".join(f"`{k}`" for k in facts["not"].split())]
        for word, facts in outputs()["words"].items()
    ]
    return table(["word", "means", "not"], rows)


# ---------------------------------------------------------------- terms and indicators


def symbols() -> str:
    """What the symbols of formulas stand for."""
    page = re.sub(r" Generated from .*?`\.", "", terms_page(), flags=re.S)
    return page[page.index("\n") : page.index("\n## ")]


def decompositions() -> str:
    """The terms of every method."""
    page = terms_page()
    return _typeset_tables(page[page.index("\n## ") : page.index("\n## Indicators")])


def indicators() -> str:
    """What indicators have in common, and the list."""
    page = terms_page()
    start = page.index("\n", page.index("\n## Indicators") + 1)
    return _typeset_tables(page[start : page.index("\n## ", start)])


def origins() -> str:
    """The sections after the indicators."""
    page = terms_page()
    start = page.index("\n## Indicators") + 1
    return _typeset_tables(page[page.index("\n## ", start) :])


def _typeset_tables(page: str) -> str:
    """The page with the columns of formulas as mathematics."""
    lines, columns = [], []
    for line in page.splitlines():
        cells = line.split(" | ") if line.startswith("|") else []
        if not cells:
            columns = []
        elif not columns:
            heads = [cell.strip("| ") for cell in cells]
            columns = [k for k, head in enumerate(heads) if head in _WITH_FORMULAS]
        elif "---" not in cells[0] and cells[0].startswith("| "):
            for k in columns:
                end = " |" if cells[k].endswith(" |") else ""
                cells[k] = typeset(cells[k].removesuffix(" |")) + end
            line = " | ".join(cells)
        lines.append(line)
    return "\n".join(lines)


_WITH_FORMULAS = ("formula", "bm-sink")


# ------------------------------------------------------------- groups and concordances


def groups() -> str:
    """The built-in groups with their members."""
    parts = []
    for name, group in country_groups().items():
        members = ", ".join(f"{code} {country_name(code)}" for code in group.members)
        parts += [
            f"## {name}",
            f"{group.title}; {len(group.members)} members since {group.since}.",
            f"{members}.",
            f"Source: {group.source}.",
        ]
    return "\n\n".join(parts)


def concordance_lists() -> str:
    """The built-in concordances, new codes with the old ones."""
    parts = []
    for name, one in concordances().items():
        olds: dict[str, list[str]] = {}
        for old, new in one.new.items():
            olds.setdefault(new, []).append(old)
        rows = [[new, ", ".join(codes)] for new, codes in olds.items()]
        parts += [f"## {name}", f"{one.title}. Source: {one.source}."]
        parts.append(table(["new code", "codes of the database"], rows))
    return "\n\n".join(parts)


def databases() -> str:
    """The databases of world tables."""
    rows = [
        [f"`{name}`", facts["title"], facts["unit"], facts.get("citation", "")]
        for name, facts in load_toml("tivax.engine.sources", "sources.toml").items()
        if "title" in facts and "unit" in facts
    ]
    return table(["source", "database", "unit", "cite"], rows)


PARTS: dict[str, Callable[[], str]] = {
    "commands": command_pages,
    "files": files,
    "words": words,
    "symbols": symbols,
    "decompositions": decompositions,
    "indicators": indicators,
    "origins": origins,
    "groups": groups,
    "concordances": concordance_lists,
    "databases": databases,
}


class Generated(SphinxDirective):
    """Put a part where the directive is."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The part, parsed as the Markdown of the page is."""
        text = PARTS[self.arguments[0]]()
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
