"""Names of the conventions of clustered standard errors, and what they mean."""

from typing import Literal, get_args

Convention = Literal["stata", "fixest", "lsdv", "plm", "linearmodels"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)

CONVENTION_NOTES: dict[Convention, str] = {
    "stata": "clustered by country, Stata xtreg fe vce(cluster), t(G-1)",
    "fixest": "clustered by country, fixest and reghdfe, t(G-1)",
    "lsdv": "clustered by country, all effects counted (areg), t(G-1)",
    "plm": "clustered by country, no small-sample correction (plm), t(G-1)",
    "linearmodels": "clustered by country, linearmodels PanelOLS, t(G-1)",
}
