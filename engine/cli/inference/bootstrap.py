"""What ``tivax bootstrap`` and ``tivax placebo`` do: draw, keep, summarise, write."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from matplotlib.figure import Figure

from ....kernels.random_draws import BLOCK, GENERATOR
from ...core import (
    Run,
    Terminal,
    TivaxError,
    describe_environment,
    is_first,
    output_folder,
    require_result_place,
    sha256,
    tivax_version,
    write_csv,
)
from ...figures import Drawn, p_text
from ...figures import resampling as experiment_plots
from ...paper import column_name
from ...reporting import (
    Block,
    Points,
    Section,
    Table,
    Text,
    save_figure,
    write_report,
)
from ...reporting import Figure as Shown
from ...resampling import (
    LEVEL,
    TIE_RULES,
    Checkpoint,
    Design,
    Draws,
    FileDraws,
    Inference,
    Inverted,
    Model,
    Program,
    RunFile,
    Scheme,
    checkpoint,
    cluster_table,
    fill,
    invert_wild,
    make_design,
    make_program,
    model_table,
    multiple_testing,
    read_panel,
    stopping,
    summarise,
    with_lags,
)

_FEW = (
    "model",
    "term",
    "n",
    "clusters",
    "effective_clusters",
    "cv1_p",
    "cv2_p",
    "cv2_df",
    "cv3_p",
    "without_min",
    "without_max",
)
# Histograms of a figure: more would be too small to read.
_PER_FIGURE = 6


@dataclass(frozen=True, eq=False)
class Experiment:
    """A run whose draws are made: one entry for each model."""

    run: RunFile
    programs: tuple[Program, ...]
    draws: tuple[Draws, ...]
    inferences: tuple[Inference, ...]

    @property
    def designs(self) -> list[Design]:
        return [program.design for program in self.programs]

    @property
    def summary(self) -> pd.DataFrame:
        return pd.concat([k.summary for k in self.inferences], ignore_index=True)

    @property
    def intervals(self) -> pd.DataFrame:
        return pd.concat([k.intervals for k in self.inferences], ignore_index=True)

    @cached_property
    def models(self) -> pd.DataFrame:
        """``cluster_reports.model_table``, and what is peculiar about the draws."""
        table = model_table(self.designs)
        own = pd.DataFrame(
            {
                "model": [k.design.model.name for k in self.programs],
                "exact": [k.exact for k in self.programs],
                "ties": [k.ties for k in self.inferences],
                "failed_draws": [k.failed for k in self.inferences],
            }
        )
        return table.merge(own, on="model")

    @property
    def adjusted(self) -> pd.DataFrame:
        return multiple_testing.adjust(
            list(zip(self.programs, self.draws, self.inferences, strict=True))
        )


def run_experiment(
    run: RunFile, out: Path, command: str, *, force: bool, terminal: Terminal
) -> None:
    """Make the draws of a run file and write what they say to ``out``."""
    first = is_first()
    started = Run(command, inputs=[run.path, *run.panels], seed=run.seed)
    if first:
        require_result_place(out, started, force=force)
    programs = make_programs(run)
    if not first:
        _help(programs, run.seed)
        return
    with checkpoint(
        out, programs, identity(run), force=force, saved=run.save_draws
    ) as kept:
        with _all_there(kept):
            rates = _draw(programs, run.seed, kept, terminal)
            inverted = _invert(programs, run.seed, terminal)
        with terminal.status("summarising"):
            experiment = Experiment(
                run,
                programs,
                tuple(kept.files),
                tuple(
                    summarise(
                        program, draws, ends, rate=(rate or None) if run.timed else None
                    )
                    for program, draws, ends, rate in zip(
                        programs, kept.files, inverted, rates, strict=True
                    )
                ),
            )
        with output_folder(out, started, force=force) as folder:
            write_experiment(experiment, folder)
            started.write_manifest(
                folder,
                residual_max=max(design.residual for design in experiment.designs),
                **_facts(experiment),
                draws_per_s=_speeds(programs, rates),
            )
    for line in findings(experiment):
        terminal.print(line)
    terminal.print(f"Open {out / 'report.html'}")


def make_programs(run: RunFile) -> tuple[Program, ...]:
    """Designs of all models under the run's scheme."""
    panels: dict[Path, pd.DataFrame] = {}
    for path in run.panels:
        models = [model for model, panel in run.models if panel == path]
        try:
            panels[path] = with_lags(read_panel(path), models)
        except TivaxError as error:
            text = str(error)
            raise TivaxError(
                text if text.startswith(str(path)) else f"{path}: {text}"
            ) from None
    programs = []
    for model, panel in run.models:
        _require_clusters(panel, panels[panel], model)
        try:
            design = make_design(panels[panel], model)
            programs.append(make_program(design, run.scheme, run.draws))
        except TivaxError as error:
            raise TivaxError(f"{run.path}: {error}") from None
    return tuple(programs)


