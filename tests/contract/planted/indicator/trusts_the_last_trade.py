"""Planted fault: takes a last trade off the mid by more than 0.75 % for impossible, unless it is a bad print.

Caught by: reordered_events.
"""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "reordered_events"
flashcrash_plugin = PLUGIN


def trusting(state, row, params):
    off = abs(row.last_trade / row.price - 1.0)
    if 0.0075 < off < 0.1:
        raise ValueError("trade away from the market")
    return step(state, row, params)


flashcrash_indicators = offering(program={"step": trusting})
