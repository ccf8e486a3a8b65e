"""Resampling schemes: pairs, Bayesian, wild and placebo."""

from dataclasses import dataclass
from numbers import Real
from typing import Literal, get_args

import numpy as np

from ..core import TivaxError, require_choice, require_kind, show

Kind = Literal["pairs", "bayesian", "wild", "placebo"]
Weights = Literal["rademacher", "webb", "mammen"]
Permute = Literal["countries", "shifts", "common-shift", "years", "signs"]
Method = Literal["treatment", "freedman-lane"]
Type = Literal["11", "13", "31", "33"]


@dataclass(frozen=True)
class Scheme:
    """A way to resample the clusters.

    Attributes
    ----------
    kind
        ``pairs`` draws clusters with replacement, ``bayesian`` weights them
        exponentially, ``wild`` flips their residuals, ``placebo`` moves their
        treatments.
    weights
        Weights of wild draws.
    null
        Wild: the hypothesis is imposed on the residuals (WCR), or not (WCU).
    value
        Wild: what the hypothesis says each treatment's coefficient is.
    type
        Wild, least squares: ``11``, or a jackknife of MacKinnon, Nielsen and Webb
        (2023). The first digit is 3 where a cluster's residuals are those of a fit to
        the other clusters (31, their S), the second where CV3 is the variance in t and
        t* (13, their V); 33, their B, is both.
    joint
        Wild: one Wald test of all treatments of a model.
    second
        Wild, least squares, type 11: a second column of clusters, such as ``year``. t
        has the variance of two-way clusters, and the weights belong to the dimension
        with fewer of them (MacKinnon, Nielsen and Webb 2021).
    studentised
        Pairs and Bayesian: t-statistics besides coefficients, for the percentile-t
        intervals; not by default. Placebo: compare t (randomisation-t), by default but
        for ``years``; coefficients alone make a test that is not of level 5 % where
        errors differ between countries or the controls go along with the treatment.
    method
        Placebo: what moves, the ``treatment`` or the residuals of the model without it
        (``freedman-lane``), which leaves the treatment beside its controls.
    permute
        Placebo: whole paths among ``countries``; each country's path by its own
        number of years (``shifts``), all by the same (``common-shift``), in a common
        random order of the ``years``; or random ``signs`` of the paths.
    strata
        Placebo: a column; paths move among countries of the same value only.

    Raises
    ------
    TivaxError
        An unknown word, a value that is no number.

    Examples
    --------
    >>> tx.Scheme("placebo", permute="shifts").studentised
    True
    """

    kind: Kind
    weights: Weights = "rademacher"
    null: bool = True
    value: float = 0.0
    joint: bool = False
    studentised: bool | None = None
    permute: Permute = "countries"
    strata: str = ""
    method: Method = "treatment"
    type: Type = "11"
    second: str = ""

    def __post_init__(self) -> None:
        for name, known in _KNOWN.items():
            require_choice(name, getattr(self, name), get_args(known))
        require_kind("value", self.value, Real, "a number")
        if not np.isfinite(self.value):
            raise TivaxError(f"value: give a finite number, not {show(self.value)}")
        for name in ("strata", "second"):
            require_kind(name, getattr(self, name), str, "the name of a column")
        if self.second and (self.joint or self.type != "11"):
            raise TivaxError(
                f'second = "{self.second}": two-way clusters go with type "11", each '
                "treatment by itself"
            )
        if self.studentised is None:
            by_default = self.kind == "placebo" and self.permute != "years"
            object.__setattr__(self, "studentised", by_default)

    @property
    def name(self) -> str:
        """For tables: WCR webb, placebo-t countries, ..."""
        if self.kind == "wild":
            digits = self.type.replace("11", "")
            second = f" two-way {self.second}" if self.second else ""
            return f"{'WCR' if self.null else 'WCU'}{digits} {self.weights}{second}"
        if self.kind == "placebo":
            within = f" within {self.strata}" if self.strata else ""
            of = "Freedman-Lane" if self.method == "freedman-lane" else "placebo"
            return f"{of}{'-t' * bool(self.studentised)} {self.permute}{within}"
        return self.kind

    @property
    def covariance(self) -> str:
        """The covariance in the t of wild draws and of the sample."""
        if self.second:
            return f"two-way {self.second}"
        return "CV3" if self.type[1] == "3" else "CV1"

    @property
    def words(self) -> str:
        """In words: ``wild cluster bootstrap, restricted, Webb weights``."""
        if self.kind == "wild":
            null = "restricted" if self.null else "unrestricted"
            joint = ", joint test" if self.joint else ""
            weights = self.weights.capitalize()
            kind = f", {_TYPES[self.type]}" if self.type != "11" else ""
            second = f", two-way clusters with {self.second}" if self.second else ""
            words = f"wild cluster bootstrap, {null}{kind}, {weights} weights"
            return f"{words}{joint}{second}"
        if self.kind == "placebo":
            residuals = self.method == "freedman-lane"
            what = "residuals (Freedman-Lane)" if residuals else "treatment paths"
            within = f" within {self.strata}" if self.strata else ""
            compared = "t" if self.studentised else "coefficients"
            moved = _MOVED[self.permute]
            return f"placebo, {what} {moved}{within}, {compared} compared"
        t = ", percentile-t" if self.studentised else ""
        name = "Bayesian" if self.kind == "bayesian" else self.kind
        return f"{name} bootstrap of clusters{t}"


_TYPES = {
    "13": "type 13 (CV3)",
    "31": "type 31 (jackknifed residuals)",
    "33": "type 33 (jackknifed residuals, CV3)",
}
_MOVED = {
    "countries": "moved among countries",
    "shifts": "shifted in time, each country by its own number of years",
    "common-shift": "shifted in time, all countries by the same number of years",
    "years": "in a common random order of years",
    "signs": "with random signs",
}


_KNOWN = {"kind": Kind, "weights": Weights, "permute": Permute, "method": Method}
_KNOWN |= {"type": Type}
