"""What a figure shows, read back from matplotlib."""

from typing import Any

import numpy as np
from matplotlib.text import Text


def line(ax, name) -> Any:
    """The one line of that name."""
    (found,) = (k for k in ax.get_lines() if k.get_label() == name)
    return found


def segments(ax) -> Any:
    """Horizontal lines of an axes as rows x0, x1, y."""
    found = []
    for lines in ax.collections:
        for (x0, y0), (x1, y1) in lines.get_segments():
            if y0 == y1:
                found.append((x0, x1, y0))
    return np.array(found)


def words(figure):
    """All texts that are not empty."""
    return [k.get_text() for k in figure.findobj(Text) if k.get_text()]


def row_labels(ax):
    """The names of the rows, from top to bottom."""
    return [k.get_text() for k in ax.get_yticklabels()]


def misplaced(figure) -> list[str]:
    """Texts that leave the page or lie across a panel that is not theirs, and panels
    without room; a pixel and a half is rounding."""
    figure.draw_without_rendering()
    panels = {ax: ax.get_window_extent() for ax in figure.axes}
    found = [
        f"a panel of {k.width:.0f} x {k.height:.0f}"
        for k in panels.values()
        if min(k.size) < 2
    ]
    hidden = {
        id(text)
        for ax in panels
        for axis in (ax.xaxis, ax.yaxis)
        for tick in axis.get_major_ticks()
        if not _within(tick.get_loc(), axis.get_view_interval())
        for text in (tick.label1, tick.label2)
    }
    for text in figure.findobj(Text):
        if id(text) in hidden or not text.get_visible() or not text.get_text().strip():
            continue
        box, named = text.get_window_extent(), repr(text.get_text())
        inner = box.padded(-1.5)
        if not (
            _within(inner.x0, figure.bbox.intervalx)
            and _within(inner.x1, figure.bbox.intervalx)
            and _within(inner.y0, figure.bbox.intervaly)
            and _within(inner.y1, figure.bbox.intervaly)
        ):
            found.append(f"{named} leaves the page")
        others = [k for ax, k in panels.items() if text.axes not in (None, ax)]
        if any(map(inner.overlaps, others)):
            found.append(f"{named} lies across another panel")
    return found


def _within(value, interval) -> bool:
    return min(interval) <= value <= max(interval)
