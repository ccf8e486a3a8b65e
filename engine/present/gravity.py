"""Gravity equations and trade elasticities in print: tables of estimates."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..bilateral import Elasticities, GravityFit, GravityFits, Shared
from ..core import Listing, number_text
from ..estimation import CV1, TwoWay
from ..reporting import Plot, page_of
from .pages import OwnPage


class _Tables(OwnPage):
    def plots(self) -> dict[str, Plot]:
        return {}


class _Equations(_Tables):
    """Terms of equations, and what their errors are."""

    room = "gravity"

    @property
    def equations(self) -> dict[str, GravityFit]:
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        rows: list[Any] = [
            {"name": name, "p": (row["p_value"], None), **row}
            for name, fit in self.equations.items()
            for row in fit.tidy().to_dict("records")
        ]
        return "\n".join(self.words.text("found", **row) for row in rows)

    def listings(self) -> list[Listing]:
        return [self.listing(name, fit) for name, fit in self.equations.items()]

    def listing(self, name: str, fit: GravityFit) -> Listing:
        made = fit.listing(self.words.text("equation", name=name))
        heads = [self.said(k) for k in made.columns]
        return replace(made, columns=heads, notes=[*self.notes(fit)])

    def notes(self, fit: GravityFit) -> Iterable[str]:
        say = self.words.text
        yield say("size", n=fit.n, degrees=fit.degrees)
        kind = fit.kind.by_pair if isinstance(fit.kind, Shared) else fit.kind
        if fit.adjusted:
            yield say("adjusted", clusters=fit.clusters)
        elif isinstance(kind, CV1 | TwoWay):
            by = filter(None, (kind.by_clusters and fit.model.clusters, kind.second))
            yield say(
                "clustered", by=self.words.listed(by, ", "), clusters=fit.clusters
            )
        else:
            yield say("other", words=fit.convention)
        yield say("stars")
        gone = 0 if fit.separated is None else len(fit.separated)
        counts = {"separated": gone, "missing": fit.missing, "negative": fit.below}
        yield from (say(k, rows=n) for k, n in counts.items() if n)
        yield from filter(None, [self.said(fit.note)])


@page_of.register(GravityFit)
class _Equation(_Equations):
    @property
    def equations(self) -> dict[str, GravityFit]:
        return {self.result.outcome: self.result}


@page_of.register(GravityFits)
class _Sectors(_Equations):
    @property
    def equations(self) -> dict[str, GravityFit]:
        return dict(self.result.fits)


@page_of.register(Elasticities)
class _Elasticities(_Tables):
    room = "elasticities"

    @property
    def sentence(self) -> str:
        table = self.result.table
        least, most = table["theta"].min(), table["theta"].max()
        return self.words.text("found", sectors=len(table), least=least, most=most)

    def listings(self) -> list[Listing]:
        rows: list[Any] = [
            (str(k.sector), number_text(k.theta), number_text(k.se), f"{k.n:,}")
            for k in self.result.table.itertuples()
        ]
        heads = map(self.said, ("sector", "theta", "se", "n"))
        part = "triads" if self.result.estimator == "triads" else "ppml"
        notes = [self.words.text(part)]
        return [Listing(self.title, [*heads], rows, notes)]
