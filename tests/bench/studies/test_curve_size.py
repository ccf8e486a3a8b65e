"""The study of the sizes of joint tests: what it simulates, and the columns it writes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.bench.studies import curve_size as study
from tivax.engine.panel.recipe import CONTROLS
from tivax.engine.papers.trade_imbalance import paper_models

from helpers import random_panel


@pytest.mark.parametrize("errors", ["alike", "by country"])
def test_errors_are_ar1_within_countries_and_as_large_as_asked(errors):
    panel = random_panel(countries=41, years=15, seed=4)
    model = next(k for k in paper_models() if k.sample == "all" and k.controls)
    made, models, _ = next(study._outcomes(panel, model, errors, 20, seed=3))
    assert [k.outcome for k in models] == [f"e{k}" for k in range(20)]
    wide = made.set_index(["iso3", "year"])[[k.outcome for k in models]]
    e = wide.to_numpy().reshape(41, 15, 20)
    spread = np.sqrt((e**2).mean(axis=(1, 2)))
    expected = np.ones(41)
    if errors == "by country":
        expected = study._residual_sizes(panel, model)
    # 300 values of a country, correlated by 0.6: their spread is known to 8 %.
    assert_allclose(spread, expected, rtol=0.35)
    e = e / expected[:, None, None]
    assert_allclose((e[:, 1:] * e[:, :-1]).mean(), study.PERSISTENCE, atol=0.05)
    assert set(CONTROLS) < set(model.regressors)