def _require_clusters(path: Path, panel: pd.DataFrame, model: Model) -> None:
    names = panel.get(model.cluster, pd.Series(dtype=str)).dropna().unique()
    if len(names) == 1:
        raise TivaxError(
            f"{path}: a single {model.cluster}, {names[0]}; model {model.name} takes "
            "two clusters at least: is the file cut?"
        )


def identity(run: RunFile) -> dict[str, Any]:
    """What draws depend on: a run goes on only where all of it is the same."""
    return {
        "models": [[asdict(model), sha256(panel)] for model, panel in run.models],
        "scheme": asdict(run.scheme),
        "draws": run.draws,
        "seed": run.seed,
        "generator": GENERATOR,
        "tivax": tivax_version(),
        "jax": version("jax"),
        "platform": jax.default_backend(),
    }


def _draw(
    programs: Sequence[Program], seed: int, kept: Checkpoint, terminal: Terminal
) -> list[float]:
    """Fill every file; draws a second of each model."""
    total = sum(program.draws for program in programs)
    if kept.done:
        terminal.print(f"Going on at {kept.done:,} of {total:,} draws")
    before, rates = 0, []
    with (
        stopping(kept, "draws", terminal),
        terminal.progress("drawing", "draws") as progress,
    ):
        for program, file in zip(programs, kept.files, strict=True):
            rates.append(
                fill(
                    program,
                    seed,
                    file,
                    progress=lambda done, _, b=before: progress(b + done, total),
                )
            )
            before += program.draws
    return rates


class LostProcess(TivaxError):
    """Another process of the job has ended; JAX cannot go on or shut down."""


@contextmanager
def _all_there(kept: Checkpoint | None = None) -> Iterator[None]:
    """In place of what JAX says of a lost process, what to do about it.

    Raises ``LostProcess``. Gloo's errors come as either kind, with a status in front.
    """
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        if jax.process_count() == 1 or not re.match("[A-Z_]+: ", str(error)):
            raise
        line = str(error).splitlines()[0][:120]
        total = sum(file.limit for file in kept.files) if kept else 0
        told = f"{kept.done:,} of {total:,} draws are kept; " if kept else ""
        raise LostProcess(
            f"another process of the job has ended ({line}); {told}start all processes "
            "again and the run goes on"
        ) from None


def _invert(
    programs: Sequence[Program], seed: int, terminal: Terminal
) -> list[Inverted | None]:
    if not any(k.scheme.kind == "wild" and k.scheme.null for k in programs):
        return [None] * len(programs)
    inverted = []
    with terminal.progress("intervals", "models") as progress:
        progress(0, len(programs))
        for k, program in enumerate(programs, 1):
            inverted.append(invert_wild(program, seed))
            progress(k, len(programs))
    return inverted


def _help(programs: Sequence[Program], seed: int) -> None:
    """The part of a process that does not write: the same calls in the same order."""
    nowhere = Path("nowhere")
    with _all_there():
        for program in programs:
            fill(program, seed, FileDraws(nowhere, len(program.columns), program.draws))
        for program in programs:
            invert_wild(program, seed)


