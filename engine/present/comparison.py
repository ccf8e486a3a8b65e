"""Several databases in print: how well they agree, lines and differences."""

from collections.abc import Sequence
from functools import partial

from ..comparison import Comparison
from ..core import Listing, Phrase, capital, points
from ..figures import databases as drawings
from ..measures import INDICATORS
from ..reporting import Plot, measure_name, page_of
from .pages import OwnPage

_COLUMNS = ("measure", "database", "compared with", "levels", "changes", "mean gap")


@page_of.register(Comparison)
class ComparisonPage(OwnPage):
    """A sentence for each measure and pair of databases; two figures of a measure."""

    room = "comparison"
    result: Comparison

    @property
    def subtitle(self) -> str:
        found = self.result
        ends = {"first": found.years[0], "last": found.years[-1]}
        several = len(found.years) > 1
        return self.words.text(
            "size",
            databases=", ".join(found.databases),
            regions=len(found.regions),
            years=Phrase("{first} to {last}", **ends) if several else ends["last"],
        )

    @property
    def sentence(self) -> str:
        """The agreement of each pair of databases on each measure."""
        say, told = self.words.text, list[str]()
        for row in self.result.findings():
            unit = points(row["unit"])
            inside = "" if unit in ("1", "ratio") else f" {self.said(unit)}"
            both, parts = say("both", **row), list[str]()
            if row["correlation"] == row["correlation"]:
                known = row["change_correlation"] == row["change_correlation"]
                parts.append(say("changes" if known else "levels", **row))
                both = say("they")
            most = "most" if row["mean_difference"] > 0 else "differ"
            parts.append(say(most, both=both, inside=inside, **row))
            if "agree" in row:
                parts.append(say("within", **row))
            share = row.get("explained", float("nan"))
            if share == share:
                parts.append(say("all" if share >= 1 else "explained", share=share))
            found = self.words.sentences(*parts)
            measure = capital(self._measure(row["measure"]))
            told.append(say("named", measure=measure, found=found))
        if self.result.left_out:
            told.append(say("left out", n=self.result.left_out))
        return "\n".join(told)

    def _measure(self, code: str) -> str:
        if code in INDICATORS:
            return self.said(INDICATORS[code].title.split(":")[0])
        return self.said(measure_name(code))

    def plots(self) -> dict[str, Plot]:
        """Lines of each database by region and, of the first two databases, the mean
        difference of every region with its interval."""
        found, plots = self.result, dict[str, Plot]()
        if {"sector", "partner"} & {
            *found.table
        }:  # a line a region needs one number a year
            return plots
        which = {"regions": found.shown, "databases": found.databases}
        year = found.years[-1]
        for measure, unit in found.units.items():
            rows, gaps = (
                k[k["measure"] == measure] for k in (found.table, found.pairs)
            )
            about = {"measure": capital(self._measure(measure)), "say": self.said}
            about["unit"] = "" if unit == "1" else self.said(unit)
            lines = partial(drawings.database_lines, rows, **which, **about)
            last = gaps[gaps["year"] == year]
            about["unit"] = self.said(points(unit)) if about["unit"] else ""
            bars = partial(drawings.database_differences, last, year=year, **about)
            plots |= {f"lines_{measure}": lines, f"differences_{measure}": bars}
        return plots

    def listings(self) -> Sequence[Listing]:
        """Agreement, a row for each measure and pair."""
        rows = [
            (
                *(str(k[name]) for name in ("measure", "first", "second")),
                *(
                    f"{k[name]:.3f}" if k[name] == k[name] else "-"
                    for name in ("correlation", "change_correlation")
                ),
                f"{k['mean_difference']:.4g}",
                *([f"{k['agree']:,}/{k['n']:,}"] if "agree" in k else []),
            )
            for k in self.result.agreement.to_dict("records")
        ]
        more = ["within 0.1 %"] * (self.result.rounding is not None)
        columns = [*map(self.said, [*_COLUMNS, *more])]
        return [Listing(self.words.text("listing"), columns, rows, (), words=3)]
