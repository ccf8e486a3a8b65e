"""The figures that the paper prints, as printed; ``printed.csv`` holds them.

Tables 1 and 3 to 6 of "Has trade imbalance led to de-globalisation? A value-added
trade perspective", 国际贸易问题 2021, no. 9. A row of the file is one figure: the index
of a country (column) and year (row), or a coefficient, n or R2 of a column.
"""

import csv
from pathlib import Path
from typing import NamedTuple

Key = tuple[int, int]  # table, column
# Coefficient, standard error, stars: 3, 2, 1 for 1, 5, 10 %.
Cell = tuple[float, float, int]


class _Printed(NamedTuple):
    table_1: dict[str, tuple[float, ...]]
    cells: dict[Key, dict[str, Cell]]
    fit: dict[Key, dict[str, float]]


def _read() -> _Printed:
    table_1, cells, fit = found = _Printed({}, {}, {})
    with Path(__file__).with_name("printed.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            table, column, name = int(row["table"]), row["column"], row["row"]
            value = float(row["value"])
            if table == 1:
                table_1[column] = (*table_1.get(column, ()), value)
            elif row["se"]:
                cell = value, float(row["se"]), int(row["stars"])
                cells.setdefault((table, int(column)), {})[name] = cell
            else:
                fit.setdefault((table, int(column)), {})[name] = value
    return found


# Trade benefit index of 2000 to 2014 by country; coefficients by (table, column) and
# term; observations and R2 by (table, column).
TABLE_1, TABLES, _fit = _read()
FIT = {key: (int(found["n"]), found["r2"]) for key, found in _fit.items()}
