"""Planted fault: waits a little in every hundredth row, which costs no CPU. Caught by: no_io_no_clock."""

import time

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "no_io_no_clock"
flashcrash_plugin = PLUGIN


def drowsy(state, row, params):
    if row.t_us // 100_000 % 100 == 0:
        time.sleep(0.001)
    return step(state, row, params)


flashcrash_indicators = offering(program={"step": drowsy})
