"""Histograms of draws and intervals of the paper's columns, read back from matplotlib."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from tivax.engine.estimation import LinearFit
from tivax.engine.estimation.model import Model
from tivax.engine.figures.panel import intervals
from tivax.engine.figures.resampling import DrawnStatistics, histograms
from tivax.engine.papers.trade_imbalance.inference import INTERVALS
from tivax.engine.reporting import plot_style
from tivax.engine.reporting.labels import label
from tivax.engine.reporting.plot_style import COLOURS, DEFICIT, INK, QUIET
from tivax.engine.resampling.draws import MemoryDraws
from tivax.engine.resampling.inference import infer
from tivax.engine.resampling.p_values import summarise
from tivax.engine.resampling.plans import make_plan
from tivax.engine.resampling.schemes import Bayesian, Pairs, Placebo, Wild

from drawings import row_labels, words
from experiment_panels import MODEL, small_panel

# Heights are multiplied and divided again.
RTOL = 1e-12
DRAWS = 2_000
TWO = Model(
    "two", "KOFGIdj", ("TFP", "TBI", "RQ"), ("TFP", "TBI"), entity="iso3", time="year"
)
CASES = {
    "pairs": (MODEL, Pairs()),
    "bayesian": (MODEL, Bayesian()),
    "wild": (MODEL, Wild(weights="webb", value=2.0)),
    "wild, all signs": (MODEL, Wild()),
    "joint": (TWO, Wild(joint=True)),
    "placebo": (MODEL, Placebo(studentised=False)),
    "placebo t": (MODEL, Placebo()),
    "two terms": (TWO, Pairs()),
}
FRAME = small_panel(countries=9, unknown=0.1, seed=7)


@cache
def drawn(name: str) -> DrawnStatistics:
    model, scheme = CASES[name]
    plan = make_plan(LinearFit.to_draw(FRAME, model), scheme, DRAWS)
    return DrawnStatistics(name, plan, infer(plan, 1)[0])


@cache
def axes(name: str):
    (ax,) = histograms([drawn(name)]).axes
    return ax


def bars(ax) -> list[Rectangle]:
    return [*ax.containers[0]]


def marks(ax, colour: str) -> list[float]:
    """Places of vertical lines."""
    lines = [k for k in ax.get_lines() if to_hex(k.get_color()) == colour.lower()]
    ends = [np.asarray(k.get_xdata()) for k in lines]
    return sorted(float(k[0]) for k in ends if len(k) == 2 and k[0] == k[1])


def spans(ax) -> list[Rectangle]:
    own = [patch for container in ax.containers for patch in container]
    return [k for k in ax.patches if k not in own]


def named(figure) -> list[str]:
    """The names in the legend."""
    (legend,) = figure.legends
    return [k.get_text() for k in legend.get_texts()]


# ------------------------------------------------------------------------ histograms


@pytest.mark.parametrize("name", CASES)
def test_areas_of_the_bars_are_the_counts_of_the_draws(name):
    table = drawn(name).inference.distribution
    table = table[table["term"] == table["term"].iloc[0]]
    total = table["count"].sum()
    assert total == (2**9 if drawn(name).plan.exact else DRAWS)
    shown = bars(axes(name))
    assert_allclose([k.get_x() for k in shown], table["low"])
    assert_allclose([k.get_x() + k.get_width() for k in shown], table["high"])
    areas = np.array([k.get_width() * k.get_height() for k in shown])
    assert_allclose(areas * total, table["count"], rtol=RTOL)
    assert_allclose(areas.sum(), 1, rtol=RTOL)


@pytest.mark.parametrize("name", ["pairs", "bayesian", "two terms"])
def test_the_estimate_its_interval_and_zero_are_marked(name):
    """Of the first term."""
    ax, row = axes(name), drawn(name).inference.summary.iloc[0]
    assert marks(ax, DEFICIT) == [row["estimate"]]
    assert marks(ax, QUIET) == [0]
    (span,) = spans(ax)
    ends = [span.get_x(), span.get_x() + span.get_width()]
    assert_allclose(ends, [row["ci_low"], row["ci_high"]], rtol=RTOL)
    assert ax.get_xlabel() == "coefficient"


@pytest.mark.parametrize("name", ["wild", "wild, all signs"])
def test_t_of_the_sample_is_marked_on_both_sides_of_wild_draws(name):
    """t of the value that is tested, and the t distribution that it would have."""
    ax, plan = axes(name), drawn(name).plan
    value = CASES[name][1].value
    row = drawn(name).inference.summary.iloc[0]
    t = abs(row["estimate"] - value) / row["se"]
    assert_allclose(marks(ax, DEFICIT), [-t, t], rtol=RTOL)
    assert spans(ax) == [] and ax.get_xlabel() == "t*"
    (curve,) = (k for k in ax.get_lines() if to_hex(k.get_color()) == INK)
    x, density = (np.asarray(k) for k in curve.get_data())
    assert_allclose(density, stats.t.pdf(x, len(plan.fitted.labels) - 1), rtol=RTOL)
    low, high = ax.get_xlim()
    assert low == -high and high > max(t, bars(ax)[-1].get_x())


def test_a_joint_test_has_one_mark_and_no_t_distribution():
    ax, plan = axes("joint"), drawn("joint").plan
    assert marks(ax, DEFICIT) == [plan.observed[0]]
    assert ax.get_xlabel() == "F*"
    assert not [k for k in ax.get_lines() if to_hex(k.get_color()) == INK]


@pytest.mark.parametrize(
    "name, shown", [("placebo", "coefficient"), ("placebo t", "t")]
)
def test_the_estimate_or_its_t_is_marked_on_both_sides_of_placebos(name, shown):
    ax, row = axes(name), drawn(name).inference.summary.iloc[0]
    V = drawn(name).plan.fitted.covariance()
    size = abs(row["estimate"]) / (np.sqrt(V[0, 0]) if shown == "t" else 1)
    assert_allclose(marks(ax, DEFICIT), [-size, size], rtol=RTOL)
    assert spans(ax) == [] and ax.get_xlabel() == shown
    low, high = ax.get_xlim()
    assert low == -high and high > size


@pytest.mark.parametrize(
    "name, legend",
    [
        ("pairs", ["draws", "95 % interval", "the sample"]),
        ("wild", ["draws", "t(G - 1)", "share beyond: p", "the sample, either sign"]),
        ("joint", ["draws", "share beyond: p", "the sample"]),
        ("placebo", ["draws", "share beyond: p", "the sample, either sign"]),
    ],
)
def test_titles_and_the_legend_say_what_is_shown(name, legend):
    ax = axes(name)
    p = drawn(name).inference.summary["p_value"].iloc[0]
    assert ax.get_title(loc="left") == name
    assert ax.get_title(loc="right") == f"p = {p:.4f}"
    assert named(ax.figure) == legend


@pytest.mark.parametrize(
    "values, text",
    # 2 (0 + 1) / 40,001; as many on each side.
    [
        (np.linspace(1, 2, 40_000), "p = 5.0e-05"),
        (np.linspace(-1, 1, 99), "p = 1.0000"),
    ],
)
def test_a_small_p_is_not_printed_as_zero(values, text):
    plan = drawn("pairs").plan
    inference = summarise(plan, MemoryDraws(values[:, None]))
    (ax,) = histograms([DrawnStatistics("own", plan, inference)]).axes
    assert ax.get_title(loc="right") == text


@pytest.mark.parametrize(
    "models, shape", [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3)), (6, (2, 3))]
)  # fmt: skip
def test_each_model_has_a_histogram_of_the_same_size(models, shape):
    own = [drawn("pairs")._replace(title=f"model {k}") for k in range(models)]
    figure = histograms(own)
    shown = [ax for ax in figure.axes if ax.axison]
    titles = [ax.get_title(loc="left") for ax in shown]
    assert titles == [f"model {k}" for k in range(models)]
    places = [ax.get_position() for ax in shown]
    assert len({round(k.x0, 6) for k in places}) == shape[1]
    assert len({round(k.y0, 6) for k in places}) == shape[0]
    for size in ("width", "height"):
        assert len({round(getattr(k, size), 6) for k in places}) == 1
    # Within the page, and titles not over each other.
    boxes: list[Any] = [ax.get_tightbbox() for ax in shown]
    for left, right in zip(boxes[: shape[1] - 1], boxes[1 : shape[1]], strict=True):
        assert left.x1 <= right.x0 + 1
    assert min(k.x0 for k in boxes) >= 0


def test_the_legend_of_unlike_models_names_all():
    figure = histograms([drawn("pairs"), drawn("wild"), drawn("placebo")])
    told = ["draws", "95 % interval", "the sample", "t(G - 1)", "share beyond: p"]
    assert named(figure) == [*told, "the sample, either sign"]


def test_the_draws_beyond_the_sample_are_an_area():
    """As many draws as p says, to a bin on either side."""
    found = drawn("wild")
    (ax,) = histograms([found]).axes
    every, beyond = ax.containers[:2]
    all_bars, tail = (
        [k.get_width() * k.get_height() for k in part] for part in (every, beyond)
    )
    assert_allclose(sum(all_bars), 1, atol=1e-9)
    width = max(all_bars)
    p = float(found.inference.summary["p_value"].iloc[0])
    assert abs(sum(tail) - p) <= 2 * width
    assert {to_hex(k.get_facecolor()) for k in beyond} == {DEFICIT.lower()}


def test_placebos_in_chinese_are_a_density_with_its_axis():
    figure = histograms([drawn("placebo")], "zh")
    (ax,) = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("安慰剂系数", "密度")
    assert len(ax.get_yticks()) > 2
    p = drawn("placebo").inference.summary["p_value"].iloc[0]
    assert ax.get_title(loc="right") == f"p值 = {p:.4f}"
    assert named(figure) == ["抽样分布", "超出的份额：p值", "真实估计值（正负两侧）"]
    # The other schemes have no such axis, and all words but t* in Chinese.
    (ax,) = histograms([drawn("pairs")], "zh").axes
    assert ax.get_xlabel() == "系数" and len(ax.get_yticks()) == 0


# ------------------------------------------------------------------------- intervals


def rows(count: int) -> pd.DataFrame:
    """Columns of a table; of each kind one interval with 0 and one without."""
    frame = pd.DataFrame(
        {
            "column": range(1, count + 1),
            "outcome": ["KOFGIdj", "KOFEcGIdj"] * (count // 2) + ["KOFGIdj"] * (count % 2),
            "sample": "developed",
            "estimate": np.arange(count) + 2.0,
        }
    )  # fmt: skip
    for k, prefix in enumerate(INTERVALS.values()):
        away = (np.arange(count) + k) % 2 == 0
        frame[f"{prefix}_ci_low"] = np.where(away, 0.5, -1.0 - k)
        frame[f"{prefix}_ci_high"] = frame["estimate"] + 1 + k
    return frame


def flat_lines(ax) -> list[Any]:
    """Those of one height."""
    return [k for k in ax.get_lines() if np.ptp(k.get_ydata()) == 0]


@pytest.mark.parametrize("count", [1, 6])
def test_each_interval_runs_from_end_to_end_in_its_row(count):
    frame = rows(count)
    figure = intervals(frame, INTERVALS)
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == count
    words = "coefficient of the trade benefit index, 95 % interval"
    assert figure.get_supxlabel() == words
    # What the colours mean is said beside the panels.
    (said,) = figure.legends
    told = ["estimate", "interval excludes 0", "interval includes 0"]
    assert named(figure) == [*told, "range of the estimate, not an interval"]
    below = next(k for k in figure.texts if k.get_text() == words)
    assert not said.get_window_extent().overlaps(below.get_window_extent())
    for ax, (_, row) in zip(shown, frame.iterrows(), strict=True):
        assert ax.get_title(loc="left") == (
            f"({row['column']}) {label(row['outcome'])}, developed"
        )
        lines = zip(flat_lines(ax), INTERVALS.values(), strict=True)
        for k, (line, prefix) in enumerate(lines):
            ends = [row[f"{prefix}_ci_low"], row[f"{prefix}_ci_high"]]
            assert_array_equal(line.get_xdata(), ends)
            assert_array_equal(line.get_ydata(), k)
            # Blue where 0 is outside; what is no interval has a colour of its own.
            colour = COLOURS[1] if row[f"{prefix}_ci_low"] > 0 else QUIET
            colour = COLOURS[3] if prefix == "without" else colour
            assert to_hex(line.get_color()) == colour.lower()
        assert marks(ax, DEFICIT) == [row["estimate"]]
        assert 0 in marks(ax, QUIET)
    assert row_labels(shown[0]) == list(INTERVALS)


def arrows(ax) -> list[tuple[str, float, float]]:
    return [
        (str(k.get_marker()), float(k.get_xdata()[0]), float(k.get_ydata()[0]))
        for k in ax.get_lines()
        if k.get_marker() in ("<", ">")
    ]


def test_an_infinite_end_is_an_arrow_at_the_edge():
    """The axis holds what is finite, and 15 % of its width on both sides."""
    frame = rows(1).assign(wild_ci_low=-np.inf, wild_ci_high=2.0, pairs_ci_high=np.inf)
    ax = intervals(frame, INTERVALS).axes[0]
    values = frame.filter(regex="^estimate$|_ci_(low|high)$").to_numpy(float)
    known = np.append(0.0, values)
    known = known[np.isfinite(known)]
    room = 0.15 * np.ptp(known)
    edges = known.min() - room, known.max() + room
    assert_allclose(ax.get_xlim(), edges)
    wild, pairs = ([*INTERVALS.values()].index(k) for k in ("wild", "pairs"))
    assert arrows(ax) == [("<", edges[0], wild), (">", edges[1], pairs)]
    bars = [k for k in flat_lines(ax) if len(k.get_xdata()) == 2]
    assert_allclose(bars[wild].get_xdata(), [edges[0], 2.0])
    assert to_hex(bars[wild].get_color()) == QUIET.lower()
    assert_allclose(bars[pairs].get_xdata(), [frame["pairs_ci_low"].iloc[0], edges[1]])


def test_finite_intervals_have_no_arrows():
    assert arrows(intervals(rows(1), INTERVALS).axes[0]) == []


def test_an_interval_below_zero_is_without_it_too():
    frame = rows(1).assign(cv1_ci_low=-3.0, cv1_ci_high=-1.0)
    ax = intervals(frame, INTERVALS).axes[0]
    line = flat_lines(ax)[[*INTERVALS.values()].index("cv1")]
    assert_array_equal(line.get_xdata(), [-3, -1])
    assert to_hex(line.get_color()) == COLOURS[1].lower()


def test_chinese_labels_are_text_in_the_svg():
    figure = intervals(rows(2), INTERVALS, "zh")
    svg = plot_style.draw(figure, files=False).element()
    for text in ("(1) 全球化综合指数, 发达国家", "(2) 经济全球化指数, 发达国家"):
        assert f">{text}</text>" in svg
    named = {label(k, "zh") for k in INTERVALS}
    assert named <= set(words(figure)) and not named & set(INTERVALS)
    assert "'Noto Sans CJK SC', 'Source Han Sans SC'" in svg


# ---------------------------------------------------------------------------- saving


FIGURES = {
    "pairs": lambda: histograms([drawn("pairs")]),
    "intervals": lambda: intervals(rows(6), INTERVALS),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_give_the_same_bytes(name, tmp_path):
    texts = []
    for k in (1, 2):
        written = plot_style.draw(FIGURES[name]()).save(tmp_path, f"{k}")
        texts.append([(tmp_path / file).read_bytes() for file in written])
    assert len(texts[0]) == 3 and texts[0] == texts[1]
