"""The paper's equations with an instrument that is made from the tables alone:
``tx.referee.exposure_instrument``, the exposure of a base year to what others buy and
sell.
"""

from dataclasses import dataclass

import pandas as pd

import tivax as tx

from .columns import CONTROLS, OUTCOMES, PANEL

STRONG = 23.1  # F: the bias of two stages is then a tenth of the worst at most


@dataclass(frozen=True, eq=False)
class Exposed:
    """The instrument and what it says.

    Attributes
    ----------
    base
        The year of the shares, the first of the tables.
    f
        F of the index on the instrument, clusters by country.
    rows
        A row for each outcome, all countries, all controls: outcome, n, estimate (two
        stages), se of AKM, p_value, ci_low, ci_high and shape of AKM0, and the first
        stage's F of AKM (f).
    checks
        check, column, estimate, se, p_value of ``Exposure.checks``: earlier outcomes
        and controls, which the instrument should leave alone.
    """

    base: int
    f: float
    rows: pd.DataFrame
    checks: pd.DataFrame

    @property
    def strong(self) -> bool:
        return self.f > STRONG

    @property
    def moved(self) -> pd.DataFrame:
        """Checks that reject the instrument at 5 %."""
        return self.checks[self.checks["p_value"] < 0.05]


def exposed(frame: pd.DataFrame, tables: tx.WorldTables | None) -> Exposed | None:
    """Estimate the columns with all controls by the instrument; None without tables.

    Raises ``TivaxError`` for tables of one year, and where panel and tables share none.
    """
    if tables is None:
        return None
    found = tx.referee.exposure_instrument(tables)
    rows = []
    used = frame.dropna(subset=["TBI", *CONTROLS])
    for outcome in OUTCOMES:
        made = found.estimate(
            used, outcome, treatment="TBI", controls=CONTROLS, **PANEL
        )
        by = made.table.set_index("method")
        akm, null = by.loc["AKM"], by.loc["AKM0"]
        rows.append(
            {
                "outcome": outcome,
                "n": made.n,
                **akm[["estimate", "se"]].to_dict(),
                **null[["p_value", "ci_low", "ci_high", "shape"]].to_dict(),
                "f": made.first_stage,
            }
        )
    checks = found.checks(used, OUTCOMES[0], CONTROLS, **PANEL)
    f = float(found.first_stage["f"].iloc[0])
    return Exposed(found.base, f, pd.DataFrame(rows), checks)
