"""The common look of all figures, the parts they share, and how they are saved.

Figures are 18 cm wide, a page, and readable at that width. pyplot is not
touched and the user's matplotlib settings are left alone: whatever draws runs within
``rc_context(STYLE)``.

Text in an SVG stays text, so that a browser finds the letters: Chinese text names the
usual Chinese fonts. PNG and PDF need the font here; without one they are not written,
and ``missing_font_note`` says so.
"""

import io
import logging
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from ..core import basis
from .drawn import Drawn
from .labels import Language
from .translations import translated

# Okabe and Ito's palette, distinct to any colour vision; their yellow is too pale for
# a line, so a dark red takes its place.
COLOURS = (
    "#D55E00",
    "#0072B2",
    "#56B4E9",
    "#E69F00",
    "#000000",
    "#009E73",
    "#882255",
    "#CC79A7",
)
SURPLUS, DEFICIT = "#0072B2", "#D55E00"
INK, QUIET, GRID = "#222222", "#767676", "#DDDDDD"

FONT = 8.0  # points
SMALL = 6.5

# DejaVu Sans comes with matplotlib, so that a figure is laid out the same anywhere.
LATIN_FONTS = ("DejaVu Sans", "Verdana", "Arial")
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans SC",
)


def _add_new_fonts() -> None:
    """Fonts installed since matplotlib wrote its list of fonts."""
    known = {font.fname for font in font_manager.fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        # It raises errors of many kinds for files that are no fonts.
        with suppress(Exception):
            font_manager.fontManager.addfont(path)


_add_new_fonts()
INSTALLED = [k for k in CHINESE_FONTS if k in set(font_manager.get_font_names())][:1]

STYLE: dict[Any, Any] = {
    "font.family": ["sans-serif", *INSTALLED],
    "font.sans-serif": [LATIN_FONTS[0]],  # others are for browsers, see ``_svg``
    "font.size": FONT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": FONT,
    "axes.labelsize": FONT,
    "text.parse_math": False,  # a label may have two $
    "svg.fonttype": "none",
    "svg.hashsalt": "tivax",
}


# Of the line from a name to its point.
_LEADER = {"linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}

# ---------------------------------------------------------------------------- axes


def plain_axes(ax: Axes, *, grid: str) -> None:
    """No box, light grid lines along one direction, behind the data."""
    ax.spines[["top", "right", "left" if grid == "y" else "bottom"]].set_visible(False)
    ax.spines[:].set_color(QUIET)
    ax.set_axisbelow(True)
    ax.grid(axis="y" if grid == "y" else "x", color=GRID, linewidth=0.6)
    ax.tick_params(length=2, color=QUIET, labelcolor=INK)
    ax.tick_params(axis="y" if grid == "y" else "x", length=0)


def interval_axes(ax: Axes) -> None:
    """The line at 0, and nothing else that could be taken for it."""
    ax.axvline(0, color=QUIET, linewidth=0.8, zorder=1)
    plain_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], min_n_ticks=3))


def labelled_rows(ax: Axes, labels: Sequence[str]) -> None:
    """One labelled row each, the first on top."""
    ax.set_yticks(np.arange(len(labels)), labels, fontsize=SMALL)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="x", labelsize=SMALL)


def year_axis(
    ax: Axes, years: np.ndarray, *, bins: int = 6, inside: bool = False
) -> None:
    """Whole years below, first and last among them; all, where at most ``bins``. With
    ``inside`` the first and last are written away from the next panel."""
    pad = max(0.5, 0.02 * float(years[-1] - years[0]))
    ax.set_xlim(float(years[0]) - pad, float(years[-1]) + pad)
    if len(years) <= bins:
        ax.set_xticks(years)
    else:
        close = 0.8 if inside else 0.6
        ax.set_xticks(_round_years(int(years[0]), int(years[-1]), bins, close))
    if inside and len(years) > 1:
        ticks = ax.xaxis.get_major_ticks()
        ticks[0].label1.set_horizontalalignment("left")
        ticks[-1].label1.set_horizontalalignment("right")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda year, _: f"{year:.0f}"))


