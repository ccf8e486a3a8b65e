"""The fit of a linear model: its coefficients, their covariance, tests of instruments.

By default as Stata's ``xtreg y x i.year, fe vce(cluster id)``, and with instruments as
``xtivreg2, fe small``: effects of units absorbed, dummies of periods explicit (the
first the base), covariance times G/(G-1) (N-1)/(N-k), where effects that are nested in
the clusters count as one parameter; p-values and intervals from t(G-1). Where units and
periods are all effects, pyfixest and linearmodels compute it, with the constant at the
grand mean; elsewhere there is no constant beside effects.

    convention    covariance of ``CV1(convention)``
    stata         as above, with the constant
    fixest        the same covariance, no constant; reghdfe's
    lsdv          every effect counted in k; areg, reg i.id i.year
    plm           no small-sample correction
    linearmodels  N / (N - slopes - all effects), no G/(G-1)
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..core import (
    Listing,
    Phrase,
    TivaxError,
    interval_text,
    long_table_of,
    naming,
    number_text,
    p_text,
    require_kind,
    require_list,
    suggest,
)
from . import weak_instruments
from .anderson_rubin import (
    Beta,
    ConfidenceSet,
    Distribution,
    SingularScores,
    anderson_rubin_set,
    unknown_set,
)
from .coefficients import Coefficients
from .distributions import f_sf, quantile_of, t_sf
from .exclusion import PlausiblyExogenous, bounds_of
from .formulas import is_pyfixest, of_formula, of_pyfixest
from .iv_data import IVData
from .library_fits import feols, iv2sls
from .linear_fits import Covariance, LinearFit, Vcov
from .model import Model, with_lags
from .model_data import left_out_text
from .regression_data import column_name, require_columns
from .vcov import CV1, clustered_in_words, clustering
from .weak_instruments import WeakInstruments

# A correlation matrix with an eigenvalue below this share of its sum has no inverse.
SINGULAR = 1e-11


class Term(NamedTuple):
    """One coefficient: t, its p-value, a 95 % interval, 0 to 3 stars."""

    estimate: float
    se: float
    t: float
    p_value: float
    ci_low: float
    ci_high: float
    stars: int


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(Coefficients):
    """A fitted linear model; it prints as a regression table.

    Attributes
    ----------
    model
        The model, its clusters among it.
    data
        The rows that it was given, with the columns that its formula makes.
    terms
        A row for each coefficient, by term: estimate, se, t, p_value, ci_low, ci_high
        (95 %), stars (0 to 3; none where one cluster alone identifies the term). NaN
        and no stars where ``note`` says that there is no standard error.
    covariance
        Covariance of the coefficients, by term.
    n, clusters
        Rows and clusters (of two ways the fewer; 0 without).
    degrees
        Degrees of freedom of t: ``clusters - 1`` unless the convention says otherwise.
    r2
        Within units. Effects of periods count as explained with ``stata``; the other
        conventions take them out first, as the libraries do.
    r2_years
        Within units, effects of periods counted as explained, whatever the convention.
    convention
        Covariance and small-sample correction, a name or in words.
    residuals
        Residuals by row label of the data used.
    note
        Terms without a standard error, and why; terms that one cluster alone
        identifies, so that their standard error says nothing; empty elsewhere.
    correlation
        Correlation of the coefficients, by term: the covariance whatever their units.
    clustered
        Column of the clusters; empty without.
    left_out
        Number of rows with a missing value and their columns, in words.
    words
        The convention in words, where it is a name.
    term_degrees
        Degrees of freedom of each term's t, where they differ; else None.

    Examples
    --------
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel)
    >>> fit.confint(0.9).round(3)
        term  ci_low  ci_high
    0  trade   0.300    0.685
    1    gdp   0.681    1.202
    2  const  -0.369    0.805
    >>> fit.glance()[["outcome", "n", "clusters", "effects"]]
      outcome   n  clusters    effects
    0  growth  96        12  iso3+year
    """

    model: Model
    data: pd.DataFrame
    solved: LinearFit
    kind: Vcov
    terms: pd.DataFrame
    covariance: pd.DataFrame
    n: int
    clusters: int
    degrees: int
    r2: float
    r2_years: float
    convention: str
    residuals: pd.Series
    note: str
    correlation: pd.DataFrame
    clustered: str
    left_out: str
    words: str
    term_degrees: pd.Series | None
    weights: str

    @classmethod
    def of(
        cls,
        solved: LinearFit,
        kind: Vcov,
        *,
        model: Model | None = None,
        data: pd.DataFrame | None = None,
        weights: str = "",
        iv: bool = False,
    ) -> Self:
        """The report of a solved model with this covariance.

        ``iv``: an equation of two stages, which linearmodels computes by default.
        Without a standard error (NaN) are those that are lost, and those of a negative
        variance, which two-way clustering can give.
        """
        found = _headline(solved, iv) if kind == CV1() and not weights else None
        found = found or kind.of(solved)
        names, used = solved.names, solved.used
        b = solved.slopes @ solved.y if found.coef is None else found.coef
        report = [*names, "const"][: len(b)]
        degrees = found.clusters - 1 if found.degrees is None else found.degrees
        by_term = isinstance(degrees, np.ndarray)
        V, variances = found.V.copy(), np.diag(found.V)
        without = np.array([k in found.lost for k in report], bool)
        notes = []
        if gone := [k for k in report if k in found.lost]:
            notes.append(f"no standard error for {', '.join(gone)}: {found.reason}")
        below = ~without & ~(variances > 0)
        if below.any():
            lost = ", ".join(k for k, its in zip(report, below, strict=True) if its)
            notes.append(f"no standard error for {lost}: a variance below 0")
        se = np.sqrt(np.where((variances > 0) & ~without, variances, np.nan))
        V[without, :] = V[:, without] = np.nan
        size = solved.size[-1]
        constant = 1.0 if solved.model.all_effects else solved.size[0]
        unit = size / np.append(solved.size[solved.places(names)], constant)[: len(b)]
        with np.errstate(over="ignore", under="ignore"):
            t, coef, error = b / se, b * unit, se * unit
            width = quantile_of(0.95, degrees) * error
            V_in_units = V * unit[:, None] * unit[None, :]
        p = 2 * t_sf(np.abs(t), degrees)
        columns = {"estimate": coef, "se": error, "t": t, "p_value": p}
        columns |= {"ci_low": coef - width, "ci_high": coef + width}
        shown = np.where([k in found.alone for k in report], 0, stars(p))
        terms = pd.DataFrame({**columns, "stars": shown}, report)
        terms.index.name = "term"
        u = solved.u if found.u is None else found.u
        left, net, whole = solved.u @ solved.u, solved.net, solved.y
        if not solved.effects.nested or solved.effects.demeaned:
            whole = net
        u = u / solved.effects.root * size
        return cls(
            model=model or solved.model,
            data=solved.data if data is None else data,
            solved=solved,
            kind=kind,
            terms=terms,
            covariance=pd.DataFrame(V_in_units, report, report),
            correlation=pd.DataFrame(V / se[:, None] / se[None, :], report, report),
            n=solved.n,
            clusters=found.clusters,
            left_out=left_out_text(solved.data, used),
            degrees=found.clusters - 1 if by_term else int(degrees),
            term_degrees=pd.Series(degrees, report) if by_term else None,
            r2=float(1 - left / (net @ net)) if found.r2 is None else found.r2,
            r2_years=float(1 - left / (whole @ whole)),
            convention=found.convention,
            residuals=pd.Series(u[solved.back], used.index[solved.back]),
            note=Phrase.listed([*notes, found.note]),
            words=found.words,
            clustered=solved.model.clusters if kind.by_clusters else "",
            weights=weights,
        )

    @classmethod
    def fitted(
        cls,
        model: str | Model | Any,
        data: pd.DataFrame | None = None,
        *,
        vcov: Vcov | str | dict[str, str] | None = None,
        weights: str | None = None,
        clusters: str | Sequence[str] | None = None,
        time: str | None = None,
    ) -> Self:
        """``tx.fit``: a model, of a formula, in words or fitted by pyfixest."""
        if is_pyfixest(model):
            if type(model).__name__ == "Fepois":
                raise TivaxError("a Fepois of pyfixest is no linear model; tx.fit it")
            model, kept, its = of_pyfixest(model)
            data = kept if data is None else data
            if vcov is None and clusters is None:
                vcov, clusters = its["vcov"], its["clusters"]
            weights = its["weights"] if weights is None else weights
        if data is None:
            raise TivaxError("data: give a pandas DataFrame")
        require_columns(data, ())
        if weights is not None:
            column_name("weights", weights)
        if isinstance(model, str):
            made, data = of_formula(model, data, time)
            return cls._fitted(made, data, vcov, weights or "", clusters)
        require_kind("model", model, Model, "a formula, a tx.Model or a pyfixest.feols")
        if time is not None:
            raise TivaxError("time: a tx.Model names its own")
        with naming(f"model {model.name}") if model.name else nullcontext():
            data = with_lags(data, [model])
            return cls._fitted(model, data, vcov, weights or "", clusters)

    @classmethod
    def _fitted(
        cls, model: Model, data: pd.DataFrame, vcov: Any, weights: str, clusters: Any
    ) -> Self:
        kind, column = clustering(vcov, clusters, model.clusters)
        model = replace(model, clusters=column)
        ordered = model  # terms in the order of the regressors
        if not model.instruments:
            ordered = replace(model, treatment=model.regressors)
        further = [kind.second] if kind.second else []
        options = {"weights": weights, "further": further, "drawn": False}
        solved = LinearFit.of(data, ordered, **options)
        return cls.of(solved, kind, model=model, data=data, weights=weights)

    def vcov(
        self,
        vcov: Vcov | str | dict[str, str] | None = None,
        *,
        clusters: str | Sequence[str] | None = None,
    ) -> Self:
        """The same fit with another covariance or other clusters, as in ``tx.fit``.

        Examples
        --------
        >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel)
        >>> fit.vcov("CV3").convention
        'jackknife by iso3 (CV3), t(G-1)'
        """
        return self._fitted(self.model, self.data, vcov, self.weights, clusters)

    @cached_property
    def drawn(self) -> LinearFit:
        """The fit whose clusters can be left out or drawn: the crossed effects have
        dummies, and terms are the treatments."""
        return LinearFit.to_draw(self.data, self.model, self.weights)

    @property
    def outcome(self) -> str:
        """Name of the outcome."""
        return self.model.outcome

    def __getitem__(self, term: str) -> Term:
        self._require_term(term)
        row: Any = self.terms.index.get_loc(term)
        *numbers, count = (self.terms[k].to_numpy()[row] for k in Term._fields)
        return Term(*map(float, numbers), stars=int(count))

    def tidy(self) -> pd.DataFrame:
        """The coefficients as a plain table, one row each.

        Columns term, estimate, se, t, p_value, ci_low and ci_high (95 %), named as
        those of :meth:`Inference.tidy`.
        """
        return self.terms.drop(columns="stars").reset_index()

    def glance(self) -> pd.DataFrame:
        """Statistics of the whole column, in one row.

        Columns outcome, n, clusters, degrees, r2_within, effects (joined by +), method,
        the standard errors in words, and left_out, the rows without some value. With
        instruments also endogenous, effective_f, kp_f, cd_f, kp_lm_p_value, ar_p_value,
        ar_jackknife_p_value and tf_critical.
        """
        row = {
            "outcome": self.outcome,
            "n": self.n,
            "clusters": self.clusters,
            "degrees": self.degrees,
            "r2_within": self.r2,
            "effects": "+".join(self.model.all_effects),
            "method": self._method,
            "left_out": self.left_out,
        }
        if self.model.instruments:
            weak = self.weak
            row["endogenous"] = self.first.outcome
            row |= {k: getattr(weak, k) for k in ("effective_f", "kp_f", "cd_f")}
            row |= {
                "kp_lm_p_value": weak.kp_lm_p_value,
                "ar_p_value": weak.ar_f_p_value,
            }
            row["ar_jackknife_p_value"] = weak.ar_jackknife_p_value
            row["tf_critical"] = weak.tf_critical
        return pd.DataFrame([row])

    def confint(self, level: float = 0.95) -> pd.DataFrame:
        """Confidence intervals of this level: columns term, ci_low, ci_high.

        Raises ``TivaxError`` unless ``level`` is a number between 0 and 1.
        """
        degrees = self.degrees if self.term_degrees is None else self.term_degrees
        width = quantile_of(level, degrees) * self.terms["se"]
        b = self.terms["estimate"]
        ends = pd.DataFrame({"ci_low": b - width, "ci_high": b + width})
        return ends.reset_index()

    def summary(self) -> str:
        """The regression table that it prints."""
        return repr(self)

    def wald(self, terms: Sequence[str]) -> tuple[float, float]:
        """F test that these coefficients are all 0: F(q, degrees) and its p-value.

        NaN where the covariance has no inverse: G clusters test G - 1 coefficients at
        most, fewer beside effects of years.
        """
        require_list("terms", terms)
        for name in terms:
            self._require_term(name)
        t = self.terms.loc[list(terms), "t"].to_numpy(float)
        R = self.correlation.loc[list(terms), list(terms)].to_numpy(float)
        if not np.isfinite(R).all() or np.linalg.eigvalsh(R)[0] <= SINGULAR * len(t):
            return float("nan"), float("nan")
        f = float(t @ np.linalg.solve(R, t)) / len(t)
        return f, float(f_sf(f, len(t), self.degrees))

    # ---------------------------------------------------------------------- instruments

    @cached_property
    def first(self) -> Self:
        """The first stage."""
        self._require_instruments()
        return self.of(self.solved.first_stage(), self.kind, iv=True)

    @cached_property
    def weak(self) -> WeakInstruments:
        """Tests of the instruments, clustered whatever the covariance."""
        return self.weak_instrument_tests()

    @cached_property
    def ar_set(self) -> ConfidenceSet:
        """The 95 % Anderson-Rubin set of the endogenous coefficient, as intervals."""
        try:
            return anderson_rubin_set(self.equation)
        except SingularScores:
            return unknown_set()

    @cached_property
    def equation(self) -> IVData:
        """The rows in units of the data, net of nested effects."""
        self._require_instruments()
        model, own = self.solved.model, self.solved
        rows, used = (own.rows * own.size)[own.back], own.used.iloc[own.back]
        y, X, controls, Z = (
            rows[:, own.places(names)]
            for names in (
                [model.outcome],
                model.treatments,
                model.controls,
                model.instruments,
            )
        )
        dummies = rows[:, : own.layout.dummies]
        constant = own.effects.root[own.back, None]
        return IVData(
            y=y[:, 0],
            X=X,
            W=np.hstack([constant, dummies, controls]),
            Z=Z,
            clusters=used[model.clusters].to_numpy() if model.clusters else None,
            covariance="cluster" if model.clusters else "robust",
            absorbed=own.effects.levels if own.effects.demeaned else 0,
            endogenous=model.treatments,
            instruments=tuple(model.instruments),
        )

    def anderson_rubin_set(
        self, level: float = 0.95, distribution: Distribution = "F"
    ) -> ConfidenceSet:
        """All values that the Anderson-Rubin test does not reject, exactly.

        The F is held against F(L1, G-1), as ivreg2's arf, or the ``chi2`` against
        chi2(L1); ``jackknife`` is the set of the cluster-jackknife test (Ligtenberg
        2025). The set is bounded where the first-stage F exceeds the critical value.

        Examples
        --------
        >>> fit = tx.fit("growth ~ gdp | iso3 + year | trade ~ tariff", panel)
        >>> fit.anderson_rubin_set(level=0.9).bounded
        True
        """
        return anderson_rubin_set(self.equation, level=level, distribution=distribution)

    def weak_instrument_tests(
        self, beta: Beta = 0.0, *, draws: int = 0, seed: int = 0
    ) -> WeakInstruments:
        """The tests of ``weak``, with Anderson-Rubin tests of another ``beta``.

        With ``draws``, the Anderson-Rubin test by the restricted wild cluster bootstrap
        too (Webb's weights): the F test can reject too often where clusters are few.

        Examples
        --------
        >>> fit = tx.fit("growth ~ gdp | iso3 + year | trade ~ tariff", panel)
        >>> tests = fit.weak_instrument_tests(0.3, draws=999)
        >>> bool(tests.ar_bootstrap_p_value > 0.05)
        True
        """
        return weak_instruments.weak_instrument_tests(
            self.equation, beta=beta, draws=draws, seed=seed
        )

    def plausibly_exogenous(
        self, *, largest: float | None = None, level: float = 0.95
    ) -> PlausiblyExogenous:
        """The estimate where the instruments may act on the outcome themselves.

        The union of the intervals over all direct effects from -d to d of each
        instrument needs no grid: an end is b - A gamma - t se(gamma), concave in gamma
        since se is the root of a sum of squares, so that the least is at a corner.
        Under the prior gamma is normal, independent, of standard deviation d/2, and
        adds A A' d^2 / 4 to the variance (the local-to-zero approximation of Conley,
        Hansen and Rossi 2012).

        Parameters
        ----------
        largest
            The largest d; by default that of the reduced form, the direct effect that
            would make the estimate 0.
        level
            Of the intervals.

        Raises
        ------
        TivaxError
            ``largest`` that is no positive number.

        Examples
        --------
        >>> fit = tx.fit("growth ~ gdp | iso3 + year | trade ~ tariff", panel)
        >>> fit.plausibly_exogenous().bounds[["direct", "ci_low"]].round(3).head(2)
           direct  ci_low
        0   0.000   0.025
        1   0.008   0.015
        """
        return bounds_of(self.equation, self.outcome, largest=largest, level=level)

    def _require_instruments(self) -> None:
        if len(self.model.endogenous) != 1:
            raise TivaxError(
                f"{self.outcome}: this takes one endogenous regressor and instruments: "
                '"y ~ x | units + years | w ~ z"'
            )

    @property
    def _method(self) -> str:
        """The standard errors in words."""
        return f"{self.words} ({self.convention})" if self.words else self.convention

    def _require_term(self, name: object) -> None:
        if name not in self.terms.index:
            raise TivaxError(f"no term {name}: {suggest(str(name), self.terms.index)}")

    def _listings(self) -> Sequence[Listing]:
        if not self.model.instruments:
            return [self.listing(f"{self.outcome}: least squares{self._with_effects}")]
        second = self.listing(f"{self.outcome}: two-stage least squares")
        if len(self.model.endogenous) != 1:
            return [second]
        endogenous, weak = self.first.outcome, self.weak
        tested = f"Anderson-Rubin test of {endogenous} = 0"
        tests = [
            ("effective F (Montiel Olea and Pflueger)", number_text(weak.effective_f)),
            ("Kleibergen-Paap F", number_text(weak.kp_f)),
            ("Cragg-Donald F", number_text(weak.cd_f)),
            ("Kleibergen-Paap LM, p", p_text(weak.kp_lm_p_value)),
            (f"{tested}, p", p_text(weak.ar_f_p_value)),
        ]
        if (over := weak.overidentification).df:
            tests.append((f"Hansen's J, p ({over.df} too many)", p_text(over.p_value)))
        tests.append((f"95 % Anderson-Rubin set of {endogenous}", self.ar_set.text()))
        if not np.isnan(weak.tf_critical):
            t = number_text(abs(self[endogenous].t))
            tf = f"{t} against {number_text(weak.tf_critical)}"
            tests.append((f"t of {endogenous}, tF critical value (5 %)", tf))
        first = self.first.listing(f"First stage: {endogenous}")
        return [second, first, Listing("Instruments", ("test", "value"), tests)]

    @property
    def _with_effects(self) -> str:
        return " with fixed effects" if self.model.all_effects else ""

    def listing(self, title: str) -> Listing:
        """The regression table under this title."""
        rows = [
            (
                str(row["term"]),
                f"{number_text(row['estimate'])}{'*' * int(row['stars']):3}",
                *(number_text(row[k]) for k in ("se", "t")),
                p_text(row["p_value"]),
                interval_text(row["ci_low"], row["ci_high"]),
            )
            for row in self.terms.reset_index().to_dict("records")
        ]
        clusters = f"{self.clusters} clusters, " if self.clusters else ""
        degrees = str(self.degrees)
        if self.term_degrees is not None:
            first, last = self.term_degrees.min(), self.term_degrees.max()
            degrees = f"{first:.1f} to {last:.1f}"
        notes = [
            f"{self.n} observations, {clusters}t with {degrees} degrees of freedom, "
            f"R2 {'within ' * bool(self.model.all_effects)}{self.r2:.4f}",
            f"Standard errors: {self._method}",
            "* p < 0.1, ** p < 0.05, *** p < 0.01",
        ]
        if self.weights:
            notes.insert(1, f"weighted by {self.weights}")
        if self.left_out:
            notes.insert(1, self.left_out)
        if 0 < self.clusters < _FEW:
            notes.append(
                f"Note: {self.clusters} clusters are few: p can be too small, stars "
                "too many; compare a wild bootstrap (tx.resample)"
            )
        if self.note:
            notes.append(f"Note: {self.note}")
        return Listing(title, _COLUMNS, rows, notes)


def _headline(fit: LinearFit, iv: bool) -> Covariance | None:
    """CV1 by a library, where effects of units and of periods are all."""
    model, effects = fit.model, fit.effects
    both = effects.nested == (model.entity,) and effects.crossed == (model.time,)
    if not both or effects.demeaned or model.endogenous[1:]:
        return None
    if iv or model.instruments:
        return iv2sls(fit)
    return feols(fit, clustered_in_words(fit, "stata"))


# With fewer clusters t(G-1) rejects too often (Cameron, Gelbach and Miller 2008).
_FEW = 10
_COLUMNS = ("", "estimate", "se", "t", "p", "95 % interval")


def stars(p: Float[np.ndarray, " q"]) -> Int[np.ndarray, " q"]:
    """3, 2, 1 for significance at 1, 5, 10 %, else 0; none where p is NaN."""
    return (p < 0.01).astype(int) + (p < 0.05).astype(int) + (p < 0.1).astype(int)


def fitted_of(given: object) -> Estimate | None:
    """A fit, or that of a pyfixest model; None for anything else."""
    if isinstance(given, Estimate):
        return given
    return Estimate.fitted(given) if is_pyfixest(given) else None


def unfitted(panel: Any, model: Any) -> tuple[Any, Any]:
    """The data and the model of a fit, where that stands in their place.

    Raises ``TivaxError`` for a weighted one.
    """
    fit = fitted_of(panel) if model is None else None
    if fit is None:
        return panel, model
    if fit.weights:
        raise TivaxError(f"weights {fit.weights}: this takes fits without weights")
    return fit.data, replace(fit.model, name=fit.model.name or fit.outcome)


@long_table_of.register(Estimate)
def _(result: Estimate) -> pd.DataFrame:
    stages = {"second": result}
    if len(result.model.endogenous) == 1:
        stages["first"] = result.first
    parts = []
    for name, fit in stages.items():
        frame = fit.tidy()
        frame.insert(0, "outcome", fit.outcome)
        about = {k: getattr(fit, k) for k in ("n", "clusters", "convention")}
        about |= {"stage": name} if len(stages) > 1 else {}
        parts.append(frame.assign(**about))
    return pd.concat(parts, ignore_index=True)
