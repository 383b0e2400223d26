"""Planted fault: the judged value is smoothed with the last one asked for. Caught by: judgement_is_pure."""

from contract.planted_base.indicator import PLUGIN, judge, offering

CAUGHT_BY = "judgement_is_pure"
flashcrash_plugin = PLUGIN
LAST = [0.0]


def smoothing(statistic, baseline, levels, was_fired):
    value, fired = judge(statistic, baseline, levels, was_fired)
    if value != value:
        return value, fired
    LAST[0] = 0.5 * (LAST[0] + value)
    return LAST[0], fired


flashcrash_indicators = offering(program={"judge": smoothing})
