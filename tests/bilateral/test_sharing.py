"""The default error of gravity: by pair from both doors, by country where many flows of
a country share the regressor."""

import numpy as np
import pandas as pd
import pyfixest
import pytest

import tivax as tx
from tivax.engine.bilateral import Shared
from tivax.engine.bilateral.sharing import FlowColumns, flows_that_share
from tivax.engine.reporting import page_of

from helpers import error_of

# Iterations end at a tenth of the last digit that is compared.
RTOL = 1e-7
THREE_WAY = "exporter^year + importer^year + exporter^importer"


def clubs(
    seed: int = 0, countries: int = 10, years: int = 5, members: int = 5
) -> pd.DataFrame:
    """Flows with shocks of exporters in a club of importers; ``club`` is 1 between
    members in later years, ``own`` a treatment of pairs at times of their own."""
    random = np.random.default_rng(seed)
    rows = pd.MultiIndex.from_product(
        [range(years), range(countries), range(countries)],
        names=["year", "exporter", "importer"],
    ).to_frame(index=False)
    rows = rows[rows["exporter"] != rows["importer"]].reset_index(drop=True)
    t, i, j = (rows[k].to_numpy() for k in rows)
    member = np.arange(countries) < members
    rows["club"] = (member[i] & member[j] & (t >= years // 2)).astype(float)
    rows["own"] = random.normal(size=len(rows))
    of_group = random.normal(size=(years, countries, 2))
    shock = of_group[t, i, member[j].astype(int)] + random.normal(size=len(rows)) / 2
    rows["trade"] = np.exp(shock / 2)
    for side in ("exporter", "importer"):
        rows[side] = [f"C{k}" for k in rows[side]]
    return rows


def test_the_number_of_flows_that_share_is_counted_by_hand():
    """A club of 5 in 10 countries: of the sums of a member's 4 flows in it, 4 times as
    large a square as of each alone. A regressor of pairs is shared by none."""
    fit = tx.gravity(clubs(), tx.Gravity("trade", ["club", "own"]))
    assert fit.sides is not None
    found = flows_that_share(fit.solved, fit.data, fit.sides)
    a = fit.solved.h[fit.solved.back, 0] * fit.solved.effects.root[fit.solved.back]
    rows = fit.data.assign(a=a).query("exporter < 'C5' and importer < 'C5'")
    by_hand = [
        (rows.groupby([side, "year"])["a"].sum() ** 2).sum() / (rows["a"] ** 2).sum()
        for side in ("exporter", "importer")
    ]
    assert found["club"] == pytest.approx(max(by_hand), rel=1e-12)
    assert 3 < found["club"] <= 4
    assert found["own"] == pytest.approx(1.0, rel=1e-12)


def test_a_shared_regressor_has_the_larger_error_and_says_both():
    data = clubs()
    fit = tx.gravity(data, tx.Gravity("trade", ["club", "own"]))
    by_pair = tx.gravity(
        data, tx.Gravity("trade", ["club", "own"], adjust="weidner-zylkin")
    )
    by_country = fit.vcov(clusters=["exporter", "importer"])
    assert by_country["club"].se > by_pair["club"].se
    assert fit["club"].se == pytest.approx(by_country["club"].se, rel=1e-12)
    assert fit["club"].p_value == pytest.approx(by_country["club"].p_value, rel=1e-9)
    assert fit["own"] == by_pair["own"]
    # Correlations stay.
    pd.testing.assert_frame_equal(fit.correlation, by_pair.correlation)
    says = f"{by_pair['club'].se:.4g} by pair, {by_country['club'].se:.4g} by exporter"
    assert f"{says} and importer; the larger is taken, with t(9)" in repr(fit)
    assert f"{says} and importer\n" in repr(by_pair) + "\n"
    assert "own is shared" not in repr(fit)
    assert isinstance(fit.vcov().kind, Shared)


def test_both_doors_have_one_default():
    data = clubs(members=2)
    by_formula = tx.gravity(data, f"trade ~ club + own | {THREE_WAY}")
    by_name = tx.gravity(data, tx.Gravity("trade", ["club", "own"]))
    pd.testing.assert_frame_equal(by_formula.terms, by_name.terms)
    # With effects of symmetric pairs a formula has no cube: clusters by pair.
    data["two"] = data[["exporter", "importer"]].min(axis=1) + data[
        ["exporter", "importer"]
    ].max(axis=1)
    other = tx.gravity(data, "trade ~ own | exporter^year + importer^year + two")
    symmetric = tx.gravity(data, tx.Gravity("trade", ["own"], pair="symmetric"))
    np.testing.assert_allclose(other.terms, symmetric.terms, rtol=RTOL)
    assert "Standard errors: 45 clusters by pair" in repr(other)
    assert "Standard errors: 45 clusters by pair" in repr(symmetric)


def test_sides_are_the_columns_of_the_same_countries():
    data = clubs()
    orders = [THREE_WAY, "exporter^importer + importer^year + exporter^year"]
    for effects in orders:
        found = FlowColumns.of(data, effects.split(" + "))
        assert found is not None and {*found[:2]} == {"exporter", "importer"}
        assert found.time == "year"
    assert FlowColumns.of(data, ["exporter", "year"]) is None
    # Years that are numbered as the countries are.
    same = data.assign(exporter=data["year"], importer=data["year"])
    assert FlowColumns.of(same, THREE_WAY.split(" + ")) is None


def test_notes_of_shared_regressors_are_in_both_languages():
    data = clubs().assign(later=lambda d: d["club"] * (d["year"] > 3))
    fit = tx.gravity(data, tx.Gravity("trade", ["club", "later"]))
    page = page_of(fit, "zh")
    (table,) = page.listings()
    (said,) = [k for k in table.notes if k.startswith("club")]
    assert said.count("为多个流量所共有") == 2 and "is shared" not in said


def test_a_difference_joins_pairs_by_their_names():
    """The second sample has no flows of the first country, so that numbers differ."""
    data = clubs().assign(value=lambda d: d["trade"] ** 0.7)
    equation = tx.Gravity("trade", ["own"])
    first = tx.gravity(data, equation)
    less = data[(data["exporter"] != "C0") & (data["importer"] != "C0")]
    second = tx.gravity(less, tx.Gravity("value", ["own"]))
    own = []
    for fit, sign in ((first, 1), (second, -1)):
        names = ["".join(sorted(k)) for k in fit.data[["exporter", "importer"]].values]
        own.append(sign * fit.row_influence["own"].groupby(names).sum())
    total = own[0].add(own[1], fill_value=0.0)
    se = np.sqrt(len(total) / (len(total) - 1) * (total**2).sum())
    found = tx.gravity_difference(first, second)
    assert found.loc["own", "se"] == pytest.approx(se, rel=1e-12)
    says = error_of(tx.gravity_difference, first, second, clusters="group")
    assert says.startswith("no column group in the data")


def test_a_fepois_is_a_gravity_fit():
    """Its own tolerance of iterations is 1e-8 of the deviance."""
    data = clubs(members=2)
    formula = "trade ~ own | exporter^year + importer^year"
    other = pyfixest.fepois(
        formula, data, vcov={"CRV1": "exporter"}, ssc=pyfixest.ssc(k_adj=False)
    )
    fit = tx.fit(other)
    np.testing.assert_allclose(fit.terms["estimate"], other.coef(), atol=1e-6)
    np.testing.assert_allclose(fit.terms["se"], other.se(), rtol=1e-3)
    # Without a word of errors pyfixest's are iid; a flow is no Poisson count.
    plain = tx.fit(pyfixest.fepois(formula, data))
    assert "Standard errors: 45 clusters by pair" in repr(plain)
    counted = tx.fit(pyfixest.fepois(formula, data, vcov={"CRV1": "exporter"}))
    np.testing.assert_allclose(counted.terms["se"], fit.terms["se"], rtol=RTOL)
    assert "10 clusters by exporter" in repr(fit)
    assert error_of(tx.fit, other, data) == "a fepois brings its data: give it alone"
