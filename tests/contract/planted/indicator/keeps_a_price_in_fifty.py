"""Planted fault: keeps the price of every fiftieth row, half a byte a row. Caught by: memory_growth."""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "memory_growth"
flashcrash_plugin = PLUGIN


def hoarding(state, row, params):
    if row.t_us // 100_000 % 50 == 0:
        state.mean_move.append(row.price + 0.5)
    return step(state, row, params)


flashcrash_indicators = offering(program={"step": hoarding})
