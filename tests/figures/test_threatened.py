"""The figure of threats: order, colours, what stands apart."""

import numpy as np
import pandas as pd

from tivax.engine.figures import threat_intervals
from tivax.engine.figures.threatened import _LOOKS

import figure_data as data


def test_rows_are_sorted_and_other_questions_stand_apart():
    above, below = threat_intervals(data.threats()).axes
    labels = [[k.get_text() for k in ax.get_yticklabels()] for ax in (above, below)]
    assert labels == [
        ["weights: GDP", "period: 2000-2007", "left out: EU15", "the model"],
        ["leads: 1 later, alone, TBI 1 year later"],
    ]


def test_outcomes_are_named_and_the_treatment_is_not_repeated():
    rows = data.threats()
    more = rows.tail(1).assign(
        threat="placebo outcome", variant="KOFCuGIdj", term="TBI", estimate=5.0
    )
    _, below = threat_intervals(pd.concat([rows, more], ignore_index=True)).axes
    names = [k.get_text() for k in below.get_yticklabels()]
    assert names[1] == "placebo outcome: cultural globalisation"


def test_each_state_has_its_colour_and_its_place():
    above, below = threat_intervals(data.threats()).axes
    dots = {
        line.get_color(): float(np.ravel(line.get_xdata())[0])
        for ax in (above, below)
        for line in ax.lines
        if line.get_marker() not in ("None", "")
    }
    rows = data.threats().set_index("state")["estimate"]
    assert dots == {_LOOKS[str(state)][0]: coef for state, coef in rows.items()}


def test_a_wild_interval_does_not_squeeze_the_others():
    rows = data.threats()
    wide = rows.loc[[1] * 60].reset_index(drop=True)
    wide.loc[0, ["ci_low", "ci_high"]] = [-1e6, 1e6]
    made = threat_intervals(pd.concat([rows, wide], ignore_index=True))
    low, high = made.axes[0].get_xlim()
    assert -10 < low and high < 10
    arrows = {
        line.get_marker(): (np.ravel(line.get_xdata()).tolist(), line.get_clip_on())
        for line in made.axes[0].lines
        if line.get_marker() in ("<", ">")
    }
    assert arrows == {"<": ([low], False), ">": ([high], False)}
