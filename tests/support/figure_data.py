"""Small invented data for every figure."""

import numpy as np
import pandas as pd
import xarray as xr

# ------------------------------------------------------------- a panel, regressions

PANEL_YEARS = [2000, 2001, 2002]


def panel():
    """Two developed countries and two developing ones."""
    rng = np.random.default_rng(0)
    rows = [(k, y, int(k in "AB")) for k in "ABCD" for y in PANEL_YEARS]
    frame = pd.DataFrame(rows, columns=["iso3", "year", "developed"])
    return frame.assign(
        KOFGIdj=rng.uniform(60, 90, 12), KOFEcGIdj=rng.uniform(60, 90, 12)
    )


def comparison():
    """Table 3 without and with a control, table 4 of two samples."""
    columns = [
        (3, 1, "KOFGIdj", "all", ["TBI", "const"], 41),
        (3, 2, "KOFGIdj", "all", ["TBI", "RQ", "const"], 41),
        (4, 1, "KOFGIdj", "developed", ["TBI", "RQ", "const"], 22),
        (4, 2, "KOFEcGIdj", "developing", ["TBI", "RQ", "const"], 19),
    ]
    frame = pd.DataFrame(
        [(*head, term, count) for *head, terms, count in columns for term in terms],
        columns=["table", "column", "outcome", "sample", "term", "clusters"],
    )
    rng = np.random.default_rng(1)
    for name in ("coef", "paper_coef"):
        frame[name] = rng.normal(10, 5, len(frame))
    for name in ("se", "paper_se"):
        frame[name] = rng.uniform(1, 4, len(frame))
    return frame


def points():
    return pd.DataFrame(
        {
            "x": [0.0, 2.0, 10.0, 14.0],
            "y": [1.0, 3.0, 20.0, 30.0],
            "group": ["developed"] * 2 + ["developing"] * 2,
        }
    )


SLOPES = {"developed": 1.0, "developing": 2.5, "pooled": 2.0}


def estimates():
    return pd.DataFrame(
        {"term": ["TBI", "RQ"], "true": [12.0, -0.1], "estimate": [11.0, 0.2]}
    ).assign(se=[2.0, 0.5])


# ------------------------------------------------------------- many specifications

CHOICES = {"edition": ["9.0", "9.1", "10.0"], "rule": ["drop", "keep"]}


def curve(n=60):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({k: rng.choice(v, n) for k, v in CHOICES.items()})
    frame["estimate"] = rng.normal(5, 4, n)
    half = rng.uniform(2, 8, n)
    frame["ci_low"], frame["ci_high"] = (
        frame["estimate"] - half,
        frame["estimate"] + half,
    )
    frame["chosen"] = np.arange(n) == 7
    return frame


def left_out():
    return pd.DataFrame(
        {
            "left_out": ["AUS", "BRA", "CHN"],
            "estimate": [12.0, 10.0, 14.0],
            "ci_low": [4.0, 3.0, 5.0],
            "ci_high": [20.0, 17.0, 23.0],
            "developed": [1, 0, 0],
        }
    )


# --------------------------------------------------------------------------- trade

REGIONS = ["CHN", "USA", "DEU", "FRA", "ROW"]
SECTORS = ["c1", "c2"]
YEARS = [2009, 2010, 2011]


def random_trade(regions=REGIONS, years=YEARS, units="million US$", seed=0):
    """Value added absorbed and gross exports, larger than value added."""
    rng = np.random.default_rng(seed)
    shape = (len(years), len(regions), len(SECTORS), len(regions))
    absorbed = rng.lognormal(9, 2, shape)
    gross = absorbed * rng.uniform(1, 2, shape)
    gross[:, range(len(regions)), :, range(len(regions))] = 0
    coords = {"year": years, "origin": regions, "sector": SECTORS}
    attrs = {"units": units}
    return xr.Dataset(
        {
            "va_absorbed": ([*coords, "absorber"], absorbed, attrs),
            "gross_exports": (["year", "exporter", "sector", "importer"], gross, attrs),
        },
        coords={
            **coords,
            "absorber": regions,
            "exporter": regions,
            "importer": regions,
        },
    )


