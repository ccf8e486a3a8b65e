"""Settings of the documentation: `scripts/docs` builds it."""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

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
    "mathml",
]
exclude_patterns = ["_build", "extensions"]
nitpicky = True

# Pages are executed at every build, in temporary folders, by the Python that builds.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
# A shell command in a cell forks a process in which JAX has threads; nothing runs in it but exec.
os.environ.setdefault("PYTHONWARNINGS", "ignore:os.fork() was called:RuntimeWarning")
os.environ.setdefault("COLUMNS", "88")  # the width of a terminal, for commands in cells
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

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

html_theme = "pydata_sphinx_theme"
html_title = "tivax"
html_static_path = ["_static"]
html_css_files = ["tivax.css"]
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": []}
