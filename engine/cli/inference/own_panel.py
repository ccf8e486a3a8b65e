"""``tivax simulate RUN``: which p-value to trust for the models of a run file."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ...core import (
    Format,
    Run,
    TivaxError,
    describe_environment,
    output_folder,
    p_text,
    percent_text,
    require_result_place,
    shift_progress,
    write_frame,
)
from ...figures import rejection_rates
from ...reporting import Block, Heading, Section, Table, Text, report_html, save_figure
from ...reporting import Figure as Shown
from ...resampling import OwnPanel, RunFile, own_panel, read_with_lags
from ..terminal import Terminal

_LARGEST = 8  # clusters shown, by their share of the variation
_METHOD = (
    "The steps follow MacKinnon (2026) and MacKinnon, Nielsen and Webb (2023). The "
    "simulations keep the regressors of the panel. Errors are drawn: AR(1) with the "
    "autocorrelation of the residuals and alike in size; as large by country as the "
    "residuals; and with a common factor, whose loadings are those of the first "
    "principal component of what effects and controls leave of the outcome, and whose "
    "share is the component's beyond what independent countries have, where there is "
    "one. In placebo regressions (Bertrand, Duflo and Mullainathan 2004) the outcome "
    "stays and the treatment is drawn: AR(1) by country, or with random phases, which "
    "keep its correlation between countries. The outcome holds whatever the true "
    "treatment does to it, so that placebos that differ between countries as the true "
    "one does meet its effect as well: their sizes are an upper bound where there is "
    "one. A p-value keeps its level where it "
    "rejects a true null in 4 to 6 % of the panels of each kind, Monte-Carlo error "
    "(1.96 standard errors) aside. Wild bootstraps have Rademacher weights."
)


def run_own_panel(
    run: RunFile,
    out: Path,
    panels: int | None,
    *,
    figures: bool = True,
    format: Format = "csv",
    force: bool,
    terminal: Terminal,
) -> None:
    """Write p_values.csv, simulation.csv, levels.csv, clusters.csv and models.csv,
    figures, report and manifest to ``out``."""
    options = dict(run.simulate)
    if panels is not None:
        options["panels"] = panels
    flows = options.get("flows")
    inputs = [run.path, *run.panels, *([flows] if flows else [])]
    started = Run("simulate", inputs=inputs, seed=run.seed)
    require_result_place(out, started, force=force)
    found = _evaluated(run, options, terminal)
    tables = {
        "p_values": _joined([(k, k.p_values) for k in found]),
        "simulation": _joined([(k, k.sizes) for k in found]),
        "levels": _joined([(k, k.levels) for k in found]),
        "clusters": pd.concat([k.clusters for k in found], ignore_index=True),
        "models": pd.DataFrame([k.diagnostics for k in found]),
    }
    drawn = [rejection_rates(k.sizes) for k in found]
    with output_folder(out, started, force=force) as folder:
        for name, table in tables.items():
            write_frame(table, folder, name, format)
        if figures:
            (folder / "figures").mkdir()
            for number, figure in enumerate(drawn, 1):
                save_figure(figure, folder / "figures", f"sizes_{number}")
        first = found[0].study
        page = report_html(
            f"Which p-value to trust: {run.path.stem}",
            f"{first.panels:,} panels of each kind, {first.draws:,} draws in each; "
            f"seed {run.seed}",
            [
                Section("In a sentence", [Text(_METHOD), *_sentences(found)]),
                *(_section(k, f) for k, f in zip(found, drawn, strict=True)),
            ],
            describe_environment(dated=False),
        )
        (folder / "report.html").write_text(page, encoding="utf-8")
        record = started.write_manifest(
            folder,
            residual_max=max(float(k.residual_max) for k in found),
            models=len(found),
            panels=first.panels,
            panel_draws=first.draws,
            draws=run.draws,
            trusted={
                f"{k.model.name}: {k.term}": [*k.trusted["method"]] for k in found
            },
        )
    for each in found:
        terminal.print(each.sentence)
    terminal.finish(record, f"Open {out / 'report.html'}")


def _evaluated(run: RunFile, options: dict, terminal: Terminal) -> list[OwnPanel]:
    found: list[OwnPanel] = []
    with terminal.progress("simulating", "panels") as progress:
        for number, (model, path) in enumerate(run.models):
            panel = read_with_lags(path, [model])
            size = options.get("panels", 1_000) * 5
            shifted = shift_progress(progress, number * size, len(run.models) * size)

            def told(done: int, of: int, size: int = size, tell=shifted) -> None:
                tell(size * done // of, size)

            try:
                found += own_panel(
                    panel,
                    model,
                    path=path,
                    draws=run.draws,
                    seed=run.seed,
                    progress=told,
                    **options,
                )
            except TivaxError as error:
                raise TivaxError(f"{path}: {error}") from None
    return found


def _joined(parts: Sequence[tuple[OwnPanel, pd.DataFrame]]) -> pd.DataFrame:
    named = []
    for each, table in parts:
        table = table.copy()
        table.insert(0, "model", each.model.name)
        table.insert(1, "term", each.term)
        named.append(table)
    return pd.concat(named, ignore_index=True)


def _sentences(found: Sequence[OwnPanel]) -> list[Block]:
    return [Text(k.sentence) for k in found]


def _section(found: OwnPanel, figure) -> Section:
    row, clusters = found.diagnostics, found.clusters
    G, first = int(row["clusters"]), clusters.iloc[0]
    even = 1 / G
    about = (
        f"{G} clusters {_each_with(clusters['rows'])}; "
        f"{row['effective_clusters']:.1f} effective ones. The largest leverage is "
        f"{clusters['leverage'].max() / even:.1f} times that of an even cluster, the "
        f"largest share of the variation that identifies {found.term} "
        f"{percent_text(first['partial_leverage'])} ({first['cluster']}; even: "
        f"{percent_text(even)}). The estimate is {row['estimate']:.4g}, and without "
        f"one cluster {row['without_min']:.4g} to {row['without_max']:.4g}."
    )
    shown = clusters.head(_LARGEST)[
        ["cluster", "rows", "leverage", "partial_leverage", "estimate_without"]
    ].rename(columns=lambda k: k.replace("_", " "))
    p_values = found.p_values.rename(
        columns={
            "size_min": "size, least",
            "size_max": "size, most",
            "worst": "most in",
        }
    )
    wide = found.sizes.pivot(index="method", columns="design", values="size")
    wide = wide.loc[
        list(found.p_values["method"]), list(dict.fromkeys(found.sizes["design"]))
    ]
    p_values["p"] = [p_text(p, found.draws) for p in p_values["p"]]
    formats = {"p": "", "size, least": ".3f", "size, most": ".3f"}
    blocks: list[Block] = [
        Text(found.model.equation),
        Heading("1. The clusters"),
        Text(about),
        Table(shown, "Clusters with most of the variation.", {"rows": "d"}),
        Heading("2. Their level"),
        *_levels(found),
        Heading("3. Several p-values"),
        Table(p_values, "p of no effect, and sizes in the simulations.", formats),
        Heading("4. Simulations and placebo regressions of this panel"),
        Shown(figure, "Share of true nulls rejected at 5 %, with 95 % intervals."),
        Table(
            wide.reset_index(),
            "The same as a table.",
            dict.fromkeys(wide.columns, ".3f"),
        ),
    ]
    return Section(f"{found.model.name}: {found.term}", blocks)


def _each_with(rows: pd.Series) -> str:
    few, many = rows.min(), rows.max()
    return f"of {few} rows each" if few == many else f"with {few} to {many} rows"


def _levels(found: OwnPanel) -> list[Block]:
    table = found.levels
    blocks: list[Block] = []
    for row in table.to_dict("records"):
        name = f"{row['fine']} against {row['coarse']}"
        if row["note"]:
            blocks.append(Text(f"{name}: {row['note']}."))
            continue
        p = row["p_one_sided_wild"]
        wild = p_text(p, min(found.draws, 9_999))
        said = (
            f"{row['fine']} are too fine a level"
            if p <= 0.05
            else f"{row['fine']} are not rejected; with few clusters of "
            f"{row['coarse']} the test has little power"
        )
        blocks.append(
            Text(
                f"{name} ({row['fine_clusters']:.0f} and {row['coarse_clusters']:.0f} "
                f"clusters): tau {row['tau']:.2f}, p {wild} by wild bootstrap, "
                f"{p_text(row['p_one_sided'])} by N(0, 1): {said}."
            )
        )
    return blocks
