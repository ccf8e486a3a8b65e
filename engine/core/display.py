"""Results as small tables of text and HTML, for ``print`` and notebooks."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Listing:
    """A titled table; cells are texts.

    The first ``words`` columns are aligned to the left, the others to the right.
    An empty ``columns`` leaves the header out.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    words: int = 1

    def text(self) -> str:
        """Title, aligned columns and notes."""
        lines = [*([self.columns] if self.columns else []), *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = [
            "  ".join(
                cell.ljust(width) if k < self.words else cell.rjust(width)
                for k, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, *table, *self.notes])

    def html(self) -> str:
        """The same as HTML, in the style of the page around it."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        left = ' style="text-align: left"'

        def cell(k: int, text: str) -> str:
            tag = "td" if k else "th"
            align = left if 1 < self.words and k < self.words else ""
            return f"<{tag}{align}>{escape(text)}</{tag}>"

        lines = ("".join(cell(*k) for k in enumerate(line)) for line in self.rows)
        body = "\n".join(f"<tr>{line}</tr>" for line in lines)
        return (
            f"<p>{escape(self.title)}</p>\n<table>\n"
            + (f"<thead><tr>{head}</tr></thead>\n" if head else "")
            + f"<tbody>\n{body}\n</tbody>\n</table>\n"
            + f"<p>{'<br>'.join(map(escape, self.notes))}</p>"
        )


class Printable(ABC):
    """A result that prints as its listings, in a notebook as HTML."""

    @abstractmethod
    def _listings(self) -> Sequence[Listing]: ...

    def __repr__(self) -> str:
        return "\n\n".join(listing.text() for listing in self._listings())

    def _repr_html_(self) -> str:
        return "\n".join(listing.html() for listing in self._listings())


def first_and_named(
    labels: Sequence[str], named: Sequence[str], count: int
) -> list[int]:
    """Positions of the first ``count`` labels, and of the first of each that is named.

    The named ones take the place of the last others; where they are more than half of
    ``count``, none does.
    """
    places = {name: labels.index(name) for name in named if name in labels}
    kept = set(places.values()) if len(places) <= count // 2 else set()
    others = [k for k in range(len(labels)) if k not in kept]
    return sorted([*kept, *others[: max(0, count - len(kept))]])


_TONNES = {"kg": 1e-3, "t": 1.0, "kt": 1e3, "Mt": 1e6, "Gt": 1e9}
_SAME = {"ton": "t", "tons": "t", "tonne": "t", "tonnes": "t", "Gg": "kt", "Tg": "Mt"}
_SIZES = {"billion": 1e9, "million": 1e6, "thousand": 1e3}


def billions(units: str, most: float = 0) -> tuple[str, float]:
    """The unit of a flow in billions, and what to multiply by.

    ``million US$`` gives ``billion US$`` and 1e-3, ``1000 US$`` 1e-6. Weights, jobs
    and the like have a unit as large as ``most`` of them says: 5e9 ``kg`` are in ``Mt``
    (1e-9), 5e7 ``jobs`` in ``million jobs`` (1e-6).
    """
    words = re.fullmatch(r"(1[, ]?000|thousand|million|billion)s?(?: of)? (.+)", units)
    own, base = (_SIZES.get(words[1], 1e3), words[2]) if words else (1.0, units)
    first, space, rest = base.partition(" ")
    if tonne := _TONNES.get(_SAME.get(first, first)):
        own *= tonne
        name = [k for k, size in _TONNES.items() if size <= own * max(1, most)][-1]
        return f"{name}{space}{rest}", own / _TONNES[name]
    money = bool(re.search(r"\$|\b[A-Z]{3}\b", base))
    if own > 1e3 or (words and (money or not most)):
        return f"billion {base}", own / 1e9
    for name, size in () if money or base in ("", "1") else _SIZES.items():
        if own * most >= 10 * size:
            return f"{name} {base}", own / size
    return units, 1.0


def points(unit: str) -> str:
    """The unit of a difference: what is in % differs by percentage points."""
    return "percentage points" if unit == "%" else unit


def capital(text: str) -> str:
    """The text with a large first letter, as a title begins."""
    return text[:1].upper() + text[1:]


def number_text(value: float) -> str:
    """A number with four significant digits."""
    return "-" if value != value else f"{value:#.4g}".removesuffix(".")


def p_text(p: float, draws: int | None = None) -> str:
    """A p-value: four decimals, or two digits of a smaller one.

    None of that many random ``draws`` says that p is below one of them.
    """
    if p != p:
        return "-"
    if p == 0:
        return f"< {1 / draws:.1g}" if draws else "0"
    return f"{p:.4f}" if p >= 0.0001 else f"{p:.1e}"


def p_equals(p: float, draws: int | None = None) -> str:
    """``= 0.0123``, or ``< 1e-05`` where none of random ``draws`` is as large."""
    text = p_text(p, draws)
    return text if text.startswith("<") else f"= {text}"


def p_cell(p: float, decimals: int = 3) -> str:
    """A p-value in a column of such: never 0, but ``<0.001``."""
    least = 10.0**-decimals
    return f"{p:.{decimals}f}" if not p < least / 2 else f"<{least:.{decimals}f}"


def percent_text(share: float, decimals: int = 0) -> str:
    """``27 %`` of a share of 0.27."""
    return f"{share:.{decimals}%}".replace("%", " %")


def count_text(number: int, noun: str) -> str:
    """``1 year``, ``1,250 draws``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def interval_text(low: float, high: float) -> str:
    """``[-1.234, 5.678]``; a dash where an end is unknown."""
    if low != low or high != high:
        return "-"
    return f"[{number_text(low)}, {number_text(high)}]"


def memory_text(size: float) -> str:
    """``about 2.1 GiB of memory`` of so many bytes; a tenth at least."""
    return f"about {max(0.1, size / 2**30):.1f} GiB of memory"


def duration_text(seconds: float) -> str:
    """``1 second``, ``3 minutes``, ``2.5 hours``."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    unit, number = ("minute", seconds / 60) if seconds >= 90 else ("second", seconds)
    whole = max(1, round(number))
    return count_text(whole, unit)
