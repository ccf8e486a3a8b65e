import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import vl_convert
from numpy.testing import assert_array_equal

import tivax as tx
from tivax.engine.core import load_toml
from tivax.engine.core.manifest import basis_text, describe_outputs
from tivax.engine.explorer import Collected, Meaning, Measure, explorer_html
from tivax.engine.explorer import page as page_module
from tivax.engine.explorer.page import _vega
from tivax.engine.measures import INDICATORS
from tivax.engine.panel.recipe import WIOD_COUNTRIES

from commands import mistake, names
from helpers import error_of
from result_folders import YEARS, absorbed_frame, tbi_frame, write_tbi_folder

# Names of languages and formats, and places that Vega names but does not load.
NAMED = re.compile(
    r"http://www\.w3\.org/|https://vega\.github\.io/(schema|editor)/|"
    r"https://github\.com/vega/"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of tivax tbi in a folder beside it, and its text."""
    folder = tmp_path_factory.mktemp("page")
    write_tbi_folder(folder / "results")
    path = tx.explore(folder / "results", folder / "explorer.html")
    return path, path.read_text(encoding="utf-8")


def data_of(text):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found
    return json.loads(found[1])


def numbers(measure, data, text):
    size = len(data["regions"])
    shape = (len(data["years"]), *[size] * (2 if measure["side"] else 1))
    block = re.search(f'id="block-{measure["values"]}">(.*?)</script>', text)
    assert block
    return np.frombuffer(base64.b64decode(block[1]), "<f8").reshape(shape)


def test_numbers_in_the_page_equal_the_files(page):
    data = data_of(page[1])
    codes = [k["code"] for k in data["regions"]]
    measures = {k["code"]: k for k in data["measures"]}
    want = tbi_frame().pivot(index="year", columns="region", values="tbi")[codes]
    assert_array_equal(numbers(measures["tbi"], data, page[1]), want)
    flow = absorbed_frame().set_index(["year", "origin", "absorber"])["value_added"]
    for t, year in enumerate(data["years"]):
        pairs = flow[year].unstack("absorber").loc[codes, codes]
        assert_array_equal(numbers(measures["value_added"], data, page[1])[t], pairs)


def test_the_largest_economies_come_first_under_their_names(page):
    data = data_of(page[1])
    size = tbi_frame().groupby("region")["va_exports"].max()
    assert [k["code"] for k in data["regions"]] == list(
        size.sort_values(ascending=False).index
    )
    found = {k["code"]: k["name"] for k in data["regions"]}
    assert found["DEU"] == "Germany" and found["ROW"] == "Rest of the world"


def test_files_are_linked_by_their_path_from_the_page(page):
    files = {k["file"] for k in data_of(page[1])["measures"]}
    assert files == {"results/tbi.csv", "results/va_absorbed.parquet"}


def test_the_page_loads_nothing(page):
    text = page[1]
    for address in re.findall(r"(?:https?:)?//[\w.-]+\.\w\w+/[^\s\"'`)]*", text):
        assert NAMED.match(address), address
    start = text[: text.index("<script")] + text[text.rindex("</script>") :]
    assert not re.search(
        r"<(link|img|iframe|object|embed)\b|\bsrc=|url\(|@import", start
    )
    assert not re.search(r"<script[^>]*\bsrc", text)
    # The browser would refuse: default-src 'none' covers connections, images, fonts.
    assert "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval';" in start


def test_a_world_of_44_regions_and_15_years_stays_below_8_mb():
    """All indicators by country, bilateral balances and the flows behind them."""
    rng = np.random.default_rng(0)
    shape = (15, 44)
    by_country = [
        Measure(code, Meaning(about.title, about.unit), "tiva",
                Path("tiva/indicators.parquet"), rng.normal(size=shape))
        for code, about in INDICATORS.items()
    ]  # fmt: skip
    by_partner = [
        Measure(code, Meaning(code, "million US$", True), "tbi",
                Path("tbi/va_absorbed.parquet"), rng.normal(size=(*shape, 44)),
                side="partner")
        for code in ("value_added", "balance", "BALGR", "BALVAFD")
    ]  # fmt: skip
    regions = [*WIOD_COUNTRIES, "CHE", "HRV", "NOR", "ROW"][-44:]
    world = Collected(
        tuple(range(2000, 2015)), tuple(regions), (*by_country, *by_partner)
    )
    assert len(explorer_html(world, Path()).encode()) < 8e6


def test_a_name_cannot_end_the_script_it_is_in(tmp_path):
    evil = "</script><script>alert(1)"
    world = Collected(
        (2000,),
        (evil, "DEU"),
        (Measure("tbi", Meaning(evil), evil, tmp_path, np.ones((1, 2))),),
    )
    text = explorer_html(world, tmp_path)
    assert evil not in text
    assert data_of(text)["regions"][0]["code"] == evil


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_lies_beside_a_page_stays(page, tmp_path, kind):
    """A name that can be foreseen is neither overwritten nor followed."""
    victim, part = tmp_path / "victim", tmp_path / ".e.html.part"
    victim.write_text("precious")
    part.write_text("precious") if kind == "file" else part.symlink_to(victim)
    tx.explore(page[0].parent / "results", tmp_path / "e.html")
    assert part.read_text() == victim.read_text() == "precious"
    assert names(tmp_path) == [".e.html.part", "e.html", "victim"]


def test_results_without_checksums_are_said_to_be(page, tmp_path, caplog):
    folder = tmp_path / "<own>"
    shutil.copytree(page[0].parent / "results", folder)
    (folder / "manifest.json").unlink()
    text = tx.explore(folder, tmp_path / "e.html").read_text()
    said = "no manifest.json with checksums lies beside its tables"
    assert f"<p>&lt;own&gt;: {said}" in text
    assert [k.startswith(f"<own>: {said}") for k in caplog.messages] == [True]
    files = describe_outputs(folder, names(folder))
    about = {"command": "tbi", "files": files}
    (folder / "manifest.json").write_text(json.dumps(about))
    assert said not in tx.explore(folder, tmp_path / "f.html").read_text()


@pytest.mark.parametrize("damage", ["", "alert(1)"])
def test_scripts_in_the_cache_that_changed_are_made_again(
    monkeypatch, tmp_path, damage
):
    """Bundling takes seconds, here none: every page of these tests has the true scripts."""
    monkeypatch.setenv("TIVAX_CACHE", str(tmp_path / "cache"))
    made = []
    monkeypatch.setattr(
        vl_convert, "javascript_bundle", lambda code: made.append(code) or code
    )
    own = _vega.__wrapped__()
    (kept,) = (tmp_path / "cache").iterdir()
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    kept.write_text(damage)
    assert _vega.__wrapped__() == own
    assert _vega.__wrapped__() == own and kept.read_text().startswith(own)
    assert len(made) == 2
    assert names(tmp_path / "cache") == [kept.name]


def test_without_its_scripts_the_page_says_what_to_install(page, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "find_spec", lambda name: None)
    _vega.cache_clear()
    folder, out = page[0].parent / "results", tmp_path / "e.html"
    assert "pip install vl-convert-python" in error_of(tx.explore, folder, out)
    assert not names(tmp_path)


def test_a_page_says_before_it_is_written_that_it_is_large(tmp_path, caplog):
    def world(regions):
        codes = tuple(f"R{k}" for k in range(regions))
        values = np.broadcast_to(1.0, (1, regions, regions))
        measure = Measure("a", Meaning("a"), "", Path("a"), values)
        return Collected((2000,), codes, (measure,))

    page_module._say_what_is_odd(Path("e.html"), world(1_000))
    assert caplog.messages == []
    page_module._say_what_is_odd(Path("e.html"), world(2_000))
    assert caplog.messages == [
        "e.html: a page of about 44 MB, which opens slowly; --only makes it smaller"
    ]
    line = error_of(page_module._say_what_is_odd, Path("e.html"), world(10_000))
    assert line == (
        "e.html: a page of about 1,068 MB, and browsers open none above 400 MB; choose "
        "measures by --only, or compute fewer years"
    )


def test_a_page_is_never_replaced_unasked(page, tmp_path):
    path, text = page
    folder = path.parent / "results"
    assert error_of(lambda: tx.explore(folder, path)) == (
        f"{path}: exists already; force=True replaces it"
    )
    assert tx.explore(str(folder), str(path), force=True) == path
    assert path.read_text(encoding="utf-8") == text
    other = tmp_path / "thesis.html"
    other.write_text("<html>my thesis</html>")
    line = error_of(lambda: tx.explore(folder, other, force=True))
    assert line.startswith(f"{other}: not written by `tivax explore`")
    inside = folder / "explorer.html"
    assert "lies in the input" in error_of(lambda: tx.explore(folder, inside))
    assert error_of(lambda: tx.explore([], other)).startswith("name a folder")


def test_the_command_writes_the_page_or_one_line(page, tmp_path):
    folder = page[0].parent / "results"
    out = tmp_path / "sub" / "explorer.html"
    assert mistake("explore", folder, "--only", "tbx", "--out", out).startswith(
        "no measure tbx: did you mean tbi"
    )
    assert mistake("explore", tmp_path, "--out", out) == (
        f"--out {out}: lies in the input {tmp_path}; choose a place outside it"
    )
    assert mistake("explore", tmp_path / "no", "--out", out).endswith("no such folder")
    assert names(tmp_path) == []
    for wrong in ("charts.txt", "charts", ".html"):
        place = tmp_path / wrong
        assert mistake("explore", folder, "--out", place) == (
            f"--out {place}: a page of HTML; end its name in .html"
        )
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["EXPLORER.HTML", "page.v2.htm"])
def test_a_page_may_end_as_browsers_know_it(page, tmp_path, name):
    written = tx.explore(page[0].parent / "results", tmp_path / name)
    assert data_of(written.read_text(encoding="utf-8"))["years"] == [*YEARS]


def test_the_page_is_chinese_where_that_is_asked_for(page, tmp_path):
    folder = page[0].parent / "results"
    text = tx.explore(folder, tmp_path / "zh.html", language="zh").read_text("utf-8")
    assert '<html lang="zh-CN">' in text
    names = {k["code"]: k["name"] for k in data_of(text)["regions"]}
    assert names["CHN"] == "中国"
    assert data_of(text)["words"]["Trade in {0}"] == "{0}贸易"
    assert error_of(lambda: tx.explore(folder, tmp_path / "f.html", language="fr")) == (
        "no language fr: choose from en, zh"
    )


def test_the_world_of_a_scenario_is_no_economy(tmp_path):
    made = "variant,year,region,measure,after\ncut,2000,WLD,value_added,1\n"
    (folder := tmp_path / "cut").mkdir()
    (folder / "scenario.csv").write_text(made)
    (folder / "manifest.json").write_text('{"command": "scenario"}')
    text = tx.explore(folder, tmp_path / "s.html", language="zh").read_text("utf-8")
    (world,) = data_of(text)["regions"]
    assert (world["name"], world["rest"]) == ("世界", True)
    assert data_of(text)["words"]["value added"] == "增加值"


def test_every_english_word_of_the_chinese_table_is_said_somewhere():
    """In a script of the page, or in the description of a file, a term, a database."""
    engine = Path(page_module.__file__).parent.parent
    told = "".join(
        path.read_text("utf-8")
        for suffix in ("py", "js", "html", "toml")
        for path in engine.rglob(f"*.{suffix}")
        if path.name != "words.toml"
    )
    # Of two parts, or after the colon of a title.
    together = {
        "indicators: OECD TiVA",
        "billion US$",
        "Own value added absorbed abroad.",
        "Foreign value added absorbed at home.",
        basis_text("rebuilt"),
    }
    words = load_toml(page_module.__package__, "words.toml")["words"]
    # Lines of code are broken, also within a text.
    plain = re.sub(r'"\s*f?"', "", told)
    assert [k for k in words if k not in plain and k not in together] == []
