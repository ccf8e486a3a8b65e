"""Four steps for one panel: its p-values, its simulations, and what is said of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine.core import TivaxError
from tivax.engine.estimation import DriscollKraay, LinearFit, TwoWay
from tivax.engine.estimation.model import Model
from tivax.engine.resampling.cluster_diagnostics import clustering_level, model_table
from tivax.engine.resampling.inference import resample
from tivax.engine.resampling.schemes import Placebo, Wild
from tivax.engine.resampling.simulation import own_panel as steps
from tivax.engine.resampling.simulation.given import given_by
from tivax.kernels.panels.simulated import METHODS

from commands import good, mistake, names
from described import assert_described
from experiment_panels import small_panel
from helpers import two_way

MODEL = Model("main", "KOFGIdj", ("TBI", "RQ", "INFR"), entity="iso3", time="year")
RUN = """
panel = "panel.csv"
draws = 199
seed = 3
[simulate]
panels = 32
draws = 19
coarse = ["region", "year"]
[[model]]
name = "main"
outcome = "KOFGIdj"
regressors = ["TBI", "RQ", "INFR"]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The command, once: its panel, its answer and its folder."""
    folder = tmp_path_factory.mktemp("own")
    frame = small_panel(countries=9, years=6, seed=2)
    frame["region"] = frame["iso3"].str[1:].astype(int) // 3
    frame.to_csv(folder / "panel.csv", index=False)
    (folder / "run.toml").write_text(RUN)
    answer = good("simulate", folder / "run.toml", "--out", folder / "out")
    return frame, answer, folder / "out"


def test_random_phases_take_five_years_and_each_once():
    few = small_panel(countries=9, years=4, seed=2)
    for panel, told in (
        (few, "random phases take 5 years or more, not 4"),
        (pd.concat([few, few[:1]]), "has two rows in"),
    ):
        with pytest.raises(TivaxError, match=told):
            steps.phase_placebos(panel, MODEL, panels=2, draws=19)


def _with_effect(beta: float, seed: int) -> pd.DataFrame:
    panel = small_panel(countries=9, years=6, seed=seed)
    return panel.assign(KOFGIdj=panel["KOFGIdj"] + beta * panel["TBI"])


def test_placebos_do_not_take_up_the_effect_of_the_treatment():
    """Shared phases keep a placebo correlated with it; rates are those without one."""
    none, large = (
        steps.phase_placebos(_with_effect(b, 2), MODEL, panels=64, draws=19)
        for b in (0, 100)
    )
    assert_allclose(large["size"], none["size"], rtol=0, atol=1 / 64)
    assert_allclose(large["mc_error"], none["mc_error"], rtol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("persistence", [0.0, 0.8])
def test_placebos_with_random_phases_keep_five_percent_where_there_is_an_effect(
    persistence,
):
    """Over 40 panels, by the wild bootstrap: CV1 rejects too often in few clusters. The
    error of one panel's size is that which is said of it."""
    sizes, errors = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        shocks = rng.normal(size=(2, 60, 15))
        for t in range(1, 15):
            shocks[..., t] = persistence * shocks[..., t - 1] + shocks[..., t]
        x, u = shocks.reshape(2, -1)
        keys = {
            "iso3": np.repeat(np.arange(60), 15),
            "year": np.tile(np.arange(15), 60),
        }
        panel = pd.DataFrame({**keys, "x": x, "y": x + u})
        model = Model("m", "y", ("x",), entity="iso3", time="year")
        table = steps.phase_placebos(panel, model, panels=160, draws=19)
        row = table.set_index("method").loc["WCR"]
        sizes.append(row["size"])
        errors.append(row["mc_error"])
    spread = np.mean(errors) / np.sqrt(40)
    # Three errors of the mean.
    assert abs(np.mean(sizes) - 0.05) < 3 * spread < 0.06
    assert 0.5 < np.std(sizes) / np.mean(errors) < 1.2


@pytest.mark.slow
def test_p_values_are_those_of_the_engine(made):
    frame, _, out = made
    table = pd.read_csv(out / "p_values.csv").set_index("method")
    assert [*table.index] == [*METHODS]
    row = model_table([LinearFit.to_draw(frame, MODEL)]).iloc[0]
    fit = two_way(frame, MODEL.outcome, MODEL.regressors)
    wanted = {
        "CV1 t(G-1)": row["cv1_p_value"],
        "CV2 BM": row["cv2_p_value"],
        "V5 t(G-1)": row["v5_p_value"],
        "two-way CV1": fit.vcov(TwoWay()).terms["p_value"].iloc[0],
        "Driscoll-Kraay": fit.vcov(DriscollKraay()).terms["p_value"].iloc[0],
    }
    for name, scheme in {
        "WCU31": Wild(null=False, type="31"),
        "placebo t": Placebo(),
    }.items():
        found = resample(frame, MODEL, scheme, draws=199, seed=3)
        wanted[name] = found.tables()["summary"]["p_value"].iloc[0]
    # The panel is read from a file of 17 digits.
    assert_allclose(table["p_value"][[*wanted]], [*wanted.values()], rtol=1e-9)
    assert np.isnan(table["p_value"]["network HAC"])
    assert table["note"]["network HAC"] == "no flows are given"


