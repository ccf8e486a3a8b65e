"""``tx.fit``: a linear model, of a formula or in words, and what is asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from tivax.engine import (
    bilateral,
    core,
    curve,
    estimation,
    reporting,
    resampling,
    threats,
)


@dataclass(frozen=True, eq=False, repr=False)
class Fit(estimation.Estimate, reporting.Result):
    """A fitted linear model, and what is asked of it: see ``tx.fit``.

    It prints as a regression table. What it is asked beyond that is of its treatment:
    that of the model, of a formula the first regressor, or the endogenous one.

    Examples
    --------
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel)
    >>> round(fit["trade"].se, 3), fit.vcov("HC1").convention
    (0.107, 'robust to heteroskedasticity (HC1), t(N-k)')
    """

    program = "fit"
    report_title = "A linear model"

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return {"terms": self.tidy(), "statistics": self.glance()}

    def facts(self) -> Mapping[str, Any]:
        return {"residual_max": self.solved.residual}

    def about(self, treatment: str | Sequence[str]) -> "Fit":
        """The same fit, whose verbs are of other regressors than the first."""
        return replace(self, model=replace(self.model, treatment=treatment))

    def wild(
        self,
        *,
        draws: int = 9_999,
        seed: int = 0,
        scheme: resampling.Wild | None = None,
    ) -> resampling.Inference:
        """The wild cluster bootstrap of the treatment: :func:`resample`.

        Examples
        --------
        >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel)
        >>> fit.about("gdp").wild(draws=999).summary["term"].tolist()
        ['gdp']
        """
        scheme = scheme or resampling.Wild()
        return resampling.resample(self, scheme=scheme, draws=draws, seed=seed)

    def placebo(
        self,
        *,
        draws: int = 9_999,
        seed: int = 0,
        scheme: resampling.Placebo | None = None,
    ) -> resampling.Inference:
        """Placebos, whose treatment moves between clusters: :func:`resample`."""
        scheme = scheme or resampling.Placebo()
        return resampling.resample(self, scheme=scheme, draws=draws, seed=seed)

    def threats(self, **options: Any) -> threats.Threats:
        """Every usual threat to the treatment: :func:`threats` with its options."""
        return threats.threats(self, **options)

    def curve(self, **options: Any) -> curve.SpecificationCurve:
        """The effect under every combination of contestable choices:
        :func:`specification_curve` with its options."""
        return curve.specification_curve(self, **options)


def fit(
    model: str | estimation.Model | Any,
    data: pd.DataFrame | None = None,
    *,
    vcov: estimation.Vcov | str | dict[str, str] | None = None,
    weights: str | None = None,
    clusters: str | Sequence[str] | None = None,
    time: str | None = None,
) -> Fit:
    """Fit a linear model: least squares or two stages, with any effects.

    A formula is pyfixest's: ``y ~ x + i(k) | units + years^area | w ~ z``. Rows with a
    missing value are left out, and ``left_out`` says how many. Units of columns do not
    matter: t and p are those of any multiple of a column.

    Where nothing but rounding is left of a standard error (two clusters beside effects
    of years; regressors that explain the outcome without any error) it is NaN, without
    stars, and ``note`` says why.

    Parameters
    ----------
    model : str, Model or fitted pyfixest model
        A formula, :class:`Model`, or what ``pyfixest.feols`` returned, whose rows
        (without its singletons), weights and covariance are taken. Of clusters, ``k``
        counts effects by their rank; pyfixest's counts all that the clusters do not
        nest, as ``tx.vcov.CV1("fixest")``. A ``fepois`` is a fit of ``tx.gravity``.
    data : DataFrame
        A row for each observation.
    vcov : str, dict or covariance
        "CV1" (the default where there are clusters), "CV2", "CV3", "two-way",
        "driscoll-kraay", "common-shocks", "HC1" (the default without clusters), "iid";
        pyfixest's ``{"CRV1": "firm+year"}``; or ``tx.vcov.CV1(convention)``,
        :class:`.TwoWay`, :class:`.DriscollKraay`, :class:`.CommonShocks`,
        :class:`.Network`, :class:`Conley` with their options.
    weights : str
        Column of positive weights of rows; by default none.
    clusters : str or two of them
        Column of clusters, by default those of the model, of a formula its first
        effect; two columns for two-way clusters.
    time : str
        Of a formula, the effect of periods, which lags and some covariances take: by
        default the second of two effects.

    Returns
    -------
    Fit
        ``terms`` has estimate, se, t, p_value and interval of each regressor. Of a
        fepois a ``GravityFit``.

    Raises
    ------
    TivaxError
        In one line, where a formula has several models, or neither a constant nor
        effects, a column is missing, holds no numbers or is duplicated, a unit of a
        :class:`Model` has two rows in a period, a regressor is collinear with the
        others and the effects, the effects explain the outcome, there are fewer than
        two clusters, or an instrument is also a regressor.

    Examples
    --------
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel)
    >>> fit.terms[["estimate", "se", "p_value"]].round(3)
        estimate     se  p_value
    term
    trade  0.492  0.107  0.001
    gdp    0.942  0.145  0.000
    const  0.218  0.327  0.518
    >>> iv = tx.fit("growth ~ gdp | iso3 + year | trade ~ tariff", panel)
    >>> round(iv.weak.kp_f, 1), iv.ar_set.text()
    (74.5, '[-0.02748, 0.675]')
    """
    if estimation.is_pyfixest(model) and type(model).__name__ == "Fepois":
        if any(k is not None for k in (data, weights, time)):
            raise core.TivaxError("a fepois brings its data: give it alone")
        found: Any = bilateral.GravityFit.of_fepois(model, vcov, clusters)
        return found
    options = {"weights": weights, "clusters": clusters, "time": time}
    return Fit.fitted(model, data, vcov=vcov, **options)


def regression_table(
    fits: Mapping[str, Any] | Sequence[Any],
    path: str | Path | None = None,
    *,
    title: str = "",
    terms: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    rows: Mapping[str, Sequence[str]] | None = None,
    digits: int = 4,
    notes: str | None = None,
) -> pd.DataFrame:
    """One journal table of several fits, a column each, for screen, Word or LaTeX.

    Parameters
    ----------
    fits
        Fits, or a dict of them by the heading above their column; a model of pyfixest
        is fitted as ``tx.fit`` does. One with instruments has the Kleibergen-Paap F
        below.
    path
        Where to write it: ``.docx``, ``.doc`` (opens in Word as a table), ``.html``,
        ``.tex`` (needs the package booktabs) or ``.csv``. None writes nothing.
    title
        Title of the table; numbers are left to Word and LaTeX.
    terms
        Terms to show, in this order; all but the constant by default.
    labels
        Names of terms and outcomes to print in place of the columns' names. Terms of
        different fits that have one name are one row.
    rows
        Rows of text below the estimates by name, a text for each column, such as
        ``{"year effects": ["yes", "no"]}``. One named ``observations`` or ``clusters``
        stands in place of the numbers.
    digits
        Decimals of coefficients and standard errors.
    notes
        Text below the table, by default the kinds of standard errors and stars; what
        has no standard error that says something is told besides.

    Returns
    -------
    DataFrame
        A row for each printed line, all text.

    Raises
    ------
    TivaxError
        No fit, something else than a fit, an unknown term or suffix, one name for two
        terms of a fit, a row of another length than there are columns.

    Examples
    --------
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel)
    >>> tx.regression_table([fit], "table.tex").shape[1]
    2
    """
    if isinstance(fits, Mapping):
        fits = {k: estimation.fitted_of(v) or v for k, v in fits.items()}
    elif isinstance(fits, Sequence) and not isinstance(fits, str):
        fits = [estimation.fitted_of(k) or k for k in fits]
    return reporting.regression_table(
        fits,
        path,
        title=title,
        terms=terms,
        labels=labels,
        rows=rows,
        digits=digits,
        notes=notes,
    )
