"""The ``tivax`` command. Each command calls one function of the engine and prints."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

# Before JAX is imported anywhere: jax 0.10.1 prints harmless machine-feature errors
# on every program it takes from its cache.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ..core import (
    CODE,
    LINE,
    TivaxError,
    abandon_parts,
    causes,
    pending,
    remembered,
    require_format,
    set_max_size,
    start_jax,
    tell_last,
)
from ..core import DEFAULT as DEFAULT_MAX_SIZE  # noqa: E402
from .terminal import Terminal

if TYPE_CHECKING:
    from xarray import DataArray

    from ..measures import ValueAdded
    from ..tables import NetInventories, WorldTables

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Trade in value added from world input-output tables, on CPU or GPU.",
)

Out = Annotated[Path, typer.Option("--out", help="Where the results go.")]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace an older result, if this command wrote it and all its files are "
        "unchanged.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, only results.")]
Years = Annotated[str, typer.Option("--years", help="FIRST:LAST, both included.")]
Store = Annotated[Path, typer.Argument(help="A store made by `tivax import`.")]
ValueAddedOption = Annotated[
    str, typer.Option("--value-added", help="residual (output - inputs) or basic.")
]
Satellites = Annotated[
    list[Path] | None,
    typer.Option(
        "--satellite",
        help="csv or parquet of jobs, emissions or other accounts (year, region, "
        "sector, NAME, ...) in place of value added; repeatable.",
    ),
]
GroupsOption = Annotated[
    str | None,
    typer.Option(
        "--groups",
        help='EU27,NAFTA or a TOML file, NAME = ["AUT", "BEL"]: each as one region. '
        "`tivax groups` lists the built-in ones.",
    ),
]
CertifyOption = Annotated[
    str,
    typer.Option(
        "--certify",
        help="columns (the residual of each is below 1e-12; small cells may be less "
        "exact) or cells (one more step, and a bound on the error of every cell).",
    ),
]
EachGroup = Annotated[
    bool,
    typer.Option(
        "--each-group",
        help="Each group in a run of its own, every other region alone; the groups may "
        "overlap.",
    ),
]
Net = Annotated[
    bool,
    typer.Option(
        "--net-inventories",
        help="Sales of each row times output / (output - inventories), inventories "
        "left out (Antras and others 2012).",
    ),
]
Inventories = Annotated[
    list[str] | None,
    typer.Option(
        "--inventories",
        help="With --net-inventories: the category of final demand they are, where "
        "tivax does not know it; repeatable.",
    ),
]
MaxSize = Annotated[
    float,
    typer.Option(
        "--max-size",
        help="GiB that a raw file, or one in an archive, may have once unpacked; a "
        "line of text may have 1/1024 of it.",
    ),
]
Data = Annotated[Path, typer.Option("--data", help="Folder of raw files, data.toml.")]
PanelStore = Annotated[
    Path | None,
    typer.Option("--store", help="Compute the index from this store of world tables."),
]


def _print_version(wanted: bool) -> bool:
    if wanted:
        from ..core import tivax_version

        typer.echo(f"tivax {tivax_version()}")
        raise typer.Exit
    return wanted


@app.callback()
def _start(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print version."
        ),
    ] = False,
) -> None:
    """Nothing to do before a command but to look for --version."""


@app.command()
def fetch(
    source: Annotated[
        str,
        typer.Argument(help="wiod2016, wiod2013, lrwiod, kof, pwt, wgi, wdi or weo."),
    ],
    out: Out,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Which archive, edition or series; an unknown name lists them.",
        ),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option("--mirror", help="Take the file from this address instead."),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Download a database from its official address, and check it.

    An interrupted download goes on where it stopped.

    Example: tivax fetch wiod2016 --out raw
    """
    from ..core import Run, require_fetch_place
    from ..sources import fetch as fetch_archive
    from ..sources import get_archive

    terminal = Terminal(quiet)
    archive, run = get_archive(source, format), Run("fetch")
    require_fetch_place(out, archive.name, force=force)
    with terminal.download(source) as progress:
        got = fetch_archive(
            source, out, format=format, mirror=mirror, force=force, progress=progress
        )
    run.add_to_manifest(
        out,
        {
            "name": got.path.name,
            "url": got.url,
            "bytes": got.bytes,
            "sha256": got.sha256,
            "verified": got.verified,
            "licence": archive.licence,
            "citation": archive.citation,
        },
    )
    how = {"sha1": "SHA-1 as published", "size": "size as published"}
    state = "already there" if got.already_there else f"{got.bytes:,} bytes"
    terminal.say(
        f"{got.path}: {state}, {how.get(got.verified, 'no published checksum')}"
    )
    terminal.say(f"SHA-256 {got.sha256}")