# ---------------------------------------------------------------------------- writing


def write_experiment(experiment: Experiment, folder: Path) -> None:
    """Everything but the manifest."""
    tables = {
        "summary": experiment.summary,
        "intervals": experiment.intervals,
        "models": experiment.models,
        "clusters": pd.concat(
            [cluster_table(design) for design in experiment.designs], ignore_index=True
        ),
        "multiple_testing": experiment.adjusted,
        "distribution": pd.concat(
            [k.distribution for k in experiment.inferences], ignore_index=True
        ),
    }
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv")
    if experiment.run.save_draws:
        _write_draws(experiment, folder / "draws.parquet")
    figures = figures_of(experiment)
    (folder / "figures").mkdir()
    for name, figure in figures.items():
        save_figure(figure, folder / "figures", name)
    write_report(
        folder / "report.html",
        f"{experiment.programs[0].scheme.name}: {experiment.run.path.stem}",
        f"{len(experiment.programs)} models, {experiment.programs[0].draws:,} draws "
        f"each, seed {experiment.run.seed}",
        _sections(experiment, tables, figures),
        describe_environment(dated=False),
    )


def _write_draws(experiment: Experiment, path: Path) -> None:
    """Long: draw (from 0), model, column, value; a row group for each window."""
    schema = pa.schema(
        [
            ("draw", pa.int64()),
            ("model", pa.dictionary(pa.int32(), pa.string())),
            ("column", pa.dictionary(pa.int32(), pa.string())),
            ("value", pa.float64()),
        ]
    )
    with pq.ParquetWriter(path, schema) as writer:
        for program, draws in zip(experiment.programs, experiment.draws, strict=True):
            start = 0
            for window in draws.windows():
                number = np.arange(start, start + len(window))
                start += len(window)
                for name, values in zip(program.columns, window.T, strict=True):
                    model = program.design.model.name
                    table = pa.table(
                        {
                            "draw": number,
                            "model": _constant(model, len(number)),
                            "column": _constant(name, len(number)),
                            "value": values,
                        },
                        schema=schema,
                    )
                    writer.write_table(table)


def _constant(text: str, n: int) -> pa.Array:
    index = pa.array(np.zeros(n, np.int32))
    return pa.DictionaryArray.from_arrays(index, pa.array([text]))


def figures_of(experiment: Experiment) -> dict[str, Figure]:
    """Histograms, one figure for each table of the paper, else six models each."""
    drawn = [
        Drawn(_title(program), program, inference)
        for program, inference in zip(
            experiment.programs, experiment.inferences, strict=True
        )
    ]
    groups: dict[str, list[Drawn]] = {}
    for k, each in enumerate(drawn):
        table = each.program.design.model.table
        name = (
            f"draws_{k // _PER_FIGURE + 1}" if table is None else f"table{table}_draws"
        )
        groups.setdefault(name, []).append(each)
    return {name: experiment_plots.histograms(group) for name, group in groups.items()}


def _title(program: Program) -> str:
    model = program.design.model
    if model.table is None:
        return model.name
    return f"({model.column}) {model.outcome}, {model.sample}"


