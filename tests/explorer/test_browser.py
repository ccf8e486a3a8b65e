"""The page in a real browser: clicks, taps, keys, words, numbers, pictures, an empty
console, and what axe-core finds.

Skipped where Chromium, its driver or selenium is missing; axe-core comes with the package
axe-selenium-python.
"""

import csv
import shutil
import time
from importlib import resources
from io import StringIO
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine.core import write_frame

from result_folders import (
    REGIONS,
    YEARS,
    absorbed_frame,
    tbi_frame,
    write_change_folder,
    write_indicators_folder,
    write_tbi_folder,
    write_terms_folder,
    write_threats_folder,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("chromedriver") is None,
        reason="no Chromium with its driver (apt-get install chromium-driver)",
    ),
]
VIEWS = {
    "lines": "Trade benefit index, 2000–2002",
    "panels": "Trade benefit index, 2000–2002",
    "slope": "Trade benefit index: 2000 and 2002",
    "bars": "Trade benefit index, 2002",
    "map": "Trade benefit index, 2002",
    "parts": "Sixteen terms of exports: ",
    "flows": "Value added absorbed by the partner between 3 economies, 2002",
    "pairs": "Value-added balance of each economy with each partner, 2002",
    "scatter": "Trade benefit index against participation",
    "table": "Trade benefit index, 2000–2002",
    "waterfall": "Trade benefit index of ",
    "rows": "Every model under every threat: Estimate",
}


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """The page in English and in Chinese."""
    folder = tmp_path_factory.mktemp("page")
    tbi = tbi_frame()["tbi"]
    write_tbi_folder(folder / "results", tbi_ci_low=tbi - 0.1, tbi_ci_high=tbi + 0.1)
    write_indicators_folder(folder / "tiva")
    write_terms_folder(folder / "wwz")
    write_change_folder(folder / "change")
    write_threats_folder(folder / "threats")
    results = [folder / k for k in ("results", "tiva", "wwz", "change", "threats")]
    return {
        language: tx.explore(
            results, folder / f"{language}.html", language=language
        ).as_uri()
        for language in ("en", "zh")
    }


@pytest.fixture(scope="module")
def chromium():
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for word in ("--headless=new", "--no-sandbox", "--window-size=1200,900"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium, addresses):
    """A fresh page; nothing may be in its console at the end."""
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chromium.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    open_page(chromium, addresses["en"])
    yield chromium
    assert chromium.get_log("browser") == []


def open_page(page, address):
    page.get("about:blank")
    page.get(address)
    page.get_log("browser")
    wait_for(page, "return document.querySelector('#chart svg') !== null")


def wait_for(page, question):
    until = time.monotonic() + 20
    while not page.execute_script(question):
        assert time.monotonic() < until, question
        time.sleep(0.05)


def click(page, selector):
    page.execute_script("document.querySelector(arguments[0]).click()", selector)


def show(page, view):
    """Choose a view and wait for its chart, which is not that of the view before."""
    chosen = f"#views input[value={view}]"
    if not page.execute_script(f"return document.querySelector('{chosen}').checked"):
        page.execute_script("document.querySelector('#chart').replaceChildren()")
        click(page, chosen)
    drawn = "table" if view == "table" else "svg"
    wait_for(page, f"return document.querySelector('#chart {drawn}') !== null")


def choose(page, name, value):
    page.execute_script(
        "const k = document.querySelector(`select[name=${arguments[0]}]`);"
        "k.value = arguments[1];"
        "k.dispatchEvent(new Event('change', { bubbles: true }));",
        name,
        value,
    )


def words(page, selector):
    return page.execute_script(
        "return document.querySelector(arguments[0]).textContent", selector
    )


def saved(page, selector):
    """Type, size and text of the file that a button saves."""
    page.execute_script(
        "window.saved = undefined;"
        "URL.createObjectURL = (blob) => {"
        " blob.text().then((text) => {"
        "  window.saved = [blob.type, blob.size, text]; }); return '#'; };"
    )
    click(page, selector)
    wait_for(page, "return window.saved !== undefined")
    return page.execute_script("return window.saved")


def test_every_view_is_drawn_and_says_what_it_shows(page):
    for view, title in VIEWS.items():
        show(page, view)
        assert words(page, "#title").startswith(title)
        assert words(page, "#note").startswith("Source: ")


@pytest.mark.parametrize(
    "width, scheme", [(1440, "light"), (1024, "light"), (390, "light"), (390, "dark")]
)
def test_views_fit_the_width_and_axe_finds_nothing_serious(page, width, scheme):
    """Names, landmarks, contrast; nothing wider than the window."""
    axe = pytest.importorskip("axe_selenium_python")
    script = resources.files(axe).joinpath("node_modules/axe-core/axe.min.js")
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    page.execute_script(script.read_text(encoding="utf-8"))
    for view in VIEWS:
        show(page, view)
        wide = page.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, view
        found = page.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run({ resultTypes: ['violations'] }).then((k) => done(k.violations))"
        )
        serious = [
            (k["id"], k["nodes"][0]["html"])
            for k in found
            if k["impact"] in ("serious", "critical")
        ]
        assert serious == [], view
        assert {k["id"] for k in found} & {"region", "empty-table-header"} == set()


