"""The study of the size of interactive effects, on a few panels."""

import numpy as np
import pytest
from scipy import stats

import tivax as tx
from tivax.bench.studies.factor_size import DESIGNS, panel, rates


def test_sizes_are_shares_of_panels_whose_t_is_large():
    table = rates(DESIGNS[0], 2, panels=4, seed=3).set_index("correction")
    t, counted = [], []
    for k in range(4):
        fit = tx.referee.interactive_effects(
            panel(DESIGNS[0], 30_000 + k),
            "y",
            ["x"],
            factors=2,
            most=0,
            entity="iso3",
            time="year",
        )
        row = fit.terms.iloc[0]
        t.append(abs(row["estimate"] - 1) / row["se_plain"])
        counted.append(abs(row["estimate"] - 1) / row["se"])
    reach = stats.t.ppf(0.975, 40)
    assert table.loc["none", "size"] == np.mean(np.array(t) > reach)
    assert table.loc["none", "size_counted"] == np.mean(np.array(counted) > reach)
    assert table["mc_error"].iloc[0] == pytest.approx(np.sqrt(0.05 * 0.95 / 4))