def _sections(
    experiment: Experiment,
    tables: dict[str, pd.DataFrame],
    figures: dict[str, Figure],
) -> list[Section]:
    program = experiment.programs[0]
    kind = program.scheme.kind
    shown = experiment.summary.drop(
        columns=["table", "column", "scheme", "draws", "draws_per_s"]
    )
    adjusted = tables["multiple_testing"]
    blocks: list[Block] = [
        Text(_method(program)),
        Table(
            _named(experiment, shown),
            f"{program.scheme.name}. {TIE_RULES[kind]}. mc_error: standard error of "
            f"the p-value from a finite number of draws. se: {_SE[kind]}."
            + _left_out(experiment),
            {"p_value": ".4f", "mc_error": ".5f"},
        ),
        *(
            Shown(figure, f"Draws of {_figure_name(name)}.")
            for name, figure in figures.items()
        ),
    ]
    together: list[Block] = [
        Text(
            "p-values that hold for all models of a family at once: Romano and Wolf "
            "(2005) and Westfall and Young (1993) from the same draws, Holm (1979)."
        ),
        Table(
            _named(experiment, adjusted),
            "By family.",
            {k: ".4f" for k in ("p_value", "romano_wolf", "westfall_young", "holm")},
        ),
    ]
    few: list[Block] = [
        Text(
            "Few clusters, or few that matter, make cluster-robust t-tests reject too "
            "often. The effective number counts them by the variation that identifies "
            "the treatment; far fewer than there are is a warning. CV1 is Stata's, CV2 "
            "Bell and McCaffrey's with their degrees of freedom, CV3 the jackknife."
        ),
        Table(
            _named(experiment, tables["models"][list(_FEW)]),
            "Models and their clusters; without_min to without_max is the range of the "
            "estimate when each cluster is left out. More in models.csv, clusters.csv.",
            {k: ".4f" for k in _FEW if k.endswith("_p")},
        ),
        *([Points(notes)] if (notes := _notes(experiment)) else []),
    ]
    return [
        Section("Results", blocks),
        Section(
            "Intervals",
            [
                Table(
                    _named(experiment, tables["intervals"]),
                    "By kind. An interval holds the nulls that its own p does not "
                    "reject at 5 %.",
                )
            ],
        ),
        Section("Several outcomes at once", together),
        Section("Clusters", few),
    ]


def _named(experiment: Experiment, table: pd.DataFrame) -> pd.DataFrame:
    """Columns of the paper by their printed names."""
    names = {}
    for program in experiment.programs:
        model = program.design.model
        if model.table is not None and model.column is not None:
            names[model.name] = column_name(model.table, model.column)
    return table.assign(model=table["model"].replace(names))


def _figure_name(name: str) -> str:
    """``Table 3`` of table3_draws, ``models, part 2`` of draws_2."""
    if name.startswith("table"):
        return f"Table {name.removeprefix('table').removesuffix('_draws')}, by column"
    return f"the models, part {name.removeprefix('draws_')}"


def _method(program: Program) -> str:
    scheme = program.scheme
    text = {
        "pairs": "Clusters are drawn with replacement, as many as there are, and the "
        "model is estimated anew. The interval holds the middle 95 % of the estimates.",
        "bayesian": "Each cluster gets an independent exponential weight, and the "
        "model is estimated anew (Rubin 1981).",
        "wild": "The residuals of each cluster are multiplied by one random weight "
        f"({scheme.weights}), {'under the null' if scheme.null else 'unrestricted'}, "
        "and t is computed anew. The interval holds the nulls that the test does not "
        "reject.",
        "placebo": _moved(scheme)
        + " The interval holds the constant effects that the test does not reject.",
    }[scheme.kind]
    if program.exact:
        text += f" All {program.draws:,} patterns were enumerated."
    if scheme.kind == "wild" and scheme.value:
        text += f" The null is not 0 but {scheme.value:g}."
    return text


def _moved(scheme: Scheme) -> str:
    """What a placebo moves and compares."""
    within = f" within {scheme.strata}" if scheme.strata else ""
    if scheme.method == "freedman-lane":
        text = (
            "The model without the treatment is estimated; the residuals of whole "
            f"countries are moved among countries{within} and added to what it fits; "
            "the whole model is estimated anew (Freedman and Lane 1983). The treatment "
            "stays beside its controls."
        )
    else:
        text = (
            f"Treatment paths are moved ({scheme.permute}{within}), everything else "
            "stays, and the model is estimated anew."
        )
    if scheme.studentised:
        return (
            f"{text} What is compared is t, not the coefficient (randomisation-t, "
            "standard errors CV1)."
        )
    return f"{text} What is compared is the coefficient: {COEFFICIENTS}."


COEFFICIENTS = (
    "not a test of level 5 % where errors differ between countries or the treatment "
    "goes along with the controls"
)

