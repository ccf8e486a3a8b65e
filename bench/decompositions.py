"""Exports decomposed, against closed forms written in numpy.

The same terms for every industry and buyer, from the same tables in memory: by
``decomposed_years``, labels, checks and identity included, a year at a time, and by
numpy with the inverse of LAPACK. The closed forms are cheap: after the inverse, no
product of two n x n matrices.

``bare products`` is one product of two n x n matrices, for methods that need B: the
inverse by block elimination makes as many operations (2 n^3, LAPACK's a third more), so
that nothing that forms it can take less.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..engine.measures import decomposed_years
from ..engine.tables import WorldTables
from ..kernels.leontief import input_coefficients
from ..kernels.wang_wei_zhu import KWW_TERMS, WWZ_TERMS
from .harness import Case

Terms = dict[str, Float[np.ndarray, "n c"]]
Matrix = Float[np.ndarray, "n c"]
Columns = Float[np.ndarray, "n k"]

# Neither measured here nor by this program: without a row and a ratio.
RECORDED = (
    "recorded, not measured here (earlier notes of the project, machine unknown): R "
    "decompr 20 s and intrade 38 s a year, R exvatools 1.8 s an exporter, the one "
    "Python package that has the sixteen terms 72 s and 1.7 GB a year"
)
NO_PYMRIO = "pymrio 0.7 has no such decomposition"
BARE = "bare products, 1 year"


class ClosedForms:
    """One year by numpy, symbols of ``kernels.inverted_table``; ``r``: row regions."""

    def __init__(
        self,
        Z: Float[np.ndarray, "n n"],
        x: Float[np.ndarray, " n"],
        Y: Float[np.ndarray, "n c"],
    ) -> None:
        n, c = Y.shape
        s = n // c
        self.shape, self.Y = (c, s), Y
        self.r = np.arange(n) // s
        self.A = A = Z * np.divide(1, x, out=np.zeros_like(x), where=x > 0)
        v = np.where(x > 0, 1 - A.sum(axis=0), 0)
        self.B = B = np.linalg.inv(np.eye(n) - A)
        at = np.arange(c)
        self.A_home = A.reshape(c, s, c, s)[at, :, at, :]
        self.B_home = B.reshape(c, s, c, s)[at, :, at, :]
        self.L = np.linalg.inv(np.eye(s) - self.A_home)
        self.member = np.repeat(np.eye(c), s, axis=0)
        self.abroad = 1 - self.member
        self.content = B.T @ (v[:, None] * self.member)
        self.domestic_content = self.own(self.content)
        self.foreign_content = self.content.sum(axis=1) - self.domestic_content
        self.dva_multiplier = (v.reshape(c, 1, s) @ self.L).ravel()
        self.X = B @ Y
        self.output = self.X.sum(axis=1)
        sold = Y + A @ (self.member * self.output[:, None])
        self.E = sold * self.abroad * (x > 0)[:, None]
        self.final = Y * self.abroad
        self.at_home = Y * self.member

    def own(self, Q: Matrix) -> Float[np.ndarray, " n"]:
        return Q[np.arange(len(Q)), self.r]

    def inside(self, blocks: Float[np.ndarray, "c s s"], Q: Columns) -> Columns:
        """A block-diagonal matrix times Q."""
        return (blocks @ Q.reshape(*self.shape, -1)).reshape(Q.shape)

    def far(self, Q: Columns) -> Columns:
        """B without its diagonal blocks, times Q."""
        return self.B @ Q - self.inside(self.B_home, Q)

    def buyers(self, Q: Matrix) -> Matrix:
        """Sum over j in r of A[i, j] Q[j, s], s the region of i."""
        c, s = self.shape
        sellers = self.A.reshape(c, s, c, s)
        weighted = [(sellers[k] * Q[:, k].reshape(c, s)).sum(2) for k in range(c)]
        return np.concatenate(weighted)


def wang_wei_zhu(w: ClosedForms) -> Terms:
    """Sixteen terms (Wang, Wei and Zhu 2013, appendix)."""
    contents = (w.domestic_content, w.foreign_content, w.dva_multiplier)
    h, f, u = (k[:, None] for k in contents)
    abroad, final = w.abroad, w.final
    shipped = final.sum(axis=1)[:, None]
    sold_home = abroad * w.own(w.Y)[:, None]
    sold_on = abroad * (shipped - final)
    near = {
        "home": w.inside(w.B_home, w.at_home),
        "on": w.inside(w.B_home, sold_on),
        "back": w.inside(w.B_home, final),
    }
    terms = {
        "DVA_FIN": h * final,
        "DVA_INT": u * (w.A @ near["home"]),
        "DVA_INTrexI1": u * w.buyers(abroad * w.far(sold_home)),
        "DVA_INTrexF": u * w.buyers(abroad * near["on"]),
        "DVA_INTrexI2": u * w.buyers(abroad * (w.B @ sold_on - near["on"])),
        "RDV_FIN": u * w.buyers(abroad * near["back"]),
        "RDV_FIN2": u * w.buyers(abroad * (w.B @ final - near["back"])),
        "RDV_INT": u * w.buyers(w.B @ w.at_home - near["home"]),
        "DDC_FIN": u * w.buyers(w.far(w.member * shipped)),
        "DDC_INT": (h - u) * (w.E - final),
    }
    ends = w.A @ w.inside(w.L, w.at_home)
    passes = w.A @ w.inside(w.L, w.member * w.E.sum(axis=1)[:, None])
    buyer = w.content * abroad
    for letter, content in (("M", buyer), ("O", f - buyer)):
        terms[f"{letter}VA_FIN"] = content * final
        terms[f"{letter}VA_INT"] = content * ends
        terms[f"{letter}DC"] = content * passes
    return {name: term * abroad for name, term in terms.items()}


def koopman_wang_wei(w: ClosedForms) -> Terms:
    """Nine terms, from the sixteen (Wang, Wei and Zhu 2013, Table E2)."""
    all16 = wang_wei_zhu(w)
    return {k: np.sum([all16[j] for j in of], axis=0) for k, of in KWW_TERMS.items()}


def source(w: ClosedForms) -> Terms:
    """Exporter's perspective, first crossing (Borin and Mancini 2019)."""
    c, s = w.shape
    E, u = w.E, w.dva_multiplier[:, None]
    DC, FC, DVA = w.domestic_content[:, None] * E, w.foreign_content[:, None] * E, u * E
    # f_s B_ss^-1 L_s
    kept = np.linalg.solve(w.B_home.mT, w.foreign_content.reshape(c, s, 1)).mT @ w.L
    FVA = kept.reshape(-1, 1) * E
    VAX = u * (E - w.buyers(w.X) * w.abroad)
    DAVAX = u * (w.final + w.A @ w.inside(w.L, w.at_home) * w.abroad)
    terms = {"GEXP": E, "VAX": VAX, "DAVAX": DAVAX, "REF": DVA - VAX}
    gvc = {"GVC": E - DAVAX, "GVCB": FC + DC - DVA, "GVCF": DVA - DAVAX}
    return {**terms, **_counted(DC, DVA, FC, FVA), **gvc}


