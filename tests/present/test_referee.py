"""Diagnoses of a referee in words: both languages, and nothing of English in Chinese."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tivax as tx

from helpers import random_panel

NAMES: dict[str, Any] = {"entity": "iso3", "time": "year"}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    panel = random_panel(countries=9, years=9, seed=1)
    return panel.assign(block=pd.factorize(panel["iso3"])[0] % 3)


def shift_share(panel):
    shares = np.random.default_rng(0).dirichlet(np.ones(4), size=len(panel))
    return tx.shift_share(panel, "KOFGIdj", "TBI", shares=shares)


RESULTS = {
    "country_slopes": lambda panel: tx.referee.country_slopes(
        panel, "KOFGIdj", ["TBI"], blocks="block", **NAMES
    ),
    "movers": lambda panel: tx.referee.movers(panel, "KOFGIdj", "TBI", **NAMES),
    "local_projections": lambda panel: tx.referee.local_projections(
        panel, "KOFGIdj", "TBI", horizons=1, events=0.2, lags=0, **NAMES
    ),
    "two_way_weights": lambda panel: tx.referee.two_way_weights(
        panel, "KOFGIdj", "TBI", **NAMES
    ),
    "interactive_effects": lambda panel: tx.referee.interactive_effects(
        panel, "KOFGIdj", ["TBI"], most=2, **NAMES
    ),
    "shift_share": shift_share,
}


@pytest.mark.parametrize("name", RESULTS)
def test_reports_in_chinese_have_no_english(panel, name):
    found = RESULTS[name](panel)
    page = found.page("zh")
    told = [page.sentence, page.title, page.method]
    for listing in page.listings():
        told += [listing.title, *listing.columns, *listing.notes]
        told += [cell for row in listing.rows for cell in row]
    for plot in page.plots().values():
        figure = plot()
        told += [figure.get_suptitle(), *(k.get_xlabel() for k in figure.axes)]
    assert not [k for k in told if re.search("[a-z]{3,} [a-z]{2,}", k)]
    assert found.sentence and page.sentence != found.sentence


def test_the_horizons_that_the_band_leaves_out_are_named(panel):
    found = RESULTS["local_projections"](panel)
    after = found.table["horizon"] >= 0
    table = found.table.assign(band_low=1.0, band_high=2.0)
    made = type(found)(table, "y", "d", None, 9, 0.0)
    assert made.findings()["outside"] == sorted({*table["horizon"][after]})
    assert "; the simultaneous band leaves out zero at 0, 1" in made.sentence
    assert "；联合置信带在第0、1年不含零" in made.page("zh").sentence


def test_an_instrument_that_is_not_made_of_the_shares_is_named_twice(panel):
    found = shift_share(panel)
    told = "TBI is not made of these shares, which explain"
    assert found.made < 1 and found.sentence.startswith(told)
    assert found.page("zh").listings()[0].notes[1].startswith("贸易利益指数不是由")