@app.command("import")
def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="wiod2016, wiod2013, lrwiod, oecd, adb, eora, exiobase, figaro or "
            "arrays."
        ),
    ],
    paths: Annotated[
        list[Path], typer.Argument(help="Files, folders or zip archives.")
    ],
    out: Out,
    years: Years = "",
    unbalanced: Annotated[
        bool, typer.Option("--unbalanced", help="Accept rows that miss their output.")
    ] = False,
    derounded: Annotated[
        bool,
        typer.Option(
            "--derounded",
            help="wiod2013 in R form, rounded to 1 million: put what rows miss into "
            "the cells that became 0.",
        ),
    ] = False,
    max_size: MaxSize = DEFAULT_MAX_SIZE,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Read the tables of a database into a store, every year checked.

    Example: tivax import wiod2016 raw/WIOTS_in_R.zip --out wiod16
    """
    set_max_size(max_size)
    start_jax()
    from ..sources import import_tables

    terminal = Terminal(quiet)
    with terminal.progress("reading") as progress:
        done = import_tables(
            source,
            paths,
            out,
            years=parse_years(years),
            unbalanced=unbalanced,
            derounded=derounded,
            force=force,
            progress=progress,
        )
    count = "1 year" if len(done.years) == 1 else f"{len(done.years)} years"
    span = "-".join(str(k) for k in sorted({done.years[0], done.years[-1]}))
    terminal.say(
        f"{out}: {done.regions} regions x {done.sectors} sectors, {count}, {span}"
    )
    for whole, parts in done.parts.items():
        terminal.say(f"{whole} has the parts {', '.join(parts)}")
    if done.rows_above is not None:
        terminal.say(
            f"derounded; {done.rows_above} rows of {done.rows:,} "
            "sell more than they make, and stay so"
        )
    if missing := done.missing(parse_years(years)):
        cut = ""
        if done.published and not years:
            cut = (
                f"; the published file has {done.published[0]} to {done.published[1]}, "
                "this one may be cut"
            )
        terminal.say(f"no table of {', '.join(map(str, missing))}{cut}")
    for doubt in done.doubts:
        terminal.say(f"in doubt: {doubt}")


@app.command()
def check(store: Store, years: Years = "", quiet: Quiet = False) -> None:
    """Check that every year of a store adds up; exit 1 where one does not.

    Also looks for signs of labels in another order than the numbers, which are told and
    are no fault, and says what of value added could be checked.

    Example: tivax check wiod16
    """
    start_jax()
    from ..tables import check_tables
    from .tables.check import print_checks

    terminal = Terminal(quiet)
    tables = _open(store, years)
    with terminal.progress("checking") as progress:
        rows = check_tables(tables, progress=progress)
    print_checks(terminal, rows, tables)
    if faults := [f"{row.year}: {'; '.join(row.faults)}" for row in rows if row.faults]:
        raise TivaxError(
            f"{store}: {faults[0]}"
            + (f" (and {len(faults) - 1} more years)" if len(faults) > 1 else "")
        )


@app.command()
def groups(
    store_or_name: Annotated[
        str, typer.Argument(help="A store, or the name of a group.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="One group: its members, a row for each.")
    ] = "",
) -> None:
    """List the built-in groups of countries, and which members a store has.

    Example: tivax groups EU27
    """
    from .tables.groups import print_groups

    print_groups(Terminal(), store_or_name, name)


@app.command()
def aggregate(
    store: Store,
    out: Annotated[Path, typer.Option("--out", help="Where the new store goes.")],
    concordance: Annotated[
        list[str] | None,
        typer.Option(
            "--concordance",
            help='csv (from,to), TOML (new = ["old", "old"]) or a built-in one such as '
            "wiod2016-sections, of sectors or regions; repeatable.",
        ),
    ] = None,
    groups: GroupsOption = None,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", help="Folder for what the aggregation changes."),
    ] = None,
    years: Years = "",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Add up sectors or regions into a new store, and show what that changes.

    With --compare also writes comparison.csv (year, region, measure, detailed,
    aggregated, difference), va_absorbed.parquet, a figure, manifest.json.

    Example: tivax aggregate wiod16 --concordance wiod2016-sections --out sections
    """
    start_jax()
    from ..tables import choose_groups
    from .tables.aggregate import run_aggregate

    tables = _open(store, years)
    run_aggregate(
        store,
        tables,
        concordance or [],
        choose_groups(groups, tables.regions),
        out,
        compare=compare,
        force=force,
        terminal=Terminal(quiet),
    )


