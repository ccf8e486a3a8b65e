"""Many specifications at once: leave-one-country-out and the specification curve.

All are computed at once from the cross products of each country, in float64, and
checked against pyfixest's fit of the paper's column (``largest_difference``).
A row that cannot be estimated has no numbers: one of its regressors is constant within
countries or explained by the others, or there are no more countries than regressors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float

from ....kernels.panels.sample_fits import SampleFits, fit_specifications
from ...core import Progress, in_float64, no_progress
from ...curve import UNWEIGHTED, SpecificationCurve, contestable
from ...curve import specification_curve as curves_of
from ...estimation import SAMPLES, Estimate, Model, fit_model, t_ppf, t_sf
from ...panel import CONTROLS, OUTCOMES, DataFiles, Panel
from .columns import COLUMNS, Column, paper_models
from .editions import CHOICES, EditionReader, edition_names, is_identified
from .other_indices import VINTAGE

# ---------------------------------------------------------------- leave one out


def leave_one_out(frame: pd.DataFrame) -> pd.DataFrame:
    """The coefficient of TBI without each country, for all 17 columns.

    Columns table, column, outcome, sample, left_out, developed, estimate, se, ci_low,
    ci_high, p, n, clusters; ``left_out`` is empty in the row of the whole sample.
    """
    developed = _developed(frame)
    tables = []
    for column, model in zip(COLUMNS, paper_models(), strict=True):
        names = developed.index[_weights(developed, column.sample) > 0]
        fit = fit_model(frame, model)
        # A country without a complete row takes nothing away.
        without = names.to_numpy()[:, None] == np.array(fit.labels)
        whole = np.ones((1, fit.clusters))
        rows = _summary(fit.samples(np.concatenate([whole, 1.0 - without])), 1.0)
        rows["left_out"] = ["", *names]
        for place, (name, value) in enumerate(column.keys.items()):
            rows.insert(place, name, value)
        tables.append(rows)
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


def _developed(frame: pd.DataFrame) -> pd.Series:
    return frame.groupby("iso3")["developed"].first()


def _weights(developed: pd.Series, sample: str) -> Float[np.ndarray, " G"]:
    wanted = {"all": (0, 1), "developed": (1,), "developing": (0,)}[sample]
    return developed.isin(wanted).to_numpy(float)


def from_first(
    values: Float[np.ndarray, "*s G T k"], used: Float[np.ndarray, "*s G T"]
) -> Float[np.ndarray, "*s G T k"]:
    """Values less each country's first used one, 0 in cells that are not used.

    Country effects take the difference up. What is constant in a country becomes
    exactly 0, where demeaning leaves rounding that looks like a regressor.
    """
    start = np.argmax(used > 0, axis=-1)[..., None, None]
    first = np.take_along_axis(values, start, axis=-2)
    return np.where(used[..., None] > 0, values - first, 0.0)


def scaled(
    values: Float[np.ndarray, "*s G T m"], used: Float[np.ndarray, "*s G T"]
) -> tuple[Float[np.ndarray, "*s G T m"], Float[np.ndarray, "*s m"]]:
    """Values from each country's first one as columns of length 1, and the lengths."""
    table = from_first(values, used)
    size = np.sqrt((table**2).sum(axis=(-3, -2)))
    return table / np.where(size > 0, size, 1)[..., None, None, :], size


