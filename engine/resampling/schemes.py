"""Resampling schemes: pairs, Bayesian, wild and placebo."""

from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from ..core import Phrase, TivaxError, require_choice, require_kind, show
from ..estimation import CV3, TwoWay, Vcov

Kind = Literal["pairs", "bayesian", "wild", "placebo"]
Weights = Literal["rademacher", "webb", "mammen"]
Permute = Literal["countries", "shifts", "common-shift", "years", "signs"]
Method = Literal["treatment", "freedman-lane"]
Type = Literal["11", "13", "31", "33"]


@dataclass(frozen=True)
class Scheme:
    """A way to resample the clusters: :class:`Pairs`, :class:`Bayesian`, :class:`Wild`
    or :class:`Placebo`."""

    kind: ClassVar[Kind]
    of_kernels: ClassVar[tuple[str, ...]] = ()
    """Options that set shapes or choose kernels."""

    @property
    def covariance(self) -> Vcov | None:
        """The covariance in the t of the sample, and of draws that have one; None is
        CV1."""
        return None

    @property
    def name(self) -> str:
        """For tables: WCR webb, placebo-t countries, ..."""
        return self.kind

    @property
    def words(self) -> str:
        """In words: ``wild cluster bootstrap, restricted, Webb weights``."""
        raise NotImplementedError

    @property
    def facts(self) -> dict[str, Any]:
        """Kind and options, for manifests."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Pairs(Scheme):
    """Clusters drawn with replacement.

    Attributes
    ----------
    studentised
        t-statistics besides coefficients, for the percentile-t intervals.

    Examples
    --------
    >>> tx.schemes.Pairs(studentised=True).words
    'pairs bootstrap of clusters, percentile-t'
    """

    kind = "pairs"
    of_kernels = ("studentised",)
    studentised: bool = False

    @property
    def words(self) -> str:
        of_t = "pairs bootstrap of clusters, percentile-t"
        return of_t if self.studentised else "pairs bootstrap of clusters"


@dataclass(frozen=True)
class Bayesian(Scheme):
    """Clusters weighted exponentially.

    Attributes
    ----------
    studentised
        t-statistics besides coefficients, for the percentile-t intervals.

    Examples
    --------
    >>> tx.schemes.Bayesian().words
    'Bayesian bootstrap of clusters'
    """

    kind = "bayesian"
    of_kernels = ("studentised",)
    studentised: bool = False

    @property
    def words(self) -> str:
        of_t = "Bayesian bootstrap of clusters, percentile-t"
        return of_t if self.studentised else "Bayesian bootstrap of clusters"


@dataclass(frozen=True)
class Wild(Scheme):
    """Residuals of clusters flipped.

    Attributes
    ----------
    weights
        ``rademacher``, ``webb`` or ``mammen``.
    null
        The hypothesis is imposed on the residuals (WCR), or not (WCU).
    value
        What the hypothesis says each treatment's coefficient is.
    joint
        One Wald test of all treatments of a model.
    type
        Least squares: ``11``, or a jackknife of MacKinnon, Nielsen and Webb (2023). The
        first digit is 3 where a cluster's residuals are those of a fit to the other
        clusters (31, their S), the second where CV3 is the variance in t and t* (13,
        their V); 33, their B, is both.
    second
        Least squares, type 11: a second column of clusters, such as ``year``. t has the
        variance of two-way clusters, and the weights belong to the dimension with fewer
        of them (MacKinnon, Nielsen and Webb 2021).

    Raises
    ------
    TivaxError
        An unknown word, a value that is no number.

    Examples
    --------
    >>> tx.schemes.Wild(weights="webb").words
    'wild cluster bootstrap, restricted, Webb weights'
    """

    kind = "wild"
    of_kernels = ("weights",)
    weights: Weights = "rademacher"
    null: bool = True
    value: float = 0.0
    joint: bool = False
    type: Type = "11"
    second: str = ""

    def __post_init__(self) -> None:
        require_choice("weights", self.weights, get_args(Weights))
        require_choice("type", self.type, get_args(Type))
        require_kind("value", self.value, Real, "a number")
        if not np.isfinite(self.value):
            raise TivaxError(f"value: give a finite number, not {show(self.value)}")
        require_kind("second", self.second, str, "the name of a column")
        if self.second and (self.joint or self.type != "11"):
            raise TivaxError(
                f'second = "{self.second}": two-way clusters go with type "11", each '
                "treatment by itself"
            )

    @property
    def name(self) -> str:
        digits = "" if self.type == "11" else self.type
        second = f" two-way {self.second}" if self.second else ""
        return f"{'WCR' if self.null else 'WCU'}{digits} {self.weights}{second}"

    @property
    def covariance(self) -> Vcov | None:
        if self.second:
            return TwoWay(self.second)
        return CV3() if self.type[1] == "3" else None

    @property
    def words(self) -> str:
        second = Phrase(", two-way clusters with {second}", second=self.second)
        return Phrase(
            "wild cluster bootstrap, {null}{kind}, {weights} weights{joint}{second}",
            null="restricted" if self.null else "unrestricted",
            kind=_TYPES[self.type],
            weights=self.weights.capitalize(),
            joint=", joint test" if self.joint else "",
            second=second if self.second else "",
        )


_TYPES = {
    "11": "",
    "13": ", type 13 (CV3)",
    "31": ", type 31 (jackknifed residuals)",
    "33": ", type 33 (jackknifed residuals, CV3)",
}


@dataclass(frozen=True)
class Placebo(Scheme):
    """Treatments of clusters moved.

    Attributes
    ----------
    permute
        Whole paths among ``countries``; each country's path by its own number of years
        (``shifts``), all by the same (``common-shift``), in a common random order of
        the ``years``; or random ``signs`` of the paths.
    studentised
        Compare t (randomisation-t), by default but for ``years``; coefficients alone
        make a test that is not of level 5 % where errors differ between countries or
        the controls go along with the treatment.
    method
        What moves, the ``treatment`` or the residuals of the model without it
        (``freedman-lane``), which leaves the treatment beside its controls.
    strata
        A column; paths move among countries of the same value only.

    Raises
    ------
    TivaxError
        An unknown word.

    Examples
    --------
    >>> tx.schemes.Placebo("shifts").studentised
    True
    """

    kind = "placebo"
    of_kernels = ("permute", "method", "studentised")
    permute: Permute = "countries"
    studentised: bool | None = None
    method: Method = "treatment"
    strata: str = ""

    def __post_init__(self) -> None:
        require_choice("permute", self.permute, get_args(Permute))
        require_choice("method", self.method, get_args(Method))
        require_kind("strata", self.strata, str, "the name of a column")
        if self.studentised is None:
            object.__setattr__(self, "studentised", self.permute != "years")

    @property
    def name(self) -> str:
        within = f" within {self.strata}" if self.strata else ""
        of = "Freedman-Lane" if self.method == "freedman-lane" else "placebo"
        return f"{of}{'-t' * bool(self.studentised)} {self.permute}{within}"

    @property
    def words(self) -> str:
        residuals = self.method == "freedman-lane"
        what = "residuals (Freedman-Lane)" if residuals else "treatment paths"
        moved = _MOVED[self.permute]
        if self.strata:
            moved = Phrase("{moved} within {strata}", moved=moved, strata=self.strata)
        compared = "t" if self.studentised else "coefficients"
        words = "placebo, {what} {moved}, {compared} compared"
        return Phrase(words, what=what, moved=moved, compared=compared)


_MOVED = {
    "countries": "moved among countries",
    "shifts": "shifted in time, each country by its own number of years",
    "common-shift": "shifted in time, all countries by the same number of years",
    "years": "in a common random order of years",
    "signs": "with random signs",
}

SCHEMES = {k.kind: k for k in (Pairs, Bayesian, Wild, Placebo)}
"""By the ``kind`` of a section [scheme]."""
