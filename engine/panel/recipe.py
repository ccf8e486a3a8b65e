"""The recipe of the panel: variables, countries, and how each source spells them.

``variables.toml`` gives the source, series, transformation and unit of every column,
``recipe.toml`` the countries and how each source spells those that others spell
otherwise. The default is the combination that reproduces the paper.
"""

from dataclasses import dataclass
from typing import Literal

from ..core import load_toml

Source = Literal["tbi", "kof", "pwt", "wgi", "inflation"]
Codes = Literal["paper", "fixed"]
Fill = Literal["mean-1996-2014", "linear"]

OUTCOMES = ("KOFGIdj", "KOFEcGIdj", "KOFTrGIdj", "KOFFiGIdj", "KOFPoGIdj")
# De jure indices that are no outcome of the paper: trade should leave them alone.
OTHER_OUTCOMES = ("KOFSoGIdj", "KOFCuGIdj", "KOFIpGIdj", "KOFInGIdj")
# Outcomes that trade should leave alone, in the threats to a result.
PLACEBO_OUTCOMES = (*OTHER_OUTCOMES, "KOFPoGIdj")
# Logs of people and of their product: weights, and income per person.
PEOPLE, PRODUCT = "lnPOP", "lnGDP"
CONTROLS = ("RQ", "lnEXR", "TFP", "INFR", "lnCK", "lnGDP", "lnPOP")

_FACTS = load_toml(__package__, "recipe.toml")
WIOD_COUNTRIES: tuple[str, ...] = tuple(_FACTS["wiod_countries"].split())
DEVELOPED: frozenset[str] = frozenset(_FACTS["developed"].split())
CODE_FIXES: dict[Source, dict[str, str]] = _FACTS["code_fixes"]
EXPECTED_LOSSES: dict[Codes, list[str]] = _FACTS["expected_losses"]
TITLES: dict[Source, str] = _FACTS["titles"]
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
