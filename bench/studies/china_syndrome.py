"""Table 3 of Autor, Dorn and Hanson (2013), beside tivax.

"The China Syndrome", American Economic Review 103(6): 2121-2168: imports from China and
the change of manufacturing employment, 722 commuting zones in two periods, two stages
least squares, clustered by state. Standard errors of its first stage are left out.
"""

from pathlib import Path

import pandas as pd

import tivax as tx

from .printed_terms import read_r

_PRINTED = {
    "shock": (
        "-0.746 -0.610 -0.538 -0.508 -0.562 -0.596",
        "0.068 0.094 0.091 0.081 0.096 0.099",
    ),
    "l_shind_manuf_cbp": (
        "- -0.035 -0.052 -0.061 -0.056 -0.040",
        "- 0.022 0.020 0.017 0.016 0.013",
    ),
    "l_sh_popedu_c": ("- - - -0.008 - 0.013", "- - - 0.016 - 0.012"),
    "l_sh_popfborn": ("- - - -0.007 - 0.030", "- - - 0.008 - 0.011"),
    "l_sh_empl_f": ("- - - -0.054 - -0.006", "- - - 0.025 - 0.024"),
    "l_sh_routine33": ("- - - - -0.230 -0.245", "- - - - 0.063 0.064"),
    "l_task_outsource": ("- - - - 0.244 -0.059", "- - - - 0.252 0.237"),
    "IV": ("0.792 0.664 0.652 0.635 0.638 0.631",),
}
"""Coefficients and standard errors by column; of the instrument in the first stage. A
control is in the columns that print it, divisions are in columns 3 to 6."""


def china_syndrome(data: Path) -> pd.DataFrame:
    """Cells of ``data``, the folder of ADH.rda (R package ShiftShareSE)."""
    (given,) = read_r(data / "ADH.rda").values()
    zones = given["reg"].astype({"t2": float})
    cells = []
    for k in range(6):
        printed = {
            (term, number): texts[i].split()[k]
            for term, texts in _PRINTED.items()
            for i, number in enumerate(("estimate", "se")[: len(texts)])
        }
        printed = {place: text for place, text in printed.items() if text != "-"}
        terms = dict.fromkeys(term for term, _ in printed)
        controls = " + ".join(["t2", *(x for x in terms if x not in ("shock", "IV"))])
        divisions = "| division " if k >= 2 else ""
        fit = tx.fit(
            f"d_sh_empl_mfg ~ {controls} {divisions}| shock ~ IV",
            zones,
            vcov=tx.vcov.CV1("plm"),
            weights="weights",
            clusters="statefip",
        )
        found = pd.concat([fit.terms, fit.first.terms.loc[["IV"]]])
        cells += [
            (float(text), found.loc[place], 0.0005) for place, text in printed.items()
        ]
    return pd.DataFrame(cells, columns=["value", "found", "half"])
