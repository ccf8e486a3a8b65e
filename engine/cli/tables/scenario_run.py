"""``tivax scenario`` for changed flows and prices: run, resume, write."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...core import (
    Job,
    Part,
    Run,
    TivaxError,
    memory_text,
    naming,
    read_store_attributes,
)
from ...errors import interval
from ...scenarios import (
    ScenarioFile,
    ScenarioPlan,
    drawn_changes,
    linkages_of,
    make_plan,
    read_scenario,
)
from ...tables import open_store
from ...tables.shown_regions import known_regions
from ..bundles import ErrorOptions, OutputOptions
from ..draws import filled
from ..options import require_store
from ..terminal import Terminal
from ..write import require_place, write_result

# A larger table is announced with its size; WIOD 2013 has 170 rows a variant.
_MANY_ROWS = 1_000_000
_BYTES_PER_ROW = 95
_BYTES_IN_MEMORY = 160


def run_scenario(
    path: Path,
    output: OutputOptions,
    asked: Sequence[str],
    terminal: Terminal,
    drawn: ErrorOptions,
) -> None:
    """Evaluate the variants of a file, those that are left, and write them all.

    Figures and the printed table show the regions ``asked`` for. With an error model
    they are evaluated in draws of the tables too.
    """
    file = read_scenario(path)
    if file.store is None:
        raise TivaxError(f"{path}: store: is missing; name one of `tivax import`")
    with naming(path):
        require_store(file.store)
    model = drawn.model
    drawn.require_model()
    started = Run("scenario", [path, file.store, *drawn.files], seed=drawn.seed)
    require_place(output, started)
    plan = _planned(file)
    only = known_regions(asked, plan.places.names) if asked else ()
    _announce(plan, terminal)
    parts, makers = [Part(plan.draws, len(plan.columns))], [plan.rows]
    identity, facts = _identity(file, plan), {}
    if model is not None:
        own = plan.rows_per_variant - (plan.tables.n if plan.industries else 0)
        size = plan.draws * own
        draws = drawn_changes(plan, size, model, drawn.draws, drawn.seed)
        parts.append(Part(draws.count, size))
        makers.append(draws.rows)
        facts = draws.record
    identity |= facts
    unit = "variants"
    job = Job(output.out, "scenario", identity, parts, unit=unit)
    with filled(job, makers, output, terminal, "scenarios", unit) as kept:
        values, *changes = kept
        found = replace(
            plan.result(plan.base_rows(), values),
            asked=tuple(only),
            linkages=_linkages(plan) if file.linkages else None,
        )
        for each in changes:
            found = replace(found, table=interval(each).beside(found.table))
        write_result(found, started, output, terminal, **facts)


def _planned(file: ScenarioFile) -> ScenarioPlan:
    assert file.store is not None
    tables = open_store(file.store, lazy=True)
    with naming(file.path):
        return make_plan(
            tables,
            file.variants(tables),
            years=file.years or None,
            measures=file.measures,
            value_added=file.value_added,
            industries=file.industries,
        )


def _announce(plan: ScenarioPlan, terminal: Terminal) -> None:
    """Announce how much there is to compute and to hold."""
    variants, years = len(plan.variants), len(plan.years)
    rows = plan.draws * plan.rows_per_variant
    size = ""
    if rows > _MANY_ROWS:
        size = f", about {rows * _BYTES_PER_ROW / 1e6:,.0f} MB"
    memory = memory_text(plan.memory + rows * _BYTES_IN_MEMORY)
    terminal.announce(
        f"{variants:,} variant{'s' * (variants > 1)}, {years} year{'s' * (years > 1)}, "
        f"{plan.tables.n:,} industries: {rows:,} rows{size}; {memory}"
    )


def _identity(file: ScenarioFile, plan: ScenarioPlan) -> dict[str, Any]:
    """Inputs that must be the same for an unfinished run to go on."""
    assert file.store is not None
    return {
        "variants": {
            name: [k.record() for k in shocks] for name, shocks in plan.variants.items()
        },
        "years": list(plan.years),
        "value_added": file.value_added,
        "industries": file.industries,
        "store": str(read_store_attributes(file.store).get("digest", file.store)),
    }


def _linkages(plan: ScenarioPlan) -> pd.DataFrame:
    """Linkages of every industry, by year."""
    parts = [linkages_of(plan.solved(year)).assign(year=year) for year in plan.years]
    table = pd.concat(parts, ignore_index=True)
    return table[["year", *table.columns.drop("year")]]
