"""Contestable choices: what each option of a choice does to a model and its rows.

A term of effects is a column; ``region^year`` is an effect for each pair of values,
``iso3[year]`` effects of iso3 and a slope of year for each of them (the notation of
fixest, Berge 2018). In place of a column, a partition of ``tx.threats`` by its name,
such as ``continent`` or ``EU15, entrants, others``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from math import prod
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from jaxtyping import Bool

from ..core import (
    TivaxError,
    naming,
    parse_years,
    require_choice,
    require_kind,
    require_list,
    show,
    suggest,
)
from ..estimation import Model, require_columns, sample_rows
from ..panel import PRODUCT
from ..threats import (
    Setting,
    initial_by_time,
    named_blocks,
    partitions,
    second_order,
    unit_weights,
)

SUBSETS, ONE_LEFT_OUT = "subsets", "one left out"
FORMS = ("linear", "squares", "products", "convergence")
"""Form in which controls enter: as they are, with their squares, with these and their
products, or with the outcome in a unit's first year times the years."""
_MOST_CONTROLS = 20  # of which there are a million subsets
_SLOPE = re.compile(r"(.+)\[(.+)\]")


class Option(NamedTuple):
    """A label, and what is chosen: see ``OPTIONS``."""

    label: str
    value: Any


class Specification(NamedTuple):
    """One combination, in names of columns; ``options`` are its labels."""

    options: dict[str, str]
    outcome: str
    treatment: str
    controls: tuple[str, ...]
    effects: tuple[str, ...]
    rows: Bool[np.ndarray, " panel"]
    weights: str

    @property
    def factors(self) -> tuple[str, ...]:
        """Outcome, treatment and controls."""
        return (self.outcome, self.treatment, *self.controls)

    @property
    def numbers(self) -> tuple[str, ...]:
        """All columns of numbers, weights among them."""
        return (*self.factors, *([self.weights] if self.weights else []))


@dataclass(frozen=True, eq=False)
class Space:
    """Every combination of the options of a model.

    Attributes
    ----------
    setting
        The model with all rows of its panel.
    sample
        Sample of the model as given.
    options
        Options of each choice, the model's own first.
    extra
        Columns by name that the panel lacks: lags, weights, terms of effects, squares.
    forms
        Names of the columns that a form of the controls adds.
    """

    setting: Setting
    sample: str
    options: Mapping[str, Sequence[Option]] = field(default_factory=dict)
    extra: dict[str, pd.Series] = field(default_factory=dict)
    forms: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return prod(len(k) for k in self.options.values())

    def specifications(self, most: int, seed: int) -> list[Specification]:
        """All, or ``most`` of them drawn at random, the model itself the first."""
        shape = [len(k) for k in self.options.values()]
        numbers: Any = range(self.size)
        if self.size > most:
            if self.size > 2**62:
                raise TivaxError(
                    f"choices: they make {self.size:.1g} specifications; give fewer "
                    "options"
                )
            rng = np.random.default_rng(seed)
            drawn = rng.choice(self.size - 1, size=most - 1, replace=False) + 1
            numbers = [0, *np.sort(drawn).tolist()]
        found = []
        for number in numbers:
            place = np.unravel_index(number, shape) if shape else ()
            chosen = zip(self.options.items(), place, strict=True)
            options = {name: own[int(k)] for (name, own), k in chosen}
            found.append(self._specification(options))
        return found

    def _specification(self, chosen: Mapping[str, Option]) -> Specification:
        model = self.setting.model

        def value(name: str, default: Any) -> Any:
            return chosen[name].value if name in chosen else default

        controls = value("controls", model.controls)
        stand_in = {k: v.value for k, v in chosen.items() if k not in NAMES}
        controls = tuple(stand_in.get(k, k) for k in controls)
        treatment = value("treatment", self.setting.treatment)
        outcome = value("outcome", model.outcome)
        more = self._of_form(value("form", "linear"), controls, outcome)
        rows = value("sample", self._own_rows)
        if "years" in chosen:
            rows = rows & value("years", None)
        return Specification(
            options={name: option.label for name, option in chosen.items()},
            outcome=outcome,
            treatment=self._lagged(treatment, value("lag", 0)),
            controls=(*controls, *more),
            effects=tuple(value("effects", model.all_effects)),
            rows=rows,
            weights=value("weights", ""),
        )

    @cached_property
    def _own_rows(self) -> Bool[np.ndarray, " panel"]:
        return rows_of(self.setting, self.sample, self.sample)

    def _of_form(
        self, form: str, controls: tuple[str, ...], outcome: str
    ) -> tuple[str, ...]:
        """Names of the columns that a form adds, which ``extra`` then has."""
        if form == "linear":
            return ()
        made = f"{form}: {outcome if form == 'convergence' else ', '.join(controls)}"
        if made not in self.forms:
            if form == "convergence":
                model = replace(self.setting.model, outcome=outcome)
                own = replace(self.setting, model=model)
                columns = initial_by_time(own, linear=True)
            else:
                products = form == "products"
                columns = second_order(self.setting.panel, controls, products=products)
            self.extra.update(columns)
            self.forms[made] = tuple(columns)
        return self.forms[made]

    def _lagged(self, column: str, years: int) -> str:
        if not years:
            return column
        name = f"{column}, {years} year{'s' * (years > 1)} earlier"
        if name not in self.extra:
            self.extra[name] = self.setting.earlier(column, years)
        return name

    def column(self, name: str) -> pd.Series:
        """A column of the panel or of ``extra``."""
        if name in self.extra:
            return self.extra[name]
        require_columns(self.setting.panel, [name])
        return self.setting.panel[name]


