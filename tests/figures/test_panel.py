import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from numpy.testing import assert_allclose

from tivax.engine.figures.panel import (
    coefficient_plot,
    index_means,
    slopes,
    tbi_coefficients,
    true_versus_estimated,
)
from tivax.engine.reporting.labels import label

from drawings import line, row_labels, segments, words
from figure_data import PANEL_YEARS, SLOPES, comparison, estimates, panel, points
from helpers import error_of

# ----------------------------------------------------------------------- means


def test_the_lines_are_the_means_of_the_two_groups():
    frame = panel()
    figure = index_means(frame)
    assert len(figure.axes) == 2
    for ax, index in zip(figure.axes, ("KOFGIdj", "KOFEcGIdj"), strict=True):
        by_hand = frame[index].to_numpy().reshape(4, 3)
        for group, countries in (("developed", [0, 1]), ("developing", [2, 3])):
            drawn = line(ax, group)
            assert_allclose(drawn.get_xdata(), PANEL_YEARS)
            assert_allclose(drawn.get_ydata(), by_hand[countries].mean(axis=0))
        low, high = ax.get_ylim()
        assert 0 < low < by_hand.mean() < high
        assert ax.get_title(loc="left") == label(index)
        assert {"developed", "developing"} <= {k.get_text() for k in ax.texts}
    assert figure.axes[0].get_ylabel() == "index, 1 to 100"


def test_both_panels_show_all_of_both_lines():
    frame = panel()
    frame["KOFEcGIdj"] -= 30
    for ax in index_means(frame).axes:
        low, high = ax.get_ylim()
        for drawn in ax.get_lines():
            heights = np.asarray(drawn.get_ydata())
            assert low < heights.min() and heights.max() < high


# ------------------------------------------------------------- beside the paper


def test_each_panel_holds_the_printed_and_the_estimated_coefficients_of_a_term():
    frame = comparison().query("table == 4").reset_index(drop=True)
    figure = coefficient_plot(frame)
    assert [k.get_title(loc="left") for k in figure.axes] == [
        "trade benefit index",
        "regulatory (paper:\nmanagement) quality",
    ]
    # Quantiles of t with 21 and 18 degrees of freedom, from a printed table.
    t = np.array([2.0796, 2.1009])
    for ax, term in zip(figure.axes, ("TBI", "RQ"), strict=True):
        part = frame[frame["term"] == term]
        drawn = segments(ax)
        for name, prefix, k in (("published", "paper_", 0), ("ours", "", 2)):
            dots = line(ax, name)
            coef = part[f"{prefix}coef"].to_numpy()
            assert_allclose(dots.get_xdata(), coef)
            assert np.round(dots.get_ydata()).tolist() == [0, 1]
            half = t * part[f"{prefix}se"]
            assert_allclose(drawn[k : k + 2, 0], coef - half, atol=1e-3)
            assert_allclose(drawn[k : k + 2, 1], coef + half, atol=1e-3)
        assert line(ax, "published").get_markerfacecolor() == "white"
        assert line(ax, "ours").get_markerfacecolor() != "white"
    assert [k.replace("\n", " ") for k in row_labels(figure.axes[0])] == [
        "(1) globalisation index, developed",
        "(2) economic globalisation, developing",
    ]
    assert {"paper", "tivax"} <= set(words(figure))


def test_a_column_without_a_term_has_an_empty_row_in_its_panel():
    figure = coefficient_plot(comparison().query("table == 3"))
    quality = line(figure.axes[1], "ours")
    assert quality.get_ydata().round().tolist() == [1]
    low, high = sorted(figure.axes[1].get_ylim())
    assert low < 0 and high > 1


def test_eight_terms_of_six_columns_do_not_overlap():
    terms = ["TBI", "RQ", "lnEXR", "TFP", "INFR", "lnCK", "lnGDP", "lnPOP"]
    parts = []
    for column in range(1, 7):
        part = comparison().iloc[[0] * 8].assign(term=terms, column=column)
        parts.append(part.assign(sample="developed" if column < 4 else "developing"))
    figure = coefficient_plot(pd.concat(parts))
    figure.draw_without_rendering()
    assert len(figure.axes) == 8
    for ax in figure.axes:
        boxes = [k.get_window_extent() for k in ax.get_yticklabels() if k.get_text()]
        boxes.sort(key=lambda k: k.y0)
        for below, above in zip(boxes, boxes[1:], strict=False):
            assert below.y1 <= above.y0 + 0.5
    for left, right in zip(figure.axes[:3], figure.axes[1:4], strict=True):
        title = left.get_title(loc="left")
        (text,) = (k for k in left.findobj(Text) if k.get_text() == title)
        assert text.get_window_extent().x1 < right.get_window_extent().x0


