"""Small economies whose equilibria are worked out by hand."""

import numpy as np

import tivax as tx


def two_regions(trade: list[list[float]], theta: float = 4.0) -> tx.Economy:
    """A and B, by what each row buys of each column: one sector, no inputs, tariffs or
    deficits."""
    flows = np.array(trade, float)[:, :, None]
    return tx.Economy(
        regions=("A", "B"),
        sectors=("goods",),
        trade=flows,
        tariff=0 * flows,
        tariff_new=0 * flows,
        intermediate=np.zeros((2, 1, 1)),
        final=flows.sum(axis=1),
        value_added=flows.sum(axis=0),
        deficit=np.zeros(2),
        theta=np.array([theta]),
    )
