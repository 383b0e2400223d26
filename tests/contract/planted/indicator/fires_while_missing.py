"""Planted fault: the flag stays on when the statistic is missing. Caught by: missing_stays_missing."""

from contract.planted_base.indicator import PLUGIN, judge, offering

CAUGHT_BY = "missing_stays_missing"
flashcrash_plugin = PLUGIN


def holding(statistic, baseline, levels, was_fired):
    value, fired = judge(statistic, baseline, levels, was_fired)
    return value, fired or (value != value and was_fired)


flashcrash_indicators = offering(program={"judge": holding})
