"""``tivax indicators``: every level of every year, by all processes of the job."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import xarray as xr

from ... import uncertainty  # loaded with --error only
from ...core import Aside, is_first, percent_text, require_format, require_rows
from ...measures import IndicatorsByYear, ValueAdded, value_added_name
from ...reporting import Context
from ...tables import Groups, WorldTables
from ..bundles import Output
from ..inputs import error_files, read_error
from ..terminal import Terminal, next_step
from ..together import shared_years
from ..write import print_result, save_result
from .subject import Subject

# A larger table is announced before it is written. WIOD 2013 at every level:
# 68 million rows, 335 MB of parquet.
_MANY_ROWS = 1_000_000
_BYTES_PER_ROW = {"parquet": 4.9, "csv": 43}


def run_indicators(
    subject: Subject,
    output: Output,
    terminal: Terminal,
    aside: Aside | None,
    found: IndicatorsByYear,
    *,
    error: str | None = None,
) -> None:
    """Compute and write year after year, and print a few of the last."""
    file_format, model = require_format(output.format), read_error(error)
    run = subject.begin("indicators", output, error_files(error, model))
    notes, facts = subject.notes, subject.facts
    if model is not None:
        found.errors = partial(_errors, subject.tables, model)
        notes, facts = [_error_line(model), *notes], facts | _error_facts(model)
    context = Context(notes=notes, codes=subject.codes, facts=facts)
    require_rows(file_format, found.expected)
    if found.expected > _MANY_ROWS:
        each = _BYTES_PER_ROW.get(output.format, 0) * found.expected / 1e6
        about = f", about {each:,.0f} MB of {output.format}" if each else ""
        terminal.print(
            f"--level {found.level}: {found.expected:,} rows{about}; "
            "--only and --years make it smaller"
        )
    with shared_years(
        output.out,
        run,
        subject.tables.years,
        terminal,
        force=output.force,
        **found.computed,
        value_added=[value_added_name(k) for k in subject.accounts],
        groups=subject.groups.members,
        each_group=subject.each_group,
        certify=found.certify,
        net_inventories=subject.net.record,
    ):
        if not is_first():
            for _ in found.compute():
                pass
            return
        with terminal.progress("indicators", "years") as found.progress:
            record = save_result(found, run, output, context, aside=aside)
    further = next_step("explore", output.out, "--out", "explorer.html")
    print_result(found, record, output, terminal, context, further)


def _errors(
    tables: WorldTables,
    model: "uncertainty.ErrorModel",
    account: ValueAdded,
    names: Sequence[str],
    levels: Sequence[str],
    groups: Groups,
) -> Iterable[Mapping[str, xr.Dataset]]:
    """Standard errors by level, year after year."""
    return uncertainty.indicator_error_years(
        tables, model, names, levels, groups=groups, value_added=account
    )


def _error_facts(model: "uncertainty.ErrorModel") -> dict[str, Any]:
    """For the manifest: the model, and how well its standard errors are known."""
    probes = uncertainty.PROBES
    about = {"probes": probes, "se_accuracy": uncertainty.accuracy_of(probes)}
    return {"error": model.record, **about}


def _error_line(model: "uncertainty.ErrorModel") -> str:
    probes = uncertainty.PROBES
    return (
        f"standard errors of {model.name} from {probes} draws of signs, right to "
        f"about {percent_text(uncertainty.accuracy_of(probes))} of themselves"
    )
