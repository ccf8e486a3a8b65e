"""Results with coefficients in the words of other programs: broom's and maketables'.

maketables prints any object with its ``__maketables_*__`` attributes (its plug-in
extractor format); nothing of it is imported here.
"""

from abc import abstractmethod

import pandas as pd

from ..core import Printable


class Coefficients(Printable):
    """A result with coefficients: a row each in ``tidy``, all else in ``glance``."""

    @abstractmethod
    def tidy(self) -> pd.DataFrame:
        """Columns term, estimate, se, p_value, ci_low, ci_high and others."""

    @abstractmethod
    def glance(self) -> pd.DataFrame:
        """One row of what belongs to the model and to no single term."""

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        table = self.tidy().set_index("term").rename_axis("Coefficient")
        table = table.assign(t=table["estimate"] / table["se"])
        return table[[*_TABLE]].rename(columns=_TABLE).astype(float)

    def __maketables_stat__(self, key: str) -> float | int | str | None:
        row = self.glance().iloc[0]
        value = row.get(_STATISTICS.get(key, key))
        if value is None or pd.isna(value):
            return None
        return value.item() if hasattr(value, "item") else value

    @property
    def __maketables_depvar__(self) -> str:
        return str(self.glance()["outcome"].iloc[0])

    @property
    def __maketables_fixef_string__(self) -> str | None:
        return str(self.glance()["effects"].iloc[0]) or None

    @property
    def __maketables_stat_labels__(self) -> dict[str, str]:
        return _LABELS

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        keys = ["N", "clusters", "r2_within", "draws", "se_type"]
        if self.__maketables_stat__("clusters") == 0:  # none
            keys.remove("clusters")
        return [key for key in keys if self.__maketables_stat__(key) is not None]


_TABLE = {
    "estimate": "b",
    "se": "se",
    "t": "t",
    "p_value": "p",
    "ci_low": "ci95l",
    "ci_high": "ci95u",
}
_LABELS = {
    "clusters": "Clusters",
    "draws": "Draws",
    "effective_f": "Effective F",
    "kp_f": "Kleibergen-Paap F",
    "cd_f": "Cragg-Donald F",
    "kp_lm_p_value": "Kleibergen-Paap LM, p",
    "tf_critical": "tF critical value",
    "ar_p_value": "Anderson-Rubin, p",
    "ar_bootstrap_p_value": "Anderson-Rubin, bootstrap p",
    "ar_jackknife_p_value": "Anderson-Rubin, jackknife p",
}
# maketables' name of a statistic, and the column of ``glance``.
_STATISTICS = {"N": "n", "se_type": "method"}
