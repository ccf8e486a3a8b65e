"""Figures of why a measure changed: what they show where there is no number."""

import numpy as np
import pandas as pd

from tivax.engine.figures import changes


def test_a_step_without_the_measure_has_no_dot():
    """A region without trade has no index: that is not a change of 0."""
    steps = pd.DataFrame(
        [
            ("R1", year, factor, np.nan if year == 2001 else value)
            for year in (2001, 2002)
            for factor, value in (("technology", 0.25), ("sourcing", -0.125))
        ],
        columns=["region", "end", "factor", "value"],
    )
    ax = changes.yearly_effects(steps).axes[0]
    (dots,) = (k for k in ax.lines if k.get_label() == "change")
    np.testing.assert_array_equal(dots.get_ydata(), [np.nan, 0.125])
