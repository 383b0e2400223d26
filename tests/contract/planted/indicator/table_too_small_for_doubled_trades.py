"""Planted fault: a table holds the busiest second of a market, not that of a feed that repeats every other trade.

Caught by: duplicated_events.
"""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "duplicated_events"
flashcrash_plugin = PLUGIN
SECONDS_BY_TRADES = [0.0] * 240


def counting(state, row, params):
    if row.bar_trades < 1_000:
        SECONDS_BY_TRADES[row.bar_trades] = row.price
    return step(state, row, params)


flashcrash_indicators = offering(program={"step": counting})