def test_all_tbi_coefficients_stand_under_their_table_and_sample():
    frame = comparison()
    figure = tbi_coefficients(frame)
    (ax,) = figure.axes
    assert row_labels(ax) == [
        "Table 3, all, no controls",
        "(1) globalisation index",
        "Table 3, all",
        "(2) globalisation index",
        "Table 4, developed",
        "(1) globalisation index",
        "Table 4, developing",
        "(2) economic globalisation",
    ]
    tbi = frame[frame["term"] == "TBI"]
    for name, column in (("published", "paper_coef"), ("ours", "coef")):
        assert_allclose(line(ax, name).get_xdata(), tbi[column])
        assert np.round(line(ax, name).get_ydata()).tolist() == [1, 3, 5, 7]


# ------------------------------------------------------------ slopes, truth


def test_each_line_passes_through_the_mean_of_its_points():
    figure = slopes(points(), SLOPES)
    (ax,) = figure.axes
    # Means (1, 2), (12, 25) and, of all, (6.5, 13.5).
    assert_allclose(line(ax, "developed").get_xydata(), [[0, 1], [2, 3]])
    assert_allclose(line(ax, "developing").get_xydata(), [[10, 20], [14, 30]])
    assert_allclose(line(ax, "pooled").get_xydata(), [[0, 0.5], [14, 28.5]])
    assert_allclose(line(ax, "points of developing").get_xydata(), [[10, 20], [14, 30]])
    assert {"developed\nslope 1.00", "pooled\nslope 2.00"} <= set(words(figure))
    assert ax.get_xlabel() == "trade benefit index, residual"


def test_the_truth_stands_beside_the_estimate_and_its_interval():
    (ax,) = true_versus_estimated(estimates()).axes
    assert_allclose(line(ax, "true").get_xdata(), [12, -0.1])
    assert_allclose(line(ax, "estimate").get_xdata(), [11, 0.2])
    half = 1.959964 * np.array([2.0, 0.5])
    wanted = [[11 - half[0], 11 + half[0], 0], [0.2 - half[1], 0.2 + half[1], 1]]
    assert_allclose(segments(ax), wanted, rtol=1e-6)
    assert row_labels(ax)[1] == "regulatory (paper:\nmanagement) quality"


def test_only_rows_that_would_be_dots_on_the_common_scale_have_one_of_their_own():
    frame = estimates().assign(se=[2.0, 0.01])
    first, second = true_versus_estimated(frame).axes
    assert_allclose(line(first, "true").get_xdata(), [12])
    assert_allclose(line(second, "true").get_xdata(), [-0.1])


def test_given_intervals_take_the_place_of_standard_errors():
    frame = estimates().assign(ci_low=[9.0, 0.1], ci_high=[12.0, 0.4])
    (ax,) = true_versus_estimated(frame).axes
    assert_allclose(segments(ax), [[9, 12, 0], [0.1, 0.4, 1]])


# ------------------------------------------------------------------- mistakes


MISTAKES = {
    "panel: no column KOF": lambda: index_means(panel(), ["KOF"]),
    "panel: no KOFGIdj of developing countries (developed = 0)": lambda: index_means(
        panel().query("developed == 1")
    ),
    "comparison: no column se, clusters": lambda: coefficient_plot(
        comparison().drop(columns=["se", "clusters"])
    ),
    "comparison: one table a figure, not tables 3, 4": lambda: coefficient_plot(
        comparison()
    ),
    "comparison: table 3 has no term but const": lambda: coefficient_plot(
        comparison().iloc[[1]]
    ),
    "comparison: no term TBI": lambda: tbi_coefficients(
        comparison().query("term == 'RQ'")
    ),
    "slopes: no slope for group developing": lambda: slopes(
        points(), {"developed": 1.0}
    ),
    "slopes: no points of group rich": lambda: slopes(points(), SLOPES | {"rich": 1.0}),
    "estimates: no column ci_low, ci_high": lambda: true_versus_estimated(
        estimates().drop(columns="se")
    ),
    "estimates: no column true": lambda: true_versus_estimated(
        estimates().drop(columns="true")
    ),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_is_named_in_one_line(message):
    assert error_of(MISTAKES[message]) == message
