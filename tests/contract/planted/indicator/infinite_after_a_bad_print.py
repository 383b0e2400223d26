"""Planted fault: a trade more than a tenth off the market makes the reading infinite. Caught by: finite_readings."""

from math import inf

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "finite_readings"
flashcrash_plugin = PLUGIN


def startled(state, row, params):
    (fall,), baseline = step(state, row, params)
    if abs(row.last_trade - row.price) > 0.1 * row.price:
        return (-inf,), baseline
    return (fall,), baseline


flashcrash_indicators = offering(program={"step": startled})
