"""What commands print of their results."""

from pathlib import Path

from tivax.engine.checks import YearCheck
from tivax.engine.console import Terminal
from tivax.engine.flags import told
from tivax.engine.results import TbiResult
from tivax.engine.tables import WorldTables


def print_checks(
    terminal: Terminal, rows: list[YearCheck], tables: WorldTables
) -> None:
    """Two tables, a row for each year: the table as reported, and its identities."""
    terminal.say(
        f"{tables.source}: {len(tables.regions)} regions x {len(tables.sectors)} "
        f"sectors, {tables.unit}"
    )
    terminal.say("The table as reported")
    terminal.table(
        (
            "year",
            "largest\nrow gap",
            "all gaps /\noutput",
            "output - inputs\n- basic VA",
            "negative\nsales",
            "negative\ndemand",
            "negative\nVA",
            "zero\noutput",
            "largest\nsum of A",
            "spectral\nradius",
            "verdict",
        ),
        [
            (
                str(row.year),
                f"{row.row_gap:,.3g}",
                f"{row.row_gap_share:.1e}",
                "-" if row.column_gap != row.column_gap else f"{row.column_gap:,.4g}",
                str(row.negative_sales),
                str(row.negative_demand),
                str(row.negative_value_added),
                str(row.zero_output),
                f"{row.largest_input_share:.3f}",
                f"{row.spectral_radius:.4f}",
                "fault" if row.faults else "sound",
            )
            for row in rows
        ],
    )
    terminal.say("Its model-consistent counterpart (x* = B Y 1)")
    terminal.table(
        (
            "year",
            "|x - x*| /\noutput",
            "|E - E*| /\nexports",
            "sales =\noutput",
            "VA absorbed\n= demand",
            "VA balance =\ngross balance",
            "residual",
            "solver",
        ),
        [
            (
                str(row.year),
                f"{row.output_gap_share:.1e}",
                f"{row.export_gap_share:.1e}",
                f"{row.output_identity:.0e}",
                f"{row.demand_identity:.0e}",
                f"{row.balance_identity:.0e}",
                f"{row.residual:.0e}",
                row.solver,
            )
            for row in rows
        ],
    )


def print_tbi(
    terminal: Terminal, result: TbiResult, out: Path, *, net: bool = False
) -> None:
    """The largest traders' index in the first and last year, how exact it is, and how
    many rows by sector are flagged; ``net``: inventories are left out already."""
    tbi = result.tbi
    years = [int(tbi["year"].values[k]) for k in sorted({0, tbi.sizes["year"] - 1})]
    trade = (tbi["va_exports"] + tbi["va_imports"]).sel(year=years[-1])
    top = [str(k) for k in trade.sortby(trade, ascending=False)["region"].values[:8]]
    terminal.say(
        f"Trade benefit index, the {len(top)} largest of {tbi.sizes['region']} traders"
    )
    terminal.table(
        ("region", *map(str, years)),
        [
            (
                code,
                *(f"{float(tbi['tbi'].sel(year=y, region=code)):+.4f}" for y in years),
            )
            for code in top
        ],
    )
    for year in result.years_by_lu:
        terminal.say(f"{year}: the iteration stalled; solved by LU instead")
    for line in told(result.flags, result.vax_by_sector["flag"].size, net=net):
        terminal.say(f"vax_by_sector: {line}")
    span = "-".join(map(str, years))
    terminal.say(f"{out}: {span}, largest relative residual {result.residual_max:.1e}")
    if result.certified:
        terminal.say(certified_line("required output B Y", **result.certified))


def certified_line(
    what: str, *, cell_error_max: float, cell_backward_error_max: float
) -> str:
    """How exact single cells are."""
    return (
        f"every cell of {what} is right to {cell_error_max:.1e} of itself or better (a "
        f"bound); backward error by cell {cell_backward_error_max:.1e}"
    )
