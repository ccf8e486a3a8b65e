"""Results of ``tivax demo``, and its findings in words."""

import os
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from ...core import count_text
from ...measures import TbiResult
from ...panel import FEWEST_REGIONS, FEWEST_YEARS, KnownEffect
from ...tables import WorldTables, YearCheck
from ..terminal import shell_command

# Years that are timed, checked and kept in the store: more would take longer than all
# the rest.
FEW_YEARS = 3
METHOD = "bm-source"


@dataclass(frozen=True)
class Race:
    """Seconds for value added absorbed of ``years`` years, from tables in memory.

    ``numpy`` is ``numpy.linalg.solve`` year by year; ``difference`` the largest
    relative one in the value-added exports of any region and year. ``first`` is the
    time of all years of the world, with compilation.
    """

    years: int
    first: float
    warm: float
    numpy: float
    difference: float


@dataclass(frozen=True, eq=False)
class Demo:
    """All that was computed; no panel where the world is too small for one."""

    tables: WorldTables
    result: TbiResult
    parts: xr.DataArray  # of exports (part, year, region)
    checks: list[YearCheck]
    race: Race
    known: KnownEffect | None
    seed: int


def findings(demo: Demo) -> list[str]:
    """A line each on size, accuracy and speed, on the estimate."""
    tables, race = demo.tables, demo.race
    years, n, c = len(tables.years), tables.n, len(tables.regions)
    worst = max(
        max(k.output_identity, k.demand_identity, k.balance_identity)
        for k in demo.checks
    )
    lines = [
        f"Computed: value added absorbed for {count_text(years, 'year')} of "
        f"{n:,} industries and {c} absorbing regions "
        f"({years * n * c:,} numbers) in {race.first:.2f} s, with compilation.",
        f"Exact: identities hold to {worst:.0e}, largest difference from numpy "
        f"{race.difference:.0e}, both relative, in "
        f"{count_text(race.years, 'year')}.",
        f"Fast: {race.warm:.3f} s for {count_text(race.years, 'year')} from tables in "
        f"memory, numpy.linalg.solve {race.numpy:.3f} s, ratio "
        f"{race.numpy / race.warm:.3g}.",
    ]
    if "OPENBLAS_CORETYPE" in os.environ:
        lines.append(
            "OPENBLAS_CORETYPE is set on this machine, which can slow numpy down; "
            "unset it for a fair ratio."
        )
    return [*lines, *_effect(demo)]


def _effect(demo: Demo) -> list[str]:
    if demo.known is None:
        return [
            f"No panel: it takes {FEWEST_REGIONS} regions besides ROW and "
            f"{FEWEST_YEARS} years; choose a larger --size."
        ]
    known = demo.known
    tbi = known.comparison.set_index("term").loc["TBI"]
    return [
        f"Estimated: the true effect of the index on the synthetic panel is "
        f"{tbi['true']:.1f}, fixed effects find {tbi['estimate']:.2f} (95 % interval "
        f"{tbi['ci_low']:.2f} to {tbi['ci_high']:.2f}); {known.inside} of "
        f"{len(known.comparison)} intervals hold the truth.",
    ]


def commands_to_try(demo: Demo, folder: Path) -> list[str]:
    """Commands that run on what the demo leaves behind."""
    store = folder / "store"
    commands = [
        ("tbi", store, "--out", "results"),
        ("check", store),
        ("decompose", store, *f"--method {METHOD} --level country".split())
        + ("--out", "exports"),
        ("indicators", store, "--only", "GVC_PART_BM", "--out", "participation"),
    ]
    if demo.known is not None:
        commands += [
            ("bootstrap", folder / "wild.toml", "--out", "wild"),
            ("bootstrap", folder / "placebo.toml", "--out", "placebo"),
        ]
    return [shell_command(*words) for words in commands]
