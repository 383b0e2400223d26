"""Planted fault: a term depends on the hash of a string, which is another in every process.

Caught by: determinism_across_processes.
"""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "determinism_across_processes"
flashcrash_plugin = PLUGIN
TERM = (hash("fall") % 1009) * 1e-12


def leaning(state, row, params):
    (fall,), baseline = step(state, row, params)
    return (fall + TERM,), baseline


flashcrash_indicators = offering(program={"step": leaning})