def test_levels_are_tested_and_one_that_is_none_says_why(made):
    frame, _, out = made
    levels = pd.read_csv(out / "levels.csv").set_index("coarse")
    assert levels["fine"].tolist() == ["rows", "iso3", "iso3"]
    test = clustering_level(frame, MODEL, coarse="region", draws=199, seed=3)
    assert_allclose(levels["tau"]["region"], test.tests["tau"][0], rtol=1e-9)
    assert levels["note"]["year"].startswith("iso3 C00 is in two clusters of year")


def test_five_kinds_of_panels_are_simulated(made):
    _, answer, out = made
    sizes = pd.read_csv(out / "simulation.csv")
    kinds = list(dict.fromkeys(sizes["design"]))
    assert [k.split(",")[0] for k in kinds][:2] == ["errors alike", "errors by country"]
    assert kinds[-1] == "placebos, random phases" and len(kinds) in (4, 5)
    assert (sizes["panels"][sizes["method"] == "CV1 t(G-1)"] == 32).all()
    table = pd.read_csv(out / "p_values.csv").set_index("method")
    own = sizes[sizes["method"] == "WCR"].set_index("design")["size"]
    assert table["size_max"]["WCR"] == own.max()
    assert own[table["worst"]["WCR"]] == own.max()
    assert_described("simulate", out)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["panels"] == 32 and 0 < manifest["residual_max"] < 1e-13
    assert f"{table['p_value']['CV1 t(G-1)']:.4f}" in answer.out


def a_table(**sizes: list[float]) -> pd.DataFrame:
    """Sizes of methods in two kinds of 10,000 panels."""
    table = pd.DataFrame(sizes, index=pd.Index(["one", "two"], name="design"))
    table = table.melt(ignore_index=False, var_name="method", value_name="size")
    error = np.sqrt(table["size"] * (1 - table["size"]) / 10_000)
    return table.assign(mc_error=error).reset_index()


def test_the_simulated_factor_has_the_loadings_that_the_outcome_has():
    rng = np.random.default_rng(3)
    panel = small_panel(countries=15, years=12, seed=2)
    loadings = rng.normal(size=15)
    common = np.outer(loadings - loadings.mean(), rng.normal(size=12)).ravel()
    panel["KOFGIdj"] = 5 * common + 0.1 * rng.normal(size=len(panel))
    model = Model("m", "KOFGIdj", ("TBI", "RQ"), entity="iso3", time="year")
    found = given_by(panel, model, Path(), outcome="KOFGIdj").loadings
    assert found is not None
    assert_allclose((found**2).mean(), 1, rtol=1e-12)
    own = loadings - loadings.mean()
    large = np.abs(own) > 0.2  # of which noise does not decide the sign
    assert large.sum() > 10
    assert abs(np.sign(found * own)[large].sum()) == large.sum()
    assert given_by(panel, model, Path(), spreads="KOFGIdj").loadings is None


def test_a_method_keeps_its_level_within_a_hundredth_and_its_error():
    """1.96 errors of 10,000 panels are .0047 at 6 %: .0645 is near enough, .066 not."""
    sizes = a_table(
        kept=[0.05, 0.0645], often=[0.05, 0.066], rarely=[0.05, 0.03], both=[0.02, 0.09]
    )
    p = pd.DataFrame({"method": [*sizes["method"].unique(), "none"], "p_value": 0.5})
    found = steps._with_sizes(p.assign(note=""), sizes).set_index("method")
    keeps = ["yes", "too often", "too rarely", "too often", ""]
    assert found["keeps"].tolist() == keeps
    assert found["worst"].tolist() == ["two", "two", "one", "two", ""]
    assert list(found.loc["both", ["size_min", "size_max"]]) == [0.02, 0.09]


@pytest.mark.parametrize(
    "old, new, told",
    [
        (
            'regressors = ["TBI"',
            'clusters = "year"\nregressors = ["TBI"',
            "clusters by",
        ),
        ("panels = 32", "panel = 32", "unknown key panel in [simulate]"),
        ("panels = 32", "panels = 0", "panels = 0 in [simulate]: write a whole number"),
        ("panels = 32", 'flows = "none.csv"', "flows: no file"),
        (
            'regressors = ["TBI", ',
            'endogenous = ["TBI"]\ninstruments = ["L.TBI"]\nregressors = [',
            "two-stage least squares is not simulated",
        ),
    ],
)
def test_a_mistake_is_one_line(made, tmp_path, old, new, told):
    made[0].to_csv(tmp_path / "panel.csv", index=False)
    (tmp_path / "run.toml").write_text(RUN.replace(old, new, 1))
    line = mistake("simulate", tmp_path / "run.toml", "--out", tmp_path / "out")
    assert str(tmp_path) in line and told in line
    assert names(tmp_path) == ["panel.csv", "run.toml"]


def test_columns_have_any_names():
    """A run file's entity and time: the same numbers as with iso3 and year."""
    frame = small_panel(countries=9, years=6, seed=2)
    given = {"path": Path("panel.csv"), "draws": 99, "panels": 8, "panel_draws": 9}
    (usual,) = steps.own_panel(frame, replace(MODEL, treatment="TBI"), **given)
    own = Model("main", "KOFGIdj", MODEL.regressors, entity="country", time="yr")
    named = frame.rename(columns={"iso3": "country", "year": "yr"})
    (found,) = steps.own_panel(named, own, **given)
    pd.testing.assert_frame_equal(found.p_values, usual.p_values)
    pd.testing.assert_frame_equal(found.sizes, usual.sizes)
    assert found.levels["coarse"].tolist() == ["country"]
