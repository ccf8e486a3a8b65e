"""The figures of threats: order, names, colours, room."""

import numpy as np
import pandas as pd

from tivax.engine.figures import few_threats, threat_intervals
from tivax.engine.figures.threatened import _LOOKS

import figure_data as data
from drawings import row_labels


def test_rows_stand_by_kind_of_threat_which_its_first_row_names():
    rows = data.threats()
    more = rows.iloc[[1]].assign(name="G7")
    (ax,) = threat_intervals(pd.concat([rows, more], ignore_index=True)).axes
    assert row_labels(ax) == [
        "the model",
        "left out: EU15",
        "G7",
        "period: 2000-2007",
        "weights: GDP",
        "leads: 1 year later",
    ]


def test_each_state_has_its_colour_and_its_place():
    (ax,) = threat_intervals(data.threats()).axes
    dots = {
        line.get_color(): float(np.ravel(line.get_xdata())[0])
        for line in ax.lines
        if line.get_marker() not in ("None", "")
    }
    rows = data.threats().set_index("state")["estimate"]
    assert dots == {_LOOKS[str(state)][0]: coef for state, coef in rows.items()}


def test_many_threats_fill_at_most_a_page():
    rows = data.threats()
    kinds = [rows.iloc[[1]].assign(threat=f"kind {k // 8}") for k in range(110)]
    made = threat_intervals(pd.concat([rows, *kinds], ignore_index=True))
    assert len(made.axes) == 2
    assert made.get_size_inches()[1] < 25.7 / 2.54  # of A4 within its margins


def test_a_few_threats_stand_beside_each_other_with_estimate_and_p():
    rows = data.threats().head(4).assign(p_value=[0.004, 0.02, 0.2, np.nan])
    left, right = few_threats({"one": rows, "other": rows.head(2)}).axes
    assert row_labels(left) == rows["name"].tolist()
    told = [k.get_text() for k in left.texts]
    assert told == ["2.0 (p .004)", "1.5 (p .020)", "0.8 (p .200)", "−0.3 (no p)"]
    assert [k.get_text() for k in right.texts] == told[:2]


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
