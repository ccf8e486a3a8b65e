"""llms.txt of the site: what a language model needs to write code and commands."""

import inspect
import re
from pathlib import Path

from generated import command_groups, command_page
from sphinx.application import Sphinx

import tivax


def functions() -> str:
    """Every public function and class with its signature and docstring."""
    parts = []
    for name in dir(tivax):
        thing = getattr(tivax, name)
        if callable(thing):
            signature = inspect.signature(thing) if inspect.isfunction(thing) else ""
            text = inspect.getdoc(thing) or ""
            parts.append(f"### tx.{name}{signature}\n\n```text\n{text}\n```")
    return "\n\n".join(parts)


def pages(root: Path) -> str:
    """The pages with what each is about, as the index of its folder says."""
    parts = []
    for folder in ("tutorials", "how-to", "explanation", "reference"):
        index = (root / folder / "index.md").read_text(encoding="utf-8")
        for name, about in re.findall(r"^- \{doc\}`([\w-]+)`: (.*)$", index, re.M):
            parts.append(f"- [{name}]({folder}/{name}.html): {about}")
    return "\n".join(parts)


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the file beside index.html."""
    if exception is None and app.builder.format == "html":
        commands = [k for names in command_groups().values() for k in names]
        parts = [
            "# tivax",
            "> Trade in value added from world input-output tables, and p-values for"
            " panels of countries: a Python package (`import tivax as tx`) and a"
            " command line.",
            "## Pages",
            pages(Path(app.srcdir)),
            "## Commands",
            *(command_page(name).replace("# ", "### ", 1) for name in commands),
            "## Python",
            functions(),
        ]
        text = "\n\n".join(parts) + "\n"
        (Path(app.outdir) / "llms.txt").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write it when the pages are there."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
