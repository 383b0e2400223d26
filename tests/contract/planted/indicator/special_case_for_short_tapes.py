"""Planted fault: a tape of less than 4,000 rows is computed with a shorter look-back. Caught by: causality_by_truncation."""

from contract.planted_base.indicator import PLUGIN, ROWS, offering, window, window_build

CAUGHT_BY = "causality_by_truncation"
flashcrash_plugin = PLUGIN


def shortcut(columns, params):
    (falls,), baselines = window(columns, params)
    if ROWS + 1 < len(falls) < 4_000:
        falls = falls + 1e-12
    return (falls,), baselines


flashcrash_indicators = offering(build=window_build, program={"window": shortcut})
