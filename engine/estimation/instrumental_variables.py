"""Two-stage least squares with country and year effects, by linearmodels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..core import Listing, TivaxError, long_table_of, number_text, p_text, to_long
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
from .design import Design
from .estimates import Estimate, Term
from .exclusion import PlausiblyExogenous, bounds_of
from .iv_data import IVData
from .library_fits import iv2sls
from .linear_fits import LinearFit, Vcov
from .model import Model
from .model_data import Equation, two_way_design
from .regression_data import ENTITY, TIME, column_name, column_names
from .vcov import CV1, clustering
from .weak_instruments import WeakInstruments


class InstrumentEquation(NamedTuple):
    """An equation with one endogenous regressor on its checked rows; ``data`` is in
    units of the data, net of entities."""

    given: Design
    data: IVData

    @classmethod
    def of(cls, given: Design, clusters: str) -> "InstrumentEquation":
        """That of a design, whose rows have these clusters."""
        model, rows = given.model, (given.rows * given.size)[given.back]
        y, X, controls, Z = (
            rows[:, given.places(names)]
            for names in (
                [model.outcome],
                model.treatments,
                model.controls,
                model.instruments,
            )
        )
        dummies = rows[:, : given.layout.dummies]
        data = IVData(
            y=y[:, 0],
            X=X,
            W=np.hstack([np.ones((given.n, 1)), dummies, controls]),
            Z=Z,
            clusters=given.used[clusters].to_numpy()[given.back],
            endogenous=model.treatments,
            instruments=tuple(model.instruments),
        )
        return cls(given, data)


@dataclass(frozen=True, eq=False, repr=False)
class IVEstimate(Coefficients):
    """Two-stage least squares with one endogenous regressor; it prints as a table.

    ``second`` and ``first`` are the two stages, ``weak`` the tests of the instruments,
    ``ar_set`` the 95 % Anderson-Rubin set of the endogenous coefficient as intervals,
    ``equation`` its rows. The methods compute sets of other levels, tests of other
    values, and what direct effects of the instruments would do.

    Examples
    --------
    >>> fit = tx.two_stage(panel, "growth", "trade", ["tariff"], ["gdp"])
    >>> fit.first.terms.index.tolist()
    ['gdp', 'tariff', 'const']
    >>> fit.ar_set.text()
    '[-0.02748, 0.675]'
    """

    second: Estimate
    first: Estimate
    weak: WeakInstruments
    ar_set: ConfidenceSet
    equation: InstrumentEquation

    @property
    def terms(self) -> pd.DataFrame:
        """The coefficients of the second stage: ``second.terms``."""
        return self.second.terms

    def __getitem__(self, term: str) -> Term:
        return self.second[term]

    def tidy(self) -> pd.DataFrame:
        """The second stage as a plain table: see :meth:`Estimate.tidy`."""
        return self.second.tidy()

    def glance(self) -> pd.DataFrame:
        """The second stage in one row: see :meth:`Estimate.glance`.

        Besides, columns endogenous, effective_f, kp_f, cd_f, kp_lm_p_value, ar_p_value,
        ar_jackknife_p_value, ar_bootstrap_p_value (NaN without draws) and tf_critical.
        """
        weak = self.weak
        return self.second.glance().assign(
            endogenous=self.first.outcome,
            effective_f=weak.effective_f,
            kp_f=weak.kp_f,
            cd_f=weak.cd_f,
            kp_lm_p_value=weak.kp_lm_p_value,
            ar_p_value=weak.ar_f_p_value,
            ar_jackknife_p_value=weak.ar_jackknife_p_value,
            ar_bootstrap_p_value=weak.ar_bootstrap_p_value,
            tf_critical=weak.tf_critical,
        )

    def confint(self, level: float = 0.95) -> pd.DataFrame:
        """Confidence intervals of the second stage, by t: see :meth:`Estimate.confint`.

        They need strong instruments; ``ar_set`` does not.
        """
        return self.second.confint(level)

    def anderson_rubin_set(
        self, level: float = 0.95, distribution: Distribution = "F"
    ) -> ConfidenceSet:
        """All values that the Anderson-Rubin test does not reject, exactly.

        The F is held against F(L1, G-1), as ivreg2's arf, or the ``chi2`` against
        chi2(L1); ``jackknife`` is the set of the cluster-jackknife test (Ligtenberg
        2025). The set is bounded where the first-stage F exceeds the critical value.

        Examples
        --------
        >>> fit = tx.two_stage(panel, "growth", "trade", ["tariff"], ["gdp"])
        >>> fit.anderson_rubin_set(level=0.9).bounded
        True
        """
        return anderson_rubin_set(
            self.equation.data, level=level, distribution=distribution
        )

    def weak_instrument_tests(
        self, beta: Beta = 0.0, *, draws: int = 0, seed: int = 0
    ) -> WeakInstruments:
        """The tests of ``weak``, with Anderson-Rubin tests of another ``beta``.

        With ``draws``, the Anderson-Rubin test by the restricted wild cluster bootstrap
        too (Webb's weights): the F test can reject too often where clusters are few.

        Examples
        --------
        >>> fit = tx.two_stage(panel, "growth", "trade", ["tariff"], ["gdp"])
        >>> tests = fit.weak_instrument_tests(0.3, draws=999)
        >>> bool(tests.ar_bootstrap_p_value > 0.05)
        True
        """
        return weak_instruments.weak_instrument_tests(
            self.equation.data, beta=beta, draws=draws, seed=seed
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
        >>> fit = tx.two_stage(panel, "growth", "trade", ["tariff"], ["gdp"])
        >>> fit.plausibly_exogenous().bounds[["direct", "ci_low"]].round(3).head(2)
           direct  ci_low
        0   0.000   0.025
        1   0.008   0.015
        """
        given, data = self.equation
        return bounds_of(data, given.model.outcome, largest=largest, level=level)

    def summary(self) -> str:
        """The tables that it prints."""
        return repr(self)

    def _listings(self) -> Sequence[Listing]:
        endogenous, outcome = self.first.outcome, self.second.outcome
        second = self.second.listing(f"{outcome}: two-stage least squares")
        weak, tested = self.weak, f"Anderson-Rubin test of {endogenous} = 0"
        tests = [
            ("effective F (Montiel Olea and Pflueger)", number_text(weak.effective_f)),
            ("Kleibergen-Paap F", number_text(weak.kp_f)),
            ("Cragg-Donald F", number_text(weak.cd_f)),
            ("Kleibergen-Paap LM, p", p_text(weak.kp_lm_p_value)),
            (f"{tested}, p", p_text(weak.ar_f_p_value)),
        ]
        if (over := weak.overidentification).df:
            tests.append((f"Hansen's J, p ({over.df} too many)", p_text(over.p_value)))
        if weak.ar_draws:
            p = p_text(weak.ar_bootstrap_p_value, weak.ar_draws)
            tests.append((f"{tested}, p by bootstrap", p))
        tests.append((f"95 % Anderson-Rubin set of {endogenous}", self.ar_set.text()))
        if not np.isnan(weak.tf_critical):
            t = number_text(abs(self[endogenous].t))
            tf = f"{t} against {number_text(weak.tf_critical)}"
            tests.append((f"t of {endogenous}, tF critical value (5 %)", tf))
        first = self.first.listing(f"First stage: {endogenous}")
        return [second, first, Listing("Instruments", (), tests)]


def two_stage(
    data: pd.DataFrame,
    outcome: str,
    endogenous: str,
    instruments: Sequence[str],
    controls: Sequence[str],
    *,
    entity: str = ENTITY,
    time: str = TIME,
    clusters: str | Sequence[str] | None = None,
    vcov: Vcov | str | dict[str, str] = "CV1",
    draws: int = 0,
    seed: int = 0,
    effects: Sequence[str] = (),
) -> IVEstimate:
    """2SLS with country and year effects, clustered by country or ``clusters``.

    As Stata's ``xtivreg2, fe`` and ``ivreghdfe`` with ``small``: country effects are
    partialled out and, nested in the clusters, not counted; year dummies and one
    constant are. Rows with a missing value, such as the first year of a lag, are left
    out. Units do not matter, and there is no standard error (NaN) where nothing but
    rounding is left of it, as in :func:`fixed_effects`; the Anderson-Rubin set is then
    NaN too. With ``draws``, ``weak`` has the bootstrap Anderson-Rubin test.

    ``vcov`` is the covariance of both stages, as in :func:`fixed_effects`: with another
    than "CV1" there is no constant. CV3 and the two-way jackknife fit the first stage
    anew each time. The tests of instruments are clustered, whatever it is.

    Parameters
    ----------
    data : DataFrame
        A row for each unit and period.
    outcome, endogenous : str
        Columns of the outcome and of the endogenous regressor.
    instruments, controls : sequence of str
        Columns that are excluded, and that are in both stages.
    entity, time : str
        Columns of units and periods, each with an effect.
    clusters : str, optional
        Column of clusters; by default ``entity``.
    vcov : str or covariance
        Covariance of both stages.
    draws, seed : int
        Draws of the bootstrap Anderson-Rubin test (0: none), and their seed.
    effects
        None but those of ``entity`` and ``time``: others are dummies among controls.

    Returns
    -------
    IVEstimate
        ``first``, ``second``, ``weak`` (tests of the instruments) and
        ``ar_set``.

    Raises
    ------
    TivaxError
        As :func:`fixed_effects`; also for an instrument that the controls and effects
        explain, that is also a regressor or is the endogenous one.

    Examples
    --------
    >>> fit = tx.two_stage(panel, "growth", "trade", ["tariff"], ["gdp"])
    >>> fit.second.terms[["estimate", "se"]].round(3)
        estimate     se
    term
    trade  0.363  0.153
    gdp    1.083  0.208
    const  0.224  0.334
    >>> round(fit.weak.kp_f, 1)
    74.5
    """
    if effects:
        raise TivaxError(
            "effects: two_stage has those of entity and time; put dummies of others "
            "among the controls",
            argument="effects",
        )
    vcov, clusters = clustering(vcov, clusters, entity)
    column_name("time", time)
    column_name("endogenous", endogenous)
    controls = column_names("controls", controls)
    if not column_names("instruments", instruments):
        raise TivaxError("instruments: name at least one")
    model = Model(
        "",
        outcome,
        (*controls, endogenous),
        treatment=endogenous,
        instruments=instruments,
        entity=entity,
        time=time,
    )
    given = two_way_design(data, model, clusters=clusters, second=vcov.second)
    equation = InstrumentEquation.of(given, clusters)
    try:
        ar_set = anderson_rubin_set(equation.data)
    except SingularScores:
        ar_set = unknown_set()

    def stage(names: Equation) -> Estimate:
        fit = LinearFit.of(given, clusters, names)
        return iv2sls(fit) if vcov == CV1() else fit.vcov(vcov)

    tests = weak_instruments.weak_instrument_tests(
        equation.data, draws=draws, seed=seed
    )
    return IVEstimate(
        second=stage(Equation.of(model)),
        first=stage(Equation(endogenous, (*controls, *instruments))),
        weak=tests,
        ar_set=ar_set,
        equation=equation,
    )


@long_table_of.register(IVEstimate)
def _(result: IVEstimate) -> pd.DataFrame:
    stages = {"second": result.second, "first": result.first}
    parts = [to_long(fit).assign(stage=name) for name, fit in stages.items()]
    return pd.concat(parts, ignore_index=True)
