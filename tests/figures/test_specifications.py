from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from numpy.testing import assert_allclose

from tivax.engine.figures.specifications import (
    joint_curve,
    leave_one_out,
    specification_curve,
)
from tivax.engine.reporting import plot_style

import figure_data
from drawings import line, row_labels, segments, words
from figure_data import CHOICES, curve, left_out
from helpers import error_of

# --------------------------------------------------------- specification curve


def stairs(ax, name) -> Any:
    (found,) = (k for k in ax.patches if k.get_label() == name)
    return found.get_data()


def test_the_curve_is_sorted_and_darker_where_the_interval_excludes_zero():
    frame = curve().sort_values("estimate")
    above, _ = specification_curve(curve(), list(CHOICES), 6.0, 2.0).axes
    assert_allclose(stairs(above, "estimate").values, frame["estimate"])
    outside = ((frame["ci_low"] > 0) | (frame["ci_high"] < 0)).to_numpy()
    assert 0 < outside.sum() < 60
    for name, chosen in (("excludes 0", outside), ("includes 0", ~outside)):
        high, edges, low = stairs(above, name)
        assert_allclose(high, np.where(chosen, frame["ci_high"], np.nan))
        assert_allclose(low, np.where(chosen, frame["ci_low"], np.nan))
        assert_allclose(edges, np.arange(61) + 0.5)


def test_the_printed_value_and_the_identified_specification_are_marked():
    frame = curve()
    figure = specification_curve(frame, list(CHOICES), 6.0, 2.0)
    above, below = figure.axes
    assert_allclose(line(above, "published").get_ydata(), [6.0])
    (interval,) = (k for k in above.collections if isinstance(k, LineCollection))
    heights = np.asarray(interval.get_segments()[0])[:, 1]
    assert_allclose(heights, [6 - 1.959964 * 2, 6 + 1.959964 * 2], rtol=1e-6)
    assert "paper 6.00" in words(figure)
    rank = int((frame["estimate"] < frame["estimate"][7]).sum()) + 1
    assert_allclose(line(above, "chosen").get_xydata(), [[rank, frame["estimate"][7]]])
    dots = [k for k in below.get_lines() if k.get_marker() == "o"]
    taken = np.concatenate([np.asarray(k.get_ydata()) for k in dots])
    names = dict(zip(below.get_yticks(), row_labels(below), strict=True))
    assert [names[k] for k in taken] == [frame["edition"][7], frame["rule"][7]]


def test_the_bars_of_each_row_cover_the_specifications_that_take_its_option():
    frame = curve().sort_values("estimate").reset_index(drop=True)
    figure = specification_curve(frame, list(CHOICES), 6.0, 2.0)
    below = figure.axes[1]
    assert row_labels(below) == ["9.0", "9.1", "10.0", "drop", "keep"]
    assert {"edition", "rule"} <= set(words(figure))
    for choice, options in CHOICES.items():
        for option in options:
            x = line(below, f"{choice}: {option}").get_xdata().reshape(-1, 3)
            # Bars reach from k + 0.5 to k + 1.5.
            covered = [k for start, end, _ in x for k in range(int(start), int(end))]
            assert covered == np.flatnonzero(frame[choice] == option).tolist()


def test_a_thousand_specifications_make_a_small_file(tmp_path):
    rng, names = np.random.default_rng(3), [f"choice {k}" for k in range(6)]
    options = {k: rng.choice(["one", "two", "three"], 1000) for k in names}
    frame = curve(1000).assign(**options)
    figure = specification_curve(frame, names, 6.0, 2.0)
    plot_style.draw(figure).save(tmp_path, "curve")
    assert (tmp_path / "curve.svg").stat().st_size < 500_000


def test_the_chosen_specification_is_called_identified_only_where_it_is():
    words_of = {
        "chosen": "choice of data.toml",
        "identified": "identified specification",
    }
    for name, told in words_of.items():
        figure = specification_curve(curve(), list(CHOICES), 6.0, 2.0, name=name)
        assert told in words(figure)


