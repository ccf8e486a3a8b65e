"""The recipe of the panel: variables, countries, and how each source spells them.

``variables.toml`` gives the source, series, transformation and unit of every column;
``CODE_FIXES`` how each source spells countries that others spell otherwise. The default
is the combination that reproduces the paper.
"""

from dataclasses import dataclass
from typing import Literal

from ..core import load_toml

Source = Literal["tbi", "kof", "pwt", "wgi", "inflation"]
Codes = Literal["paper", "fixed"]
Fill = Literal["mean-1996-2014", "linear"]

OUTCOMES = ("KOFGIdj", "KOFEcGIdj", "KOFTrGIdj", "KOFFiGIdj", "KOFPoGIdj")
CONTROLS = ("RQ", "lnEXR", "TFP", "INFR", "lnCK", "lnGDP", "lnPOP")

# The 43 countries of the WIOD release of 2016, less the rest of the world.
WIOD_COUNTRIES = tuple(
    (
        "AUS AUT BEL BGR BRA CAN CHE CHN CYP CZE DEU DNK ESP EST FIN FRA GBR GRC HRV "
        "HUN IDN IND IRL ITA JPN KOR LTU LUX LVA MEX MLT NLD NOR POL PRT ROU RUS SVK "
        "SVN SWE TUR TWN USA"
    ).split()
)
# The paper prints no list: this split reproduces its 330 and 285 rows and its tables.
DEVELOPED = frozenset(
    (
        "AUS AUT BEL CAN CHE DEU DNK ESP FIN FRA GBR GRC IRL ITA JPN KOR LUX NLD NOR "
        "PRT SWE USA"
    ).split()
)
# A source's own codes -> ISO 3166-1 alpha-3. Old World Bank codes, mostly.
_OLD = {"ROM": "ROU", "ZAR": "COD", "TMP": "TLS", "WBG": "PSE", "ADO": "AND"}
CODE_FIXES: dict[Source, dict[str, str]] = {
    "tbi": {"ROM": "ROU", "RoW": "ROW"},
    "kof": _OLD,
    "pwt": {},
    "wgi": {**_OLD, "KSV": "XKX"},
    "inflation": {"UVK": "XKX", "WBG": "PSE"},
}
# Countries that a recipe is known to lose; any other loss is an error.
EXPECTED_LOSSES: dict[Codes, frozenset[str]] = {
    "paper": frozenset({"ROU", "TWN"}),
    "fixed": frozenset({"TWN"}),
}
TITLES: dict[Source, str] = {
    "tbi": "trade benefit index",
    "kof": "KOF Globalisation Index",
    "pwt": "Penn World Table",
    "wgi": "Worldwide Governance Indicators",
    "inflation": "consumer price inflation",
}
EXPORTS, IMPORTS = "NE.EXP.GNFS.CD", "NE.IMP.GNFS.CD"
INFLATION_SERIES = {"wdi": "FP.CPI.TOTL.ZG", "weo": "PCPIPCH"}


@dataclass(frozen=True)
class Variable:
    """One column of the panel: where it comes from and how it is transformed."""

    name: str
    source: Source
    series: str
    transformation: Literal["level", "log"]
    unit: str
    meaning: str


VARIABLES = tuple(
    Variable(name, *entry)
    for name, entry in load_toml(__package__, "variables.toml").items()
)
COLUMNS = ("iso3", "year", "developed", *(v.name for v in VARIABLES))