def _round_years(first: int, last: int, bins: int, close: float) -> list[int]:
    """The first and the last year, and between them round years that are not close, in
    parts of the gap between two."""
    steps = MaxNLocator(bins, integer=True, steps=[1, 2, 5, 10], min_n_ticks=2)
    found = [round(k) for k in steps.tick_values(first, last)]
    gap = found[1] - found[0]
    near = close * gap
    return [first, *(k for k in found if first + near <= k <= last - near), last]


def label_room(labels: Sequence[str]) -> float:
    """Inches that labels need beyond those of three-letter codes."""
    longest = max((len(label) for label in labels), default=0)
    return 0.6 * FONT / 72 * max(0, longest - 3)


# ------------------------------------------------------------ labels at line ends


def label_ends(
    fig: Figure, ax: Axes, ends: Sequence[tuple[str, str, float, float]]
) -> None:
    """Names right of the axes at the height of the last value, moved apart."""
    right, across = ax.get_xlim()[1], ax.get_yaxis_transform()
    low, high = ax.get_ylim()
    labels = [
        ax.text(
            1.05, value, region, color=darker(colour), transform=across, va="center"
        )
        for region, colour, _, value in ends
    ]
    # The height of the axes is known only once they are laid out.
    lay_out(fig)
    points = ax.get_window_extent().height / fig.dpi * 72
    unit = (high - low) / points
    values = np.array([value for *_, value in ends])
    heights = spread_labels(values, gap=1.15 * FONT * unit, low=low, high=high)
    for label, height, (_, colour, year, value) in zip(
        labels, heights, ends, strict=True
    ):
        label.set_y(height)
        ax.annotate(
            "",
            xy=(year, value),
            xytext=(1.045, height),
            textcoords=across,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, **_LEADER},
        )
    ax.set_xlim(right=right)
    ax.set_ylim(low, high)


# ------------------------------------------------------------------ labels of points

# Places of a label, the best first: offset in points, alignment.
_BESIDE = (
    ((4, 2), "left", "bottom"),
    ((4, -2), "left", "top"),
    ((-4, 2), "right", "bottom"),
    ((-4, -2), "right", "top"),
    ((0, 5), "center", "bottom"),
    ((0, -5), "center", "top"),
)
_LABEL: dict[str, Any] = {
    "textcoords": "offset points", "ha": "left", "va": "bottom", "fontsize": SMALL,
    "color": INK,
}  # fmt: skip
# How much of a label is left of its place, or below.
_BEFORE = {"left": 0.0, "center": 0.5, "right": 1.0, "bottom": 0.0, "top": 1.0}


def label_points(
    fig: Figure,
    ax: Axes,
    points: Sequence[tuple[str, float, float]],
    others: Sequence[tuple[float, float]] = (),
) -> None:
    """Names beside points, each inside the axes where it covers the fewest points and
    other names, then the fewest ``others``, which have no names."""
    lay_out(fig)  # the scale of the axes is known only then

    def around(x: float, y: float) -> Bbox:
        at = ax.transData.transform((x, y))
        return Bbox.from_extents(*(at - 3), *(at + 3))

    taken, crowd = [around(*at) for _, *at in points], [around(*at) for at in others]
    for name, x, y in points:
        label = ax.annotate(name, (x, y), xytext=(0, 0), zorder=5, **_LABEL)
        with _quiet_fonts():
            here = label.get_window_extent()
        boxes = [
            here.translated(
                offset[0] * fig.dpi / 72 - _BEFORE[across] * here.width,
                offset[1] * fig.dpi / 72 - _BEFORE[along] * here.height,
            )
            for offset, across, along in _BESIDE
        ]

        def covers(box: Bbox) -> list[int]:
            outside = box.x0 < ax.bbox.x0 or box.x1 > ax.bbox.x1
            return [outside, *(box.count_overlaps(these) for these in (taken, crowd))]

        best, (offset, across, along) = min(
            zip(boxes, _BESIDE, strict=True), key=lambda k: covers(k[0])
        )
        label.set(position=offset, ha=across, va=along)
        taken.append(best)


def darker(colour: str) -> tuple[float, ...]:
    """A darker shade for text: pale colours are too faint for letters."""
    return tuple(0.75 * part for part in to_rgb(colour))


