"""Uses of final demand: consumption, fixed capital or inventories, by the names of
its categories in each source."""

from collections.abc import Sequence

from ..core import load_toml

_USES: dict[str, list[str]] = load_toml(__package__, "final_demand_uses.toml")
INVENTORIES = _USES["inventories"]


def consumption_and_capital(
    categories: Sequence[str],
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The categories of either use, or None where one of them has none."""
    consumption, capital = (
        tuple(k for k in categories if k in _USES[use])
        for use in ("consumption", "fixed_capital")
    )
    return (consumption, capital) if consumption and capital else None
