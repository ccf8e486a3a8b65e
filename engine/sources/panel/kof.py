"""KOF Globalisation Index, editions 2018 on: countries and groups, from 1970.

``KOF_Data_2018.dta``, ``KOFGI_2019_data.dta``, ``KOFGI_2020_public.dta`` (Stata,
float32); ``KOFGI_2019.zip`` holds the second
``KOFGI_<yyyy>_public.xlsx`` (one sheet, Sheet1, names in row 1)

A row a country and year: ``code, country, year``, then nine indices, each as a whole
(KOFGI), de facto (KOFGIdf) and de jure (KOFGIdj): KOFGI overall, KOFEcGI economic,
KOFTrGI trade, KOFFiGI financial, KOFSoGI social, KOFIpGI interpersonal, KOFInGI
informational, KOFCuGI cultural, KOFPoGI political. From 1 to 100.

Codes are old ones of the World Bank: ROM, ZAR, TMP. Groups such as WLD stand among
the countries; Taiwan does not. Editions differ in past years.

Gygli, S., F. Haelg, N. Potrafke and J.-E. Sturm (2019), The KOF Globalisation Index
- revisited, Review of International Organizations 14:543-574.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ...core import TivaxError
from . import country_years as cy


def read(path: Path, series: Sequence[str]) -> pd.DataFrame:
    """``code, year`` and the indices named in ``series``, 1 to 100.

    ``TivaxError`` in one line for anything but a file of edition 2018 or later.
    """
    file = cy.table_file(path, (".dta", ".xlsx", ".zip"), "KOF")
    file = cy.table_in(file, r".*\.dta", "KOFGI_2019_data.dta")
    columns = cy.read_columns(file, "Sheet1")
    de_jure = [name for name in series if name.endswith("dj")]
    if de_jure and not any(name.endswith("dj") for name in columns):
        raise TivaxError(
            f"{file.name}: lacks {de_jure[0]} and all other de jure indices; get "
            "edition 2018 or later"
        )
    cy.check_series(file, columns, ["code", "year", *series])
    values = {name: columns[name] for name in series}
    return cy.tidy(file, columns["code"], columns["year"], values)
