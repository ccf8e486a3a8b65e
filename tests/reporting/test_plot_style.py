"""The shared look of figures: places of labels, saving, Chinese letters."""

import re
import shutil

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager, rc_context
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from scipy.optimize import isotonic_regression

from tivax.engine.reporting import plot_style


@rc_context(plot_style.STYLE)
def one_line(title="a title"):
    figure = Figure(figsize=(2, 2), layout="constrained")
    ax = figure.subplots()
    ax.plot([2000, 2001], [1.0, 2.0])
    ax.set_title(title)
    return plot_style.finish_layout(figure)


def test_spread_moves_two_close_values_apart_by_the_same_distance():
    places = plot_style.spread_labels(
        np.array([0.52, 0.5, 0.9]), gap=0.1, low=0.0, high=1.0
    )
    assert_allclose(places, [0.56, 0.46, 0.9])


def test_spread_keeps_within_the_bounds():
    places = plot_style.spread_labels(
        np.array([0.99, 1.0, 0.0]), gap=0.1, low=0.0, high=1.0
    )
    assert_allclose(places, [0.9, 1.0, 0.0])


def test_labels_are_spread_by_isotonic_regression():
    """SciPy's, on the values less 0, gap, 2 gap, ..., where no bound is in the way."""
    values = np.random.default_rng(0).normal(size=30)
    places = plot_style.spread_labels(values, gap=0.1, low=-99.0, high=99.0)
    steps = 0.1 * np.arange(30)
    fitted = isotonic_regression(np.sort(values) - steps).x + steps
    assert_allclose(np.sort(places), fitted, rtol=1e-12)
    assert len(plot_style.spread_labels(values[:0], gap=0.1, low=0.0, high=1.0)) == 0


@rc_context(plot_style.STYLE)
def test_names_of_close_points_stand_apart():
    figure = Figure(figsize=(3, 3), layout="constrained")
    ax = figure.subplots()
    points = [("AAA", 0.5, 0.5), ("BBB", 0.55, 0.52), ("CCC", 0.52, 0.46)]
    ax.plot([0, 1, *(x for _, x, _ in points)], [0, 1, *(y for *_, y in points)], "o")
    plot_style.label_points(figure, ax, points)
    assert [k.get_text() for k in ax.texts] == ["AAA", "BBB", "CCC"]
    boxes = [
        k.get_window_extent() for k in plot_style.finish_layout(figure).axes[0].texts
    ]
    for k, box in enumerate(boxes):
        assert box.count_overlaps(boxes[k + 1 :]) == 0


def test_a_long_name_stays_inside_the_axes():
    fig = Figure(figsize=(4, 3))
    ax = fig.subplots()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ends = [("United States", 0.02, 0.5), ("South Korea", 0.98, 0.5)]
    plot_style.label_points(fig, ax, ends, [(0.05, 0.52), (0.95, 0.52)])
    for label in ax.texts:
        box = label.get_window_extent()
        assert ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1


def test_a_name_leaves_points_without_one_free_where_it_can():
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.set(xlim=(0, 10), ylim=(0, 10))
    plot_style.label_points(figure, ax, [("AAA", 5.0, 5.0)], [(5.2, 5.2)])
    (name,) = plot_style.finish_layout(figure).axes[0].texts
    box, at = name.get_window_extent(), ax.transData.transform((5.2, 5.2))
    assert not box.contains(*at)


@pytest.mark.parametrize(
    ("first", "last", "bins", "shown"),
    [
        (2000, 2014, 6, [2000, 2005, 2010, 2014]),
        # 2010 is close to the end, 2000 and 2010 to those of a panel.
        (1995, 2011, 6, [1995, 2000, 2005, 2011]),
        (1995, 2011, 3, [1995, 2011]),
        (1999, 2003, 6, [1999, 2000, 2001, 2002, 2003]),
    ],
)
def test_the_first_and_the_last_year_are_written(first, last, bins, shown):
    for inside in (False, True):
        ax = Figure().subplots()
        years = np.arange(first, last + 1)
        plot_style.year_axis(ax, years, bins=bins, inside=inside)
        assert ax.get_xticks().tolist() == shown
        sides = [k.label1.get_ha() for k in ax.xaxis.get_major_ticks()]
        ends = ("left", "right") if inside else ("center", "center")
        assert (sides[0], sides[-1]) == ends and {*sides[1:-1]} <= {"center"}


