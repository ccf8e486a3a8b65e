"""Parts that figures share: panels, stacked bars, maps, texts beside rows."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import QuadMesh
from matplotlib.colors import FuncNorm
from matplotlib.figure import Figure

from ..core import TivaxError
from ..reporting import FULL_WIDTH, INK, SMALL, STYLE, Language, label, legend

BAND = "#EFEFEF"
styled = rc_context(STYLE)
"""Decorates a function that draws: all figures have one look."""


def require_columns(what: str, frame: pd.DataFrame, names: Sequence[str]) -> None:
    """``TivaxError`` names the columns that a frame lacks, or says that it is empty."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise TivaxError(f"{what}: no column {', '.join(missing)}")
    if frame.empty:
        raise TivaxError(f"{what}: no rows")


def one_panel(height: float, width: float = FULL_WIDTH) -> tuple[Figure, Axes]:
    """A figure of one panel, in inches."""
    fig = Figure(figsize=(width, height), layout="constrained")
    return fig, fig.subplots()


def panels(
    count: int,
    height: float,
    around: float,
    *,
    across: int = 0,
    width: float = FULL_WIDTH,
    **options: Any,
) -> tuple[Figure, list[Axes]]:
    """Panels of a height, ``across`` beside each other, by default all; ``around`` is
    the height of what is above and below.

    ``options`` are those of ``subplots``. Where panels share the axis below, it is
    labelled under the last ones of each column.
    """
    across = min(across or count, count)
    down = -(-count // across)
    size = (width, height * down + around)
    fig = Figure(figsize=size, layout="constrained")
    axes = list(fig.subplots(down, across, squeeze=False, **options).flat)
    for ax in axes[count:]:
        ax.remove()
    if options.get("sharex"):
        for ax in axes[count - across : count]:
            ax.tick_params(labelbottom=True)
    return fig, axes[:count]


def shade_rows(ax: Axes, rows: Sequence[int]) -> None:
    """A grey band behind each of these rows."""
    for k in rows:
        ax.axhspan(k - 0.5, k + 0.5, color=BAND, linewidth=0, zorder=0)


def beside_row(
    ax: Axes, row: float, text: str, *, at: float = 1.01, colour: str = INK
) -> None:
    """A text right of a row; ``at`` is a share of the width of the axes."""
    ax.annotate(
        text,
        (at, row),
        xycoords=ax.get_yaxis_transform(),
        fontsize=SMALL,
        va="center",
        color=colour,
        annotation_clip=False,
    )


def drawn_handles(ax: Axes) -> dict[str, Any]:
    """The handles of a panel by the names of what is drawn."""
    handles, names = ax.get_legend_handles_labels()
    return dict(zip(names, handles, strict=True))


def labelled_legend(
    fig: Figure, handles: Mapping[str, Any], language: Language = "en", **place: Any
) -> None:
    """A legend whose names are the labels of the keys."""
    names = [label(k, language) for k in handles]
    legend(fig, [*handles.values()], names, **place)


def starts_of(parts: Float[np.ndarray, "k n"]) -> Float[np.ndarray, "k n"]:
    """The start of each part of a stacked bar: what is above 0 is stacked up, what is
    below it down."""
    starts = np.zeros_like(parts)
    for k, part in enumerate(parts):
        alike = np.sign(parts[:k]) == np.sign(part)
        starts[k] = np.nansum(np.where(alike, parts[:k], 0), axis=0)
    return starts


# ------------------------------------------------------------------------------- maps


def map_cells(
    ax: Axes,
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    linewidth: float,
    size: float = SMALL,
    **colours: Any,
) -> QuadMesh:
    """A cell for each value, the first row on top, with the names of both sides."""
    mesh = ax.pcolormesh(values, edgecolor="white", linewidth=linewidth, **colours)
    ax.invert_yaxis()
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
    ax.tick_params(length=0, pad=2, labelsize=size)
    ax.tick_params(axis="x", rotation=90)
    ax.spines[:].set_visible(False)
    return mesh


def colour_scale(
    ax: Axes,
    shown: ScalarMappable,
    label: str,
    ticks: Mapping[float, str] | None = None,
    **shape: Any,
) -> None:
    """The scale of a map's colours; ``ticks`` are texts by value."""
    bar = cast(Figure, ax.figure).colorbar(shown, ax=ax, pad=0.02, **shape)
    if ticks is not None:
        bar.set_ticks([*ticks], labels=[*ticks.values()])
        bar.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL, length=2)
    bar.outline.set_visible(False)
    bar.set_label(label, fontsize=SMALL)


def signed_root(most: float) -> FuncNorm:
    """Colours by the signed square root, up to ``most`` on either side."""
    return FuncNorm(
        (lambda b: np.sign(b) * np.sqrt(np.abs(b)), lambda s: np.sign(s) * s**2),
        vmin=-most,
        vmax=most,
    )


def signed_text(value: float) -> str:
    """A tick with its sign: −0.3."""
    return f"{value:+,.12g}".replace("-", "−") if value else "0"


def signed_ticks(most: float) -> dict[float, str]:
    """0 and three round numbers to either side, evenly placed on a root scale."""
    up = sorted({_round_down(most * share) for share in (0.09, 0.4, 1.0)})
    ticks = [-k for k in reversed(up)] + [0.0] + up
    return {k: signed_text(k) for k in ticks}


def _round_down(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(k for k in (1, 2, 5) if k * power <= value * (1 + 1e-9)) * power)