def _counted(DC: Matrix, DVA: Matrix, FC: Matrix, FVA: Matrix) -> Terms:
    home = {"DC": DC, "DVA": DVA, "DDC": DC - DVA}
    return {**home, "FC": FC, "FVA": FVA, "FDC": FC - FVA}


def sink(w: ClosedForms) -> Terms:
    """Exporter's perspective, last crossing (Borin and Mancini 2019)."""
    first = np.linalg.solve(w.B_home, w.L)  # F^-1

    def to_others(Q: Columns) -> Columns:
        return w.A @ Q - w.inside(w.A_home, Q)

    def last(
        full: Float[np.ndarray, " n #c"],
        exports: Float[np.ndarray, "n 1"],
        demand: Float[np.ndarray, " n #c"],
    ) -> Matrix:
        cut = w.B @ (w.member * w.inside(first, exports))
        return w.buyers(w.inside(w.L, demand + to_others(full - cut))) * w.abroad

    x, demand, shipped = (Q.sum(axis=1, keepdims=True) for Q in (w.X, w.Y, w.final))
    to_all = w.final + last(x, shipped + to_others(x), demand)
    to_self = last(w.X, w.own(to_others(w.X))[:, None], w.final)
    h, f, E = w.domestic_content[:, None], w.foreign_content[:, None], w.E
    DC, FC, DVA, FVA, REF = h * E, f * E, h * to_all, f * to_all, h * to_self
    terms = {"GEXP": E, "VAX": DVA - REF, "REF": REF}
    return {**terms, **_counted(DC, DVA, FC, FVA)}


