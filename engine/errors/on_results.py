"""``with_errors`` of measures, by their kind."""

from dataclasses import replace
from functools import partial
from typing import Any

from ..core import Progress, TivaxError, no_progress, require_whole, with_errors_of
from ..measures import (
    ByYear,
    Decomposition,
    Footprints,
    IndicatorsByYear,
    TbiResult,
    require_source,
)
from .drawn_measures import deviations_of
from .error_bars import standard_errors
from .indicator_errors import PROBES, indicator_error_years
from .models import AnyModel, error_model
from .tbi_errors import errors_of_tbi
from .trade_errors import FOOTPRINTS


@with_errors_of.register(TbiResult)
def _(
    result: TbiResult,
    error: AnyModel,
    *,
    progress: Progress = no_progress,
    **_: Any,
) -> TbiResult:
    of = require_source(result.source)
    if result.by == "flow":
        raise TivaxError(
            'errors: flows by industry have none; give by="pair", "region" or "sector"'
        )
    bars = errors_of_tbi(
        of.tables,
        result,
        error_model(error),
        of.value_added,
        drop=of.drop,
        groups=of.groups,
        memory=of.memory,
        progress=progress,
    )
    return replace(result, errors=bars)


@with_errors_of.register(Decomposition)
def _(
    result: Decomposition,
    error: AnyModel,
    *,
    draws: int | None = None,
    seed: int | None = None,
    **_: Any,
) -> Decomposition:
    if result.one_by_one:
        raise TivaxError("errors: of groups together; leave out apart")
    given = result.world, error_model(error)
    errors = partial(deviations_of, *given, draws=draws, seed=seed)
    return _again(result, errors)


@with_errors_of.register(IndicatorsByYear)
def _(
    result: IndicatorsByYear,
    error: AnyModel,
    *,
    draws: int | None = None,
    seed: int | None = None,
    progress: Progress = no_progress,
) -> IndicatorsByYear:
    draws = PROBES if draws is None else draws
    require_whole("draws", draws, 2)
    about = {"probes": draws, "seed": seed or 0, "memory": result.memory}
    given = result.world, error_model(error)
    errors = partial(indicator_error_years, *given, **about, progress=progress)
    return _again(result, errors)


def _again(result: ByYear, errors: Any) -> Any:
    """The same with errors, in memory if it was."""
    found = replace(result, errors=errors, held=None)
    return found if result.held is None else found.hold()


@with_errors_of.register(Footprints)
def _(
    result: Footprints,
    error: AnyModel,
    *,
    progress: Progress = no_progress,
    **_: Any,
) -> Footprints:
    if result.by_sector is not None:
        raise TivaxError("errors: of regions; leave out by_sector")
    of = result.source
    found = standard_errors(
        of.tables,
        error,
        (*FOOTPRINTS, "va_exports", "va_imports"),
        drop=of.drop,
        groups=of.groups,
        apart=result.apart,
        value_added=of.value_added,
        memory=of.memory,
        progress=progress,
    )
    embodied = {"va_exports": "embodied_exports", "va_imports": "embodied_imports"}
    names = {f"{k}_se": embodied.get(k, k) for k in (*FOOTPRINTS, *embodied)}
    return replace(result, errors=found[[*names]].rename(names))
