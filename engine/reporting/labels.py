"""What terms, outcomes, samples and table parts are called, in English and Chinese.

The Chinese names are the paper's own (国际贸易问题 2021, no. 9). Codes that have no
entry, such as a region, stand for themselves.
"""

from typing import Literal, get_args

from ..core import TivaxError

Language = Literal["en", "zh"]

_LABELS: dict[str, tuple[str, str]] = {
    # outcomes
    "KOFGIdj": ("globalisation index", "全球化综合指数"),
    "KOFEcGIdj": ("economic globalisation", "经济全球化指数"),
    "KOFTrGIdj": ("trade globalisation", "贸易全球化指数"),
    "KOFFiGIdj": ("financial globalisation", "金融全球化指数"),
    "KOFPoGIdj": ("political globalisation", "政治全球化指数"),
    # terms
    "TBI": ("trade benefit index", "贸易利益指数"),
    "RQ": (
        "regulatory (paper:\nmanagement) quality",
        "监管质量\n（论文称管理质量）",
    ),
    "lnEXR": ("log exchange rate", "汇率对数"),
    "TFP": ("total factor productivity", "全要素生产率"),
    "INFR": ("inflation", "通货膨胀率"),
    "lnCK": ("log capital stock", "资本存量对数"),
    "lnGDP": ("log GDP", "GDP对数"),
    "lnPOP": ("log population", "人口对数"),
    "const": ("const", "常数项"),
    # samples
    "all": ("all", "全样本"),
    "developed": ("developed", "发达国家"),
    "developing": ("developing", "发展中国家"),
    # rows and notes of a table
    "term": ("", "项目"),
    "year effects": ("year fixed effects", "年份固定效应"),
    "country effects": ("country fixed effects", "国家固定效应"),
    "observations": ("observations", "观测值"),
    "countries": ("countries", "国家数"),
    "r2": ("R² (within)", "R²（组内）"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "paper": ("paper", "原文"),
    "ours": ("tivax", "本文复算"),
    "gap": ("gap", "差异"),
    "difference": ("difference in standard errors", "差异（标准误倍数）"),
    "coefficient": ("coefficient", "系数"),
    "year": ("year", "年份"),
    "index": ("index, 1 to 100", "指数（1—100）"),
    "notes": (
        "Standard errors clustered by country in parentheses (Stata xtreg, fe "
        "vce(cluster)); *, **, *** significant at 10, 5, 1 % by t(G - 1). RQ is "
        "regulatory quality (WGI), which the paper calls management quality.",
        "注：括号内为国家层面聚类稳健标准误（Stata xtreg, fe vce(cluster)），"
        "*、**、***分别表示按t(G-1)在10%、5%、1%的水平显著。"
        "RQ为监管质量（WGI），论文称管理质量。",
    ),
    "comparison notes": (
        " Gap: (tivax − paper) / standard error of the paper.",
        "差异：（本文复算－原文）/原文标准误。",
    ),
    "effects": ("country and year effects", "国家和年份固定效应"),
    "lagged TBI": ("TBI, one year earlier", "滞后一期TBI"),
    "KP LM": ("KP rk LM [p]", "KP rk LM [p值]"),
    "KP F": ("KP rk Wald F {Stock-Yogo 10 %}", "KP rk Wald F {Stock-Yogo 10%}"),
    "CD F": ("Cragg-Donald Wald F", "Cragg-Donald Wald F"),
    "effective F": ("effective F {MOP, τ = 10 %}", "有效F {MOP，τ=10%}"),
    "AR F": ("AR F [p]", "AR F [p值]"),
    "AR set": ("AR 95 % set of TBI", "TBI的AR 95%置信集"),
    "OLS": ("least squares, same rows", "同样本OLS"),
    "first-stage F": ("first-stage F [p]", "第一阶段F [p值]"),
    "partial R2": ("partial R²", "偏R²"),
    "iv title": (
        "Two-stage least squares, TBI instrumented by its lag: {sample}",
        "两阶段最小二乘，以滞后一期TBI为工具变量：{sample}",
    ),
    "first stage title": ("First stage: TBI on its lag", "第一阶段回归"),
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
    # words in figures
    "pooled": ("pooled", "合并样本"),
    "between": ("between groups", "组间"),
    "slope": ("slope", "斜率"),
    "residual": (", residual", "（残差）"),
    "full sample": ("full sample", "全样本"),
    "left out": ("country left out", "剔除的国家"),
    "no controls": ("no controls", "无控制变量"),
    "TBI coefficient": ("coefficient of the trade benefit index", "贸易利益指数系数"),
    "specifications": ("specifications, by coefficient", "设定（按系数排序）"),
    "identified": ("identified specification", "识别的设定"),
    "chosen": ("choice of data.toml", "data.toml的选择"),
    "excludes 0": ("interval excludes 0", "区间不含0"),
    "includes 0": ("interval includes 0", "区间含0"),
    "true": ("true value", "真实值"),
    "estimate": ("estimate", "估计值"),
    "CV1, t(G-1): the paper's": ("CV1, t(G-1): the paper's", "聚类稳健t(G-1)：原文"),
    "CV3, jackknife": ("CV3, jackknife", "刀切法CV3"),
    "wild bootstrap, Webb": ("wild bootstrap, Webb", "野聚类自助法（Webb）"),
    "pairs bootstrap, percentile": ("pairs bootstrap, percentile", "成对聚类自助法"),
    "each country left out": ("each country left out", "逐一剔除国家"),
    # words of a report
    "Table": ("Table", "表"),
    "Figure": ("Figure", "图"),
    "Contents": ("Contents", "目录"),
    # titles, without the number
    "comparison title": (
        "The paper beside tivax: Table {table}, columns {columns}",
        "原文与本文复算对比：表{table}第{columns}列",
    ),
    "table 1": (
        "Trade benefit index of the major economies",
        "主要经济体贸易利益指数",
    ),
    "table 3": ("Baseline regressions", "基准回归结果"),
    "table 4": ("By level of development", "分样本回归结果"),
    "table 5": ("Mechanisms", "拓展性分析"),
    "table 6": ("Mechanisms by level of development", "分样本的拓展分析"),
    "figure 1": (
        "Globalisation indices, 2000 to 2014",
        "2000—2014年全球化指数变动趋势",
    ),
}


def label(code: str, language: Language = "en") -> str:
    """The name of a code in that language; the code itself where there is none."""
    if code not in _LABELS:
        return code
    return _LABELS[code][get_args(Language).index(language)]


def numbered(kind: str, number: int | str, language: Language = "en") -> str:
    """``Table 3``, 表3."""
    return f"{label(kind, language)}{' ' if language == 'en' else ''}{number}"


def require_language(name: str) -> Language:
    """The language of that name; ``TivaxError`` lists those there are."""
    for known in get_args(Language):
        if name == known:
            return known
    raise TivaxError(f"--language {name}: choose from {', '.join(get_args(Language))}")