def _never_falling(values: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """The nearest sequence that does not fall: neighbours that do have their mean.

    Isotonic regression; importing SciPy's takes longer than a figure.
    """
    groups: list[tuple[float, int]] = []  # sum and number of neighbours
    for total in values.tolist():
        count = 1
        while groups and groups[-1][0] / groups[-1][1] > total / count:
            before, more = groups.pop()
            total, count = total + before, count + more
        groups.append((total, count))
    means = [total / count for total, count in groups]
    return np.repeat(means, np.array([count for _, count in groups], int))


def spread_labels(
    values: Float[np.ndarray, " k"], *, gap: float, low: float, high: float
) -> Float[np.ndarray, " k"]:
    """Places at least ``gap`` apart, in the order of ``values`` and nearest to them.

    By least squares: the sorted values less 0, gap, 2 gap, ... may not fall, which is
    an isotonic regression. Between ``low`` and ``high`` where they fit.
    """
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    fitted = _never_falling(values[order] - steps)
    top = max(low, high - gap * max(len(values) - 1, 0))
    places = np.empty(len(values))
    places[order] = np.clip(fitted, low, top) + steps
    return places


def legend(
    fig: Figure,
    handles: Sequence[Any],
    names: Sequence[str],
    *,
    loc: Any = "outside lower right",
) -> None:
    """Small entries outside the axes, without a box, in as few rows as possible."""
    style: dict[str, Any] = {"frameon": False, "fontsize": SMALL, "borderpad": 0}
    style |= {"loc": loc, "handletextpad": 0.3, "columnspacing": 1.2}
    for columns in range(len(names), 0, -1):
        made = fig.legend(handles, names, ncols=columns, **style)
        with _quiet_fonts():
            width = made.get_window_extent().width
        if width <= 0.97 * fig.bbox.width or columns == 1:
            return
        made.remove()


def finish_layout(fig: Figure, title: str = "", *, finding: bool = False) -> Figure:
    """Put ``title`` above, from the left, bold if it is a ``finding``.

    It lays out once: each later drawing would shift the axes a little, and with any
    layout engine, "none" too, a figure is drawn twice to be saved."""
    if title:
        style: dict[str, Any] = {"fontsize": FONT, "color": INK}
        if finding:
            style |= {"fontsize": FONT + 1, "fontweight": "bold"}
        fig.suptitle(title, x=0.01, ha="left", **style)
    lay_out(fig)
    with rc_context({"figure.constrained_layout.use": False}):
        fig.set_layout_engine(None)
    return fig


def lay_out(fig: Figure) -> None:
    """Find the places of all parts; letters without a font are taken to be wide."""
    engine = fig.get_layout_engine()
    with _quiet_fonts():
        if engine is None:
            fig.draw_without_rendering()
        else:
            engine.execute(fig)  # without the drawing that would follow


@contextmanager
def _quiet_fonts() -> Iterator[None]:
    """Suppress warnings about missing letters and missing bold fonts."""
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            missing = r"Glyph \d+ .* missing from"
            warnings.filterwarnings("ignore", missing, UserWarning)
            yield
    finally:
        log.setLevel(level)


# ---------------------------------------------------------------------------- saving


@rc_context(STYLE)
def draw(
    figure: Figure,
    *,
    files: bool = True,
    note: str | None = None,
    language: Language = "en",
    said: bool = False,
    title: str = "",
) -> Drawn:
    """A figure drawn; without ``files`` as SVG alone.

    The same figure gives the same bytes: no date, no random ids. ``note`` stands below
    the figure, by default what results must say of their tables (``core.basis``);
    ``title``, by default the figure's own label, stands above it. Its texts are put
    into ``language`` (``translated``), unless all is ``said`` in it already.
    """
    note = basis() if note is None else note
    title = title or str(figure.get_label())
    if language != "en" and not said:
        put_in_words(figure, partial(translated, language=language))
        title = translated(title, language)
    width, height = (float(k) for k in figure.get_size_inches())
    whole: dict[str, Any] = {}
    below, above = _NOTE if note else 0.0, 0.0
    if title:
        wide = 2 if language == "zh" else 1
        lines = textwrap.fill(title, _TITLE_LETTERS // wide)
        above = _NOTE + _LINE * (lines.count("\n") + 1)
        at = 1 + 0.04 / height  # a little above the figure
        bold = {"fontsize": FONT + 1, "fontweight": "bold", "va": "bottom"}
        figure.text(0.01, at, lines, color=INK, **bold)
    if note:
        line = -_NOTE / 2 / height
        figure.text(0.01, line, note, fontsize=SMALL, color=QUIET, va="center")
    if note or title:
        for box in figure.legends:  # else it follows the edge of the larger page
            box.set_bbox_to_anchor((0, 0, 1, 1), figure.transFigure)
        whole["bbox_inches"] = Bbox([[0, -below], [width, height + above]])
        height += below + above
    svg, png, pdf = _svg(figure, **whole), None, None
    if files and _has_all_letters(figure):
        png, pdf = io.BytesIO(), io.BytesIO()
        with _quiet_fonts():
            facts = {"Software": None}
            figure.savefig(png, format="png", dpi=200, metadata=facts, **whole)
            figure.savefig(pdf, format="pdf", metadata=_NO_FACTS, **whole)
    return Drawn(svg, png and png.getvalue(), pdf and pdf.getvalue(), (width, height))


def put_in_words(figure: Figure, say: Callable[[str], str]) -> Figure:
    """The figure with all its texts as ``say`` has them."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_text(say(text.get_text()))
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        if isinstance(axis.get_major_locator(), FixedLocator):
            # Drawing writes the labels of ticks anew.
            names = [k.get_text() for k in axis.get_ticklabels()]
            if (said := [*map(say, names)]) != names:
                axis.set_ticklabels(said)
    return figure


_NOTE = 0.2  # inches of a note below a figure
_LINE, _TITLE_LETTERS = 0.16, 88  # inches, and letters, of a line of a title


def draw_plot(plot: Callable[[], Figure], **options: Any) -> Drawn:
    """Draw the figure that ``plot`` makes, with the options of ``draw``: in another
    process no figure has to come back."""
    return draw(plot(), **options)


# Of a PDF: versions and the date.
_NO_FACTS: dict[str, Any] = dict.fromkeys(("Creator", "Producer", "CreationDate"))


def missing_font_note(language: Language) -> str | None:
    """Note on the fonts to install where figures in that language cannot be PNG and PDF
    here."""
    if language == "en" or INSTALLED:
        return None
    return (
        "no font with Chinese letters is installed: figures are SVG only, for browsers "
        "that have one, without PNG and PDF; install Noto Sans CJK SC (Debian, Ubuntu: "
        "apt install fonts-noto-cjk; Fedora: dnf install google-noto-sans-cjk-fonts) "
        f"or {', '.join(CHINESE_FONTS[1:5])}, and run again"
    )


def _has_all_letters(figure: Figure) -> bool:
    texts = {k.get_text() for k in figure.findobj(Text) if isinstance(k, Text)}
    letters = set("".join(texts)) - {"\n"}
    return not letters.difference(*map(_letters_of, [LATIN_FONTS[0], *INSTALLED]))


@cache
def _letters_of(family: str) -> frozenset[str]:
    """The letters that a font has."""
    with _quiet_fonts():
        font = font_manager.get_font(font_manager.findfont(family))
    return frozenset(map(chr, font.get_charmap()))


def _svg(figure: Figure, **options: Any) -> str:
    text = io.StringIO()
    facts = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with _quiet_fonts():
        figure.savefig(text, format="svg", metadata=facts, **options)
    svg = text.getvalue()
    # The names written do not depend on what is installed here.
    chinese = CHINESE_FONTS if re.search("[\u3000-\u9fff\uff00-\uffef]", svg) else ()
    return svg.replace(
        _names([LATIN_FONTS[0], "sans-serif", *INSTALLED]),
        _names([*LATIN_FONTS, *chinese, "sans-serif"]),
    )


def _names(fonts: Sequence[str]) -> str:
    return ", ".join(k if k == "sans-serif" else f"'{k}'" for k in fonts)
