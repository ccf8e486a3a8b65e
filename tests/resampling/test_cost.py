"""What large panels take is said before, and refused where it does not fit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tivax.engine.estimation import LinearFit, design
from tivax.engine.estimation.model import Model
from tivax.engine.resampling.cost import Cost, announcement, cost_of
from tivax.engine.resampling.plans import make_plan
from tivax.engine.resampling.schemes import Pairs, Placebo, Wild

from helpers import error_of

MODEL = Model("main", "y", ("x",), entity="unit", time="year")


def panel(units: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    unit, year = np.divmod(np.arange(units * 4), 4)
    return pd.DataFrame(rng.normal(size=(len(unit), 2)), columns=["x", "y"]).assign(
        unit=unit, year=2000 + year
    )


@pytest.mark.parametrize("scheme", [Wild(), Pairs(), Placebo()])
def test_cost_grows_with_draws_and_clusters(scheme):
    few, many = (
        make_plan(LinearFit.to_draw(panel(k), MODEL), scheme, 999) for k in (30, 300)
    )
    assert cost_of(many).seconds > 5 * cost_of(few).seconds
    assert cost_of(many).bytes > cost_of(few).bytes
    twice = replace(many, draws=1_998)
    assert cost_of(twice).seconds == pytest.approx(2 * cost_of(many).seconds)
    assert announcement((few, many)) is None


def test_a_large_run_is_announced():
    plan = make_plan(LinearFit.to_draw(panel(300), MODEL), Wild(), 10**9)
    line = announcement((plan,))
    assert line is not None
    assert line.startswith("1,200 rows, 300 clusters of unit: about ")
    assert line.endswith(" minutes")
    assert Cost(3 * 2**30, 20).text == "about 3.0 GiB of memory and 20 s"


def test_effects_that_do_not_fit_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(design, "machine_memory", lambda: 1 << 20)
    frame = panel(300).assign(other=lambda frame: frame.index % 290)
    line = error_of(LinearFit.to_draw, frame, replace(MODEL, time="other"))
    assert line.startswith(
        "model main: 290 effects of other that unit does not nest, in 1,200 rows, would "
        "take "
    )
    assert line.endswith("tx.fit estimates without dummies, by CV1")
