"""The sections of the report on leaving countries out and on other editions."""

import pandas as pd

import tivax as tx

from ....core import capital, p_text
from ....present.words import Words
from ....reporting import Section, option_name
from .. import columns as paper
from .. import specifications
from ..columns import OUTCOMES
from ..inference import side
from ..results import Replication
from ..specifications import UNWEIGHTED
from .plots import Figures, by_outcome
from .texts import codes, not_computed, sentences_as_printed, table, table_of


def leave_one_out(result: Replication, figures: Figures, words: Words) -> Section:
    """The coefficient of TBI without each country in turn."""
    summary = specifications.leave_one_out_summary(result.left_out)
    summary["name"] = paper.column_names(summary)
    changed = summary.loc[summary["sign_changes"] > 0, "name"]
    lost = int(summary["not_estimated"].sum())
    sign = "same sign" if changed.empty else "other sign"
    return words.section(
        "leave one out",
        count=len(result.left_out) - len(summary) - lost,
        lost=words.text("more lost", lost=lost) if lost else "",
        sign=words.text(sign, columns=codes(words, [*changed])),
        ranges=table_of(words, summary, "", _RANGES),
        drawn=by_outcome(words, figures, "leave_one_out", "left out drawn"),
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


def specification_curve(result: Replication, figures: Figures, words: Words) -> Section:
    """The coefficient of TBI under every combination of editions."""
    rows = result.curve.rows
    count = len(rows) // (len(OUTCOMES) * len(paper.SAMPLES))
    found, keys = specifications.estimated(rows), ["sample", "outcome"]
    lost = len(rows) - len(found)
    summary = found.groupby(keys, sort=False)["estimate"].agg(["min", "median", "max"])
    summary["chosen"] = found[found["chosen"]].set_index(keys)["estimate"]
    shown = {"chosen": f"{result.curve.name}:.2f", "min": "lowest:.2f"}
    shown |= {"median": "median:.2f", "max": "highest:.2f"}
    own = "identified" if result.curve.identified else "chosen"
    rates = [words.text(_RATES[k]) for k in rows["exchange rate"].unique()]
    caption, drawn = "editions drawn", (words, figures, "specification_curve")
    return words.section(
        "editions",
        rates=words.listed(rates, ", "),
        count=count,
        regressions=len(found),
        lost=words.also(lost, "lost ones", lost=lost),
        own=words.text(own),
        difference=result.curve.largest_difference,
        rows=_rows_sentence(found, words),
        drawn=by_outcome(*drawn, caption, count=count),
        ranges=table_of(words, summary.reset_index(), "sample outcome", shown),
    )


_RATES = {"nominal": "nominal", "real": "real", "real effective": "real effective"}


def _rows_sentence(rows: pd.DataFrame, words: Words) -> str:
    """A sentence on the rows of the specifications: the same or not."""
    sizes = rows[rows["sample"] == "all"]
    own = int(sizes.loc[sizes["chosen"], "n"].iloc[0])
    other = sizes[sizes["n"] != own]
    if other.empty:
        return words.text("same rows", own=own)
    least, most, share = other["n"].min(), other["n"].max(), len(other) / len(sizes)
    return words.text("other rows", own=own, least=least, most=most, share=share)


def joint_curves(result: Replication, figures: Figures, words: Words) -> Section:
    """Joint tests over contestable choices, five outcomes of the full sample."""
    joint = result.joint
    if joint is None:
        return not_computed(words, result, "curve", "The curve as a whole")
    wide, tests = joint.wide, specifications.joint_p(joint)
    found = wide.page(words.language).findings
    return words.section(
        "curve",
        draws=wide.draws,
        narrow=_choices_in_words(joint.narrow, words),
        wide=_choices_in_words(wide, words),
        verdict=_verdict(tests, words),
        tests=table(words, _p_table(tests)),
        sentences=sentences_as_printed(words, wide.models, found),
        drawn=by_outcome(words, figures, "joint_curve", "curve drawn"),
    )


def _choices_in_words(curve: tx.results.SpecificationCurve, words: Words) -> str:
    """``controls (all; none), lag (0; 1)``: the options of each choice."""
    said = []
    for choice in curve.choices:
        options = curve.table[choice].unique()
        if len(options) > 1:
            names = map(str, options)
            if words.chinese:
                names = (words.say(option_name(choice, k, "zh")) for k in names)
            told = words.listed(names)
            said.append(words.text("options", choice=choice, options=told))
    return words.listed(said, ", ")


def _p_table(tests: pd.DataFrame) -> pd.DataFrame:
    tests = tests.assign(p_value=tests["p_value"].map(p_text))
    keys = ["choices", "weights", "outcome", "specifications"]
    frame = tests.pivot(index=keys, columns="statistic", values="p_value")
    frame = frame[list(tests["statistic"].unique())]
    order = tests.drop_duplicates(keys).set_index(keys).index
    return frame.loc[order].reset_index().rename_axis(columns=None)


def _verdict(tests: pd.DataFrame, words: Words) -> str:
    """In how many outcomes all three tests reject, for each set of choices."""
    found = {}
    pairs = zip(tests["p_value"], tests["mc_error"], strict=True)
    tests = tests.assign(below=[side(*k) == "below" for k in pairs])
    counted = tests[tests["weights"] == UNWEIGHTED]
    for name, rows in counted.groupby("choices", sort=False):
        all_three = rows.groupby("outcome", sort=False)["below"].all()
        below = [str(k) for k in all_three.index[all_three]]
        found[str(name)] = words.text(
            "all reject",
            set=name,
            below=len(below),
            outcomes=len(all_three),
            named=words.also(below, "those", outcomes=codes(words, below)),
        )
    given = {"Narrow": capital(found["narrow"]), "wide": found["wide"]}
    return words.text("verdict of curves", **given)
