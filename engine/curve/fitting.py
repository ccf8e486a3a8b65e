"""Every specification fitted, base by base, in the order of their numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from ...kernels.resampling import WildLoadings
from ...kernels.specifications import Choice, SpecificationFit, fit_of_base
from ..core import TivaxError, in_float64
from ..estimation import COLLINEAR, SEPARATE, too_few_clusters
from .bases import (
    Base,
    BaseKey,
    Columns,
    EffectTerm,
    codes_of,
    make_base,
    number_column,
)
from .choices import Space, Specification, parse_term

# Specifications of one call: its compiled code serves any number up to this.
_AT_ONCE = 16
# Columns are filled up to multiples of these: few shapes, few programs to compile.
_DUMMIES, _FACTORS = 16, 8


@dataclass(frozen=True, eq=False)
class Fitted:
    """A specification that could be fitted, in units of the panel.

    ``scaled`` times ``loadings.a`` v is a draw's effect in these units.
    """

    coef: float
    se: float
    n: int
    clusters: int
    scaled: float
    gradient: float
    loadings: WildLoadings

    @property
    def t(self) -> float:
        return self.coef / self.se


class Placed(NamedTuple):
    """A specification and its place among all, with the space that it is of."""

    place: int
    space: Space
    specification: Specification


def fit_all(
    panel: pd.DataFrame, cluster: str, jobs: Sequence[Placed]
) -> Iterator[tuple[int, Fitted | str]]:
    """The place of each job, and its fit or why there is none.

    Specifications of a base come together; one base is held at a time.
    """
    columns = _columns(panel, cluster, jobs)
    names = sorted({k for job in jobs for k in job.specification.factors})
    effects = {job.specification.effects for job in jobs}
    width = _rounded(max(columns.widest(k) for k in effects), _DUMMIES)
    rows: dict[tuple[bytes, tuple[str, ...], tuple[str, ...]], bytes] = {}
    groups: dict[BaseKey, list[Placed]] = {}
    for job in jobs:
        one = job.specification
        if twice := [k for k in one.factors if one.factors.count(k) > 1]:
            yield job.place, f"{twice[0]} is twice among its columns"
            continue
        wanted = tuple(sorted(set(one.numbers)))
        asked = (np.packbits(one.rows).tobytes(), wanted, one.effects)
        if asked not in rows:
            complete = columns.complete(one.rows, wanted, one.effects)
            rows[asked] = np.packbits(complete).tobytes()
        key = BaseKey(rows[asked], one.weights, one.effects)
        groups.setdefault(key, []).append(job)
    for key, members in groups.items():
        try:
            base = make_base(columns, key, names, width, _rounded(len(names), _FACTORS))
        except TivaxError as error:
            yield from ((job.place, str(error)) for job in members)
            continue
        yield from _of_base(base, members)


def _rounded(number: int, step: int) -> int:
    return -(-number // step) * step


def _columns(panel: pd.DataFrame, cluster: str, jobs: Sequence[Placed]) -> Columns:
    """All columns of all specifications, once."""
    values: dict[str, np.ndarray] = {}
    terms: dict[str, EffectTerm] = {}

    def take(name: str, space: Space) -> None:
        if name not in values:
            values[name] = number_column(space.column(name).rename(name))

    for job in jobs:
        one, space = job.specification, job.space
        for name in one.numbers:
            take(name, space)
        for effect in one.effects:
            if effect not in terms:
                parts, slope = parse_term(effect, space.setting)
                own = [space.column(k) for k in parts]
                terms[effect] = EffectTerm(codes_of(own), slope)
                if slope:
                    take(slope, space)
    codes, labels = pd.factorize(
        panel[cluster].astype(str).where(panel[cluster].notna()), sort=True
    )
    return Columns(values, terms, codes, tuple(map(str, labels)))


@in_float64
def _of_base(base: Base, members: Sequence[Placed]) -> list[tuple[int, Fitted | str]]:
    """The specifications of one base."""
    number = {name: k for k, name in enumerate(base.names)}
    products = jnp.asarray(base.products)
    found: list[tuple[int, Fitted | str]] = []
    for start in range(0, len(members), _AT_ONCE):
        part = [job.specification for job in members[start : start + _AT_ONCE]]
        filled = [*part, *[part[-1]] * (_AT_ONCE - len(part))]
        controls = np.zeros((_AT_ONCE, base.products.shape[1]))
        for row, one in zip(controls, filled, strict=True):
            row[[number[k] for k in one.controls]] = 1
        choice = Choice(
            jnp.asarray(controls),
            jnp.asarray([number[one.treatment] for one in filled]),
            jnp.asarray([number[one.outcome] for one in filled]),
        )
        fits = jax.tree.map(np.asarray, fit_of_base(products, choice))
        for k, (job, one) in enumerate(zip(members[start:], part, strict=False)):
            fit = jax.tree.map(lambda a, k=k: a[k], fits)
            found.append((job.place, _read(base, one, fit, number)))
    return found


def _read(
    base: Base, one: Specification, fit: SpecificationFit, number: dict[str, int]
) -> Fitted | str:
    """A fit in units of the panel, or why there is none."""
    regressors = (one.treatment, *one.controls)
    for name in regressors:
        if base.left[number[name]] < SEPARATE:
            return f"{name} is explained by the effects"
    if base.left[number[one.outcome]] < COLLINEAR:
        return f"{one.outcome} is explained by the effects"
    if few := too_few_clusters(base.clusters, regressors):
        return few
    if not float(fit.kept) >= SEPARATE**2:
        return "its regressors are collinear"
    correction = base.correction(len(regressors))
    if np.isnan(correction):
        return f"{base.n} rows are too few for its effects"
    spread = float(np.sqrt((fit.scores**2).sum()))
    floor = COLLINEAR * float(np.sqrt(fit.leverage / base.n))
    if not (fit.residual > COLLINEAR**2 and spread > floor):
        return "no standard error: nothing but rounding is left of its errors"
    y, x = base.size[number[one.outcome]], base.size[number[one.treatment]]
    return Fitted(
        coef=float(fit.coef * (y / x)),
        se=float(np.sqrt(correction) * spread * (y / x)),
        n=base.n,
        clusters=base.clusters,
        scaled=float(y / x),
        gradient=float(fit.gradient),
        loadings=WildLoadings(fit.a[None], fit.L[None], cast(Any, correction)),
    )