# Closed form, and the terms that add up to exports.
_NO_INVERSE = ("bm-source",)
_FORMS: dict[str, tuple[Callable[[ClosedForms], Terms], tuple[str, ...]]] = {
    "wwz": (wang_wei_zhu, WWZ_TERMS),
    "kww": (koopman_wang_wei, tuple(KWW_TERMS)),
    "bm-source": (source, ("VAX", "REF", "DDC", "FVA", "FDC")),
    "bm-sink": (sink, ("VAX", "REF", "DDC", "FVA", "FDC")),
}


def decomposition(method: str, tables: WorldTables, *, full: bool) -> Case:
    """One year and all years of a method, and one year in closed form.

    An answer has an array (terms, industries, buyers) for each year. Its error is the
    largest difference from the closed form, of the largest of each term, in the first
    and the last year, or what the parts miss of exports.
    """
    form, parts = _FORMS[method]
    Z, x, Y = tables.Z[:], tables.x[:], tables.final_demand()

    @cache
    def by_numpy(k: int) -> tuple[Terms, Matrix]:
        w = ClosedForms(Z[k], x[k], Y[k])
        return form(w), w.E

    terms = list(by_numpy(0)[0])
    adding = [terms.index(k) for k in parts]

    def by_tivax(some: WorldTables) -> list[list[Matrix]]:
        n = some.n
        return [
            [part[k].values[t].reshape(n, -1) for k in terms]
            for part in decomposed_years(some, method)
            for t in range(part.sizes["year"])
        ]

    first_year = partial(ClosedForms, Z[0], x[0], Y[0])
    A = input_coefficients(jnp.asarray(Z[0]), jnp.asarray(x[0]))
    squared = jax.jit(lambda A: A @ A)
    limits = {} if method in _NO_INVERSE else {BARE: lambda: squared(A)}

    def error(answer: Any) -> float:
        worst = 0.0
        for k in {0, len(answer) - 1}:
            expected, E = by_numpy(k)
            own = [np.asarray(term) for term in answer[k]]
            worst = max(worst, _gap(np.sum([own[j] for j in adding], axis=0), E))
            pairs = zip(own, expected.values(), strict=True)
            worst = max(worst, *(_gap(a, b) for a, b in pairs))
        return worst

    years = len(tables.years)
    first = tables.select(tables.years[0], tables.years[0])
    one, every = "tivax, 1 year", f"tivax, {years} years"
    baseline = "numpy closed form, 1 year"
    return Case(
        method.replace("-", "_"),
        {
            one: lambda: by_tivax(first),
            every: lambda: by_tivax(tables),
            baseline: lambda: [[*form(first_year()).values()]],
            **limits,
        },
        baseline=baseline,
        error=error,
        rounds=5 if full else 3,
        repeats={every: years},
        notes=(RECORDED, NO_PYMRIO) if method == "wwz" else (NO_PYMRIO,),
        limits=tuple(limits),
    )


def _gap(a: Matrix, b: Matrix) -> float:
    return float(np.abs(a - b).max() / np.abs(b).max())
