"""``with_errors`` of measures, by their kind."""

from dataclasses import replace
from typing import Any

from ..core import Progress, no_progress, with_errors_of
from ..measures import TbiResult, require_source
from .models import AnyModel, error_model
from .tbi_errors import errors_of_tbi


@with_errors_of.register(TbiResult)
def _(
    result: TbiResult,
    error: AnyModel,
    *,
    progress: Progress = no_progress,
    **_: Any,
) -> TbiResult:
    tables, value_added, *more = require_source(result.source)
    given = dict(zip(("drop", "groups", "memory"), more, strict=True))
    model = error_model(error)
    bars = errors_of_tbi(tables, result, model, value_added, **given, progress=progress)
    return replace(result, errors=bars)
