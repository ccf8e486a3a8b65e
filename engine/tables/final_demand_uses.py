"""Uses of final demand: consumption, fixed capital or inventories, by the names of
its categories in each source; the rest are valuables."""

from collections.abc import Sequence

CONSUMPTION = (
    # WIOD 2016, long-run WIOD, ADB
    "CONS_h",
    "CONS_np",
    "CONS_g",
    # WIOD 2013
    "c37",
    "c38",
    "c39",
    # OECD: with what residents buy abroad
    "HFCE",
    "NPISH",
    "GGFC",
    "DPABR",
    # FIGARO
    "P3_S13",
    "P3_S14",
    "P3_S15",
    # Eora26
    "Household final consumption P.3h",
    "Non-profit institutions serving households P.3n",
    "Government final consumption P.3g",
    # EXIOBASE 3
    "Final consumption expenditure by households",
    "Final consumption expenditure by non-profit organisations serving households "
    "(NPISH)",
    "Final consumption expenditure by government",
)
FIXED_CAPITAL = (
    "GFCF",
    "c41",
    "P51G",
    "Gross fixed capital formation P.51",
    "Gross fixed capital formation",
)
INVENTORIES = (
    # WIOD 2016, ADB; with valuables
    "INVEN",
    # WIOD 2013
    "c42",
    # Long-run WIOD
    "INV",
    # OECD; with valuables
    "INVNT",
    # FIGARO; with valuables
    "P5M",
    # Eora26
    "Changes in inventories P.52",
    # EXIOBASE 3
    "Changes in inventories",
)


def consumption_and_capital(
    categories: Sequence[str],
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The categories of either use, or None where one of them has none."""
    consumption = tuple(k for k in categories if k in CONSUMPTION)
    capital = tuple(k for k in categories if k in FIXED_CAPITAL)
    return (consumption, capital) if consumption and capital else None
