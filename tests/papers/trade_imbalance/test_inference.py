"""The paper's columns under every kind of inference: against each kind by itself."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tivax.engine as tx
from tivax.engine.papers.trade_imbalance import inference as paper_inference
from tivax.engine.papers.trade_imbalance.columns import estimate_columns, paper_models
from tivax.engine.papers.trade_imbalance.inference import (
    PaperInference,
    infer_paper,
    side,
)

from helpers import random_panel, two_way

# Another elimination of the same cross products; measured 1e-12.
RTOL = 1e-9
DRAWS = 499


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Of the shape of the real one, so that both share their compiled programs."""
    panel = random_panel(countries=41, years=15, seed=4)
    # Without noise every p is as small as draws allow.
    outcomes = [name for name in map(str, panel) if name.startswith("KOF")]
    noise = np.random.default_rng(5).normal(size=(len(panel), len(outcomes)))
    panel[outcomes] += 8 * panel[outcomes].std().to_numpy() * noise
    return panel.assign(developed=(panel["iso3"] < "C22").astype(int))


def models() -> list[tx.Model]:
    """Six of the paper's columns with controls: all countries and both groups."""
    return [model for k, model in enumerate(paper_models()) if k in range(2, 8)]


@pytest.fixture(scope="module")
def found(frame) -> PaperInference:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_inference, "paper_models", models)
        return infer_paper(frame, draws=DRAWS, seed=5)


@pytest.mark.slow
def test_t_tests_are_those_of_the_replication(frame, found):
    columns = {(c.table, c.column): e for c, e in estimate_columns(frame).items()}
    for _, row in found.rows.iterrows():
        estimate = columns[row["table"], row["column"]]
        term = estimate["TBI"]
        own = row[["estimate", "cv1_p_value", "cv1_ci_low", "cv1_ci_high"]].tolist()
        expected = [term.estimate, term.p_value, term.ci_low, term.ci_high]
        assert_allclose(own, expected, rtol=RTOL)
        assert (row["n"], row["clusters"]) == (estimate.n, estimate.clusters)


@pytest.mark.parametrize(
    "name, scheme",
    [
        ("wild", tx.schemes.Wild(weights="webb")),
        ("pairs", tx.schemes.Pairs()),
        ("placebo", tx.schemes.Placebo(studentised=True)),
        ("placebo_within", tx.schemes.Placebo(studentised=True, strata="developed")),
    ],
)
def test_each_kind_is_what_it_is_alone(frame, found, name, scheme):
    model = models()[-1]
    alone = tx.resample(frame, model, scheme, draws=DRAWS, seed=5).summary.iloc[0]
    row = found.rows.iloc[-1]
    assert row[f"{name}_p_value"] == alone["p_value"]
    assert row[f"{name}_mc"] == alone["mc_error"] > 0
    assert row[f"{name}_draws"] == alone["draws"] == DRAWS
    if not name.startswith("placebo"):
        assert row[f"{name}_ci_low"] == alone["ci_low"]
        assert row[f"{name}_ci_high"] == alone["ci_high"]


def test_within_one_group_moving_within_groups_is_moving_among_all(found):
    rows = found.rows[found.rows["sample"] != "all"]
    assert len(rows) == 4
    assert_array_equal(rows["placebo_p_value"], rows["placebo_within_p_value"])


@pytest.mark.parametrize(
    "p, mc, expected",
    [
        (0.0496, 0.0003, "at"),
        (0.0502, 0.0003, "at"),
        (0.0493, 0.0003, "below"),
        (0.0507, 0.0003, "above"),
        (0.0496, 0.0, "below"),  # all patterns: no simulation error
        (0.05, 0.0, "above"),
        (np.nan, np.nan, "above"),
    ],
)
def test_a_difference_within_simulation_error_decides_nothing(p, mc, expected):
    assert side(p, mc) == expected


