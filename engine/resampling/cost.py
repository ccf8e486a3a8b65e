"""Memory and time of draws of a large panel, estimated before they are made."""

from dataclasses import dataclass

from ..core import GIB, count_text, memory_text
from .plans import ResamplingPlan
from .running import calls_together

# Nothing is said of runs below both.
_SECONDS, _BYTES = 10.0, GIB
# Copies of the rows while a model is fitted; of the clusters' cross products.
_ROWS, _PRODUCTS = 5, 4
# Nanoseconds of one core, measured on 100,000 clusters; by coefficient and by number.
_WILD, _EACH_WILD = 0.45, 3.5
_PAIRS, _EACH_PAIR = 0.04, 11.0
_MOVED = 2.2


@dataclass(frozen=True)
class Cost:
    """Bytes and seconds, about, on this machine's processor."""

    bytes: float
    seconds: float

    @property
    def text(self) -> str:
        """``about 2.1 GiB of memory and 20 s``."""
        time = f"{self.seconds:,.0f} s"
        if self.seconds > 120:
            time = f"{self.seconds / 60:,.0f} minutes"
        return f"{memory_text(self.bytes)} and {time}"


def cost_of(plan: ResamplingPlan) -> Cost:
    """Cost of the draws of one model, including the memory of its fit."""
    fitted, static = plan.fitted, plan.static
    layout, G = fitted.layout, static.all_clusters
    n, m = fitted.rows.shape
    calls = calls_together()
    # Weights, their scores and what is made of both.
    held = 8 * (6 * static.block * G * calls + _ROWS * n * m + _PRODUCTS * G * m * m)
    if static.kind == "wild":
        both = 2 * (layout.instruments + 1) if layout.instruments else 1
        each = both * G * (_WILD * layout.regressors + _EACH_WILD)
        each *= layout.treatments
    elif static.kind == "placebo":
        each = _MOVED * n * m
    else:
        times = 3 if static.studentised else 1
        each = times * G * (_PAIRS * m * m + _EACH_PAIR)
    return Cost(held, each * plan.draws * 1e-9 / calls)


def announcement(plans: tuple[ResamplingPlan, ...]) -> str | None:
    """A line on what large panels will take; None where it is soon done."""
    costs = [cost_of(plan) for plan in plans]
    most = Cost(max(k.bytes for k in costs), sum(k.seconds for k in costs))
    if most.bytes <= _BYTES and most.seconds <= _SECONDS:
        return None
    largest = max(plans, key=lambda plan: len(plan.fitted.labels)).fitted
    return (
        f"{largest.n:,} rows, "
        f"{count_text(len(largest.labels), 'cluster')} of {largest.model.clusters}: "
        f"{most.text}"
    )
