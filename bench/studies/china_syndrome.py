"""Column 6 of Table 3 of Autor, Dorn and Hanson (2013), beside tivax.

"The China Syndrome", American Economic Review 103(6): 2121-2168: imports from China and
the change of manufacturing employment, 722 commuting zones in two periods, two stages
least squares. Borusyak, Hull and Jaravel (2022), Table 4, print its coefficient again.
"""

from pathlib import Path

import pandas as pd

import tivax as tx

from .printed_terms import read_r

_PRINTED = -0.596
_CONTROLS = (
    "t2 + l_shind_manuf_cbp + l_sh_popedu_c + l_sh_popfborn + l_sh_empl_f"
    " + l_sh_routine33 + l_task_outsource"
)


def china_syndrome(data: Path) -> pd.DataFrame:
    """The cell of ``data``, the folder of ADH.rda (R package ShiftShareSE)."""
    (given,) = read_r(data / "ADH.rda").values()
    fit = tx.fit(
        f"d_sh_empl_mfg ~ {_CONTROLS} | division | shock ~ IV",
        given["reg"].astype({"t2": float}),
        vcov=tx.vcov.CV1("plm"),
        weights="weights",
        clusters="statefip",
    )
    found = fit.terms["estimate"]["shock"]
    return pd.DataFrame([(_PRINTED, found, 0.0005)], columns=["value", "found", "half"])
