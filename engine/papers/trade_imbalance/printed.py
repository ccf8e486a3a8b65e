"""The figures that the paper prints, as printed; ``printed.csv`` holds them.

Tables 1 and 3 to 6 of "Has trade imbalance led to de-globalisation? A value-added
trade perspective", 国际贸易问题 2021, no. 9. A row of the file is one figure: the index
of a country (column) and year (row), or a coefficient, n or R2 of a column.
"""

from pathlib import Path

import pandas as pd

Key = tuple[int, int]  # table, column
# Coefficient, standard error, stars: 3, 2, 1 for 1, 5, 10 %.
Cell = tuple[float, float, int]

_ROWS = pd.read_csv(Path(__file__).with_name("printed.csv"), dtype=str)
_ROWS = _ROWS.astype({"table": int, "value": float, "se": float})
_FIRST = _ROWS["table"] == 1

TABLE_1: dict[str, tuple[float, ...]] = {
    str(iso3): tuple(values)
    for iso3, values in _ROWS[_FIRST].groupby("column", sort=False)["value"]
}
"""Trade benefit index of 2000 to 2014 by country."""
TABLES: dict[Key, dict[str, Cell]] = {}
"""Coefficients by (table, column) and term."""
FIT: dict[Key, tuple[int, float]] = {}
"""Observations and R2 by (table, column)."""
for (_table, _column), _own in _ROWS[~_FIRST].groupby(["table", "column"], sort=False):
    _cells = _own.set_index("row")
    _key = int(_table), int(_column)
    _terms = _cells.dropna(subset=["se"]).astype({"stars": int})
    TABLES[_key] = {str(k.Index): (k.value, k.se, k.stars) for k in _terms.itertuples()}
    FIT[_key] = int(_cells["value"]["n"]), float(_cells["value"]["r2"])
