"""The page in a real browser: clicks, words, numbers, and an empty console.

Skipped where Chromium, its driver or selenium is missing.
"""

import csv
import shutil
import time
from io import StringIO

import pytest

import tivax as tx

from result_folders import (
    REGIONS,
    YEARS,
    absorbed_frame,
    tbi_frame,
    write_indicators_folder,
    write_tbi_folder,
)

pytestmark = pytest.mark.skipif(
    shutil.which("chromium") is None or shutil.which("chromedriver") is None,
    reason="no Chromium with its driver",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    tbi = tbi_frame()["tbi"]
    write_tbi_folder(folder / "results", tbi_ci_low=tbi - 0.1, tbi_ci_high=tbi + 0.1)
    write_indicators_folder(folder / "tiva")
    path = tx.explore([folder / "results", folder / "tiva"], folder / "explorer.html")
    return path.as_uri()


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
def page(chromium, address):
    """A fresh page; nothing may be in its console at the end."""
    chromium.get("about:blank")
    chromium.get(address)
    chromium.get_log("browser")
    wait_for(chromium, "return document.querySelector('#chart svg') !== null")
    yield chromium
    assert chromium.get_log("browser") == []


def wait_for(page, question):
    until = time.monotonic() + 20
    while not page.execute_script(question):
        assert time.monotonic() < until, question
        time.sleep(0.05)


def click(page, selector):
    page.execute_script("document.querySelector(arguments[0]).click()", selector)


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


def test_every_view_is_drawn_and_says_what_it_shows(page):
    titles = {
        "lines": "Trade benefit index, 2000–2002",
        "bars": "Trade benefit index, 2002",
        "map": "Trade benefit index, 2002",
        "pairs": "Value-added balance of each economy with each partner, 2002",
        "scatter": "Trade benefit index against participation",
        "table": "Trade benefit index, 2000–2002",
    }
    for view, title in titles.items():
        click(page, f"#views input[value={view}]")
        drawn = "table" if view == "table" else "svg"
        wait_for(page, f"return document.querySelector('#chart {drawn}') !== null")
        assert words(page, "#title").startswith(title)
    assert page.execute_script(
        "return [...document.querySelectorAll('select, input, button')]"
        ".every((k) => k.labels?.length || k.ariaLabel || k.textContent)"
    )


def test_choices_are_kept_in_the_address(page, address):
    choose(page, "m", "results/balance/partners")
    choose(page, "of", "DEU")
    title = "Value-added balance: Germany with each partner, 2000–2002"
    assert words(page, "#title") == title
    click(page, "#list input[value=USA]")
    asked = page.execute_script("return location.hash")
    assert "of=DEU" in asked
    page.get("about:blank")
    page.get(address + asked)
    wait_for(page, "return document.querySelector('#chart svg') !== null")
    assert words(page, "#title") == title
    assert not page.execute_script(
        "return document.querySelector('#list input[value=USA]').checked"
    )


def test_an_economy_that_is_chosen_has_its_name_on_its_line(page):
    click(page, "#none")
    wait_for(page, "return !document.querySelector('#chart').textContent.match('USA')")
    click(page, "#list input[value=USA]")
    wait_for(
        page,
        "return document.querySelector('#chart svg').textContent"
        ".includes('United States')",
    )


def test_the_pointer_shows_value_and_interval(page):
    click(page, "#views input[value=bars]")
    wait_for(page, "return document.querySelector('#chart .mark-rect path') !== null")
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


def test_the_years_play(page):
    click(page, "#views input[value=map]")
    wait_for(page, "return document.querySelector('#year-text') !== null")
    click(page, "#play")
    assert words(page, "#year-text") == str(YEARS[0])
    wait_for(page, "return document.querySelector('#year-text').textContent === '2001'")
    click(page, "#play")
    assert words(page, "#play") == "Play"


def test_the_csv_has_every_number_of_the_files(page):
    page.execute_script(
        "URL.createObjectURL = (blob) => {"
        " blob.text().then((text) => { window.saved = text; }); return '#'; };"
    )
    click(page, "#all-csv")
    wait_for(page, "return window.saved !== undefined")
    rows = list(csv.DictReader(StringIO(page.execute_script("return window.saved"))))
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
