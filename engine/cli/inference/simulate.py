"""``tivax simulate``: rejection rates of a known effect on simulated panels."""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ....kernels.panels.simulated import ANALYTIC, MAIN, METHODS, WILD
from ...core import (
    Format,
    Run,
    describe_environment,
    duration_text,
    output_folder,
    require_result_place,
    shift_progress,
    tivax_version,
    write_frame,
)
from ...figures import rejection_rates
from ...reporting import Block, Section, Table, Text, report_html, save_figure
from ...reporting import Figure as Shown
from ...resampling import (
    PanelFile,
    Study,
    checkpoint,
    estimate_seconds,
    fill_panels,
    largest_residual,
    rejection_table,
    stopping,
)
from ..terminal import Terminal


def run_study(
    study: Study,
    path: Path | None,
    out: Path,
    *,
    figures: bool = True,
    format: Format = "csv",
    force: bool,
    terminal: Terminal,
) -> None:
    """Simulate and write simulation.csv, figure, report and manifest to ``out``."""
    inputs = [*([path] if path else []), *study.files]
    started = Run("simulate", inputs=inputs, seed=study.seed)
    require_result_place(out, started, force=force)
    entries = [PanelFile(study.panels) for _ in study.designs]
    identity = {
        **study.facts,
        "tivax": tivax_version(),
        "jax": jax.__version__,
        "platform": jax.default_backend(),
    }
    total = study.panels * len(study.designs)
    with checkpoint(out, entries, identity, force=force) as kept:
        if kept.done:
            terminal.print(f"Going on at {kept.done:,} of {total:,} panels")
        _announce_time(study, [k.limit - k.count for k in kept.files], terminal)
        with (
            stopping(kept, "panels", terminal.print),
            terminal.progress("simulating", "panels") as progress,
        ):
            for number, (design, file) in enumerate(
                zip(study.designs, kept.files, strict=True)
            ):
                shifted = shift_progress(progress, number * study.panels, total)
                fill_panels(study, design, file, shifted)
        made = list(zip(study.designs, kept.files, strict=True))
        result = rejection_table(study, made)
        with output_folder(out, started, force=force) as folder:
            write_frame(result, folder, "simulation", format)
            figure = rejection_rates(result)
            if figures:
                save_figure(figure, folder, "sizes")
            page = _report(study, result, figure)
            (folder / "report.html").write_text(page, encoding="utf-8")
            facts = {k: v for k, v in study.facts.items() if k != "seed"}
            record = started.write_manifest(
                folder, residual_max=largest_residual(made), **facts
            )
    terminal.print("Share of true nulls rejected by 5 % tests (G*: effective clusters)")
    _print_shares(terminal, result, "size")
    if result["power"].notna().any():
        terminal.print("Power: share of panels in which no effect is rejected")
        _print_shares(terminal, result[result["power"].notna()], "power")
    terminal.print(f"{len(METHODS)} methods are in {out / f'simulation.{format}'}")
    terminal.finish(record, f"Open {out / 'report.html'}")


def _announce_time(study: Study, left: Sequence[int], terminal: Terminal) -> None:
    """About how long it takes, before it starts; the bar knows better later."""
    if terminal.quiet:
        return
    with terminal.status("timing the first panels"):
        seconds = estimate_seconds(study, left)
    terminal.announce(
        f"about {duration_text(seconds)} for {sum(left):,} panels, if all take as long "
        "as the first; Ctrl-C keeps what is made, --panels asks for fewer"
    )


# So many methods, with the design, fit into 80 characters.
_COLUMNS = 4


def _print_shares(terminal: Terminal, result: pd.DataFrame, column: str) -> None:
    """A row for each design, a column for a method of each kind; four in a table."""
    result = result[result["method"].isin(MAIN)]
    for start in range(0, len(MAIN), _COLUMNS):
        methods = MAIN[start : start + _COLUMNS]
        rows = []
        for name, found in result.groupby("design", sort=False):
            first = found.iloc[0]
            few = f"{first['effective_clusters']:.1f} of {first['clusters']}"
            shares = found.set_index("method")[column].reindex(methods)
            rows.append((str(name), few, *map(_share, shares)))
        headings = [name.replace(" ", "\n", 1) for name in methods]
        terminal.table(("design", "G*", *headings), rows)


def _share(size: float) -> str:
    return "-" if np.isnan(size) else f"{size:.3f}"


_FAMILIES = {
    "Analytic": ANALYTIC,
    "Wild cluster bootstraps": WILD,
    "Other bootstraps and placebos": tuple(
        k for k in METHODS if k not in (*ANALYTIC, *WILD)
    ),
}


def _tables(result: pd.DataFrame, column: str) -> list[Block]:
    """A row for each design, a column for each method, a table for each family."""
    few = result.drop_duplicates("design").set_index("design")
    wide = result.pivot(index="design", columns="method", values=column)
    tables: list[Block] = []
    for family, methods in _FAMILIES.items():
        table = wide.loc[list(few.index), list(methods)]
        table.insert(0, "clusters", few["clusters"])
        table.insert(1, "G*", few["effective_clusters"])
        formats = {"G*": ".1f", **dict.fromkeys(methods, ".3f")}
        tables.append(Table(table.reset_index(), f"{family}: {column}.", formats))
    return tables


def _power(result: pd.DataFrame) -> Section:
    """Power where there is an effect."""
    known = result[result.groupby("design")["power"].transform("count") > 0]
    text = "Share of panels in which a test of no effect rejects, where there is one."
    return Section("Power", [Text(text), *_tables(known, "power")])


def _report(study: Study, result: pd.DataFrame, figure: Figure) -> str:
    text = (
        f"{study.panels:,} panels of each design, {study.draws:,} draws of each "
        "bootstrap in each panel. A test that keeps its promise rejects a true null in "
        "5 % of the panels; its 95 % interval then covers the truth in 95 %. More is "
        "over-rejection. G* is the effective number of clusters, by the variation that "
        "identifies the effect. CV2 and CV3 are empty where one cluster alone "
        "identifies the effect, placebos where clusters have different years, the "
        "network HAC where there is no network. Types 13, 31 and 33 of the wild "
        "bootstraps are the V, S and B of MacKinnon, Nielsen and Webb (2023). "
        "Placebos move whole paths among clusters: of the treatment, comparing its "
        "coefficient or its t, or of the residuals of the model without it (Freedman "
        "and Lane 1983)."
    )
    return report_html(
        "Which p-value to trust",
        f"Two-way fixed effects, clustered; seed {study.seed}",
        [
            Section(
                "Size of 5 % tests",
                [
                    Text(text),
                    Shown(figure, "Share of true nulls rejected, with 95 % intervals."),
                    *_tables(result, "size"),
                ],
            ),
            *([_power(result)] if result["power"].notna().any() else []),
            Section("All figures", [Table(result, "By design and method.")]),
        ],
        describe_environment(dated=False),
    )
