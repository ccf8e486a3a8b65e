"""Do intervals of rebuilt tables cover, and which parameters does their model need?

WIOD 2016 rebuilt from national tables, against value added by pair that others computed
from the published tables (2002, 2005, 2008, 2011, 2014): the index, value-added exports
and imports of 44 regions, value added of 1,892 pairs. With ``--parameters`` variances
of the parts of the error model are scaled so that errors of pairs and of value-added
exports are likeliest, normal and independent, once for all years and once without each
year, which then is a test.

    python -m tivax.bench.studies.rebuilding \\
        STORE dva_gtrade.dta --out study --draws 200
"""

import argparse
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.stats import t as student

import tivax as tx

YEARS = (2002, 2005, 2008, 2011, 2014)
_DRAWS_OF_PARTS = 24
_UNIT = 0.1  # relative deviation of a part whose parameter is a deviation
Flows = Mapping[int, Float[np.ndarray, "c c"]]


def main() -> None:
    """Draw, compare, and write coverage.csv and parameters.csv."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("exact", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--parameters", action="store_true")
    given = parser.parse_args()
    tables = tx.open_store(given.store, lazy=True)
    exact, base = read_exact(given.exact, tables.regions), flows_of(tables)
    given.out.mkdir(parents=True, exist_ok=True)
    drawn = tx.table_errors.draw_flows(
        tables, "rebuilt", draws=given.draws, years=YEARS
    )
    coverage(drawn, base, exact).to_csv(given.out / "coverage.csv", index=False)
    if given.parameters:
        found = parameters(tables, base, exact)
        found.to_csv(given.out / "parameters.csv", index=False)


def read_exact(file: Path, regions: Sequence[str]) -> Flows:
    """Value added by origin and absorber; its own diagonal is another measure."""
    frame = pd.read_stata(file)
    labels = list(regions)
    return {
        year: frame[frame["year"] == year]
        .pivot(index="exporter", columns="importer", values="dva")
        .reindex(index=labels, columns=labels)
        .to_numpy(float)
        for year in YEARS
    }


def flows_of(tables: tx.WorldTables, years: Sequence[int] = YEARS) -> Flows:
    """The same of the tables as they are."""
    labels = list(tables.regions)
    return {
        year: tx.value_added_trade(tables.select(year, year))["va_absorbed"]
        .sum("sector")
        .sel(year=year, origin=labels, absorber=labels)
        .values
        for year in years
    }


def measures(flows: Float[np.ndarray, "... c c"]) -> dict[str, np.ndarray]:
    """Index, value-added exports and imports by region, flows of pairs."""
    c = flows.shape[-1]
    abroad = np.where(np.eye(c, dtype=bool), 0, flows)
    sold, bought = abroad.sum(-1), abroad.sum(-2)
    return {
        "index": (sold - bought) / (sold + bought),
        "va_exports": sold,
        "va_imports": bought,
        "pairs": flows[..., ~np.eye(c, dtype=bool)],
    }


def coverage(
    drawn: Float[np.ndarray, "d t c c"], base: Flows, exact: Flows
) -> pd.DataFrame:
    """Coverage of 95 % intervals, a row for each measure and year.

    Changes since the year before are measures too. Widths and errors are relative, but
    for the index.
    """
    quantile = student.ppf(0.975, len(drawn) - 1)
    rows, before = [], None
    for k, year in enumerate(base):
        now = [measures(each) for each in (drawn[:, k], base[year], exact[year])]
        for name, value in now[1].items():
            values = [each[name] for each in now]
            size = 1 if name == "index" else value
            cases = {name: values}
            if before is not None:
                moved = [a - b[name] for a, b in zip(values, before, strict=True)]
                cases[f"{name}, change"] = moved
            for case, (of_draws, of_base, true) in cases.items():
                se = of_draws.std(axis=0, ddof=1)
                off, width = of_base - true, 2 * quantile * se / size
                rows.append(
                    {
                        "measure": case,
                        "year": year,
                        "values": len(value),
                        "covered": (np.abs(off) <= quantile * se).mean(),
                        "mean_width": width.mean(),
                        "median_width": np.median(width),
                        "median_error": np.median(np.abs(off / size)),
                        "root_mean_square_z": np.sqrt(((off / se) ** 2).mean()),
                    }
                )
        before = now
    return pd.DataFrame(rows).sort_values(["measure", "year"])


def parts(tables: tx.WorldTables) -> dict[str, dict[str, Any]]:
    """Parameters with one part of the model alone, at a size that is known."""
    errors = tables.rebuilt["errors"]
    none = deepcopy(errors)
    for kind in errors["products"]:
        if kind in errors["partners"]:
            none["partners"][kind] = {"inputs": np.inf, "final": np.inf}
        none["users"][kind] = {"by_seller": 0.0, "by_pair": 0.0}
    none["rest_of_world"]["coefficients"] = 0.0
    none["rounding"] = {"cell": 0.0, "balance": 0.0}

    def alone(section: str, changes: dict[str, Any]) -> dict[str, Any]:
        return none | {section: none[section] | changes}

    found = {"rounding": alone("rounding", errors["rounding"])}
    for kind in errors["products"]:
        if kind in errors["partners"]:
            own = {kind: errors["partners"][kind]}
            found[f"partners of {kind}"] = alone("partners", own)
        for by in ("by_seller", "by_pair"):
            own = {kind: none["users"][kind] | {by: _UNIT}}
            found[f"users of {kind} {by}"] = alone("users", own)
    return found | {
        "rest of the world": alone("rest_of_world", {"coefficients": _UNIT})
    }


def parameters(tables: tx.WorldTables, base: Flows, exact: Flows) -> pd.DataFrame:
    """Factors of variances by part: of all years, and without each year, with the
    share of its pairs and value-added exports that 95 % intervals then cover."""
    variances: dict[str, list[np.ndarray]] = {"pairs": [], "va_exports": []}
    every = parts(tables)
    for errors in every.values():
        alone = replace(tables, rebuilt={**tables.rebuilt, "errors": errors})
        drawn = tx.table_errors.draw_flows(
            alone, "rebuilt", draws=_DRAWS_OF_PARTS, years=list(base)
        )
        for name, values in variances.items():
            values.append(measures(drawn)[name].var(axis=0, ddof=1))
    S = {k: np.stack(v, axis=1) for k, v in variances.items()}  # year, part, value
    off = {
        name: np.stack(
            [measures(base[y])[name] - measures(exact[y])[name] for y in base]
        )
        for name in S
    }
    rows = []
    for left_out in (None, *base):
        used = [k for k, year in enumerate(base) if year != left_out]
        factors = likeliest(S, off, used)
        row: dict[str, Any] = {
            "left_out": left_out,
            **dict(zip(every, factors, strict=True)),
        }
        judged = used if left_out is None else [list(base).index(left_out)]
        for name in S:
            se = np.sqrt(np.einsum("p,ypv->yv", factors, S[name][judged]))
            row[f"covered {name}"] = (np.abs(off[name][judged]) <= 1.96 * se).mean()
        rows.append(row)
    return pd.DataFrame(rows)


def likeliest(
    S: Mapping[str, Float[np.ndarray, "y p v"]],
    off: Mapping[str, Float[np.ndarray, "y v"]],
    years: list[int],
) -> Float[np.ndarray, " p"]:
    """Factors of the variances of parts, the first of which, rounding, is known."""

    def surprise(logarithms: Float[np.ndarray, " q"]) -> float:
        factors = np.concatenate([[1.0], np.exp(logarithms)])
        total = 0.0
        for name in S:
            variance = np.einsum("p,ypv->yv", factors, S[name][years])
            variance = np.maximum(variance, 1e-4)
            total += (np.log(variance) + off[name][years] ** 2 / variance).sum() / 2
        return float(total)

    q = next(iter(S.values())).shape[1] - 1
    found = minimize(surprise, np.zeros(q), method="L-BFGS-B", bounds=[(-7, 7)] * q)
    return np.concatenate([[1.0], np.exp(found.x)])


if __name__ == "__main__":
    main()
