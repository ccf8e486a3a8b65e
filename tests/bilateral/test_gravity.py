"""Gravity by PPML: printed numbers, pyfixest, literal refits, and what is refused."""

import warnings

import jax
import numpy as np
import pandas as pd
import pyfixest
import pytest
from pyfixest.demeaners import MapDemeaner
from scipy.optimize import linprog

import tivax as tx
from tivax.kernels import random_draws
from tivax.kernels.gravity import weidner_zylkin

from helpers import error_of

# The printed numbers are rounded to their last digit.
DIGIT = 0.5000001
TWO_WAY = ["ln_distw", "contig", "colony", "comlang_off", "comleg", "fta"]


def within_a_digit(found: float, printed: str) -> bool:
    digits = len(printed.partition(".")[2])
    return abs(found - float(printed)) <= DIGIT * 10.0**-digits


def small_world(
    seed: int = 0, countries: int = 9, years: int = 4, spread: float = 1.0
) -> pd.DataFrame:
    """Flows between countries, a fifth of them 0, with a treatment of half the pairs."""
    random = np.random.default_rng(seed)
    rows = pd.MultiIndex.from_product(
        [range(2000, 2000 + years), range(countries), range(countries)],
        names=["year", "exporter", "importer"],
    ).to_frame(index=False)
    rows = rows[rows["exporter"] != rows["importer"]].reset_index(drop=True)
    joined = random.integers(1999, 2006, (countries, countries))
    at = rows["exporter"], rows["importer"]
    rows["fta"] = (rows["year"] >= joined[at]).astype(float)
    rows["tariff"] = random.normal(size=len(rows))
    size = random.normal(size=(2, countries))
    log = size[0][at[0]] + size[1][at[1]] + 0.4 * rows["fta"] - 0.2 * rows["tariff"]
    flow = np.exp(log) * random.lognormal(sigma=spread, size=len(rows))
    rows["trade"] = np.where(random.random(len(rows)) < 0.2, 0, flow)
    for side in ("exporter", "importer"):
        rows[side] = [f"C{k}" for k in rows[side]]
    return rows


EFFECTS = {
    "directed": "exporter^year + importer^year + exporter^importer",
    "symmetric": "exporter^year + importer^year + pair",
    "none": "exporter^year + importer^year",
}


@pytest.fixture(scope="module")
def manufactures(shared) -> pd.DataFrame:
    data = pd.read_stata(shared / "data/gravity/ppml_fe_bias.dta")
    return data[data["category"] == "MANUF"].reset_index(drop=True)


def of_manufactures(*regressors: str, **options) -> tx.Gravity:
    return tx.Gravity("trade", regressors, "isoexp", "isoimp", **options)


@pytest.mark.shared
def test_three_way_gravity_is_what_ppml_fe_bias_prints(manufactures):
    """Weidner and Zylkin's help file: trade of manufactures, 65 countries, five years."""
    fit = tx.gravity(manufactures, of_manufactures("fta"))
    plain = fit.vcov(clusters="isoexp^isoimp")["fta"]
    assert within_a_digit(plain.estimate, "0.1780290")
    assert within_a_digit(plain.se, "0.0350079")
    assert within_a_digit(fit["fta"].se, "0.0419559")
    assert within_a_digit(fit.bias["fta"], "0.0076568")
    assert within_a_digit(fit.corrected["fta"], "0.1703722")


@pytest.mark.shared
def test_two_way_gravity_is_what_ppml_fe_bias_prints(manufactures):
    fit = tx.gravity(manufactures, of_manufactures(*TWO_WAY, pair="none"))
    plain = fit.vcov(clusters="isoexp^isoimp")
    printed = {
        "ln_distw": ("-0.5826890", "0.0372778", "0.0463104"),
        "contig": ("0.3690149", "0.0600966", "0.0734243"),
        "colony": ("-0.0874526", "0.0888010", "0.1115109"),
    }
    for term, (estimate, se, adjusted) in printed.items():
        assert within_a_digit(fit[term].estimate, estimate)
        assert within_a_digit(plain[term].se, se)
        assert within_a_digit(fit[term].se, adjusted)
    assert not fit.bias.any()


@pytest.fixture(scope="module")
def guide(shared) -> pd.DataFrame:
    """Flows of the Advanced Guide to Trade Policy Analysis, chapter 1, every four years."""
    rdata = pytest.importorskip("rdata")
    path = shared / "data/gravity/agtpa_applications.rda"
    with warnings.catch_warnings(action="ignore"):  # of its own, about text
        data = rdata.read_rda(path)["agtpa_applications"]
    for name in ("exporter", "importer"):
        data[name] = data[name].astype(str)
    data["year"] = data["year"].astype(int)
    return data[data["year"].isin([1986, 1990, 1994, 1998, 2002, 2006])]