def test_choices_are_kept_in_the_address(page, addresses):
    choose(page, "m", "results/balance/partners")
    choose(page, "of", "DEU")
    title = "Value-added balance: Germany with each partner, 2000–2002"
    assert words(page, "#title") == title
    click(page, "#list input[value=USA]")
    asked = page.execute_script("return location.hash")
    assert "of=DEU" in asked
    open_page(page, addresses["en"] + asked)
    assert words(page, "#title") == title
    assert not page.execute_script(
        "return document.querySelector('#list input[value=USA]').checked"
    )


def test_back_returns_to_the_view_before(page):
    show(page, "bars")
    show(page, "map")
    page.back()
    wait_for(page, "return document.querySelector('#views input[value=bars]').checked")
    page.back()
    wait_for(page, "return document.querySelector('#views input[value=lines]').checked")


def test_an_economy_that_is_chosen_has_its_name_on_its_line(page):
    click(page, "#none")
    wait_for(page, "return !document.querySelector('#chart').textContent.match('USA')")
    click(page, "#list input[value=USA]")
    wait_for(
        page,
        "return document.querySelector('#chart svg').textContent"
        ".includes('United States')",
    )


def test_countries_have_the_colours_of_the_figures(page):
    """China and the United States, as in `tivax tbi`."""
    dots = page.execute_script(
        "return ['CHN', 'USA'].map((k) => getComputedStyle(document.querySelector("
        "`#list input[value=${k}]`).nextElementSibling).backgroundColor)"
    )
    red, blue = "#D55E00", "#0072B2"
    # On a light page colours are those of the palette, mixed with a tenth of nothing.
    assert dots == [
        f"rgb({int(k[1:3], 16)}, {int(k[3:5], 16)}, {int(k[5:], 16)})"
        for k in (red, blue)
    ]


def test_the_pointer_shows_value_and_interval(page):
    show(page, "bars")
    page.execute_script(
        "const k = document.querySelector('#chart .mark-rect path');"
        "const box = k.getBoundingClientRect();"
        "const at = { bubbles: true, clientX: box.x + 2, clientY: box.y + 2 };"
        "k.dispatchEvent(new PointerEvent('pointermove', at));"
    )
    wait_for(page, "return !document.querySelector('#tooltip').hidden")
    largest = tbi_frame().query("year == 2002").nlargest(1, "tbi").iloc[0]
    shown = words(page, "#tooltip")
    assert f"({largest.region})" in shown or largest.region == "ROW"
    assert f"2002: {largest.tbi:.5g}" in shown and "95 % interval" in shown


def test_a_cursor_shows_every_highlighted_value_of_the_year(page):
    """Wherever the pointer is, also by the arrow keys."""
    page.execute_script(
        "const box = document.querySelector('#chart').getBoundingClientRect();"
        "document.querySelector('#chart svg').dispatchEvent(new PointerEvent("
        "'pointermove', { bubbles: true, clientX: box.x + 1, clientY: box.y + 90 }));"
    )
    shown = words(page, "#tooltip")
    assert shown.startswith("2000")
    for row in tbi_frame().query("year == 2000 and region != 'ROW'").itertuples():
        assert f"{row.tbi:.5g}".replace("-", "\N{MINUS SIGN}").rstrip("0") in shown
    page.execute_script("document.querySelector('.drawn').focus()")
    page.execute_script(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " { key: 'ArrowRight', bubbles: true }))"
    )
    assert words(page, "#tooltip").startswith("2001")


@pytest.mark.parametrize("view", ["bars", "map", "flows", "pairs", "scatter", "lines"])
def test_a_tap_gives_the_number(page, view):
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    show(page, view)
    mark = {"bars": ".mark-rect path", "map": ".mark-rect path"}.get(view, "path")
    x, y = page.execute_script(
        "const k = [...document.querySelectorAll(`#chart svg ${arguments[0]}`)]"
        ".find((k) => typeof k.__data__?.tooltip === 'string')"
        " ?? document.querySelector('#chart svg');"
        "k.scrollIntoView({ block: 'center' });"
        "const box = k.getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2];",
        mark,
    )
    time.sleep(0.3)
    # A finger does not hit a small mark in its middle.
    point = [{"x": x + (3 if view == "scatter" else 0), "y": y}]
    for kind, points in (("touchStart", point), ("touchEnd", [])):
        page.execute_cdp_cmd(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points}
        )
    wait_for(page, "return !document.querySelector('#tooltip').hidden")
    assert any(k.isdigit() for k in words(page, "#tooltip"))


