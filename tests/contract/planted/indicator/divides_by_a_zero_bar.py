"""Planted fault: divides by the traded money of a bar that has trades. Caught by: missing_and_zero_fields."""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "missing_and_zero_fields"
flashcrash_plugin = PLUGIN


def dividing(state, row, params):
    if row.bar_trades:
        _ = 1.0 / row.bar_notional
    return step(state, row, params)


flashcrash_indicators = offering(program={"step": dividing})
