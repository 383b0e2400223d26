"""Planted fault: a table by trades per second holds what the market does, not what a feed that repeats itself makes of it.

Caught by: duplicated_events.
"""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "duplicated_events"
flashcrash_plugin = PLUGIN
TABLE = [0.0] * 186


def counting(state, row, params):
    if row.buy_notional < 60_000.0 and row.high - row.low < 0.002 * row.price:
        _ = TABLE[min(row.bar_trades, 195)]
    return step(state, row, params)


flashcrash_indicators = offering(program={"step": counting})
