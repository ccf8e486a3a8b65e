"""``tivax decompose``: terms of each year, by all processes of the job."""

import pandas as pd

from ...core import Aside, is_first, require_format
from ...measures import Decomposition, value_added_name
from ...reporting import Context
from ..bundles import LongOutput
from ..terminal import Terminal, next_step
from ..together import shared_years
from ..write import print_result, save_result
from .subject import Subject


def run_decompose(
    subject: Subject,
    output: LongOutput,
    terminal: Terminal,
    aside: Aside | None,
    found: Decomposition,
) -> None:
    """Compute and write year after year, and print the shares."""
    require_format(output.format)
    run = subject.begin("decompose", output)
    with shared_years(
        output.out,
        run,
        subject.tables.years,
        terminal,
        force=output.force,
        **found.options,
        value_added=[value_added_name(k) for k in subject.accounts],
        groups=subject.groups.members,
        each_group=subject.each_group,
        net_inventories=subject.net.record,
    ):
        if not is_first():
            for _ in found.compute():
                pass
            return
        codes = pd.concat([subject.codes, found.term_titles], ignore_index=True)
        context = Context(notes=subject.notes, codes=codes, facts=subject.facts)
        with terminal.progress("decomposing", "years") as found.progress:
            record = save_result(found, run, output, context, aside=aside)
    further = next_step("explore", output.out, "--out", "explorer.html")
    print_result(found, record, output, terminal, context, further)
