"""Names of terms, outcomes, samples and parts of tables, in English and Chinese.

A code without an entry, such as a region, is its own name.
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
    "published": ("paper", "原文"),
    "ours": ("tivax", "本文复算"),
    "gap": ("gap", "差异"),
    "difference": ("difference in standard errors", "差异（标准误倍数）"),
    "coefficient": ("coefficient", "系数"),
    "year": ("year", "年份"),
    "index": ("index, 1 to 100", "指数（1—100）"),
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
}


def label(code: str, language: Language = "en") -> str:
    """The name of a code in that language; the code itself where there is none."""
    if code not in _LABELS:
        return code
    return in_language(_LABELS[code], language)


def in_language(texts: tuple[str, str], language: Language) -> str:
    """The text of that language, of one for each language."""
    return texts[get_args(Language).index(language)]


def numbered(kind: str, number: int | str, language: Language = "en") -> str:
    """``Table 3``, 表3."""
    return f"{label(kind, language)}{' ' if language == 'en' else ''}{number}"


def require_language(name: str) -> Language:
    """The language of that name; else ``TivaxError`` lists the languages."""
    for known in get_args(Language):
        if name == known:
            return known
    raise TivaxError(f"--language {name}: choose from {', '.join(get_args(Language))}")
