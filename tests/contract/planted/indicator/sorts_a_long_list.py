"""Planted fault: once in a while works through 20,000 numbers in every row for half a minute. Caught by: time_budget."""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "time_budget"
flashcrash_plugin = PLUGIN
NUMBERS = [float(i * 7919 % 20_011) for i in range(20_000)]


def laborious(state, row, params):
    if 2_000 < row.t_us // 100_000 % 3_600 < 2_400:
        sorted(NUMBERS)
    return step(state, row, params)


flashcrash_indicators = offering(program={"step": laborious})
