"""Settings of the documentation: `scripts/docs` builds it."""

import os
import re
import shutil
import sys
import tempfile
import tomllib
from importlib.metadata import version as version_of
from pathlib import Path

import tivax

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent / "tests" / "support")]
import preloaded  # noqa: E402
from generated import command_groups, command_page  # noqa: E402
from quick_programs import take_quick_programs  # noqa: E402

from tivax.kernels.panels.simulated import METHODS  # noqa: E402

project = "tivax"
author = "The tivax developers"
copyright = "The tivax developers, Apache-2.0"
version = release = version_of("tivax")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx.ext.viewcode",
    "generated",
    "llms",
    "mathml",
]
exclude_patterns = ["_build", "extensions", "_templates", "notebooks", "joss"]
nitpicky = True
# Numbers that pages take from the code.
myst_substitutions = {
    "indicators": len(tivax.catalogue.INDICATORS),
    "methods": len(tivax.catalogue.METHODS),
    "p_values": len(METHODS),
}

# Pages are executed at every build, in temporary folders, by the Python that builds.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
# A shell command in a cell is a fork of a process with JAX's threads, then an exec.
FORKS = ("os.fork() was called:RuntimeWarning", "This process:DeprecationWarning")
os.environ.setdefault("PYTHONWARNINGS", ",".join(f"ignore:{k}" for k in FORKS))
os.environ.setdefault("COLUMNS", "88")  # the width of a terminal, for commands in cells
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
take_quick_programs()
# Pages put files here that the site shows as they are, beside its own static ones.
SCRATCH = Path(tempfile.mkdtemp())
os.environ["TIVAX_DOCS_SHOWN"] = str(SCRATCH / "shown")
os.environ["IPYTHONDIR"] = str(SCRATCH / "ipython")
STARTUP = SCRATCH / "ipython" / "profile_default" / "startup"
for folder in (SCRATCH / "shown", STARTUP):
    folder.mkdir(parents=True)
shutil.copy(HERE / "extensions" / "shell_commands.py", STARTUP)
SERVER = preloaded.start(SCRATCH)

myst_enable_extensions = [
    "attrs_block",
    "attrs_inline",
    "colon_fence",
    "deflist",
    "dollarmath",
    "amsmath",
    "substitution",
]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
numpydoc_show_class_members = False
templates_path = ["_templates"]
# Types of other projects and inner ones have no page.
nitpick_ignore_regex = [(r"py:\w+", r"(?!tivax\b).*|tivax\.engine\b.*")]

html_theme = "pydata_sphinx_theme"
html_title = f"tivax {version}"
html_favicon = "_static/favicon.svg"
html_js_files = ["tables.js"]
copybutton_prompt_text = r"^(>>> |\.\.\. |!)"
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = False
html_static_path = ["_static"]
html_css_files = ["tivax.css"]
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 8,
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc", "edit-this-page", "notebook"],
}
html_sidebars = {"index": [], "install": [], "changelog": []}
html_context = {"default_mode": "auto"}
# Links to edit a page, once pyproject.toml names where the repository is.
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
if address := PROJECT.get("urls", {}).get("Repository"):
    html_theme_options |= {"github_url": address, "use_edit_page_button": True}
    user, repository = address.rstrip("/").split("/")[-2:]
    html_context |= {"github_user": user, "github_repo": repository}
    html_context |= {"github_version": "main", "doc_path": "docs"}


def find_public_name(app, env, node, text):
    """Link tivax.engine.tables.world_tables.WorldTables to tivax.WorldTables."""
    name = node.get("reftarget", "").rpartition(".")[2]
    rooms = "results schemes shocks table_errors vcov exceptions panel referee"
    fronts = (tivax, *(getattr(tivax, k) for k in rooms.split()))
    place = next((k for k in fronts if name in dir(k)), None)
    if node.get("refdomain") != "py" or place is None:
        return None
    target = f"{place.__name__}.{name}"
    return env.domains["py"].resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], target, node, text
    )


