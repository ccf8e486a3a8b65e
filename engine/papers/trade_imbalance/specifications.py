"""Many specifications at once: leave-one-country-out and the specification curve.

All are computed at once from the cross products of each country, in float64, and
checked against pyfixest's fit of the paper's column (``largest_difference``).
A row that cannot be estimated has no numbers: one of its regressors is constant within
countries or explained by the others, or there are no more countries than regressors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

import tivax as tx

from ...core import Progress, no_progress
from .columns import COLUMNS, CONTROLS, OUTCOMES, SAMPLES, PaperColumn, paper_models
from .editions import CHOICES, edition_columns, is_identified
from .other_indices import VINTAGE

# ---------------------------------------------------------------- leave one out


def leave_one_out(frame: pd.DataFrame) -> pd.DataFrame:
    """The coefficient of TBI without each country, for all 17 columns.

    Columns table, column, outcome, sample, left_out, developed, estimate, se, ci_low,
    ci_high, p, n, clusters; ``left_out`` is empty in the row of the whole sample.
    """
    developed = frame.groupby("iso3")["developed"].first()
    tables = []
    for column, model in zip(COLUMNS, paper_models(), strict=True):
        codes = {"all": (0, 1), "developed": (1,), "developing": (0,)}[column.sample]
        names = developed.index[developed.isin(codes)]
        fit = tx.fit(model, frame).drawn
        # A country without a complete row takes nothing away.
        without = names.to_numpy()[:, None] == np.array(fit.labels)
        whole = np.ones((1, fit.clusters))
        rows = _summary(fit.samples(np.concatenate([whole, 1.0 - without])))
        rows["left_out"] = ["", *names]
        tables.append(pd.DataFrame(column.keys, rows.index).join(rows))
    result = pd.concat(tables, ignore_index=True)
    result["developed"] = result["left_out"].map(developed)
    return result


def estimated(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a standard error."""
    return rows[rows["se"].notna()]


def leave_one_out_summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Summary by column: the range of the coefficient, the country that moves it most,
    and the p-values.

    ``not_estimated`` counts the countries without which there is no estimate.
    """
    rows = []
    for _, each in frame.groupby(["table", "column"], sort=False):
        full = each[each["left_out"] == ""].iloc[0]
        others = each[each["left_out"] != ""]
        fits = estimated(others).sort_values("estimate", ignore_index=True)
        own = full[["table", "column", "outcome", "sample", "estimate"]].to_dict()
        if len(fits):
            own |= _range(fits, full["estimate"])
        rows.append({**own, "not_estimated": len(others) - len(fits)})
    return pd.DataFrame(rows)


def _range(found: pd.DataFrame, full: float) -> dict[str, float | str | int]:
    """The range of a column, from its rows sorted by coefficient."""
    low, high = found.iloc[0], found.iloc[-1]
    moved = (found["estimate"] - full).abs().to_numpy()
    opposite = np.sign(found["estimate"]) != np.sign(full)
    return {
        "lowest": low["estimate"],
        "without_lowest": low["left_out"],
        "highest": high["estimate"],
        "without_highest": high["left_out"],
        "most_influential": found.iloc[int(np.argmax(moved))]["left_out"],
        "largest_p_value": found["p_value"].max(),
        "smallest_p_value": found["p_value"].min(),
        "sign_changes": int(opposite.sum()),
    }


def _summary(fits: Any) -> pd.DataFrame:
    """Estimates with intervals from t(G-1)."""
    variance, clusters = np.asarray(fits.variance), np.asarray(fits.clusters)
    sound = np.asarray(fits.sound)
    coef = np.where(sound, np.asarray(fits.coef), np.nan)
    se = np.sqrt(np.where(sound & (variance > 0), variance, np.nan))
    width = stdtrit(clusters - 1, 0.975) * se
    return pd.DataFrame(
        {
            "estimate": coef,
            "se": se,
            "ci_low": coef - width,
            "ci_high": coef + width,
            "p_value": 2 * stdtr(clusters - 1, -np.abs(coef / se)),
            "n": np.asarray(fits.rows).astype(int),
            "clusters": clusters.astype(int),
        }
    )


# ------------------------------------------------------------- specification curve


@dataclass(frozen=True, eq=False)
class Curve:
    """Every combination of editions and variants, for each outcome and sample.

    Attributes
    ----------
    rows
        outcome, sample, ``CHOICES`` (names of what was chosen), estimate, se, ci_low,
        ci_high, p, n, clusters, chosen (the combination of the tables).
    largest_difference
        Between coefficients or standard errors of the chosen rows and pyfixest's,
        relative to the standard error.
    identified
        True if the chosen combination is the one taken to be the paper's.
    """

    rows: pd.DataFrame
    largest_difference: float
    identified: bool

    @property
    def name(self) -> str:
        """The name of the chosen combination in texts and figures."""
        return "identified" if self.identified else "chosen"


def specification_curve(
    further: tx.panel.FurtherData,
    panel: tx.panel.Panel,
    estimates: Mapping[PaperColumn, tx.results.Fit],
    *,
    progress: Progress = no_progress,
) -> Curve:
    """Re-estimate Tables 3 to 6 (with controls) with every edition and variant.

    Choices: KOF, PWT and WGI editions of the files and their alternatives; the rule for
    2001; the exchange rate nominal, real (price levels of the PWT edition) or real
    effective; inflation as chosen, without the override, or of another database.
    ``estimates`` are pyfixest's of the same columns on ``panel``.
    """
    options = further.options
    combinations = list(product(*(options[name] for name in CHOICES)))
    frame, columns = edition_columns(further, panel.frame)
    named = [columns(dict(zip(CHOICES, k, strict=True))) for k in combinations]
    controls = [[k[name] for name in CONTROLS] for k in named]
    sets = list(dict.fromkeys(map(tuple, controls)))
    chosen = pd.DataFrame(combinations, columns=[*CHOICES]).astype(str)
    tables = {}
    progress(0, len(OUTCOMES))
    for done, outcome in enumerate(OUTCOMES, 1):
        outcomes = list(dict.fromkeys(k[outcome] for k in named))
        models = [
            tx.Model(
                group,
                outcomes[0],
                ("TBI", *sets[0]),
                sample=group,
                entity="iso3",
                time="year",
            )
            for group in SAMPLES
        ]
        others = {"outcome": outcomes[1:], "controls": sets[1:]}
        count = len(outcomes) * len(sets)
        found = tx.specification_curve(
            frame, models, choices=others, most=count, draws=1
        )
        places = [
            outcomes.index(k[outcome]) * len(sets) + sets.index(tuple(own))
            for k, own in zip(named, controls, strict=True)
        ]
        for group in SAMPLES:
            rows = found.table[found.table["model"] == group].reset_index(drop=True)
            numbers = _repeated(rows).iloc[places][[*_NUMBERS]].reset_index(drop=True)
            keys = pd.DataFrame({"outcome": outcome, "sample": group}, chosen.index)
            tables[group, outcome] = pd.concat([keys, chosen, numbers], axis=1)
        progress(done, len(OUTCOMES))
    order = [tables[key] for key in product(SAMPLES, OUTCOMES)]
    table = pd.concat(order, ignore_index=True)
    own = [options[name][0] for name in CHOICES]
    table["chosen"] = (table[[*CHOICES]] == own).all(axis=1)
    difference = _largest_difference(table, estimates)
    return Curve(table, difference, is_identified(further.files))


_NUMBERS = ("estimate", "se", "ci_low", "ci_high", "p_value", "n", "clusters")


def _repeated(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with numbers where they repeat another: editions may be alike."""
    own = pd.Series(np.arange(1, len(rows) + 1), rows.index)
    first = rows["same_as"].fillna(own).to_numpy(int)
    return rows.iloc[first - 1].reset_index(drop=True)


