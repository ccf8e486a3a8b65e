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
