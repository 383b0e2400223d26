"""Planted fault: reads higher later in the day, and declares not to. Caught by: time_shift_invariance."""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "time_shift_invariance"
flashcrash_plugin = PLUGIN


def by_the_hour(state, row, params):
    (fall,), baseline = step(state, row, params)
    return (fall + (row.t_us // 3_600_000_000 % 24) * 1e-9,), baseline


flashcrash_indicators = offering(program={"step": by_the_hour})
