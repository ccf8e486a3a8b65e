"""A trade war in three columns: each is what its own function makes of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.reporting import page_of

from helpers import error_of

COLUMNS = ["tariff alone", "mirrored", "best answer"]


@pytest.fixture(scope="module")
def economy() -> tx.Economy:
    economy = tx.Economy.synthetic(regions=4, sectors=2, seed=1)
    return replace(economy, tariff_new=economy.tariff)


@pytest.fixture(scope="module")
def war(economy):
    return tx.trade_war(economy, "R01", "R02", 0.1)


def test_columns_are_those_of_a_retaliation(economy, war):
    tariff = economy.tariff.copy()
    tariff[0, 1] += 0.1
    announced = replace(economy, tariff_new=tariff)
    given = {"deficits": "kept"}
    found = war.war.set_index(["variant", "region"])["percent"].unstack("variant")
    for how, column in (("optimal", "best answer"),):
        other = tx.retaliation(announced, "R01", how, **given).outcome
        both = other.equilibrium.pivot(
            index="region", columns="variant", values="real_income"
        )
        assert_allclose(found["tariff alone"], both["as announced"][found.index])
        assert_allclose(found[column], both["with retaliation"][found.index], atol=1e-7)
    tariff = tariff.copy()
    tariff[1, 0] += 0.1
    mirrored = tx.exact_hat(economy, tariff, **given).changes["real_income"]
    assert_allclose(found["mirrored"], mirrored[found.index], atol=1e-8)


def test_tables_say_who_answers_how_and_what_sectors_lose(economy, war):
    answers = war.tables()["answers"].set_index(["variant", "importer"])["tariff"]
    before = 100 * economy.tariff[1, 0]
    assert_allclose(answers["mirrored", "R02"], before + 10)
    assert answers["best answer", "R02"].nunique() == 1
    sectors = war.tables()["sectors"]
    sectors = sectors[sectors["measure"] == "value_added"]
    sectors = sectors.groupby("variant", sort=False)[["before", "after"]].sum()
    # World value added is the numeraire.
    assert_allclose(sectors["after"], sectors["before"], rtol=1e-9)
    assert [*sectors.index] == COLUMNS


def test_an_answer_taxes_the_sectors_that_are_taxed(economy):
    war = tx.trade_war(economy, "R01", "R02", {"S01": 0.1}, answer=["best"])
    moved = np.argwhere(war.tariff != economy.tariff).tolist()
    assert moved == [[0, 1, 0], [1, 0, 0]]


def test_names_of_countries_and_goods_are_known(economy):
    wiod = replace(
        economy,
        regions=("USA", "CHN", "DEU", "ROW"),
        sectors=("c14", "c20"),
        source="wiod2013",
    )
    war = tx.trade_war(wiod, "United States", "china", 0.1, answer="none")
    assert [*war.rates] == [0.1, 0]
    assert "by the United States on China changes real income" in war.sentence


def test_intervals_are_of_every_column(economy):
    drawn = replace(economy, theta_se=np.full(2, 0.5))
    war = tx.trade_war(drawn, "R01", "R02", 0.1).with_errors(draws=4)
    assert {"se", "ci_low", "ci_high"} <= {*war.war}
    assert "4 draws" in war.page().sections({})[-1].blocks[0].text
    mirrored = tx.trade_war(drawn, "R01", "R02", 0.1, answer="mirror")
    alone = mirrored.with_errors(draws=4).war.set_index("region")
    both = war.war.set_index("variant").loc["mirrored"].set_index("region")
    pd.testing.assert_frame_equal(alone[["se"]], both[["se"]], rtol=1e-6)


@pytest.mark.parametrize(
    "given, line",
    [
        (("R01", "R01", 0.1), "R01 is on both sides"),
        (("R01", "R02", 25), "rate is 25, which is 2,500 per cent: write 0.25 for 25"),
        (("R01", "R02", {"wheat": 0.1}), "rate: no sector wheat"),
        (("R01", "R09", 0.1), "no region R09"),
        (("R01", "R02", {"S01": 0.4, "s01": 0.1}), "S01 and s01 are the same sector"),
    ],
)
def test_what_is_no_war_is_refused(economy, given, line):
    assert line in error_of(tx.trade_war, economy, *given)


def test_regions_that_are_asked_for_stand_beside_both_sides(war):
    told = replace(war, asked=("R03",))._listings()[0]
    assert [row[0] for row in told.rows] == ["R01", "R02", "R03"]


def test_a_tariff_on_some_sectors_says_so_and_a_best_rate_at_its_bound_too(economy):
    wiod = replace(economy, sectors=("c14", "c4"), source="wiod2013")
    one = tx.trade_war(wiod, "R01", "R02", {"textiles": 0.1}, answer="none")
    assert page_of(one, "en").title == (
        "A tariff of 10 per cent by R01 on R02 (Textiles and textile products)"
    )
    both = tx.trade_war(
        wiod, "R01", "R02", {"textiles": 0.4, "goods": 0.1}, answer="none"
    )
    assert [*both.rates] == [0.1, 0.4]
    assert page_of(both, "en").title == "A tariff of 10 to 40 per cent by R01 on R02"
    best = tx.trade_war(wiod, "R01", "R02", 0.1, answer="best")
    assert "for itself, with" in best.sentence
    ended = replace(best, choices=[replace(k, corners=["x"]) for k in best.choices])
    assert "for itself within -50 to 300 per cent, with" in ended.sentence
