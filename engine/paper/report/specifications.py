"""The sections of the report on leaving countries out and on other editions."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from ...panel import OUTCOMES
from ...reporting import Section, Table, Text
from ...reporting import html as report
from .. import columns as paper
from .. import specifications
from ..results import Replication
from ..verdicts import LEVEL
from ..write import CURVES


def leave_one_out(result: Replication, figures: Mapping[str, Figure]) -> Section:
    """The coefficient of TBI without each country in turn."""
    summary = specifications.leave_one_out_summary(result.left_out)
    summary.insert(0, "of the paper", paper.column_names(summary))
    summary = summary.drop(columns=["table", "column"])
    changed = summary[summary.pop("sign_changes") > 0]
    lost = int(summary.pop("not_estimated").sum())
    shown = summary.rename(
        columns={
            "without_lowest": "without",
            "without_highest": "without ",
            "most_influential": "moves most",
            "largest_p": "largest p",
            "smallest_p": "smallest p",
        }
    )
    return Section(
        "Leaving out one country at a time",
        [
            Text(
                f"{len(result.left_out) - len(summary) - lost} regressions"
                + (f", {lost} more could not be estimated. " if lost else ". ")
                + (
                    "The sign of TBI never changes."
                    if changed.empty
                    else "The sign of TBI changes in "
                    + ", ".join(changed["of the paper"])
                    + "."
                )
            ),
            Table(
                shown,
                "The coefficient of TBI without each country in turn.",
                dict.fromkeys(["coef", "lowest", "highest"], ".2f")
                | {"largest p": ".3f", "smallest p": ".3f"},
            ),
            *(
                report.Figure(
                    figures[f"leave_one_out_{outcome}"],
                    f"{outcome}, all countries, all controls: the coefficient of TBI "
                    "without the country named, 95 % intervals.",
                )
                for outcome in CURVES
            ),
        ],
    )


def specification_curve(result: Replication, figures: Mapping[str, Figure]) -> Section:
    """The coefficient of TBI under every combination of editions."""
    rows = result.curve.rows
    count = len(rows) // (len(OUTCOMES) * len(paper.SAMPLES))
    own = result.curve.name
    lost = len(rows) - len(specifications.estimated(rows))
    found = specifications.estimated(rows)
    summary = []
    for (group, outcome), each in found.groupby(["sample", "outcome"], sort=False):
        summary.append(
            {
                "sample": group,
                "outcome": outcome,
                own: float(each.loc[each["chosen"], "coef"].iloc[0]),
                "lowest": each["coef"].min(),
                "median": each["coef"].median(),
                "highest": each["coef"].max(),
                "positive, 5 %": ((each["coef"] > 0) & (each["p"] < LEVEL)).mean(),
                "negative, 5 %": ((each["coef"] < 0) & (each["p"] < LEVEL)).mean(),
            }
        )
    frame = pd.DataFrame(summary)
    return Section(
        "Other editions and definitions",
        [
            Text(
                f"Every combination of KOF, Penn World Table and governance edition, "
                f"rule for 2001, exchange rate ({_exchange_rates(rows)}) and inflation "
                f"series: {count} specifications for each outcome and sample, "
                f"{len(found):,} regressions"
                + (f" ({lost} more could not be estimated)" if lost else "")
                + ", computed by the kernels of tivax. The "
                f"{_own_specification(result)} differs from pyfixest's by at most "
                f"{result.curve.largest_difference:.0e} standard errors, in "
                f"coefficients and standard errors. {_rows_sentence(found)} The curve "
                "varies editions and definitions, neither the sample nor the model: it "
                "is no test of either."
            ),
            *(
                report.Figure(
                    figures[f"specification_curve_{outcome}"],
                    f"{outcome}, all countries: the coefficient of TBI under {count} "
                    "combinations, 95 % intervals; the printed value as a line.",
                )
                for outcome in CURVES
            ),
            Table(
                frame,
                "Range of the coefficient of TBI over all combinations, and the share "
                "significant at 5 %.",
                dict.fromkeys([own, "lowest", "median", "highest"], ".2f")
                | {"positive, 5 %": ".0%", "negative, 5 %": ".0%"},
            ),
        ],
    )


_EXCHANGE_RATES = {
    "nominal": "nominal",
    "real": "real against the dollar by the price levels of the same edition",
    "real effective": "real effective",
}


def _exchange_rates(rows: pd.DataFrame) -> str:
    """The definitions that the files provide."""
    found = rows["exchange rate"].unique()
    return ", ".join(_EXCHANGE_RATES[k] for k in found)


def _own_specification(result: Replication) -> str:
    return (
        "identified specification"
        if result.curve.identified
        else "specification that data.toml chooses"
    )


def _rows_sentence(rows: pd.DataFrame) -> str:
    """A sentence on the rows of the specifications: the same or not."""
    sizes = rows[rows["sample"] == "all"]
    own = int(sizes.loc[sizes["chosen"], "n"].iloc[0])
    other = sizes[sizes["n"] != own]
    if other.empty:
        return f"All are on the same {own} rows of the full sample."
    share = len(other) / len(sizes)
    return (
        f"Some files lack cells: {share:.0%} of the specifications of the full sample "
        f"have {other['n'].min()} to {other['n'].max()} rows in place of {own}, and "
        "differ by the rows too."
    )