def test_one_specification_and_none_identified_are_drawn(tmp_path):
    frame = curve().iloc[:1]
    figure = specification_curve(frame, list(CHOICES), 6.0, 2.0)
    assert "choice of data.toml" not in words(figure)
    plot_style.draw(figure).save(tmp_path, "curve")


# ---------------------------------------------------------------- curve and its null


def test_the_joint_curve_is_dark_where_significant_over_the_band_by_rank():
    rows, null = figure_data.joint_curve()
    figure = joint_curve(rows, ["controls", "lag", "sample"], null)
    above, below = figure.axes
    ranked = rows.sort_values("estimate")
    assert_allclose(stairs(above, "estimate").values, ranked["estimate"])
    high, edges, low = stairs(above, "no effect")
    assert_allclose([low, high], null[["null_low", "null_high"]].T)
    assert_allclose(edges, np.arange(13) + 0.5)
    dark = ranked["significant"].to_numpy()
    assert 0 < dark.sum() < 12
    top, _, _ = stairs(above, "significant")
    assert_allclose(top, np.where(dark, ranked["ci_high"], np.nan))
    assert_allclose(line(above, "the model").get_ydata(), [rows["estimate"][3]])
    # A choice with a single option says nothing.
    assert row_labels(below) == [
        *("regulatory quality", "all", "none"),
        *("same year", "1 year earlier"),
    ]
    # Not the label of the code "effects", which is that of country and year effects.
    renamed = rows.rename(columns={"lag": "effects"})
    assert "effects" in words(joint_curve(renamed, ["effects"], null))


def test_options_too_long_in_words_keep_their_codes():
    rows, null = figure_data.joint_curve()
    long = rows.replace({"controls": {"RQ": "lnEXR, lnCK, lnGDP, lnPOP, TFP, INFR"}})
    below = joint_curve(long, ["controls"], null).axes[1]
    assert row_labels(below) == ["all", "lnEXR, lnCK, lnGDP, lnPOP, TFP, INFR", "none"]


def test_a_joint_curve_of_one_specification_has_a_row():
    rows, null = figure_data.joint_curve()
    figure = joint_curve(rows[3:4], ["controls", "lag"], null[:1])
    assert row_labels(figure.axes[1]) == ["all"]


# ----------------------------------------------------------- leaving one out


def test_countries_left_out_are_sorted_by_coefficient():
    figure = leave_one_out(left_out(), 12.5)
    (ax,) = figure.axes
    assert row_labels(ax) == ["Brazil", "Australia", "China"]
    assert_allclose(line(ax, "developed").get_xydata(), [[12, 1]])
    assert_allclose(line(ax, "developing").get_xydata(), [[10, 0], [14, 2]])
    assert_allclose(segments(ax), [[4, 20, 1], [3, 17, 0], [5, 23, 2]])
    assert_allclose(line(ax, "full").get_xdata(), [12.5, 12.5])
    assert "full sample 12.50" in words(figure)


def test_the_codes_of_41_countries_do_not_overlap():
    frame = left_out().iloc[[0] * 41].assign(left_out=[f"X{k:02}" for k in range(41)])
    figure = leave_one_out(frame, 12.5)
    figure.draw_without_rendering()
    boxes = [k.get_window_extent() for k in figure.axes[0].get_yticklabels()]
    boxes.sort(key=lambda k: k.y0)
    assert len(boxes) == 41
    for below, above in zip(boxes, boxes[1:], strict=False):
        assert below.y1 <= above.y0 + 0.5


# ------------------------------------------------------------- mistakes, saving


MISTAKES = {
    "curve: no column WGI": lambda: specification_curve(
        curve(), ["edition", "WGI"], 1.0, 1.0
    ),
    "curve: no rows": lambda: specification_curve(
        curve().iloc[:0], ["edition"], 1.0, 1.0
    ),
    "leave one out: no column estimate": lambda: leave_one_out(
        left_out().drop(columns="estimate"), 1.0
    ),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_is_named_in_one_line(message):
    assert error_of(MISTAKES[message]) == message
