"""Tariffs that answer those of others: what they set, for whom they are best."""

from dataclasses import replace

import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx

from helpers import error_of


@pytest.fixture(scope="module")
def economy() -> tx.Economy:
    """R01 adds ten points on R02 and R03, not on ROW."""
    economy = tx.Economy.synthetic(regions=4, sectors=2, seed=1)
    tariff = economy.tariff.copy()
    tariff[0, 1:3] += 0.1
    return replace(economy, tariff_new=tariff)


def test_a_reciprocal_answer_is_what_is_faced_sector_by_sector(economy):
    answer = tx.retaliation(economy, "R01")
    expected = economy.tariff_new.copy()
    expected[1:3, 0] = economy.tariff_new[0, 1:3]
    assert_allclose(answer.tariff, expected, rtol=1e-15)
    assert "L-BFGS" not in answer.method
    assert list(answer.players["player"]) == ["R02", "R03"]
    both = answer.outcome.changes["real_income"].unstack("scenario")
    for k, tariff in enumerate((economy.tariff_new, expected)):
        alone = tx.exact_hat(economy, tariff).changes["real_income"]
        assert_allclose(both[k][alone.index], alone, atol=1e-8)


def test_an_optimal_answer_is_best_for_each_as_if_alone(economy):
    answer = tx.retaliation(economy, "R01", "optimal", regions=["R02", "ROW"])
    expected = economy.tariff_new.copy()
    for name, k in (("R02", 1), ("ROW", 3)):
        best = tx.optimal_tariff(economy, name, over="uniform", against="R01")
        expected[k, 0] = best.average
    assert_allclose(answer.tariff, expected, atol=1e-6)


def test_a_bloc_answers_with_one_rate_and_all_as_one_with_a_rate_of_each(economy):
    answer = tx.retaliation(economy, "R01", "optimal", regions={"B": ["R02", "R03"]})
    assert answer.tariff[1, 0, 0] == answer.tariff[2, 0, 0] > 0.05
    given = {"over": "importers", "regions": ["R02", "R03", "ROW"]}
    together = tx.retaliation(economy, "R01", "together", **given)
    assert list(together.schedule["on"]) == ["R02", "R03", "ROW"]
    assert "The best answer of R02, R03, ROW is" in together.sentence


def test_by_default_those_answer_who_are_hit(economy):
    answer = tx.retaliation(economy, "R01", "optimal")
    assert list(answer.players["player"]) == ["R02", "R03"]
    assert "Answered by R02, R03." in answer.sentence


def test_a_rate_in_per_cent_is_refused_and_a_high_one_that_is_old_is_not(economy):
    line = "is 25, which is 2,500 per cent: write 0.25 for 25 per cent; rates up to 3"
    tariff = economy.tariff.copy()
    tariff[0, 1] = 25
    assert line in error_of(tx.exact_hat, economy, tariff)
    # The door of retaliation, best tariffs and trade wars, and of files.
    assert line in error_of(replace, economy, tariff_new=tariff)
    world = tx.synthetic_world(regions=3, sectors=2, years=1, seed=1)
    thetas = pd.DataFrame({"sector": ["*"], "theta": [5.0]})
    names = ["importer", "exporter", "sector", "tariff", "tariff_new"]
    rates = pd.DataFrame([["R01", "R02", "*", 0, 25]], columns=names)
    year = world.years[0]
    assert line in error_of(tx.Economy.from_tables, world, year, thetas, rates)
    old = rates.assign(tariff=7, tariff_new=7)
    assert tx.Economy.from_tables(world, year, thetas, old).tariff_new[0, 1, 0] == 7


def test_a_country_by_its_name_is_its_code(economy):
    """A name as ``against`` failed in the figures of the result with a KeyError."""
    named = replace(economy, regions=("USA", "CHN", *economy.regions[2:]))
    tariff = named.tariff.copy()
    tariff[0, 1] = 0.25
    answer = tx.retaliation(replace(named, tariff_new=tariff), "United States")
    assert answer.against == "USA" and answer.plots()
    assert "income of the United States changes" in answer.sentence
    assert "China mirrors the new tariffs" in answer.sentence
    shown = replace(answer.outcome, asked=("ROW",))
    assert shown.sentence.startswith("Of the regions shown, real income changes most")


def test_an_answer_that_mirrors_is_not_called_the_best(economy):
    """One rate of 25 % on all sectors: no figure and one row."""
    tariff = economy.tariff.copy()
    tariff[0, 1] = 0.25
    answer = tx.retaliation(replace(economy, tariff_new=tariff), "R01")
    assert (
        "R02 mirrors the new tariffs on its products, 25.00 per cent" in answer.sentence
    )
    assert "best" not in answer.sentence
    assert "rates" not in answer.plots()
    assert answer.page().rates().rows == [("all", "25.00", "100.00")]


@pytest.mark.parametrize(
    "given, line",
    [
        (("R02",), "R02 sets no new tariff that could be answered; tariff_new holds"),
        (("R09",), "no region R09"),
        (("R01", "revenge"), "no how revenge: choose from reciprocal, optimal, tog"),
    ],
)
def test_what_cannot_be_answered_is_refused(economy, given, line):
    assert line in error_of(tx.retaliation, economy, *given)
    told = error_of(tx.retaliation, economy, "R01", regions=["R01", "R02"])
    assert "R01 cannot answer itself; leave it out" in told
