"""Planted fault: waits for a sample size that never comes. Caught by: ready_after_warmup."""

from math import nan

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "ready_after_warmup"
flashcrash_plugin = PLUGIN


def waiting(state, row, params):
    step(state, row, params)
    return (nan,), (nan,)


flashcrash_indicators = offering(program={"step": waiting})