@pytest.mark.shared
def test_symmetric_pairs_are_those_of_the_guide(guide):
    """Yotov, Piermartini, Monteiro and Larch (2016), RTAsEffects.log: robust errors."""
    spec = tx.Gravity("trade", ["rta"], pair="symmetric", home=True)
    fit = tx.gravity(guide, spec).vcov("HC1")
    assert within_a_digit(fit["rta"].estimate, "0.5571853")
    assert within_a_digit(fit["rta"].se, "0.055771")
    assert (fit.n, len(fit.separated)) == (28482, 84)


@pytest.mark.shared
def test_real_wages_of_nafta_are_those_of_the_guide(guide):
    """Chapter 2, printed for 69 countries: its loop ends at changes of prices of 0.01,
    and closes trade in another way, so that 0.05 points are allowed."""
    spec = tx.Gravity("trade", ["rta"], pair="symmetric", home=True)
    fit = tx.gravity(guide, spec)
    economy = fit.economy(1994, 6.0)
    members = np.isin(economy.regions, ["CAN", "MEX", "USA"])
    among = np.outer(members, members) & ~np.eye(len(members), dtype=bool)
    costs = np.exp(fit["rta"].estimate / 6 * among)[:, :, None]
    found = tx.exact_hat(economy, trade_costs=costs, deficits="share").changes
    without = found["realwage"].groupby(level="region").first() / 100
    printed = {"CAN": 3.4034, "MEX": 3.8101, "USA": 0.3346}
    for region, number in printed.items():
        gained = 100 * (1 / (1 + without[region]) - 1)
        assert gained == pytest.approx(number, abs=0.05)
    assert error_of(fit.economy, 1995, 6.0).startswith("1995: no flow to itself")


