"""``tivax curve``: the models of a run file under every combination of choices."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ...core import (
    Format,
    Run,
    TivaxError,
    count_text,
    describe_environment,
    output_folder,
    p_text,
    require_result_place,
    write_frame,
)
from ...curve import UNWEIGHTED, SpecificationCurve, specification_curve
from ...figures import joint_curve
from ...reporting import (
    Block,
    Points,
    Section,
    Table,
    Text,
    report_html,
    save_figure,
)
from ...reporting import Figure as Shown
from ...resampling import Model, RunFile, read_with_lags
from ..terminal import Terminal

_TESTS = {"p": "", "error of p": ""}
_OPTIONS = {"significant": ".0%"}
_ROWS = {"p": "", "p wild": ""}


def run_curve(
    run: RunFile,
    out: Path,
    *,
    figures: bool = True,
    format: Format = "csv",
    force: bool,
    terminal: Terminal,
) -> None:
    """Write the specifications, the tests, a figure for each model and a report."""
    started = Run("curve", inputs=[run.path, *run.panels], seed=run.seed)
    require_result_place(out, started, force=force)
    found = _evaluated(run, terminal)
    tables = {
        "specifications": pd.concat([k.table for k in found], ignore_index=True),
        "tests": pd.concat([k.tests for k in found], ignore_index=True),
        "options": pd.concat([k.by_option for k in found], ignore_index=True),
        "null": pd.concat([k.null for k in found], ignore_index=True),
    }
    drawn = {
        model.name: (f"curve_{number}", figure_of(k, model))
        for number, (k, model) in enumerate(
            ((k, model) for k in found for model in k.models), 1
        )
    }
    with output_folder(out, started, force=force) as folder:
        for name, table in tables.items():
            write_frame(table, folder, name, format)
        if figures:
            (folder / "figures").mkdir()
            for name, figure in drawn.values():
                save_figure(figure, folder / "figures", name)
        page = report_html(
            f"Specification curve: {run.path.stem}",
            f"{count_text(len(drawn), 'model')}, {count_text(run.draws, 'draw')}, "
            f"seed {run.seed}",
            _sections(found, {name: figure for name, (_, figure) in drawn.items()}),
            describe_environment(dated=False),
        )
        (folder / "report.html").write_text(page, encoding="utf-8")
        record = started.write_manifest(
            folder,
            residual_max=max(k.residual_max for k in found),
            draws=run.draws,
            models=len(drawn),
            specifications=sum(len(k.estimated) for k in found),
            p={
                model.name: k.tests[k.tests["weights"] == UNWEIGHTED]
                .set_index(["model", "statistic"])["p"][model.name]
                .to_dict()
                for k in found
                for model in k.models
            },
            covariance="CV1, G/(G-1) (N-1)/(N-k), nested effects not counted",
            null="no effect, imposed on each specification (WCR), Webb's weights",
        )
    for each in found:
        for line in each.sentence.splitlines():
            terminal.print(line)
    terminal.finish(record, f"Open {out / 'report.html'}")


def figure_of(found: SpecificationCurve, model: Model) -> Figure:
    """The curve of a model with the band of no effect."""
    null = found.null[found.null["model"] == model.name]
    return joint_curve(found.drawn_curve(model.name), found.choices, null)


def _evaluated(run: RunFile, terminal: Terminal) -> list[SpecificationCurve]:
    """The curves of the models, by panel file and clusters."""
    groups: dict[tuple[Path, str], list[Model]] = {}
    for model, path in run.models:
        groups.setdefault((path, model.cluster), []).append(model)
    found: list[SpecificationCurve] = []
    with terminal.progress("drawing", "draws") as progress:
        for (path, _), models in groups.items():
            panel = read_with_lags(path, models)
            try:
                made = specification_curve(
                    panel,
                    models,
                    draws=run.draws,
                    seed=run.seed,
                    progress=progress,
                    **run.curve,
                )
            except TivaxError as error:
                raise TivaxError(f"{run.path}: {error}") from None
            found.append(made)
    return found


def _sections(
    found: list[SpecificationCurve], figures: dict[str, Figure]
) -> list[Section]:
    method = (
        "Each specification estimates the effect with another combination of choices; "
        "errors are CV1 with t(G - 1), clustered as the model says. Whether the curve "
        "as a whole could be without any effect is asked of three statistics "
        "(Simonsohn, Simmons and Nelson 2020): the median effect, the share of "
        "specifications that are significant in the direction that more of them have, "
        "and Stouffer's Z. Significant means the specification's own wild p, at most "
        "0.05: the share of draws with a larger |t|, below 1 / draws where there is "
        "none. The draws impose no effect on each specification through its restricted "
        "residuals (WCR) and give a cluster the same weight in all of them, so that "
        "specifications that lean on the same rows count for what they are: one piece "
        "of evidence seen many times."
    )
    sentences = [line for k in found for line in k.sentence.splitlines()]
    sections = [Section("In a sentence", [Text(method), Points(sentences)])]
    for each in found:
        for model in each.models:
            sections.append(Section(model.name, _blocks(each, model, figures)))
    return sections


def _blocks(
    found: SpecificationCurve, model: Model, figures: dict[str, Figure]
) -> list[Block]:
    tests, options, rows = (
        table[table["model"] == model.name].drop(columns="model").reset_index(drop=True)
        for table in (found.tests, found.by_option, found.table)
    )
    random = None if found.exact else found.draws
    tests = tests.assign(
        p=[p_text(p, random) for p in tests["p"]],
        mc_error=[p_text(p) for p in tests["mc_error"]],
    ).rename(
        columns={
            "null_low": "null 2.5 %",
            "null_median": "null 50 %",
            "null_high": "null 97.5 %",
            "mc_error": "error of p",
        }
    )
    rows = rows.assign(
        p=[p_text(p) for p in rows["p"]],
        p_wild=[p_text(p, random) for p in rows["p_wild"]],
    ).rename(columns={"p_wild": "p wild"})
    return [
        Text(model.equation),
        Table(tests, "The curve as a whole, and 95 % of draws without effect.", _TESTS),
        Shown(
            figures[model.name],
            "Estimates by size with 95 % intervals, coef +- t(G - 1) se; the band "
            "holds 95 % of the draws without an effect, rank by rank; below, what each "
            "specification chooses.",
        ),
        Table(options, "The curve by option of each choice.", _OPTIONS),
        Table(rows, "Every specification.", _ROWS),
    ]
