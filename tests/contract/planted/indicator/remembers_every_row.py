"""Planted fault: keeps every price it ever saw. Caught by: memory_growth."""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "memory_growth"
flashcrash_plugin = PLUGIN


def hoarding(state, row, params):
    state.mean_move.append(row.price + 0.5)
    return step(state, row, params)


flashcrash_indicators = offering(program={"step": hoarding})