def lead_back(app, page, template, context, doctree):
    """Let links from source to reference have the name of the page they lead to:
    viewcode takes one public module for all of a file."""
    if page.startswith("_modules/"):
        context["body"] = re.sub(
            r"(/reference/api/([\w.]+\.)(\w+)\.html#)[\w.]*?\b(?=\3\b)",
            r"\1\2",
            context["body"],
        )


def deal_out(app, env, names):
    """Spread the pages that are executed, which take longest, over the processes.

    Each reads a run of neighbours in the list, the first runs first.
    """
    texts = {name: env.doc2path(name).read_text(encoding="utf-8") for name in names}
    work = {k: t.count("{code-cell}") + 3 * t.count("\n!") for k, t in texts.items()}
    executed = sorted(filter(work.get, names), key=lambda name: -work[name])
    third = -(-len(executed) // 3)
    executed = [k for first in range(third) for k in executed[first::third]]
    others = [name for name in names if not work[name]]
    place = {name: k / len(executed) for k, name in enumerate(executed)}
    place |= {name: (k + 0.5) / len(others) for k, name in enumerate(others)}
    names.sort(key=place.__getitem__)


def write_command_pages(app, config):
    """A page for each command, in the order of --help."""
    folder = HERE / "reference" / "commands"
    folder.mkdir(exist_ok=True)
    for name in [k for names in command_groups().values() for k in names]:
        page, text = folder / f"{name}.md", command_page(name)
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def add_related(app, what, name, obj, options, lines):
    """See Also of a function: the others of its section of the reference."""
    short = name.removeprefix("tivax.")
    if what != "function" or "See Also" in lines:
        return
    page = (HERE / "reference" / "api.md").read_text(encoding="utf-8")
    for section in page.split("\n## ")[1:]:
        names = re.findall(r"^   ((?:[a-z]+\.)?[a-z]\w+)$", section, re.M)
        if short in names and len(names) > 1:
            related = ", ".join(k for k in names if k != short)
            lines += ["", "See Also", "--------", related, ""]


def say_of_page(app, pagename, templatename, context, doctree):
    """Name the notebook of a page that is one, and the language of a Chinese page."""
    if (notebooks(app) / f"{pagename}.ipynb").exists():
        context["notebook"] = f"_notebooks/{pagename}.ipynb"
    hosted = HERE / "notebooks" / f"{pagename.removeprefix('tutorials/')}.ipynb"
    if hosted.exists():
        context["hosted"] = f"_notebooks/hosted/{hosted.name}"
        if address:
            path = f"{user}/{repository}/blob/main/docs/notebooks/{hosted.name}"
            context["colab"] = f"https://colab.research.google.com/github/{path}"
    if pagename.startswith("zh/"):
        context["language"] = "zh"


def notebooks(app):
    """Where myst-nb leaves the pages that it ran."""
    return Path(app.outdir).parent / "jupyter_execute"


def show_files(app, exception):
    """Copy what pages made into the site: files of _static, and notebooks."""
    preloaded.stop(SERVER)
    if exception is None:
        site = Path(app.outdir)
        shutil.copytree(SCRATCH / "shown", site / "_static", dirs_exist_ok=True)
        hosted = site / "_notebooks" / "hosted"
        shutil.copytree(HERE / "notebooks", hosted, dirs_exist_ok=True)
        for page in notebooks(app).rglob("*.ipynb"):
            copy = site / "_notebooks" / page.relative_to(notebooks(app))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(page, copy)
    shutil.rmtree(SCRATCH, ignore_errors=True)


def setup(app):
    """Register what is done in this file."""
    app.connect("config-inited", write_command_pages)
    app.connect("autodoc-process-docstring", add_related, priority=400)
    app.connect("html-page-context", say_of_page)
    app.connect("env-before-read-docs", deal_out)
    app.connect("build-finished", show_files)
    app.connect("missing-reference", find_public_name)
    app.connect("html-page-context", lead_back)
