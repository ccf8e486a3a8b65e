"""What a referee asks, in print: a sentence, a table and a figure of each diagnosis."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
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
    InteractiveEffects,
    LocalProjections,
    Movers,
    ShiftShare,
    SpatialErrors,
    TwoWayWeights,
)
from ..reporting import Plot, page_of
from .pages import OwnPage

_WHERE = {"interval": "between", "union": "beside", "line": "everywhere"}
_NUMBERS = ("estimate", "se", "p_value", "ci_low", "ci_high")


class DiagnosisPage(OwnPage):
    """The sentences of what was found, and its numbers below each other."""

    result: Any

    @property
    def sentence(self) -> str:
        return self.words.sentences(*self.told(self.result.findings()))

    @abstractmethod
    def told(self, found: dict[str, Any]) -> list[str]:
        """Sentences without their stops."""

    def listed(
        self,
        rows: pd.DataFrame,
        labels: Sequence[Any],
        columns: Sequence[str] = _NUMBERS,
        notes: Sequence[str] = (),
        title: str = "",
    ) -> list[Listing]:
        """Numbers of these columns, a label before each row."""
        numbers = ((f"{k:.4g}" for k in row) for row in rows[[*columns]].to_numpy())
        cells = [(str(k), *row) for k, row in zip(labels, numbers, strict=True)]
        names = ["", *map(self.said, columns)]
        return [Listing(title or self.result.outcome, names, cells, notes)]

    def drawn(self, figure: Callable[..., Figure], *shown: Any) -> Plot:
        title = self.words.text("figure", **self.result.findings())
        return partial(figure, *shown, title, self.said)


@page_of.register(CountrySlopes)
class CountrySlopesPage(DiagnosisPage):
    """Means of slopes, and how slopes spread."""

    room = "country_slopes"
    result: CountrySlopes

    def told(self, found: dict[str, Any]) -> list[str]:
        say = self.words.text
        means = self.words.listed(say("mean", **k) for k in found["rows"])
        left = [say("left", **found)] if found["left"] else []
        return [say("slopes", means=means, **found), *left]

    def plots(self) -> dict[str, Plot]:
        found = self.result.findings()
        means = pd.DataFrame(found["rows"]).rename(columns={"method": "group"})
        own = self.result.slopes.sort_values("estimate")
        own = own[own["term"] == found["term"]]
        ends = {"ci_low": own["estimate"], "ci_high": own["estimate"]}
        shown = pd.concat([means, own.assign(**ends)], ignore_index=True)
        return {"slopes": self.drawn(labelled_intervals, shown, "group")}

    def listings(self) -> list[Listing]:
        table = self.result.table
        names = table[["method", "term"]].to_dict("records")
        return self.listed(table, [self.words.text("row", **k) for k in names])


@page_of.register(Movers)
class MoversPage(DiagnosisPage):
    """Both slopes at the chosen band, and their range over all bands."""

    room = "movers"
    result: Movers

    def told(self, found: dict[str, Any]) -> list[str]:
        say = self.words.text
        slope, weighted = (say("slope", **k) for k in found["slopes"])
        moves = say("within" if found["band"] else "still", **found)
        return [say("both", moves=moves, slope=slope, weighted=weighted, **found)]

    def plots(self) -> dict[str, Plot]:
        return {"bands": self.drawn(slopes_by_band, self.result.table)}

    def listings(self) -> list[Listing]:
        chosen = self.result.chosen
        (listing,) = self.listed(chosen, chosen["estimand"], title=self.title)
        meaning = map(self.said, chosen["meaning"])
        rows = [(*k, told) for k, told in zip(listing.rows, meaning, strict=True)]
        return [replace(listing, columns=[*listing.columns, ""], rows=rows)]


@page_of.register(LocalProjections)
class LocalProjectionsPage(DiagnosisPage):
    """The response at once and at the end, and whether the band leaves out zero."""

    room = "local_projections"
    result: LocalProjections

    def told(self, found: dict[str, Any]) -> list[str]:
        say, years = self.words.text, found["outside"]
        shock = say("change" if found["events"] is None else "event", **found)
        response = say("response", shock=shock, **found)
        if found["horizon"]:
            response = say("until", response=response, **found)
        when = self.words.listed(years, ", ")
        band = say("outside" if years else "inside", years=when)
        early = [say("early", **found)] if found["early"] < 0.05 else []
        return [self.words.listed([response, band, *early])]

    def plots(self) -> dict[str, Plot]:
        return {"responses": self.drawn(responses, self.result.table)}

    def listings(self) -> list[Listing]:
        table = self.result.table
        columns = (*_NUMBERS, "band_low", "band_high")
        names = map(self.said, table["measure"])
        labels = [f"{k} {h}" for k, h in zip(names, table["horizon"], strict=True)]
        return self.listed(table, labels, columns)


@page_of.register(TwoWayWeights)
class TwoWayWeightsPage(DiagnosisPage):
    """The effects with a negative weight, and how much effects may vary."""

    room = "two_way_weights"
    result: TwoWayWeights

    def told(self, found: dict[str, Any]) -> list[str]:
        return [self.words.text(k, **found) for k in ("negative", "vary")]

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
        title = self.words.text("listing", kind=self.result.kind)
        return [Listing(title, ("", self.said("value")), rows)]


@page_of.register(InteractiveEffects)
class InteractiveEffectsPage(DiagnosisPage):
    """The estimate with factors, and how many the criterion would take."""

    room = "interactive_effects"
    result: InteractiveEffects

    def told(self, found: dict[str, Any]) -> list[str]:
        say, parts = self.words.text, [self.words.text("effect", **found)]
        if len(self.result.criteria) > 1:
            chosen = say("most" if found["at_end"] else "best", **found)
            if gone := found["unsettled"]:
                failed = self.words.listed(gone, ", ")
                chosen = say("unsettled", chosen=chosen, failed=failed)
            parts.append(chosen)
        return [self.words.listed(parts)]

    def plots(self) -> dict[str, Plot]:
        rows = self.result.terms.rename_axis("term").reset_index()
        return {"intervals": self.drawn(labelled_intervals, rows, "term")}

    def listings(self) -> list[Listing]:
        found, terms = self.result, self.result.terms
        sizes = {"rows": found.n, "units": found.clusters, "sigma2": found.sigma2}
        notes = [self.words.text("note", **sizes)]
        return self.listed(terms, terms.index, (*_NUMBERS, "se_plain", "se_bai"), notes)


@page_of.register(SpatialErrors)
class SpatialErrorsPage(DiagnosisPage):
    """The largest standard error beside that of clusters, and what is left between
    entities."""

    room = "spatial_errors"
    result: SpatialErrors

    def told(self, found: dict[str, Any]) -> list[str]:
        say, effect = self.words.text, self.words.text("effect", **found)
        if "worst" in found:
            effect = self.words.listed([effect, say("near", **found["worst"])])
        between = found["between"]
        return [effect, *([say("between", **between)] if between else [])]

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
class ShiftSharePage(DiagnosisPage):
    """Whether zero is in the set of AKM0, and which shock counts most."""

    room = "shift_share"
    result: ShiftShare

    def told(self, found: dict[str, Any]) -> list[str]:
        say = self.words.text
        if found["made"] < 1:
            return [say("not made", **found), say("check")]
        where = say(_WHERE[found["shape"]], **found)
        name = "differs" if found["p_value"] < 0.05 else "zero"
        most = [say("most", **found)] if "shock" in found else []
        return [say(name, where=where, **found), *most]

    def plots(self) -> dict[str, Plot]:
        drawn = self.result.table[self.result.table["shape"] == "interval"]
        return {"intervals": self.drawn(labelled_intervals, drawn, "method")}

    def listings(self) -> list[Listing]:
        table, found = self.result.table, self.result.findings()
        notes = [self.words.text("note", rows=self.result.n)]
        if found["made"] < 1:
            notes.append(self.sentence)
        title = self.words.text("listing", **found)
        labels = map(self.said, table["method"])
        (listing,) = self.listed(table, [*labels], _NUMBERS[1:], notes, title)
        return [replace(listing, columns=[self.said("method"), *listing.columns[1:]])]


@page_of.register(Exposure)
class ExposurePage(DiagnosisPage):
    """How well exposure in the base year predicts the index."""

    room = "exposure_instrument"
    result: Exposure

    def told(self, found: dict[str, Any]) -> list[str]:
        return [self.words.text("strong" if found["strong"] else "weak", **found)]

    def plots(self) -> dict[str, Plot]:
        return {"predicted": partial(predicted_index, self.result.table, self.said)}

    def listings(self) -> list[Listing]:
        table, year = self.result.table, self.result.years[-1]
        rows = [
            (str(k.region), f"{k.tbi:.4f}", f"{k.predicted:.4f}")
            for k in table[table["year"] == year].head(60).itertuples()
        ]
        names = [*map(self.said, ("region", "tbi", "predicted"))]
        return [
            Listing(self.words.text("listing", year=year), names, rows, [self.sentence])
        ]
