"""Planted fault: each step asks the wall clock. Caught by: no_io_no_clock."""

from time import perf_counter

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "no_io_no_clock"
flashcrash_plugin = PLUGIN


def timed(state, row, params):
    perf_counter()
    return step(state, row, params)


flashcrash_indicators = offering(program={"step": timed})
