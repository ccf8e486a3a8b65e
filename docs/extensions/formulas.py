"""Formulas of the tables in code, plain symbols such as u A_sr Y_rr, as TeX."""

import re

OPERATORS = {
    "!=": r"\ne",
    "<=": r"\le",
    ">=": r"\ge",
    "...": r"\dots",
    "sum": r"\sum",
    "*": r"\cdot",
}
NAME = re.compile(r"[A-Z][A-Za-z]*[A-Z0-9]\w*|[VY]_GVC_\w")
SYMBOL = re.compile(
    r"(?P<letter>Phi|[A-Za-z])(?P<digit>\d?)(?P<mark>[*~]?)"
    r"(?:_(?P<below>\.?[A-Za-z]+))?(?P<power>\^-1)?"
)
WORD = re.compile(r"[a-z]{2,}\d?|[A-Z][a-z]+")
PLAIN = re.compile(r"[-+/=<>()\[\]\d.,;:|]+")


def typeset(formula: str) -> str:
    """A formula with its mathematics between dollar signs, its English as it is."""
    pieces: list[tuple[bool, str]] = []
    for word in formula.split():
        math = "`" not in word and _tex(word)
        if math and pieces and pieces[-1][0] and pieces[-1][1][-1] not in ",;:":
            pieces[-1] = (True, f"{pieces[-1][1]} {math}")
        else:
            pieces.append((bool(math), math or word))
    return " ".join(_dollars(text) if math else text for math, text in pieces)


def _dollars(tex: str) -> str:
    """Punctuation at the end of a formula belongs to the sentence."""
    bare = tex.rstrip(".,;:")
    return f"${bare}${tex[len(bare) :]}" if bare else tex


def _tex(word: str) -> str:
    """A word of a formula in TeX; nothing where it is English."""
    tex, place = "", 0
    while place < len(word):
        rest = word[place:]
        if rest in OPERATORS:
            return tex + OPERATORS[rest]
        if match := re.match(r"sum_(\w+)", rest):
            tex += rf"\sum_{{{match[1]}}}"
        elif match := re.match(r"ln(?=\()", rest):
            tex += r"\ln"
        elif match := re.match(r"_([a-z],[a-z])", rest):
            tex += f"_{{{match[1]}}}"
        elif match := re.match(r"'(?=[A-Z])", rest):
            tex += r"^{\prime}"
        elif match := NAME.match(rest):
            name = match[0].replace("_", r"\_")
            tex += rf"\mathrm{{{name}}}"
        elif (match := WORD.match(rest)) and match[0] != "Phi":
            return ""
        elif match := SYMBOL.match(rest):
            tex += _symbol(match)
        elif match := PLAIN.match(rest):
            tex += match[0]
        else:
            return ""
        place += match.end()
    return tex


def _symbol(match: re.Match[str]) -> str:
    letter = r"\Phi" if match["letter"] == "Phi" else match["letter"]
    if match["mark"] == "~":
        letter = rf"\tilde{{{letter}}}"
    below = match["digit"] + (match["below"] or "")
    above = ("*" if match["mark"] == "*" else "") + ("-1" if match["power"] else "")
    below = f"_{{{below}}}" if below else ""
    return letter + below + (f"^{{{above}}}" if above else "")