@pytest.mark.parametrize("pair", EFFECTS)
def test_pyfixest_gives_the_same(pair):
    """Both iterate to a tenth of the last digit that is compared."""
    data = small_world()
    low, high = (
        data[["exporter", "importer"]].min(axis=1),
        data[["exporter", "importer"]].max(axis=1),
    )
    data["pair"] = low + high
    spec = tx.Gravity("trade", ["fta", "tariff"], pair=pair, adjust="none")
    fit = tx.gravity(data, spec)
    other = pyfixest.fepois(
        f"trade ~ fta + tariff | {EFFECTS[pair]}",
        data,
        vcov={"CRV1": "pair"},
        ssc=pyfixest.ssc(k_adj=False),
        iwls_tol=1e-12,
        demeaner=MapDemeaner(fixef_tol=1e-12),
    )
    np.testing.assert_allclose(fit.terms["estimate"], other.coef(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(fit.terms["se"], other.se(), rtol=1e-7)
    assert fit.n == other._N


def dummies(data: pd.DataFrame, *names: str) -> np.ndarray:
    return np.hstack([pd.get_dummies(data[k]).to_numpy(float) for k in names])


def test_a_literal_newton_with_dummies_gives_the_same():
    """Minimum-norm steps on all dummies at once."""
    data = small_world(3, countries=5, years=3)
    spec = tx.Gravity("trade", ["fta", "tariff"], adjust="none")
    fit = tx.gravity(data, spec)
    rows = fit.data
    D = dummies(rows, "exporter^year", "importer^year", "exporter^importer")
    X, y = np.hstack([rows[["fta", "tariff"]], D]), rows["trade"].to_numpy()
    theta = np.linalg.lstsq(X, np.log(y + 0.1), rcond=None)[0]
    for _ in range(60):
        mu = np.exp(X @ theta)
        step = np.linalg.pinv(X.T @ (mu[:, None] * X)) @ (X.T @ (y - mu))
        theta += step / max(1, np.abs(X @ step).max())
    np.testing.assert_allclose(fit.terms["estimate"], theta[:2], atol=1e-9)


def test_a_difference_of_logs_by_hand():
    """Two years, two exporters and importers, a treated cell: a ratio of ratios."""
    flows = {"AX": (2.0, 5.0), "AY": (3.0, 4.0), "BX": (7.0, 1.0), "BY": (6.0, 8.0)}
    rows = [
        (year, *pair, flow[year]) for pair, flow in flows.items() for year in (0, 1)
    ]
    data = pd.DataFrame(rows, columns=["year", "exporter", "importer", "trade"])
    treated = data[["year", "exporter", "importer"]].eq([1, "A", "X"]).all(axis=1)
    data["fta"] = treated.astype(float)
    fit = tx.gravity(data, tx.Gravity("trade", ["fta"], adjust="none"))
    by_hand = np.log(5 / 2) - np.log(4 / 3) - np.log(1 / 7) + np.log(8 / 6)
    assert fit["fta"].estimate == pytest.approx(by_hand, abs=1e-10)


def separated_by_programming(data: pd.DataFrame, regressors: list[str]) -> np.ndarray:
    """Zeros at which some sum z of regressors and effects is positive, while it is 0 at
    positive flows and not below 0 at any: the most of the sum of u <= z, u in 0 ... 1.
    """
    D = dummies(data, "exporter^year", "importer^year", "exporter^importer")
    X, zero = np.hstack([data[regressors], D]), data["trade"].to_numpy() == 0
    n, p = zero.sum(), X.shape[1]
    found = linprog(
        np.repeat([0.0, -1.0], [p, n]),
        A_ub=np.hstack([-X[zero], np.eye(n)]),
        b_ub=np.zeros(n),
        A_eq=np.hstack([X[~zero], np.zeros((len(X) - n, n))]),
        b_eq=np.zeros(len(X) - n),
        bounds=[(None, None)] * p + [(0, 1)] * n,
    )
    return X @ found.x[:p] > 1e-6


def with_a_ban(seed: int) -> pd.DataFrame:
    """Banned flows are 0 in two years; elsewhere the measure is stricter and weaker."""
    data = small_world(seed, countries=6, years=3)
    between = data["exporter"].isin(["C1", "C2"]) & data["importer"].isin(["C3", "C4"])
    data["ban"] = (between & (data["year"] > 2000)).astype(float)
    data.loc[data["ban"] > 0, "trade"] = 0.0
    data.loc[data["exporter"].eq("C5") & data["year"].eq(2001), "trade"] = 0.0
    return data


def numbered(data: pd.DataFrame) -> pd.DataFrame:
    joint = {
        "exporter^year": ["exporter", "year"],
        "importer^year": ["importer", "year"],
        "exporter^importer": ["exporter", "importer"],
    }
    return data.assign(**{k: data.groupby(v).ngroup() for k, v in joint.items()})


@pytest.mark.parametrize("seed", range(3))
def test_separated_rows_are_those_of_a_linear_programme(seed):
    data = numbered(with_a_ban(seed))
    wanted = separated_by_programming(data, ["ban", "tariff"])
    assert wanted.sum() > 6
    spec = tx.Gravity("trade", ["tariff"], adjust="none")
    rows = data[~(data["ban"] > 0)]
    assert set(tx.gravity(rows, spec).data.index) == set(
        rows.index[~separated_by_programming(rows, ["tariff"])]
    )
    says = error_of(tx.gravity, data, tx.Gravity("trade", ["ban", "tariff"]))
    assert says.startswith("ban does not vary within exporter-year, importer-year and")


def test_rows_without_an_estimate_are_told_with_their_reason():
    data = small_world(1)
    data.loc[data["exporter"].eq("C3") & data["year"].eq(2002), "trade"] = 0.0
    data.loc[data.index[:2], "fta"] = np.nan
    fit = tx.gravity(data, tx.Gravity("trade", ["fta"]))
    assert fit.missing == 2 and "2 rows with a missing value left out" in repr(fit)
    gone = fit.separated
    assert (gone["year"].eq(2002) & gone["exporter"].eq("C3")).sum() == 8
    assert f"{len(gone)} rows without a finite estimate" in repr(fit)
    assert fit.n + len(gone) == len(data) - 2


def test_pairs_drawn_again_have_adjusted_errors_and_signs_those_of_clusters():
    """1,000 draws know their standard deviation to 2.2 %; the two ways to account for
    leverage agree to a tenth."""
    data = small_world(2, countries=20, years=3, spread=0.3)
    fit = tx.gravity(data, tx.Gravity("trade", ["tariff"], pair="none"))
    drawn = fit.bootstrap(draws=1000)["se"]["tariff"]
    assert drawn == pytest.approx(fit["tariff"].se, rel=0.1)
    plain = fit.vcov(clusters="exporter^importer")["tariff"]
    at = plain.estimate - 1.96 * plain.se
    assert 0.02 < fit.score_test("tariff", at, draws=9999).p_value < 0.12
    assert fit.score_test("tariff", plain.estimate, draws=999).p_value == 1.0


def test_a_draw_depends_on_its_seed_and_number_alone():
    data = small_world(2)
    fit = tx.gravity(data, tx.Gravity("trade", ["tariff"]))
    few, more = (fit.estimated.pair_draws(n, 7) for n in (3, 5))
    np.testing.assert_array_equal(few, more[:3])
    assert not np.allclose(few, fit.estimated.pair_draws(3, 8))


def test_a_drawn_sample_is_the_fit_of_its_pairs_counted():
    """The rows of each drawn pair as often as it was drawn, as countries of a pair."""
    data = small_world(4, countries=6, years=3)
    fit = tx.gravity(data, tx.Gravity("trade", ["tariff"], adjust="none"))
    (drawn,) = fit.estimated.pair_draws(1, 11)
    key = random_draws.block_key(11, 0)
    pair = fit.estimated.pair
    picked = np.asarray(jax.random.randint(key, (pair.size,), 0, pair.max() + 1))
    times = np.bincount(picked[: pair.max() + 1], minlength=pair.max() + 1)
    at = pair[fit.estimated.cube.place[1:]]
    rows = fit.data.assign(times=times[at]).query("times > 0")
    with warnings.catch_warnings(action="ignore"):  # drawn groups without trade
        other = pyfixest.fepois(
            f"trade ~ tariff | {EFFECTS['directed']}",
            rows.loc[rows.index.repeat(rows["times"])],
            iwls_tol=1e-12,
            demeaner=MapDemeaner(fixef_tol=1e-12),
        )
    np.testing.assert_allclose(drawn, other.coef(), atol=1e-8)


MISTAKES = {
    "trade in row 12 is -3.1: PPML needs flows from 0": lambda d: d.loc[12:12].assign(
        trade=-3.1
    ),
    "two rows for 2000, C0 to C1": lambda d: d.iloc[[0]].rename(index={0: 999}),
    "C4 trades with itself in 2000; home=True": lambda d: (
        d.iloc[[0]].assign(exporter="C4", importer="C4").rename(index={0: 999})
    ),
}


@pytest.mark.parametrize("says", MISTAKES)
def test_a_row_that_cannot_be_is_named(says):
    data = small_world()
    wrong = MISTAKES[says](data)
    data = pd.concat([data.drop(wrong.index, errors="ignore"), wrong]).sort_index()
    assert error_of(tx.gravity, data, tx.Gravity("trade", ["fta"])).startswith(says)


def test_flows_below_0_count_as_0_when_told():
    data = small_world()
    data.loc[12, "trade"] = -3.1
    spec = tx.Gravity("trade", ["fta"], negative="zero", adjust="none")
    fit = tx.gravity(data, spec)
    same = tx.gravity(data.assign(trade=data["trade"].clip(lower=0)), spec)
    assert fit["fta"] == same["fta"]
    assert "1 flow below 0 taken as 0" in repr(fit)


def test_what_effects_explain_is_refused():
    data = small_world()
    data["euro"] = data["year"] - 2000.0
    says = error_of(tx.gravity, data, tx.Gravity("trade", ["euro"]))
    assert says == "euro does not vary within exporter-year, importer-year and pair"
    says = error_of(tx.gravity, data.assign(trade=0.0), tx.Gravity("trade", ["fta"]))
    assert says == "trade: no trade between countries"


@pytest.mark.parametrize(
    "options, says",
    [
        ({"pair": "symmetric", "adjust": "weidner-zylkin"}, "needs directed pairs"),
        ({"clusters": "exporter", "adjust": "weidner-zylkin"}, "clusters by exporter^"),
        ({"pair": "both"}, "pair"),
        ({"exporter": "importer"}, "importer"),
    ],
)
def test_an_equation_that_cannot_be_is_one_line(options, says):
    assert says in error_of(tx.Gravity, "trade", ["fta"], **options)


def test_symmetric_pairs_are_clustered_by_both_directions():
    data = small_world()
    fit = tx.gravity(data, tx.Gravity("trade", ["fta"], pair="symmetric"))
    assert fit.clustered == "pair"
    says = error_of(fit.vcov, clusters="exporter^importer")
    assert says == 'pair "symmetric": cluster by unordered pair, "pair"'


def test_very_many_effects_are_not_adjusted_unless_asked_for(monkeypatch):
    monkeypatch.setattr("tivax.engine.bilateral.solved.MOST_EFFECTS", 70)
    fit = tx.gravity(small_world(), tx.Gravity("trade", ["fta"]))
    assert not fit.adjusted and fit.clustered == "pair"
    asked = tx.Gravity("trade", ["fta"], adjust="weidner-zylkin")
    says = error_of(tx.gravity, small_world(), asked)
    assert says.startswith("adjust: 72 exporter-years and importer-years, at most 70")


@pytest.mark.parametrize("groups", [1, 2])
def test_the_information_of_effects_is_inverted_where_groups_do_not_trade(groups):
    """M V M is M of a generalised inverse, to the rounding of its condition."""
    random, size = np.random.default_rng(0), 6
    group = np.arange(size) * groups // size
    weight = random.uniform(0.5, 2, (size, size)) * (group[:, None] == group[None])
    M = np.block([[np.diag(weight.sum(1)), weight], [weight.T, np.diag(weight.sum(0))]])
    null = np.repeat([1.0, -1.0], size)[:, None]
    with jax.enable_x64(True):
        V = np.asarray(jax.jit(weidner_zylkin._inverse)(M, null))
    np.testing.assert_allclose(M @ V @ M, M, atol=1e-12)
