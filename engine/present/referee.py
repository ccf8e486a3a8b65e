"""Diagnoses of a referee in print: a sentence, a table and a figure of each."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..core import Listing
from ..figures import (
    errors_by_cutoff,
    labelled_intervals,
    predicted_index,
    responses,
    slopes_by_band,
    weights_by_cell,
)
from ..referee import (
    CountrySlopes,
    Exposure,
    Imputation,
    InteractiveEffects,
    LocalProjections,
    Movers,
    ShiftShare,
    SpatialErrors,
    TwoWayWeights,
)
from ..reporting import Language, Plot, page_of
from .pages import OwnPage

_WHERE = {"interval": "between", "union": "beside", "line": "everywhere"}
_NUMBERS = ("estimate", "se", "p_value", "ci_low", "ci_high")


class DiagnosisPage(OwnPage):
    """The sentences of what was found, and its numbers below each other."""

    def __init__(self, result: Any, language: Language) -> None:
        self.room = result.program.replace("-", "_")
        super().__init__(result, language)
        self.found = {**vars(result), **result.findings()}

    def tell(self, part: str, **given: Any) -> str:
        """A part, filled with what was found and is given."""
        return self.words.text(part, **{**self.found, **given})

    @property
    def sentence(self) -> str:
        return self.words.sentences(*self.told())

    @abstractmethod
    def told(self) -> list[str]:
        """Sentences without their stops."""

    def listed(
        self,
        rows: pd.DataFrame,
        labels: Iterable[Any],
        columns: Sequence[str] = _NUMBERS,
        title: str = "",
        notes: Sequence[str] = (),
    ) -> list[Listing]:
        """Numbers of these columns, a label before each row."""
        numbers = ((f"{k:.4g}" for k in row) for row in rows[[*columns]].to_numpy())
        cells = [(str(k), *row) for k, row in zip(labels, numbers, strict=True)]
        names = ["", *map(self.said, columns)]
        return [Listing(title or self.result.outcome, names, cells, notes)]

    def drawn(self, figure: Callable[..., Figure], *shown: Any) -> Plot:
        return partial(figure, *shown, self.tell("figure"), self.said)


@page_of.register(CountrySlopes)
class _CountrySlopes(DiagnosisPage):
    def told(self) -> list[str]:
        means = self.words.listed(self.tell("mean", **k) for k in self.found["rows"])
        left = [self.tell("left")] if self.found["left"] else []
        return [self.tell("slopes", means=means), *left]

    def plots(self) -> dict[str, Plot]:
        means = pd.DataFrame(self.found["rows"]).rename(columns={"method": "group"})
        own = self.result.slopes.sort_values("estimate")
        own = own[own["term"] == self.found["term"]]
        ends = {"ci_low": own["estimate"], "ci_high": own["estimate"]}
        shown = pd.concat([means, own.assign(**ends)], ignore_index=True)
        return {"slopes": self.drawn(labelled_intervals, shown, "group")}

    def listings(self) -> list[Listing]:
        table = self.result.table
        names = table[["method", "term"]].to_dict("records")
        return self.listed(table, [self.tell("row", **k) for k in names])


@page_of.register(Movers)
class _Movers(DiagnosisPage):
    def told(self) -> list[str]:
        slope, weighted = (self.tell("slope", **k) for k in self.found["slopes"])
        moves = self.tell("within" if self.found["band"] else "still")
        return [self.tell("both", moves=moves, slope=slope, weighted=weighted)]

    def plots(self) -> dict[str, Plot]:
        return {"bands": self.drawn(slopes_by_band, self.result.table)}

    def listings(self) -> list[Listing]:
        chosen = self.result.chosen
        (listing,) = self.listed(chosen, chosen["estimand"], title=self.title)
        meaning = map(self.said, chosen["meaning"])
        rows = [(*k, told) for k, told in zip(listing.rows, meaning, strict=True)]
        return [replace(listing, columns=[*listing.columns, ""], rows=rows)]


@page_of.register(Imputation)
class _Imputation(DiagnosisPage):
    def told(self) -> list[str]:
        effect = self.tell("effect")
        drawn = np.isfinite(self.found["placebo_p_value"])
        return [self.tell("drawn", effect=effect) if drawn else effect]

    def plots(self) -> dict[str, Plot]:
        return {"effects": self.drawn(labelled_intervals, self.result.table, "horizon")}

    def listings(self) -> list[Listing]:
        table = self.result.table
        columns = (*_NUMBERS, "wild_p_value", "placebo_p_value")
        return self.listed(table, map(self.said, table["horizon"]), columns)


@page_of.register(LocalProjections)
class _LocalProjections(DiagnosisPage):
    def told(self) -> list[str]:
        found, tell = self.found, self.tell
        shock = tell("change" if found["events"] is None else "event")
        response = tell("response", shock=shock)
        if found["horizon"]:
            response = tell("until", response=response)
        years = self.words.listed(found["outside"], ", ")
        band = tell("outside" if years else "inside", years=years)
        early = [tell("early")] if found["early"] < 0.05 else []
        return [self.words.listed([response, band, *early])]

    def plots(self) -> dict[str, Plot]:
        return {"responses": self.drawn(responses, self.result.table)}

    def listings(self) -> list[Listing]:
        rows = self.result.table
        names = zip(map(self.said, rows["measure"]), rows["horizon"], strict=True)
        labels = (f"{name} {horizon}" for name, horizon in names)
        return self.listed(rows, labels, (*_NUMBERS, "band_low", "band_high"))


@page_of.register(TwoWayWeights)
class _TwoWayWeights(DiagnosisPage):
    def told(self) -> list[str]:
        return [self.tell("count"), self.tell("vary")]

    def plots(self) -> dict[str, Plot]:
        wide = {"index": self.result.entity, "columns": self.result.time}
        by_cell = self.result.cells.pivot(**wide, values="weight")
        return {"weights": self.drawn(weights_by_cell, by_cell)}

    def listings(self) -> list[Listing]:
        rows = [
            (self.said(k), f"{v:,.0f}" if v == int(v) and abs(v) > 1 else f"{v:.6g}")
            for k, v in self.result.table.itertuples(index=False)
            if np.isfinite(v)
        ]
        return [Listing(self.tell("listing"), ("", self.said("value")), rows)]


@page_of.register(InteractiveEffects)
class _InteractiveEffects(DiagnosisPage):
    def told(self) -> list[str]:
        parts = [self.tell("effect")]
        if len(self.result.criteria) > 1:
            chosen = self.tell("most" if self.found["at_end"] else "best")
            if failed := self.words.listed(self.found["unsettled"], ", "):
                chosen = self.tell("unsettled", chosen=chosen, failed=failed)
            parts.append(chosen)
        return [self.words.listed(parts)]

    def plots(self) -> dict[str, Plot]:
        rows = self.result.terms.rename_axis("term").reset_index()
        return {"intervals": self.drawn(labelled_intervals, rows, "term")}

    def listings(self) -> list[Listing]:
        terms, columns = self.result.terms, (*_NUMBERS, "se_plain", "se_bai")
        return self.listed(terms, terms.index, columns, notes=[self.tell("note")])


@page_of.register(SpatialErrors)
class _SpatialErrors(DiagnosisPage):
    def told(self) -> list[str]:
        near, between = self.found["worst"], self.found["between"]
        parts = [self.tell("effect"), *(self.tell("near", **k) for k in near)]
        between = (self.tell("between", **k) for k in between[:1])
        return [self.words.listed(parts), *between]

    def plots(self) -> dict[str, Plot]:
        return {"cutoffs": self.drawn(errors_by_cutoff, self.result.table)}

    def listings(self) -> list[Listing]:
        rows = [
            (str(k.term), f"{k.cutoff:,.0f}", f"{k.se:.4g}", f"{k.p_value:.4f}")
            for k in self.result.table.itertuples()
        ]
        names = ["", *map(self.said, ("cut-off", "se", "p"))]
        return [Listing(self.result.outcome, names, rows)]


@page_of.register(ShiftShare)
class _ShiftShare(DiagnosisPage):
    def told(self) -> list[str]:
        if self.result.made < 1:
            return [self.tell("not made"), self.tell("check")]
        name = "differs" if self.found["p_value"] < 0.05 else "zero"
        most = [self.tell("most")] if "shock" in self.found else []
        return [self.tell(name, where=self.tell(_WHERE[self.found["shape"]])), *most]

    def plots(self) -> dict[str, Plot]:
        drawn = self.result.table[self.result.table["shape"] == "interval"]
        return {"intervals": self.drawn(labelled_intervals, drawn, "method")}

    def listings(self) -> list[Listing]:
        table, title = self.result.table, self.tell("listing")
        notes = [self.tell("note"), *([self.sentence] if self.result.made < 1 else [])]
        names = map(self.said, table["method"])
        (listing,) = self.listed(table, names, _NUMBERS[1:], title, notes)
        return [replace(listing, columns=[self.said("method"), *listing.columns[1:]])]


@page_of.register(Exposure)
class _Exposure(DiagnosisPage):
    def told(self) -> list[str]:
        return [self.tell("strong" if self.found["strong"] else "weak")]

    def plots(self) -> dict[str, Plot]:
        return {"predicted": partial(predicted_index, self.result.table, self.said)}

    def listings(self) -> list[Listing]:
        year, table = self.result.years[-1], self.result.table
        rows = [
            (str(k.region), f"{k.tbi:.4f}", f"{k.predicted:.4f}")
            for k in table[table["year"] == year].head(60).itertuples()
        ]
        names = [*map(self.said, ("region", "tbi", "predicted"))]
        return [Listing(self.tell("listing", year=year), names, rows, [self.sentence])]