def make_space(
    panel: pd.DataFrame,
    model: Model,
    choices: Mapping[str, Any] | None,
    blocks: Mapping[str, Sequence[str]],
) -> Space:
    """The options of a model; None for those that are asked by default.

    Raises ``TivaxError`` for a choice that is none, or an option that cannot be.
    """
    if model.instruments or len(model.treatments) > 1:
        kind = "instruments" if model.instruments else "several treatments"
        raise TivaxError(
            "a specification curve is of one treatment, by least squares; the model "
            f"has {kind}"
        )
    setting = Setting(panel, replace(model, sample="all"), blocks)
    space = Space(setting, model.sample)
    wanted = contestable(panel, model) if choices is None else choices
    options: dict[str, list[Option]] = {}
    for name, given in wanted.items():
        if name in NAMES:
            made = _OPTIONS[name](space, given)
        elif name in setting.model.controls:
            made = _in_place_of(space, name, name, given)
        else:
            known = (*NAMES, *setting.model.controls)
            raise TivaxError(f"choices: no choice {show(name)}: {suggest(name, known)}")
        first: dict[str, Option] = {}
        for option in made:
            first.setdefault(option.label, option)
        options[name] = list(first.values())
    return replace(space, options=options)


def contestable(panel: pd.DataFrame, model: Model) -> dict[str, Any]:
    """The choices that ``specification_curve`` asks by default, to change some of them.

    What the panel has the columns for: see ``choices`` there. Raises ``TivaxError`` for
    a panel without a column of the model, or a model without effects of units and
    years.

    Parameters
    ----------
    panel : DataFrame
        A row for each unit and period.
    model : Model
        The model whose choices are asked.

    Returns
    -------
    dict
        Options by choice, as :func:`specification_curve` takes them.

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"], entity="iso3", time="year")
    >>> list(tx.contestable(panel, model))
    ['form', 'effects', 'lag']
    """
    require_columns(panel, ())
    require_kind("model", model, Model, "a tx.Model")
    setting = Setting(panel, replace(model, sample="all"))
    found: dict[str, Any] = {}
    if len(model.controls) > 1:
        found["controls"] = ONE_LEFT_OUT
    found["form"] = ["squares", "convergence"] if model.controls else ["convergence"]
    unit, time = setting.unit, setting.time
    blocks = [k for k, _ in partitions(setting)][:1]
    found["effects"] = [[unit, f"{k}^{time}"] for k in blocks]
    found["effects"].append([f"{unit}[{time}]", time])
    there = set(sample_rows(panel, model)[unit].astype(str))
    for name, units in named_blocks(setting):
        if isinstance(units, TivaxError) or "entrants" not in name:
            continue
        if there & set(units) and there - set(units):
            found["sample"] = [f"without {name}"]
            break
    if PRODUCT in setting.frame:
        found["weights"] = [PRODUCT]
    found["lag"] = [1]
    return found