def test_few_countries_are_enumerated():
    """Webb's 6^4 patterns and the 4! of the placebo: no simulation error is left."""
    tags = {"table": 3, "column": 1}
    model = tx.Model(
        "a", "KOFGIdj", ("TBI",), family="one", tags=tags, entity="iso3", time="year"
    )
    panel = random_panel(countries=4, years=6, seed=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_inference, "paper_models", lambda: [model])
        row = infer_paper(panel, draws=1_999).rows.iloc[0]
    assert (row["wild_draws"], row["wild_mc"]) == (1296, 0)
    assert (row["placebo_draws"], row["placebo_mc"]) == (24, 0)
    assert row["pairs_draws"] == 1_999 and row["pairs_mc"] > 0


METHODS = ("westfall_young", "romano_wolf")


@pytest.mark.parametrize("method", METHODS)
def test_an_adjusted_p_is_never_below_the_wild_p(found, method):
    assert found.rows[method].notna().all()  # every family has two outcomes or more
    assert (found.rows[method] >= found.rows["wild_p_value"] - 1 / DRAWS).all()


def require_below_holm(rows: pd.DataFrame) -> None:
    """The smallest p of a family uses what Holm does without."""
    for ending in ("", "_all"):
        known = rows[rows[f"holm{ending}"].notna()]
        error = known[f"westfall_young{ending}_mc"]
        above = known[f"westfall_young{ending}"] - known[f"holm{ending}"]
        assert (above <= 3 * error + 1e-12).all()


def test_the_smallest_p_is_never_above_holms(found):
    require_below_holm(found.rows)


@pytest.mark.shared
@pytest.mark.slow
def test_over_the_declared_family_p_is_that_of_independent_code(shared):
    """Webb draws by code that shares nothing with the engine. The largest |t| is three
    times Bonferroni's there: columns with few countries rule it."""
    panel = pd.read_csv(shared / "data" / "panel" / "panel_identified.csv")
    with pytest.MonkeyPatch.context() as patch:
        only = {"wild": paper_inference.SCHEMES["wild"]}
        patch.setattr(paper_inference, "SCHEMES", only)
        patch.setattr(paper_inference, "INTERVALS", {})
        rows = infer_paper(panel, draws=99_999).rows
    require_below_holm(rows)
    own = rows[(rows["sample"] == "all") & rows["holm_all"].notna()]
    own = own.set_index("outcome").loc[["KOFGIdj", "KOFEcGIdj", "KOFTrGIdj"]]
    for column, expected in (
        ("westfall_young_all", [0.0392, 0.1455, 0.0436]),
        ("holm_all", [0.0491, 0.2066, 0.0536]),
        ("romano_wolf_all", [0.1714, 0.1944, 0.1003]),
        ("westfall_young", [0.0111, 0.0362, 0.0111]),
    ):
        # Both have errors of simulation: of p = 0.0033 one in twenty, times 15.
        assert_allclose(own[column], expected, rtol=0.15)


def test_a_larger_family_has_larger_p(found):
    """All six together, in the order of their t: p of each can only grow."""
    rows = found.rows
    for method in METHODS:
        assert (rows[f"{method}_all"] >= rows[method]).all()
        assert (rows[f"{method}_all"] > rows[method]).any()


def test_leaving_out_spans_the_single_fits(frame, found):
    model = models()[0]
    regressors, each = ["TBI", *model.controls], []
    for iso3 in frame["iso3"].unique():
        rest = frame[frame["iso3"] != iso3]
        fit = two_way(rest, model.outcome, regressors)
        each.append(fit["TBI"].estimate)
    own = found.rows.iloc[0][["without_ci_low", "without_ci_high"]].tolist()
    assert_allclose(own, [min(each), max(each)], rtol=RTOL)


def test_the_error_of_a_family_is_finite_where_no_draw_was_as_large():
    """By hand: p 0.02 over the family, 0.01 alone with error 0.001 from 999 draws."""
    p, alone = np.array([0.02, 0.02, 0.02]), np.array([0.01, 0.0, 0.01])
    mc, draws = np.array([0.001, 0.001, 0.0]), np.full(3, 999.0)
    found = paper_inference._family_error(p, alone, mc, draws, True)
    own = 0.02 * 0.98 / 999
    wanted = [(own + 0.002**2) ** 0.5, (own + (0.02 * 999 * 0.001) ** 2) ** 0.5, 0]
    assert_allclose(found, wanted, rtol=1e-12)
    plain = paper_inference._family_error(p, alone, mc, draws, False)
    assert_allclose(plain[0], own**0.5)
