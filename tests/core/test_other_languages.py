"""Pages whose lines run elsewhere: R, Stata, hosted notebooks."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from commands import run_fork

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.append(str(DOCS / "extensions"))
import notebooks  # noqa: E402

STATA = next(filter(shutil.which, ("stata-mp", "stata-se", "stata")), None)


def blocks(page, language):
    text = (DOCS / "how-to" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def run(command, folder, **variables):
    """What a program says that must succeed."""
    environment = os.environ | variables
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# An editable install is found by what site reads, which reticulate does not.
SITE = """
reticulate::py_run_string("import sys, site
for path in [k for k in sys.path if k.endswith('site-packages')]:
    site.addsitedir(path)")
"""


@pytest.mark.skipif(not shutil.which("Rscript"), reason="no Rscript on this machine")
def test_the_lines_of_the_page_for_r_run_in_r(tmp_path):
    first, *others = blocks("from-r.md", "r")
    first = first.replace('tx <- import("tivax")', SITE + 'tx <- import("tivax")')
    if (
        run(["Rscript", "-e", 'cat(requireNamespace("reticulate"))'], tmp_path)
        != "TRUE"
    ):
        pytest.skip("R has no reticulate")
    end = "\nstopifnot(is.data.frame(tbi), is.character(tbi$region), nrow(tbi) == 8)\n"
    end += "terms <- frame(fit$tidy())\nstopifnot(is.numeric(terms$se), terms$term[1] == 'x')\n"
    (tmp_path / "page.R").write_text("\n".join([first, *others]) + end)
    out = run(["Rscript", "page.R"], tmp_path, RETICULATE_PYTHON=sys.executable)
    assert re.search(r"region +va_exports +va_imports +tbi", out)
    assert re.search(r"model +term +interval", out) and "test inversion" in out


@pytest.mark.skipif(not STATA, reason="no Stata on this machine")
def test_the_lines_of_the_page_for_stata_run_in_stata(tmp_path):
    text = f"set python_exec {sys.executable}\n" + "".join(
        blocks("from-stata.md", "stata")
    )
    (tmp_path / "page.do").write_text(text)
    run([STATA, "-b", "do", "page.do"], tmp_path)
    assert not re.search(r"^r\(\d+\);", (tmp_path / "page.log").read_text(), re.M)


def test_the_python_of_the_page_for_stata_runs(tmp_path):
    tables, regressions = (
        re.findall(r"^python:\n(.*?)^end$", block, re.M | re.S)
        for block in blocks("from-stata.md", "stata")
    )
    units = range(120)
    panel = pd.DataFrame({"country": [k // 10 for k in units]})
    panel["year"] = [2000 + k % 10 for k in units]
    panel["x"] = [float(k * k % 17) for k in units]
    panel["y"] = 0.5 * panel["x"] + [k * 7 % 13 for k in units]
    panel.to_stata(tmp_path / "panel.dta", write_index=False)
    answer = run_fork("\n".join(tables + regressions), cwd=tmp_path)
    assert answer.code == 0, answer.err
    tbi, wild = (pd.read_stata(tmp_path / f"{k}.dta") for k in ("tbi", "wild"))
    assert {"year", "region", "tbi"} <= {*tbi} and len(tbi) == 8
    assert list(wild["term"]) == ["x"] and 0 <= wild["p_value"][0] <= 1


# --------------------------------------------------------------- hosted notebooks


def test_every_tutorial_has_a_notebook_and_no_other_is_left():
    wanted = {notebooks.target(page) for page in notebooks.TUTORIALS}
    assert {*(DOCS / "notebooks").iterdir()} == wanted and len(wanted) > 5


@pytest.mark.parametrize("page", notebooks.TUTORIALS, ids=lambda k: k.stem)
def test_a_notebook_is_the_cells_of_its_tutorial(page):
    """As scripts/docs writes it, and, read in another way, the same code."""
    text = notebooks.target(page).read_text(encoding="utf-8")
    assert text == notebooks.notebook(page), "run python docs/extensions/notebooks.py"
    cells = json.loads(text)["cells"]
    code = [k["source"] for k in cells if k["cell_type"] == "code"]
    own = page.read_text(encoding="utf-8").split("```{code-cell}\n")[1:]
    own = [re.sub(r"\A(:.*\n)+\n?", "", k.split("\n```\n")[0] + "\n") for k in own]
    assert code == ["%pip install -q tivax", *(k.strip("\n") for k in own)]
    words = "".join(k["source"] for k in cells if k["cell_type"] == "markdown")
    assert "```{" not in words and not re.search(r"\]\((?!https?:)", words)
