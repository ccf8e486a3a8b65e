"""The sections of the report on leaving countries out and on other editions."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

import tivax as tx

from ....core import p_text, percent_text
from ....reporting import Drawn, Section, Table, Text
from ....reporting import Figure as Shown
from .. import columns as paper
from .. import specifications
from ..columns import OUTCOMES
from ..inference import side
from ..results import Replication
from ..specifications import UNWEIGHTED
from .plots import CURVES, by_outcome
from .texts import REPORT


def leave_one_out(
    result: Replication, figures: Mapping[str, Figure | Drawn]
) -> Section:
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
            "largest_p_value": "largest p",
            "smallest_p_value": "smallest p",
        }
    )
    return REPORT.section(
        "leave one out",
        count=len(result.left_out) - len(summary) - lost,
        lost=f", {lost} more could not be estimated" if lost else "",
        sign=(
            "The sign of TBI never changes."
            if changed.empty
            else f"The sign of TBI changes in {', '.join(changed['of the paper'])}."
        ),
        ranges=Table(
            shown,
            formats=dict.fromkeys(["estimate", "lowest", "highest"], ".2f")
            | dict.fromkeys(["largest p", "smallest p"], "p3"),
        ),
        drawn=[
            Shown(
                figures[f"leave_one_out_{outcome}"],
                f"{outcome}, all countries, all controls: the coefficient of TBI "
                "without the country named, 95 % intervals.",
            )
            for outcome in CURVES
        ],
    )


def specification_curve(
    result: Replication, figures: Mapping[str, Figure | Drawn]
) -> Section:
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
                own: float(each.loc[each["chosen"], "estimate"].iloc[0]),
                "lowest": each["estimate"].min(),
                "median": each["estimate"].median(),
                "highest": each["estimate"].max(),
            }
        )
    frame = pd.DataFrame(summary)
    return REPORT.section(
        "editions",
        rates=_exchange_rates(rows),
        count=count,
        regressions=len(found),
        lost=f" ({lost} more could not be estimated)" if lost else "",
        own=_own_specification(result),
        difference=result.curve.largest_difference,
        rows=_rows_sentence(found),
        drawn=[
            Shown(
                figures[f"specification_curve_{outcome}"],
                f"{outcome}, all countries: the coefficient of TBI under {count} "
                "combinations, 95 % intervals; the printed value as a line.",
            )
            for outcome in CURVES
        ],
        ranges=Table(
            frame, formats=dict.fromkeys([own, "lowest", "median", "highest"], ".2f")
        ),
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
        f"Some files lack cells: {percent_text(share)} of the specifications of the "
        f"full sample have {other['n'].min()} to {other['n'].max()} rows in place of "
        f"{own}, and differ by the rows too."
    )


JOINT_TITLE = "The curve as a whole"


def joint_curves(result: Replication, figures: Mapping[str, Figure | Drawn]) -> Section:
    """Joint tests over contestable choices, five outcomes of the full sample."""
    joint = result.joint
    if joint is None:
        why = result.skipped.get(JOINT_TITLE, "the panel does not allow it")
        return Section(JOINT_TITLE, [Text(f"Not computed: {why}.")])
    wide = joint.wide
    return REPORT.section(
        "curve",
        draws=wide.draws,
        narrow=_choices_in_words(joint.narrow),
        wide=_choices_in_words(wide),
        verdict=_verdict(result),
        tests=Table(_p_table(result)),
        sentences=paper.sentences_as_printed(wide.models, wide.sentences),
        drawn=by_outcome(
            figures,
            "joint_curve",
            "all countries: the coefficient of TBI under the wide set of choices, 95 % "
            "intervals; the band holds 95 % of the draws without an effect, rank by "
            "rank.",
        ),
    )


def _choices_in_words(curve: tx.results.SpecificationCurve) -> str:
    """``controls (all; none), lag (0; 1)``: the options of each choice."""
    said = []
    for choice in curve.choices:
        options = curve.table[choice].unique()
        if len(options) > 1:
            said.append(f"{choice} ({'; '.join(map(str, options))})")
    return ", ".join(said)


def _p_table(result: Replication) -> pd.DataFrame:
    assert result.joint is not None
    tests = specifications.joint_p(result.joint)
    tests["p_value"] = [p_text(k) for k in tests["p_value"]]
    keys = ["choices", "weights", "outcome", "specifications"]
    frame = tests.pivot(index=keys, columns="statistic", values="p_value")
    frame = frame[list(tests["statistic"].unique())]
    order = tests.drop_duplicates(keys).set_index(keys).index
    return frame.loc[order].reset_index().rename_axis(columns=None)


def _verdict(result: Replication) -> str:
    """In how many outcomes all three tests reject, for each set of choices."""
    assert result.joint is not None
    tests = specifications.joint_p(result.joint)
    found = []
    counted = tests[tests["weights"] == UNWEIGHTED]
    for name, rows in counted.groupby("choices", sort=False):
        below = [
            outcome
            for outcome, own in rows.groupby("outcome", sort=False)
            if all(
                side(p, error) == "below"
                for p, error in zip(own["p_value"], own["mc_error"], strict=True)
            )
        ]
        count = rows["outcome"].nunique()
        named = f" ({', '.join(map(str, below))})" if below else ""
        found.append(
            f"over the {name} set all three tests reject no effect at 5 % for "
            f"{len(below)} of {count} outcomes{named}"
        )
    text = "; ".join(found)
    return f"{text[0].upper()}{text[1:]}."