def _summary(fits: SampleFits, unit: Float[np.ndarray, "..."] | float) -> pd.DataFrame:
    """Intervals from t(G-1); times ``unit``, coefficients are in units of the panel."""
    sound, variance = np.asarray(fits.sound), np.asarray(fits.variance)
    clusters = np.asarray(fits.clusters)
    coef = np.where(sound, np.asarray(fits.coef), np.nan) * unit
    se = np.sqrt(np.where(sound & (variance > 0), variance, np.nan)) * unit
    width = t_ppf(0.975, clusters - 1) * se
    return pd.DataFrame(
        {
            "estimate": coef,
            "se": se,
            "ci_low": coef - width,
            "ci_high": coef + width,
            "p_value": 2 * t_sf(np.abs(coef / se), clusters - 1),
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


@in_float64
def specification_curve(
    files: DataFiles,
    panel: Panel,
    estimates: Mapping[Column, Estimate],
    *,
    progress: Progress = no_progress,
) -> Curve:
    """Re-estimate Tables 3 to 6 (with controls) with every edition and variant.

    Choices: KOF, PWT and WGI editions of ``files`` and its alternatives; the rule for
    2001; the exchange rate nominal, real (price levels of the PWT edition) or real
    effective; inflation as chosen, without the override, or of another database.
    ``estimates`` are pyfixest's of the same columns on ``panel``.
    """
    options = edition_names(files)
    combinations = list(product(*(options[name] for name in CHOICES)))
    read = EditionReader(files, pd.MultiIndex.from_frame(panel.frame[["iso3", "year"]]))
    names = (*CONTROLS, "TBI", *OUTCOMES)
    shape = (len(panel.countries), -1, len(names))
    tables = []
    progress(0, len(combinations))
    for chosen in combinations:
        columns = read(dict(zip(CHOICES, chosen, strict=True)))
        columns["TBI"] = panel.frame["TBI"].to_numpy()
        tables.append(np.column_stack([columns[name] for name in names]).reshape(shape))
        progress(len(tables), len(combinations))
    values = np.stack(tables)
    used = np.isfinite(values).all(axis=3).astype(float)
    table, size = scaled(np.where(used[..., None] > 0, values, 0.0), used)
    developed = _developed(panel.frame)
    weights = np.stack([_weights(developed, group) for group in SAMPLES])
    fits = jax.device_get(
        fit_specifications(table, used, weights, outcomes=len(OUTCOMES))
    )
    own = {name: options[name][0] for name in CHOICES}
    rows = []
    for s, group in enumerate(SAMPLES):
        for o, outcome in enumerate(OUTCOMES):
            one = jax.tree.map(lambda a, s=s, o=o: a[:, s, o], fits)
            k = len(CONTROLS)
            part = _summary(one, size[:, k + 1 + o] / size[:, k])
            for j, name in enumerate(CHOICES):
                part.insert(j, name, [str(chosen[j]) for chosen in combinations])
            part.insert(0, "outcome", outcome)
            part.insert(1, "sample", group)
            rows.append(part)
    table = pd.concat(rows, ignore_index=True)
    table["chosen"] = np.logical_and.reduce(
        [table[name] == own[name] for name in CHOICES]
    )
    difference = _largest_difference(table, estimates)
    return Curve(table, difference, is_identified(files))


def _largest_difference(
    table: pd.DataFrame, estimates: Mapping[Column, Estimate]
) -> float:
    own = table[table["chosen"]]
    gaps = [0.0]
    for column, estimate in estimates.items():
        if column.controls:
            row = own[
                (own["outcome"] == column.outcome) & (own["sample"] == column.sample)
            ]
            coef, se, *_ = estimate["TBI"]
            gaps.append(abs(row["estimate"].iloc[0] - coef) / se)
            gaps.append(abs(row["se"].iloc[0] - se) / se)
    return float(np.nanmax(gaps))


# ---------------------------------------------------------- contestable choices, tested

# Size alone; and without what globalisation itself may change: institutions,
# productivity and capital, which as controls would take a part of the effect.
CONTROL_SETS = (("lnEXR", "INFR", "lnGDP", "lnPOP"), ("lnGDP", "lnPOP"), ())
CURVE_DRAWS = 9_999
CURVE_SEED = 1


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

    narrow: SpecificationCurve
    wide: SpecificationCurve


def joint_curves(
    frame: pd.DataFrame, *, draws: int = CURVE_DRAWS, seed: int = CURVE_SEED
) -> JointCurves:
    """The curves of the columns with controls in the full sample.

    ``frame`` is the panel, with ``VINTAGE`` where there is an index of another release.
    """
    models = [k for k in paper_models() if k.sample == "all" and k.controls]
    made = {
        name: curves_of(frame, models, choices=choices, draws=draws, seed=seed)
        for name, choices in curve_choices(frame, models[0]).items()
    }
    return JointCurves(**made)


def curve_choices(frame: pd.DataFrame, model: Model) -> dict[str, dict[str, object]]:
    """The narrow and the wide set of choices."""
    asked = contestable(frame, model)
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