def test_saving_twice_leaves_the_figure_as_it_was(tmp_path):
    figure = one_line()
    plot_style.draw(figure).save(tmp_path, "first")
    plot_style.draw(figure).save(tmp_path, "second")
    first, second = (tmp_path / f"{k}.svg" for k in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


def test_a_label_with_dollars_is_no_formula():
    assert (
        ">US$ x_1 and US$ y<"
        in plot_style.draw(one_line("US$ x_1 and US$ y"), files=False).element()
    )


def test_the_users_matplotlib_settings_are_left_alone():
    before = dict(matplotlib.rcParams)
    plot_style.draw(one_line(), files=False).element()
    assert dict(matplotlib.rcParams) == before


# ------------------------------------------------------------------------ Chinese


def test_a_title_stands_above_the_figure_and_makes_it_taller():
    plain, titled = (
        plot_style.draw(one_line(), files=False, title=k) for k in ("", "A finding")
    )
    assert "A finding" in titled.svg and "A finding" not in plain.svg
    assert titled.size[0] == plain.size[0] and titled.size[1] > plain.size[1]


def test_a_legend_at_the_top_stays_below_the_title():
    figure = one_line()
    figure.legend(figure.axes[0].lines, ["a line"], loc="outside upper right")
    svg = plot_style.draw(figure, title="A finding", note="").svg
    title, name = (
        float(re.search(rf'y="([\d.]+)"[^>]*>{k}</text>', svg)[1])
        for k in ("A finding", "a line")
    )
    assert title < name  # from the top


def test_texts_of_a_figure_are_put_into_chinese():
    drawn = plot_style.draw(one_line("trade globalisation"), files=False, language="zh")
    assert "贸易全球化指数" in drawn.svg


def test_ticks_and_the_title_of_a_figure_are_put_into_chinese():
    figure = one_line()
    figure.axes[0].set_yticks([0, 1], ["value added", "R0"])
    svg = plot_style.draw(figure, files=False, language="zh", title="Power").svg
    assert all(f">{k}</text>" in svg for k in ("增加值", "R0", "功效"))


def test_chinese_text_names_chinese_fonts_and_other_text_does_not():
    svg = plot_style.draw(one_line("贸易利益指数"), files=False).element()
    assert "'Arial', 'Noto Sans CJK SC', " in svg
    assert ">贸易利益指数</text>" in svg
    assert "CJK" not in plot_style.draw(one_line(), files=False).element()


def test_a_png_is_written_only_where_a_font_has_all_letters(tmp_path, caplog):
    # Hieroglyphs: DejaVu Sans has none of them.
    figure = one_line("\U00013000")
    assert plot_style.draw(figure).save(tmp_path, "lines") == ["lines.svg"]
    assert not (tmp_path / "lines.png").exists()
    written = plot_style.draw(one_line("−1 ≤ α")).save(tmp_path, "lines")
    assert written == ["lines.svg", "lines.png", "lines.pdf"]
    assert not caplog.records


def test_an_installed_chinese_font_gives_a_png(tmp_path):
    written = plot_style.draw(one_line("贸易")).save(tmp_path, "lines")
    assert ("lines.png" in written) == bool(plot_style.INSTALLED)


def test_a_missing_chinese_font_is_told_in_one_line_with_what_to_install(monkeypatch):
    monkeypatch.setattr(plot_style, "INSTALLED", [])
    assert plot_style.missing_font_note("en") is None
    note = plot_style.missing_font_note("zh") or ""
    assert "SVG only" in note and "apt install fonts-noto-cjk" in note
    assert "\n" not in note
    monkeypatch.setattr(plot_style, "INSTALLED", ["SimHei"])
    assert plot_style.missing_font_note("zh") is None


def test_a_font_installed_since_the_list_was_written_is_found(tmp_path, monkeypatch):
    """matplotlib keeps its list of fonts; what is no font is passed over."""
    fonts = font_manager.fontManager
    monkeypatch.setattr(fonts, "ttflist", [*fonts.ttflist])
    new, broken = tmp_path / "new.ttf", tmp_path / "broken.ttf"
    shutil.copy(font_manager.findfont("DejaVu Sans"), new)
    broken.write_bytes(b"no font")
    found = [str(broken), str(new)]
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: found)
    plot_style._add_new_fonts()
    assert [k.fname for k in fonts.ttflist if str(tmp_path) in k.fname] == [str(new)]
