"""The directive ``{generated} NAME``: parts of pages that are made from the code.

Every part is Markdown, written by a function of ``PARTS``. A part is sections or has
none: MyST puts sections into the page at once, before what a directive returns.
"""

import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import typer
from docutils import nodes
from formulas import typeset
from matplotlib import rc_context
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tivax.engine.cli.app import app as commands
from tivax.engine.cli.example_files import example_run_file
from tivax.engine.core import (
    column_title,
    columns_of,
    files_of,
    load_toml,
    outputs,
    programs,
)
from tivax.engine.figures.parts import one_panel
from tivax.engine.measures.terms import terms_page
from tivax.engine.reporting import STYLE
from tivax.engine.tables import country_groups, country_name
from tivax.engine.tables.aggregation import concordances


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()
) -> str:
    """A table in Markdown; columns ``right`` hold numbers."""
    rule = ["---:" if k in right else "---" for k in range(len(head))]
    lines = [head, rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# --------------------------------------------------------------------------- commands


def command_groups() -> dict[str, list[str]]:
    """Names of the commands under the headings of --help."""
    found: dict[str, list[str]] = {}
    for command in commands.registered_commands:
        heading = str(command.rich_help_panel)
        found.setdefault(heading, []).append(str(command.name))
    return found


def command_list() -> str:
    """The commands under their headings, each with its first sentence."""
    rows = []
    for heading, names in command_groups().items():
        for name in names:
            about = (_commands()[name].help or "").partition("\n")[0]
            rows.append([heading, f"[`tivax {name}`](commands/{name}.md)", about])
            heading = ""
    return table(["", "command", "does"], rows)


def common_options() -> str:
    """Options that more than half of the commands have."""
    said: dict[str, Counter[str]] = {}
    for one in [k for command in _commands().values() for k in _options(command)]:
        said.setdefault(one.opts[0], Counter())[_help(one)] += 1
    rows = [[f"`{name}`", said[name].most_common(1)[0][0]] for name in _common()]
    return table(["option", "meaning"], rows)


def command_page(name: str) -> str:
    """The page of a command, from what its --help prints."""
    command = _commands()[name]
    text, _, example = (command.help or "").partition("Example: ")
    arguments = [k for k in command.params if k.param_type_name == "argument"]
    options = _options(command)
    required = [f"{k.opts[0]} {k.name.upper()}" for k in options if k.required]
    words = [f"tivax {name}", *map(_metavar, arguments), *required]
    text = _with_codes(text.strip())
    parts = [f"# tivax {name}", text, f"```shell\n{' '.join(words)}\n```"]
    if example:
        parts.append(f"Example:\n\n```shell\n{example.strip()}\n```")
    if arguments:
        rows = [[f"`{k.name.upper()}`", _help(k)] for k in arguments]
        parts.append(table(["argument", "meaning"], rows))
    own = [k for k in options if k.opts[0] not in _common()]
    if own:
        rows = [[_names(k), _default(k), _help(k)] for k in own]
        parts.append(table(["option", "default", "meaning"], rows))
    others = ", ".join(f"`{k.opts[0]}`" for k in options if k not in own)
    if others:
        link = "[options of most commands](../commands.md#options-of-most-commands)"
        parts.append(f"It also takes these {link}: {others}.")
    return "\n\n".join(parts) + "\n"


def _commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(commands)
    return group.commands


def _options(command) -> list[Any]:
    options = [k for k in command.params if k.param_type_name != "argument"]
    return [k for k in options if not k.hidden]


@cache
def _common() -> list[str]:
    count = Counter(k.opts[0] for one in _commands().values() for k in _options(one))
    return [name for name, times in count.items() if 2 * times > len(_commands())]


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
    text = (parameter.help or "").replace("|", "\\|").replace("; repeatable.", ".")
    return _with_codes(text)


def _with_codes(text: str) -> str:
    """Options as code, where they are not yet: two hyphens would become a dash."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"--[a-z][a-z-]*", r"`\g<0>`", part) for part in parts[::2]]
    return "`".join(parts)


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
    rights = load_toml("tivax.engine.sources", "rights.toml")
    rows = [
        [
            f"`{name}`",
            facts["title"],
            facts["unit"],
            facts.get("citation", ""),
            rights.get(name, {}).get("licence", ""),
        ]
        for name, facts in load_toml("tivax.engine.sources", "sources.toml").items()
        if "title" in facts and "unit" in facts
    ]
    return table(["source", "database", "unit", "cite", "licence"], rows)


def sizes() -> str:
    """Time against industries: a figure of one file of measurements."""
    run = json.loads((MEASURED / "sizes.json").read_text(encoding="utf-8"))
    best = pd.DataFrame(run["rows"]).pivot(index="n", columns="method", values="best s")
    best["tivax"] = best["tivax, in memory"].fillna(best["tivax, streamed"])
    best["Z read once"] = 8 * best.index**2 / run["machine"]["bytes_per_second"]
    with rc_context(STYLE):
        fig, ax = one_panel(3.4)
        for name, (colour, style) in _METHODS.items():
            line = best[name].dropna()
            ax.loglog(line.index, line, style, color=colour, label=name, markersize=3)
        ax.legend(frameon=False)
        ax.set(xlabel="industries (regions x sectors)", ylabel="seconds for a year")
        ax.set_xticks(best.index, [f"{n:,}" for n in best.index], minor=False)
        ax.set_xticks([], minor=True)
        ax.yaxis.set_major_formatter("{x:g}")
        fig.savefig(Path(os.environ["TIVAX_DOCS_SHOWN"]) / "how-fast.svg")
    text = "Seconds for a year against industries: numpy inv, numpy solve, tivax"
    image = f'<img src="../_static/how-fast.svg" alt="{text}">'
    return f"```{{raw}} html\n{image}\n```"


_METHODS = {
    "numpy.linalg.inv": ("0.55", "-o"),
    "numpy.linalg.solve": ("C0", "-o"),
    "tivax": ("C1", "-o"),
    "Z read once": ("0.55", "--"),
}


def rooms() -> str:
    """The layers of rooms, as the test of imports has them: a picture."""
    contracts = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]
    layers = [
        [name.rpartition(".")[2] for name in layer.split(" | ")]
        for layer in contracts["contracts"][0]["layers"]
    ]
    kinds = {name: k for k, names in _KINDS.items() for name in names.split()}
    with rc_context(STYLE):
        fig, ax = one_panel(0.34 * len(layers) + 0.3)
        for row, names in enumerate(layers):
            for place, name in enumerate(names):
                colour = _KIND_COLOURS[kinds.get(name, "numbers")]
                left, width = place / len(names), 1 / len(names)
                box = {"height": 0.86, "color": colour, "align": "edge"}
                ax.barh(-row, width - 0.008, left=left, **box)
                middle = left + width / 2, -row + 0.43
                ax.text(*middle, name, ha="center", va="center")
        for kind, colour in _KIND_COLOURS.items():
            ax.barh(0, 0, color=colour, label=kind)
        ax.legend(loc="upper center", ncols=4, bbox_to_anchor=(0.5, 0), frameon=False)
        ax.set(xlim=(0, 1), ylim=(1 - len(layers), 1))
        ax.axis("off")
        fig.savefig(Path(os.environ["TIVAX_DOCS_SHOWN"]) / "the-house.svg")
    image = '<img src="../_static/the-house.svg" alt="Rooms, each above those it uses">'
    return f"```{{raw}} html\n{image}\n```"


_KINDS = {
    "words and pages": "cli explorer publication figures reporting present",
    "data that come in": "sources files rebuilding panel",
    "papers, benchmarks": "papers bench",
}
_KIND_COLOURS = {
    "numbers": "#9ecae1",
    "words and pages": "#fdd0a2",
    "data that come in": "#c7e9c0",
    "papers, benchmarks": "#dadaeb",
}


def times() -> str:
    """Measured times: the words of one file, the numbers of another."""
    words = tomllib.loads((MEASURED / "measured.toml").read_text(encoding="utf-8"))
    run = json.loads((MEASURED / "measured.json").read_text(encoding="utf-8"))
    about = run["machine"]
    packages = ", ".join(f"{name} {k}" for name, k in about["packages"].items())
    parts = [
        f"{about['processor']}, {about['cores']} cores, {about['dtype']}; "
        f"Python {about['python']}, {packages}."
    ]
    heads = ("what", "tivax", "beside it", "for as much work", "times as long")
    for one in words["table"]:
        rows = [_compared(run["rows"], *row) for row in one["rows"]]
        parts += [
            f"## {one['title']}",
            f"`tivax bench --full --only {one['only']}`",
            table(heads, rows, right=(1, 3, 4)),
        ]
    one = words["commands"]
    rows = [
        (f"`{name}`", _seconds(k), _seconds(first)) for name, k, first in one["rows"]
    ]
    heads = ("command", "compiled before", "first run")
    return "\n\n".join([*parts, f"## {one['title']}", table(heads, rows, (1, 2))])


def _compared(
    rows: Sequence[Mapping[str, Any]], what: str, case: str, method: str, beside: str
) -> tuple[str, ...]:
    """A line of ``times``. Loops of few draws are shown for as many as tivax makes."""

    def found(name: str) -> Mapping[str, Any]:
        own = [row for row in rows if row["case"] == case]
        named = [k for k in own if k["method"] == name]
        return (named or [k for k in own if k["method"].startswith(f"{name}, ")])[-1]

    ours, theirs = found(method), found(beside)
    ratio = ours["ratio"] / theirs["ratio"]
    seconds = ours["median_s"]
    return what, _seconds(seconds), beside, _seconds(seconds * ratio), _rounded(ratio)


def _seconds(seconds: float) -> str:
    return f"{_rounded(seconds)} s"


def _rounded(number: float) -> str:
    """Two digits: a third does not hold from run to run."""
    return f"{float(f'{number:.2g}'):,g}"


def gallery() -> str:
    """A card for each figure: a thumbnail that leads to the page that draws it."""
    cards = []
    for one in tomllib.loads(GALLERY.read_text(encoding="utf-8"))["figure"]:
        source = one.get("image", f"../_static/gallery/{one['name']}.svg")
        title = one["title"]
        image = f'<img src="{source}" alt="{title}" loading="lazy">'
        cards += [
            f":::{{grid-item-card}} {title}",
            f":link: {one['page']}",
            ":link-type: doc",
            ":class-card: gallery-figure",
            f"```{{raw}} html\n{image}\n```",
            f"`{one['by']}`",
            ":::",
        ]
    return "\n".join(["::::{grid} 1 2 3 3", ":gutter: 2", "", *cards, "::::"])


def scenario_kinds() -> dict[str, dict[str, str]]:
    """Keys of scenario files and what they mean, by kind."""
    found: dict[str, dict[str, str]] = {}
    for room in ("scenarios", "equilibrium"):
        for kinds, keys in load_toml(f"tivax.engine.{room}", "keys.toml").items():
            for kind in kinds.split():
                found.setdefault(kind, {}).update(keys)
    return found


def scenario_keys() -> str:
    """A section for each kind of scenario: its example and its keys."""
    parts = []
    for kind, keys in scenario_kinds().items():
        rows = [[f"`{key}`", text] for key, text in keys.items()]
        example = example_run_file(f"scenario-{kind}")
        parts += [f"## {kind}", f"```toml\n{example}```", table(["key", "is"], rows)]
    return "\n\n".join(parts)


GALLERY = Path(__file__).parents[1] / "gallery" / "figures.toml"
PROJECT = Path(__file__).parents[2] / "pyproject.toml"
MEASURED = Path(__file__).parents[1] / "explanation"

PARTS: dict[str, Callable[[], str]] = {
    "commands": command_list,
    "common-options": common_options,
    "rooms": rooms,
    "sizes": sizes,
    "times": times,
    "gallery": gallery,
    "files": files,
    "words": words,
    "symbols": symbols,
    "decompositions": decompositions,
    "indicators": indicators,
    "origins": origins,
    "groups": groups,
    "concordances": concordance_lists,
    "databases": databases,
    "scenario-keys": scenario_keys,
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