def random_tbi(regions=REGIONS, years=YEARS, seed=0):
    rng = np.random.default_rng(seed)
    exports, imports = rng.lognormal(10, 1, (2, len(years), len(regions)))
    dims = ("year", "region")
    return xr.Dataset(
        {
            "va_exports": (dims, exports),
            "va_imports": (dims, imports),
            "tbi": (dims, (exports - imports) / (exports + imports)),
        },
        coords={"year": list(years), "region": list(regions)},
    )


def threats() -> pd.DataFrame:
    """A model and variants of it, one in each state."""
    states = ("the model", "as before", "blurred", "turned or gone", "other question")
    coef = np.array([2.0, 1.5, 0.8, -0.3, 4.0])
    return pd.DataFrame(
        {
            "threat": ["the model", "left out", "period", "weights", "leads"],
            "name": ["as given", "EU15", "2000-2007", "GDP", "1 year later"],
            "estimate": coef,
            "ci_low": coef - 1,
            "ci_high": coef + 1,
            "state": states,
        }
    )


def many_threats() -> pd.DataFrame:
    """Enough for two columns, some with long names."""
    rows = threats()
    names = [
        "trade benefit index on the rows of trade benefit index of another release"
    ]
    names += ["EU entrants of 2004 to 2013, without controls", "G7", "x" * 50] * 6
    kinds = [
        rows.iloc[[1]].assign(threat=f"kind {k}", name=v)
        for k in range(3)
        for v in names
    ]
    return pd.concat([rows, *kinds], ignore_index=True)


def few_threats() -> dict[str, pd.DataFrame]:
    """Two outcomes under four threats with long names."""
    rows = threats().head(4).assign(p_value=[0.004, 0.02, 0.2, 1e-5])
    rows["name"] = [
        "as it is",
        *["alone: EU entrants of 2004 to 2013, without controls"] * 3,
    ]
    rows["name"] += ["", " ", "  ", "   "]
    return {"globalisation": rows, "economic globalisation": rows}


def joint_curve() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twelve specifications of two choices, the fourth that of the model, and what no
    effect would give."""
    rng = np.random.default_rng(2)
    coef = rng.normal(1, 1, 12)
    rows = pd.DataFrame(
        {
            "controls": ["all", "none", "RQ"] * 4,
            "lag": [*["0"] * 6, *["1"] * 6],
            "sample": "all",
            "estimate": coef,
            "ci_low": coef - 1,
            "ci_high": coef + 1,
            "significant": coef > 1.2,
            "chosen": np.arange(12) == 3,
        }
    )
    ranked = np.sort(rng.normal(size=(50, 12)), axis=1)
    low, high = np.quantile(ranked, [0.025, 0.975], axis=0)
    return rows, pd.DataFrame(
        {"rank": np.arange(1, 13), "null_low": low, "null_high": high}
    )


def scenarios(variants: int) -> pd.DataFrame:
    """The table of as many variants, two years, four regions and the world."""
    rng = np.random.default_rng(4)
    names = [f"percent {10 * k}" for k in range(1, variants + 1)]
    regions, measures = ["R0", "R1", "R2", "ROW", "WLD"], ["value_added", "tbi"]
    cells = pd.MultiIndex.from_product(
        [names, [2000, 2001], regions, measures],
        names=["variant", "year", "region", "measure"],
    ).to_frame(index=False)
    cells = cells[(cells["measure"] != "tbi") | (cells["region"] != "WLD")]
    cells["change"] = rng.normal(size=len(cells))
    cells["percent"] = cells["change"].where(cells["measure"] != "tbi")
    return cells.reset_index(drop=True)


def intervals(*keys: str, rows: list) -> pd.DataFrame:
    """Estimates with intervals and bands, by the keys of each row."""
    frame, estimate = pd.DataFrame(rows, columns=[*keys]), np.linspace(-1, 2, len(rows))
    ends = {"ci_low": estimate - 1, "ci_high": estimate + 1}
    ends |= {"band_low": estimate - 2, "band_high": estimate + 2}
    return frame.assign(estimate=estimate, **ends, chosen=[1, 0] * (len(rows) // 2))


def cells(units: int) -> pd.DataFrame:
    """A number for each unit and period."""
    numbers = np.random.default_rng(6).normal(size=(units, 4))
    return pd.DataFrame(numbers, [f"C{k}" for k in range(units)], range(2000, 2004))