@app.command()
def tbi(
    store: Store,
    out: Out,
    value_added: ValueAddedOption = "residual",
    satellite: Satellites = None,
    satellite_final: Annotated[
        list[Path] | None,
        typer.Option(
            "--satellite-final",
            help="csv or parquet of what final demand itself emits (year, region, "
            "NAME, ...), for the accounts of --satellite; adds footprints.csv.",
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option("--drop", help="Leave a region out, such as ROW; repeatable."),
    ] = None,
    groups: GroupsOption = None,
    each_group: EachGroup = False,
    certify: CertifyOption = "columns",
    net_inventories: Net = False,
    inventories: Inventories = None,
    format: Annotated[
        str, typer.Option("--format", help="csv, parquet, dta or xlsx.")
    ] = "csv",
    years: Years = "",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Trade benefit index and value-added trade of every year, with figures.

    Writes tbi, vax, vax_by_sector, va_absorbed.parquet, three figures, manifest.json.
    Of several accounts each table names the account in a first column.

    Example: tivax tbi wiod16 --out results
    """
    start_jax()
    from ..core import Run, output_folder, require_result_place
    from ..measures import trade as measures
    from ..tables import choose_groups
    from .tables import tbi as results
    from .tables.check import print_tbi

    terminal = Terminal(quiet)
    file_format = require_format(format)
    certify_what = measures.require_certify(certify)
    net = _net(_open(store, years), net_inventories, inventories, terminal)
    tables = net.tables
    chosen = choose_groups(groups, tables.regions, each_group=each_group)
    given = [*(satellite or ()), *(satellite_final or ())]
    run = Run("tbi", inputs=[store, *chosen.files, *given])
    require_result_place(out, run, force=force)
    accounts = _embodied(value_added, satellite)
    final = _final_accounts(satellite_final, accounts)
    with terminal.progress("solving") as progress:
        done = results.compute_accounts(
            tables,
            accounts,
            final,
            drop=drop or (),
            groups=chosen.members,
            one_by_one=each_group,
            certify=certify_what,
            progress=progress,
        )
    first = next(iter(done.values()))
    with output_folder(out, run, force=force) as folder:
        if len(done) == 1:
            results.write_tbi(first, folder, file_format)
        else:
            results.write_tbi_of_accounts(done, folder, file_format)
        # One table is solved for all accounts: what was found once holds for each.
        run.write_manifest(
            folder,
            residual_max=first.residual_max,
            **first.certified,
            **measures.about_accounts(tables, accounts),
            years_by_lu=first.years_by_lu,
            groups=chosen.record,
            each_group=each_group,
            net_inventories=net.record,
            flags={
                name: sum(one.flags[name] for one in done.values())
                for name in first.flags
            },
        )
    about = measures.told_accounts(tables, accounts)
    for line in [*net.lines, *chosen.lines, *about]:
        terminal.say(line)
    for result in done.values():
        print_tbi(terminal, result, out, net=bool(net.categories))


@app.command()
def decompose(
    store: Store,
    out: Out,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="wwz, kww, bm-source, bm-sink, bm-world, bm-self, bm-importer, ltv, "
            "my, tripartite, tripartite-output or production.",
        ),
    ],
    level: Annotated[
        str,
        typer.Option("--level", help="country, sector, bilateral or bilateral-sector."),
    ] = "bilateral-sector",
    detail: Annotated[
        bool,
        typer.Option(
            "--detail",
            help="Of bm-source and bm-sink also the parts VAX1-4, REF1-2, FVA1-4.",
        ),
    ] = False,
    by_origin: Annotated[
        bool,
        typer.Option(
            "--by-origin",
            help="Of bm-source: sectors are those in which the value is added.",
        ),
    ] = False,
    value_added: ValueAddedOption = "residual",
    satellite: Satellites = None,
    groups: GroupsOption = None,
    each_group: EachGroup = False,
    net_inventories: Net = False,
    inventories: Inventories = None,
    format: Annotated[
        str, typer.Option("--format", help="parquet or csv.")
    ] = "parquet",
    years: Years = "",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Exports of every year in terms of value added, by one of the field's methods.

    Writes decomposition.parquet (year, exporter, sector, importer, term, value), two
    figures of shares, manifest.json.

    Example: tivax decompose wiod16 --method wwz --level bilateral --out wwz
    """
    start_jax()
    from ..core import Run
    from ..tables import choose_groups
    from .tables.decompose import run_decompose

    terminal = Terminal(quiet)
    net = _net(_open(store, years), net_inventories, inventories, terminal)
    chosen = choose_groups(groups, net.tables.regions, each_group=each_group)
    run = Run("decompose", inputs=[store, *chosen.files, *(satellite or ())])
    run_decompose(
        net,
        method,
        level,
        out,
        run,
        detail=detail,
        by_origin=by_origin,
        groups=chosen,
        one_by_one=each_group,
        accounts=_embodied(value_added, satellite),
        format=format,
        force=force,
        terminal=terminal,
    )


@app.command()
def indicators(
    store: Store,
    out: Out,
    only: Annotated[
        str, typer.Option("--only", help="Names, comma separated; all without it.")
    ] = "",
    level: Annotated[
        str,
        typer.Option(
            "--level",
            help="country, sector, bilateral, bilateral-sector or all of them; the "
            "last two may take hundreds of MB.",
        ),
    ] = "country",
    value_added: ValueAddedOption = "residual",
    satellite: Satellites = None,
    groups: GroupsOption = None,
    each_group: EachGroup = False,
    certify: CertifyOption = "columns",
    net_inventories: Net = False,
    inventories: Inventories = None,
    format: Annotated[
        str, typer.Option("--format", help="parquet or csv.")
    ] = "parquet",
    years: Years = "",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Indicators of trade in value added (OECD TiVA's and others) of every year.

    Writes indicators.parquet (year, region, sector, partner, indicator, value), a map
    of positions, participation over the years, manifest.json. With --only a figure is
    drawn where its indicators are among the names.

    Example: tivax indicators wiod16 --out tiva
    """
    start_jax()
    from ..core import Run
    from ..measures import require_certify
    from ..tables import choose_groups
    from .tables.indicators import run_indicators

    terminal = Terminal(quiet)
    net = _net(_open(store, years), net_inventories, inventories, terminal)
    chosen = choose_groups(groups, net.tables.regions, each_group=each_group)
    run = Run("indicators", inputs=[store, *chosen.files, *(satellite or ())])
    run_indicators(
        net,
        [k.strip() for k in only.split(",") if k.strip()],
        level,
        out,
        run,
        groups=chosen,
        one_by_one=each_group,
        accounts=_embodied(value_added, satellite),
        certify=require_certify(certify),
        format=format,
        force=force,
        terminal=terminal,
    )


@app.command()
def panel(
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="FILE.csv, parquet, dta or xlsx.")],
    store: PanelStore = None,
    max_size: MaxSize = DEFAULT_MAX_SIZE,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Join index, globalisation and controls into a panel, with a codebook.

    Reads data.toml of the folder, or finds the files by their published names.

    Example: tivax panel --data raw --out panel.csv
    """
    set_max_size(max_size)
    start_jax()
    from ..core import Run
    from ..panel import build_panel, describe_losses, require_panel_place, write_panel

    terminal = Terminal(quiet)
    files = _data_files(data, store)
    run = Run("panel", inputs=files.inputs())
    require_panel_place(out, run, force=force, folders=files.places())
    made = build_panel(files)
    paths = write_panel(made, out, run, force=force)
    frame = made.frame
    developed = int(frame["developed"].sum())
    terminal.say(
        f"{out}: {len(frame)} rows, {len(made.countries)} countries, "
        f"{frame['year'].min()}-{frame['year'].max()} ({developed} developed + "
        f"{len(frame) - developed} developing), recipe {made.codes}"
    )
    for line in describe_losses(made):
        terminal.say(line)
    if missing := int(frame.isna().sum().sum()):
        terminal.say(f"{missing} missing cells; the codebook says where")
    terminal.say(f"codebook {paths[1]}, manifest {paths[2]}")


@app.command()
def replicate(
    data: Data,
    out: Out,
    store: PanelStore = None,
    language: Annotated[
        str, typer.Option("--language", help="Of tables and figures: en or zh.")
    ] = "en",
    max_size: MaxSize = DEFAULT_MAX_SIZE,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Recompute the paper: every table and figure beside the print, and a report.

    Writes comparison.csv, panel.csv, figure1, tables, figures, results, report.html.

    Example: tivax replicate --data raw --out replication
    """
    set_max_size(max_size)
    start_jax()
    from ..core import Run, require_result_place
    from ..reporting import require_language
    from .inference.replicate import run_replication

    # The files that the data folder names are told apart from --out once it is read.
    require_result_place(out, Run("replicate"), force=force, folders=[data])
    words = require_language(language)
    run_replication(
        _data_files(data, store), out, words, force=force, terminal=Terminal(quiet)
    )


RunToml = Annotated[Path, typer.Argument(help="A run file, such as RUN.toml.")]
NDraws = Annotated[
    int | None, typer.Option("--draws", min=1, help="In place of the run file's.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="In place of the run file's.")
]
Coordinator = Annotated[
    str | None,
    typer.Option("--coordinator", help="HOST:PORT of the first of several processes."),
]
Processes = Annotated[
    int | None, typer.Option("--processes", min=1, help="How many there are.")
]
ProcessId = Annotated[
    int | None, typer.Option("--process-id", min=0, help="Which this is, from 0.")
]


def _experiment(command: str, told: str) -> None:
    """A command that makes the draws of a run file."""

    def make_draws(
        run: RunToml,
        out: Out,
        draws: NDraws = None,
        seed: Seed = None,
        coordinator: Coordinator = None,
        processes: Processes = None,
        process_id: ProcessId = None,
        force: Force = False,
        quiet: Quiet = False,
    ) -> None:
        start_jax()
        from ..core import Machines
        from ..paper import paper_models
        from ..resampling import read_run_file, with_overrides

        asked = with_overrides(
            read_run_file(run, {"paper": paper_models()}), draws, seed
        )
        kind = asked.scheme.kind
        if (kind == "placebo") != (command == "placebo"):
            other = "placebo" if kind == "placebo" else "bootstrap"
            raise TivaxError(f"{run}: kind = {kind!r} is a job of `tivax {other}`")
        several = Machines(coordinator, processes, process_id).start()
        from .inference.bootstrap import run_experiment

        try:
            run_experiment(asked, out, command, force=force, terminal=Terminal(quiet))
        except BaseException as error:
            ending = _ending(error) if several else None
            if ending is None:
                raise
            # An ordinary end waits for the other processes, and they for this one.
            tell_last(ending[0])
            sys.stdout.flush()
            os._exit(ending[1])

    make_draws.__doc__ = told
    app.command(command)(make_draws)


_experiment(
    "bootstrap",
    """Bootstrap the models of a run file by clusters: pairs, Bayesian or wild.

    All devices of this machine take part. A run that was stopped goes on where it
    was when the same command is given again.

    Example: tivax bootstrap wild.toml --out wild
    """,
)
_experiment(
    "placebo",
    """Move the treatment among countries or years, and estimate again.

    What is compared is t, unless studentised = false. In place of the treatment,
    method = "freedman-lane" moves the residuals of the model without it; strata =
    "COLUMN" moves within blocks of countries.

    All devices of this machine take part. A run that was stopped goes on where it
    was when the same command is given again.

    Example: tivax placebo placebo.toml --out placebo
    """,
)


@app.command()
def simulate(
    out: Out,
    run: Annotated[
        Path | None, typer.Argument(help="A run file; without one the built-in study.")
    ] = None,
    panels: Annotated[
        int | None, typer.Option("--panels", min=1, help="In place of the run file's.")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Test a known effect on simulated panels: which p-value to trust.

    Goes on where it was when the same command is given again.

    Example: tivax simulate --out simulation
    """
    start_jax()
    from dataclasses import replace

    from ..resampling import BUILT_IN, read_study
    from .inference.simulate import run_study

    study = BUILT_IN if run is None else read_study(run)
    if panels is not None:
        study = replace(study, panels=panels)
    run_study(study, run, out, force=force, terminal=Terminal(quiet))


@app.command()
def demo(
    out: Out,
    size: Annotated[
        str, typer.Option("--size", help="REGIONSxSECTORSxYEARS.")
    ] = "44x56x15",
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of the synthetic world.")
    ] = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """The whole pipeline on a synthetic world: nothing to download.

    Example: tivax demo --out demo
    """
    start_jax()
    from .tools.demo import run_demo

    run_demo(out, parse_size(size), seed=seed, force=force, terminal=Terminal(quiet))


@app.command()
def bench(
    out: Out,
    full: Annotated[
        bool, typer.Option("--full", help="44 x 56 x 15, not a small world.")
    ] = False,
    only: Annotated[
        str | None, typer.Option("--only", help="One case, such as solve.")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Time tivax beside what people use today; every time with its residual.

    Example: tivax bench --full --out bench-results
    """
    start_jax()
    from .tools.bench import run_bench

    run_bench(out, full=full, only=only, force=force, terminal=Terminal(quiet))


@app.command()
def devices() -> None:
    """List the devices JAX will use.

    Example: tivax devices
    """
    start_jax()
    import jax

    terminal = Terminal()
    for device in jax.devices():
        memory = device.memory_stats() if device.platform != "cpu" else None
        size = f"  {memory['bytes_limit'] / 2**30:.1f} GiB" if memory else ""
        terminal.say(f"{device.id}  {device.platform}  {device.device_kind}{size}")


def parse_years(text: str) -> tuple[int, int] | None:
    """``FIRST:LAST`` or one year; nothing means all."""
    if not text:
        return None
    first, colon, last = text.partition(":")
    try:
        years = int(first), int(last if colon else first)
    except ValueError:
        raise TivaxError(
            f"--years {text}: write FIRST:LAST, such as 2000:2014"
        ) from None
    if years[0] > years[1]:
        raise TivaxError(f"--years {text}: the first year is after the last")
    return years


def parse_size(text: str) -> tuple[int, int, int]:
    """``44x56x15``: regions, sectors, years."""
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdigit() and int(part) for part in parts):
        raise TivaxError(
            f"--size {text}: write REGIONSxSECTORSxYEARS, such as 44x56x15"
        )
    regions, sectors, years = map(int, parts)
    if regions < 2:
        raise TivaxError(f"--size {text}: a world that trades needs two regions")
    return regions, sectors, years


def _data_files(data: Path, store: Path | None):
    from ..panel import read_data_files

    if store is not None and not store.exists():
        raise TivaxError(f"{store}: no such store; make one by `tivax import`")
    return read_data_files(data, store=store)


def _embodied(value_added: str, satellite: list[Path] | None) -> "list[ValueAdded]":
    """What measures trace: value added as defined, or the accounts of files."""
    from ..measures import require_value_added
    from ..sources import read_satellites, require_different_names

    defined = require_value_added(value_added)
    if not satellite:
        return [defined]
    if defined != "residual":
        raise TivaxError(
            "--satellite stands in place of value added: leave out --value-added "
            f"{value_added}"
        )
    accounts = [account for path in satellite for account in read_satellites(path)]
    require_different_names(accounts)
    return [*accounts]


def _final_accounts(
    paths: list[Path] | None, accounts: "list[ValueAdded]"
) -> "dict[str, DataArray]":
    """By name what final demand itself has of the accounts."""
    from ..measures import value_added_name
    from ..sources import read_final_satellites, require_different_names

    found = [k for path in paths or () for k in read_final_satellites(path)]
    require_different_names(found)
    names = [value_added_name(k) for k in accounts if not isinstance(k, str)]
    for account in found:
        if account.name not in names:
            there = f"there are {', '.join(names)}" if names else "there is none"
            raise TivaxError(
                f"--satellite-final: {account.name} needs a --satellite account of "
                f"that name; {there}"
            )
    return {str(account.name): account for account in found}


def _open(store: Path, years: str) -> "WorldTables":
    from ..tables import open_store

    return open_store(store, years=parse_years(years), lazy=True)


def _net(
    tables: "WorldTables", wanted: bool, names: list[str] | None, terminal: Terminal
) -> "NetInventories":
    """The tables, net of inventories where that is wanted."""
    from ..tables import NetInventories, correct_for_inventories

    if not wanted and names:
        raise TivaxError(f"--inventories {names[0]}: give --net-inventories as well")
    if not wanted:
        return NetInventories(tables)
    with terminal.progress("inventories") as progress:
        return correct_for_inventories(tables, names or None, progress=progress)


def main() -> None:
    """Run the command line: an expected mistake is one line and exit code 1."""
    with remembered(clean=abandon_parts):
        try:
            app()
        except BaseException as error:
            ending = _ending(error)
            if ending is None:
                raise
            tell_last(ending[0])
            raise SystemExit(ending[1]) from None


def _ending(error: BaseException) -> tuple[str, int] | None:
    """The line and exit code of an interrupt or an expected mistake."""
    if pending() or any(isinstance(k, KeyboardInterrupt) for k in causes(error)):
        return LINE, CODE
    if isinstance(error, TivaxError):
        return f"tivax: {error}", 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"tivax: {where}{error.strerror or error}", 1
    return None
