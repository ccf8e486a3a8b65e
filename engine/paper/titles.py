"""Titles of the paper's tables, without the number, and the notes below them.

The Chinese ones are the paper's own (国际贸易问题 2021, no. 9).
"""

from ..reporting import Language, in_language

_TITLES: dict[str, tuple[str, str]] = {
    "table 1": (
        "Trade benefit index of the major economies",
        "主要经济体贸易利益指数",
    ),
    "table 3": ("Baseline regressions", "基准回归结果"),
    "table 4": ("By level of development", "分样本回归结果"),
    "table 5": ("Mechanisms", "拓展性分析"),
    "table 6": ("Mechanisms by level of development", "分样本的拓展分析"),
    "comparison": (
        "The paper beside tivax: Table {table}, columns {columns}",
        "原文与本文复算对比：表{table}第{columns}列",
    ),
    "iv": (
        "Two-stage least squares, TBI instrumented by its lag: {sample}",
        "两阶段最小二乘，以滞后一期TBI为工具变量：{sample}",
    ),
    "first stage": ("First stage: TBI on its lag", "第一阶段回归"),
    "notes": (
        "Standard errors clustered by country in parentheses (Stata xtreg, fe "
        "vce(cluster)); *, **, *** significant at 10, 5, 1 % by t(G - 1). RQ is "
        "regulatory quality (WGI), which the paper calls management quality.",
        "注：括号内为国家层面聚类稳健标准误（Stata xtreg, fe "
        "vce(cluster)），*、**、***分别表示按t(G-1)在10%、5%、1%的水平显著。RQ为监管质量（WGI），论文称管理质量。",
    ),
    "comparison notes": (
        " Gap: (tivax − paper) / standard error of the paper.",
        "差异：（本文复算－原文）/原文标准误。",
    ),
    "iv notes": (
        " The country effects are absorbed and, nested in the clusters, not counted; "
        "year effects and one constant are. p-values in brackets, critical values in "
        "braces. KP: Kleibergen and Paap (2006), under-identification and weak "
        "identification; the Stock-Yogo values are derived for homoskedastic errors. "
        "MOP: Montiel Olea and Pflueger (2013). AR: Anderson and Rubin (1949), F(1, G "
        "- 1), robust to weak instruments.",
        "国家固定效应嵌套于聚类之内，不计入自由度。方括号内为p值，花括号内为临界值。"
        "KP为Kleibergen和Paap（2006），Stock-Yogo临界值在同方差条件下导出；"
        "MOP为Montiel Olea和Pflueger（2013）；AR为Anderson和Rubin（1949）。",
    ),
}


def title(code: str, language: Language = "en") -> str:
    """A title such as ``table 3``, or notes such as ``iv notes``."""
    return in_language(_TITLES[code], language)