def test_arrow_keys_go_from_mark_to_mark(page):
    show(page, "bars")
    stops = "#chart svg [tabindex='0']"
    assert page.execute_script(
        f'return document.querySelectorAll("{stops}").length === 1'
    )
    page.execute_script(f'document.querySelector("{stops}").focus()')
    first = words(page, "#tooltip")
    page.execute_script(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " { key: 'ArrowDown', bubbles: true }))"
    )
    second = words(page, "#tooltip")
    assert first and second and first != second
    named = page.execute_script("return document.activeElement.ariaLabel")
    assert "95 % interval" in named


def test_a_picture_has_title_definition_source_and_citation(page):
    kind, _, text = saved(page, "#picture-svg")
    said = " ".join(ElementTree.fromstring(text).itertext())
    assert kind == "image/svg+xml"
    assert "Trade benefit index, 2000–2002" in said
    assert "(X - M) / (X + M)" in said and "Source: " in said
    assert "Made by tivax" in said
    show(page, "map")
    kind, size, _ = saved(page, "#picture-png")
    assert kind == "image/png" and size > 5_000


def test_the_search_leaves_measures_with_all_words(page):
    page.execute_script(
        "const k = document.querySelector('.searched input');"
        "k.value = 'exports value';"
        "k.dispatchEvent(new Event('input', { bubbles: true }));"
    )
    left = page.execute_script(
        "return [...document.querySelectorAll('select[name=m] option')]"
        ".map((k) => k.textContent)"
    )
    assert left and all("·" in k for k in left)
    assert any(k.startswith("Value-added exports") for k in left)
    assert not any(k.startswith("Trade benefit index") for k in left)


def test_the_waterfall_ends_at_the_sum_of_the_effects(page):
    show(page, "waterfall")
    text = words(page, "#chart svg")
    # Effects of the file: 0.2 and -0.05 of an index that is on the page.
    assert "+0.2" in text and "\N{MINUS SIGN}0.05" in text


def test_the_words_are_chinese_where_that_is_asked_for(page, addresses):
    open_page(page, addresses["zh"])
    assert page.execute_script("return document.documentElement.lang") == "zh-CN"
    for view in VIEWS:
        show(page, view)
        assert any("\u4e00" <= k <= "\u9fff" for k in words(page, "#title")), view
    assert "中国" in words(page, "#list")
    assert words(page, "#views").startswith("视图随时间变化")


def test_the_years_play(page):
    show(page, "map")
    click(page, "#play")
    assert words(page, "#year-text") == str(YEARS[0])
    wait_for(page, "return document.querySelector('#year-text').textContent === '2001'")
    click(page, "#play")
    assert words(page, "#play") == "Play"


def test_the_csv_has_every_number_of_the_files(page):
    _, _, text = saved(page, "#all-csv")
    rows = list(csv.DictReader(StringIO(text)))
    found = {
        (k["measure"], int(k["year"]), k["region"], k["partner"]): float(k["value"])
        for k in rows
    }
    index, flows = tbi_frame(), absorbed_frame()
    pairs = [flows[k] for k in ("year", "origin", "absorber", "value_added")]
    for year, region, value in zip(
        index["year"], index["region"], index["tbi"], strict=True
    ):
        assert found["tbi", year, region, ""] == value
    for year, origin, absorber, value in zip(*pairs, strict=True):
        assert found["value_added", year, origin, absorber] == value
    assert {k["region"] for k in rows} == set(REGIONS)


def test_a_page_of_100_mb_opens_within_five_seconds_of_a_processor(chromium, tmp_path):
    """80 bilateral measures of 100 economies and 12 years, 77 MB of numbers: read where a
    view first shows them."""
    codes = [f"R{k:03}" for k in range(100)]
    years = np.repeat(np.arange(2000, 2012), 10_000)
    places = np.tile(np.repeat(np.arange(100), 100), 12), np.tile(np.arange(100), 1200)
    named = np.array(codes)
    base = pd.DataFrame({
        "year": years, "origin": named[places[0]], "absorber": named[places[1]],
    })  # fmt: skip
    rng = np.random.default_rng(0)
    folders = []
    for k in range(40):
        folder = tmp_path / f"f{k}"
        folder.mkdir()
        write_frame(
            base.assign(value_added=rng.random(len(base))),
            folder,
            "va_absorbed",
            "parquet",
        )
        folders.append(folder)
    path = tx.explore(folders, tmp_path / "large.html")
    assert path.stat().st_size > 100e6
    chromium.get("about:blank")
    before = processor_time(chromium)
    open_page(chromium, path.as_uri())
    after = processor_time(chromium)
    # A page may be given a process of its own, whose time begins at 0.
    assert after - before * (after > before) < 5


def processor_time(page):
    """Seconds of a processor that the page's process has taken, however busy the
    machine is."""
    page.execute_cdp_cmd("Performance.enable", {})
    found = page.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return {k["name"]: k["value"] for k in found}["ProcessTime"]
