"""``tivax scenario`` for changed flows and prices: run, resume, write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core import (
    Format,
    Job,
    Part,
    Run,
    TivaxError,
    first_and_named,
    naming,
    number_text,
    output_folder,
    percent_text,
    read_store_attributes,
    require_result_place,
    write_frame,
)
from ...figures.regions import known_regions
from ...figures.scenarios import change_map, largest_changes, shown_change
from ...measures import EVERY_PARTNER
from ...reporting import save_figure
from ...scenarios import (
    ScenarioFile,
    ScenarioPlan,
    ScenarioResult,
    linkages_of,
    make_plan,
    read_scenario,
)
from ...tables import open_store
from ..options import require_store
from ..terminal import Terminal

# A larger table is announced with its size; WIOD 2013 has 170 rows a variant.
_MANY_ROWS = 1_000_000
_BYTES_PER_ROW = 95
_BYTES_IN_MEMORY = 160
# Of the printed table.
_ROWS = 10
_MEASURES = 4


def run_scenario(
    path: Path,
    out: Path,
    *,
    regions: Sequence[str] = (),
    figures: bool = True,
    format: Format = "csv",
    force: bool,
    terminal: Terminal,
) -> None:
    """Write scenario.csv, variants.csv, figures and a manifest to ``out``.

    Figures and the printed table show ``regions``, by default those that change most
    and those that the shocks name.
    """
    file = read_scenario(path)
    if file.store is None:
        raise TivaxError(f"{path}: store: is missing; name one of `tivax import`")
    with naming(path):
        require_store(file.store)
    started = Run("scenario", inputs=[path, file.store])
    require_result_place(out, started, force=force)
    plan = _planned(file)
    only = known_regions(regions, plan.places.names) if regions else None
    _announce(plan, terminal)
    part = Part(plan.draws, len(plan.columns))
    job = Job(out, "scenario", _identity(file, plan), [part], unit="variants")
    with job.resumed(terminal.print, force=force):
        with terminal.progress("scenarios", "variants") as progress:
            job.fill(lambda _, start: plan.rows(start), progress)
        values = np.concatenate([*job.parts[0].windows()])
        found = plan.result(plan.base_rows(), values)
        with output_folder(out, started, force=force) as folder:
            tables = {"scenario": found.table, "variants": found.variants}
            if found.industries is not None:
                tables["industries"] = found.industries
            if file.linkages:
                tables["linkages"] = _linkages(plan)
            for name, table in tables.items():
                write_frame(table, folder, name, format)
            if figures:
                figure = largest_changes(found.table, only, named=plan.named)
                save_figure(figure, folder, "largest")
                if len(plan.variants) > 1:
                    figure = change_map(found.table, regions=only, named=plan.named)
                    save_figure(figure, folder, "map")
            record = started.write_manifest(
                folder, residual_max=found.residual_max, **_facts(plan, found)
            )
    _print_found(terminal, plan, found, only)
    terminal.finish(record, f"Open {out / ('largest.svg' if figures else '')}")


def _planned(file: ScenarioFile) -> ScenarioPlan:
    assert file.store is not None
    tables = open_store(file.store, lazy=True)
    try:
        return make_plan(
            tables,
            file.variants(tables),
            years=file.years or None,
            measures=file.measures,
            value_added=file.value_added,
            industries=file.industries,
        )
    except TivaxError as error:
        text = str(error).removeprefix(f"{file.path}: ")
        raise TivaxError(f"{file.path}: {text}") from None


def _announce(plan: ScenarioPlan, terminal: Terminal) -> None:
    """How much there is to do and to hold, before it is done."""
    variants, years = len(plan.variants), len(plan.years)
    rows = plan.draws * plan.rows_per_variant
    size = ""
    if rows > _MANY_ROWS:
        size = f", about {rows * _BYTES_PER_ROW / 1e6:,.0f} MB"
    memory = (plan.memory + rows * _BYTES_IN_MEMORY) / 2**30
    terminal.announce(
        f"{variants:,} variant{'s' * (variants > 1)}, {years} year{'s' * (years > 1)}, "
        f"{plan.tables.n:,} industries: {rows:,} rows{size}; about {memory:.1f} GiB of "
        "memory"
    )


def _identity(file: ScenarioFile, plan: ScenarioPlan) -> dict[str, Any]:
    """What must be the same for an unfinished run to go on."""
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


def _facts(plan: ScenarioPlan, found: ScenarioResult) -> dict[str, Any]:
    """What the manifest says beside residual and files."""
    facts: dict[str, Any] = {
        "kind": sorted({k.kind for some in plan.variants.values() for k in some}),
        "variants": len(plan.variants),
        "years": list(plan.years),
        "measures": list(plan.measures),
        "value_added": plan.value_added,
        "unit": "1 without a shock" if plan.priced else plan.tables.unit,
    }
    if plan.priced:
        return facts
    return {
        **facts,
        "identity_max": found.identity_max,
        "moved": float(found.variants["moved"].sum()),
        "unplaced": float(found.variants["unplaced"].sum()),
        "held": "value added per US$ of output, coefficients and final demand that no "
        "shock changes",
    }


def _print_found(
    terminal: Terminal,
    plan: ScenarioPlan,
    found: ScenarioResult,
    only: Sequence[str] | None,
) -> None:
    count = len(plan.variants)
    terminal.print(
        f"{count:,} variant{'s' * (count > 1)}, residual {found.residual_max:.1e}"
        + ("" if plan.priced else f", world accounts to {found.identity_max:.1e}")
    )
    unplaced = float(found.variants["unplaced"].max())
    if unplaced > 0:
        whole = found.variants["moved"] + found.variants["unplaced"]
        share = float((found.variants["unplaced"] / whole.where(whole > 0)).max())
        terminal.print(
            f"up to {percent_text(share, 1)} of what was to shift found no other "
            "seller and stays (variants.csv: unplaced)"
        )
    table = found.table[found.table["year"] == plan.years[-1]]
    table = table.assign(shown=shown_change(table))
    if count == 1:
        _print_one(terminal, plan, table, only)
        return
    rows = table[table["region"] != EVERY_PARTNER]
    percent = bool(rows["percent"].notna().any())
    rows = rows[rows["percent"].notna() | (not percent)]
    if only is not None:
        rows = rows[rows["region"].isin(only)]
    order = rows["shown"].abs().sort_values(ascending=False, kind="stable").index
    rows = rows.loc[order]
    rows = rows.iloc[first_and_named([*rows["region"]], plan.named, _ROWS)]
    unit = "per cent" if percent else "change"
    terminal.print(f"{plan.years[-1]}; the largest changes{' in per cent' * percent}")
    terminal.table(
        ("variant", "region", "measure", "before", unit),
        [
            (
                str(name),
                str(code),
                str(measure),
                number_text(before),
                _number(change, percent),
            )
            for name, code, measure, before, change in zip(
                rows["variant"],
                rows["region"],
                rows["measure"],
                rows["before"].to_numpy(float),
                rows["shown"].to_numpy(float),
                strict=True,
            )
        ],
        words=3,
    )


def _print_one(
    terminal: Terminal, plan: ScenarioPlan, table: Any, only: Sequence[str] | None
) -> None:
    """The regions that change most and those named, with a column for each measure."""
    measures = plan.measures[:_MEASURES]
    wide = table.set_index(["region", "measure"])["shown"].unstack("measure")
    order = wide[measures[0]].abs().sort_values(ascending=False, kind="stable").index
    chosen = [k for k in order if k != EVERY_PARTNER]
    chosen = [chosen[k] for k in first_and_named(chosen, plan.named, _ROWS - 2)]
    rule = f"the largest changes of {measures[0]}"
    if named := [k for k in plan.named if k in chosen]:
        rule += f", with {' '.join(named)} of the shock"
    if only is not None:
        chosen, rule = [*only], "the regions asked for"
    if EVERY_PARTNER in wide.index:
        chosen.append(EVERY_PARTNER)
    some = table.groupby("measure")["percent"].count() > 0
    names = [f"{k}\n{'per cent' if some[k] else 'change'}" for k in measures]
    terminal.print(f"{plan.years[-1]}; {rule}")
    terminal.table(
        ("region", *names),
        [
            (
                code,
                *(_number(float(wide.loc[code, k]), bool(some[k])) for k in measures),
            )
            for code in chosen
        ],
    )


def _number(value: float, percent: bool) -> str:
    if value != value:
        return "–"
    text = f"{value:+.2f}" if percent else f"{value:+.4g}"
    return text if float(text) else "0"
