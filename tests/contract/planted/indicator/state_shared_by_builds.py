"""Planted fault: all programs of the process, one per symbol, work on one state. Caught by: determinism_across_builds."""

from contract.planted_base.indicator import PLUGIN, new_state, offering, step_build

CAUGHT_BY = "determinism_across_builds"
flashcrash_plugin = PLUGIN
SHARED = new_state()


def build(config, context, **changes):
    fresh = new_state()
    for part, values in zip(SHARED, fresh, strict=True):
        part[:] = values
    return step_build(config, context, **changes | {"state": SHARED})


flashcrash_indicators = offering(build=build)
