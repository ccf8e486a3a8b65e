"""Gross exports in sixteen terms (Wang, Wei and Zhu 2013, NBER 19677) and in nine
(Koopman, Wang and Wei 2014, American Economic Review 104: 459-494).

For exports of s to r, with the symbols of ``kernels.inverted_table`` and sums over
third perimeters t, w, neither s nor r:

    DVA_FIN       h Y_sr                         final goods
    DVA_INT       u A_sr B_rr Y_rr               inputs that r absorbs
    DVA_INTrexI1  u A_sr sum B_rt Y_tt           r passes on as inputs
    DVA_INTrexF   u A_sr B_rr sum Y_rt           r passes on as final goods
    DVA_INTrexI2  u A_sr sum B_rt Y_tw           as inputs of final goods for w (or r)
    RDV_FIN       u A_sr B_rr Y_rs               returns as final goods from r
    RDV_FIN2      u A_sr sum B_rt Y_ts           ... from t
    RDV_INT       u A_sr B_rs Y_ss               returns as inputs
    DDC_FIN       u A_sr B_rs sum Y_st           returns and is exported again, final
    DDC_INT       (h - u) A_sr x_r               ... as inputs
    MVA_FIN       v_r B_rs Y_sr                  value added of r itself
    MVA_INT       v_r B_rs A_sr L_r Y_rr
    MDC           v_r B_rs A_sr L_r e_r
    OVA_FIN, OVA_INT, ODC                        the same of third ones, sum v_t B_ts

They add up to E_sr. Every term costs a product of n x n with n x c or less.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .inverted_table import InvertedTable, Terms, abroad_only
from .operators import multiply

# Table E2 of Wang, Wei and Zhu: the nine terms as sums of the sixteen.
KWW_TERMS = {
    "DVA_FIN": ("DVA_FIN",),
    "DVA_INT": ("DVA_INT", "DVA_INTrexI1"),
    "DVA_INTrex": ("DVA_INTrexF", "DVA_INTrexI2"),
    "RDV_FIN": ("RDV_FIN", "RDV_FIN2"),
    "RDV_INT": ("RDV_INT",),
    "DDC": ("DDC_FIN", "DDC_INT"),
    "FVA_FIN": ("OVA_FIN", "MVA_FIN"),
    "FVA_INT": ("OVA_INT", "MVA_INT"),
    "FDC": ("ODC", "MDC"),
}
WWZ_TERMS = tuple(term for parts in KWW_TERMS.values() for term in parts)


def wang_wei_zhu(world: InvertedTable) -> Terms:
    """The sixteen terms of each industry's exports to each buyer."""
    borders = world.borders
    member, abroad = borders.member, borders.abroad
    h, f, u = world.multipliers
    at_home, final = world.final_at_home, world.final_exports
    own, shipped = borders.own(world.Y), final.sum(axis=1)

    # Final demand that column s sees, and the output it takes in the perimeter of the
    # final producer (near) and in others (far).
    seen = jnp.stack(
        [
            abroad * own[:, None],  # of t for its own goods
            abroad * (shipped[:, None] - final),  # of all but s for goods of t
            final,  # of s for goods of t
            at_home,  # of s for its own goods
            member * shipped[:, None],  # of others for goods of s
        ],
        axis=1,
    )
    everywhere = _output_for(world, own, shipped)
    near = multiply(borders.inside(world.B), seen)
    far = everywhere - near
    # Rows of s are not third ones.
    inputs = jnp.stack(
        [
            abroad * far[:, 0],
            abroad * near[:, 1],
            abroad * far[:, 1],
            abroad * near[:, 2],
            abroad * far[:, 2],
            far[:, 3],
            far[:, 4],
        ],
        axis=1,
    )
    sold = borders.buyers(world.Z, world.scale[:, None, None] * inputs)
    names = WWZ_TERMS[2:9]
    terms = {name: u * sold[:, k] for k, name in enumerate(names)}
    terms["DVA_FIN"] = h * final
    L = world.L
    once, ends, passes = world.inputs(
        borders.own(near[:, 3]), multiply(L, own), multiply(L, world.total_exports)
    )
    terms["DVA_INT"] = u * once
    terms["DDC_INT"] = (h - u) * (world.exports - final)

    buyer = world.content * abroad  # of r in exports of s
    others = f - buyer
    for letter, content in (("M", buyer), ("O", others)):
        terms[f"{letter}VA_FIN"] = content * final
        terms[f"{letter}VA_INT"] = content * ends
        terms[f"{letter}DC"] = content * passes
    return abroad_only(world, {name: terms[name] for name in WWZ_TERMS})


def _output_for(
    world: InvertedTable, own: Float[Array, " n"], shipped: Float[Array, " n"]
) -> Float[Array, "n 5 c"]:
    """B times the columns of ``seen``, from one pass over B: all final demand takes
    X, and what all but s demand is what all demand less what s does."""
    of_own, of_shipped = world.borders.by_buyer(world.B, own, shipped)
    of_final = world.X - of_own
    columns = [
        of_own.sum(axis=1, keepdims=True) - of_own,
        of_shipped.sum(axis=1, keepdims=True) - of_shipped - of_final,
        of_final,
        of_own,
        of_shipped,
    ]
    return jnp.stack(columns, axis=1)


def koopman_wang_wei(world: InvertedTable) -> Terms:
    """The nine terms, from the sixteen; the authors define their sum over buyers."""
    sixteen = wang_wei_zhu(world)
    return {
        name: sum((sixteen[k] for k in parts[1:]), sixteen[parts[0]])
        for name, parts in KWW_TERMS.items()
    }
