"""``MeasurePage``: a measure of tables in print, of value added or of an account."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..core import Listing, Phrase, capital
from ..reporting import Language, Plot, of_account
from ..tables import REST, listing_by_region
from ..tables.shown_regions import ShownRegions, ends_of, shown_regions
from .pages import OwnPage

if TYPE_CHECKING:  # where another process draws, this one needs no matplotlib
    from matplotlib.figure import Figure

_ENDS = (("high", "most"), ("low", "least"))


class MeasurePage(OwnPage):
    """A sentence, a table and figures of the regions that are shown.

    Words of value added are put in those of the account that stands in its place: the
    document has them under the text followed by "of {account}", else they are alike.
    """

    room = "measures"
    heading: str
    """The title, of value added."""

    def __init__(self, result: Any, language: Language) -> None:
        super().__init__(result, language)
        self.account = self.words.say(result.account)
        self.chinese = self.words.chinese

    @property
    def title(self) -> str:
        return self.said(self.heading)

    def plots(self) -> dict[str, Plot]:
        """The figures, put into words when they are drawn."""
        return {k: partial(self.drawn, draw) for k, draw in self.figures().items()}

    def drawn(self, draw: Plot) -> "Figure":
        from ..reporting import put_in_words  # loads matplotlib

        return put_in_words(draw(), self.said)

    @abstractmethod
    def figures(self) -> dict[str, Plot]:
        """Functions that draw the figures, in phrases."""

    def said(self, text: str) -> str:
        if isinstance(text, Phrase) and "\n" in text.key:
            return "\n".join(map(self.said, text.values.values()))
        if not self.account:
            return self.words.say(text)
        given = {**getattr(text, "values", {}), "account": self.account}
        if own := self.words.words.get(f"{getattr(text, 'key', text)} of {{account}}"):
            return self.words.filled(own, given)
        told = self.words.say(text)
        if self.chinese:
            return told.replace("增加值", self.account)
        return of_account(told, self.account)

    def text(self, part: str, /, **given: Any) -> str:
        return self.words.text(part, **given)

    def listed(self, texts: Iterable[str]) -> str:
        return ("，" if self.chinese else ", ").join(texts)

    def largest(self, size: pd.Series, measure: str, year: int) -> ShownRegions:
        """The regions asked for, else the largest."""
        by = Phrase("{measure} in {year}", measure=measure, year=year)
        return shown_regions(size, by, getattr(self.result, "asked", ()))

    def headline(
        self, part: str, shown: Iterable[object], every: Any, /, **given: Any
    ) -> str:
        """The title of a figure, which says whom it compares where some economies of
        all are not shown."""
        title = self.text(part, **given)
        title = title if self.chinese else capital(title)
        hidden = {*every.index} - {*shown, REST}
        return self.text("some", title=title) if hidden else title

    def moved(
        self,
        part: str,
        first: pd.Series,
        last: pd.Series,
        every: pd.Series,
        /,
        **given: Any,
    ) -> str:
        """The title on the region that moved most of those shown; none of none."""
        moves = (last - first).drop(REST, errors="ignore").dropna()
        if not moves.any():
            return ""
        region = str(moves.abs().idxmax())
        way = self.said("rose" if moves[region] > 0 else "fell")
        given |= {"region": region, "start": first[region], "end": last[region]}
        return self.headline(part, first.index, every, way=way, **given)

    def ends(self, part: str, values: pd.Series, /, **given: Any) -> str:
        """The highest and the lowest value, as ``form`` prints them; none of fewer than
        two."""
        form: Callable[[float], Any] = given.pop("form", float)
        ends = ends_of(values)
        for (high, low), (k, v) in zip(_ENDS, ends, strict=bool(ends)):
            given |= {high: k, low: form(v)}
        return self.headline(part, values.index, values, **given) if ends else ""

    def by_region(
        self,
        title: str,
        columns: Sequence[str],
        cells: Mapping[str, Sequence[str]],
        notes: Sequence[str] = (),
    ) -> Listing:
        """A row for each region; in Chinese its name stands for the code."""
        found = listing_by_region(title, columns, cells, notes)
        if not self.chinese:
            return found
        rows = [(self.said(k[0]), *k[found.words :]) for k in found.rows]
        return Listing(title, (self.said("region"), *columns), rows, notes)

    def certified(self, facts: Mapping[str, Any], what: str) -> list[str]:
        """A line on the accuracy of single cells, where that is known."""
        known = "cell_error_max" in facts
        what = self.words.say(what)
        return [self.text("certified", **{**facts, "what": what})] if known else []

    def flagged(self, flags: Mapping[str, int], rows: int) -> list[str]:
        """A line about rows that are outside of their bounds, if there are any."""
        many = {name: count for name, count in flags.items() if count}
        each = [self.text("flag", rows=k, flag=name) for name, k in many.items()]
        about = {"rows": rows, "each": self.listed(each), "all": sum(many.values())}
        net = "negative-inventories" in many and not self.result.net
        return [self.text("flags and net" if net else "flags", **about)] if each else []
