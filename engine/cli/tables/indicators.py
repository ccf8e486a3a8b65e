"""``tivax indicators``: its standard errors, and how large its table is."""

from ... import errors  # loaded with --error only
from ...core import percent_text, require_format, require_rows
from ...measures import IndicatorsByYear
from ...reporting import Context
from ..bundles import ErrorModelOption, OutputOptions
from ..terminal import Terminal
from .by_year import run_by_year
from .subject import Subject

# A larger table is announced before it is written. WIOD 2013 at every level:
# 68 million rows, 335 MB of parquet.
_MANY_ROWS = 1_000_000
_BYTES_PER_ROW = {"parquet": 4.9, "csv": 43}


def run_indicators(
    subject: Subject,
    output: OutputOptions,
    terminal: Terminal,
    found: IndicatorsByYear,
    drawn: ErrorModelOption,
) -> None:
    """Compute and write year after year, with standard errors if they are asked for."""
    require_rows(require_format(output.format), found.expected)
    model = drawn.model
    notes, facts = subject.notes, subject.facts
    if model is not None:
        found = found.with_errors(model)
        probes = errors.PROBES
        right = errors.accuracy_of(probes)
        facts |= {"error": model.record, "probes": probes, "se_accuracy": right}
        notes.insert(
            0,
            f"standard errors of {model.name} from {probes} draws of signs, right to "
            f"about {percent_text(right)} of themselves",
        )
    if found.expected > _MANY_ROWS:
        each = _BYTES_PER_ROW.get(output.format, 0) * found.expected / 1e6
        about = f", about {each:,.0f} MB of {output.format}" if each else ""
        terminal.print(
            f"--level {found.level}: {found.expected:,} rows{about}; "
            "--only and --years make it smaller"
        )
    context = Context(notes=notes, codes=subject.codes, facts=facts)
    run_by_year(subject, output, terminal, found, context, drawn.files)
