"""Printed numbers of gravity equations and elasticities beside those of tivax.

The folder has ppml_fe_bias.dta (Weidner and Zylkin's help file),
agtpa_applications.rda (the guide of Yotov, Piermartini, Monteiro and Larch) and
caliendo_parro_triads.csv (logs around triples of countries).
"""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import rdata

import tivax as tx
from tivax.engine.bilateral.elasticities import Triads

_THREE_WAY = {
    "fta": "0.1780290 0.0350079",
    "fta, adjusted": "0.1703722 0.0419559",
}
_TWO_WAY = {
    "ln_distw": "-0.5826890 0.0372778 0.0463104",
    "contig": "0.3690149 0.0600966 0.0734243",
    "colony": "-0.0874526 0.0888010 0.1115109",
}
_GUIDE = {
    "rta": "0.5571853 0.055771",
    "ln_dist": "-0.7912879 0.0501494",
    "cntg": "0.6736456 0.1073719",
    "border": "-2.47445 0.1193816",
}
_NAFTA = {"CAN": "3.4034", "MEX": "3.8101", "USA": "0.3346"}
# Theta and its HC1 error; sector 8 of the archive is not the printed one.
_TRIADS = (
    "8.11 1.86 15.72 2.76 2.55 0.61 5.56 1.14 10.83 2.53 9.07 1.69 51.08 18.05 "
    "1.66 1.41 2.76 1.44 7.99 2.53 4.30 2.15 1.52 1.81 12.79 2.14 10.60 1.38 "
    "7.07 1.72 1.01 0.80 0.37 1.08 5.00 0.92"
)


def _cells(printed: str, found: list[float]) -> pd.DataFrame:
    texts = printed.split()
    halves = [0.5 * 10.0 ** -len(k.partition(".")[2]) for k in texts]
    values = {"value": [*map(float, texts)], "found": found, "half": halves}
    return pd.DataFrame(values)


def weidner_zylkin(folder: Path) -> pd.DataFrame:
    """Slopes, errors by pair, adjusted errors, and the bias, of manufactures."""
    data = pd.read_stata(folder / "ppml_fe_bias.dta")
    data = data[data["category"] == "MANUF"]
    given = data, tx.Gravity("trade", ["fta"], "isoexp", "isoimp")
    fit = tx.gravity(*given)
    plain = fit.vcov(clusters="isoexp^isoimp")["fta"]
    parts = [
        _cells(_THREE_WAY["fta"], [plain.estimate, plain.se]),
        _cells(_THREE_WAY["fta, adjusted"], [fit.corrected["fta"], fit["fta"].se]),
    ]
    names = [*_TWO_WAY, "comlang_off", "comleg", "fta"]
    both = tx.gravity(data, tx.Gravity("trade", names, "isoexp", "isoimp", pair="none"))
    plain = both.vcov(clusters="isoexp^isoimp")
    for term, printed in _TWO_WAY.items():
        own = both[term].estimate, plain[term].se, both[term].se
        parts.append(_cells(printed, [*own]))
    return pd.concat(parts)


def guide(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Slopes and errors of chapter 1; gains of chapter 2 from NAFTA."""
    with warnings.catch_warnings(action="ignore"):  # of its own, about text
        data = rdata.read_rda(folder / "agtpa_applications.rda")["agtpa_applications"]
    for name in ("exporter", "importer"):
        data[name] = data[name].astype(str)
    data["year"] = data["year"].astype(int)
    data["border"] = (data["exporter"] != data["importer"]).astype(float)
    data["ln_dist"] = np.log(data["dist"])
    years = data["year"].isin([1986, 1990, 1994, 1998, 2002, 2006])
    agreements = tx.Gravity("trade", ["rta"], pair="symmetric", home=True)
    fit = tx.gravity(data[years], agreements).vcov("HC1")
    borders = tx.Gravity("trade", [*_GUIDE][1:], pair="none", home=True)
    other = tx.gravity(data[data["year"] == 2006], borders).vcov("HC1")
    rows = [(fit if k == "rta" else other)[k] for k in _GUIDE]
    parts = zip(_GUIDE.values(), rows, strict=True)
    slopes = pd.concat([_cells(k, [row.estimate, row.se]) for k, row in parts])
    economy = fit.economy(1994, 6.0)
    members = np.isin(economy.regions, [*_NAFTA])
    among = np.outer(members, members) & ~np.eye(len(members), dtype=bool)
    costs = np.exp(fit["rta"].estimate / 6 * among)[:, :, None]
    found = tx.exact_hat(economy, trade_costs=costs, deficits="share").changes
    without = found["realwage"].groupby(level="region").first() / 100
    gains = [100 * (1 / (1 + without[k]) - 1) for k in _NAFTA]
    return slopes, _cells(" ".join(_NAFTA.values()), gains)


def caliendo_parro(folder: Path) -> pd.DataFrame:
    """Elasticities of 18 sectors and their errors."""
    rows = pd.read_csv(
        folder / "caliendo_parro_triads.csv", header=None, na_values="NaN"
    )
    found = []
    for sector, its in rows.dropna(subset=[1, 2]).groupby(0):
        if sector != 8:
            members = its.iloc[:, 3:].fillna(0).to_numpy() > 0
            triples = np.array([np.flatnonzero(row) for row in members])
            one = Triads(its[1].to_numpy(), its[2].to_numpy(), triples)
            found += [one.theta(), one.robust_se]
    return _cells(_TRIADS, found)