# ----------------------------------------------------------------- options of a choice


def _in_place_of(space: Space, name: str, own: str, given: Any) -> list[Option]:
    """Columns that may stand for the model's ``own``."""
    require_list(f"choices, {name}", given)
    require_columns(space.setting.panel, given)
    return [Option(k, k) for k in (own, *given)]


def _outcomes(space: Space, given: Any) -> list[Option]:
    return _in_place_of(space, "outcome", space.setting.model.outcome, given)


def _treatments(space: Space, given: Any) -> list[Option]:
    return _in_place_of(space, "treatment", space.setting.treatment, given)


def _controls(space: Space, given: Any) -> Iterator[Option]:
    own = space.setting.model.controls
    yield Option("all" if own else "none", own)
    if given == SUBSETS:
        if len(own) > _MOST_CONTROLS:
            raise TivaxError(
                f"choices, controls: {len(own)} controls have too many subsets; write "
                f'lists of controls, or "{ONE_LEFT_OUT}"'
            )
        sets: Any = (k for n in range(len(own)) for k in combinations(own, n))
    elif given == ONE_LEFT_OUT:
        sets = [(), *(tuple(k for k in own if k != left) for left in own)]
    elif isinstance(given, list | tuple):
        sets, model = [], space.setting.model
        for names in given:
            require_list("choices, controls", names)
            require_columns(space.setting.panel, names)
            if {model.outcome, model.treatments[0]} & {*names}:
                raise TivaxError(
                    f"choices, controls: {', '.join(names)} hold the outcome or the "
                    "treatment"
                )
            sets.append(tuple(dict.fromkeys(names)))
    else:
        raise TivaxError(
            f'choices, controls: write "{SUBSETS}", "{ONE_LEFT_OUT}" or lists of '
            f"controls, not {show(given)}"
        )
    yield from (Option(_named(names, own), tuple(names)) for names in sets)


def _named(names: Sequence[str], own: Sequence[str]) -> str:
    """``none``, ``all``, ``without RQ``, or the controls."""
    lacking, more = [k for k in own if k not in names], set(names) - set(own)
    if not names or (not more and not lacking):
        return "all" if names else "none"
    if not more and len(lacking) < len(names):
        return f"without {', '.join(lacking)}"
    return ", ".join(names)


def _forms(space: Space, given: Any) -> Iterator[Option]:
    require_list("choices, form", given)
    for name in given:
        require_choice("choices, form", name, FORMS)
    if not space.setting.model.controls and {"squares", "products"} & {*given}:
        raise TivaxError("choices, form: the model has no controls")
    yield from (Option(k, k) for k in ("linear", *given))


def _effects(space: Space, given: Any) -> Iterator[Option]:
    own = space.setting.model.all_effects
    yield Option(" + ".join(own) or "none", own)
    if not isinstance(given, list | tuple):
        raise TivaxError(
            f"choices, effects: give lists such as "
            f'[["iso3", "developed^year"]], not {show(given)}'
        )
    for terms in given:
        require_list("choices, effects", terms)
        for term in terms:
            for column in parse_term(term, space.setting)[0]:
                if column not in space.setting.panel:
                    space.extra[column] = _partition(space.setting, column)
        yield Option(" + ".join(terms) or "none", tuple(terms))