_SE = {
    "pairs": "the standard deviation of the draws",
    "bayesian": "the standard deviation of the draws",
    "wild": "CV1, of the estimate",
    "placebo": "the standard deviation of the coefficients of the placebo draws",
}


def _left_out(experiment: Experiment) -> str:
    failed = {
        program.design.model.name: inference.failed
        for program, inference in zip(
            experiment.programs, experiment.inferences, strict=True
        )
        if inference.failed
    }
    if not failed:
        return ""
    each = ", ".join(f"{count:,} of {name}" for name, count in failed.items())
    return f" Left out because their design was singular: {each}."


def _facts(experiment: Experiment) -> dict[str, Any]:
    """For the manifest."""
    scheme = experiment.programs[0].scheme
    return {
        "scheme": asdict(scheme),
        "generator": GENERATOR,
        "block": BLOCK,
        "draws": {k.design.model.name: k.draws for k in experiment.programs},
        "p_value": TIE_RULES[scheme.kind],
        "covariance": "CV1, G/(G-1) (N-1)/(N-k), nested effects not counted",
        "processes": jax.process_count(),
        "devices": jax.device_count(),
        "draws_sha256": hashlib.sha256(
            "".join(_digest(draws) for draws in experiment.draws).encode()
        ).hexdigest(),
    }


def _speeds(
    programs: Sequence[Program], rates: Sequence[float]
) -> dict[str, int | None]:
    """Draws a second of each model; None where all were kept from before."""
    return {
        program.design.model.name: round(rate) if rate else None
        for program, rate in zip(programs, rates, strict=True)
    }


def _digest(draws: Draws) -> str:
    total = hashlib.sha256()
    for window in draws.windows():
        total.update(np.ascontiguousarray(window).tobytes())
    return total.hexdigest()


def _tested(program: Program, row: pd.Series) -> str:
    """Model, term and estimate, with the null where it is not the usual one."""
    scheme = program.scheme
    if program.static.joint:
        return f"{row['model']}: {row['term']} all {scheme.value:g}"
    null = f" (null {scheme.value:g})" if scheme.kind == "wild" and scheme.value else ""
    return f"{row['model']}: {row['term']} {row['estimate']:.4g}{null}"


def _notes(experiment: Experiment) -> list[str]:
    """Why numbers about the clusters are empty."""
    table = experiment.models
    noted = table[table["note"] != ""]
    return [f"{k}: {note}" for k, note in noted[["model", "note"]].to_numpy()]


def _range(row: pd.Series) -> str:
    ends = row["ci_low"], row["ci_high"]
    if any(k != k for k in ends):
        return ""
    return f"95 % [{ends[0]:.4g}, {ends[1]:.4g}], "


def findings(experiment: Experiment) -> list[str]:
    """Lines for the terminal."""
    lines = []
    for program, inference in zip(
        experiment.programs, experiment.inferences, strict=True
    ):
        for _, row in inference.summary.iterrows():
            lines.append(
                f"{_tested(program, row)}, p = "
                f"{p_text(row['p_value'])} (+-{p_text(row['mc_error'])}), {_range(row)}"
                f"{row['draws']:,} {'patterns, all' if program.exact else 'draws'}"
            )
        if program.exact and program.draws * LEVEL < 2:
            lines.append(
                f"{program.design.model.name}: {program.draws} patterns are too few "
                f"for a test at {LEVEL:.0%}"
            )
        if inference.ties and program.scheme.kind == "wild":
            half = (inference.ties / 2) / program.draws
            lines.append(
                f"{program.design.model.name}: {inference.ties} exact ties; counting "
                f"half of them adds {half:.4f}"
            )
        if inference.failed:
            lines.append(
                f"{program.design.model.name}: {inference.failed:,} draws left out, "
                "their design was singular"
            )
    scheme = experiment.programs[0].scheme
    if scheme.kind == "placebo" and not scheme.studentised:
        studentised = (
            "" if scheme.permute == "years" else "; studentised = true compares t"
        )
        lines.append(f"coefficients are compared: {COEFFICIENTS}{studentised}")
    return lines + _notes(experiment)