def _largest_difference(
    table: pd.DataFrame, estimates: Mapping[PaperColumn, tx.results.Fit]
) -> float:
    own = table[table["chosen"]]
    gaps = [0.0]
    for column, estimate in estimates.items():
        if column.controls:
            keys = {"outcome": column.outcome, "sample": column.sample}
            row = own[(own[[*keys]] == [*keys.values()]).all(axis=1)].iloc[0]
            coef, se, *_ = estimate["TBI"]
            gaps += [abs(row["estimate"] - coef) / se, abs(row["se"] - se) / se]
    return float(np.nanmax(gaps))


# ---------------------------------------------------------- contestable choices, tested

# Size alone; and without what globalisation itself may change: institutions,
# productivity and capital, which as controls would take a part of the effect.
CONTROL_SETS = (("lnEXR", "INFR", "lnGDP", "lnPOP"), ("lnGDP", "lnPOP"), ())
CURVE_DRAWS = 9_999
CURVE_SEED = 1
UNWEIGHTED = "none"  # of the specifications that count


@dataclass(frozen=True, eq=False)
class JointCurves:
    """Curves of the five outcomes in the full sample, tested jointly.

    Attributes
    ----------
    narrow
        Over what the paper's own design leaves open: a control left out, none of them,
        the index of last year, and of another release where there is one.
    wide
        Over what a referee would contest: sets of controls, their form, year effects of
        groups, trends of countries, without entrants of the European Union, weights by
        GDP (a curve of their own), the index of another release.
    """

    narrow: tx.results.SpecificationCurve
    wide: tx.results.SpecificationCurve


def joint_curves(
    frame: pd.DataFrame, *, draws: int = CURVE_DRAWS, seed: int = CURVE_SEED
) -> JointCurves:
    """The curves of the columns with controls in the full sample.

    ``frame`` is the panel, with ``VINTAGE`` where there is an index of another release.
    """
    models = [k for k in paper_models() if k.sample == "all" and k.controls]
    curve = partial(tx.specification_curve, frame, models, draws=draws, seed=seed)
    choices = curve_choices(frame, models[0])
    return JointCurves(**{name: curve(choices=k) for name, k in choices.items()})


def curve_choices(frame: pd.DataFrame, model: tx.Model) -> dict[str, dict[str, object]]:
    """The narrow and the wide set of choices."""
    asked = tx.contestable(frame, model)
    treatment = {"treatment": [VINTAGE]} if VINTAGE in frame else {}
    narrow = {"controls": asked["controls"], "lag": asked.pop("lag"), **treatment}
    wide = {**asked, "controls": [list(k) for k in CONTROL_SETS], **treatment}
    return {"narrow": narrow, "wide": wide}


def joint_p(joint: JointCurves) -> pd.DataFrame:
    """The tests of both curves: which, outcome, specifications, then ``tests``; of
    weighted specifications by themselves."""
    parts = []
    for name, curve in (("narrow", joint.narrow), ("wide", joint.wide)):
        outcomes = {model.name: model.outcome for model in curve.models}
        fitted = curve.estimated
        weights = fitted.get("weights", pd.Series(UNWEIGHTED, fitted.index))
        count = fitted.groupby(["model", weights.rename("weights")]).size()
        tests = curve.tests.rename(columns={"model": "outcome"})
        keys = pd.MultiIndex.from_frame(tests[["outcome", "weights"]])
        tests.insert(0, "choices", name)
        tests.insert(2, "specifications", count.reindex(keys).to_numpy())
        parts.append(tests.assign(outcome=tests["outcome"].map(outcomes)))
    return pd.concat(parts, ignore_index=True)
