"""The sections of the report on leaving countries out and on other editions."""

import pandas as pd

import tivax as tx

from ....core import capital, p_text, percent_text
from ....reporting import Language, Section, Table
from .. import columns as paper
from .. import specifications
from ..columns import OUTCOMES
from ..inference import side
from ..results import Replication
from ..specifications import UNWEIGHTED
from .plots import Figures, by_outcome
from .texts import REPORT, not_computed, table_of


def leave_one_out(result: Replication, figures: Figures) -> Section:
    """The coefficient of TBI without each country in turn."""
    summary = specifications.leave_one_out_summary(result.left_out)
    summary["name"] = paper.column_names(summary)
    changed = summary.loc[summary["sign_changes"] > 0, "name"]
    lost = int(summary["not_estimated"].sum())
    return REPORT.section(
        "leave one out",
        count=len(result.left_out) - len(summary) - lost,
        lost=f", {lost} more could not be estimated" if lost else "",
        sign=(
            "The sign of TBI never changes."
            if changed.empty
            else f"The sign of TBI changes in {', '.join(changed)}."
        ),
        ranges=table_of(summary, "", _RANGES),
        drawn=by_outcome(
            figures,
            "leave_one_out",
            "all countries, all controls: the coefficient of TBI without the country "
            "named, 95 % intervals.",
        ),
    )


_RANGES = {
    "name": "of the paper",
    "outcome": "outcome",
    "sample": "sample",
    "estimate": "estimate:.2f",
    "lowest": "lowest:.2f",
    "without_lowest": "without",
    "highest": "highest:.2f",
    "without_highest": "without ",
    "most_influential": "moves most",
    "largest_p_value": "largest p:p3",
    "smallest_p_value": "smallest p:p3",
}


def specification_curve(result: Replication, figures: Figures) -> Section:
    """The coefficient of TBI under every combination of editions."""
    rows = result.curve.rows
    count = len(rows) // (len(OUTCOMES) * len(paper.SAMPLES))
    found, keys = specifications.estimated(rows), ["sample", "outcome"]
    lost = len(rows) - len(found)
    summary = found.groupby(keys, sort=False)["estimate"].agg(["min", "median", "max"])
    summary["chosen"] = found[found["chosen"]].set_index(keys)["estimate"]
    shown = {"chosen": f"{result.curve.name}:.2f", "min": "lowest:.2f"}
    shown |= {"median": "median:.2f", "max": "highest:.2f"}
    return REPORT.section(
        "editions",
        rates=_exchange_rates(rows),
        count=count,
        regressions=len(found),
        lost=f" ({lost} more could not be estimated)" if lost else "",
        own=(
            "identified specification"
            if result.curve.identified
            else "specification that data.toml chooses"
        ),
        difference=result.curve.largest_difference,
        rows=_rows_sentence(found),
        drawn=by_outcome(
            figures,
            "specification_curve",
            f"all countries: the coefficient of TBI under {count} combinations, 95 % "
            "intervals; the printed value as a line.",
        ),
        ranges=table_of(summary.reset_index(), "sample outcome", shown),
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


def joint_curves(result: Replication, figures: Figures, language: Language) -> Section:
    """Joint tests over contestable choices, five outcomes of the full sample."""
    joint = result.joint
    if joint is None:
        return not_computed(result, JOINT_TITLE)
    wide, tests = joint.wide, specifications.joint_p(joint)
    return REPORT.section(
        "curve",
        draws=wide.draws,
        narrow=_choices_in_words(joint.narrow),
        wide=_choices_in_words(wide),
        verdict=_verdict(tests),
        tests=Table(_p_table(tests)),
        sentences=paper.sentences_as_printed(wide.models, wide.page(language).findings),
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


def _p_table(tests: pd.DataFrame) -> pd.DataFrame:
    tests = tests.assign(p_value=tests["p_value"].map(p_text))
    keys = ["choices", "weights", "outcome", "specifications"]
    frame = tests.pivot(index=keys, columns="statistic", values="p_value")
    frame = frame[list(tests["statistic"].unique())]
    order = tests.drop_duplicates(keys).set_index(keys).index
    return frame.loc[order].reset_index().rename_axis(columns=None)


def _verdict(tests: pd.DataFrame) -> str:
    """In how many outcomes all three tests reject, for each set of choices."""
    found = []
    pairs = zip(tests["p_value"], tests["mc_error"], strict=True)
    tests = tests.assign(below=[side(*k) == "below" for k in pairs])
    counted = tests[tests["weights"] == UNWEIGHTED]
    for name, rows in counted.groupby("choices", sort=False):
        all_three = rows.groupby("outcome", sort=False)["below"].all()
        below = [str(k) for k in all_three.index[all_three]]
        named = f" ({', '.join(below)})" if below else ""
        found.append(
            f"over the {name} set all three tests reject no effect at 5 % for "
            f"{len(below)} of {len(all_three)} outcomes{named}"
        )
    return f"{capital('; '.join(found))}."