def parse_term(term: str, setting: Setting) -> tuple[list[str], str]:
    """The columns whose values an effect has together, and the column of slopes."""
    if term in setting.panel:
        return [term], ""
    slope = ""
    if match := _SLOPE.fullmatch(term):
        term, slope = match[1], match[2]
        require_columns(setting.panel, [slope])
    return term.split("^"), slope


def _partition(setting: Setting, name: str) -> pd.Series:
    try:
        known = dict(partitions(setting))
    except TivaxError:
        known = {}
    if name not in known:
        there = (*known, *(str(k) for k in setting.panel))
        raise TivaxError(
            f"choices, effects: no column {name} in the panel, nor a partition; "
            f"{suggest(name, there)}"
        )
    return known[name]


def _samples(space: Space, given: Any) -> Iterator[Option]:
    require_list("choices, sample", given)
    for name in (space.sample, *given):
        yield Option(name, rows_of(space.setting, name, space.sample))


def rows_of(setting: Setting, name: str, own: str) -> Bool[np.ndarray, " panel"]:
    """A sample (``all``, a column of 1 and 0), ``without BLOCK`` or ``only BLOCK``.

    Blocks are those of ``tx.threats``, within the model's ``own`` sample.
    """
    frame, model = setting.panel, setting.model
    word, _, block = name.partition(" ")
    if word not in ("without", "only") or not block:
        with naming("choices, sample"):
            chosen = sample_rows(frame, replace(model, sample=name)).index
        return frame.index.isin(chosen)
    members = {
        k: units
        for k, units in named_blocks(setting)
        if not isinstance(units, TivaxError) and len(units)
    }
    if block not in members:
        raise TivaxError(
            f"choices, sample: no block {block}; {suggest(block, list(members))}"
        )
    inside = frame[setting.unit].astype(str).isin(list(members[block])).to_numpy()
    kept = rows_of(setting, own, own)
    if not (kept & inside).any():
        raise TivaxError(f"choices, sample: nobody in the sample is in {block}")
    return kept & (inside if word == "only" else ~inside)


def _years(space: Space, given: Any) -> Iterator[Option]:
    if not isinstance(given, list | tuple):
        raise TivaxError(
            f'choices, years: give a list such as ["2008:2014"], not {show(given)}'
        )
    time = space.setting.panel[space.setting.time]
    first, last = space.setting.years[0], space.setting.years[-1]
    yield Option(f"{first}-{last}", np.ones(len(time), bool))
    for span in given:
        if not isinstance(span, str) or not span:
            raise TivaxError(
                f'choices, years: {show(span)} is no span such as "2008:2014"'
            )
        with naming("choices"):
            begin, end = cast(tuple[int, int], parse_years(span))
        inside = time.between(begin, end).to_numpy()
        if not inside.any():
            raise TivaxError(f"choices, years: the panel has none of {span}")
        yield Option(f"{begin}-{end}", inside)


def _weights(space: Space, given: Any) -> Iterator[Option]:
    require_list("choices, weights", given)
    yield Option("none", "")
    for name in given:
        require_columns(space.setting.panel, [name])
        shown, mean = unit_weights(space.setting, name)
        space.extra[f"weight by {shown}"] = mean
        yield Option(shown, f"weight by {shown}")


def _lags(space: Space, given: Any) -> Iterator[Option]:
    del space
    whole = isinstance(given, list | tuple) and all(
        isinstance(k, int) and not isinstance(k, bool) and k >= 0 for k in given
    )
    if not whole:
        raise TivaxError(
            f"choices, lag: give a list of whole years such as [1], not {show(given)}"
        )
    yield from (Option(str(k), k) for k in (0, *given))


_OPTIONS: dict[str, Callable[..., Iterable[Option]]] = {
    "outcome": _outcomes,
    "treatment": _treatments,
    "controls": _controls,
    "form": _forms,
    "effects": _effects,
    "sample": _samples,
    "years": _years,
    "weights": _weights,
    "lag": _lags,
}
NAMES = tuple(_OPTIONS)
"""Choices by name; any other name is that of a control."""
