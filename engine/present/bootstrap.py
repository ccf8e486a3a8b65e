"""Bootstraps and placebos in print: each effect, its p to report, and the clusters."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ..core import Listing, Phrase, capital, interval_text, number_text, p_text
from ..estimation import Model
from ..figures import DrawnStatistics, histograms
from ..reporting import (
    Drawn,
    Plot,
    Section,
    Table,
    column_name,
    page_of,
    printed_place,
)
from ..reporting import Figure as Shown
from ..resampling import (
    LEVEL,
    TIE_RULES,
    Experiment,
    Inference,
    Placebo,
    ResamplingPlan,
    Wild,
)
from .pages import OwnPage

_FEW = (
    "model term n clusters effective_clusters cv1_p_value cv2_p_value cv2_df "
    "cv3_p_value without_min without_max"
).split()
_P_COLUMNS = (
    "p_value romano_wolf westfall_young holm cv1_p_value cv2_p_value cv3_p_value "
    "mc_error"
).split()
_HEADED = {"p_value", "se", "ci_low", "ci_high", "mc_error"}  # as reports call them
_PRINTED = ("", "estimate", "se", "p_value", "95 % interval", "Monte-Carlo error of p")
_JACKKNIVES = {"11": "t", "13": "t of CV3", "31": "t of others", "33": "both"}
# Histograms of a figure: more would be too small to read.
_PER_FIGURE = 6


class DrawsPage(OwnPage):
    """Words of plans and of what their draws say."""

    room = "bootstrap"

    def made(self, plan: ResamplingPlan) -> str:
        """``9,999 draws``, or ``1,024 patterns, all``."""
        return self.words.text("patterns" if plan.exact else "draws", draws=plan.draws)

    def listed(self, inference: Inference) -> Listing:
        """The tested terms of a model."""
        plan = inference.plan
        fitted, say = plan.fitted, self.words.text
        rows = [
            (
                row["term"],
                number_text(row["estimate"]),
                number_text(row["se"]),
                p_text(row["p_value"], plan.random_draws),
                interval_text(row["ci_low"], row["ci_high"]),
                p_text(row["mc_error"]),
            )
            for row in inference.tidy().to_dict("records")
        ]
        sizes = {"n": fitted.n, "clusters": len(fitted.labels)}
        notes = [self.said(fitted.model.equation)]
        notes.append(say("size of model", made=self.made(plan), **sizes))
        notes += [self.said(plan.note)] if plan.note else []
        if inference.failed:
            notes.append(say("left out", failed=inference.failed))
        title = say("scheme of model", name=fitted.model.name, scheme=plan.scheme.words)
        return Listing(title, [*map(self.said, _PRINTED)], rows, notes)

    def histograms(self, pairs: Sequence[tuple[ResamplingPlan, Inference]]) -> Figure:
        drawn = [DrawnStatistics(self._panel(plan), plan, k) for plan, k in pairs]
        return histograms(drawn, self.language)

    def _panel(self, plan: ResamplingPlan) -> str:
        model = plan.fitted.model
        if (place := printed_place(model.tags)) is None:
            return model.name
        named = {"outcome": model.outcome, "sample": model.sample}
        return self.words.text("panel", column=place[1], **named)


@page_of.register(Inference)
class InferencePage(DrawsPage):
    """One model, without a report."""

    @property
    def title(self) -> str:
        return ""

    @property
    def sentence(self) -> str:
        return ""

    def plots(self) -> dict[str, Plot]:
        return {"draws_1": partial(self.histograms, [(self.result.plan, self.result)])}

    def listings(self) -> list[Listing]:
        return [self.listed(self.result)]


@page_of.register(Experiment)
class ExperimentPage(DrawsPage):
    """The models of a run file: a sentence for each effect, tables of p-values."""

    result: Experiment

    @property
    def title(self) -> str:
        """The question asked: one effect by its names, else how many."""
        models = {k.model.name: k.model for k in self.result.fitted_models}
        if len(models) > 1:
            return self.words.text("questions", models=len(models))
        (model,) = models.values()
        names = {"treatment": model.treatments[0], "outcome": model.outcome}
        return self.words.text("question", **names)

    @property
    def subtitle(self) -> str:
        plan, models = self.result.plans[0], len(self.result.plans)
        many = "patterns of each" if plan.exact else "draws of each"
        one = "patterns of one" if plan.exact else "draws of one"
        made = self.words.text(many if models > 1 else one, draws=plan.draws)
        given = {"models": models, "made": made, "seed": self.result.run.seed}
        return self.words.text("size", scheme=self._scheme, **given)

    @property
    def _scheme(self) -> str:
        return capital(self.words.say(self.result.plans[0].scheme.words))

    @property
    def method(self) -> str:
        """Describe how the draws are made."""
        plan, say = self.result.plans[0], self.words.text
        parts, scheme = list[str](), plan.scheme
        if isinstance(scheme, Wild):
            null = say("imposed" if scheme.null else "free")
            again = say(_JACKKNIVES[scheme.type])
            parts.append(say("wild", weights=scheme.weights, null=null, again=again))
        elif isinstance(scheme, Placebo):
            permute = scheme.permute
            if scheme.strata:
                within = {"moved": permute, "strata": scheme.strata}
                permute = Phrase("{moved} within {strata}", **within)
            residuals = scheme.method == "freedman-lane"
            parts.append(say("residuals" if residuals else "paths", permute=permute))
            compared = "compared t" if scheme.studentised else "compared coefficients"
            parts += [say(compared), say("placebo")]
        else:
            parts.append(say("pairs" if scheme.kind == "pairs" else "bayesian"))
        if plan.exact:
            parts.append(say("enumerated", draws=plan.draws))
        if isinstance(scheme, Wild) and scheme.value:
            parts.append(say("null", value=scheme.value))
        return self.words.sentences(*parts)

    @property
    def finding(self) -> list[str]:
        """Each effect: its size, the p to report, the usual one beside it."""
        return [self.words.sentences(*self._found(k)) for k in self.result.findings()]

    def _found(self, row: Mapping[str, Any]) -> Iterator[str]:
        say, row = self.words.text, {**row, "p": (row["p_value"], row["random"])}
        if row["joint"]:
            yield say("joint p", tested=say("joint", **row), **row)
            return
        effect = say("effect", **row)
        if row["ci_low"] == row["ci_low"]:
            effect = say("effect within", effect=effect, **row)
        told = "differs" if row["p_value"] <= LEVEL else "not told"
        yield say(told, effect=effect, **row)
        known = row["usual"] == row["usual"]
        beside = {"beside": (row["usual"], None)}
        yield say("report beside" if known else "report", **row, **beside)

    @property
    def sentence(self) -> str:
        """Lines for the terminal."""
        lines = [*map(self._line, self.result.findings())]
        for plan, inference in self.result.pairs:
            lines += self._of_draws(plan, inference)
        scheme = self.result.plans[0].scheme
        if isinstance(scheme, Placebo) and not scheme.studentised:
            better = scheme.permute != "years"
            lines.append(self.words.text("take t" if better else "no level"))
        return "\n".join([*lines, *self._notes()])

    def _line(self, row: Mapping[str, Any]) -> str:
        """Model, term and estimate, with the null where it is not the usual one."""
        say, plans = self.words.text, self.result.plans
        name = "tested null" if row["null"] else "tested"
        tested = say("joint" if row["joint"] else name, **row)
        p, error = (row["p_value"], row["random"]), (row["mc_error"], None)
        (made,) = (self.made(k) for k in plans if k.fitted.model.name == row["model"])
        known = row["ci_low"] == row["ci_low"] and row["ci_high"] == row["ci_high"]
        part = "line with interval" if known else "line"
        given = {"tested": tested, "p": p, "error": error, "made": made}
        return say(part, **row, **given)

    def _of_draws(self, plan: ResamplingPlan, inference: Inference) -> Iterator[str]:
        say, draws, ties = self.words.text, plan.draws, inference.ties
        given = {"name": plan.fitted.model.name, "draws": draws, "level": LEVEL}
        if plan.exact and draws * LEVEL < 2:
            yield say("too few", **given)
        if ties and isinstance(plan.scheme, Wild):
            yield say("ties", ties=ties, half=(ties / 2) / draws, **given)
        if inference.failed:
            yield say("singular", failed=inference.failed, **given)

    def _notes(self) -> list[str]:
        """Why numbers about the clusters are empty."""
        rows = self.result.models[["model", "note"]].to_dict("records")
        said = ({**k, "note": self.said(k["note"])} for k in rows if k["note"])
        return [self.words.text("note", **k) for k in said]

    def plots(self) -> dict[str, Plot]:
        """Histograms, one figure for each table of the paper, else six models each."""
        groups: dict[str, list[tuple[ResamplingPlan, Inference]]] = {}
        for k, pair in enumerate(self.result.pairs):
            place = printed_place(pair[0].fitted.model.tags)
            name = f"draws_{k // _PER_FIGURE + 1}"
            name = f"table{place[0]}_draws" if place else name
            groups.setdefault(name, []).append(pair)
        return {k: partial(self.histograms, group) for k, group in groups.items()}

    def sections(self, figures: Mapping[str, Drawn]) -> list[Section]:
        """Results, figures, diagnostics of clusters, the models."""
        found, tables, section = self.result, self.result.tables(), self.words.section
        run = ["table", "column", "scheme", "draws", "draws_per_s"]
        placebo = isinstance(found.plans[0].scheme, Placebo)
        kinds = ["by kind", *(["no interval"] if placebo else [])]
        shown = [
            Shown(k, self._caption(name, len(figures))) for name, k in figures.items()
        ]
        together, adjusted = list[Section](), tables["multiple_testing"]
        if len(adjusted) > adjusted["family"].nunique():
            together.append(section("together", adjusted=self._shown(adjusted)))
        return [
            section(
                "results",
                summary=self._shown(found.summary.drop(columns=run)),
                caption=self.words.sentences(*self._about()),
                drawn=shown,
            ),
            section(
                "intervals",
                intervals=self._shown(found.intervals),
                caption=self.words.sentences(*map(self.words.text, kinds)),
            ),
            *together,
            section(
                "clusters",
                models=self._shown(tables["models"][_FEW]),
                notes=self._notes(),
            ),
            section("models", equations=[*map(self._equation, found.fitted_models)]),
        ]

    def _about(self) -> Iterator[str]:
        """The source of the numbers of the first table, a sentence each."""
        say, plan = self.words.text, self.result.plans[0]
        yield self._scheme
        yield self.said(TIE_RULES[plan.scheme.kind])
        yield say("simulation error")
        if isinstance(plan.scheme, Wild):
            kind = "CV3" if plan.scheme.covariance else "CV1"
            second = plan.scheme.second
            yield say("se of two", second=second) if second else say("se", kind=kind)
        else:
            moved = isinstance(plan.scheme, Placebo)
            yield say("spread of placebos" if moved else "spread")
        each = (
            say("left out of model", failed=k.failed, name=plan.fitted.model.name)
            for plan, k in self.result.pairs
            if k.failed
        )
        if told := self.words.listed(each, ", "):
            yield say("left out as singular", each=told)

    def _shown(self, frame: pd.DataFrame) -> Table:
        """Columns of the paper by their printed names, p-values as texts."""
        random = self.result.plans[0].random_draws
        models = {k.model.name: _name(k.model) for k in self.result.fitted_models}
        texts = {"model": frame["model"].replace(models)}
        for name in set(_P_COLUMNS) & set(frame):
            # A p of clusters is not a share of draws, nor is a Monte-Carlo error.
            draws = None if name.startswith("cv") or name == "mc_error" else random
            texts[name] = [p_text(float(p), draws) for p in frame[name]]
        frame = frame.assign(**texts)
        if self.language == "en":
            names = {k: _spaced(str(k)) for k in frame if k not in _HEADED}
            frame = frame.rename(columns=names)
        return self.table(
            frame, dict.fromkeys([*_P_COLUMNS, *map(_spaced, _P_COLUMNS)], "")
        )

    def _caption(self, name: str, figures: int) -> str:
        kind, _, number = name.rpartition("_")
        if number == "draws":
            table = kind.removeprefix("table")
            return self.words.text("drawn of table", table=table)
        return self.words.text("drawn of part" if figures > 1 else "drawn", part=number)

    def _equation(self, fitted: Any) -> str:
        """A model: regressors, effects, clusters, sample, rows."""
        sizes = {"n": fitted.n, "clusters": len(fitted.labels)}
        equation = self.said(fitted.model.equation)
        name = _name(fitted.model)
        return self.words.text("model", name=name, equation=equation, **sizes)

    def listings(self) -> list[Listing]:
        return [*map(self.listed, self.result.inferences)]


def _name(model: Model) -> str:
    place = printed_place(model.tags)
    return column_name(*place) if place else model.name


def _spaced(column: str) -> str:
    return column.replace("p_value", "p").replace("_", " ")
