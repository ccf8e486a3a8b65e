"""``MeasurePage``: a measure of tables in print, of value added or of an account."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import pandas as pd

from ..core import Listing, Phrase, capital
from ..figures.regions import ends_of
from ..reporting import Language, of_account
from ..tables import REST, listing_by_region
from .pages import OwnPage

_OF = " of {account}"


class MeasurePage(OwnPage):
    """A sentence, a table and figures of the regions that are shown.

    Words of value added are put in those of the account that stands in its place: the
    document has them under the text followed by "of {account}", else they are alike.
    """

    room = "measures"
    heading = ""
    """The title, of value added."""

    def __init__(self, result: Any, language: Language) -> None:
        super().__init__(result, language)
        self.account = self.words.say(result.account)

    @property
    def title(self) -> str:
        return self.said(self.heading)

    def said(self, text: str) -> str:
        if not self.account:
            return self.words.say(text)
        given = {**getattr(text, "values", {}), "account": self.account}
        if own := self.words.words.get(getattr(text, "key", text) + _OF):
            return self.words.filled(own, given)
        told = self.words.say(text)
        if self.words.chinese:
            return told.replace("增加值", self.account)
        return of_account(told, self.account)

    def listed(self, texts: Iterable[str]) -> str:
        return ("，" if self.words.chinese else ", ").join(texts)

    def size(self, regions: Sequence[object], years: Sequence[object]) -> str:
        about = {"regions": len(regions), "first": years[0], "last": years[-1]}
        return self.words.text("size", **about)

    def headline(
        self,
        part: str,
        shown: Iterable[object],
        every: Iterable[object],
        /,
        **given: Any,
    ) -> str:
        """The title of a figure, which says whom it compares where some economies are
        not shown."""
        title = self.words.text(part, **given)
        title = title if self.words.chinese else capital(title)
        if {*every} - {*shown, REST}:
            return self.words.text("some", title=title)
        return title

    def ends(
        self,
        part: str,
        values: pd.Series,
        form: Callable[[float], Any] = float,
        /,
        **given: Any,
    ) -> str:
        """A sentence on the highest and the lowest value; none of fewer than two."""
        if not (ends := ends_of(values)):
            return ""
        (high, most), (low, least) = ends
        given |= {"high": high, "most": form(most), "low": low, "least": form(least)}
        return self.words.sentences(self.words.text(part, **given))

    def rule(self, measure: str, year: int) -> Phrase:
        """What regions are the largest by."""
        return Phrase("{measure} in {year}", measure=measure, year=year)

    def by_region(
        self,
        title: str,
        columns: Sequence[str],
        cells: Mapping[str, Sequence[str]],
        notes: Sequence[str] = (),
    ) -> Listing:
        """A row for each region; in Chinese its name stands for the code."""
        found = listing_by_region(title, columns, cells, notes)
        heads, rows = found.columns[: found.words], found.rows
        if self.words.chinese:
            heads = heads[:1]
            rows = [(self.said(k[0]), *k[found.words :]) for k in rows]
        columns = (*map(self.said, heads), *columns)
        return Listing(title, columns, rows, notes, len(heads))

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        return self.result.facts()

    def notes_on(self, exact: str, what: str) -> list[str]:
        """Accuracy of the solve, and of single cells of ``what``."""
        names = ("cell_error_max", "cell_backward_error_max")
        given = {k: self.facts[k] for k in names if k in self.facts}
        certified = [self.words.text("certified", what=what, **given)] if given else []
        return [*([exact] if exact else []), *certified]

    def flagged(self, rows: int) -> list[str]:
        """A line about rows that are outside of their bounds, if there are any."""
        say = self.words.text
        many = {name: count for name, count in self.facts["flags"].items() if count}
        if not many:
            return []
        each = self.listed(
            say("flag", rows=count, flag=name) for name, count in many.items()
        )
        told = say("flags", flagged=sum(many.values()), rows=rows, each=each)
        net = "negative-inventories" in many and not self.result.net
        return [told + say("net") if net else told]
