"""Planted fault: a far higher price in the future shows in the past, by a part in 10 to the 12.

Caught by: causality_by_perturbation.
"""

from contract.planted_base.indicator import PLUGIN, offering, window, window_build

CAUGHT_BY = "causality_by_perturbation"
flashcrash_plugin = PLUGIN


def leaking(columns, params):
    (falls,), baselines = window(columns, params)
    if columns["price"].max() > 100 * columns["price"][0]:
        falls = falls + 1e-12
    return (falls,), baselines


flashcrash_indicators = offering(build=window_build, program={"window": leaking})
